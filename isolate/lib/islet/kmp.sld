;; Searching strings by the algorithm of Knuth, Morris and Pratt, step by step (SRFI 13): never goes back in the text.
(define-library (islet kmp)
  (export make-kmp-restart-vector kmp-step string-kmp-partial-search)
  (import (islet core) (islet argument))
  (begin

    ;; Item i says how much of the pattern is matched still if its first i characters are and the next one is not; -1 if
    ;; the text's next character cannot begin a match either.
    (define-optional (make-kmp-restart-vector pattern)
      ((same? char=?) (start 0) (end (checked-string-length 'make-kmp-restart-vector 1 pattern)))
      (check-procedure 'make-kmp-restart-vector 2 same?)
      (check-range 'make-kmp-restart-vector 3 start end (checked-string-length 'make-kmp-restart-vector 1 pattern))
      (let* ((n (- end start)) (restart (make-vector n -1)))
        (define (at i) (string-ref pattern (+ start i)))
        ;; `matched` characters before character i, and no more, are the pattern's first ones.
        (let loop ((i 1) (matched 0))
          (if (< i n)
              (begin
                (vector-set! restart i (if (and (= matched 0) (same? (at i) (at 0))) -1 matched))
                (loop (+ i 1)
                      (let retreat ((k matched))
                        (cond ((= k -1) 0)
                              ((same? (at i) (at k)) (+ k 1))
                              (else (retreat (vector-ref restart k)))))))))
        restart))

    (define (step pattern restart c i same? start)
      (let loop ((i i))
        (if (same? c (string-ref pattern (+ start i)))
            (+ i 1)
            (let ((i (vector-ref restart i)))
              (if (= i -1) 0 (loop i))))))

    ;; The pattern is as long as `restart` is, whose items are as make-kmp-restart-vector makes them.
    (define (check-pattern who pattern restart start position)
      (check-string who 1 pattern)
      (check-vector who 2 restart)
      (let ((n (vector-length restart)))
        (check-count who position start)
        (if (> (+ start n) (string-length pattern))
            (out-of-range who position "leaves less of the pattern than the restart vector is for" start))
        (let loop ((i 0))
          (if (< i n)
              (let ((k (vector-ref restart i)))
                (if (not (and (exact-integer? k) (< -2 k i))) (wrong-type who 2 "a restart vector" restart))
                (loop (+ i 1)))))))

    ;; How much of the pattern is matched after character c, if its first i characters were before.
    (define (kmp-step pattern restart c i same? start)
      (check-string 'kmp-step 1 pattern)
      (check-vector 'kmp-step 2 restart)
      (check-char 'kmp-step 3 c)
      (check-index 'kmp-step 4 i (vector-length restart))
      (check-procedure 'kmp-step 5 same?)
      (check-count 'kmp-step 6 start)
      (if (> (+ start (vector-length restart)) (string-length pattern))
          (out-of-range 'kmp-step 6 "leaves less of the pattern than the restart vector is for" start))
      (step pattern restart c i same? start))

    ;; -j if the pattern ends at index j; else how much of it is matched at the end of the string.
    (define-optional (string-kmp-partial-search pattern restart s i)
      ((same? char=?) (pattern-start 0) (start 0) (end (checked-string-length 'string-kmp-partial-search 3 s)))
      (check-pattern 'string-kmp-partial-search pattern restart pattern-start 6)
      (check-index 'string-kmp-partial-search 4 i (vector-length restart))
      (check-procedure 'string-kmp-partial-search 5 same?)
      (check-range 'string-kmp-partial-search 7 start end (checked-string-length 'string-kmp-partial-search 3 s))
      (let ((n (vector-length restart)))
        (let loop ((k start) (i i))
          (cond ((= i n) (- k))
                ((= k end) i)
                (else (loop (+ k 1) (step pattern restart (string-ref s k) i same? pattern-start)))))))))
