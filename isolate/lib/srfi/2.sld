;; (srfi 2): and-let*.
(define-library (srfi 2)
  (export and-let*)
  (import (islet core))
  (begin

    ;; A constant, as a pattern, does not match an identifier; an identifier, being a variable there, matches anything.
    (define-syntax if-identifier
      (syntax-rules ()
        ((_ (a . b) yes no) no)
        ((_ x yes no)
         (let-syntax ((probe (syntax-rules () ((_ x y n) y) ((_ other y n) n))))
           (probe token yes no)))))

    (define-syntax and-let*
      (syntax-rules ()
        ((_ ()) #t)
        ((_ () . body) (let () . body))
        ((_ ((variable expression))) (let ((variable expression)) variable))
        ((_ ((expression))) expression)
        ((_ ((variable expression) . clauses) . body)
         (let ((variable expression)) (if variable (and-let* clauses . body) #f)))
        ((_ ((expression) . clauses) . body) (if expression (and-let* clauses . body) #f))
        ((_ ((a . b) . clauses) . body)
         (syntax-error "and-let*: a clause is (variable expression), (expression) or a variable" (a . b)))
        ((_ (variable . clauses) . body)
         (if-identifier variable
                        (and-variable variable clauses . body)
                        (syntax-error "and-let*: a clause is (variable expression), (expression) or a variable"
                                      variable)))))

    (define-syntax and-variable
      (syntax-rules ()
        ((_ variable ()) variable)
        ((_ variable clauses . body) (if variable (and-let* clauses . body) #f))))))
