;; Fibonacci numbers by double recursion: calls of a known procedure, small integers.
(define full-size 36)
(define full-result 14930352)
(define quick-size 10)
(define quick-result 55)

(define (run size)
  (define (fib n)
    (if (< n 2)
        n
        (+ (fib (- n 1)) (fib (- n 2)))))
  (fib size))
