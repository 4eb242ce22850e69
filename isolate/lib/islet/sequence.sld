;; Procedures on vectors and strings that take procedures (R7RS 6.10, parts of SRFI 133 and SRFI 13).
(define-library (islet sequence)
  (export vector-map vector-for-each string-map string-for-each
          vector-count vector-index vector-any vector-every vector-fold vector-map!
          string-count string-any string-every)
  (import (islet core) (islet list))
  (begin

    (define vector-map
      (case-lambda
        ((f v)
         (let ((n (vector-length v)))
           (let loop ((i 0) (result '()))
             (if (< i n)
                 (loop (+ i 1) (cons (f (vector-ref v i)) result))
                 (list->vector (reverse result))))))
        ((f . vectors)
         (list->vector (apply map f (map vector->list vectors))))))

    (define vector-for-each
      (case-lambda
        ((f v)
         (let ((n (vector-length v)))
           (let loop ((i 0))
             (if (< i n)
                 (begin (f (vector-ref v i)) (loop (+ i 1)))))))
        ((f . vectors)
         (apply for-each f (map vector->list vectors)))))

    (define string-map
      (case-lambda
        ((f s)
         (let ((n (string-length s)))
           (let loop ((i 0) (result '()))
             (if (< i n)
                 (loop (+ i 1) (cons (f (string-ref s i)) result))
                 (list->string (reverse result))))))
        ((f . strings)
         (list->string (apply map f (map string->list strings))))))

    (define string-for-each
      (case-lambda
        ((f s)
         (let ((n (string-length s)))
           (let loop ((i 0))
             (if (< i n)
                 (begin (f (string-ref s i)) (loop (+ i 1)))))))
        ((f . strings)
         (apply for-each f (map string->list strings)))))

    ;; ---- SRFI 133

    (define (vector-map! f v)
      (let ((n (vector-length v)))
        (let loop ((i 0))
          (if (< i n)
              (begin (vector-set! v i (f (vector-ref v i))) (loop (+ i 1)))))))

    (define vector-fold
      (case-lambda
        ((f seed v)
         (let ((n (vector-length v)))
           (let loop ((i 0) (result seed))
             (if (< i n) (loop (+ i 1) (f result (vector-ref v i))) result))))
        ((f seed . vectors)
         (apply fold-left f seed (map vector->list vectors)))))

    (define vector-count
      (case-lambda
        ((f v) (vector-fold (lambda (n item) (if (f item) (+ n 1) n)) 0 v))
        ((f . vectors) (apply count f (map vector->list vectors)))))

    (define vector-index
      (case-lambda
        ((f v)
         (let ((n (vector-length v)))
           (let loop ((i 0))
             (and (< i n)
                  (if (f (vector-ref v i)) i (loop (+ i 1)))))))
        ((f . vectors) (apply list-index f (map vector->list vectors)))))

    (define (vector-any f . vectors) (apply any f (map vector->list vectors)))
    (define (vector-every f . vectors) (apply every f (map vector->list vectors)))

    ;; ---- SRFI 13

    (define (string-count s f)
      (let ((n (string-length s)))
        (let loop ((i 0) (total 0))
          (if (< i n)
              (loop (+ i 1) (if (f (string-ref s i)) (+ total 1) total))
              total))))

    (define (string-any f s) (any f (string->list s)))
    (define (string-every f s) (every f (string->list s)))))
