;; R7RS 4.3 and 5.4: macros, hygiene.
(import (scheme base) (check))

(section "4.3.1 Binding constructs for syntactic keywords")
(check (let-syntax ((given-that (syntax-rules ()
                                  ((_ test stmt1 stmt2 ...) (if test (begin stmt1 stmt2 ...))))))
         (let ((if #t)) (given-that if (set! if 'now)) if))
       => 'now)
(check (let ((x 'outer))
         (let-syntax ((m (syntax-rules () ((m) x))))
           (let ((x 'inner)) (m))))
       => 'outer)
(check (letrec-syntax
           ((my-or (syntax-rules ()
                     ((my-or) #f)
                     ((my-or e) e)
                     ((my-or e1 e2 ...) (let ((temp e1)) (if temp temp (my-or e2 ...)))))))
         (let ((x #f) (y 7) (temp 8) (let odd?) (if even?))
           (my-or x (let temp) (if y) y)))
       => 7)
(check (let-syntax () 5) => 5)
(check (let ((f (lambda (x) (+ x 1))))
         (let-syntax ((f (syntax-rules () ((_ x) x))) (g (syntax-rules () ((_ x) (f x)))))
           (list (f 1) (g 1))))
       => '(1 2))
(check (let ((f (lambda (x) (+ x 1))))
         (letrec-syntax ((f (syntax-rules () ((_ x) x))) (g (syntax-rules () ((_ x) (f x)))))
           (list (f 1) (g 1))))
       => '(1 1))
(check (let () (let-syntax ((def (syntax-rules () ((_ n v) (define n v))))) (define local 1) local)) => 1)

(section "4.3.2 Pattern language")
(define-syntax be-like-begin
  (syntax-rules ()
    ((be-like-begin name)
     (define-syntax name (syntax-rules () ((name expr (... ...)) (begin expr (... ...))))))))
(be-like-begin sequence)
(check (sequence 1 2 3 4) => 4)
(check (let ((=> #f)) (cond (#t => 'ok))) => 'ok)
(define-syntax swap!
  (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))
(check (let ((tmp 1) (other 2)) (swap! tmp other) (list tmp other)) => '(2 1))
(define-syntax my-let
  (syntax-rules ()
    ((_ ((name val) ...) body1 body2 ...) ((lambda (name ...) body1 body2 ...) val ...))))
(check (my-let ((a 1) (b 2)) (+ a b)) => 3)
(define-syntax nested
  (syntax-rules () ((_ (a b ...) ...) '((a ...) (b ... ...) ((b ... a) ...)))))
(check (nested (1 2 3) (4) (5 6)) => '((1 4 5) (2 3 6) ((2 3 1) (4) (6 5))))
(define-syntax tail-pattern
  (syntax-rules () ((_ a ... b c) '((a ...) b c))))
(check (tail-pattern 1 2) => '(() 1 2))
(check (tail-pattern 1 2 3 4) => '((1 2) 3 4))
(define-syntax dotted
  (syntax-rules () ((_ a . b) '(a b))))
(check (dotted 1 2 3) => '(1 (2 3)))
(check (dotted 1 . 2) => '(1 2))
(define-syntax dotted-ellipsis
  (syntax-rules () ((_ a ... . r) '((a ...) r))))
(check (dotted-ellipsis 1 2 . 3) => '((1 2) 3))
(check (dotted-ellipsis 1 2) => '((1 2) ()))
(define-syntax vector-pattern
  (syntax-rules () ((_ #(a b ...)) '(a (b ...))) ((_ x) 'other)))
(check (vector-pattern #(1 2 3)) => '(1 (2 3)))
(check (vector-pattern (1 2 3)) => 'other)
(define-syntax vector-template
  (syntax-rules () ((_ a ...) #(a ... end))))
(check (vector-template 1 2) => #(1 2 end))
(define-syntax literals
  (syntax-rules (in from)
    ((_ a in b) '(in a b))
    ((_ a from b) '(from a b))
    ((_ a b c) '(none a b c))))
(check (literals 1 in 2) => '(in 1 2))
(check (literals 1 from 2) => '(from 1 2))
(check (literals 1 at 2) => '(none 1 at 2))
(check (let ((in 5)) (literals 1 in 2)) => '(none 1 in 2))
(define-syntax datum-pattern
  (syntax-rules () ((_ 1) 'one) ((_ "two") 'two) ((_ #\3) 'three) ((_ #t) 'true) ((_ ()) 'null) ((_ x) 'other)))
(check (list (datum-pattern 1) (datum-pattern "two") (datum-pattern #\3) (datum-pattern #t) (datum-pattern ())
             (datum-pattern 4))
       => '(one two three true null other))
(define-syntax underscore
  (syntax-rules () ((_ _ x _) 'x)))
(check (underscore 1 2 3) => 2)
(define-syntax custom-ellipsis
  (syntax-rules ::: () ((_ (a b :::) :::) '((a :::) (b ::: :::) (... ...)))))
(check (custom-ellipsis (1 2 3) (4 5)) => '((1 4) (2 3 5) (... ...)))
(define-syntax escape
  (syntax-rules () ((_ a) '(a (... ...)))))
(check (escape 1) => '(1 ...))
(define-syntax ellipsis-literal
  (syntax-rules (...) ((_ ...) 'dots) ((_ x) 'no)))
(check (ellipsis-literal ...) => 'dots)
(check (ellipsis-literal 1) => 'no)
(define-syntax count-args
  (syntax-rules () ((_) 0) ((_ x . rest) (+ 1 (count-args . rest)))))
(check (count-args a b c d) => 4)
(define-syntax my-cond
  (syntax-rules (else)
    ((_) #f)
    ((_ (else e)) e)
    ((_ (c e) clause ...) (if c e (my-cond clause ...)))))
(check (my-cond (#f 1) (else 2)) => 2)
(check (let ((else #f)) (my-cond (#f 1) (else 2) (#t 3))) => 3)

(section "4.3 Hygiene")
(define-syntax my-unless
  (syntax-rules () ((_ c e) (if (not c) e 'skipped))))
(check (let ((not (lambda (x) x))) (my-unless #f 'ran)) => 'ran)
(check (let ((if list)) (my-unless #f 'ran)) => 'ran)
(define-syntax with-temp
  (syntax-rules () ((_ e) (let ((temp 1)) (+ temp e)))))
(check (let ((temp 10)) (with-temp temp)) => 11)
(define-syntax while
  (syntax-rules () ((_ c body ...) (let loop () (when c body ... (loop))))))
(check (let ((i 0) (loop 'mine)) (while (< i 3) (set! i (+ i 1))) (list i loop)) => '(3 mine))
(define-syntax make-adder
  (syntax-rules () ((_ name n) (define (name x) (+ x n)))))
(make-adder add5 5)
(check (add5 1) => 6)
(define-syntax define-getter
  (syntax-rules () ((_ getter value) (begin (define hidden value) (define (getter) hidden)))))
(check (let () (define-getter get-a 1) (define-getter get-b 2) (list (get-a) (get-b))) => '(1 2))
(check (let ()
         (define-syntax define-pair
           (syntax-rules () ((_ a b v) (begin (define t v) (define a t) (define b (+ t 1))))))
         (define t 100)
         (define-pair p q 5)
         (list p q t))
       => '(5 6 100))
(define-syntax ten (syntax-rules () ((_) 10)))
(define-syntax define-tenfold (syntax-rules () ((_ name) (define (name x) (* x (ten))))))
(define-tenfold tenfold)
(check (tenfold 4) => 40)
(define-syntax kons (syntax-rules () ((_ (a b)) (cons a b))))
(check (let ((cons list)) (kons (1 2))) => '(1 . 2))
;; The macro's own use of its name is the one where it was defined.
(define-syntax chain
  (syntax-rules () ((_ x) x) ((_ f g ...) (f (chain g ...)))))
(check (chain car cdr '(1 2)) => 2)
;; Nested quotation strips renamings.
(define-syntax quote-it (syntax-rules () ((_ x) '(let x (if #(a x))))))
(check (quote-it y) => '(let y (if #(a y))))
(define-syntax qq (syntax-rules () ((_ x) `(a ,x ,@(list x x)))))
(check (qq (+ 1 1)) => '(a 2 2 2))
;; A macro that expands into a macro with its own pattern variables.
(define-syntax define-constant-macro
  (syntax-rules () ((_ name value) (define-syntax name (syntax-rules () ((_) value))))))
(define-constant-macro seven 7)
(check (seven) => 7)
(check (let ((x 1))
         (define-syntax capture-x (syntax-rules () ((_) x)))
         (let ((x 2)) (capture-x)))
       => 1)
(check (let ((x 1))
         (define-syntax set-x! (syntax-rules () ((_ v) (set! x v))))
         (let ((x 2)) (set-x! 3) x))
       => 2)
(define-syntax bind-and-use
  (syntax-rules () ((_ name value body) (let ((name value)) body))))
(check (bind-and-use z 3 (* z z)) => 9)
(define-syntax my-do-twice (syntax-rules () ((_ e) (begin e e))))
(check (let ((n 0)) (my-do-twice (my-do-twice (set! n (+ n 1)))) n) => 4)
(define-syntax ck-if (syntax-rules () ((_ c t e) (cond (c t) (else e)))))
(check (let ((else #f)) (ck-if #f 1 2)) => 2)
(define-syntax generate-temporaries
  (syntax-rules ()
    ((_ () (t ...) (v ...)) (let ((t v) ...) (list t ...)))
    ((_ (x . rest) (t ...) vs) (generate-temporaries rest (t ... tmp) vs))))
(check (generate-temporaries (a b c) () (1 2 3)) => '(1 2 3))
(define-syntax letrec-like
  (syntax-rules ()
    ((_ ((v i) ...) body) (letrec-like "temps" (v ...) () ((v i) ...) body))
    ((_ "temps" () (t ...) ((v i) ...) body) (let ((v #f) ...) (let ((t i) ...) (set! v t) ... body)))
    ((_ "temps" (x y ...) (t ...) bindings body) (letrec-like "temps" (y ...) (new t ...) bindings body))))
(check (letrec-like ((ev? (lambda (n) (if (= n 0) #t (od? (- n 1))))) (od? (lambda (n) (if (= n 0) #f (ev? (- n 1))))))
                    (ev? 10))
       => #t)

(section "4.3.3 Signaling errors in macro transformers")
(define-syntax simple-let
  (syntax-rules ()
    ((_ ((x . y) val) body) (syntax-error "expected an identifier but got" (x . y)))
    ((_ (name val) body) (let ((name val)) body))))
(check (simple-let (a 5) (+ a 1)) => 6)

;; An ellipsis among the literals is a literal, whatever its name.
(define-syntax named-literal (syntax-rules ooo (ooo) ((_ x ooo) '(literal x)) ((_ x y) '(other x y))))
(check (named-literal 1 ooo) => '(literal 1))
(check (named-literal 1 2) => '(other 1 2))
(define-syntax dots-named (syntax-rules ... (...) ((_ x ...) '(literal x ...)) ((_ x y) '(other x y))))
(check (dots-named 1 ...) => '(literal 1 ...))
(check (dots-named 1 2) => '(other 1 2))
(define-syntax in-vector (syntax-rules ooo (ooo) ((_ #(x ooo)) '#(literal x ooo)) ((_ #(x y)) '#(other x y))))
(check (in-vector #(1 ooo)) => '#(literal 1 ooo))
(check (in-vector #(1 2)) => '#(other 1 2))
(define-syntax dots-in-vector (syntax-rules ... (...) ((_ #(x ...)) '#(literal x ...)) ((_ . r) 'other)))
(check (dots-in-vector #(1 ...)) => '#(literal 1 ...))
(check (dots-in-vector #(1 2)) => 'other)
(define-syntax in-tail (syntax-rules ooo (ooo) ((_ x ooo . r) '(literal x r)) ((_ . r) 'other)))
(check (in-tail 1 ooo 2 3) => '(literal 1 (2 3)))
(check (in-tail 1 2 3) => 'other)
;; With another ellipsis `...` is an identifier like any other; `_` may be the ellipsis, or a literal.
(define-syntax dots-variable (syntax-rules ooo () ((_ ... ooo) '(... ooo (ooo ooo)))))
(check (dots-variable 1 2 3) => '(1 2 3 ooo))
(define-syntax underscore-ellipsis (syntax-rules _ () ((m x _) '(x _ end))))
(check (underscore-ellipsis 1 2) => '(1 2 end))
(define-syntax underscore-literal (syntax-rules ooo (_ ooo) ((m _ ooo) 'literals) ((m x y) '(x y))))
(check (list (underscore-literal _ ooo) (underscore-literal 1 2)) => '(literals (1 2)))
(define-syntax both-literal (syntax-rules ooo (ooo ...) ((_ x ooo ...) '(x ooo ...)) ((_ . r) 'other)))
(check (list (both-literal 1 ooo ...) (both-literal 1 2 3)) => '((1 ooo ...) other))
;; An ellipsis may follow a literal.
(define-syntax literals-repeated (syntax-rules (=>) ((_ => ... x) '(all x)) ((_ . r) 'other)))
(check (list (literals-repeated => => 1) (literals-repeated 1) (literals-repeated => 2 1)) => '((all 1) (all 1) other))
;; The escape of a named ellipsis is made with it; where it is a literal there is none.
(define-syntax escaped-name (syntax-rules ooo () ((_ x y ooo) '((ooo ooo) y ooo (ooo (x ooo))))))
(check (escaped-name 1 2 3) => '(ooo 2 3 (1 ooo)))
(define-syntax no-escape (syntax-rules ooo (ooo) ((_ x) '(ooo (x ooo)))))
(check (no-escape 1) => '(ooo (1 ooo)))
;; A macro whose template makes macros: the inner ellipsis is the one that the inner macro names.
(define-syntax make-lister
  (syntax-rules ()
    ((_ name dots) (define-syntax name (syntax-rules dots () ((_ x dots) '(x dots end)))))))
(make-lister list-by-hash ooo)
(check (list-by-hash 1 2 3) => '(1 2 3 end))
(define-syntax make-literal
  (syntax-rules ()
    ((_ name dots) (define-syntax name (syntax-rules dots (dots) ((_ x dots) '(literal x)) ((_ . r) 'other))))))
(make-literal literal-ooo ooo)
(check (list (literal-ooo 1 ooo) (literal-ooo 1 2 3)) => '((literal 1) other))
(define-syntax make-tail-lister
  (syntax-rules () ((_ name) (define-syntax name (syntax-rules () ((_ x (... ...)) '(x (... ...) end)))))))
(make-tail-lister tail-lister)
(check (tail-lister 1 2) => '(1 2 end))
;; Where `...` is a variable it is no ellipsis, but a name of that name.
(check (let ((... 2)) (let-syntax ((s (syntax-rules () ((_ x ...) 'two) ((_ . r) 'other)))) (list (s 1 2) (s 1 2 3))))
       => '(two other))

(section "5.4 Syntax definitions")
(check (let ((x 1) (y 2))
         (define-syntax swap-local! (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))
         (swap-local! x y)
         (list x y))
       => '(2 1))
(check (let ()
         (define (f) (g))
         (define-syntax m (syntax-rules () ((_) 'm)))
         (define (g) (m))
         (f))
       => 'm)

(check-report)
