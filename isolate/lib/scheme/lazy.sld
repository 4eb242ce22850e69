;; (scheme lazy): R7RS-small, appendix A.
(define-library (scheme lazy)
  (export
    delay delay-force force make-promise promise?)
  (import (islet promise)))
