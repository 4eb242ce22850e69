;; Raises and handles exceptions, unwinds by continuations through dynamic-wind, binds parameters.
(define full-size 1000000)
(define full-result '(29072 1000000 0))
(define quick-size 10)
(define quick-result '(50 10 0))

(define (run size)
  (define depth (make-parameter 0))
  (define unwound 0)
  ;; The result of thunk, or what `handle` makes of the object that it raised.
  (define (try thunk handle)
    (call-with-current-continuation
     (lambda (return)
       (with-exception-handler
        (lambda (object) (return (handle object)))
        thunk))))
  (define (risky i)
    (cond ((= 0 (remainder i 3)) (raise (list 'multiple i)))
          ((= 0 (remainder i 5)) (raise 'five))
          (else i)))
  (define (guarded i)
    (dynamic-wind
     (lambda () #f)
     (lambda () (parameterize ((depth (+ 1 (depth)))) (+ (depth) (risky i))))
     (lambda () (set! unwound (+ unwound 1)))))
  (let loop ((i 0) (sum 0))
    (if (= i size)
        (list sum unwound (depth))
        (loop (+ i 1)
              (remainder
               (+ sum (try (lambda () (guarded i))
                           (lambda (object) (if (pair? object) (cadr object) 5))))
               65521)))))
