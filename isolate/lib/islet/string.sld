;; Strings (SRFI 152, and SRFI 13 as far as it is still in use). Where a character is to be judged, all of them take what
;; SRFI 13 does: a character, a character set, or a predicate.
(define-library (islet string)
  (export
    string-every string-any string-tabulate string-unfold string-unfold-right reverse-list->string
    string-pad string-pad-right string-trim string-trim-right string-trim-both string-replace
    string-prefix-length string-suffix-length string-prefix? string-suffix?
    string-index string-index-right string-skip string-skip-right string-contains string-contains-right
    string-take-while string-take-while-right string-drop-while string-drop-while-right string-span string-break
    string-concatenate-reverse string-fold string-fold-right string-count string-filter string-remove
    string-replicate string-segment string-map*
    ;; SRFI 13 only
    string-delete string-reverse! string-titlecase string-tokenize string-for-each-index string-copy-parts! check-replicated
    string-prefix-length-ci string-suffix-length-ci string-prefix-ci? string-suffix-ci? string-contains-ci
    string-compare string-compare-ci string-relation)
  (import
    (except (islet core)
            string-pad string-pad-right string-trim string-trim-right string-trim-both string-replace string-prefix?
            string-suffix? string-index string-index-right string-contains)
    (prefix (only (islet core)
                  string-pad string-pad-right string-trim string-trim-right string-trim-both string-replace
                  string-prefix? string-suffix? string-index string-index-right string-contains)
            native:)
    (islet argument) (islet char-set) (islet list))
  (begin

    ;; Calls f with the ranges [start1, end1) and [start2, end2), given as an optional list, of two strings that are
    ;; arguments 1 and 2.
    (define (with-ranges who s1 s2 options f)
      (check-string who 1 s1)
      (check-string who 2 s2)
      (let* ((n1 (string-length s1))
             (n2 (string-length s2))
             (take (lambda (k default) (if (> (length options) k) (list-ref options k) default)))
             (start1 (take 0 0))
             (end1 (take 1 n1))
             (start2 (take 2 0))
             (end2 (take 3 n2)))
        (check-range who 3 start1 end1 n1)
        (check-range who 5 start2 end2 n2)
        (if (> (length options) 4) (failure who "takes at most four bounds" options))
        (f start1 end1 start2 end2)))

    ;; The first index from `start` to below `end`, or the last one, whose character is as `in?` says; or #f.
    (define (find-index s in? start end)
      (let loop ((i start))
        (and (< i end)
             (if (in? (string-ref s i)) i (loop (+ i 1))))))

    (define (find-last-index s in? start end)
      (let loop ((i (- end 1)))
        (and (>= i start)
             (if (in? (string-ref s i)) i (loop (- i 1))))))

    (define (negated in?) (lambda (c) (not (in? c))))

    ;; ---- Predicates

    (define-ranged checked-string-length (string-every in? s) (s 2) (start end 3)
      (let ((in? (char-criterion 'string-every 1 in?)))
        (or (= start end)
            (let loop ((i start))
              (if (= (+ i 1) end)
                  (in? (string-ref s i))
                  (and (in? (string-ref s i)) (loop (+ i 1))))))))

    (define-ranged checked-string-length (string-any in? s) (s 2) (start end 3)
      (let ((in? (char-criterion 'string-any 1 in?)))
        (let loop ((i start))
          (and (< i end)
               (if (= (+ i 1) end)
                   (in? (string-ref s i))
                   (or (in? (string-ref s i)) (loop (+ i 1))))))))

    ;; ---- Constructors

    (define (string-tabulate f n)
      (check-procedure 'string-tabulate 1 f)
      (check-count 'string-tabulate 2 n)
      (let loop ((i (- n 1)) (chars '()))
        (if (< i 0)
            (list->string chars)
            (let ((c (f i)))
              (if (not (char? c)) (failure 'string-tabulate "the procedure did not return a character" c))
              (loop (- i 1) (cons c chars))))))

    ;; What a procedure of the program gave as a character or string, as a string.
    (define (as-string who object)
      (cond ((string? object) object)
            ((char? object) (string object))
            (else (failure who "not a character or string" object))))

    ;; The concatenation of a reversed list of characters and strings.
    (define (concatenate-reversed who pieces)
      (let loop ((rest pieces) (chars '()) (strings '()))
        (cond ((null? rest) (string-concatenate (if (null? chars) strings (cons (list->string chars) strings))))
              ((char? (car rest)) (loop (cdr rest) (cons (car rest) chars) strings))
              (else
               (loop (cdr rest) '()
                     (cons (as-string who (car rest))
                           (if (null? chars) strings (cons (list->string chars) strings))))))))

    (define (nothing seed) "")

    ;; The mapped pieces, last first.
    (define (unfold-pieces who stop? mapper successor seed make-final finish)
      (check-procedure who 1 stop?)
      (check-procedure who 2 mapper)
      (check-procedure who 3 successor)
      (check-procedure who 6 make-final)
      (let loop ((seed seed) (pieces '()))
        (if (stop? seed)
            (finish pieces (as-string who (make-final seed)))
            (let ((piece (mapper seed)))
              (if (not (char? piece)) (as-string who piece))
              (loop (successor seed) (cons piece pieces))))))

    (define-optional (string-unfold stop? mapper successor seed) ((base "") (make-final nothing))
      (let ((base (as-string 'string-unfold base)))
        (unfold-pieces 'string-unfold stop? mapper successor seed make-final
                       (lambda (pieces final)
                         (string-append base (concatenate-reversed 'string-unfold pieces) final)))))

    (define-optional (string-unfold-right stop? mapper successor seed) ((base "") (make-final nothing))
      (let ((base (as-string 'string-unfold-right base)))
        (unfold-pieces 'string-unfold-right stop? mapper successor seed make-final
                       (lambda (pieces final)
                         (string-append final (concatenate-reversed 'string-unfold-right (reverse pieces)) base)))))

    (define (reverse-list->string chars)
      (check-list 'reverse-list->string 1 chars)
      (for-each (lambda (c)
                  (if (not (char? c)) (wrong-type 'reverse-list->string 1 "a list of characters" chars)))
                chars)
      (list->string (reverse chars)))

    ;; ---- Selection

    (define-optional (string-pad s n) ((c #\space) (start 0) (end (checked-string-length 'string-pad 1 s)))
      (native:string-pad (part 'string-pad s start end 4) n c))

    (define-optional (string-pad-right s n) ((c #\space) (start 0) (end (checked-string-length 'string-pad-right 1 s)))
      (native:string-pad-right (part 'string-pad-right s start end 4) n c))

    ;; The string itself, or a copy of the part.
    (define (part who s start end position)
      (check-string who 1 s)
      (check-range who position start end (string-length s))
      (if (and (= start 0) (= end (string-length s))) s (substring s start end)))

    (define-optional (string-trim s) ((in? char-whitespace?) (start 0) (end (checked-string-length 'string-trim 1 s)))
      (trim 'string-trim native:string-trim s in? start end #t #f))

    (define-optional (string-trim-right s) ((in? char-whitespace?) (start 0)
                                            (end (checked-string-length 'string-trim-right 1 s)))
      (trim 'string-trim-right native:string-trim-right s in? start end #f #t))

    (define-optional (string-trim-both s) ((in? char-whitespace?) (start 0)
                                           (end (checked-string-length 'string-trim-both 1 s)))
      (trim 'string-trim-both native:string-trim-both s in? start end #t #t))

    (define (trim who native s in? start end left? right?)
      (cond ((char? in?) (native (part who s start end 3) in?))
            ((eq? in? char-whitespace?) (native (part who s start end 3)))
            (else
             (check-string who 1 s)
             (check-range who 3 start end (string-length s))
             (let* ((stays? (negated (char-criterion who 2 in?)))
                    (first (if left? (or (find-index s stays? start end) end) start))
                    (last (if right? (find-last-index s stays? first end) (- end 1))))
               (if last (substring s first (+ last 1)) (string))))))

    ;; ---- Replacement

    (define-optional (string-replace s1 s2 start1 end1)
      ((start2 0) (end2 (checked-string-length 'string-replace 2 s2)))
      (check-string 'string-replace 2 s2)
      (check-range 'string-replace 5 start2 end2 (string-length s2))
      (native:string-replace s1 (substring s2 start2 end2) start1 end1))

    ;; ---- Prefixes and suffixes

    (define (common-prefix same? s1 s2 start1 end1 start2 end2)
      (let ((n (min (- end1 start1) (- end2 start2))))
        (let loop ((i 0))
          (if (and (< i n) (same? (string-ref s1 (+ start1 i)) (string-ref s2 (+ start2 i))))
              (loop (+ i 1))
              i))))

    (define (common-suffix same? s1 s2 start1 end1 start2 end2)
      (let ((n (min (- end1 start1) (- end2 start2))))
        (let loop ((i 0))
          (if (and (< i n) (same? (string-ref s1 (- end1 i 1)) (string-ref s2 (- end2 i 1))))
              (loop (+ i 1))
              i))))

    (define (string-prefix-length s1 s2 . options)
      (with-ranges 'string-prefix-length s1 s2 options
                   (lambda (start1 end1 start2 end2) (common-prefix char=? s1 s2 start1 end1 start2 end2))))

    (define (string-suffix-length s1 s2 . options)
      (with-ranges 'string-suffix-length s1 s2 options
                   (lambda (start1 end1 start2 end2) (common-suffix char=? s1 s2 start1 end1 start2 end2))))

    (define (string-prefix-length-ci s1 s2 . options)
      (with-ranges 'string-prefix-length-ci s1 s2 options
                   (lambda (start1 end1 start2 end2) (common-prefix char-ci=? s1 s2 start1 end1 start2 end2))))

    (define (string-suffix-length-ci s1 s2 . options)
      (with-ranges 'string-suffix-length-ci s1 s2 options
                   (lambda (start1 end1 start2 end2) (common-suffix char-ci=? s1 s2 start1 end1 start2 end2))))

    (define string-prefix?
      (case-lambda
        ((s1 s2) (native:string-prefix? s1 s2))
        ((s1 s2 . options)
         (with-ranges 'string-prefix? s1 s2 options
                      (lambda (start1 end1 start2 end2)
                        (= (- end1 start1) (common-prefix char=? s1 s2 start1 end1 start2 end2)))))))

    (define string-suffix?
      (case-lambda
        ((s1 s2) (native:string-suffix? s1 s2))
        ((s1 s2 . options)
         (with-ranges 'string-suffix? s1 s2 options
                      (lambda (start1 end1 start2 end2)
                        (= (- end1 start1) (common-suffix char=? s1 s2 start1 end1 start2 end2)))))))

    (define (string-prefix-ci? s1 s2 . options)
      (with-ranges 'string-prefix-ci? s1 s2 options
                   (lambda (start1 end1 start2 end2)
                     (= (- end1 start1) (common-prefix char-ci=? s1 s2 start1 end1 start2 end2)))))

    (define (string-suffix-ci? s1 s2 . options)
      (with-ranges 'string-suffix-ci? s1 s2 options
                   (lambda (start1 end1 start2 end2)
                     (= (- end1 start1) (common-suffix char-ci=? s1 s2 start1 end1 start2 end2)))))

    ;; ---- Searching

    (define-ranged checked-string-length (string-index s in?) (s 1) (start end 3)
      (if (char? in?)
          (native:string-index s in? start end)
          (find-index s (char-criterion 'string-index 2 in?) start end)))

    (define-ranged checked-string-length (string-index-right s in?) (s 1) (start end 3)
      (if (char? in?)
          (native:string-index-right s in? start end)
          (find-last-index s (char-criterion 'string-index-right 2 in?) start end)))

    (define-ranged checked-string-length (string-skip s in?) (s 1) (start end 3)
      (find-index s (negated (char-criterion 'string-skip 2 in?)) start end))

    (define-ranged checked-string-length (string-skip-right s in?) (s 1) (start end 3)
      (find-last-index s (negated (char-criterion 'string-skip-right 2 in?)) start end))

    (define string-contains
      (case-lambda
        ((s1 s2) (native:string-contains s1 s2))
        ((s1 s2 . options)
         (with-ranges 'string-contains s1 s2 options
                      (lambda (start1 end1 start2 end2)
                        (native:string-contains s1 (part 'string-contains s2 start2 end2 5) start1 end1))))))

    (define (string-contains-right s1 s2 . options)
      (with-ranges 'string-contains-right s1 s2 options
                   (lambda (start1 end1 start2 end2)
                     (let* ((pattern (substring s2 start2 end2))
                            (behind (string-search-backward pattern (substring s1 start1 end1) (- end1 start1))))
                       (and behind (+ start1 (- behind (string-length pattern))))))))

    ;; Of the texts folded character by character, so that indices stay what they are.
    (define (string-contains-ci s1 s2 . options)
      (with-ranges 'string-contains-ci s1 s2 options
                   (lambda (start1 end1 start2 end2)
                     (native:string-contains (folded s1) (folded (substring s2 start2 end2)) start1 end1))))

    (define (folded s)
      (list->string (map char-foldcase (string->list s))))

    ;; ---- The longest part at one side

    (define-ranged checked-string-length (string-take-while s in?) (s 1) (start end 3)
      (substring s start (or (find-index s (negated (char-criterion 'string-take-while 2 in?)) start end) end)))

    (define-ranged checked-string-length (string-drop-while s in?) (s 1) (start end 3)
      (substring s (or (find-index s (negated (char-criterion 'string-drop-while 2 in?)) start end) end) end))

    ;; The start of the longest suffix of which all is `in?`.
    (define (suffix-start s in? start end)
      (let ((i (find-last-index s (negated in?) start end)))
        (if i (+ i 1) start)))

    (define-ranged checked-string-length (string-take-while-right s in?) (s 1) (start end 3)
      (substring s (suffix-start s (char-criterion 'string-take-while-right 2 in?) start end) end))

    (define-ranged checked-string-length (string-drop-while-right s in?) (s 1) (start end 3)
      (substring s start (suffix-start s (char-criterion 'string-drop-while-right 2 in?) start end)))

    (define-ranged checked-string-length (string-span s in?) (s 1) (start end 3)
      (let ((i (or (find-index s (negated (char-criterion 'string-span 2 in?)) start end) end)))
        (values (substring s start i) (substring s i end))))

    (define-ranged checked-string-length (string-break s in?) (s 1) (start end 3)
      (let ((i (or (find-index s (char-criterion 'string-break 2 in?) start end) end)))
        (values (substring s start i) (substring s i end))))

    ;; ---- Concatenation

    (define-optional (string-concatenate-reverse strings)
      ((final "") (end (checked-string-length 'string-concatenate-reverse 2 final)))
      (check-list 'string-concatenate-reverse 1 strings)
      (for-each (lambda (s)
                  (if (not (string? s)) (wrong-type 'string-concatenate-reverse 1 "a list of strings" strings)))
                strings)
      (check-string 'string-concatenate-reverse 2 final)
      (check-range 'string-concatenate-reverse 2 0 end (string-length final))
      (string-concatenate (reverse (cons (substring final 0 end) strings))))

    ;; ---- Folding and filtering

    (define-ranged checked-string-length (string-fold f seed s) (s 3) (start end 4)
      (check-procedure 'string-fold 1 f)
      (let loop ((i start) (result seed))
        (if (< i end) (loop (+ i 1) (f (string-ref s i) result)) result)))

    (define-ranged checked-string-length (string-fold-right f seed s) (s 3) (start end 4)
      (check-procedure 'string-fold-right 1 f)
      (let loop ((i (- end 1)) (result seed))
        (if (>= i start) (loop (- i 1) (f (string-ref s i) result)) result)))

    (define-ranged checked-string-length (string-count s in?) (s 1) (start end 3)
      (let ((in? (char-criterion 'string-count 2 in?)))
        (let loop ((i start) (n 0))
          (if (< i end) (loop (+ i 1) (if (in? (string-ref s i)) (+ n 1) n)) n))))

    (define (keep s in? start end)
      (let loop ((i (- end 1)) (chars '()))
        (if (< i start)
            (list->string chars)
            (let ((c (string-ref s i)))
              (loop (- i 1) (if (in? c) (cons c chars) chars))))))

    (define-ranged checked-string-length (string-filter in? s) (s 2) (start end 3)
      (keep s (char-criterion 'string-filter 1 in?) start end))

    (define-ranged checked-string-length (string-remove in? s) (s 2) (start end 3)
      (keep s (negated (char-criterion 'string-remove 1 in?)) start end))

    (define-ranged checked-string-length (string-delete in? s) (s 2) (start end 3)
      (keep s (negated (char-criterion 'string-delete 1 in?)) start end))

    ;; SRFI 152's string-map: what f returns may be strings.
    (define (string-map* f s . more)
      (check-procedure 'string-map 1 f)
      (let loop ((rest (cons s more)) (position 2))
        (if (pair? rest)
            (begin (check-string 'string-map position (car rest)) (loop (cdr rest) (+ position 1)))))
      (concatenate-reversed 'string-map
                            (apply fold
                                   (lambda arguments
                                     (let ((reversed (reverse arguments)))
                                       (cons (apply f (reverse (cdr reversed))) (car reversed))))
                                   '() (map string->list (cons s more)))))

    ;; ---- Replication and splitting

    (define-ranged checked-string-length (string-replicate s from to) (s 1) (start end 4)
      (check-integer 'string-replicate 2 from)
      (check-integer 'string-replicate 3 to)
      (if (> from to) (out-of-range 'string-replicate 2 "is above the third" from))
      (let ((n (- end start)))
        (cond ((= from to) (string))
              ((= n 0) (out-of-range 'string-replicate 1 "has no characters in the range to be replicated" s))
              (else
               ;; Enough whole copies, of which the part is taken.
               (let* ((first (floor-quotient from n))
                      (copies (- (+ (floor-quotient (- to 1) n) 1) first))
                      (whole (string-concatenate (make-list copies (substring s start end)))))
                 (substring whole (- from (* first n)) (- to (* first n))))))))

    (define (string-segment s k)
      (check-integer 'string-segment 2 k)
      (if (< k 1) (out-of-range 'string-segment 2 "is not positive" k))
      (let ((n (checked-string-length 'string-segment 1 s)))
        (let loop ((i 0) (segments '()))
          (if (< i n)
              (loop (+ i k) (cons (substring s i (min n (+ i k))) segments))
              (reverse segments)))))

    ;; ---- SRFI 13 only

    (define-ranged checked-string-length (string-reverse! s) (s 1) (start end 2)
      (string-copy! s start (string-reverse s start end)))

    ;; The first letter of a word in upper case: characters that differ in titlecase (ligatures of two letters) included.
    (define-ranged checked-string-length (string-titlecase s) (s 1) (start end 2)
      (let loop ((i start) (inside? #f) (chars '()))
        (if (= i end)
            (list->string (reverse chars))
            (let ((c (string-ref s i)))
              (if (char-alphabetic? c)
                  (loop (+ i 1) #t (cons (if inside? (char-downcase c) (char-upcase c)) chars))
                  (loop (+ i 1) #f (cons c chars)))))))

    (define-optional (string-tokenize s)
      ((in? char-set:graphic) (start 0) (end (checked-string-length 'string-tokenize 1 s)))
      (check-string 'string-tokenize 1 s)
      (check-range 'string-tokenize 3 start end (string-length s))
      (let ((in? (char-criterion 'string-tokenize 2 in?)))
        (let loop ((i start) (tokens '()))
          (let ((first (find-index s in? i end)))
            (if first
                (let ((last (or (find-index s (negated in?) first end) end)))
                  (loop last (cons (substring s first last) tokens)))
                (reverse tokens))))))

    (define-ranged checked-string-length (string-for-each-index f s) (s 2) (start end 3)
      (check-procedure 'string-for-each-index 1 f)
      (let loop ((i start))
        (if (< i end) (begin (f i) (loop (+ i 1))))))

    ;; The arguments of string-replicate, where others have them: the string's position, and `to` if it is there.
    (define (check-replicated who position s from to start end)
      (check-range who (+ position 3) start end (checked-string-length who position s))
      (check-integer who (+ position 1) from)
      (if to
          (begin
            (check-integer who (+ position 2) to)
            (if (> from to) (out-of-range who (+ position 1) "is above the next" from))))
      (if (and (= start end) (not (eqv? from to)))
          (out-of-range who position "has no characters in the range to be replicated" s)))

    ;; SRFI 13's string-xcopy!
    (define-optional (string-copy-parts! to at s from)
      ((sto #f) (start 0) (end (checked-string-length 'string-xcopy! 3 s)))
      (check-replicated 'string-xcopy! 3 s from sto start end)
      (check-count 'string-xcopy! 2 at)
      (if (> (+ at (- (or sto (+ from (- end start))) from)) (checked-string-length 'string-xcopy! 1 to))
          (out-of-range 'string-xcopy! 2 "leaves too little room in the string" at))
      (let ((piece (string-replicate s from (or sto (+ from (- end start))) start end)))
        (string-copy! to at piece)))

    ;; Calls the procedure that fits with the index of the first difference, in s1.
    (define (compare who less? same? s1 s2 less equal greater options)
      (for-each (lambda (f position) (check-procedure who position f)) (list less equal greater) '(3 4 5))
      (with-ranges who s1 s2 options
                   (lambda (start1 end1 start2 end2)
                     (let* ((n (common-prefix same? s1 s2 start1 end1 start2 end2))
                            (i (+ start1 n))
                            (k (+ start2 n)))
                       (cond ((= i end1) ((if (= k end2) equal less) i))
                             ((= k end2) (greater i))
                             ((less? (string-ref s1 i) (string-ref s2 k)) (less i))
                             (else (greater i)))))))

    (define (string-compare s1 s2 less equal greater . options)
      (compare 'string-compare char<? char=? s1 s2 less equal greater options))

    (define (string-compare-ci s1 s2 less equal greater . options)
      (compare 'string-compare-ci char-ci<? char-ci=? s1 s2 less equal greater options))

    ;; What a predicate of two strings, with bounds, says: `less`, `equal` or `greater`.
    (define (string-relation who char<? char=? less equal greater s1 s2 options)
      (compare who char<? char=? s1 s2 (lambda (i) less) (lambda (i) equal) (lambda (i) greater) options))))
