;; Fibonacci numbers where each addition is a procedure that returns by a captured continuation.
(define full-size 32)
(define full-result 2178309)
(define quick-size 8)
(define quick-result 21)

(define (run size)
  (define (add a b return) (return (+ a b)))
  (define (subtract a b return) (return (- a b)))
  (define (fib n return)
    (if (< n 2)
        (return n)
        (add (call-with-current-continuation (lambda (k) (fib (- n 1) k)))
             (call-with-current-continuation
              (lambda (k) (fib (call-with-current-continuation (lambda (m) (subtract n 2 m))) k)))
             return)))
  (fib size (lambda (n) n)))
