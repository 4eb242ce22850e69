;; Explicit-renaming macros: (islet), (srfi 211 explicit-renaming). After Clinger, "Hygienic macros through explicit
;; renaming", Lisp Pointers IV(4), 1991.
(import (islet) (check) (samples counting))

(section "Hygiene is what rename gives")
(define-syntax swap!
  (er-macro-transformer
   (lambda (form rename compare)
     (let ((a (cadr form)) (b (caddr form)))
       `(,(rename 'let) ((,(rename 'tmp) ,a))
         (,(rename 'set!) ,a ,b)
         (,(rename 'set!) ,b ,(rename 'tmp)))))))
(check (let ((x 1) (y 2)) (swap! x y) (list x y)) => '(2 1))
(check (let ((tmp 1) (other 2)) (swap! tmp other) (list tmp other)) => '(2 1))
(check (let ((let 1) (set! 2)) (swap! let set!) (list let set!)) => '(2 1))

(define-syntax my-or
  (er-macro-transformer
   (lambda (form rename compare)
     (cond ((null? (cdr form)) #f)
           ((null? (cddr form)) (cadr form))
           (else `(,(rename 'let) ((,(rename 'temp) ,(cadr form)))
                   (,(rename 'if) ,(rename 'temp) ,(rename 'temp) (,(rename 'my-or) ,@(cddr form)))))))))
(check (let ((temp 5)) (my-or #f temp)) => 5)
(check (let ((if list) (temp 7)) (my-or #f #f temp)) => 7)
(check (my-or) => #f)
(check (let ((let #f) (my-or #f)) (or let my-or 3)) => 3)

(section "Raw symbols are the user's")
(define-syntax aif
  (er-macro-transformer
   (lambda (form rename compare)
     `(,(rename 'let) ((it ,(cadr form)))
       (,(rename 'if) it ,(caddr form) ,(if (pair? (cdddr form)) (cadddr form) #f))))))
(check (aif (assv 2 '((1 . one) (2 . two))) (cdr it) 'none) => 'two)
(check (aif (assv 3 '((1 . one))) (cdr it) 'none) => 'none)
(check (let ((it 'outer)) (list (aif 1 it) it)) => '(1 outer))
(check (let ((x 1)) (aif (+ x 1) (aif (* it 10) (list it x)))) => '(20 1))

(define-syntax loop
  (er-macro-transformer
   (lambda (form rename compare)
     `(,(rename 'call-with-current-continuation)
       (,(rename 'lambda) (exit)
        (,(rename 'let) ,(rename 'again) ()
         ,@(cdr form)
         (,(rename 'again))))))))
(check (let ((n 0)) (loop (set! n (+ n 1)) (if (= n 5) (exit n)))) => 5)
(check (let ((n 0) (again 'mine)) (loop (set! n (+ n 1)) (if (= n 2) (exit again)))) => 'mine)
(check (let ((lambda 1)) (loop (exit lambda))) => 1)

(section "Renaming is consistent within a use, and fresh in each")
(define-syntax same-name
  (er-macro-transformer
   (lambda (form rename compare)
     (list (rename 'quote)
           (list (eq? (rename 'x) (rename 'x)) (eq? (rename 'x) (rename 'y)) (eq? (rename 'x) 'x)
                 (eq? (rename (rename 'x)) (rename (rename 'x))) (eq? (rename (rename 'x)) (rename 'x)))))))
(check (same-name) => '(#t #f #f #t #f))
(define-syntax mixed
  (er-macro-transformer
   (lambda (form rename compare)
     ;; x as the macro's own, x as the user's.
     `(,(rename 'let) ((,(rename 'x) 1) (x 2)) (,(rename 'list) ,(rename 'x) x ,(cadr form))))))
(check (let ((x 0)) (mixed x)) => '(1 2 2))
(check (mixed (mixed 3)) => '(1 2 (1 2 3)))

(section "compare is free-identifier=?")
(define-syntax which
  (er-macro-transformer
   (lambda (form rename compare)
     (let ((word (cadr form)))
       `(,(rename 'quote)
         ,(cond ((compare word (rename 'else)) 'else)
                ((compare word (rename '=>)) 'arrow)
                ((compare word (rename 'nobody-binds-this)) 'unbound)
                (else 'other)))))))
(check (which else) => 'else)
(check (which =>) => 'arrow)
(check (let ((else #f)) (which else)) => 'other)
(check (which nobody-binds-this) => 'unbound)
(check (which 1) => 'other)
(check (which (else)) => 'other)
(define-syntax which-through-rules (syntax-rules () ((_ x) (list (which x) (which else)))))
(check (which-through-rules =>) => '(arrow else))
(check (let ((else 1)) (which-through-rules else)) => '(other else))
(define-syntax my-cond
  (er-macro-transformer
   (lambda (form rename compare)
     (let expand ((clauses (cdr form)))
       (if (null? clauses)
           #f
           (let ((clause (car clauses)))
             (if (compare (car clause) (rename 'else))
                 `(,(rename 'begin) ,@(cdr clause))
                 `(,(rename 'if) ,(car clause) (,(rename 'begin) ,@(cdr clause)) ,(expand (cdr clauses))))))))))
(check (my-cond (#f 1) (else 2)) => 2)
(check (let ((else #f)) (my-cond (else 1) (#t 3))) => 3)

(section "Quoting strips what was renamed")
(define-syntax quoted
  (er-macro-transformer
   (lambda (form rename compare)
     `(,(rename 'quote) (,(rename 'a) #(,(rename 'b) ,(rename (rename 'c))) . ,(rename 'd))))))
(check (quoted) => '(a #(b c) . d))
(check (symbol? (car (quoted))) => #t)
(define-syntax quasi
  (er-macro-transformer
   (lambda (form rename compare)
     `(,(rename 'let) ((,(rename 'v) (,(rename 'list) 1 2)))
       (,(rename 'quasiquote)
        (v ,(rename 'v) (,(rename 'unquote) ,(rename 'v)) (,(rename 'unquote-splicing) ,(rename 'v))
           (,(rename 'quasiquote) (,(rename 'unquote) (,(rename 'unquote) ,(cadr form))))))))))
(check (let ((w 9)) (quasi w)) => '(v v (1 2) 1 2 (quasiquote (unquote 9))))

(section "Data of every shape")
(define-syntax shape
  (er-macro-transformer
   (lambda (form rename compare) (list (rename 'quote) (cdr form)))))
(check (shape . tail) => 'tail)
(check (shape a . b) => '(a . b))
(check (shape #(1 #(two "three" #\4 5.5 #u8(6)))) => '(#(1 #(two "three" #\4 5.5 #u8(6)))))
(check (shape) => '())
(check (let ((circle (car (shape #0=(a b . #0#))))) (list (car circle) (caddr circle))) => '(a a))
(define-syntax as-vector
  (er-macro-transformer (lambda (form rename compare) (list->vector (cdr form)))))
(check (as-vector 1 x "s") => #(1 x "s"))
(define-syntax length-of-form (er-macro-transformer (lambda (form rename compare) (length form))))
(check (length-of-form a b (c d)) => 4)
(define-syntax vector-of-forms
  (er-macro-transformer
   (lambda (form rename compare) `(,(rename 'list) ,@(vector->list (cadr form))))))
(check (let ((x 1)) (vector-of-forms #((+ x 1) x))) => '(2 1))
(define-syntax make-adder
  (er-macro-transformer
   (lambda (form rename compare)
     `(,(rename 'case-lambda)
       ((,(rename 'x)) (,(rename '+) ,(rename 'x) ,(cadr form)))
       ((,(rename 'x) . ,(rename 'rest)) (,(rename 'apply) ,(rename '+) ,(rename 'x) ,(rename 'rest)))))))
(check (let ((x 10)) (list ((make-adder x) 1) ((make-adder x) 1 2 3))) => '(11 6))

(section "Definitions, and macros that define macros")
(define-syntax define-getter
  (er-macro-transformer
   (lambda (form rename compare)
     (let* ((name (identifier->symbol (cadr form)))
            (getter (string->symbol (string-append "get-" (symbol->string name)))))
       `(,(rename 'begin)
         (,(rename 'define) ,(rename 'hidden) ,(caddr form))
         (,(rename 'define) (,getter) ,(rename 'hidden)))))))
(define-getter colour 'red)
(check (get-colour) => 'red)
(check (let () (define-getter size 3) (define-getter weight 4) (list (get-size) (get-weight))) => '(3 4))
(define-syntax define-constant-macro
  (er-macro-transformer
   (lambda (form rename compare)
     `(,(rename 'define-syntax) ,(cadr form)
       (,(rename 'er-macro-transformer)
        (,(rename 'lambda) (,(rename 'f) ,(rename 'r) ,(rename 'c))
         (,(rename 'list) (,(rename 'r) (,(rename 'quote) ,(rename 'quote))) (,(rename 'quote) ,(caddr form)))))))))
(define-constant-macro five (1 2 3 4 5))
(check (five) => '(1 2 3 4 5))
(check (let () (define-constant-macro six 6) (six)) => 6)
(define-syntax define-er-inside-rules
  (syntax-rules ()
    ((_ name op)
     (define-syntax name
       (er-macro-transformer
        (lambda (form rename compare) (cons (rename 'op) (reverse (cdr form)))))))))
(define-er-inside-rules backwards -)
(check (backwards 1 10) => 9)
(check (let ((- +)) (backwards 1 10)) => 9)
(define-syntax define-rules
  (er-macro-transformer
   (lambda (form rename compare)
     `(,(rename 'define-syntax) ,(cadr form)
       (,(rename 'syntax-rules) ()
        ((,(rename '_) x) (,(rename 'let) ((,(rename 'y) 1)) (,(rename 'list) ,(rename 'y) x))))))))
(define-rules with-y)
(check (let ((y 2)) (with-y y)) => '(1 2))

(section "let-syntax, letrec-syntax, bodies")
(check (let ((x 'outer))
         (let-syntax ((m (er-macro-transformer (lambda (form rename compare) (rename 'x)))))
           (let ((x 'inner)) (list x (m)))))
       => '(inner outer))
(check (let ((x 'outer))
         (let-syntax ((m (er-macro-transformer (lambda (form rename compare) 'x))))
           (let ((x 'inner)) (m))))
       => 'inner)
(check (letrec-syntax
           ((my-even? (er-macro-transformer
                       (lambda (f r c) (if (null? (cdr f)) #t (cons (r 'my-odd?) (cddr f))))))
            (my-odd? (er-macro-transformer
                      (lambda (f r c) (if (null? (cdr f)) #f (cons (r 'my-even?) (cddr f)))))))
         (list (my-even? a b c d) (my-even? a b c)))
       => '(#t #f))
(check (let ((n 1))
         (define-syntax inc! (er-macro-transformer (lambda (f r c) `(,(r 'set!) ,(r 'n) (,(r '+) ,(r 'n) 1)))))
         (inc!)
         (let ((n 100)) (inc!))
         n)
       => 3)
(check (let-syntax ((outer (er-macro-transformer
                            (lambda (form rename compare)
                              (let-syntax ((inner (er-macro-transformer
                                                   (lambda (f r c) `(,(r 'quote) (inner ,@(cdr f)))))))
                                (list (rename 'quote) (inner 1 2)))))))
         (outer))
       => '(inner 1 2))
(check (let-syntax ((also swap!)) (let ((a 1) (b 2)) (also a b) (list a b))) => '(2 1))

(section "The transformer is any procedure, run while expanding")
(define (helper form rename compare) `(,(rename 'quote) (helped ,@(cdr form))))
(define-syntax by-name (er-macro-transformer helper))
(check (by-name a b) => '(helped a b))
(define uses 0)
(define-syntax counting (er-macro-transformer (lambda (f r c) (set! uses (+ uses 1)) uses)))
(check (let () (define (again) (counting)) (again) (again)) => 1)
(check (begin (counting) uses) => 2)
(define-syntax compile-time-sum
  (er-macro-transformer (lambda (f r c) (eval `(+ ,@(cdr f)) (environment '(scheme base))))))
(check (compile-time-sum 1 2 3) => 6)
(define-syntax evals-renamed
  (er-macro-transformer (lambda (f r c) (eval (list (r '+) 1 (list (r 'swapped-list) 2)) (interaction-environment)))))
(define-syntax escaping
  (er-macro-transformer
   (lambda (f r c)
     (call/cc (lambda (return) (for-each (lambda (x) (if (number? x) (return x))) (cdr f)) 'none)))))
(check (escaping a b 3 c) => 3)
(define-syntax guarded
  (er-macro-transformer
   (lambda (f r c) (guard (e (#t (list (r 'quote) (list 'caught (error-object-message e))))) (error "oops" 1)))))
(check (guarded) => '(caught "oops"))
(define-syntax mutating
  (er-macro-transformer (lambda (f r c) (set-car! f (r 'list)) (set-cdr! (cddr f) (list 3)) f)))
(check (mutating 1 2) => '(1 2 3))
(define-syntax expands-to-itself-while-positive
  (er-macro-transformer
   (lambda (f r c)
     (if (= (cadr f) 0) ''done (list (r 'expands-to-itself-while-positive) (- (cadr f) 1))))))
(check (expands-to-itself-while-positive 1000) => 'done)
(define-syntax garbage
  (er-macro-transformer
   (lambda (f r c)
     (let ((kept (map r '(a b c d))))
       (make-vector 300000 0)
       (let fill ((n 20000) (l '())) (if (> n 0) (fill (- n 1) (cons n l))))
       (list (r 'quote) (list (equal? kept (map r '(a b c d))) (cadr f)))))))
(check (let ((x 1)) (garbage x)) => '(#t x))

(section "Identifiers")
(define-syntax identifiers
  (er-macro-transformer
   (lambda (f r c)
     (list (r 'quote)
           (list (identifier? 'a) (identifier? (r 'a)) (identifier? "a") (identifier? '(a))
                 (identifier->symbol (r (r 'a))) (identifier->symbol 'b) (symbol? (r 'a)))))))
(check (identifiers) => '(#t #t #f #f a b #f))
(check-error (identifier->symbol 5))

(section "Libraries: macros that expand to private names")
(check (count!) => 1)
(check (let ((counter 'mine) (set! list)) (list (count!) counter)) => '(2 mine))
(check (current-count) => 2)
(check (tally a b c) => '((a . 1) (b . 1) (c . 1)))
(check (let ((helper-of-tally #f)) (tally x)) => '((x . 1)))

(section "Errors")
(define (message-of expression)
  (guard (e ((error-object? e) (error-object-message e)))
    (eval expression (interaction-environment))
    "no error"))
(define (says? text expression) (and (string-contains (message-of expression) text) #t))
(define (define-and-use transformer . arguments)
  `(let-syntax ((m (er-macro-transformer ,transformer))) (m ,@arguments)))
(check (says? "this macro's transformer failed: car: argument 1 should be a pair" (define-and-use '(lambda (f r c) (car 5)))) => #t)
(check (says? "custom 1 2" (define-and-use '(lambda (f r c) (error "custom" 1 2)))) => #f)
(check (says? "custom: 1 2" (define-and-use '(lambda (f r c) (error "custom" 1 2)))) => #t)
(check (says? "raised: thing" (define-and-use '(lambda (f r c) (raise 'thing)))) => #t)
(check (says? "expected a procedure" '(let-syntax ((m (er-macro-transformer 5))) (m))) => #t)
(check (says? "expected (er-macro-transformer" '(let-syntax ((m (er-macro-transformer))) (m))) => #t)
(check (says? "only allowed inside the form" '(list (er-macro-transformer car))) => #t)
(check (says? "takes 1" (define-and-use '(lambda (f) f))) => #t)
(check (says? "rename: argument 1 should be a symbol" (define-and-use '(lambda (f r c) (r 5)))) => #t)
(check (says? "x is a local variable around this macro"
              '(let ((x 1)) (let-syntax ((m (er-macro-transformer (lambda (f r c) x)))) (m)))) => #t)
(check (says? "x is a local variable around this macro"
              '(let ((x 1)) (let-syntax ((m (er-macro-transformer (lambda (f r c) (set! x 2) 1)))) (m)))) => #t)
(check (says? "definitions of the same library or body run later"
              '(begin (define (not-run-yet) 1)
                      (define-syntax m (er-macro-transformer (lambda (f r c) (not-run-yet))))
                      (m))) => #t)
(check (says? "does a macro expand without end"
              '(letrec-syntax ((m (er-macro-transformer (lambda (f r c) (list (r 'm) (make-vector 10000 f)))))) (m))) => #t)
(check (says? "not a dotted list" (define-and-use '(lambda (f r c) (let ((l (list 'list 1))) (set-cdr! (cdr l) l) l))))
       => #t)
(check (says? "nested too deeply"
              (define-and-use '(lambda (f r c) (let loop ((i 0) (x 1)) (if (= i 100000) x (loop (+ i 1) (list x))))))) => #t)
(check (says? "a call needs a procedure" (define-and-use '(lambda (f r c) '()))) => #t)
;; rename and compare belong to one use.
(define kept-rename #f)
(define kept-compare #f)
(define kept-identifier #f)
(define kept-continuation #f)
(define-syntax keeps
  (er-macro-transformer
   (lambda (f r c)
     (set! kept-rename r)
     (set! kept-compare c)
     (set! kept-identifier (r 'list))
     (call/cc (lambda (k) (set! kept-continuation k)))
     (r 'list)
     1)))
(check (keeps) => 1)
(check-error (kept-rename 'x))
(check-error (kept-compare 'x 'x))
;; What it renamed still means what it did.
(check (eval (list kept-identifier 1 2) (interaction-environment)) => '(1 2))
(define-syntax use-kept (er-macro-transformer (lambda (f r c) (list kept-identifier 3))))
(check (let ((list vector)) (use-kept)) => '(3))
(define (nested-eval)
  (eval '(let-syntax ((m (er-macro-transformer
                          (lambda (f r c)
                            (call/cc (lambda (k) (set! kept-continuation k)))
                            (r 'list)
                            1))))
           (m))
        (interaction-environment)))
(eval '(define kept-continuation #f) (interaction-environment))
(check (nested-eval) => 1)
(check-error ((eval 'kept-continuation (interaction-environment)) 1))
;; A continuation from outside ends the expansion.
(check (call/cc (lambda (k)
                  (eval `(define escape-hatch ,k) (interaction-environment))
                  (eval '(let-syntax ((m (er-macro-transformer (lambda (f r c) (escape-hatch 'out))))) (m))
                        (interaction-environment))
                  'not-reached))
       => 'out)
(check (let ((log '()))
         (dynamic-wind
          (lambda () (set! log (cons 'in log)))
          (lambda ()
            (call/cc (lambda (k)
                       (eval `(define escape-hatch ,k) (interaction-environment))
                       (eval '(let-syntax ((m (er-macro-transformer (lambda (f r c) (escape-hatch 'out))))) (m))
                             (interaction-environment)))))
          (lambda () (set! log (cons 'out log))))
         log)
       => '(out in))
;; Macros that evaluate macros that evaluate ...
(check (message-of
        '(let-syntax ((m (er-macro-transformer
                          (lambda (f r c)
                            (if (= (cadr f) 0) 0 (+ 1 (eval `(nested ,(- (cadr f) 1)) (interaction-environment))))))))
           (m 0)))
       => "no error")
(eval '(define-syntax nested
         (er-macro-transformer
          (lambda (f r c)
            (if (= (cadr f) 0) 0 (+ 1 (eval `(nested ,(- (cadr f) 1)) (interaction-environment)))))))
      (interaction-environment))
(check (eval '(nested 40) (interaction-environment)) => 40)

(check-report)
