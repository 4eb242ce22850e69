;; One or more of each kind of value, for any_arguments_test: (fresh-values) gives a vector of them, made anew each time, as
;; procedures change what they get. (work) is #t if the isolate still does its work.
(import (islet) (srfi 14) (srfi 27) (srfi 41) (srfi 64) (srfi 69) (srfi 111) (srfi 115) (srfi 125) (srfi 128) (srfi 158))

(define-record-type <point> (make-point x y) point? (x point-x set-point-x!) (y point-y))

;; Procedures that are asked for ever are not what the test is about: from the 300th call on they raise `enough`.
(define budget 0)
(define (counted procedure)
  (lambda arguments
    (set! budget (- budget 1))
    (if (< budget 0) (raise 'enough))
    (apply procedure arguments)))

(define captured #f)

(define (circular . items)
  (let ((list (list-copy items)))
    (set-cdr! (last-pair list) list)
    list))

(define (indirect-string)
  (let ((s (string-copy "abcdef")))
    (string-set! s 2 #\x1f600)
    s))

(define (closed-port)
  (let ((port (open-input-string "closed")))
    (close-port port)
    port))

(define (a-condition) (guard (e (#t e)) (vector-ref (vector 1) 1)))

(define (fresh-values)
  (set! budget 300)
  (vector
   ;; Numbers.
   0 1 2 -1 7 65536 1073741823 -1073741824 (expt 2 70) (- (expt 10 30)) 2/3 1.5 -0.0 3.0 1e300 +nan.0 -inf.0
   1+2i 1.5-0.5i
   ;; Text.
   (string) (string-copy "abc") "literal" (string-copy "caf\xe9;") (string-copy "\x3bb;x\x1f88;") (indirect-string)
   'x 'equal '|| #\a #\x3a3 #\x10ffff
   ;; Pairs.
   '() (cons 1 2) (list 1 2 3) (list "a" "b") (list #\a #\x3bb) (list (cons 'a 1) (cons 'b 2)) '(literal list)
   (cons 1 (cons 2 3)) (circular 1 2) (list + -)
   ;; Vectors.
   (vector) (vector 1 2 3) (vector #\a "b" 'c) #(literal vector) (bytevector) (bytevector 1 2 255) #u8(7 7)
   ;; Procedures.
   (counted (lambda arguments (if (pair? arguments) (car arguments) 0))) (counted (lambda (x) (eqv? x 1)))
   (counted (lambda (x y) (and (real? x) (real? y) (< x y)))) (counted (lambda () #t)) (counted vector) string-length captured
   (make-parameter 1) (make-parameter 1 (lambda (x) x))
   ;; The rest.
   #t #f (eof-object) (if #f #f) (delay 1) (make-promise 2) (make-point 1 2) <point>
   (table-of '((a . 1) (2 . b))) (make-hash-table eqv?) (open-input-string "(some input) \"\x3bb;")
   (open-input-bytevector (bytevector 206 187 255)) (open-output-string) (open-output-bytevector) (closed-port)
   (environment '(scheme base)) (a-condition) (box 1) char-set:digit (char-set #\a #\x3bb) (regexp '(: (* "a") "b"))
   (regexp-search '($ "b") "abc") (make-default-comparator) (generator 1 2 3) (list-accumulator)
   (make-random-source) (stream 1 2 3) stream-null (test-runner-null)))

(define (table-of entries)
  (let ((table (make-hash-table equal?)))
    (for-each (lambda (entry) (hash-table-set! table (car entry) (cdr entry))) entries)
    table))

(call-with-current-continuation (lambda (k) (set! captured k)))

(define (work)
  (set! budget 300)
  (and (equal? (map (lambda (x) (* x x)) '(1 2 3)) '(1 4 9))
       (equal? (string-append "a" (number->string (expt 3 50))) "a717897987691852588770249")
       (equal? (call-with-values (lambda () (values 1 2)) cons) '(1 . 2))
       (eqv? 7 (guard (e ((symbol? e) 7)) (raise 'x)))
       (eqv? 3 (hash-table-ref (table-of '(("x" . 3))) "x"))
       (equal? '(in out) (let ((trace '()))
                           (dynamic-wind (lambda () (set! trace (cons 'out trace))) (lambda () 1)
                                         (lambda () (set! trace (cons 'in trace))))
                           trace))
       (equal? (let ((p (open-input-string "(1 . 2)"))) (read p)) '(1 . 2))
       (eqv? 4 (eval '(+ 2 2) (environment '(scheme base))))))
