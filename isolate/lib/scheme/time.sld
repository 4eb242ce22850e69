;; (scheme time): R7RS-small, appendix A.
(define-library (scheme time)
  (export
    current-jiffy current-second jiffies-per-second)
  (import (islet core)))
