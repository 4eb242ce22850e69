;; (scheme sort) of R7RS-large.
(define-library (scheme sort) (alias-for (srfi 132)))
