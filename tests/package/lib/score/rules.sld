(define-library (score rules)
  (export points)
  (import (scheme base))
  (begin
    (define (points answer) (if (odd? answer) 3 1))))
