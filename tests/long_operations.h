// Calls of built-in procedures that take long on much data, for a test and a benchmark of interrupts.

#ifndef ISLET_TESTS_LONG_OPERATIONS_H_
#define ISLET_TESTS_LONG_OPERATIONS_H_

namespace islet {

struct LongOperation {
  const char* name;
  const char* prepare;     // evaluated before
  const char* expression;  // the call; one that is over sooner than it can be interrupted is repeated by loops in Lisp
  const char* check;       // must be true afterwards, and if nothing has been done yet
};

#define ISLET_LIST "(define l (make-list 12000000 7)) (define end (list 1))"
#define ISLET_VECTOR "(define v (make-vector 16000000 7)) (define n (vector-length v))"
#define ISLET_STRING "(define s (make-string 40000000 #\\a)) (define n (string-length s))"
#define ISLET_WIDE "(define s (make-string 16000000 #\\x3bb)) (define n (string-length s))"
#define ISLET_BYTES "(define b (make-bytevector 64000000 7))"
#define ISLET_LONG_INTEGER "(define a (- (expt 7 6000000) 1)) (define b (- (expt 11 5000000) 2))"
#define ISLET_INTEGER "(define a (- (expt 7 700000) 1)) (define b (- (expt 11 500000) 2))"
#define ISLET_AGAIN(call) "(let again () " call " (again))"

inline constexpr LongOperation kLongOperations[] = {
    // Lists.
    {"length", ISLET_LIST, ISLET_AGAIN("(length l)"), "(pair? l)"},
    {"list?", ISLET_LIST, ISLET_AGAIN("(list? l)"), "(pair? l)"},
    {"list-tail", ISLET_LIST, ISLET_AGAIN("(list-tail l 11000000)"), "(pair? l)"},
    {"memv", ISLET_LIST, ISLET_AGAIN("(memv 8 l)"), "(pair? l)"},
    {"member", ISLET_LIST, ISLET_AGAIN("(member \"8\" l)"), "(pair? l)"},
    {"assq", "(define l (make-list 8000000 '(a . b)))", ISLET_AGAIN("(assq 'c l)"), "(pair? l)"},
    {"make-list", "", "(make-list 40000000 1)", "#t"},
    {"append", ISLET_LIST, "(append l l end)", "(= 1 (length end))"},
    {"reverse", ISLET_LIST, "(reverse l)", "(= (length l) 12000000)"},
    {"list-copy", ISLET_LIST, "(list-copy l)", "(= (length l) 12000000)"},
    {"list->vector", ISLET_LIST, ISLET_AGAIN("(list->vector l)"), "(= (length l) 12000000)"},
    {"list->string", "(define l (make-list 12000000 #\\a))", ISLET_AGAIN("(list->string l)"), "(pair? l)"},
    {"apply (+)", ISLET_LIST, ISLET_AGAIN("(apply + l)"), "(pair? l)"},
    {"apply (max)", ISLET_LIST, ISLET_AGAIN("(apply max l)"), "(pair? l)"},
    {"apply (append)", "(define l (make-list 6000000 '(1)))", ISLET_AGAIN("(apply append l)"), "(pair? l)"},
    {"apply (string-append)", "(define l (make-list 6000000 \"ab\"))", ISLET_AGAIN("(apply string-append l)"),
     "(pair? l)"},
    {"list-sort", "(define l (vector->list (make-vector 1000000 3)))", "(list-sort < l)", "(pair? l)"},
    // Vectors.
    {"make-vector", "", ISLET_AGAIN("(make-vector 60000000 1)"), "#t"},
    {"vector-fill!", ISLET_VECTOR, ISLET_AGAIN("(vector-fill! v 8)"), "(memv (vector-ref v 0) '(7 8))"},
    {"vector-copy", ISLET_VECTOR, ISLET_AGAIN("(vector-copy v)"), "(= (vector-ref v 5) 7)"},
    {"vector-copy!", ISLET_VECTOR, ISLET_AGAIN("(vector-copy! v 1 v 0 (- n 1))"), "(= (vector-ref v 5) 7)"},
    {"vector-append", ISLET_VECTOR, ISLET_AGAIN("(vector-append v v)"), "(= (vector-ref v 5) 7)"},
    {"vector->list", ISLET_VECTOR, "(vector->list v)", "(= (vector-ref v 5) 7)"},
    {"vector-sort!", "(define v (vector-map (lambda (i) (modulo (* i 7919) 1000003)) (make-vector 1000000 5)))",
     "(vector-sort! < v)", "(= 1000000 (vector-length v))"},
    // Strings and bytevectors.
    {"make-string", "", ISLET_AGAIN("(make-string 40000000 #\\x3bb)"), "#t"},
    {"string-copy", ISLET_STRING, ISLET_AGAIN("(string-copy s)"), "(= n (string-length s))"},
    {"string-append", ISLET_WIDE, ISLET_AGAIN("(string-append s s)"), "(= n (string-length s))"},
    {"string-fill!", ISLET_STRING, ISLET_AGAIN("(string-fill! s #\\b)"), "(memv (string-ref s 0) '(#\\a #\\b))"},
    {"string-fill! (wide)", ISLET_STRING, ISLET_AGAIN("(string-fill! s #\\x3bb)"),
     "(begin (string-set! s 1 #\\x3bb) (char=? (string-ref s 1) #\\x3bb))"},
    {"string-upcase", ISLET_STRING, "(string-upcase s)", "(= n (string-length s))"},
    {"string-ci=?", ISLET_WIDE, "(string-ci=? s (string-append s \"\"))", "(= n (string-length s))"},
    {"string-downcase (sigmas)",
     "(define s (string-append \"a\" (make-string 300000 #\\x3a3) (make-string 300000 #\\:)))",
     ISLET_AGAIN("(string-downcase s)"), "(string? s)"},
    {"string=?", ISLET_WIDE "(define t (string-copy s))", ISLET_AGAIN("(string=? s t)"), "(= n (string-length s))"},
    {"string-contains", ISLET_STRING, ISLET_AGAIN("(string-contains s \"aaab\")"), "(= n (string-length s))"},
    {"string-contains (long)", ISLET_STRING "(define p (string-append (make-string 90000 #\\a) \"b\"))",
     ISLET_AGAIN("(string-contains s p)"), "(= n (string-length s))"},
    {"string-index", ISLET_STRING, ISLET_AGAIN("(string-index s #\\b)"), "(= n (string-length s))"},
    {"string-split", "(define s (make-string 8000000 #\\,))", "(string-split s #\\,)", "(string? s)"},
    {"string->list", ISLET_STRING, "(string->list s)", "(= n (string-length s))"},
    {"string->utf8", ISLET_WIDE, ISLET_AGAIN("(string->utf8 s)"), "(= n (string-length s))"},
    {"utf8->string", ISLET_WIDE "(define b (string->utf8 s))", ISLET_AGAIN("(utf8->string b)"), "(bytevector? b)"},
    {"string->vector", ISLET_STRING, ISLET_AGAIN("(string->vector s)"), "(= n (string-length s))"},
    {"bytevector-copy", ISLET_BYTES, ISLET_AGAIN("(bytevector-copy b)"), "(= 7 (bytevector-u8-ref b 9))"},
    {"bytevector-fill!", ISLET_BYTES, ISLET_AGAIN("(bytevector-fill! b 8)"), "(memv (bytevector-u8-ref b 0) '(7 8))"},
    {"string->char-set",
     "(import (scheme base) (srfi 14)) (define s (make-string 16000000 #\\x3bb)) (define (set) "
     "(string->char-set s))",
     ISLET_AGAIN("(set)"), "(string? s)"},
    {"regexp-search",
     "(import (scheme base) (srfi 115)) (define s (make-string 3000000 #\\a))"
     "(define r (regexp '(: (* (or #\\a (: #\\a #\\a))) #\\b))) (define (search text) "
     "(regexp-search r text))",
     "(search s)", "(not (search \"aaa\"))"},
    {"string-foldcase (longer)", "(define s (make-string 20000000 #\\xdf)) (define n (string-length s))",
     ISLET_AGAIN("(string-foldcase s)"), "(= n (string-length s))"},
    {"string-reverse", ISLET_WIDE, ISLET_AGAIN("(string-reverse s)"), "(= n (string-length s))"},
    {"string (arguments)", "(define l (make-list 12000000 #\\x3bb))", ISLET_AGAIN("(apply string l)"), "(pair? l)"},
    {"string-join", "(define l (make-list 2000000 \"some text\"))", ISLET_AGAIN("(string-join l \", \")"), "(pair? l)"},
    {"string->symbol", "(define s (make-string 100000000 #\\a))",
     "(let again ((i 0)) (string-set! s 0 (integer->char (+ 97 (modulo i 26)))) (string->symbol s) (again (+ i 1)))",
     "(symbol? (string->symbol (substring s 0 9)))"},
    {"string->symbol (wide)", ISLET_WIDE, ISLET_AGAIN("(string->symbol s)"),
     "(symbol? (string->symbol (substring s 0 9)))"},
    {"symbol-append", "(define s (string->symbol (make-string 30000000 #\\a)))", ISLET_AGAIN("(symbol-append s s s)"),
     "(eq? 'ab (symbol-append 'a 'b))"},
    {"symbol->string", "(define s (string->symbol (make-string 30000000 #\\a)))",
     ISLET_AGAIN("(string-copy (symbol->string s))"), "(symbol? s)"},
    // Equality, hash tables.
    {"equal? (lists)", ISLET_LIST "(define m (list-copy l))", ISLET_AGAIN("(equal? l m)"), "(pair? m)"},
    {"equal? (vectors)",
     "(define (nest i) (if (= i 0) (make-vector 10 \"a\") (let ((v (make-vector 10 0)))"
     " (do ((k 0 (+ k 1))) ((= k 10) v) (vector-set! v k (nest (- i 1)))))))"
     "(define a (nest 5)) (define b (nest 5))",
     ISLET_AGAIN("(equal? a b)"), "(vector? a)"},
    {"equal? (circular)",
     "(define (ring n) (let ((l (make-list n 1))) (set-cdr! (list-tail l (- n 1)) l) l))"
     "(define a (ring 1999993)) (define b (ring 1999979))",
     "(equal? a b)", "(pair? a)"},
    {"hash (long string)", ISLET_WIDE, ISLET_AGAIN("(string-hash s)"), "(= n (string-length s))"},
    {"string-ci-hash", "(define s (make-string 100000000 #\\A))", ISLET_AGAIN("(string-ci-hash s)"),
     "(= (string-ci-hash \"ABC\") (string-hash \"abc\"))"},
    {"string-ci-hash (longer)", "(define s (make-string 20000000 #\\xdf))", ISLET_AGAIN("(string-ci-hash s)"),
     "(= (string-ci-hash \"\\xdf;\") (string-hash \"ss\"))"},
    // Not empty, lest a thread that is slow to begin is interrupted before anything has grown.
    {"hash-table-set! (growth)", "(define t (make-hash-table eqv?)) (hash-table-set! t (* 0 1.5) 0)",
     "(let loop ((i 0)) (hash-table-set! t (* i 1.5) i) (loop (+ i 1)))",
     "(let* ((n (hash-table-count t)) (last (* 1.5 (- n 1))))"
     " (and (eqv? (hash-table-ref/default t last #f) (- n 1)) (eqv? (hash-table-ref/default t 0. "
     "#f) 0)"
     " (begin (hash-table-set! t 'new 1) (= (hash-table-count t) (+ n 1)))"
     " (begin (hash-table-delete! t 'new) #t)))"},
    {"hash-table-copy",
     "(define t (make-hash-table eqv?)) (do ((i 0 (+ i 1))) ((= i 2000000)) (hash-table-set! t i "
     "i))",
     ISLET_AGAIN("(hash-table-copy t)"), "(eqv? 1999999 (hash-table-ref/default t 1999999 #f))"},
    {"hash-table->alist",
     "(define t (make-hash-table eqv?)) (do ((i 0 (+ i 1))) ((= i 2000000)) (hash-table-set! t i "
     "i))",
     ISLET_AGAIN("(hash-table->alist t)"), "(eqv? 1999999 (hash-table-ref/default t 1999999 #f))"},
    {"hash-table-ref (colliding)",
     "(define t (make-hash-table equal?)) (define (key i) (append (make-list 70 1) (list i)))"
     "(do ((i 0 (+ i 1))) ((= i 1500)) (hash-table-set! t (key i) i))",
     ISLET_AGAIN("(hash-table-ref/default t (key 1400) #f)"), "(eqv? 7 (hash-table-ref/default t (key 7) #f))"},
    // Text of data.
    {"write (list)", ISLET_LIST, "(write l (open-output-string))", "(pair? l)"},
    {"write (deep)", "(define d '()) (do ((i 0 (+ i 1))) ((= i 4000000)) (set! d (list d)))",
     "(write d (open-output-string))", "(pair? d)"},
    {"write-shared", ISLET_LIST, "(write-shared l (open-output-string))", "(pair? l)"},
    {"write (string)", ISLET_STRING, "(write s (open-output-string))", "(string? s)"},
    {"read (list)", "(define s (string-append \"(\" (string-concatenate (make-list 1500000 \"abc 12 \")) \")\"))",
     "(read (open-input-string s))", "(string? s)"},
    {"read (string)", "(define s (string-append \"\\\"\" (make-string 30000000 #\\a) \"\\\"\"))",
     "(read (open-input-string s))", "(string? s)"},
    {"read (symbol)", "(define s (make-string 100000000 #\\a))", ISLET_AGAIN("(read (open-input-string s))"),
     "(string? s)"},
    {"read (symbol between bars)", "(define s (string-append \"|\" (make-string 40000000 #\\space) \"|\"))",
     ISLET_AGAIN("(read (open-input-string s))"), "(string? s)"},
    {"read (folded)", "(define s (string-append \"#!fold-case \" (make-string 40000000 #\\A)))",
     ISLET_AGAIN("(read (open-input-string s))"), "(string? s)"},
    {"read (escapes)",
     "(define s (string-append \"\\\"\" (string-concatenate (make-list 10000000 \"\\\\n\")) \"\\\"\"))",
     ISLET_AGAIN("(read (open-input-string s))"), "(string? s)"},
    {"read (number)", "(define s (make-string 3000000 #\\7))", ISLET_AGAIN("(read (open-input-string s))"),
     "(string? s)"},
    {"write (symbol)", "(define s (string->symbol (make-string 40000000 #\\a)))",
     ISLET_AGAIN("(write s (open-output-string))"), "(symbol? s)"},
    {"read-line", ISLET_STRING, ISLET_AGAIN("(read-line (open-input-string s))"), "(string? s)"},
    {"read-string", ISLET_WIDE, ISLET_AGAIN("(read-string n (open-input-string s))"), "(string? s)"},
    {"read-bytevector", ISLET_BYTES, ISLET_AGAIN("(read-bytevector 64000000 (open-input-bytevector b))"),
     "(bytevector? b)"},
    {"get-output-string", ISLET_WIDE "(define p (open-output-string)) (write-string s p)",
     ISLET_AGAIN("(get-output-string p)"), "(= n (string-length (get-output-string p)))"},
    {"get-output-bytevector", ISLET_BYTES "(define p (open-output-bytevector)) (write-bytevector b p)",
     ISLET_AGAIN("(get-output-bytevector p)"), "(= 64000000 (bytevector-length (get-output-bytevector p)))"},
    {"eval (list)", "(define e (cons '+ (make-list 400000 '(* 2 3))))",
     ISLET_AGAIN("(eval (list 'quote e) (interaction-environment))"), "(pair? e)"},
    {"eval (code)", "(define e (cons '+ (make-list 400000 '(* 2 3))))",
     ISLET_AGAIN("(eval e (interaction-environment))"), "(pair? e)"},
    {"eval (procedures)",
     "(define e (cons 'list (make-list 100000 '(lambda (x) (let ((y (car x))) (lambda () (+ y "
     "1)))))))",
     ISLET_AGAIN("(eval e (interaction-environment))"), "(pair? e)"},
    {"eval (macro)",
     "(define-syntax twice (syntax-rules () ((_ (x ...) y) (begin (twice (x ... x ...) y) (twice "
     "(x ... x ...) y)))))",
     "(eval '(twice (a) b) (interaction-environment))", "#t"},
    {"eval (er-macro)",
     "(import (islet)) (define-syntax datum (er-macro-transformer (lambda (form rename compare) "
     "(list (rename 'quote)"
     " (list (rename 'x) (reverse (cadr form))))))) (define e (list 'datum (make-list 400000 '(* 2 "
     "3))))",
     ISLET_AGAIN("(eval e (interaction-environment))"), "(pair? e)"},
    {"eval (begin)", "(define x '(1)) (define e (cons 'begin (make-list 200000 '(car x))))",
     ISLET_AGAIN("(eval e (interaction-environment))"), "(pair? e)"},
    {"eval (body)", "(define x '(1)) (define e (cons* 'let '() '(define y x) (make-list 200000 '(car y))))",
     ISLET_AGAIN("(eval e (interaction-environment))"), "(pair? e)"},
    {"eval (ellipsis)",
     "(define-syntax each (syntax-rules () ((_ (x y) ...) (quote #((y x) ...)))))"
     "(define e (cons 'each (make-list 200000 '(1 2))))",
     ISLET_AGAIN("(eval e (interaction-environment))"), "(pair? e)"},
    // Many operations in one call, each of which is too short to poll by itself.
    {"member (long strings)",
     "(define s (make-string 60000 #\\a)) (define t (string-append s \"b\"))"
     "(define l (make-list 100000 (string-append s \"c\")))",
     ISLET_AGAIN("(member t l)"), "(pair? l)"},
    {"equal? (long strings)",
     "(define s (make-string 60000 #\\a)) (define l (make-list 100000 s))"
     "(define m (make-list 100000 (string-copy s)))",
     ISLET_AGAIN("(equal? l m)"), "(pair? l)"},
    {"string=? (long strings)",
     "(define s (make-string 60000 #\\a)) (define t (string-copy s))"
     "(define l (append-map (lambda (i) (list s t)) (iota 10000)))",
     ISLET_AGAIN("(apply string=? l)"), "(pair? l)"},
    {"string-append (long strings)", "(define l (make-list 1500 (make-string 60000 #\\a)))",
     ISLET_AGAIN("(apply string-append l)"), "(pair? l)"},
    {"string-concatenate (wide)", "(define l (make-list 1500 (make-string 15000 #\\x3bb)))",
     ISLET_AGAIN("(string-concatenate l)"), "(pair? l)"},
    {"vector-append (long vectors)", "(define l (make-list 1500 (make-vector 15000 1)))",
     ISLET_AGAIN("(apply vector-append l)"), "(pair? l)"},
    {"= (long integers)", "(define a (expt 7 150000)) (define l (map (lambda (i) (+ a 1 -1)) (iota 2000)))",
     ISLET_AGAIN("(apply = l)"), "(pair? l)"},
    {"< (long ratios)",
     "(define a (expt 7 15000)) (define b (expt 11 12000))"
     "(define l (map (lambda (i) (/ (+ a i) b)) (iota 2000)))",
     ISLET_AGAIN("(apply < l)"), "(pair? l)"},
    {"gcd (integers)", "(define a (expt 7 3000)) (define l (map (lambda (i) (* a (+ (expt 11 i) i))) (iota 1000)))",
     ISLET_AGAIN("(apply gcd l)"), "(pair? l)"},
    {"write (strings)", "(define l (make-list 20000 (make-string 2000 #\\a)))",
     ISLET_AGAIN("(write l (open-output-string))"), "(pair? l)"},
    {"hash-table-ref (long keys)",
     "(define t (make-hash-table equal?))"
     "(define (key i) (append (make-list 2000 0) (list i)))"
     "(do ((i 0 (+ i 1))) ((= i 400)) (hash-table-set! t (key i) i)) (define k (key 1000))",
     ISLET_AGAIN("(hash-table-ref/default t k #f)"),
     "(eqv? 399 (hash-table-ref/default t (key 399) "
     "#f))"},
    {"read (labels)",
     "(define s (string-append \"(\" (string-concatenate (map (lambda (i) (string-append \"#\""
     " (number->string i) \"=a \")) (iota 400000))) \")\"))",
     "(read (open-input-string s))", "(string? s)"},
    // Long integers.
    {"*", ISLET_LONG_INTEGER, ISLET_AGAIN("(* a b)"), "(odd? b)"},
    {"* (square)", ISLET_LONG_INTEGER, ISLET_AGAIN("(* a a)"), "(odd? b)"},
    {"* (short)", ISLET_LONG_INTEGER, ISLET_AGAIN("(* a 12345678901234567890)"), "(odd? b)"},
    {"+", ISLET_LONG_INTEGER, ISLET_AGAIN("(+ a b)"), "(odd? b)"},
    {"quotient", ISLET_LONG_INTEGER "(define c (* a b))", ISLET_AGAIN("(quotient c a)"), "(odd? b)"},
    {"quotient (short)", ISLET_LONG_INTEGER, ISLET_AGAIN("(quotient a 12345678901234567891)"), "(odd? b)"},
    {"modulo", ISLET_LONG_INTEGER, ISLET_AGAIN("(modulo a b)"), "(odd? b)"},
    {"expt", "", "(expt 3 100000000)", "#t"},
    {"gcd", ISLET_INTEGER, ISLET_AGAIN("(gcd a b)"), "(odd? b)"},
    {"/", ISLET_INTEGER, ISLET_AGAIN("(/ a b)"), "(odd? b)"},
    {"exact-integer-sqrt", ISLET_LONG_INTEGER, ISLET_AGAIN("(exact-integer-sqrt a)"), "(odd? b)"},
    {"sqrt", ISLET_LONG_INTEGER, ISLET_AGAIN("(sqrt (* a a))"), "(odd? b)"},
    {"number->string", ISLET_LONG_INTEGER, ISLET_AGAIN("(number->string a)"), "(odd? b)"},
    {"number->string (binary)", ISLET_LONG_INTEGER, ISLET_AGAIN("(number->string a 2)"), "(odd? b)"},
    {"string->number", "(define s (make-string 3000000 #\\7))", ISLET_AGAIN("(string->number s)"), "(string? s)"},
    {"string->number (no number)", "(define s (string-append (make-string 100000000 #\\7) \"x\"))",
     ISLET_AGAIN("(string->number s)"), "(string? s)"},
    {"string->number (fraction)", "(define s (string-append \"1.\" (make-string 100000000 #\\7)))",
     ISLET_AGAIN("(string->number s)"), "(= 1.5 (string->number \"1.5\"))"},
    {"string->number (exact fraction)", "(define s (string-append \"#e1.\" (make-string 3000000 #\\7)))",
     ISLET_AGAIN("(string->number s)"), "(= 3/2 (string->number \"#e1.5\"))"},
    {"string->number (imaginary)", "(define s (string-append (make-string 100000000 #\\7) \"i\"))",
     ISLET_AGAIN("(string->number s)"), "(string? s)"},
    {"string->number (binary)", "(define s (make-string 100000000 #\\1))", ISLET_AGAIN("(string->number s 2)"),
     "(string? s)"},
    {"rationalize", "(define a (/ (expt 7 20000) (expt 11 20000))) (define b (/ 1 (expt 13 30000)))",
     ISLET_AGAIN("(rationalize a b)"), "(exact? a)"},
    {"< (ratios)", ISLET_INTEGER "(define x (/ a 3)) (define y (/ (+ a 1) 5))", ISLET_AGAIN("(< x y)"), "(odd? b)"},
    {"exact->inexact", ISLET_LONG_INTEGER "(define x (/ a 1024))", ISLET_AGAIN("(exact->inexact x)"), "(odd? b)"},
    {"arithmetic-shift", ISLET_LONG_INTEGER, ISLET_AGAIN("(arithmetic-shift a 77777777)"), "(odd? b)"},
    {"bitwise-and", ISLET_LONG_INTEGER, ISLET_AGAIN("(bitwise-and a (- b))"), "(odd? b)"},
    {"bit-count", ISLET_LONG_INTEGER, ISLET_AGAIN("(bit-count a)"), "(odd? b)"},
    {"bits->list", ISLET_LONG_INTEGER, "(bits->list (- a))", "(odd? b)"},
};

#undef ISLET_LIST
#undef ISLET_VECTOR
#undef ISLET_STRING
#undef ISLET_WIDE
#undef ISLET_BYTES
#undef ISLET_LONG_INTEGER
#undef ISLET_INTEGER
#undef ISLET_AGAIN

}  // namespace islet

#endif  // ISLET_TESTS_LONG_OPERATIONS_H_
