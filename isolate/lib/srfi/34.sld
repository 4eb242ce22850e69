;; (srfi 34): exceptions for programs.
(define-library (srfi 34)
  (export
    with-exception-handler raise guard => else)
  (import (islet core) (islet control)))
