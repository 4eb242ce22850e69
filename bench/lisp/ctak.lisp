;; Takeuchi's function with every result passed to a continuation that call/cc made.
(define full-size 800)
(define full-result 8000)
(define quick-size 1)
(define quick-result 10)

(define (run size)
  (define (ctak x y z)
    (call-with-current-continuation (lambda (k) (ctak-to k x y z))))
  (define (ctak-to k x y z)
    (if (< y x)
        (call-with-current-continuation
         (lambda (k2)
           (ctak-to k2
                    (call-with-current-continuation (lambda (k3) (ctak-to k3 (- x 1) y z)))
                    (call-with-current-continuation (lambda (k3) (ctak-to k3 (- y 1) z x)))
                    (call-with-current-continuation (lambda (k3) (ctak-to k3 (- z 1) x y))))))
        (k z)))
  (do ((i 0 (+ i 1))
       (sum 0 (+ sum (ctak 15 10 5))))
      ((= i size) sum)))
