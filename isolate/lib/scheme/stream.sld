;; (scheme stream) of R7RS-large.
(define-library (scheme stream) (alias-for (srfi 41)))
