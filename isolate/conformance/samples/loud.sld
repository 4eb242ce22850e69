(define-library (samples loud)
  (include-library-declarations "loud_declarations.scm")
  (cond-expand
    ((and r7rs (library (scheme base)) (not (library (no such library)))) (begin (define chosen 'r7rs)))
    (else (begin (define chosen 'neither)))))
