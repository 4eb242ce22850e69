;; What the programs expect of Guile.
(import (scheme base) (scheme char) (scheme cxr) (scheme inexact) (scheme lazy) (scheme read) (scheme write)
        (srfi srfi-69))
(define (wall-nanoseconds)
  (quotient (* (get-internal-real-time) 1000000000) internal-time-units-per-second))
(define (cpu-nanoseconds)
  (quotient (* (get-internal-run-time) 1000000000) internal-time-units-per-second))
