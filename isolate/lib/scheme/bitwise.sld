;; (scheme bitwise) of R7RS-large.
(define-library (scheme bitwise) (alias-for (srfi 151)))
