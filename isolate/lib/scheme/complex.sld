;; (scheme complex): R7RS-small, appendix A.
(define-library (scheme complex)
  (export
    angle imag-part magnitude make-polar make-rectangular real-part)
  (import (islet core)))
