;; (srfi 16): case-lambda.
(define-library (srfi 16)
  (export
    case-lambda)
  (import (islet core)))
