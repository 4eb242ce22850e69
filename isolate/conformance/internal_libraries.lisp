;; What the standard library is built on cannot be reached by programs, whichever way they try: (islet core) has
;; procedures that change what the machine calls when something is raised.
(import (scheme base) (scheme eval) (scheme repl) (scheme case-lambda) (scheme lazy) (scheme write)
        (srfi 2) (srfi 26) (srfi 41) (srfi 64) (srfi 115) (srfi 128)
        (only (islet) er-macro-transformer identifier? identifier->symbol string-contains scheme-report-environment
                      null-environment) (check))

;; The message of the error that evaluating the expression raises, or #f.
(define (complaint-of expression environment)
  (call/cc
   (lambda (return)
     (with-exception-handler
      (lambda (e) (return (if (error-object? e) (error-object-message e) 'raised)))
      (lambda () (eval expression environment) #f)))))
(define here (environment '(scheme base) '(scheme eval)))
(define (refused? expression word)
  (let ((message (complaint-of expression (interaction-environment))))
    (and (string? message) (string-contains message word) #t)))

(section "internal libraries cannot be imported")
(define internal-libraries
  '((islet core) (islet control) (islet eval) (islet list) (islet argument) (islet port) (islet hash-table)
    (islet string) (islet vector) (islet sort) (islet sequence) (islet promise) (islet char-set) (islet comparator)
    (islet bits)))
(for-each
 (lambda (library)
   (for-each
    (lambda (set)
      (check (list set (refused? (list 'import set) "internal to the standard library")) => (list set #t))
      (check-error (environment set))
      (check (refused? (list 'environment (list 'quote set)) "internal to the standard library") => #t)
      (check (refused? `(define-library (mine) (import ,set)) "internal to the standard library") => #t)
      (check (refused? `(define-library (mine)
                          (cond-expand (else (import (scheme base) ,set))))
                       "internal to the standard library")
             => #t))
    `(,library (only ,library) (prefix ,library x) (rename (prefix ,library x)) (except ,library))))
 internal-libraries)
(check (refused? '(import (only (islet core) %set-root!)) "internal to the standard library") => #t)
(check (refused? '(import (rename (only (islet core) car) (car first))) "internal to the standard library") => #t)
(check (cond-expand ((library (islet core)) 'there) (else 'none)) => 'none)
(check (eval '(cond-expand ((library (islet control)) 'there) (else 'none)) (interaction-environment)) => 'none)
(check (cond-expand ((and (library (islet)) (library (scheme base)) (library (srfi 1))) 'there) (else 'none)) => 'there)

(section "internal names mean nothing in any environment")
(for-each
 (lambda (environment)
   (for-each
    (lambda (name)
      (check (list name (string? (complaint-of name environment))) => (list name #t)))
    '(%set-root! %set-handlers! %set-winders! %set-parameters! %winders %handlers %parameters %throw %call/cc %compile
      %environment %record %record-set! %make-record-type %parameter-set! %uncaught %unwind %guard %parameterize
      %make-condition %rename-identifier %regexp-run! %hash-table-entries %standard-port)))
 (list (interaction-environment) here (environment '(islet)) (scheme-report-environment 5) (null-environment 5)
       (environment '(scheme base)) (environment)))

(section "libraries of the standard snapshot cannot be defined anew")
(for-each
 (lambda (library)
   (check (list library (refused? `(define-library ,library (export car) (import (only (scheme base) car)))
                                  "belongs to the standard library"))
          => (list library #t)))
 (append internal-libraries '((islet) (scheme base) (scheme eval) (srfi 1) (srfi 64))))
;; Nor forgotten, as a library is whose body fails.
(for-each
 (lambda (library)
   (check-error (eval `(let-syntax ((define-library (syntax-rules () ((_ . rest) (error "fails")))))
                         (define-library ,library))
                      (interaction-environment))))
 '((islet core) (scheme base)))
(check (eval '(begin (define-record-type point (make-point x) point? (x point-x)) (point-x (make-point 1)))
             (environment '(scheme base)))
       => 1)
;; Other names that begin so are free.
(eval '(define-library (islet mine) (export seven) (import (scheme base)) (begin (define seven 7))) (interaction-environment))
(check (eval 'seven (environment '(islet mine))) => 7)
(eval '(define-library (srfi 99999) (export eight) (import (scheme base)) (begin (define eight 8))) (interaction-environment))
(check (eval 'eight (environment '(srfi 99999))) => 8)

(section "no macro of a library hands an internal procedure to a program's macro")
;; `spy` keeps every identifier of its uses that is no plain symbol: what library macros have inserted.
(define grabbed '())
(define (grab! form)
  (cond ((pair? form) (grab! (car form)) (grab! (cdr form)))
        ((vector? form) (grab! (vector->list form)))
        ((and (identifier? form) (not (symbol? form))) (set! grabbed (cons form grabbed)))))
(define-syntax spy
  (er-macro-transformer (lambda (form rename compare) (grab! form) 1)))
(define-syntax try
  (syntax-rules () ((_ form) (complaint-of 'form (interaction-environment)))))
(eval '(import (scheme base) (scheme case-lambda) (scheme lazy) (srfi 2) (srfi 26) (srfi 41) (srfi 64) (srfi 115) (srfi 128))
      (interaction-environment))
(eval '(define grabbed '()) (interaction-environment))
(eval '(define (grab! form)
         (cond ((pair? form) (grab! (car form)) (grab! (cdr form)))
               ((vector? form) (grab! (vector->list form)))
               ((and (identifier? form) (not (symbol? form))) (set! grabbed (cons form grabbed)))))
      (interaction-environment))
(eval '(define-syntax spy (er-macro-transformer (lambda (form rename compare) (grab! form) 1))) (interaction-environment))
(for-each
 (lambda (form) (complaint-of form (interaction-environment)))
 '((guard (e (spy spy)) (raise 1))
   (guard (e (spy => spy)) (raise 1))
   (guard (e (#f => spy) (else => spy)) (raise 1))
   (guard (e ((spy) (spy)) (spy)) (spy e))
   (guard (spy (#t (spy))) (raise 1))
   (guard ((spy) spy) spy)
   (parameterize ((spy spy)) (spy))
   (parameterize (((spy 1) (spy 2))) spy)
   (parameterize spy spy)
   (delay (spy)) (delay spy) (delay-force (spy)) (delay-force spy)
   (case 1 ((1) => spy) (else => spy)) (case (spy) (else => spy))
   (cond (1 => spy)) (cond (spy => spy))
   (do ((i (spy 1) (spy 2))) ((spy i) (spy)) (spy))
   (let-values (((a . spy) (spy))) (spy a)) (let*-values (((spy) (spy))) spy)
   (define-values (spy) (spy))
   (define-record-type spy (spy spy) spy (spy spy spy))
   (define-record-type (spy) (spy x) spy? (x (spy))) (define-record-type spy #t spy? (x spy spy))
   (case-lambda (spy (spy)) ((spy . spy) spy))
   (and-let* ((spy spy)) spy) (and-let* (spy (spy)) (spy)) (and-let* (((spy)) spy) . spy)
   ((cut spy <> 1 <...>) 1) (cut <> spy) (cut spy . spy) (cute spy <>) (cute <> (spy) spy <...>) (cute spy spy)
   (stream-cons (spy) (spy)) (stream-cons spy spy) (stream spy (spy))
   (stream-match (stream 1) ((spy . spy) spy)) (stream-match (spy) (spy (spy) (spy))) (stream-match spy (((spy) _) spy))
   (stream-of (spy) (x in (spy)) (spy)) (stream-of spy (spy in spy) (spy is spy) spy)
   (stream-let spy ((spy spy)) (spy 1)) (define-stream (spy2 x) (spy x)) (stream-lambda spy (spy)) (stream-lambda (x) spy)
   (test-assert (spy)) (test-assert spy spy) (test-eq spy spy spy) (test-equal (spy) (spy)) (test-error spy (spy))
   (test-approximate spy spy spy) (test-group spy (spy)) (test-group-with-cleanup spy spy (spy))
   (test-with-runner spy (spy)) (test-eqv . spy)
   (rx spy) (rx ,(spy)) (rx ,@(spy) (spy)) (rx . spy)
   (comparator-if<=> spy spy spy spy spy) (comparator-if<=> (spy) (spy) (spy) (spy) (spy) (spy))
   (quasiquote (1 (unquote spy) (unquote-splicing (spy)))) (assert (spy))
   (let-syntax ((spy spy)) spy) (let loop ((i spy)) (spy loop)) (receive spy (spy) spy)
   (er-macro-transformer (spy)) (define-syntax m (er-macro-transformer (spy)))))
(eval '(define-syntax spy (er-macro-transformer (lambda (form rename compare) (grab! form) 1))) (interaction-environment))
(check (let loop ((rest (eval 'grabbed (interaction-environment))) (found '()))
         (if (null? rest)
             found
             (let ((value (call/cc (lambda (return)
                                     (with-exception-handler
                                      (lambda (e) (return #f))
                                      (lambda () (eval (car rest) (interaction-environment))))))))
               (loop (cdr rest)
                     (if (procedure? value) (cons (list (identifier->symbol (car rest)) value) found) found)))))
       => '())

(section "an identifier is not made to mean what is private to a library")
;; A name is looked up where the macro was defined that renames it, and that is the program's own.
(define-syntax renamed-root
  (er-macro-transformer (lambda (form rename compare) (rename '%set-root!))))
(define-syntax renamed-twice
  (er-macro-transformer (lambda (form rename compare) (rename (rename (cadr form))))))
(check-error (renamed-root))
(check-error (renamed-twice %set-root!))
(check-error (eval '(let-syntax ((m (er-macro-transformer
                                     (lambda (form rename compare) (list (rename '%set-handlers!) ''(5))))))
                      (m))
                   (interaction-environment)))

(section "library macros go on working")
(check (guard (e (#t (list 'caught e))) (raise 'x)) => '(caught x))
(check (let ((p (make-parameter 1))) (parameterize ((p 2)) (p))) => 2)
(check (force (delay (+ 1 2))) => 3)
(check (comparator-if<=> 1 2 'less 'equal 'greater) => 'less)
(check (stream->list (stream-of (* x x) (x in (stream 1 2 3)))) => '(1 4 9))

(check-report)
