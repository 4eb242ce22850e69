;; (scheme case-lambda): R7RS-small, appendix A.
(define-library (scheme case-lambda)
  (export
    case-lambda)
  (import (islet core)))
