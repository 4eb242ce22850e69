;; Sorting (SRFI 132): a stable merge sort on lists; vectors are sorted by way of lists.
(define-library (islet sort)
  (export sort sort! list-sort list-stable-sort list-sort! list-stable-sort! vector-sort vector-stable-sort vector-sort!
          vector-stable-sort! list-sorted? vector-sorted? list-merge list-merge! vector-merge
          list-delete-neighbor-dups)
  (import (islet core))
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

    (define (check-procedure who less?)
      (if (not (procedure? less?))
          (%raise (%make-condition 'wrong-type who "the comparison is not a procedure" (list less?)) #f)))

    (define (list-sort less? list)
      (check-procedure 'list-sort less?)
      (sort-prefix less? list (length list)))

    (define vector-sort
      (case-lambda
        ((less? v) (vector-sort less? v 0 (vector-length v)))
        ((less? v start) (vector-sort less? v start (vector-length v)))
        ((less? v start end)
         (check-procedure 'vector-sort less?)
         (list->vector (sort-prefix less? (vector->list v start end) (- end start))))))

    (define vector-sort!
      (case-lambda
        ((less? v) (vector-sort! less? v 0 (vector-length v)))
        ((less? v start) (vector-sort! less? v start (vector-length v)))
        ((less? v start end) (vector-copy! v start (vector-sort less? v start end)))))

    ;; The order of arguments that most Schemes have for `sort`; the other one (R6RS) is taken too.
    (define (sort sequence less?)
      (cond ((procedure? sequence) (sort less? sequence))
            ((vector? sequence) (vector-sort less? sequence))
            (else
             (check-procedure 'sort less?)
             (sort-prefix less? sequence (length sequence)))))

    (define (sort! sequence less?)
      (if (vector? sequence)
          (begin (vector-sort! less? sequence) sequence)
          (sort sequence less?)))

    (define list-stable-sort list-sort)
    (define list-sort! list-sort)
    (define list-stable-sort! list-sort)
    (define vector-stable-sort vector-sort)
    (define vector-stable-sort! vector-sort!)

    (define (list-sorted? less? list)
      (or (null? list)
          (let loop ((item (car list)) (rest (cdr list)))
            (or (null? rest)
                (and (not (less? (car rest) item))
                     (loop (car rest) (cdr rest)))))))

    (define vector-sorted?
      (case-lambda
        ((less? v) (list-sorted? less? (vector->list v)))
        ((less? v start) (list-sorted? less? (vector->list v start)))
        ((less? v start end) (list-sorted? less? (vector->list v start end)))))

    (define (list-merge less? a b) (merge! less? (list-copy a) (list-copy b)))
    (define list-merge! merge!)

    (define (vector-merge less? a b)
      (list->vector (merge! less? (vector->list a) (vector->list b))))

    (define (list-delete-neighbor-dups same? list)
      (let loop ((rest list) (result '()))
        (cond ((null? rest) (reverse result))
              ((and (pair? result) (same? (car result) (car rest))) (loop (cdr rest) result))
              (else (loop (cdr rest) (cons (car rest) result))))))))
