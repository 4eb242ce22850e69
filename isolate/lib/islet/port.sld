;; The standard ports, and procedures on ports that take procedures (R7RS 6.13, SRFI 6 and the usual helpers).
(define-library (islet port)
  (export current-input-port current-output-port current-error-port
          call-with-port call-with-input-file call-with-output-file with-input-from-file with-output-to-file
          call-with-output-string call-with-input-string with-output-to-string with-input-from-string)
  (import (islet core) (islet argument) (islet control))
  (begin

    (define current-input-port (%make-parameter (%standard-port 0) #f))
    (define current-output-port (%make-parameter (%standard-port 1) #f))
    (define current-error-port (%make-parameter (%standard-port 2) #f))

    (%set-root! 8 (vector current-input-port current-output-port current-error-port))  ; interpreter/vm.h

    ;; Closes the port when the procedure returns, not when it escapes: it might come back.
    (define (call-with-port port f)
      (if (not (port? port)) (wrong-type 'call-with-port 1 "a port" port))
      (check-procedure 'call-with-port 2 f)
      (call-with-values (lambda () (f port))
        (case-lambda
          ((value) (close-port port) value)
          (values* (close-port port) (apply values values*)))))

    (define (check-file-and-procedure who name f)
      (check-string who 1 name)
      (check-procedure who 2 f))

    (define (call-with-input-file name f)
      (check-file-and-procedure 'call-with-input-file name f)
      (call-with-port (open-input-file name) f))

    (define (call-with-output-file name f)
      (check-file-and-procedure 'call-with-output-file name f)
      (call-with-port (open-output-file name) f))

    (define (with-input-from-file name thunk)
      (check-file-and-procedure 'with-input-from-file name thunk)
      (call-with-port (open-input-file name)
                      (lambda (port) (parameterize ((current-input-port port)) (thunk)))))

    (define (with-output-to-file name thunk)
      (check-file-and-procedure 'with-output-to-file name thunk)
      (call-with-port (open-output-file name)
                      (lambda (port) (parameterize ((current-output-port port)) (thunk)))))

    (define (call-with-output-string f)
      (check-procedure 'call-with-output-string 1 f)
      (let ((port (open-output-string)))
        (f port)
        (get-output-string port)))

    (define (call-with-input-string string f)
      (check-string 'call-with-input-string 1 string)
      (check-procedure 'call-with-input-string 2 f)
      (f (open-input-string string)))

    (define (with-output-to-string thunk)
      (check-procedure 'with-output-to-string 1 thunk)
      (let ((port (open-output-string)))
        (parameterize ((current-output-port port)) (thunk))
        (get-output-string port)))

    (define (with-input-from-string string thunk)
      (check-string 'with-input-from-string 1 string)
      (check-procedure 'with-input-from-string 2 thunk)
      (parameterize ((current-input-port (open-input-string string))) (thunk)))))
