;; R7RS 2 and 7.1.1: lexical conventions.
(import (scheme base) (scheme char) (scheme read) (scheme write) (check))

(section "2.1 Identifiers")
(check (map symbol? '(... + +soup+ <=? ->string a34kTMNs lambda list->vector q V17a |two words| |two\x20;words| the-word-recursion-has-many-meanings))
       => '(#t #t #t #t #t #t #t #t #t #t #t #t #t))
(check (eq? '|two words| '|two\x20;words|) => #t)
(check (eq? 'abc '|abc|) => #t)
(check (eq? '|H\x65;llo| 'Hello) => #t)
(check (symbol->string '|\t|) => "\t")
(check (let ((|a b| 5)) |a b|) => 5)
(check (let ((+ *) (- 2)) (+ - 3)) => 6)
(check (let ((λ 1) (été 2)) (+ λ été)) => 3)
(check (let ((if (lambda (a b c) (list c b a)))) (if 1 2 3)) => '(3 2 1))
;; Beyond R7RS, an identifier may start with @, as SXML has it.
(define (written datum) (let ((port (open-output-string))) (write datum port) (get-output-string port)))
(define (displayed datum) (let ((port (open-output-string))) (display datum port) (get-output-string port)))
(check '(p (@ (class "x")) "text") => (list 'p (list (string->symbol "@") '(class "x")) "text"))
(check (let ((@ 1) (@x 2)) (list @ @x `(@ ,@(list @x)) `(, @x ,@(list @)))) => '(1 2 (@ 2) (2 1)))
(check (map written '(@ @foo (@ 1) (unquote @x) (unquote |@ x|) (unquote-splicing @x) (quote @x) (unquote (@x))))
       => '("@" "@foo" "(@ 1)" ",|@x|" ",|@ x|" ",@@x" "'@x" ",(@x)"))
(check (displayed '(unquote @x)) => ", @x")
(check (read (open-input-string (written '(unquote @x)))) => '(unquote @x))
#!fold-case
(check 'ABC => 'abc)
(check (STRING-LENGTH "ABC") => 3)
#!no-fold-case
(check (eq? 'ABC 'abc) => #f)

(section "2.2 Whitespace and comments")
(check (+ 1 ; a comment
          2) => 3)
(check (+ 1 #| a block
              #| nested |# comment |# 2) => 3)
(check (+ 1 #;(this is skipped) 2) => 3)
(check (+ 1 #; #;(both are skipped) (this too) 2) => 3)
(check '(1 #;2) => '(1))
(check '(#|a|#1 #|b|#) => '(1))

(section "2.3 and 7.1.1 Other notations")
(check (list #t #true #f #false) => (list #t #t #f #f))
(check (list #x1F #b101 #o17 #d10 #e1.5 #i1/2 #x-ff) => '(31 5 15 10 3/2 0.5 -255))
(check (list 1e2 -1.5e-2 .5 5. 1/2 -3/6) => (list 100.0 -0.015 0.5 5.0 (/ 1 2) (/ -1 2)))
(check '#(1 #(2)) => (vector 1 (vector 2)))
(check '(a . (b . (c . ()))) => '(a b c))
(check '(a . b) => (cons 'a 'b))
(check ''a => '(quote a))
(check '`(a ,b ,@c) => '(quasiquote (a (unquote b) (unquote-splicing c))))
(check "a\x41;b" => "aAb")
(check (string-length "line\
                       more") => 8)
(check (map char->integer '(#\a #\A #\  #\( #\x #\x3bb #\tab)) => '(97 65 32 40 120 955 9))

(section "2.4 Datum labels")
(check (let ((x '#0=(a b . #0#))) (list (car x) (cadr x) (eq? x (cddr x)))) => '(a b #t))
(check (let ((x '(#1=(1 2) #1#))) (eq? (car x) (cadr x))) => #t)

(check-report)
