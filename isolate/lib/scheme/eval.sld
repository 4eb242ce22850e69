;; (scheme eval): R7RS-small, appendix A.
(define-library (scheme eval)
  (export
    environment eval)
  (import (islet eval)))
