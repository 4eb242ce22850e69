;; Included by shapes.sld.
(define-record-type square (make-square side) square? (side square-side))
(define (area shape) (* (square-side shape) (square-side shape)))
(define (shape-names) (values "square" "circle"))
