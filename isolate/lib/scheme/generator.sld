;; (scheme generator) of R7RS-large.
(define-library (scheme generator) (alias-for (srfi 158)))
