;; (scheme load): R7RS-small, appendix A.
(define-library (scheme load)
  (export
    load)
  (import (islet eval)))
