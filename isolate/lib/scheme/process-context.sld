;; (scheme process-context): R7RS-small, appendix A.
(define-library (scheme process-context)
  (export
    command-line emergency-exit exit get-environment-variable get-environment-variables)
  (import (islet core) (islet eval)))
