;; (scheme repl): R7RS-small, appendix A.
(define-library (scheme repl)
  (export
    interaction-environment)
  (import (islet eval)))
