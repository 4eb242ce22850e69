;; An evaluator for a small Lisp, running a small Lisp's programs: association lists, symbols, apply by hand.
(define full-size 14)
(define full-result '(95 4095))
(define quick-size 1)
(define quick-result '(95 4095))

(define (run size)
  (define (evaluate x env)
    (cond ((symbol? x) (cdr (assq x env)))
          ((not (pair? x)) x)
          (else
           (case (car x)
             ((quote) (cadr x))
             ((if) (evaluate (if (evaluate (cadr x) env) (list-ref x 2) (list-ref x 3)) env))
             ((lambda) (list 'closure (cadr x) (list-ref x 2) env))
             ((let)
              (evaluate (list-ref x 2)
                        (append (map (lambda (binding) (cons (car binding) (evaluate (cadr binding) env)))
                                     (cadr x))
                                env)))
             ((letrec)
              (let ((inner (append (map (lambda (binding) (cons (car binding) #f)) (cadr x)) env)))
                (for-each (lambda (binding)
                            (set-cdr! (assq (car binding) inner) (evaluate (cadr binding) inner)))
                          (cadr x))
                (evaluate (list-ref x 2) inner)))
             (else
              (call (evaluate (car x) env)
                    (map (lambda (operand) (evaluate operand env)) (cdr x))))))))
  (define (call procedure arguments)
    (if (procedure? procedure)
        (apply procedure arguments)
        (evaluate (list-ref procedure 2)
                  (bind (cadr procedure) arguments (list-ref procedure 3)))))
  (define (bind names values env)
    (if (null? names)
        env
        (cons (cons (car names) (car values)) (bind (cdr names) (cdr values) env))))
  (define globals
    (list (cons '+ +) (cons '- -) (cons '* *) (cons '< <) (cons '= =) (cons 'cons cons) (cons 'car car)
          (cons 'cdr cdr) (cons 'null? null?) (cons 'not not) (cons 'remainder remainder)))
  (define primes
    '(letrec ((divides? (lambda (d n) (= 0 (remainder n d))))
              (any-divides?
               (lambda (ds n)
                 (if (null? ds)
                     #f
                     (if (divides? (car ds) n) #t (any-divides? (cdr ds) n)))))
              (collect
               (lambda (n end found)
                 (if (= n end)
                     found
                     (collect (+ n 1) end (if (any-divides? found n) found (cons n found))))))
              (count (lambda (items) (if (null? items) 0 (+ 1 (count (cdr items)))))))
       (count (collect 2 500 '()))))
  (define hanoi
    '(letrec ((move
               (lambda (n from to via)
                 (if (= n 0)
                     0
                     (let ((a (move (- n 1) from via to))
                           (b (move (- n 1) via to from)))
                       (+ a (+ b 1)))))))
       (move 12 'left 'right 'middle)))
  (let loop ((i 0) (results '()))
    (if (= i size)
        results
        (loop (+ i 1) (list (evaluate primes globals) (evaluate hanoi globals))))))
