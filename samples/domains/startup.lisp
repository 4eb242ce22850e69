;; Parses the Public Suffix List (https://publicsuffix.org/list/) into a table while the program is built, and finds
;; registrable domains with it at run time.
;;
;; The table maps a name ("co.uk") to the sum of
;;   1  it is a public suffix
;;   2  every name directly below it is one (the rule *.name)
;;   4  it is no public suffix, in spite of a rule of the kind above (the rule !name)
;; Names with characters beyond ASCII are entered as they are and in their encoded form (RFC 3492: xn--...), so that
;; looking one up takes no conversion.

(define list-file "/usr/share/publicsuffix/public_suffix_list.dat")

(define rules (make-hash-table string=?))

;; ---- Punycode (RFC 3492, section 6.3)

(define (adapt delta points first?)
  (let loop ((delta (let ((d (if first? (quotient delta 700) (quotient delta 2)))) (+ d (quotient d points))))
             (k 0))
    (if (> delta 455)
        (loop (quotient delta 35) (+ k 36))
        (+ k (quotient (* 36 delta) (+ delta 38))))))

(define (digit->char d) (integer->char (if (< d 26) (+ d 97) (+ d 22))))

;; The digits of `delta` as a variable-length integer, in front of `out`, last first.
(define (encode-delta delta bias out)
  (let loop ((q delta) (k 36) (out out))
    (let ((t (cond ((<= k bias) 1) ((>= k (+ bias 26)) 26) (else (- k bias)))))
      (if (< q t)
          (cons (digit->char q) out)
          (loop (quotient (- q t) (- 36 t)) (+ k 36)
                (cons (digit->char (+ t (remainder (- q t) (- 36 t)))) out))))))

(define (ascii? char) (< (char->integer char) 128))

(define (encode-label label)
  (let* ((points (map char->integer (string->list label)))
         (basic (filter ascii? (string->list label)))
         (count (length points)))
    (if (= (length basic) count)
        label
        (let outer ((n 128) (delta 0) (bias 72) (handled (length basic))
                    (out (append (if (null? basic) '() '(#\-)) (reverse basic))))
          (if (= handled count)
              (string-append "xn--" (list->string (reverse out)))
              (let* ((next (apply min (filter (lambda (point) (>= point n)) points)))
                     (delta (+ delta (* (- next n) (+ handled 1)))))
                (let inner ((rest points) (delta delta) (bias bias) (now handled) (out out))
                  (cond ((null? rest) (outer (+ next 1) (+ delta 1) bias now out))
                        ((< (car rest) next) (inner (cdr rest) (+ delta 1) bias now out))
                        ((> (car rest) next) (inner (cdr rest) delta bias now out))
                        (else
                         (inner (cdr rest) 0 (adapt delta (+ now 1) (= now (length basic))) (+ now 1)
                                (encode-delta delta bias out)))))))))))

(define (split-labels name)
  (let loop ((i (- (string-length name) 1)) (end (string-length name)) (labels '()))
    (cond ((< i 0) (cons (substring name 0 end) labels))
          ((char=? (string-ref name i) #\.) (loop (- i 1) i (cons (substring name (+ i 1) end) labels)))
          (else (loop (- i 1) end labels)))))

(define (join-labels labels)
  (let loop ((name (car labels)) (rest (cdr labels)))
    (if (null? rest) name (loop (string-append name "." (car rest)) (cdr rest)))))

(define (encode-name name) (join-labels (map encode-label (split-labels name))))

;; ---- The list

(define (add-rule! name kind)
  (let ((add! (lambda (name)
                (let ((known (hash-table-ref/default rules name 0)))
                  (if (even? (quotient known kind)) (hash-table-set! rules name (+ known kind))))))
        (encoded (encode-name name)))
    (add! name)
    (if (not (string=? name encoded)) (add! encoded))))

;; A rule is the part of a line before the first white space; comments start with //.
(define (rule-of line)
  (let loop ((i 0))
    (if (and (< i (string-length line)) (not (char-whitespace? (string-ref line i))))
        (loop (+ i 1))
        (substring line 0 i))))

(define (starts-with? text prefix)
  (and (>= (string-length text) (string-length prefix))
       (string=? (substring text 0 (string-length prefix)) prefix)))

(define (parse-line! line)
  (let ((rule (rule-of line)))
    (cond ((string=? rule "") #f)
          ((starts-with? rule "//") #f)
          ((starts-with? rule "!") (add-rule! (substring rule 1 (string-length rule)) 4))
          ((starts-with? rule "*.") (add-rule! (substring rule 2 (string-length rule)) 2))
          (else (add-rule! rule 1)))))

(call-with-input-file list-file
  (lambda (port)
    (let loop ((line (read-line port)))
      (if (not (eof-object? line))
          (begin (parse-line! (string-downcase line))
                 (loop (read-line port)))))))

;; ---- Run time

(define (find-dot name start)
  (let ((end (string-length name)))
    (let loop ((i start))
      (cond ((>= i end) #f)
            ((char=? (string-ref name i) #\.) i)
            (else (loop (+ i 1)))))))

(define (has? flags kind) (odd? (quotient flags kind)))

;; The registrable domain of a host name: its public suffix and one label more; #f where there is none. The longest rule
;; that fits counts, so suffixes of the name are tried from the longest down; a name that no rule fits has its last label
;; as public suffix. `parent` is the start of the label in front of the suffix at `start`, if there is one.
(define (registrable-domain host)
  (let ((name (string-downcase host)))
    (let loop ((start 0) (parent #f))
      (let* ((suffix (if (= start 0) name (substring name start (string-length name))))
             (dot (find-dot name start))
             (flags (hash-table-ref/default rules suffix 0)))
        (cond ((or (string=? suffix "") (eqv? dot start)) #f)
              ((has? flags 4) suffix)
              ((or (has? flags 1)
                   (not dot)
                   (has? (hash-table-ref/default rules (substring name (+ dot 1) (string-length name)) 0) 2))
               (and parent (substring name parent (string-length name))))
              (else (loop (+ dot 1) start)))))))
