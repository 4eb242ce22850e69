;; (scheme list) of R7RS-large.
(define-library (scheme list) (alias-for (srfi 1)))
