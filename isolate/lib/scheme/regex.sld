;; (scheme regex) of R7RS-large.
(define-library (scheme regex) (alias-for (srfi 115)))
