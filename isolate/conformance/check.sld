;; A small portable test library. Every test names the section of R7RS that it is about:
;;
;;   (section "6.4 Pairs and lists")
;;   (check (car '(1 2)) => 1)              equal? results
;;   (check-values (floor/ 7 2) => 3 1)
;;   (check-error (vector-ref (vector 1) 1)) something is raised
;;   (check-report)                          last: raises an error if any check failed
(define-library (check)
  (export section check check-values check-error check-report)
  (import (scheme base) (scheme write))
  (begin

    (define current-section "")
    (define passed 0)
    (define failed 0)

    (define (section name) (set! current-section name))

    (define raised (list 'raised))

    ;; The list of the thunk's values, or a pair of `raised` and what was raised.
    (define (run thunk)
      (call-with-current-continuation
       (lambda (return)
         (with-exception-handler
          (lambda (object) (return (cons raised object)))
          (lambda () (call-with-values thunk list))))))

    (define (show-object object)
      (cond ((error-object? object)
             (display (error-object-message object))
             (for-each (lambda (irritant) (display " ") (write irritant))
                       (or (error-object-irritants object) '())))
            (else (write object))))

    (define (fail expression result expected)
      (set! failed (+ failed 1))
      (display "FAILED (") (display current-section) (display "): ")
      (write expression)
      (newline)
      (display "  expected: ") (display expected)
      (newline)
      (display "  got:      ")
      (cond ((and (pair? result) (eq? (car result) raised))
             (display "raised ")
             (show-object (cdr result)))
            (else
             (for-each (lambda (value) (write value) (display " ")) result)))
      (newline))

    (define (written values)
      (let ((port (open-output-string)))
        (for-each (lambda (value) (write value port) (display " " port)) values)
        (get-output-string port)))

    (define (check-thunk expression thunk expected)
      (let ((result (run thunk)))
        (if (equal? result expected)
            (set! passed (+ passed 1))
            (fail expression result (written expected)))))

    (define (check-error-thunk expression thunk)
      (let ((result (run thunk)))
        (if (and (pair? result) (eq? (car result) raised))
            (set! passed (+ passed 1))
            (fail expression result "an error"))))

    (define-syntax check
      (syntax-rules (=>)
        ((_ expression => expected)
         (check-thunk 'expression (lambda () expression) (list expected)))))

    (define-syntax check-values
      (syntax-rules (=>)
        ((_ expression => expected ...)
         (check-thunk 'expression (lambda () expression) (list expected ...)))))

    (define-syntax check-error
      (syntax-rules ()
        ((_ expression)
         (check-error-thunk 'expression (lambda () expression)))))

    (define (check-report)
      (display passed) (display " passed, ") (display failed) (display " failed")
      (newline)
      (if (> failed 0) (error "checks failed:" failed)))))
