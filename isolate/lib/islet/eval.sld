;; eval, environments, load, exit (R7RS 6.12, 6.14).
(define-library (islet eval)
  (export eval environment interaction-environment scheme-report-environment null-environment load exit emergency-exit)
  (import (islet core) (islet control))
  (begin

    (define eval
      (case-lambda
        ((expression) ((%compile expression (%interaction-environment))))
        ((expression environment) ((%compile expression environment)))))

    (define (environment . import-sets) (apply %environment import-sets))

    (define (interaction-environment) (%interaction-environment))

    (define (scheme-report-environment version)
      (if (eqv? version 5)
          (%environment '(scheme r5rs))
          (error "scheme-report-environment: not a known version of the report" version)))

    (define (null-environment version)
      (if (eqv? version 5)
          (%environment '(only (scheme r5rs)
                               and begin case cond define define-syntax delay do else if lambda let let* let-syntax
                               letrec letrec-syntax or quasiquote quote set! syntax-rules))
          (error "null-environment: not a known version of the report" version)))

    (define load
      (case-lambda
        ((name) (%load name (%interaction-environment)))
        ((name environment) (%load name environment))))

    (define exit
      (case-lambda
        (() (exit #t))
        ((status) (%unwind '()) (%exit status))))

    (define emergency-exit
      (case-lambda
        (() (%exit #t))
        ((status) (%exit status))))))
