;; What the programs expect of Gambit: SRFI 69 on its tables.
(define (nanoseconds) (* 1000 (current-jiffy)))
(define (make-hash-table equivalent?) (make-table test: equivalent?))
(define (hash-table-set! table key value) (table-set! table key value))
(define (hash-table-ref/default table key default) (table-ref table key default))
(define (hash-table-delete! table key) (table-set! table key))
(define (hash-table-size table) (table-length table))
(define (hash-table-walk table f) (table-for-each f table))
(define (hash-table-keys table) (map car (table->list table)))
