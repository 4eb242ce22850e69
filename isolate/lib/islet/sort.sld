;; Sorting (SRFI 132): a stable merge sort on lists; vectors are sorted by way of lists. What is changed in place is a
;; permutation of what it was whenever a procedure of the program is called, so that this may leave at any time.
(define-library (islet sort)
  (export sort sort! list-sort list-stable-sort list-sort! list-stable-sort! vector-sort vector-stable-sort vector-sort!
          vector-stable-sort! list-sorted? vector-sorted? list-merge list-merge! vector-merge vector-merge!
          list-delete-neighbor-dups list-delete-neighbor-dups! vector-delete-neighbor-dups vector-delete-neighbor-dups!
          vector-find-median vector-find-median! vector-select! vector-separate!)
  (import (islet core) (islet argument))
  (begin

    ;; Merges two sorted lists, which nobody else has, into one by changing their cdrs. Of equal items, those of `a` come
    ;; first.
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
      (sort-range! less? v start end))

    (define (sort-range! less? v start end)
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

    ;; The pairs are put in order before any of them is changed.
    (define (list-merge! less? a b)
      (check-merge 'list-merge! less? a b)
      (if (and (pair? a) (eq? a b)) (failure 'list-merge! "the two lists are one:" a))
      (let loop ((a a) (b b) (merged '()))
        (cond ((null? a) (link-reversed! merged b))
              ((null? b) (link-reversed! merged a))
              ((less? (car b) (car a)) (loop a (cdr b) (cons b merged)))
              (else (loop (cdr a) b (cons a merged))))))

    ;; Makes a list of pairs, the last of which come first, that goes on with `tail`.
    (define (link-reversed! pairs tail)
      (if (null? pairs)
          tail
          (let ((pair (car pairs)))
            (if (not (eq? (cdr pair) tail)) (set-cdr! pair tail))
            (link-reversed! (cdr pairs) pair))))

    ;; The merged list of two parts of vectors.
    (define (merged-parts less? a start1 end1 b start2 end2)
      (merge! less? (vector->list a start1 end1) (vector->list b start2 end2)))

    (define-optional (vector-merge less? a b)
      ((start1 0) (end1 (checked-vector-length 'vector-merge 2 a))
       (start2 0) (end2 (checked-vector-length 'vector-merge 3 b)))
      (check-procedure 'vector-merge 1 less?)
      (check-range 'vector-merge 4 start1 end1 (checked-vector-length 'vector-merge 2 a))
      (check-range 'vector-merge 6 start2 end2 (checked-vector-length 'vector-merge 3 b))
      (list->vector (merged-parts less? a start1 end1 b start2 end2)))

    (define-optional (vector-merge! less? to a b)
      ((start 0)
       (start1 0) (end1 (checked-vector-length 'vector-merge! 3 a))
       (start2 0) (end2 (checked-vector-length 'vector-merge! 4 b)))
      (check-procedure 'vector-merge! 1 less?)
      (check-range 'vector-merge! 6 start1 end1 (checked-vector-length 'vector-merge! 3 a))
      (check-range 'vector-merge! 8 start2 end2 (checked-vector-length 'vector-merge! 4 b))
      (let ((n (checked-vector-length 'vector-merge! 2 to)))
        (check-count 'vector-merge! 5 start)
        (if (> (+ start (- end1 start1) (- end2 start2)) n)
            (out-of-range 'vector-merge! 5 "leaves no room for the items to be merged" start)))
      (vector-copy! to start (list->vector (merged-parts less? a start1 end1 b start2 end2))))

    ;; ---- Neighbors. Each item is compared with the last that was kept, which comes before it.

    ;; The items that are kept, last first.
    (define (kept-items same? list)
      (let loop ((rest list) (result '()))
        (cond ((null? rest) result)
              ((and (pair? result) (same? (car result) (car rest))) (loop (cdr rest) result))
              (else (loop (cdr rest) (cons (car rest) result))))))

    (define (check-neighbors who same? list)
      (check-procedure who 1 same?)
      (check-list who 2 list))

    (define (list-delete-neighbor-dups same? list)
      (check-neighbors 'list-delete-neighbor-dups same? list)
      (reverse (kept-items same? list)))

    (define (list-delete-neighbor-dups! same? list)
      (check-neighbors 'list-delete-neighbor-dups! same? list)
      (if (pair? list)
          (let loop ((last list) (rest (cdr list)))
            (cond ((null? rest)
                   (if (pair? (cdr last)) (set-cdr! last '())))
                  ((same? (car last) (car rest)) (loop last (cdr rest)))
                  (else
                   (if (not (eq? (cdr last) rest)) (set-cdr! last rest))
                   (loop rest (cdr rest))))))
      list)

    (define-ranged checked-vector-length (vector-delete-neighbor-dups same? v) (v 2) (start end 3)
      (check-procedure 'vector-delete-neighbor-dups 1 same?)
      (list->vector (reverse (kept-items same? (vector->list v start end)))))

    ;; Returns the index behind the items that were kept.
    (define-ranged checked-vector-length (vector-delete-neighbor-dups! same? v) (v 2) (start end 3)
      (check-procedure 'vector-delete-neighbor-dups! 1 same?)
      (if (= start end)
          start
          (let loop ((last start) (i (+ start 1)))
            (cond ((= i end) (+ last 1))
                  ((same? (vector-ref v last) (vector-ref v i)) (loop last (+ i 1)))
                  (else
                   (if (< (+ last 1) i) (vector-set! v (+ last 1) (vector-ref v i)))
                   (loop (+ last 1) (+ i 1)))))))

    ;; ---- Selection, in linear time: what lies on the other side of a pivot is left alone.

    (define (swap! v i j)
      (let ((item (vector-ref v i)))
        (vector-set! v i (vector-ref v j))
        (vector-set! v j item)))

    (define (median-of-three less? a b c)
      (if (less? b a)
          (if (less? c b) b (if (less? c a) c a))
          (if (less? c a) a (if (less? c b) c b))))

    ;; Ranges that are so short are sorted.
    (define short-range 8)

    ;; Puts the item at index k that sorting [start, end) would put there, and none before it that is greater, and none
    ;; behind it that is less. When pivots have been bad too often, the rest is sorted.
    (define (select! less? v k start end)
      (let loop ((start start) (end end) (rounds (* 2 (integer-length (- end start)))))
        (if (or (= rounds 0) (<= (- end start) short-range))
            (sort-range! less? v start end)
            (let ((pivot (median-of-three less? (vector-ref v start) (vector-ref v (quotient (+ start end) 2))
                                          (vector-ref v (- end 1)))))
              ;; [start, below) is less than the pivot, [above, end) greater, [i, above) unknown.
              (let partition ((below start) (i start) (above end))
                (cond ((< i above)
                       (let ((item (vector-ref v i)))
                         (cond ((less? item pivot) (swap! v below i) (partition (+ below 1) (+ i 1) above))
                               ((less? pivot item) (swap! v i (- above 1)) (partition below i (- above 1)))
                               (else (partition below (+ i 1) above)))))
                      ((< k below) (loop start below (- rounds 1)))
                      ((>= k above) (loop above end (- rounds 1)))))))))

    (define-ranged checked-vector-length (vector-select! less? v k) (v 2) (start end 4)
      (check-procedure 'vector-select! 1 less?)
      (check-index 'vector-select! 3 k (- end start))
      (select! less? v (+ start k) start end)
      (vector-ref v (+ start k)))

    (define-ranged checked-vector-length (vector-separate! less? v k) (v 2) (start end 4)
      (check-procedure 'vector-separate! 1 less?)
      (check-count 'vector-separate! 3 k)
      (if (> k (- end start))
          (out-of-range 'vector-separate! 3 (string-append "is above " (number->string (- end start))) k))
      (if (< 0 k (- end start)) (select! less? v (+ start k) start end)))

    (define (mean-of-numbers a b) (/ (+ a b) 2))

    ;; The median of v, whose items at the two middle indices are where sorting puts them.
    (define (middle v mean)
      (let* ((n (vector-length v)) (half (quotient n 2)))
        (if (odd? n)
            (vector-ref v half)
            (mean (vector-ref v (- half 1)) (vector-ref v half)))))

    (define-optional (vector-find-median less? v knil) ((mean mean-of-numbers))
      (check-procedure 'vector-find-median 1 less?)
      (check-procedure 'vector-find-median 4 mean)
      (let ((n (checked-vector-length 'vector-find-median 2 v)))
        (if (= n 0)
            knil
            (let ((copy (vector-copy v)) (half (quotient n 2)))
              (select! less? copy half 0 n)
              (if (even? n) (select! less? copy (- half 1) 0 half))
              (middle copy mean)))))

    (define-optional (vector-find-median! less? v knil) ((mean mean-of-numbers))
      (check-procedure 'vector-find-median! 1 less?)
      (check-procedure 'vector-find-median! 4 mean)
      (let ((n (checked-vector-length 'vector-find-median! 2 v)))
        (sort-range! less? v 0 n)
        (if (= n 0) knil (middle v mean))))))
