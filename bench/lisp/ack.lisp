;; Ackermann's function: recursion tens of thousands of frames deep.
(define full-size 10)
(define full-result 8189)
(define quick-size 5)
(define quick-result 253)

(define (run size)
  (define (ack m n)
    (cond ((= m 0) (+ n 1))
          ((= n 0) (ack (- m 1) 1))
          (else (ack (- m 1) (ack m (- n 1))))))
  (ack 3 size))
