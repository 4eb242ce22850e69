;; (scheme comparator) of R7RS-large.
(define-library (scheme comparator) (alias-for (srfi 128)))
