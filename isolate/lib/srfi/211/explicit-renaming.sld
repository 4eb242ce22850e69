;; (srfi 211 explicit-renaming): macros whose transformer is a procedure of the form, `rename` and `compare`.
(define-library (srfi 211 explicit-renaming)
  (export er-macro-transformer identifier?)
  (import (islet core)))
