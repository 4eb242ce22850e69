;; Decimal digits of pi by Gibbons' unbounded spigot: products and quotients of growing integers.
(define full-size 4000)
(define full-result 211166039)
(define quick-size 30)
(define quick-result 264338327)

(define (run size)
  ;; Gives the last nine digits, or all if there are fewer.
  (let loop ((q 1) (r 0) (t 1) (k 1) (n 3) (l 3) (digits 0) (last 0))
    (cond ((= digits size) last)
          ((< (- (+ (* 4 q) r) t) (* n t))
           (let ((next (- (quotient (* 10 (+ (* 3 q) r)) t) (* 10 n))))
             (loop (* q 10) (* 10 (- r (* n t))) t k next l
                   (+ digits 1)
                   (remainder (+ (* 10 last) n) 1000000000))))
          (else
           (loop (* q k)
                 (* (+ (* 2 q) r) l)
                 (* t l)
                 (+ k 1)
                 (quotient (+ (* q (+ (* 7 k) 2)) (* r l)) (* t l))
                 (+ l 2)
                 digits
                 last)))))
