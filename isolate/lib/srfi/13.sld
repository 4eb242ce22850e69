;; (srfi 13): strings.
(define-library (srfi 13)
  (export
    string? string-null? string-every string-any make-string string string-tabulate string-unfold string-unfold-right
    string->list list->string reverse-list->string string-length string-ref string-copy substring/shared string-copy!
    string-take string-take-right string-drop string-drop-right string-pad string-pad-right string-trim
    string-trim-right string-trim-both string-compare string-compare-ci string-prefix-length string-suffix-length
    string-prefix-length-ci string-suffix-length-ci string-prefix? string-suffix? string-prefix-ci? string-suffix-ci?
    string-index string-index-right string-skip string-skip-right string-count string-contains string-contains-ci
    string-titlecase string-titlecase! string-upcase string-upcase! string-downcase string-downcase! string-reverse string-reverse! string-append string-append/shared
    string-concatenate string-concatenate/shared string-concatenate-reverse string-concatenate-reverse/shared
    string-map string-map! string-fold string-fold-right string-for-each string-for-each-index xsubstring
    string-xcopy! string-replace string-tokenize string-filter string-delete string-set! string-fill! string-join
    string= string<> string< string> string<= string>= string-ci= string-ci<> string-ci< string-ci> string-ci<=
    string-ci>= string-hash string-hash-ci
    string-parse-start+end string-parse-final-start+end let-string-start+end check-substring-spec substring-spec-ok?
    make-kmp-restart-vector kmp-step string-kmp-partial-search)
  (import
    (except (islet core)
            string-pad string-pad-right string-trim string-trim-right string-trim-both string-replace string-prefix?
            string-suffix? string-index string-index-right string-contains string-upcase string-downcase)
    (prefix (only (islet core) string-upcase string-downcase) whole:)
    (islet argument)
    (islet kmp)
    (only (islet list) for-each)
    (prefix (only (islet sequence) string-map string-for-each) r7rs:)
    (prefix (only (islet hash-table) string-hash string-ci-hash) bounded:)
    (rename (except (islet string) string-map*) (string-copy-parts! string-xcopy!)))
  (begin

    (define-optional (substring/shared s start) ((end (checked-string-length 'substring/shared 1 s)))
      (check-range 'substring/shared 2 start end (checked-string-length 'substring/shared 1 s))
      (substring s start end))
    (define-syntax define-relations
      (syntax-rules ()
        ((_ (name ci-name less equal greater) ...)
         (begin
           (begin
             (define (name s1 s2 . bounds) (string-relation 'name char<? char=? less equal greater s1 s2 bounds))
             (define (ci-name s1 s2 . bounds)
               (string-relation 'ci-name char-ci<? char-ci=? less equal greater s1 s2 bounds)))
           ...))))
    (define-relations
      (string= string-ci= #f #t #f)
      (string<> string-ci<> #t #f #t)
      (string< string-ci< #t #f #f)
      (string> string-ci> #f #f #t)
      (string<= string-ci<= #t #t #f)
      (string>= string-ci>= #f #t #t))

    (define-optional (string-hash s) ((bound 0) (start 0) (end (checked-string-length 'string-hash 1 s)))
      (check-size 'string-hash 2 bound)
      (check-range 'string-hash 3 start end (checked-string-length 'string-hash 1 s))
      (if (eqv? bound 0) (bounded:string-hash (substring s start end)) (bounded:string-hash (substring s start end) bound)))
    (define-optional (string-hash-ci s) ((bound 0) (start 0) (end (checked-string-length 'string-hash-ci 1 s)))
      (check-size 'string-hash-ci 2 bound)
      (check-range 'string-hash-ci 3 start end (checked-string-length 'string-hash-ci 1 s))
      (if (eqv? bound 0)
          (bounded:string-ci-hash (substring s start end))
          (bounded:string-ci-hash (substring s start end) bound)))

    (define string-append/shared string-append)
    (define string-concatenate/shared string-concatenate)
    (define string-concatenate-reverse/shared string-concatenate-reverse)

    (define-optional (xsubstring s from)
      ((to #f) (start 0) (end (checked-string-length 'xsubstring 1 s)))
      (check-replicated 'xsubstring 1 s from to start end)
      (string-replicate s from (or to (+ from (- end start))) start end))

    ;; With bounds as in SRFI 13, or with several strings as in R7RS.
    (define string-map
      (case-lambda
        ((f s) (r7rs:string-map f s))
        ((f s . more)
         (if (string? (car more))
             (apply r7rs:string-map f s more)
             (r7rs:string-map f (apply substring s (checked-bounds 'string-map s more)))))))

    (define string-for-each
      (case-lambda
        ((f s) (r7rs:string-for-each f s))
        ((f s . more)
         (if (string? (car more))
             (apply r7rs:string-for-each f s more)
             (r7rs:string-for-each f (apply substring s (checked-bounds 'string-for-each s more)))))))

    (define (checked-bounds who s bounds)
      (let* ((n (checked-string-length who 2 s))
             (end (if (pair? (cdr bounds)) (cadr bounds) n)))
        (check-range who 3 (car bounds) end n)
        (if (and (pair? (cdr bounds)) (pair? (cddr bounds)))
            (failure who "takes at most a start and an end" bounds))
        (list (car bounds) end)))

    (define (map-range! who f s start end)
      (let loop ((i start))
        (if (< i end)
            (let ((c (f (string-ref s i))))
              (if (not (char? c)) (failure who "the procedure returned something that is not a character:" c))
              (string-set! s i c)
              (loop (+ i 1))))))

    (define-ranged checked-string-length (string-map! f s) (s 2) (start end 3)
      (check-procedure 'string-map! 1 f)
      (map-range! 'string-map! f s start end))

    ;; ---- Case. In place each character stays one, so that there only what char-upcase and char-downcase say is done.

    (define-ranged checked-string-length (string-upcase s) (s 1) (start end 2)
      (whole:string-upcase (substring s start end)))

    (define-ranged checked-string-length (string-downcase s) (s 1) (start end 2)
      (whole:string-downcase (substring s start end)))

    (define-ranged checked-string-length (string-upcase! s) (s 1) (start end 2)
      (map-range! 'string-upcase! char-upcase s start end))

    (define-ranged checked-string-length (string-downcase! s) (s 1) (start end 2)
      (map-range! 'string-downcase! char-downcase s start end))

    (define-ranged checked-string-length (string-titlecase! s) (s 1) (start end 2)
      (string-copy! s start (string-titlecase s start end)))

    ;; ---- For procedures with optional bounds

    (define (substring-spec-ok? s start end)
      (and (string? s)
           (exact-integer? start)
           (exact-integer? end)
           (<= 0 start end (string-length s))))

    ;; A condition says on behalf of which procedure it is raised: a procedure, or its name.
    (define (name-of object fallback)
      (cond ((symbol? object) object)
            ((and (procedure? object) (symbol? (procedure-name object))) (procedure-name object))
            (else fallback)))

    (define (check-bounds who s start end)
      (if (not (string? s)) (raise (%make-condition 'wrong-type who "should be given a string" (list s))))
      (for-each (lambda (bound)
                  (if (not (exact-integer? bound))
                      (raise (%make-condition 'wrong-type who "should be given bounds that are exact integers"
                                              (list bound)))))
                (list start end))
      (if (not (<= 0 start end (string-length s)))
          (raise (%make-condition 'range who
                                  (string-append "the bounds are not within the string, of length "
                                                 (number->string (string-length s)))
                                  (list start end)))))

    (define (check-substring-spec proc s start end)
      (check-bounds (name-of proc 'check-substring-spec) s start end))

    ;; Calls f with what is left of the arguments, the start and the end.
    (define (parse-bounds who fallback s arguments f)
      (let ((who (name-of who fallback)))
        (if (not (list? arguments))
            (raise (%make-condition 'wrong-type who "the optional arguments should be a proper list" (list arguments))))
        (check-bounds who s 0 0)
        (let* ((start (if (pair? arguments) (car arguments) 0))
               (rest (if (pair? arguments) (cdr arguments) '()))
               (end (if (pair? rest) (car rest) (string-length s))))
          (check-bounds who s start end)
          (f (if (pair? rest) (cdr rest) '()) start end))))

    (define (string-parse-start+end proc s arguments)
      (parse-bounds proc 'string-parse-start+end s arguments values))

    (define (string-parse-final-start+end proc s arguments)
      (parse-bounds proc 'string-parse-final-start+end s arguments
                    (lambda (rest start end)
                      (if (pair? rest)
                          (failure (name-of proc 'string-parse-final-start+end) "takes at most a start and an end" arguments))
                      (values start end))))

    (define-syntax let-string-start+end
      (syntax-rules ()
        ((_ (start end) proc s arguments body0 body ...)
         (call-with-values (lambda () (string-parse-final-start+end proc s arguments))
           (lambda (start end) body0 body ...)))
        ((_ (start end rest) proc s arguments body0 body ...)
         (call-with-values (lambda () (string-parse-start+end proc s arguments))
           (lambda (rest start end) body0 body ...)))))))
