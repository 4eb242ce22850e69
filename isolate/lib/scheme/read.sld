;; (scheme read): R7RS-small, appendix A.
(define-library (scheme read)
  (export
    read)
  (import (islet core)))
