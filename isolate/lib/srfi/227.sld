;; (srfi 227): procedures with optional arguments. Each number of arguments is a clause that calls the procedure again with
;; one more, the value of the first initial expression that is missing.
(define-library (srfi 227)
  (export opt-lambda opt*-lambda let-optionals let-optionals*)
  (import (islet core))
  (begin

    ;; Initial expressions see no parameter: those go by other names until all are there.
    (define-syntax opt-lambda
      (syntax-rules ()
        ((_ formals body0 body ...) (parse formals #f () () () (body0 body ...)))))

    ;; Initial expressions see the parameters before.
    (define-syntax opt*-lambda
      (syntax-rules ()
        ((_ formals body0 body ...) (parse formals #t () () () (body0 body ...)))))

    ;; (parse formals sequential? (variable ...) (name ...) ((name init) ...) bodies): variables and the names that they
    ;; have in clauses with initial expressions, of those that are required; then of optional ones.
    (define-syntax parse
      (syntax-rules ()
        ((_ ((variable init) . more) #f (v ...) (n ...) (optional ...) bodies)
         (parse more #f (v ... variable) (n ...) (optional ... (name init)) bodies))
        ((_ ((variable init) . more) #t (v ...) (n ...) (optional ...) bodies)
         (parse more #t (v ... variable) (n ...) (optional ... (variable init)) bodies))
        ((_ ((bad ...) . more) . rest)
         (syntax-error "an optional parameter should be (variable initial-expression)" (bad ...)))
        ((_ (variable . more) #f (v ...) (n ...) () bodies)
         (parse more #f (v ... variable) (n ... name) () bodies))
        ((_ (variable . more) #t (v ...) (n ...) () bodies)
         (parse more #t (v ... variable) (n ... variable) () bodies))
        ((_ (variable . more) sequential? variables names optionals bodies)
         (syntax-error "a required parameter should come before all optional ones" variable))
        ((_ rest sequential? variables names optionals bodies)
         (clauses procedure rest variables names optionals () bodies))))

    (define-syntax clauses
      (syntax-rules ()
        ((_ self rest variables (n ...) ((name init) . more) (clause ...) bodies)
         (clauses self rest variables (n ... name) more (clause ... ((n ...) (self n ... init))) bodies))
        ((_ self rest (v ...) names () (clause ...) bodies)
         (letrec ((self (case-lambda clause ... ((v ... . rest) . bodies)))) self))))

    (define-syntax let-optionals
      (syntax-rules ()
        ((_ arguments formals body0 body ...) (apply (opt-lambda formals body0 body ...) arguments))))

    (define-syntax let-optionals*
      (syntax-rules ()
        ((_ arguments formals body0 body ...) (apply (opt*-lambda formals body0 body ...) arguments))))))
