;; (scheme inexact): R7RS-small, appendix A.
(define-library (scheme inexact)
  (export
    acos asin atan cos exp finite? infinite? log nan? sin sqrt tan)
  (import (islet core)))
