;; (scheme write): R7RS-small, appendix A.
(define-library (scheme write)
  (export
    display write write-shared write-simple)
  (import (islet core)))
