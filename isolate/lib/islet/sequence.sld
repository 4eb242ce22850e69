;; Procedures on vectors and strings that take procedures (R7RS 6.10).
(define-library (islet sequence)
  (export vector-map vector-for-each string-map string-for-each)
  (import (islet core) (islet argument) (islet list))
  (begin

    ;; Lists of the items of several sequences, the first of which is argument 2.
    (define (lists-of who check to-list sequences)
      (let loop ((rest sequences) (position 2) (lists '()))
        (if (null? rest)
            (reverse lists)
            (begin
              (check who position (car rest))
              (loop (cdr rest) (+ position 1) (cons (to-list (car rest)) lists))))))

    (define vector-map
      (case-lambda
        ((f v)
         (let ((n (checked-vector-length 'vector-map 2 v)))
           (let loop ((i 0) (result '()))
             (if (< i n)
                 (loop (+ i 1) (cons (f (vector-ref v i)) result))
                 (list->vector (reverse result))))))
        ((f v . more)
         (check-procedure 'vector-map 1 f)
         (list->vector (apply map f (lists-of 'vector-map check-vector vector->list (cons v more)))))))

    (define vector-for-each
      (case-lambda
        ((f v)
         (let ((n (checked-vector-length 'vector-for-each 2 v)))
           (let loop ((i 0))
             (if (< i n)
                 (begin (f (vector-ref v i)) (loop (+ i 1)))))))
        ((f v . more)
         (check-procedure 'vector-for-each 1 f)
         (apply for-each f (lists-of 'vector-for-each check-vector vector->list (cons v more))))))

    (define (returned-char c)
      (if (char? c) c (failure 'string-map "the procedure returned something that is not a character:" c)))

    (define string-map
      (case-lambda
        ((f s)
         (let ((n (checked-string-length 'string-map 2 s)))
           (let loop ((i 0) (result '()))
             (if (< i n)
                 (loop (+ i 1) (cons (returned-char (f (string-ref s i))) result))
                 (list->string (reverse result))))))
        ((f s . more)
         (check-procedure 'string-map 1 f)
         (list->string (map returned-char (apply map f (lists-of 'string-map check-string string->list (cons s more))))))))

    (define string-for-each
      (case-lambda
        ((f s)
         (let ((n (checked-string-length 'string-for-each 2 s)))
           (let loop ((i 0))
             (if (< i n)
                 (begin (f (string-ref s i)) (loop (+ i 1)))))))
        ((f s . more)
         (check-procedure 'string-for-each 1 f)
         (apply for-each f (lists-of 'string-for-each check-string string->list (cons s more))))))))
