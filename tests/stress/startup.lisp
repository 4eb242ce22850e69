;; What the stress test's isolates hold. The host keeps a model of it (model.h): every procedure changes it in a way that the
;; model can follow, and (digest) writes all of it in a form that the model can write too.

(define counter 0)
(define (add! n) (set! counter (+ counter n)) counter)
;; One by one, so that an interrupt may come anywhere between.
(define (count-up! n)
  (let loop ((i 0))
    (if (= i n) counter (begin (set! counter (+ counter 1)) (loop (+ i 1))))))
(define (get-counter) counter)

;; A list, newest first.
(define items '())
(define (push! x) (set! items (cons x items)) (length items))
(define (keep! n) (if (> (length items) n) (set! items (list-head items n))) (length items))
(define (list-head items n) (if (= n 0) '() (cons (car items) (list-head (cdr items) (- n 1)))))

;; A table by content, some of whose entries are the snapshot's own.
(define table (make-hash-table string=?))
(do ((i 0 (+ i 1))) ((= i 300)) (hash-table-set! table (string-append "key-" (number->string i)) i))
(define (store! key value) (hash-table-set! table key value) (hash-table-size table))
(define (remove! key) (hash-table-delete! table key) (hash-table-size table))
(define (look-up key) (hash-table-ref/default table key #f))

;; A table by identity; its keys are symbols made at run time, which only it keeps.
(define by-symbol (make-hash-table eq?))
(define (name! text value) (hash-table-set! by-symbol (string->symbol text) value) (hash-table-size by-symbol))
(define (named text) (hash-table-ref/default by-symbol (string->symbol text) #f))
(define (unname! text) (hash-table-delete! by-symbol (string->symbol text)) (hash-table-size by-symbol))

;; Pages of the snapshot.
(define cells (make-vector 8000 0))
(define (write-cell! i x) (vector-set! cells i x) (vector-ref cells i))
(define (cell-sum)
  (let loop ((i 0) (sum 0))
    (if (= i (vector-length cells)) sum (loop (+ i 1) (modulo (+ (* sum 31) (vector-ref cells i)) 1000003)))))

;; Large objects.
(define blobs '())
(define (add-blob! bytes byte) (set! blobs (cons (make-bytevector bytes byte) blobs)) (length blobs))
(define (drop-blobs!) (set! blobs '()) 0)
(define (blob-sum blob)
  (+ (bytevector-length blob) (bytevector-u8-ref blob 0) (bytevector-u8-ref blob (- (bytevector-length blob) 1))
     (bytevector-u8-ref blob (quotient (bytevector-length blob) 2))))

;; A continuation that lives from one call to the next: 0, 1, 2 ...
(define resume #f)
(define (next!)
  (call/cc
   (lambda (return)
     (if resume
         (resume return)
         (let loop ((i 0) (return return))
           (loop (+ i 1) (call/cc (lambda (k) (set! resume k) (return i)))))))))

;; Work that leaves nothing behind.
(define (churn n)
  (let loop ((i 0) (kept '()))
    (if (= i n)
        (length kept)
        (loop (+ i 1) (if (= 0 (modulo i 1000)) (list i) (cons (vector i (number->string i) (* 1.5 i)) kept))))))
(define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1)))))
(define (power-modulo base exponent modulus) (modulo (expt base exponent) modulus))

;; What a limit or the host must end.
(define (spin) (let loop ((i 0)) (loop (+ i 1))))
;; Half a megabyte is alive for a while, and promoted: most of the time goes to full collections.
(define (spin-collecting)
  (let loop ((i 0) (alive '()))
    (loop (+ i 1) (if (= 0 (modulo i 5000)) '() (cons (make-vector 20 i) alive)))))
(define (allocate-forever) (let loop ((list '())) (loop (cons (vector 1 2 3) list))))
(define (allocate-large-forever) (let loop ((list '())) (loop (cons (make-bytevector 300000 1) list))))
(define (recurse-forever) (+ 1 (recurse-forever)))
;; The same, and nobody knows afterwards how far it has come.
(define (fill-forever)
  (let loop ((i 0))
    (hash-table-set! table (number->string i) (list i items))
    (vector-set! cells (modulo i 8000) (list i))
    (set! items (cons (string->symbol (string-append "filled-" (number->string i))) items))
    (set! counter items)
    (loop (+ i 1))))

(define (digest)
  (let ((out (open-output-string)))
    (write (list counter items (map blob-sum blobs) (cell-sum)) out)
    (for-each (lambda (key) (write (list key (hash-table-ref table key)) out))
              (list-sort string<? (hash-table-keys table)))
    (for-each (lambda (key) (write (list (symbol->string key) (hash-table-ref by-symbol key)) out))
              (list-sort (lambda (a b) (string<? (symbol->string a) (symbol->string b))) (hash-table-keys by-symbol)))
    (get-output-string out)))

(define restored 0)
(on-restore (lambda () (set! restored (+ restored 1))))
(define (restorations) restored)
