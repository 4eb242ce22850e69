;; (srfi 11): let-values.
(define-library (srfi 11)
  (export
    let-values let*-values)
  (import (islet core)))
