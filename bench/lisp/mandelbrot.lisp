;; Counts the points of a grid that belong to the Mandelbrot set: flonum arithmetic in loops.
(define full-size 800)
(define full-result 110151)
(define quick-size 10)
(define quick-result 20)

(define (run size)
  (define limit 100)
  (define (inside? cr ci)
    (let loop ((zr 0.0) (zi 0.0) (i 0))
      (if (= i limit)
          #t
          (let ((zr2 (* zr zr))
                (zi2 (* zi zi)))
            (if (> (+ zr2 zi2) 4.0)
                #f
                (loop (+ (- zr2 zi2) cr) (+ (* 2.0 zr zi) ci) (+ i 1)))))))
  (let ((step (/ 3.0 size)))
    (let rows ((y 0) (count 0))
      (if (= y size)
          count
          (let ((ci (- (* y step) 1.5)))
            (let columns ((x 0) (count count))
              (cond ((= x size) (rows (+ y 1) count))
                    ((inside? (- (* x step) 2.0) ci) (columns (+ x 1) (+ count 1)))
                    (else (columns (+ x 1) count)))))))))
