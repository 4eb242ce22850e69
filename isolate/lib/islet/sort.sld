;; Sorting (SRFI 132): a stable merge sort on lists; vectors are sorted by way of lists.
(define-library (islet sort)
  (export sort sort! list-sort list-stable-sort list-sort! list-stable-sort! vector-sort vector-stable-sort vector-sort!
          vector-stable-sort! list-sorted? vector-sorted? list-merge list-merge! vector-merge
          list-delete-neighbor-dups)
  (import (islet core) (islet argument))
  (begin

    ;; Merges two sorted lists into one by changing their cdrs. Of equal items, those of `a` come first.
    (define (merge! less? a b)
      (cond ((null? a) b)
            ((null? b) a)
            (else
             (let* ((first (if (less? (car b) (car a)) b a))
                    (a (if (eq? first a) (cdr a) a))
                    (b (if (eq? first b) (cdr b) b)))
               (let loop ((last first) (a a) (b b))
                 (cond ((null? a) (set-cdr! last b))
                       ((null? b) (set-cdr! last a))
                       ((less? (car b) (car a)) (set-cdr! last b) (loop b a (cdr b)))
                       (else (set-cdr! last a) (loop a (cdr a) b))))
               first))))

    ;; A fresh sorted list of the first n items.
    (define (sort-prefix less? list n)
      (case n
        ((0) '())
        ((1) (cons (car list) '()))
        ((2) (let ((a (car list)) (b (cadr list)))
               (if (less? b a)
                   (cons b (cons a '()))
                   (cons a (cons b '())))))
        (else
         (let ((half (quotient n 2)))
           (merge! less?
                   (sort-prefix less? list half)
                   (sort-prefix less? (list-tail list half) (- n half)))))))

    (define (list-sort less? list)
      (check-procedure 'list-sort 1 less?)
      (check-list 'list-sort 2 list)
      (sort-prefix less? list (length list)))

    (define-ranged checked-vector-length (vector-sort less? v) (v 2) (start end 3)
      (check-procedure 'vector-sort 1 less?)
      (list->vector (sort-prefix less? (vector->list v start end) (- end start))))

    (define-ranged checked-vector-length (vector-sort! less? v) (v 2) (start end 3)
      (check-procedure 'vector-sort! 1 less?)
      (vector-copy! v start (list->vector (sort-prefix less? (vector->list v start end) (- end start)))))

    ;; Calls `body` with the sequence and the comparison: `sort` takes them in the order that most Schemes have, and in the
    ;; other one too (R6RS).
    (define (with-sequence-first who a b body)
      (cond ((procedure? b)
             (if (not (or (vector? a) (list? a))) (wrong-type who 1 "a proper list or a vector" a))
             (body a b))
            ((procedure? a)
             (if (not (or (vector? b) (list? b))) (wrong-type who 2 "a proper list or a vector" b))
             (body b a))
            (else (wrong-type who 2 "a procedure" b))))

    (define (sort sequence less?)
      (with-sequence-first 'sort sequence less?
        (lambda (sequence less?)
          (if (vector? sequence)
              (vector-sort less? sequence)
              (sort-prefix less? sequence (length sequence))))))

    (define (sort! sequence less?)
      (with-sequence-first 'sort! sequence less?
        (lambda (sequence less?)
          (if (vector? sequence)
              (begin (vector-sort! less? sequence) sequence)
              (sort-prefix less? sequence (length sequence))))))

    (define list-stable-sort list-sort)
    (define list-sort! list-sort)
    (define list-stable-sort! list-sort)
    (define vector-stable-sort vector-sort)
    (define vector-stable-sort! vector-sort!)

    (define (list-sorted? less? list)
      (check-procedure 'list-sorted? 1 less?)
      (check-list 'list-sorted? 2 list)
      (sorted? less? list))

    (define (sorted? less? list)
      (or (null? list)
          (let loop ((item (car list)) (rest (cdr list)))
            (or (null? rest)
                (and (not (less? (car rest) item))
                     (loop (car rest) (cdr rest)))))))

    (define-ranged checked-vector-length (vector-sorted? less? v) (v 2) (start end 3)
      (check-procedure 'vector-sorted? 1 less?)
      (sorted? less? (vector->list v start end)))

    (define (check-merge who less? a b)
      (check-procedure who 1 less?)
      (check-list who 2 a)
      (check-list who 3 b))

    (define (list-merge less? a b)
      (check-merge 'list-merge less? a b)
      (merge! less? (list-copy a) (list-copy b)))

    (define (list-merge! less? a b)
      (check-merge 'list-merge! less? a b)
      (if (eq? a b) (failure 'list-merge! "the two lists are one:" a))
      (merge! less? a b))

    (define (vector-merge less? a b)
      (check-procedure 'vector-merge 1 less?)
      (check-vector 'vector-merge 2 a)
      (check-vector 'vector-merge 3 b)
      (list->vector (merge! less? (vector->list a) (vector->list b))))

    (define (list-delete-neighbor-dups same? list)
      (check-procedure 'list-delete-neighbor-dups 1 same?)
      (check-list 'list-delete-neighbor-dups 2 list)
      (let loop ((rest list) (result '()))
        (cond ((null? rest) (reverse result))
              ((and (pair? result) (same? (car result) (car rest))) (loop (cdr rest) result))
              (else (loop (cdr rest) (cons (car rest) result))))))))
