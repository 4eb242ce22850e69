;; Hash tables (SRFI 69, SRFI 125). Tables by eq?, eqv?, equal? and string=? are the machine's own. A table with any other
;; equality is a record over an own table, from hash to association list; the procedures here serve both.
(define-library (islet hash-table)
  (export
    make-hash-table hash-table? alist->hash-table hash-table-equivalence-function hash-table-hash-function
    hash-table-ref hash-table-ref/default hash-table-set! hash-table-delete! hash-table-exists? hash-table-contains?
    hash-table-update! hash-table-update!/default hash-table-size hash-table-count hash-table-keys hash-table-values
    hash-table-walk hash-table-for-each hash-table-fold hash-table->alist hash-table-copy hash-table-merge!
    hash-table-clear! hash-table-intern! hash-table-empty?
    hash string-hash string-ci-hash hash-by-identity
    ;; SRFI 125
    hash-table hash-table-unfold hash-table=? hash-table-mutable? hash-table-pop! hash-table-entries hash-table-find
    hash-table-map hash-table-map! hash-table-map->list hash-table-prune! hash-table-empty-copy hash-table-union!
    hash-table-intersection! hash-table-difference! hash-table-xor!)
  (import (except (islet core)
                  hash-table? hash-table-count hash-table-keys hash-table-values hash-table->alist hash-table-copy
                  hash-table-clear!)
          (prefix (only (islet core)
                        hash-table? hash-table-count hash-table-keys hash-table-values hash-table->alist
                        hash-table-copy hash-table-clear!)
                  native:)
          (islet argument) (islet comparator) (islet list))
  (begin

    (define-record-type <hash-table>
      (make-custom-table key? equivalence hash buckets count)
      custom-table?
      (key? custom-table-key?)  ; of the comparator: what keys there may be
      (equivalence custom-table-equivalence)
      (hash custom-table-hash)
      (buckets custom-table-buckets)  ; own table: hash to a list of (key . value), latest first
      (count custom-table-count set-custom-table-count!))

    (define (check-table who position object)
      (if (not (hash-table? object)) (wrong-type who position "a hash table" object)))

    ;; What is recognised: equality, its number for %make-hash-table, its hash.
    (define (native-kind equivalence)
      (cond ((eq? equivalence equal?) 'equal)
            ((eq? equivalence string=?) 'string)
            ((eq? equivalence eq?) 'eq)
            ((eq? equivalence eqv?) 'eqv)
            ((eq? equivalence char=?) 'eqv)
            ((eq? equivalence symbol=?) 'eq)
            (else #f)))

    ;; For an equality that comes without one. `hash` fits what is at least as fine as equal?, which cannot be checked.
    (define (default-hash-of equivalence)
      (cond ((eq? equivalence string-ci=?) string-ci-hash)
            ((eq? equivalence =) number-hash)
            (else hash)))

    ;; A comparator; or an equality and, perhaps, its hash. Further arguments (the SRFIs leave them to implementations)
    ;; are hints, and ignored. A known equality comes with its own hash, which is at least as good as the one given.
    (define make-hash-table
      (case-lambda
        (() (%make-hash-table 'equal))
        ((equivalence . options) (make-table 'make-hash-table 1 equivalence options))))

    (define (make-table who position equivalence options)
      (cond ((comparator? equivalence)
             (let ((same? (comparator-equality-predicate equivalence)))
               (cond ((native-kind same?) => %make-hash-table)
                     ((comparator-hashable? equivalence)
                      (make-custom (comparator-type-test-predicate equivalence) same?
                                   (comparator-hash-function equivalence)))
                     (else (failure who "the comparator has no hash function" equivalence)))))
            ((procedure? equivalence)
             (cond ((native-kind equivalence) => %make-hash-table)
                   (else
                    (make-custom #f equivalence
                                 (if (and (pair? options) (procedure? (car options)))
                                     (car options)
                                     (default-hash-of equivalence))))))
            ((exact-integer? equivalence) (%make-hash-table 'equal))
            (else (wrong-type who position "a comparator or an equality" equivalence))))

    (define (make-custom key? equivalence hash)
      (make-custom-table key? equivalence hash (%make-hash-table 'equal) 0))

    (define (hash-table? object)
      (or (native:hash-table? object) (custom-table? object)))

    (define (hash-table-equivalence-function table)
      (check-table 'hash-table-equivalence-function 1 table)
      (if (custom-table? table)
          (custom-table-equivalence table)
          (case (%hash-table-kind table)
            ((eq) eq?)
            ((eqv) eqv?)
            ((string) string=?)
            (else equal?))))

    (define (hash-table-hash-function table)
      (check-table 'hash-table-hash-function 1 table)
      (if (custom-table? table)
          (custom-table-hash table)
          (case (%hash-table-kind table)
            ((eq eqv) hash-by-identity)
            ((string) string-hash)
            (else hash))))

    ;; ---- Custom tables

    (define (custom-entry table key)
      (let ((same? (custom-table-equivalence table)))
        (let loop ((bucket (hash-table-ref/default (custom-table-buckets table)
                                                          ((custom-table-hash table) key)
                                                          '())))
          (and (pair? bucket)
               (if (same? key (caar bucket))
                   (car bucket)
                   (loop (cdr bucket)))))))

    (define (custom-set! table key value)
      (let ((entry (custom-entry table key)))
        (if entry
            (set-cdr! entry value)
            (let ((buckets (custom-table-buckets table))
                  (code ((custom-table-hash table) key))
                  (key? (custom-table-key? table)))
              (if (and key? (not (key? key)))
                  (wrong-type 'hash-table-set! 2 "of the type of the table's comparator" key))
              (hash-table-set! buckets code
                                      (cons (cons key value) (hash-table-ref/default buckets code '())))
              (set-custom-table-count! table (+ (custom-table-count table) 1))))))

    (define (custom-delete! table key)
      (let ((entry (custom-entry table key)))
        (and
            entry
            (let* ((buckets (custom-table-buckets table))
                   (code ((custom-table-hash table) key))
                   (rest (remove (lambda (other) (eq? other entry))
                                 (hash-table-ref/default buckets code '()))))
              (if (null? rest)
                  (hash-table-delete! buckets code)
                  (hash-table-set! buckets code rest))
              (set-custom-table-count! table (- (custom-table-count table) 1))
              #t))))

    (define (custom->alist table)
      (append-map reverse (native:hash-table-values (custom-table-buckets table))))

    ;; ---- Access

    ;; Stands for a key that is not there: no program can have it as a value.
    (define absent (list 'absent))

    ;; The primitives serve own tables, one key at a time. The rest they leave to these four, whose
    ;; order interpreter/vm.h gives.
    (define (ref/default table key default)
      (if (not (custom-table? table)) (wrong-type 'hash-table-ref/default 1 "a hash table" table))
      (let ((entry (custom-entry table key)))
        (if entry (cdr entry) default)))

    (define (set-all! table arguments)
      (check-table 'hash-table-set! 1 table)
      (enter-all! 'hash-table-set! table arguments))

    (define (enter-all! who table arguments)
      (let loop ((rest arguments))
        (if (pair? rest)
            (begin
              (if (null? (cdr rest)) (failure who "the last key has no value" (car rest)))
              (if (custom-table? table)
                  (custom-set! table (car rest) (cadr rest))
                  (hash-table-set! table (car rest) (cadr rest)))
              (loop (cddr rest))))))

    (define (delete-all! table keys)
      (check-table 'hash-table-delete! 1 table)
      (fold (lambda (key n)
              (if (custom-table? table)
                  (if (custom-delete! table key) (+ n 1) n)
                  (+ n (hash-table-delete! table key))))
            0 keys))

    (define (contains? table key)
      (if (not (custom-table? table)) (wrong-type 'hash-table-contains? 1 "a hash table" table))
      (pair? (custom-entry table key)))

    (%set-root! 11 (vector ref/default set-all! delete-all! contains?))

    (define (no-such-key who key)
      (raise (%make-condition 'error who "no such key" (list key))))

    (define hash-table-ref
      (case-lambda
        ((table key)
         (check-table 'hash-table-ref 1 table)
         (let ((value (hash-table-ref/default table key absent)))
           (if (eq? value absent) (no-such-key 'hash-table-ref key) value)))
        ((table key failure)
         (check-table 'hash-table-ref 1 table)
         (check-procedure 'hash-table-ref 3 failure)
         (let ((value (hash-table-ref/default table key absent)))
           (if (eq? value absent) (failure) value)))
        ((table key failure success)
         (check-table 'hash-table-ref 1 table)
         (check-procedure 'hash-table-ref 3 failure)
         (check-procedure 'hash-table-ref 4 success)
         (let ((value (hash-table-ref/default table key absent)))
           (if (eq? value absent) (failure) (success value))))))

    (define hash-table-exists? hash-table-contains?)

    (define hash-table-update!
      (case-lambda
        ((table key f)
         (check-table 'hash-table-update! 1 table)
         (let ((value (hash-table-ref/default table key absent)))
           (if (eq? value absent)
               (no-such-key 'hash-table-update! key)
               (hash-table-set! table key (f value)))))
        ((table key f failure)
         (check-table 'hash-table-update! 1 table)
         (let ((value (hash-table-ref/default table key absent)))
           (hash-table-set! table key (f (if (eq? value absent) (failure) value)))))
        ((table key f failure success)
         (check-table 'hash-table-update! 1 table)
         (let ((value (hash-table-ref/default table key absent)))
           (hash-table-set! table key (f (if (eq? value absent) (failure) (success value))))))))

    (define (hash-table-update!/default table key f default)
      (check-table 'hash-table-update!/default 1 table)
      (hash-table-set! table key (f (hash-table-ref/default table key default))))

    (define (hash-table-intern! table key failure)
      (check-table 'hash-table-intern! 1 table)
      (let ((value (hash-table-ref/default table key absent)))
        (if (eq? value absent)
            (let ((value (failure)))
              (hash-table-set! table key value)
              value)
            value)))

    ;; Removes the entry that was made first; a table of the program's own kind, some entry.
    (define (hash-table-pop! table)
      (check-table 'hash-table-pop! 1 table)
      (let ((entries (hash-table->alist table)))
        (if (null? entries) (failure 'hash-table-pop! "the table is empty" table))
        (hash-table-delete! table (caar entries))
        (values (caar entries) (cdar entries))))

    ;; ---- The whole contents. Iterating works on a copy of the entries, so the table may be changed meanwhile.

    (define (hash-table-size table)
      (if (custom-table? table)
          (custom-table-count table)
          (native:hash-table-count table)))

    ;; With one argument hash-table-size; with two as in SRFI 125, in either order.
    (define hash-table-count
      (case-lambda
        ((table)
         (check-table 'hash-table-count 1 table)
         (hash-table-size table))
        ((f table)
         (with-procedure-first 'hash-table-count f table
                               (lambda (f table)
                                 (fold-entries table (lambda (key value n) (if (f key value) (+ n 1) n)) 0))))))

    ;; Calls `body` with the procedure and the table, given in either order: SRFI 69 puts the table first and SRFI 125,
    ;; which is not always of one mind, the procedure.
    (define (with-procedure-first who a b body)
      (cond ((and (procedure? a) (hash-table? b)) (body a b))
            ((and (hash-table? a) (procedure? b)) (body b a))
            ((procedure? a) (wrong-type who 2 "a hash table" b))
            (else (wrong-type who 1 "a procedure, or a hash table if the other argument is one" a))))

    (define (hash-table-empty? table)
      (check-table 'hash-table-empty? 1 table)
      (= 0 (hash-table-size table)))

    (define (hash-table->alist table)
      (if (custom-table? table)
          (map (lambda (entry) (cons (car entry) (cdr entry))) (custom->alist table))
          (native:hash-table->alist table)))

    (define (hash-table-keys table)
      (if (custom-table? table)
          (map car (custom->alist table))
          (native:hash-table-keys table)))

    (define (hash-table-values table)
      (if (custom-table? table)
          (map cdr (custom->alist table))
          (native:hash-table-values table)))

    (define (hash-table-entries table)
      (check-table 'hash-table-entries 1 table)
      (values (hash-table-keys table) (hash-table-values table)))

    (define (fold-entries table f seed)
      (let loop ((entries (hash-table->alist table)) (result seed))
        (if (pair? entries)
            (loop (cdr entries) (f (caar entries) (cdar entries) result))
            result)))

    (define (walk f table)
      (for-each (lambda (entry) (f (car entry) (cdr entry))) (hash-table->alist table)))

    (define (hash-table-walk table f) (with-procedure-first 'hash-table-walk table f walk))

    (define (hash-table-for-each f table) (with-procedure-first 'hash-table-for-each f table walk))

    ;; (hash-table-fold table f seed), or SRFI 125's (hash-table-fold f seed table).
    (define (hash-table-fold a b c)
      (cond ((and (hash-table? a) (procedure? b)) (fold-entries a b c))
            ((and (procedure? a) (hash-table? c)) (fold-entries c a b))
            ((procedure? a) (wrong-type 'hash-table-fold 3 "a hash table" c))
            (else (wrong-type 'hash-table-fold 1 "a procedure, or a hash table followed by one" a))))

    ;; What f returns for the first entry for which that is true; else what `failure` returns.
    (define (hash-table-find a b failure)
      (check-procedure 'hash-table-find 3 failure)
      (with-procedure-first 'hash-table-find a b
                            (lambda (f table)
                              (let loop ((entries (hash-table->alist table)))
                                (if (pair? entries)
                                    (or (f (caar entries) (cdar entries)) (loop (cdr entries)))
                                    (failure))))))

    (define (hash-table-map f comparator table)
      (check-procedure 'hash-table-map 1 f)
      (check-table 'hash-table-map 3 table)
      (let ((result (make-table 'hash-table-map 2 comparator '())))
        (walk (lambda (key value) (hash-table-set! result key (f value))) table)
        result))

    (define (hash-table-map! f table)
      (with-procedure-first 'hash-table-map! f table
                            (lambda (f table)
                              (walk (lambda (key value) (hash-table-set! table key (f key value))) table))))

    (define (hash-table-map->list f table)
      (with-procedure-first 'hash-table-map->list f table
                            (lambda (f table)
                              (map (lambda (entry) (f (car entry) (cdr entry))) (hash-table->alist table)))))

    (define (hash-table-prune! f table)
      (with-procedure-first 'hash-table-prune! f table
                            (lambda (f table)
                              (walk (lambda (key value) (if (f key value) (hash-table-delete! table key))) table))))

    ;; ---- Copies

    (define (empty-copy table)
      (if (custom-table? table)
          (make-custom (custom-table-key? table) (custom-table-equivalence table) (custom-table-hash table))
          (%make-hash-table (%hash-table-kind table))))

    (define (hash-table-empty-copy table)
      (check-table 'hash-table-empty-copy 1 table)
      (empty-copy table))

    (define hash-table-copy
      (case-lambda
        ((table)
         (if (custom-table? table)
             (let ((copy (empty-copy table)))
               (walk (lambda (key value) (custom-set! copy key value)) table)
               copy)
             (native:hash-table-copy table)))
        ((table mutable?) (hash-table-copy table))))

    ;; Every table can be changed, whatever was asked for when it was copied.
    (define (hash-table-mutable? table)
      (check-table 'hash-table-mutable? 1 table)
      #t)

    (define (hash-table-clear! table)
      (if (custom-table? table)
          (begin
            (native:hash-table-clear! (custom-table-buckets table))
            (set-custom-table-count! table 0))
          (native:hash-table-clear! table)))

    ;; ---- Tables as sets of keys. The first is changed, and returned.

    (define (check-tables who a b)
      (check-table who 1 a)
      (check-table who 2 b))

    (define (add-missing! table other)
      (walk (lambda (key value)
              (if (not (hash-table-contains? table key))
                  (hash-table-set! table key value)))
            other)
      table)

    (define (hash-table-merge! table other)
      (check-tables 'hash-table-merge! table other)
      (add-missing! table other))

    (define (hash-table-union! table other)
      (check-tables 'hash-table-union! table other)
      (add-missing! table other))

    (define (hash-table-intersection! table other)
      (check-tables 'hash-table-intersection! table other)
      (walk (lambda (key value) (if (not (hash-table-contains? other key)) (hash-table-delete! table key))) table)
      table)

    (define (hash-table-difference! table other)
      (check-tables 'hash-table-difference! table other)
      (walk (lambda (key value) (if (hash-table-contains? other key) (hash-table-delete! table key))) table)
      table)

    (define (hash-table-xor! table other)
      (check-tables 'hash-table-xor! table other)
      (walk (lambda (key value)
              (if (hash-table-contains? table key)
                  (hash-table-delete! table key)
                  (hash-table-set! table key value)))
            other)
      table)

    ;; The same keys, and for each the same value.
    (define (hash-table=? value-comparator a b)
      (let ((same? (cond ((comparator? value-comparator) (comparator-equality-predicate value-comparator))
                         ((procedure? value-comparator) value-comparator)
                         (else (wrong-type 'hash-table=? 1 "a comparator" value-comparator)))))
        (check-table 'hash-table=? 2 a)
        (check-table 'hash-table=? 3 b)
        (and (= (hash-table-size a) (hash-table-size b))
             (every (lambda (entry)
                      (let ((value (hash-table-ref/default b (car entry) absent)))
                        (and (not (eq? value absent)) (same? (cdr entry) value))))
                    (hash-table->alist a)))))

    ;; ---- Making tables with contents

    (define (hash-table comparator . arguments)
      (let ((table (make-table 'hash-table 1 comparator '())))
        (enter-all! 'hash-table table arguments)
        table))

    (define (hash-table-unfold stop? mapper successor seed comparator . options)
      (check-procedure 'hash-table-unfold 1 stop?)
      (check-procedure 'hash-table-unfold 2 mapper)
      (check-procedure 'hash-table-unfold 3 successor)
      (let ((table (make-table 'hash-table-unfold 5 comparator options)))
        (let loop ((seed seed))
          (if (stop? seed)
              table
              (call-with-values (lambda () (mapper seed))
                (lambda (key value)
                  (hash-table-set! table key value)
                  (loop (successor seed))))))))

    ;; Of several entries with the same key, the first one counts.
    (define (alist->hash-table alist . options)
      (check-list 'alist->hash-table 1 alist)
      (let ((table (if (pair? options)
                       (make-table 'alist->hash-table 2 (car options) (cdr options))
                       (make-hash-table))))
        (for-each (lambda (entry)
                    (if (not (pair? entry)) (wrong-type 'alist->hash-table 1 "an association list" alist))
                    (if (not (hash-table-contains? table (car entry)))
                        (hash-table-set! table (car entry) (cdr entry))))
                  alist)
        table))))
