;; (scheme vector) of R7RS-large.
(define-library (scheme vector) (alias-for (srfi 133)))
