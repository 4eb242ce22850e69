;; What the programs expect of Chicken: names of R7RS that its own core lacks. SRFI 69 comes with an egg only.
(import (chicken base) (chicken condition) (chicken time))
(define exact inexact->exact)
(define inexact exact->inexact)
(define (square x) (* x x))
(define (write-string text port) (display text port))
(define raise signal)
(define (nanoseconds) (* 1000000 (current-process-milliseconds)))
