;; What the tests' plugin calls.

(define (loop) (loop))
