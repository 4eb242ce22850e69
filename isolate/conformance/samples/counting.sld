;; Explicit-renaming macros that expand to names which the library does not export.
(define-library (samples counting)
  (export count! current-count tally)
  (import (scheme base) (only (srfi 211 explicit-renaming) er-macro-transformer))
  (begin
    (define counter 0)
    (define (current-count) counter)
    (define-syntax count!
      (er-macro-transformer
       (lambda (form rename compare)
         `(,(rename 'begin)
           (,(rename 'set!) ,(rename 'counter) (,(rename '+) ,(rename 'counter) 1))
           ,(rename 'counter)))))
    (define (helper-of-tally name) (cons name 1))
    (define-syntax tally
      (er-macro-transformer
       (lambda (form rename compare)
         ;; By way of the library's own procedure, which has been defined when others use the macro.
         (let ((counts (map helper-of-tally (cdr form))))
           `(,(rename 'map) (,(rename 'lambda) (,(rename 'x)) (,(rename 'helper-of-tally) (,(rename 'car) ,(rename 'x))))
             (,(rename 'quote) ,counts))))))))
