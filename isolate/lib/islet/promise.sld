;; Delayed evaluation (R7RS 4.2.5). Forcing is iterative: a chain of delay-force takes constant space.
(define-library (islet promise)
  (export delay delay-force make-promise promise? force)
  (import (islet core))
  (begin

    ;; Promises of one chain share a box: a pair (done? . value), or (#f . thunk) where the thunk returns a promise.
    (define-record-type promise
      (box->promise box)
      promise?
      (box promise-box set-promise-box!))

    (define-syntax delay-force
      (syntax-rules ()
        ((_ expression) (box->promise (cons #f (lambda () expression))))))

    (define-syntax delay
      (syntax-rules ()
        ((_ expression) (delay-force (box->promise (cons #t expression))))))

    (define (make-promise value)
      (if (promise? value) value (box->promise (cons #t value))))

    (define (force object)
      (if (not (promise? object))
          object
          (let loop ()
            (let ((box (promise-box object)))
              (if (car box)
                  (cdr box)
                  (let ((next ((cdr box)))
                        (box (promise-box object)))
                    ;; The thunk may have forced this very promise: then its first value stands.
                    (if (not (car box))
                        (let ((next-box (promise-box next)))
                          (set-car! box (car next-box))
                          (set-cdr! box (cdr next-box))
                          (set-promise-box! next box)))
                    (loop)))))))))
