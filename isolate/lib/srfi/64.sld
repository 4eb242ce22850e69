;; (srfi 64): test suites. The simple runner writes to the current output port only: an isolate has no files of its own
;; to log to.
(define-library (srfi 64)
  (export
    test-begin test-end test-group test-group-with-cleanup
    test-assert test-eq test-eqv test-equal test-approximate test-error test-read-eval-string
    test-apply test-with-runner test-match-name test-match-nth test-match-any test-match-all test-skip
    test-expect-fail
    test-runner? test-runner-null test-runner-simple test-runner-create test-runner-factory test-runner-current
    test-runner-get test-runner-reset
    test-runner-pass-count test-runner-fail-count test-runner-xpass-count test-runner-xfail-count
    test-runner-skip-count test-runner-test-name test-runner-group-path test-runner-group-stack
    test-runner-aux-value test-runner-aux-value!
    test-result-kind test-passed? test-result-ref test-result-set! test-result-remove test-result-clear
    test-result-alist
    test-runner-on-test-begin test-runner-on-test-begin! test-runner-on-test-end test-runner-on-test-end!
    test-runner-on-group-begin test-runner-on-group-begin! test-runner-on-group-end test-runner-on-group-end!
    test-runner-on-bad-count test-runner-on-bad-count! test-runner-on-bad-end-name test-runner-on-bad-end-name!
    test-runner-on-final test-runner-on-final!
    test-on-test-begin-simple test-on-test-end-simple test-on-group-begin-simple test-on-group-end-simple
    test-on-bad-count-simple test-on-bad-end-name-simple test-on-final-simple)
  (import (islet core) (islet argument) (islet control) (islet eval) (islet list) (islet port))
  (begin

    ;; ---- Runners

    (define-record-type test-runner
      (make-runner)
      test-runner?
      (pass test-runner-pass-count set-pass!)
      (fail test-runner-fail-count set-fail!)
      (xpass test-runner-xpass-count set-xpass!)
      (xfail test-runner-xfail-count set-xfail!)
      (skip test-runner-skip-count set-skip!)
      (total runner-total set-total!)
      (groups runner-groups set-groups!)            ; open groups, innermost first
      (skips runner-skips set-skips!)               ; specifiers
      (failures runner-failures set-failures!)      ; specifiers
      (only runner-only set-only!)                  ; specifiers of test-apply, or #f
      (result test-result-alist set-result!)
      (aux test-runner-aux-value test-runner-aux-value!)
      (on-test-begin test-runner-on-test-begin test-runner-on-test-begin!)
      (on-test-end test-runner-on-test-end test-runner-on-test-end!)
      (on-group-begin test-runner-on-group-begin test-runner-on-group-begin!)
      (on-group-end test-runner-on-group-end test-runner-on-group-end!)
      (on-bad-count test-runner-on-bad-count test-runner-on-bad-count!)
      (on-bad-end-name test-runner-on-bad-end-name test-runner-on-bad-end-name!)
      (on-final test-runner-on-final test-runner-on-final!))

    ;; What test-begin found, for test-end to bring back. `count` is how many tests are expected, or #f.
    (define-record-type group
      (make-group name count total skips failures implicit-runner?)
      group?
      (name group-name)
      (count group-count)
      (total group-total)
      (skips group-skips)
      (failures group-failures)
      (implicit-runner? group-implicit-runner?))

    (define (test-runner-reset runner)
      (check-runner 'test-runner-reset 1 runner)
      (reset! runner))

    (define (reset! runner)
      (set-pass! runner 0)
      (set-fail! runner 0)
      (set-xpass! runner 0)
      (set-xfail! runner 0)
      (set-skip! runner 0)
      (set-total! runner 0)
      (set-groups! runner '())
      (set-skips! runner '())
      (set-failures! runner '())
      (set-only! runner #f)
      (set-result! runner '()))

    (define (check-runner who position object)
      (if (not (test-runner? object)) (wrong-type who position "a test runner" object)))

    (define (ignore . arguments) #f)

    (define (test-runner-null)
      (let ((runner (make-runner)))
        (reset! runner)
        (test-runner-aux-value! runner #f)
        (for-each (lambda (set) (set runner ignore))
                  (list test-runner-on-test-begin! test-runner-on-test-end! test-runner-on-group-begin!
                        test-runner-on-group-end! test-runner-on-bad-count! test-runner-on-bad-end-name!
                        test-runner-on-final!))
        runner))

    (define (test-runner-simple)
      (let ((runner (test-runner-null)))
        (test-runner-on-test-begin! runner test-on-test-begin-simple)
        (test-runner-on-test-end! runner test-on-test-end-simple)
        (test-runner-on-group-begin! runner test-on-group-begin-simple)
        (test-runner-on-group-end! runner test-on-group-end-simple)
        (test-runner-on-bad-count! runner test-on-bad-count-simple)
        (test-runner-on-bad-end-name! runner test-on-bad-end-name-simple)
        (test-runner-on-final! runner test-on-final-simple)
        runner))

    (define factory test-runner-simple)

    (define test-runner-factory
      (case-lambda
        (() factory)
        ((new)
         (check-procedure 'test-runner-factory 1 new)
         (set! factory new))))

    (define (test-runner-create) (factory))

    ;; The value is a pair whose car is the runner, so that it can be replaced within test-with-runner.
    (define current (make-parameter (list #f)))

    (define test-runner-current
      (case-lambda
        (() (car (current)))
        ((runner)
         (if runner (check-runner 'test-runner-current 1 runner))
         (set-car! (current) runner))))

    (define (test-runner-get)
      (or (test-runner-current)
          (failure 'test-runner-get "there is no test runner: test-begin makes one")))

    (define-syntax test-with-runner
      (syntax-rules ()
        ((_ runner body ...)
         (call-with-runner runner (lambda () body ...)))))

    (define (call-with-runner runner thunk)
      (check-runner 'test-with-runner 1 runner)
      (parameterize ((current (list runner))) (thunk)))

    (define (test-runner-group-stack runner)
      (check-runner 'test-runner-group-stack 1 runner)
      (map group-name (runner-groups runner)))

    (define (test-runner-group-path runner)
      (check-runner 'test-runner-group-path 1 runner)
      (reverse (map group-name (runner-groups runner))))

    (define (test-runner-test-name runner)
      (check-runner 'test-runner-test-name 1 runner)
      (test-result-ref runner 'test-name ""))

    ;; ---- Results

    (define-optional (test-result-ref runner property) ((default #f))
      (check-runner 'test-result-ref 1 runner)
      (let ((entry (assq property (test-result-alist runner))))
        (if entry (cdr entry) default)))

    (define (test-result-set! runner property value)
      (check-runner 'test-result-set! 1 runner)
      (let ((entry (assq property (test-result-alist runner))))
        (if entry
            (set-cdr! entry value)
            (set-result! runner (append (test-result-alist runner) (list (cons property value)))))))

    (define (test-result-remove runner property)
      (check-runner 'test-result-remove 1 runner)
      (set-result! runner (remove (lambda (entry) (eq? (car entry) property)) (test-result-alist runner))))

    (define (test-result-clear runner)
      (check-runner 'test-result-clear 1 runner)
      (set-result! runner '()))

    (define-optional (test-result-kind) ((runner (test-runner-get)))
      (test-result-ref runner 'result-kind))

    (define-optional (test-passed?) ((runner (test-runner-get)))
      (and (memq (test-result-ref runner 'result-kind) '(pass xpass)) #t))

    ;; ---- Specifiers: procedures that take the runner

    (define (test-match-name name)
      (lambda (runner) (equal? name (test-runner-test-name runner))))

    (define-optional (test-match-nth n) ((count 1))
      (check-count 'test-match-nth 1 n)
      (check-count 'test-match-nth 2 count)
      (let ((i 0))
        (lambda (runner)
          (set! i (+ i 1))
          (and (>= i n) (< i (+ n count))))))

    ;; All are asked, since some count.
    (define (matches runner specifiers)
      (map (lambda (specifier) (specifier runner)) specifiers))

    (define (test-match-any . specifiers)
      (let ((specifiers (map (lambda (s) (as-specifier 'test-match-any s)) specifiers)))
        (lambda (runner) (any (lambda (x) x) (matches runner specifiers)))))

    (define (test-match-all . specifiers)
      (let ((specifiers (map (lambda (s) (as-specifier 'test-match-all s)) specifiers)))
        (lambda (runner) (every (lambda (x) x) (matches runner specifiers)))))

    (define (as-specifier who object)
      (cond ((procedure? object) object)
            ((exact-integer? object)
             (check-count who 1 object)
             (test-match-nth 1 object))
            ((string? object) (test-match-name object))
            (else (wrong-type who 1 "a test specifier: a procedure, a count or a name" object))))

    (define (test-skip . specifiers)
      (let ((runner (test-runner-get)))
        (set-skips! runner (cons (match-all-of 'test-skip specifiers) (runner-skips runner)))))

    (define (test-expect-fail . specifiers)
      (let ((runner (test-runner-get)))
        (set-failures! runner (cons (match-all-of 'test-expect-fail specifiers) (runner-failures runner)))))

    (define (match-all-of who specifiers)
      (let ((specifiers (map (lambda (s) (as-specifier who s)) specifiers)))
        (lambda (runner) (every (lambda (x) x) (matches runner specifiers)))))

    ;; ---- Groups

    (define test-begin
      (case-lambda
        ((name) (test-begin name #f))
        ((name count)
         (if count (check-count 'test-begin 2 count))
         (let* ((implicit? (not (test-runner-current)))
                (runner (if implicit? (test-runner-create) (test-runner-current))))
           (if implicit? (test-runner-current runner))
           ((test-runner-on-group-begin runner) runner name count)
           (set-groups! runner
                        (cons (make-group name count (runner-total runner) (runner-skips runner)
                                          (runner-failures runner) implicit?)
                              (runner-groups runner)))))))

    (define none (list 'none))

    (define-optional (test-end) ((name none))
      (let* ((runner (test-runner-get)) (groups (runner-groups runner)))
        (if (null? groups) (failure 'test-end "there is no group to end"))
        (let* ((group (car groups)) (count (- (runner-total runner) (group-total group))))
          (if (not (or (eq? name none) (equal? name (group-name group))))
              ((test-runner-on-bad-end-name runner) runner (group-name group) name))
          (if (and (group-count group) (not (= count (group-count group))))
              ((test-runner-on-bad-count runner) runner count (group-count group)))
          ((test-runner-on-group-end runner) runner)
          (set-groups! runner (cdr groups))
          (set-skips! runner (group-skips group))
          (set-failures! runner (group-failures group))
          (if (null? (cdr groups)) ((test-runner-on-final runner) runner))
          (if (group-implicit-runner? group) (test-runner-current #f)))))

    (define-syntax test-group
      (syntax-rules ()
        ((_ name body ...) (call-in-group name (lambda () body ...)))))

    (define (call-in-group name thunk)
      (let ((runner (test-runner-current)))
        (if runner (set-result! runner (list (cons 'test-name name))))
        (if (or (not runner) (to-be-run? runner))
            (dynamic-wind
             (lambda () (test-begin name))
             thunk
             (lambda () (test-end name))))))

    (define-syntax test-group-with-cleanup
      (syntax-rules ()
        ((_ name body ... cleanup)
         (test-group name
           (dynamic-wind
            (lambda () #f)
            (lambda () body ...)
            (lambda () cleanup))))))

    ;; ---- Tests

    (define (to-be-run? runner)
      (let ((skipped? (any (lambda (x) x) (matches runner (runner-skips runner))))
            (chosen? (or (not (runner-only runner))
                         (any (lambda (x) x) (matches runner (runner-only runner))))))
        (and chosen? (not skipped?))))

    ;; `test` returns whether the test passed.
    (define (run-test name form test)
      (let ((runner (test-runner-get)))
        (set-result! runner (list (cons 'test-name name) (cons 'source-form form)))
        (let* ((run? (to-be-run? runner))
               (fail? (any (lambda (x) x) (matches runner (runner-failures runner)))))
          (test-result-set! runner 'result-kind (cond ((not run?) 'skip) (fail? 'xfail) (else 'pass)))
          ((test-runner-on-test-begin runner) runner)
          (if run?
              (let ((passed? (guard (error (#t (test-result-set! runner 'actual-error error) #f))
                               (test runner))))
                (test-result-set! runner 'result-kind
                                  (if passed? (if fail? 'xpass 'pass) (if fail? 'xfail 'fail)))))
          (count! runner (test-result-ref runner 'result-kind))
          ((test-runner-on-test-end runner) runner))))

    (define (count! runner kind)
      (set-total! runner (+ (runner-total runner) 1))
      (case kind
        ((pass) (set-pass! runner (+ (test-runner-pass-count runner) 1)))
        ((fail) (set-fail! runner (+ (test-runner-fail-count runner) 1)))
        ((xpass) (set-xpass! runner (+ (test-runner-xpass-count runner) 1)))
        ((xfail) (set-xfail! runner (+ (test-runner-xfail-count runner) 1)))
        (else (set-skip! runner (+ (test-runner-skip-count runner) 1)))))

    (define (run-assert name form thunk)
      (run-test name form
                (lambda (runner)
                  (let ((value (thunk)))
                    (test-result-set! runner 'actual-value value)
                    value))))

    (define (run-comparison same? name form expected thunk)
      (run-test name form
                (lambda (runner)
                  (test-result-set! runner 'expected-value (expected))
                  (let ((value (thunk)))
                    (test-result-set! runner 'actual-value value)
                    (same? (test-result-ref runner 'expected-value) value)))))

    (define (near error)
      (lambda (expected value)
        (and (>= value (- expected error)) (<= value (+ expected error)))))

    (define (run-error name form type thunk)
      (run-test name form
                (lambda (runner)
                  (let ((type (type)))
                    (test-result-set! runner 'expected-error type)
                    (guard (error (#t (test-result-set! runner 'actual-error error)
                                      (if (procedure? type) (type error) #t)))
                      (test-result-set! runner 'actual-value (thunk))
                      #f)))))

    (define-syntax test-assert
      (syntax-rules ()
        ((_ name expression) (run-assert name 'expression (lambda () expression)))
        ((_ expression) (run-assert "" 'expression (lambda () expression)))))

    (define-syntax test-eq
      (syntax-rules () ((_ . arguments) (test-comparison eq? . arguments))))
    (define-syntax test-eqv
      (syntax-rules () ((_ . arguments) (test-comparison eqv? . arguments))))
    (define-syntax test-equal
      (syntax-rules () ((_ . arguments) (test-comparison equal? . arguments))))

    (define-syntax test-comparison
      (syntax-rules ()
        ((_ same? name expected expression)
         (run-comparison same? name 'expression (lambda () expected) (lambda () expression)))
        ((_ same? expected expression)
         (run-comparison same? "" 'expression (lambda () expected) (lambda () expression)))))

    (define-syntax test-approximate
      (syntax-rules ()
        ((_ name expected expression error)
         (run-comparison (near error) name 'expression (lambda () expected) (lambda () expression)))
        ((_ expected expression error)
         (run-comparison (near error) "" 'expression (lambda () expected) (lambda () expression)))))

    ;; An error type is #t or a predicate; any other object stands for every error.
    (define-syntax test-error
      (syntax-rules ()
        ((_ name type expression) (run-error name 'expression (lambda () type) (lambda () expression)))
        ((_ type expression) (run-error "" 'expression (lambda () type) (lambda () expression)))
        ((_ expression) (run-error "" 'expression (lambda () #t) (lambda () expression)))))

    ;; The value of the one expression in the string.
    (define (test-read-eval-string string)
      (check-string 'test-read-eval-string 1 string)
      (let* ((port (open-input-string string)) (form (read port)))
        (if (or (eof-object? form) (not (eof-object? (read-char port))))
            (failure 'test-read-eval-string "the string does not hold exactly one expression" string))
        (eval form (interaction-environment))))

    ;; (test-apply [runner] specifier ... procedure)
    (define (test-apply first . rest)
      (if (test-runner? first)
          (call-with-runner first (lambda () (apply test-apply rest)))
          (let* ((arguments (cons first rest))
                 (thunk (last arguments))
                 (specifiers (map (lambda (s) (as-specifier 'test-apply s)) (drop-right arguments 1))))
            (check-procedure 'test-apply (length arguments) thunk)
            (let ((runner (test-runner-current)))
              (if runner
                  (let ((outer (runner-only runner)))
                    (if (pair? specifiers) (set-only! runner specifiers))
                    (thunk)
                    (set-only! runner outer))
                  (let ((runner (test-runner-create)))
                    (call-with-runner runner (lambda () (apply test-apply arguments)))
                    ((test-runner-on-final runner) runner)))))))

    ;; ---- The simple runner's reports

    (define (print . objects)
      (for-each display objects)
      (newline))

    (define (test-on-test-begin-simple runner) #f)

    (define (test-on-test-end-simple runner)
      (let ((kind (test-result-kind runner)))
        (if (memq kind '(fail xpass))
            (begin
              (display (if (eq? kind 'fail) "FAIL " "XPASS "))
              (for-each (lambda (name) (display name) (display " / ")) (test-runner-group-path runner))
              (print (test-runner-test-name runner))
              (for-each (lambda (entry)
                          (if (not (memq (car entry) '(test-name result-kind)))
                              (begin
                                (display "  ") (display (car entry)) (display ": ")
                                (write (cdr entry))
                                (newline))))
                        (test-result-alist runner))))))

    (define (test-on-group-begin-simple runner name count)
      (if (null? (runner-groups runner)) (print "Testing " name)))

    (define (test-on-group-end-simple runner) #f)

    (define (test-on-bad-count-simple runner actual expected)
      (print "There were " actual " tests, where " expected " were expected."))

    (define (test-on-bad-end-name-simple runner begin-name end-name)
      (failure 'test-end "the name is not that of the group" end-name begin-name))

    (define (test-on-final-simple runner)
      (for-each (lambda (count what) (if (> count 0) (print "Number of " what ": " count)))
                (list (test-runner-pass-count runner) (test-runner-xfail-count runner)
                      (test-runner-xpass-count runner) (test-runner-fail-count runner)
                      (test-runner-skip-count runner))
                '("expected passes" "expected failures" "unexpected successes" "unexpected failures"
                  "skipped tests")))))
