;; Continuations, dynamic extent, exceptions and parameters (R7RS 4.2.6, 4.2.7, 6.10, 6.11).
;;
;; Dynamic state is three lists in the machine. A continuation holds all three, so that throwing to it brings them back:
;;   %winders     #(before after handlers parameters) of each dynamic-wind that we are inside of, innermost first
;;   %handlers    exception handlers, innermost first
;;   %parameters  association list from parameter to value, innermost first
(define-library (islet control)
  (export (rename %call/cc call-with-current-continuation)
          (rename %call/cc call/cc)
          dynamic-wind
          with-exception-handler raise raise-continuable guard
          make-parameter parameterize
          %unwind)
  (import (islet core) (islet argument))
  (begin

    (define (dynamic-wind before thunk after)
      (check-procedure 'dynamic-wind 1 before)
      (check-procedure 'dynamic-wind 2 thunk)
      (check-procedure 'dynamic-wind 3 after)
      (before)
      (let ((outer (%winders)))
        (%set-winders! (cons (vector before after (%handlers) (%parameters)) outer))
        (call-with-values thunk
          (case-lambda
            ((value) (%set-winders! outer) (after) value)
            (values* (%set-winders! outer) (after) (apply values values*))))))

    ;; Runs the `after` thunks from the current winders out to the tail `end`, each in the dynamic state of its
    ;; dynamic-wind.
    (define (%unwind end)
      (let ((winders (%winders)))
        (if (not (eq? winders end))
            (let ((entry (car winders)))
              (%set-winders! (cdr winders))
              (%set-handlers! (vector-ref entry 2))
              (%set-parameters! (vector-ref entry 3))
              ((vector-ref entry 1))
              (%unwind end)))))

    ;; Runs the `before` thunks from the tail `start` in to `winders`.
    (define (rewind start winders)
      (if (not (eq? winders start))
          (let ((entry (car winders)))
            (rewind start (cdr winders))
            (%set-handlers! (vector-ref entry 2))
            (%set-parameters! (vector-ref entry 3))
            ((vector-ref entry 0))
            (%set-winders! winders))))

    (define (common-tail a b)
      (let ((m (length a)) (n (length b)))
        (let loop ((a (if (> m n) (list-tail a (- m n)) a))
                   (b (if (> n m) (list-tail b (- n m)) b)))
          (if (eq? a b) a (loop (cdr a) (cdr b))))))

    ;; The machine calls this when a continuation is applied whose winders are not the current ones.
    (define (reroot continuation values*)
      (let* ((target (%continuation-winders continuation))
             (common (common-tail (%winders) target)))
        (%unwind common)
        (rewind common target)
        (%throw continuation values*)))

    (define (with-exception-handler handler thunk)
      (check-procedure 'with-exception-handler 1 handler)
      (check-procedure 'with-exception-handler 2 thunk)
      (let ((outer (%handlers)))
        (%set-handlers! (cons handler outer))
        (call-with-values thunk
          (case-lambda
            ((value) (%set-handlers! outer) value)
            (values* (%set-handlers! outer) (apply values values*))))))

    ;; The machine calls this, in the dynamic state of the error, when a procedure has raised. What it returns is what
    ;; the raising call returns.
    (define (handle-raise object continuable?)
      (let ((handlers (%handlers)))
        (cond
          ((null? handlers) (%uncaught object))
          (continuable?
           (%set-handlers! (cdr handlers))
           (call-with-values (lambda () ((car handlers) object))
             (case-lambda
               ((value) (%set-handlers! handlers) value)
               (values* (%set-handlers! handlers) (apply values values*)))))
          (else
           (%set-handlers! (cdr handlers))
           ((car handlers) object)
           (error "the exception handler returned from a non-continuable raise" object)))))

    ;; `guard` leaves the body's extent for the clauses, and comes back to it only to raise again.
    (define-syntax guard
      (syntax-rules (else)
        ((_ (var clause ... (else expression ...)) body ...)
         (%guard (lambda () body ...)
                 (lambda (var) (cond clause ... (else expression ...)))))
        ((_ (var clause ...) body ...)
         (%guard/reraise (lambda () body ...)
                         (lambda (var reraise) (cond clause ... (else (reraise))))))))

    ;; Both return by way of a thunk, called in the dynamic state of the guard expression.
    (define (%guard body clauses)
      ((%call/cc
        (lambda (guard-k)
          (call-guarded
           (lambda (condition) (guard-k (lambda () (clauses condition))))
           body)))))

    (define (%guard/reraise body clauses)
      ((%call/cc
        (lambda (guard-k)
          (call-guarded
           (lambda (condition)
             ((%call/cc
               (lambda (handler-k)
                 (guard-k
                  (lambda ()
                    (clauses condition
                             (lambda ()
                               (handler-k (lambda () (raise-continuable condition)))))))))))
           body)))))

    (define (call-guarded handler body)
      (let ((outer (%handlers)))
        (%set-handlers! (cons handler outer))
        (call-with-values body
          (case-lambda
            ((value) (%set-handlers! outer) (lambda () value))
            (values* (%set-handlers! outer) (lambda () (apply values values*)))))))

    (define make-parameter
      (case-lambda
        ((value) (%make-parameter value #f))
        ((value converter) (%make-parameter (converter value) converter))))

    (define-syntax parameterize
      (syntax-rules ()
        ((_ () body ...) (let () body ...))
        ((_ ((parameter value) ...) body ...)
         (%parameterize (list (cons parameter value) ...) (lambda () body ...)))))

    (define (%parameterize bindings thunk)
      (let ((outer (%parameters)))
        ;; Converters run in the outer state, all of them before any binding takes effect.
        (let convert ((bindings bindings) (inner outer))
          (if (pair? bindings)
              (let* ((parameter (caar bindings))
                     (value (cdar bindings))
                     (converter
                      (if (%parameter? parameter)
                          (%parameter-converter parameter)
                          (error "parameterize: not a parameter" parameter))))
                (convert (cdr bindings)
                         (cons (cons parameter (if converter (converter value) value)) inner)))
              (begin
                (%set-parameters! inner)
                (call-with-values thunk
                  (case-lambda
                    ((value) (%set-parameters! outer) value)
                    (values* (%set-parameters! outer) (apply values values*)))))))))

    ;; Root numbers are those of interpreter/vm.h.
    (%set-root! 2 handle-raise)
    (%set-root! 3 reroot)))
