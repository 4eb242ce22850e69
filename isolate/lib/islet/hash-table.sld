;; Hash tables (SRFI 69). Tables by eq?, eqv?, equal? and string=? are the machine's own. A table with any other
;; equality is a record over an own table, from hash to association list; the procedures here serve both.
(define-library (islet hash-table)
  (export
    make-hash-table hash-table? alist->hash-table hash-table-equivalence-function hash-table-hash-function
    hash-table-ref hash-table-ref/default hash-table-set! hash-table-delete! hash-table-exists? hash-table-contains?
    hash-table-update! hash-table-update!/default hash-table-size hash-table-count hash-table-keys hash-table-values
    hash-table-walk hash-table-for-each hash-table-fold hash-table->alist hash-table-copy hash-table-merge!
    hash-table-clear! hash-table-intern! hash-table-empty?
    hash string-hash string-ci-hash hash-by-identity)
  (import (except (islet core)
                  hash-table? hash-table-ref/default hash-table-set! hash-table-delete! hash-table-contains?
                  hash-table-count hash-table-keys hash-table-values hash-table->alist hash-table-copy
                  hash-table-clear!)
          (prefix (only (islet core)
                        hash-table? hash-table-ref/default hash-table-set! hash-table-delete! hash-table-contains?
                        hash-table-count hash-table-keys hash-table-values hash-table->alist hash-table-copy
                        hash-table-clear!)
                  native:)
          (islet list))
  (begin

    (define-record-type custom-table
      (make-custom-table equivalence hash buckets count)
      custom-table?
      (equivalence custom-table-equivalence)
      (hash custom-table-hash)
      (buckets custom-table-buckets)  ; own table: hash to a list of (key . value), latest first
      (count custom-table-count set-custom-table-count!))

    ;; What is recognised: equality, its number for %make-hash-table, its hash.
    (define (native-kind equivalence)
      (cond ((eq? equivalence equal?) 'equal)
            ((eq? equivalence string=?) 'string)
            ((eq? equivalence eq?) 'eq)
            ((eq? equivalence eqv?) 'eqv)
            ((eq? equivalence char=?) 'eqv)
            ((eq? equivalence symbol=?) 'eq)
            (else #f)))

    (define (default-hash equivalence)
      (cond ((eq? equivalence string-ci=?) string-ci-hash)
            ((eq? equivalence =) (lambda (n) (hash (if (exact? n) (inexact n) n))))
            (else hash)))

    ;; Further arguments (SRFI 69 leaves them to implementations) are hints, and ignored. A known equality comes with
    ;; its own hash, which is at least as good as the one given.
    (define make-hash-table
      (case-lambda
        (() (%make-hash-table 'equal))
        ((equivalence) (make-hash-table equivalence #f))
        ((equivalence hash . rest)
         (let ((kind (native-kind equivalence)))
           (cond (kind (%make-hash-table kind))
                 ((procedure? equivalence)
                  (make-custom-table equivalence
                                     (if (procedure? hash) hash (default-hash equivalence))
                                     (%make-hash-table 'equal)
                                     0))
                 ((exact-integer? equivalence) (%make-hash-table 'equal))
                 (else (error "make-hash-table: the equality is not a procedure" equivalence)))))))

    (define (hash-table? object)
      (or (native:hash-table? object) (custom-table? object)))

    (define (hash-table-equivalence-function table)
      (if (custom-table? table)
          (custom-table-equivalence table)
          (case (%hash-table-kind table)
            ((eq) eq?)
            ((eqv) eqv?)
            ((string) string=?)
            (else equal?))))

    (define (hash-table-hash-function table)
      (if (custom-table? table)
          (custom-table-hash table)
          (case (%hash-table-kind table)
            ((eq eqv) hash-by-identity)
            ((string) string-hash)
            (else hash))))

    ;; ---- Custom tables

    (define (custom-entry table key)
      (let ((same? (custom-table-equivalence table)))
        (let loop ((bucket (native:hash-table-ref/default (custom-table-buckets table)
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
                  (code ((custom-table-hash table) key)))
              (native:hash-table-set! buckets code
                                      (cons (cons key value) (native:hash-table-ref/default buckets code '())))
              (set-custom-table-count! table (+ (custom-table-count table) 1))))))

    (define (custom-delete! table key)
      (let ((entry (custom-entry table key)))
        (if entry
            (let* ((buckets (custom-table-buckets table))
                   (code ((custom-table-hash table) key))
                   (rest (remove (lambda (other) (eq? other entry))
                                 (native:hash-table-ref/default buckets code '()))))
              (if (null? rest)
                  (native:hash-table-delete! buckets code)
                  (native:hash-table-set! buckets code rest))
              (set-custom-table-count! table (- (custom-table-count table) 1))))))

    (define (custom->alist table)
      (append-map reverse (native:hash-table-values (custom-table-buckets table))))

    ;; ---- Access

    ;; Stands for a key that is not there: no program can have it as a value.
    (define absent (list 'absent))

    (define (hash-table-ref/default table key default)
      (if (custom-table? table)
          (let ((entry (custom-entry table key)))
            (if entry (cdr entry) default))
          (native:hash-table-ref/default table key default)))

    (define (no-such-key who key)
      (%raise (%make-condition 'error who "no such key" (list key)) #f))

    (define hash-table-ref
      (case-lambda
        ((table key)
         (let ((value (hash-table-ref/default table key absent)))
           (if (eq? value absent) (no-such-key 'hash-table-ref key) value)))
        ((table key failure)
         (let ((value (hash-table-ref/default table key absent)))
           (if (eq? value absent) (failure) value)))
        ((table key failure success)
         (let ((value (hash-table-ref/default table key absent)))
           (if (eq? value absent) (failure) (success value))))))

    (define (hash-table-set! table key value)
      (if (custom-table? table)
          (custom-set! table key value)
          (native:hash-table-set! table key value)))

    (define (hash-table-delete! table key)
      (if (custom-table? table)
          (custom-delete! table key)
          (native:hash-table-delete! table key)))

    (define (hash-table-contains? table key)
      (if (custom-table? table)
          (pair? (custom-entry table key))
          (native:hash-table-contains? table key)))

    (define hash-table-exists? hash-table-contains?)

    (define hash-table-update!
      (case-lambda
        ((table key f)
         (let ((value (hash-table-ref/default table key absent)))
           (if (eq? value absent)
               (no-such-key 'hash-table-update! key)
               (hash-table-set! table key (f value)))))
        ((table key f failure)
         (let ((value (hash-table-ref/default table key absent)))
           (hash-table-set! table key (f (if (eq? value absent) (failure) value)))))))

    (define (hash-table-update!/default table key f default)
      (hash-table-set! table key (f (hash-table-ref/default table key default))))

    (define (hash-table-intern! table key failure)
      (hash-table-ref table key
                      (lambda ()
                        (let ((value (failure)))
                          (hash-table-set! table key value)
                          value))))

    ;; ---- The whole contents. Iterating works on a copy of the entries, so the table may be changed meanwhile.

    (define (hash-table-size table)
      (if (custom-table? table)
          (custom-table-count table)
          (native:hash-table-count table)))

    ;; With one argument hash-table-size; with two as in SRFI 125.
    (define hash-table-count
      (case-lambda
        ((table) (hash-table-size table))
        ((f table)
         (hash-table-fold table (lambda (key value n) (if (f key value) (+ n 1) n)) 0))))

    (define (hash-table-empty? table) (= 0 (hash-table-size table)))

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

    (define (hash-table-walk table f)
      (for-each (lambda (entry) (f (car entry) (cdr entry))) (hash-table->alist table)))

    ;; The order of SRFI 125.
    (define (hash-table-for-each f table)
      (if (procedure? f) (hash-table-walk table f) (hash-table-walk f table)))

    (define (hash-table-fold table f seed)
      (if (procedure? table)
          (hash-table-fold seed table f)  ; the order of SRFI 125
          (let loop ((entries (hash-table->alist table)) (result seed))
            (if (pair? entries)
                (loop (cdr entries) (f (caar entries) (cdar entries) result))
                result))))

    (define hash-table-copy
      (case-lambda
        ((table)
         (if (custom-table? table)
             (let ((copy (make-custom-table (custom-table-equivalence table) (custom-table-hash table)
                                            (%make-hash-table 'equal) 0)))
               (hash-table-merge! copy table)
               copy)
             (native:hash-table-copy table)))
        ((table mutable?) (hash-table-copy table))))

    (define (hash-table-merge! table other)
      (hash-table-walk other
                       (lambda (key value)
                         (if (not (hash-table-contains? table key))
                             (hash-table-set! table key value))))
      table)

    (define (hash-table-clear! table)
      (if (custom-table? table)
          (begin
            (native:hash-table-clear! (custom-table-buckets table))
            (set-custom-table-count! table 0))
          (native:hash-table-clear! table)))

    ;; Of several entries with the same key, the first one counts.
    (define (alist->hash-table alist . options)
      (let ((table (apply make-hash-table options)))
        (for-each (lambda (entry)
                    (if (not (hash-table-contains? table (car entry)))
                        (hash-table-set! table (car entry) (cdr entry))))
                  alist)
        table))))
