;; (scheme charset) of R7RS-large.
(define-library (scheme charset) (alias-for (srfi 14)))
