;; (scheme box) of R7RS-large.
(define-library (scheme box) (alias-for (srfi 111)))
