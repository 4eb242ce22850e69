;; (srfi 26): cut and cute. The slots <> and <...> are matched as names that nothing binds.
(define-library (srfi 26)
  (export cut cute)
  (import (islet core))
  (begin

    (define-syntax cut
      (syntax-rules () ((_ item . items) (specialize () () item . items))))

    ;; The variables of the slots so far, the call so far, the items left.
    (define-syntax specialize
      (syntax-rules (<> <...>)
        ((_ (slot ...) (procedure argument ...))
         (lambda (slot ...) ((begin procedure) argument ...)))
        ((_ (slot ...) (procedure argument ...) <...>)
         (lambda (slot ... . rest) (apply procedure argument ... rest)))
        ((_ slots call <...> . items)
         (syntax-error "cut: <...> may only come last, and behind a procedure" <...> . items))
        ((_ (slot ...) (part ...) <> . items)
         (specialize (slot ... slot*) (part ... slot*) . items))
        ((_ slots (part ...) expression . items)
         (specialize slots (part ... expression) . items))))

    (define-syntax cute
      (syntax-rules () ((_ item . items) (specialize-early () () () item . items))))

    ;; As above, with the bindings of expressions that are evaluated once.
    (define-syntax specialize-early
      (syntax-rules (<> <...>)
        ((_ (slot ...) bindings (procedure argument ...))
         (let bindings (lambda (slot ...) (procedure argument ...))))
        ((_ (slot ...) bindings (procedure argument ...) <...>)
         (let bindings (lambda (slot ... . rest) (apply procedure argument ... rest))))
        ((_ slots bindings call <...> . items)
         (syntax-error "cute: <...> may only come last, and behind a procedure" <...> . items))
        ((_ (slot ...) bindings (part ...) <> . items)
         (specialize-early (slot ... slot*) bindings (part ... slot*) . items))
        ((_ slots (binding ...) (part ...) expression . items)
         (specialize-early slots (binding ... (value expression)) (part ... value) . items))))))
