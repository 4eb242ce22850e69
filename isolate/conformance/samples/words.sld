;; Exports a macro whose expansion uses what the library does not export.
(define-library (samples words)
  (export greeting secret secret-length twice bump-through-words!)
  (import (scheme base) (samples counter))
  (cond-expand
    (no-such-feature (begin (define greeting "wrong")))
    (else (begin (define greeting "hello"))))
  (begin
    (define secret "secret")
    (define secret-length (string-length secret))
    (define (pair-up x) (list x x))
    (define-syntax twice (syntax-rules () ((_ x) (pair-up x))))
    (define (bump-through-words!) (next!))))
