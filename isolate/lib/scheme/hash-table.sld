;; (scheme hash-table) of R7RS-large.
(define-library (scheme hash-table) (alias-for (srfi 125)))
