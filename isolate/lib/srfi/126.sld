;; (srfi 126): hash tables after R6RS. One is a table of (islet hash-table), and whether it may be changed. None is weak.
(define-library (srfi 126)
  (export
    make-eq-hashtable make-eqv-hashtable make-hashtable alist->eq-hashtable alist->eqv-hashtable alist->hashtable weakness
    hashtable? hashtable-size hashtable-ref hashtable-set! hashtable-delete! hashtable-contains? hashtable-lookup
    hashtable-update! hashtable-intern! hashtable-copy hashtable-clear! hashtable-empty-copy hashtable-keys
    hashtable-values hashtable-entries hashtable-key-list hashtable-value-list hashtable-entry-lists hashtable-walk
    hashtable-update-all! hashtable-prune! hashtable-merge! hashtable-sum hashtable-map->lset hashtable-find
    hashtable-empty? hashtable-pop! hashtable-inc! hashtable-dec! hashtable-equivalence-function
    hashtable-hash-function hashtable-weakness hashtable-mutable?
    equal-hash string-hash string-ci-hash symbol-hash hash-salt)
  (import (islet core) (islet argument) (only (islet list) map for-each every)
          (rename (only (islet hash-table)
                        make-hash-table hash-table-ref/default hash-table-set! hash-table-delete! hash-table-contains?
                        hash-table-size hash-table-clear! hash-table-copy hash-table-empty-copy hash-table->alist
                        hash string-hash string-ci-hash)
                  (hash generic-hash))
          (only (islet comparator) symbol-hash hash-salt))
  (begin

    (define-record-type hashtable
      (wrap table equivalence hash mutable?)
      hashtable?
      (table table-of)
      (equivalence equivalence-of)
      (hash hash-of)
      (mutable? hashtable-mutable?))

    (define (check-hashtable who position object)
      (if (not (hashtable? object)) (wrong-type who position "a hashtable" object)))

    (define (check-mutable who object)
      (check-hashtable who 1 object)
      (if (not (hashtable-mutable? object)) (wrong-type who 1 "a mutable hashtable" object)))

    (define (check-capacity who position capacity)
      (if capacity (check-count who position capacity)))

    (define (check-strong who position weakness)
      (if weakness
          (if (memq weakness '(weak-key weak-value weak-key-and-value ephemeral-key ephemeral-value
                               ephemeral-key-and-value))
              (failure who "there are no weak or ephemeral hashtables here; a weakness of #f is supported" weakness)
              (wrong-type who position "a weakness or #f" weakness))))

    (define-syntax weakness
      (syntax-rules (weak-key weak-value weak-key-and-value ephemeral-key ephemeral-value ephemeral-key-and-value)
        ((_ weak-key) 'weak-key)
        ((_ weak-value) 'weak-value)
        ((_ weak-key-and-value) 'weak-key-and-value)
        ((_ ephemeral-key) 'ephemeral-key)
        ((_ ephemeral-value) 'ephemeral-value)
        ((_ ephemeral-key-and-value) 'ephemeral-key-and-value)))

    ;; ---- Constructors

    ;; The capacity is argument `position`, and the weakness the next.
    (define (check-options who position capacity weakness)
      (check-capacity who position capacity)
      (check-strong who (+ position 1) weakness))

    (define (make-standard who same? capacity weakness)
      (check-options who 1 capacity weakness)
      (wrap (make-hash-table same?) same? #f #t))

    (define-optional (make-eq-hashtable) ((capacity #f) (weakness #f))
      (make-standard 'make-eq-hashtable eq? capacity weakness))

    (define-optional (make-eqv-hashtable) ((capacity #f) (weakness #f))
      (make-standard 'make-eqv-hashtable eqv? capacity weakness))

    ;; Of a pair of hash functions the first is used.
    (define (make-general who hash same? capacity weakness)
      (check-procedure who 2 same?)
      (check-options who 3 capacity weakness)
      (if (not hash)
          (if (or (eq? same? eq?) (eq? same? eqv?))
              (wrap (make-hash-table same?) same? #f #t)
              (failure who "only eq? and eqv? need no hash function" same?))
          (let ((f (if (pair? hash) (car hash) hash)))
            (if (not (and (procedure? f) (or (procedure? hash) (procedure? (cdr hash)))))
                (wrong-type who 1 "a hash function, a pair of hash functions, or #f" hash))
            (wrap (make-hash-table same? f) same? hash #t))))

    (define-optional (make-hashtable hash same?) ((capacity #f) (weakness #f))
      (make-general 'make-hashtable hash same? capacity weakness))

    ;; Of several entries with one key, the first counts.
    (define (enter-alist who position table alist)
      (if (not (and (list? alist) (every pair? alist))) (wrong-type who position "an association list" alist))
      (for-each (lambda (entry) (hashtable-set! table (car entry) (cdr entry))) (reverse alist))
      table)

    (define-syntax define-standard
      (syntax-rules ()
        ((_ name same?)
         (define name
           (case-lambda
             ((alist) (enter-alist 'name 1 (make-standard 'name same? #f #f) alist))
             ((capacity alist) (enter-alist 'name 2 (make-standard 'name same? capacity #f) alist))
             ((capacity weakness alist) (enter-alist 'name 3 (make-standard 'name same? capacity weakness) alist)))))))
    (define-standard alist->eq-hashtable eq?)
    (define-standard alist->eqv-hashtable eqv?)

    (define alist->hashtable
      (case-lambda
        ((hash same? alist) (alist->hashtable hash same? #f #f alist))
        ((hash same? capacity alist) (alist->hashtable hash same? capacity #f alist))
        ((hash same? capacity weakness alist)
         (enter-alist 'alist->hashtable 3 (make-general 'alist->hashtable hash same? capacity weakness) alist))))

    ;; ---- One key at a time

    ;; No program can have this as a value.
    (define absent (list 'absent))

    (define (value-of table key) (hash-table-ref/default (table-of table) key absent))

    (define (absent? value) (eq? value absent))

    (define (no-such-key who key) (failure who "no such key, and no default" key))

    (define (hashtable-size table)
      (check-hashtable 'hashtable-size 1 table)
      (hash-table-size (table-of table)))

    (define-optional (hashtable-ref table key) ((default absent))
      (check-hashtable 'hashtable-ref 1 table)
      (let ((value (hash-table-ref/default (table-of table) key default)))
        (if (absent? value) (no-such-key 'hashtable-ref key) value)))

    (define (hashtable-set! table key value)
      (check-mutable 'hashtable-set! table)
      (hash-table-set! (table-of table) key value))

    (define (hashtable-delete! table key)
      (check-mutable 'hashtable-delete! table)
      (hash-table-delete! (table-of table) key)
      (void))

    (define (hashtable-contains? table key)
      (check-hashtable 'hashtable-contains? 1 table)
      (hash-table-contains? (table-of table) key))

    (define (hashtable-lookup table key)
      (check-hashtable 'hashtable-lookup 1 table)
      (let ((value (value-of table key)))
        (if (absent? value) (values #f #f) (values value #t))))

    (define (update! who table key f default)
      (let* ((value (hash-table-ref/default (table-of table) key default))
             (new (if (absent? value) (no-such-key who key) (f value))))
        (hash-table-set! (table-of table) key new)
        new))

    (define-optional (hashtable-update! table key f) ((default absent))
      (check-mutable 'hashtable-update! table)
      (check-procedure 'hashtable-update! 3 f)
      (update! 'hashtable-update! table key f default))

    (define (hashtable-intern! table key default)
      (check-mutable 'hashtable-intern! table)
      (check-procedure 'hashtable-intern! 3 default)
      (let ((value (value-of table key)))
        (if (absent? value)
            (let ((value (default)))
              (hash-table-set! (table-of table) key value)
              value)
            value)))

    (define (add! who table key number sign)
      (check-mutable who table)
      (if (not (number? number)) (wrong-type who 3 "a number" number))
      (update! who table key
               (lambda (value)
                 (if (not (number? value)) (failure who "the key's value is not a number:" value))
                 (+ value (* sign number)))
               0))

    (define-optional (hashtable-inc! table key) ((number 1)) (add! 'hashtable-inc! table key number 1))
    (define-optional (hashtable-dec! table key) ((number 1)) (add! 'hashtable-dec! table key number -1))

    ;; ---- Copies

    (define-optional (hashtable-copy table) ((mutable? #f) (weakness #f))
      (check-hashtable 'hashtable-copy 1 table)
      (check-strong 'hashtable-copy 3 weakness)
      (wrap (hash-table-copy (table-of table)) (equivalence-of table) (hash-of table) (and mutable? #t)))

    (define-optional (hashtable-clear! table) ((capacity #f))
      (check-mutable 'hashtable-clear! table)
      (check-capacity 'hashtable-clear! 2 capacity)
      (hash-table-clear! (table-of table)))

    (define-optional (hashtable-empty-copy table) ((capacity #f))
      (check-hashtable 'hashtable-empty-copy 1 table)
      (if (not (eq? capacity #t)) (check-capacity 'hashtable-empty-copy 2 capacity))
      (wrap (hash-table-empty-copy (table-of table)) (equivalence-of table) (hash-of table) #t))

    ;; ---- The whole contents. Walking goes by a copy of the entries, so the table may be changed meanwhile.

    (define (entries who table)
      (check-hashtable who 1 table)
      (hash-table->alist (table-of table)))

    (define (entries-for who table f)
      (check-hashtable who 1 table)
      (check-procedure who 2 f)
      (hash-table->alist (table-of table)))

    (define (hashtable-key-list table) (map car (entries 'hashtable-key-list table)))
    (define (hashtable-value-list table) (map cdr (entries 'hashtable-value-list table)))
    (define (hashtable-entry-lists table)
      (let ((entries (entries 'hashtable-entry-lists table)))
        (values (map car entries) (map cdr entries))))
    (define (hashtable-keys table) (list->vector (map car (entries 'hashtable-keys table))))
    (define (hashtable-values table) (list->vector (map cdr (entries 'hashtable-values table))))
    (define (hashtable-entries table)
      (let ((entries (entries 'hashtable-entries table)))
        (values (list->vector (map car entries)) (list->vector (map cdr entries)))))

    (define (hashtable-walk table f)
      (for-each (lambda (entry) (f (car entry) (cdr entry))) (entries-for 'hashtable-walk table f)))

    (define (hashtable-update-all! table f)
      (check-mutable 'hashtable-update-all! table)
      (for-each (lambda (entry) (hash-table-set! (table-of table) (car entry) (f (car entry) (cdr entry))))
                (entries-for 'hashtable-update-all! table f)))

    (define (hashtable-prune! table f)
      (check-mutable 'hashtable-prune! table)
      (for-each (lambda (entry)
                  (if (f (car entry) (cdr entry)) (hash-table-delete! (table-of table) (car entry))))
                (entries-for 'hashtable-prune! table f)))

    (define (hashtable-merge! to from)
      (check-mutable 'hashtable-merge! to)
      (check-hashtable 'hashtable-merge! 2 from)
      (for-each (lambda (entry) (hash-table-set! (table-of to) (car entry) (cdr entry)))
                (hash-table->alist (table-of from)))
      to)

    (define (hashtable-sum table init f)
      (check-hashtable 'hashtable-sum 1 table)
      (check-procedure 'hashtable-sum 3 f)
      (let loop ((rest (hash-table->alist (table-of table))) (result init))
        (if (pair? rest) (loop (cdr rest) (f (caar rest) (cdar rest) result)) result)))

    (define (hashtable-map->lset table f)
      (map (lambda (entry) (f (car entry) (cdr entry))) (entries-for 'hashtable-map->lset table f)))

    (define (hashtable-find table f)
      (let loop ((rest (entries-for 'hashtable-find table f)))
        (cond ((null? rest) (values #f #f #f))
              ((f (caar rest) (cdar rest)) (values (caar rest) (cdar rest) #t))
              (else (loop (cdr rest))))))

    (define (hashtable-empty? table)
      (check-hashtable 'hashtable-empty? 1 table)
      (= 0 (hash-table-size (table-of table))))

    (define (hashtable-pop! table)
      (check-mutable 'hashtable-pop! table)
      (let ((entries (hash-table->alist (table-of table))))
        (if (null? entries) (failure 'hashtable-pop! "the hashtable is empty" table))
        (hash-table-delete! (table-of table) (caar entries))
        (values (caar entries) (cdar entries))))

    ;; ---- Inspection

    (define (hashtable-equivalence-function table)
      (check-hashtable 'hashtable-equivalence-function 1 table)
      (equivalence-of table))

    (define (hashtable-hash-function table)
      (check-hashtable 'hashtable-hash-function 1 table)
      (hash-of table))

    (define (hashtable-weakness table)
      (check-hashtable 'hashtable-weakness 1 table)
      #f)

    (define (equal-hash object) (generic-hash object))))
