;; Small records reachable by name from a hash table, and a handler that sums ten of their ids: the workload that
;; bench/peers has in other languages: `step` 1 asks for neighbours, 7919 for records all over the table. `record-count` is defined by a script evaluated before this one.

(define-record-type record (make-record id name numbers) record?
  (id record-id) (name record-name) (numbers record-numbers))

(define (record-name-of i) (string-append "name-" (number->string i)))

(define records (make-hash-table string=?))

(do ((i 0 (+ i 1))) ((= i record-count))
  (let ((name (record-name-of i)))
    (hash-table-set! records name (make-record i name (list i (* 2 i) (* 3 i))))))

(define (handler k step)
  (let loop ((j 0) (sum 0))
    (if (= j 10)
        sum
        (loop (+ j 1)
              (+ sum (record-id (hash-table-ref/default
                                 records (record-name-of (modulo (+ k (* j step)) record-count)) #f)))))))
