(define-library (samples counter)
  (export next! current)
  (import (scheme base))
  (begin
    (define n 0)
    (define (current) n)
    (define (next!) (set! n (+ n 1)) n)))
