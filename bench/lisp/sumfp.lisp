;; Adds up the flonums from a million down to one, some times over: a tight loop on flonums.
(define full-size 35)
(define full-result 500000500000)
(define quick-size 1)
(define quick-result 500000500000)

(define (run size)
  (define (sum-to n)
    (let loop ((x n) (sum 0.0))
      (if (< x 0.5)
          sum
          (loop (- x 1.0) (+ sum x)))))
  (let repeat ((i 1))
    (let ((sum (sum-to 1e6)))
      (if (= i size) (exact sum) (repeat (+ i 1))))))
