;; (srfi 9): records.
(define-library (srfi 9)
  (export
    define-record-type)
  (import (islet core)))
