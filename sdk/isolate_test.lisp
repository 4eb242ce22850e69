;; What the tests of the C++ and C interfaces call.

(define log-host (host-function 'log 1))
(define add-host (host-function 'add 2 #f))
(define call-back (host-function 'call-back 1))

(define (identity x) x)
(define (add . numbers) (apply + numbers))

(define counter 0)
(define (count!) (set! counter (+ counter 1)) counter)

(define table (make-hash-table))
(hash-table-set! table "one" 1)
(hash-table-set! table "two" 2)
(define (look-up name) (hash-table-ref/default table name #f))

(define (fail-deeply n) (if (= n 0) (error "it went wrong" 'because n) (+ 1 (fail-deeply (- n 1)))))
(define (loop-forever) (let loop ((i 0)) (loop (+ i 1))))
(define (allocate-forever) (let loop ((list '())) (loop (cons 1 list))))
(define (recurse-forever) (+ 1 (recurse-forever)))

(define (use-hosts a b) (log-host "adding") (add-host a b 1))
(define (catch-host x) (guard (e (#t (list 'caught (error-object-message e)))) (call-back x)))
(define (escape-through-host) (call/cc (lambda (k) (call-back (lambda () (k 'escaped))) 'returned)))
(define saved #f)
(define (save-continuation) (call/cc (lambda (k) (set! saved k) 'first)))
(define (re-enter) (saved 'again))
(define (save-in-host) (list (call-back (lambda () (call/cc (lambda (k) (set! saved k) 'first))))))

;; Both walk a long way in constant space, if what they have done with is not kept.
(define (lazy n) (cons n (cons #f (lambda () (lazy (+ n 1))))))
(define (force-tail! cell) (let ((tail ((cdr cell)))) (set-cdr! cell tail) tail))
(define (walk-stream n)
  (let loop ((stream (lazy 0)) (n n))
    (if (= n 0) (car stream) (loop (force-tail! (cdr stream)) (- n 1)))))
(define (producer return)
  (let loop ((i 0) (return return))
    (loop (+ i 1) (call/cc (lambda (next) (return (cons i next)))))))
(define (walk-coroutine n)
  (let loop ((item (call/cc (lambda (k) (producer k)))) (n n))
    (if (= n 0) (car item) (loop (call/cc (lambda (k) ((cdr item) k))) (- n 1)))))

(define restored 0)
(on-restore (lambda () (set! restored (+ restored 1))))

;; Garbage, with some of it alive for a while: makes the collector work.
(define (churn n)
  (let loop ((i 0) (kept '()))
    (if (= i n)
        (length kept)
        (loop (+ i 1) (if (= 0 (modulo i 1000)) (list i) (cons (vector i (number->string i)) kept))))))

(define text (make-string 100 #\a))
(define cells (make-vector 5000 0))
(define (write-cell! i x) (vector-set! cells i x))
(define (read-cell i) (vector-ref cells i))

(define impedances '(1/2+3i 1.5-2.0i))
(define (add-impedance z) (apply + z impedances))

(define (evaluate datum) (eval datum (interaction-environment)))
