;; Procedures on lists that take procedures (R7RS 6.4, 6.10), and SRFI 1. Lists of results are consed, never mutated, so
;; that a continuation captured in the middle may be entered again.
(define-library (islet list)
  (export
    ;; R7RS
    map for-each member assoc
    ;; SRFI 1: constructors
    xcons cons* list-tabulate circular-list iota
    ;; predicates
    proper-list? circular-list? dotted-list? not-pair? null-list? list=
    ;; selectors
    first second third fourth fifth sixth seventh eighth ninth tenth car+cdr
    take drop take-right drop-right take! drop-right! split-at split-at! last last-pair
    ;; miscellaneous
    length+ concatenate concatenate! reverse! append! append-reverse append-reverse! zip unzip1 unzip2 unzip3
    unzip4 unzip5 count
    ;; fold, unfold, map
    fold fold-right fold-left pair-fold pair-fold-right reduce reduce-right unfold unfold-right
    append-map append-map! map! map-in-order pair-for-each filter-map
    ;; filtering
    filter partition remove filter! partition! remove!
    ;; searching
    find find-tail any every list-index take-while drop-while take-while! span break span! break!
    ;; deletion
    delete delete-duplicates delete! delete-duplicates!
    ;; association lists
    alist-cons alist-copy alist-delete alist-delete!
    ;; sets
    lset<= lset= lset-adjoin lset-union lset-union! lset-intersection lset-intersection! lset-difference
    lset-difference! lset-xor lset-xor! lset-diff+intersection lset-diff+intersection!)
  (import (islet core) (islet argument))
  (begin

    (define (not-a-list who position object)
      (wrong-type who position "a proper list" object))

    ;; `result`, if a walk along `list` stopped at its end; it must not have stopped at anything else.
    (define (at-end rest who position list result)
      (if (null? rest) result (not-a-list who position list)))

    ;; As at-end, where the walk may also have stopped before the end.
    (define (ended rest who position list result)
      (if (or (pair? rest) (null? rest)) result (not-a-list who position list)))

    ;; ---- Several lists at once: general versions work on a list of lists.

    (define (all-pairs? lists)
      (or (null? lists)
          (and (pair? (car lists)) (all-pairs? (cdr lists)))))

    ;; As ended, of the arguments from number `position` on, which are `lists`, and are walked to `rests`.
    (define (all-ended rests who position lists result)
      (if (null? rests)
          result
          (begin
            (ended (car rests) who position (car lists) #t)
            (all-ended (cdr rests) who (+ position 1) (cdr lists) result))))

    (define (cars lists)
      (if (null? lists) '() (cons (caar lists) (cars (cdr lists)))))

    (define (cdrs lists)
      (if (null? lists) '() (cons (cdar lists) (cdrs (cdr lists)))))

    ;; (append (cars lists) (list last))
    (define (cars+ lists last)
      (if (null? lists) (list last) (cons (caar lists) (cars+ (cdr lists) last))))

    ;; ---- map and for-each

    (define map
      (case-lambda
        ((f list)
         (let loop ((rest list) (result '()))
           (cond ((pair? rest) (loop (cdr rest) (cons (f (car rest)) result)))
                 ((null? rest) (reverse result))
                 (else (not-a-list 'map 2 list)))))
        ((f a b)
         (let loop ((x a) (y b) (result '()))
           (if (and (pair? x) (pair? y))
               (loop (cdr x) (cdr y) (cons (f (car x) (car y)) result))
               (begin
                 (ended x 'map 2 a #t)
                 (ended y 'map 3 b #t)
                 (reverse result)))))
        ((f some . more)
         (check-procedure 'map 1 f)
         (let loop ((lists (cons some more)) (result '()))
           (if (all-pairs? lists)
               (loop (cdrs lists) (cons (apply f (cars lists)) result))
               (all-ended lists 'map 2 (cons some more) (reverse result)))))))

    (define for-each
      (case-lambda
        ((f list)
         (let loop ((rest list))
           (cond ((pair? rest) (f (car rest)) (loop (cdr rest)))
                 ((not (null? rest)) (not-a-list 'for-each 2 list)))))
        ((f a b)
         (let loop ((x a) (y b))
           (if (and (pair? x) (pair? y))
               (begin (f (car x) (car y)) (loop (cdr x) (cdr y)))
               (begin
                 (ended x 'for-each 2 a #t)
                 (ended y 'for-each 3 b (void))))))
        ((f some . more)
         (check-procedure 'for-each 1 f)
         (let loop ((lists (cons some more)))
           (if (all-pairs? lists)
               (begin (apply f (cars lists)) (loop (cdrs lists)))
               (all-ended lists 'for-each 2 (cons some more) (void)))))))

    (define map-in-order map)
    (define map! map)

    ;; What a procedure that is to return lists returned.
    (define (returned-list who list)
      (if (list? list) list (failure who "the procedure returned something that is not a proper list:" list)))

    (define append-map
      (case-lambda
        ((f list)
         (let loop ((rest list) (result '()))
           (if (pair? rest)
               (loop (cdr rest) (append-reverse (returned-list 'append-map (f (car rest))) result))
               (at-end rest 'append-map 2 list (reverse result)))))
        ((f some . more)
         (check-procedure 'append-map 1 f)
         (let loop ((lists (cons some more)) (result '()))
           (if (all-pairs? lists)
               (loop (cdrs lists) (append-reverse (returned-list 'append-map (apply f (cars lists))) result))
               (reverse result))))))

    (define append-map! append-map)

    (define filter-map
      (case-lambda
        ((f list)
         (let loop ((rest list) (result '()))
           (if (pair? rest)
               (let ((value (f (car rest))))
                 (loop (cdr rest) (if value (cons value result) result)))
               (at-end rest 'filter-map 2 list (reverse result)))))
        ((f some . more)
         (check-procedure 'filter-map 1 f)
         (let loop ((lists (cons some more)) (result '()))
           (if (all-pairs? lists)
               (let ((value (apply f (cars lists))))
                 (loop (cdrs lists) (if value (cons value result) result)))
               (reverse result))))))

    (define pair-for-each
      (case-lambda
        ((f list)
         (let loop ((rest list))
           (if (pair? rest)
               (let ((next (cdr rest))) (f rest) (loop next))
               (at-end rest 'pair-for-each 2 list (void)))))
        ((f some . more)
         (check-procedure 'pair-for-each 1 f)
         (let loop ((lists (cons some more)))
           (if (all-pairs? lists)
               (let ((next (cdrs lists))) (apply f lists) (loop next)))))))

    ;; ---- Folds

    (define fold
      (case-lambda
        ((f seed list)
         (let loop ((result seed) (rest list))
           (cond ((pair? rest) (loop (f (car rest) result) (cdr rest)))
                 ((null? rest) result)
                 (else (not-a-list 'fold 3 list)))))
        ((f seed some . more)
         (check-procedure 'fold 1 f)
         (let loop ((result seed) (lists (cons some more)))
           (if (all-pairs? lists)
               (loop (apply f (cars+ lists result)) (cdrs lists))
               result)))))

    (define fold-left
      (case-lambda
        ((f seed list)
         (let loop ((result seed) (rest list))
           (cond ((pair? rest) (loop (f result (car rest)) (cdr rest)))
                 ((null? rest) result)
                 (else (not-a-list 'fold-left 3 list)))))
        ((f seed some . more)
         (check-procedure 'fold-left 1 f)
         (let loop ((result seed) (lists (cons some more)))
           (if (all-pairs? lists)
               (loop (apply f result (cars lists)) (cdrs lists))
               result)))))

    (define fold-right
      (case-lambda
        ((f seed list)
         (if (not (list? list)) (not-a-list 'fold-right 3 list))
         (let loop ((result seed) (rest (reverse list)))
           (if (pair? rest)
               (loop (f (car rest) result) (cdr rest))
               result)))
        ((f seed some . more)
         (check-procedure 'fold-right 1 f)
         (let loop ((lists (cons some more)))
           (if (all-pairs? lists)
               (apply f (cars+ lists (loop (cdrs lists))))
               seed)))))

    (define pair-fold
      (case-lambda
        ((f seed list)
         (let loop ((result seed) (rest list))
           (if (pair? rest)
               (let ((next (cdr rest))) (loop (f rest result) next))
               (at-end rest 'pair-fold 3 list result))))
        ((f seed some . more)
         (check-procedure 'pair-fold 1 f)
         (let loop ((result seed) (lists (cons some more)))
           (if (all-pairs? lists)
               (let ((next (cdrs lists))) (loop (apply f (append lists (list result))) next))
               result)))))

    (define pair-fold-right
      (case-lambda
        ((f seed list)
         (check-procedure 'pair-fold-right 1 f)
         (let loop ((rest list))
           (if (pair? rest) (f rest (loop (cdr rest))) (at-end rest 'pair-fold-right 3 list seed))))
        ((f seed some . more)
         (check-procedure 'pair-fold-right 1 f)
         (let loop ((lists (cons some more)))
           (if (all-pairs? lists)
               (apply f (append lists (list (loop (cdrs lists)))))
               seed)))))

    (define (reduce f identity list)
      (check-procedure 'reduce 1 f)
      (if (not (list? list)) (not-a-list 'reduce 3 list))
      (if (pair? list) (fold f (car list) (cdr list)) identity))

    (define (reduce-right f identity list)
      (check-procedure 'reduce-right 1 f)
      (if (not (list? list)) (not-a-list 'reduce-right 3 list))
      (if (pair? list)
          (let ((reversed (reverse list)))
            (fold f (car reversed) (cdr reversed)))
          identity))

    (define unfold
      (case-lambda
        ((stop? mapper successor seed)
         (let loop ((seed seed) (result '()))
           (if (stop? seed)
               (reverse result)
               (loop (successor seed) (cons (mapper seed) result)))))
        ((stop? mapper successor seed tail-generator)
         (let loop ((seed seed) (result '()))
           (if (stop? seed)
               (append-reverse result (tail-generator seed))
               (loop (successor seed) (cons (mapper seed) result)))))))

    (define unfold-right
      (case-lambda
        ((stop? mapper successor seed) (unfold-right stop? mapper successor seed '()))
        ((stop? mapper successor seed tail)
         (let loop ((seed seed) (result tail))
           (if (stop? seed)
               result
               (loop (successor seed) (cons (mapper seed) result)))))))

    ;; ---- Filtering

    (define (filter keep? list)
      (let loop ((rest list) (result '()))
        (cond ((pair? rest)
               (loop (cdr rest) (if (keep? (car rest)) (cons (car rest) result) result)))
              ((null? rest) (reverse result))
              (else (not-a-list 'filter 2 list)))))

    (define (remove drop? list)
      (let loop ((rest list) (result '()))
        (cond ((pair? rest)
               (loop (cdr rest) (if (drop? (car rest)) result (cons (car rest) result))))
              ((null? rest) (reverse result))
              (else (not-a-list 'remove 2 list)))))

    (define (partition in? list)
      (let loop ((rest list) (in '()) (out '()))
        (cond ((pair? rest)
               (if (in? (car rest))
                   (loop (cdr rest) (cons (car rest) in) out)
                   (loop (cdr rest) in (cons (car rest) out))))
              ((null? rest) (values (reverse in) (reverse out)))
              (else (not-a-list 'partition 2 list)))))

    (define filter! filter)
    (define remove! remove)
    (define partition! partition)

    ;; ---- Searching

    (define member
      (case-lambda
        ((object list) (%member object list))
        ((object list same?)
         (let loop ((rest list))
           (cond ((pair? rest) (if (same? object (car rest)) rest (loop (cdr rest))))
                 ((null? rest) #f)
                 (else (not-a-list 'member 2 list)))))))

    (define assoc
      (case-lambda
        ((key alist) (%assoc key alist))
        ((key alist same?)
         (let loop ((rest alist))
           (cond ((pair? rest)
                  (if (not (pair? (car rest))) (wrong-type 'assoc 2 "a list of pairs" alist))
                  (if (same? key (caar rest)) (car rest) (loop (cdr rest))))
                 ((null? rest) #f)
                 (else (not-a-list 'assoc 2 alist)))))))

    (define (find-tail found? list)
      (let loop ((rest list))
        (if (pair? rest)
            (if (found? (car rest)) rest (loop (cdr rest)))
            (at-end rest 'find-tail 2 list #f))))

    (define (find found? list)
      (let loop ((rest list))
        (if (pair? rest)
            (if (found? (car rest)) (car rest) (loop (cdr rest)))
            (at-end rest 'find 2 list #f))))

    (define any
      (case-lambda
        ((f list)
         (if (pair? list)
             (let loop ((item (car list)) (rest (cdr list)))
               (if (pair? rest)
                   (or (f item) (loop (car rest) (cdr rest)))
                   (begin
                     (at-end rest 'any 2 list #f)
                     (f item))))
             (at-end list 'any 2 list #f)))
        ((f some . more)
         (check-procedure 'any 1 f)
         (and (all-pairs? (cons some more))
              (let loop ((lists (cons some more)))
                (let ((next (cdrs lists)))
                  (if (all-pairs? next)
                      (or (apply f (cars lists)) (loop next))
                      (apply f (cars lists)))))))))

    (define every
      (case-lambda
        ((f list)
         (if (pair? list)
             (let loop ((item (car list)) (rest (cdr list)))
               (if (pair? rest)
                   (and (f item) (loop (car rest) (cdr rest)))
                   (begin
                     (at-end rest 'every 2 list #t)
                     (f item))))
             (at-end list 'every 2 list #t)))
        ((f some . more)
         (check-procedure 'every 1 f)
         (or (not (all-pairs? (cons some more)))
             (let loop ((lists (cons some more)))
               (let ((next (cdrs lists)))
                 (if (all-pairs? next)
                     (and (apply f (cars lists)) (loop next))
                     (apply f (cars lists)))))))))

    (define list-index
      (case-lambda
        ((f list)
         (let loop ((rest list) (index 0))
           (if (pair? rest)
               (if (f (car rest)) index (loop (cdr rest) (+ index 1)))
               (at-end rest 'list-index 2 list #f))))
        ((f some . more)
         (check-procedure 'list-index 1 f)
         (let loop ((lists (cons some more)) (index 0))
           (and (all-pairs? lists)
                (if (apply f (cars lists)) index (loop (cdrs lists) (+ index 1))))))))

    (define count
      (case-lambda
        ((f list)
         (let loop ((rest list) (n 0))
           (if (pair? rest)
               (loop (cdr rest) (if (f (car rest)) (+ n 1) n))
               (at-end rest 'count 2 list n))))
        ((f some . more)
         (check-procedure 'count 1 f)
         (let loop ((lists (cons some more)) (n 0))
           (if (all-pairs? lists)
               (loop (cdrs lists) (if (apply f (cars lists)) (+ n 1) n))
               n)))))

    (define (take-while keep? list)
      (let loop ((rest list) (result '()))
        (if (and (pair? rest) (keep? (car rest)))
            (loop (cdr rest) (cons (car rest) result))
            (ended rest 'take-while 2 list (reverse result)))))

    (define (drop-while drop? list)
      (let loop ((rest list))
        (if (and (pair? rest) (drop? (car rest)))
            (loop (cdr rest))
            (ended rest 'drop-while 2 list rest))))

    (define (span in? list) (split 'span in? list))

    (define (break stop? list)
      (check-procedure 'break 1 stop?)
      (split 'break (lambda (item) (not (stop? item))) list))

    (define (split who in? list)
      (check-procedure who 1 in?)
      (let loop ((rest list) (result '()))
        (if (and (pair? rest) (in? (car rest)))
            (loop (cdr rest) (cons (car rest) result))
            (begin
              (ended rest who 2 list #t)
              (values (reverse result) rest)))))

    (define take-while! take-while)
    (define span! span)
    (define break! break)

    ;; ---- Deletion. The arguments of the equality come in the order that SRFI 1 prescribes.

    (define delete
      (case-lambda
        ((object list) (delete object list equal?))
        ((object list same?)
         (if (not (list? list)) (not-a-list 'delete 2 list))
         (check-procedure 'delete 3 same?)
         (remove (lambda (item) (same? object item)) list))))

    ;; Keeps the first of each group of equal items.
    (define delete-duplicates
      (case-lambda
        ((list) (delete-duplicates list equal?))
        ((list same?)
         (check-list 'delete-duplicates 1 list)
         (check-procedure 'delete-duplicates 2 same?)
         (let loop ((rest list) (result '()))
           (if (pair? rest)
               (let ((item (car rest)))
                 (loop (cdr rest)
                       (if (any (lambda (kept) (same? kept item)) result)
                           result
                           (cons item result))))
               (at-end rest 'delete-duplicates 1 list (reverse result)))))))

    (define delete! delete)
    (define delete-duplicates! delete-duplicates)

    (define (alist-cons key value alist) (cons (cons key value) alist))

    (define (check-alist who position alist)
      (if (not (and (list? alist) (every pair? alist))) (wrong-type who position "a list of pairs" alist)))

    (define (alist-copy alist)
      (check-alist 'alist-copy 1 alist)
      (map (lambda (entry) (cons (car entry) (cdr entry))) alist))

    (define alist-delete
      (case-lambda
        ((key alist) (alist-delete key alist equal?))
        ((key alist same?)
         (check-alist 'alist-delete 2 alist)
         (check-procedure 'alist-delete 3 same?)
         (remove (lambda (entry) (same? key (car entry))) alist))))

    (define alist-delete! alist-delete)

    ;; ---- Constructors

    (define (xcons a b) (cons b a))

    (define (cons* first . rest)
      (let loop ((first first) (rest rest))
        (if (pair? rest)
            (cons first (loop (car rest) (cdr rest)))
            first)))

    (define (list-tabulate n f)
      (check-count 'list-tabulate 1 n)
      (check-procedure 'list-tabulate 2 f)
      (let loop ((i (- n 1)) (result '()))
        (if (< i 0) result (loop (- i 1) (cons (f i) result)))))

    (define (circular-list first . rest)
      (let ((result (cons first rest)))
        (set-cdr! (last-pair result) result)
        result))

    (define iota
      (case-lambda
        ((n) (iota n 0 1))
        ((n start) (iota n start 1))
        ((n start step)
         (check-count 'iota 1 n)
         (if (not (number? start)) (wrong-type 'iota 2 "a number" start))
         (if (not (number? step)) (wrong-type 'iota 3 "a number" step))
         (let loop ((i (- n 1)) (result '()))
           (if (< i 0) result (loop (- i 1) (cons (+ start (* i step)) result)))))))

    ;; ---- Predicates

    (define proper-list? list?)

    ;; Returns the tail at which a list ends (anything but a pair), or a pair if it is circular.
    (define (end-of list)
      (let loop ((slow list) (fast list))
        (if (pair? fast)
            (let ((fast (cdr fast)))
              (if (pair? fast)
                  (let ((slow (cdr slow)) (fast (cdr fast)))
                    (if (eq? slow fast) fast (loop slow fast)))
                  fast))
            fast)))

    (define (circular-list? object) (pair? (end-of object)))

    (define (dotted-list? object)
      (let ((end (end-of object)))
        (not (or (pair? end) (null? end)))))

    (define (not-pair? object) (not (pair? object)))

    (define (null-list? list)
      (cond ((pair? list) #f)
            ((null? list) #t)
            (else (not-a-list 'null-list? 1 list))))

    (define (list= same? . lists)
      ;; Of the arguments number `position` and the next.
      (define (two a b position)
        (let loop ((x a) (y b))
          (cond ((and (pair? x) (pair? y))
                 (and (same? (car x) (car y)) (loop (cdr x) (cdr y))))
                ((not (or (pair? x) (null? x))) (not-a-list 'list= position a))
                ((not (or (pair? y) (null? y))) (not-a-list 'list= (+ position 1) b))
                (else (and (null? x) (null? y))))))
      (or (null? lists)
          (let loop ((a (car lists)) (rest (cdr lists)) (position 2))
            (or (null? rest)
                (and (two a (car rest) position) (loop (car rest) (cdr rest) (+ position 1)))))))

    ;; ---- Selectors

    (define (item who list n)
      (let loop ((rest list) (i n))
        (cond ((not (pair? rest))
               (wrong-type who 1 (string-append "a list of at least " (number->string (+ n 1)) " items") list))
              ((= i 0) (car rest))
              (else (loop (cdr rest) (- i 1))))))

    (define (first list) (item 'first list 0))
    (define (second list) (item 'second list 1))
    (define (third list) (item 'third list 2))
    (define (fourth list) (item 'fourth list 3))
    (define (fifth list) (item 'fifth list 4))
    (define (sixth list) (item 'sixth list 5))
    (define (seventh list) (item 'seventh list 6))
    (define (eighth list) (item 'eighth list 7))
    (define (ninth list) (item 'ninth list 8))
    (define (tenth list) (item 'tenth list 9))

    (define (check-pair who pair)
      (if (not (pair? pair)) (wrong-type who 1 "a pair" pair)))

    (define (car+cdr pair)
      (check-pair 'car+cdr pair)
      (values (car pair) (cdr pair)))

    ;; Calls f with the first n items, reversed, and the rest.
    (define (split-off who list n f)
      (check-count who 2 n)
      (let loop ((rest list) (left n) (result '()))
        (cond ((= left 0) (f result rest))
              ((pair? rest) (loop (cdr rest) (- left 1) (cons (car rest) result)))
              (else (out-of-range who 2 "is above the list's length" n)))))

    (define (take list n) (split-off 'take list n (lambda (result rest) (reverse result))))

    (define (drop list n) (lead-of 'drop list n))

    ;; The tail of `list` that n items come before.
    (define (lead-of who list n)
      (check-count who 2 n)
      (let loop ((rest list) (left n))
        (cond ((= left 0) rest)
              ((pair? rest) (loop (cdr rest) (- left 1)))
              (else (out-of-range who 2 "is above the list's length" n)))))

    ;; Unlike list-tail with length, these accept dotted lists.
    (define (check-end who list)
      (if (circular-list? list) (wrong-type who 1 "a list that ends" list)))

    (define (take-right list n)
      (check-end 'take-right list)
      (let loop ((lead (lead-of 'take-right list n)) (lag list))
        (if (pair? lead) (loop (cdr lead) (cdr lag)) lag)))

    (define (drop-right list n)
      (check-end 'drop-right list)
      (let loop ((lead (lead-of 'drop-right list n)) (lag list) (result '()))
        (if (pair? lead)
            (loop (cdr lead) (cdr lag) (cons (car lag) result))
            (reverse result))))

    (define (split-at list n) (split-off 'split-at list n (lambda (result rest) (values (reverse result) rest))))

    (define take! take)
    (define drop-right! drop-right)
    (define split-at! split-at)

    (define (last-pair list)
      (check-pair 'last-pair list)
      (check-end 'last-pair list)
      (let loop ((rest list))
        (if (pair? (cdr rest)) (loop (cdr rest)) rest)))

    (define (last list)
      (check-pair 'last list)
      (check-end 'last list)
      (car (last-pair list)))

    ;; ---- Miscellaneous

    (define (length+ list)
      (and (not (circular-list? list))
           (let loop ((rest list) (n 0))
             (if (pair? rest) (loop (cdr rest) (+ n 1)) (at-end rest 'length+ 1 list n)))))

    (define (append-reverse list tail)
      (let loop ((rest list) (result tail))
        (if (pair? rest)
            (loop (cdr rest) (cons (car rest) result))
            (at-end rest 'append-reverse 1 list result))))

    (define (concatenate lists)
      (check-list 'concatenate 1 lists)
      ;; All but the last have to be lists, as append has it.
      (let loop ((rest lists))
        (if (and (pair? rest) (pair? (cdr rest)))
            (begin
              (if (not (list? (car rest))) (wrong-type 'concatenate 1 "a list of proper lists" lists))
              (loop (cdr rest)))))
      (apply append lists))

    (define concatenate! concatenate)
    (define reverse! reverse)
    (define append! append)
    (define append-reverse! append-reverse)

    ;; The results are as long as the shortest list.
    (define (zip list . lists)
      (let loop ((lists (cons list lists)) (result '()))
        (if (all-pairs? lists)
            (loop (cdrs lists) (cons (cars lists) result))
            (reverse result))))

    ;; The nth items of lists, from 0.
    (define (column who lists n)
      (check-list who 1 lists)
      (map (lambda (list)
             (let loop ((rest list) (i n))
               (cond ((not (pair? rest))
                      (wrong-type who 1 (string-append "a list of lists of at least " (number->string (+ n 1)) " items")
                                  lists))
                     ((= i 0) (car rest))
                     (else (loop (cdr rest) (- i 1))))))
           lists))

    (define (unzip1 lists) (column 'unzip1 lists 0))
    (define (unzip2 lists) (values (column 'unzip2 lists 0) (column 'unzip2 lists 1)))
    (define (unzip3 lists)
      (values (column 'unzip3 lists 0) (column 'unzip3 lists 1) (column 'unzip3 lists 2)))
    (define (unzip4 lists)
      (values (column 'unzip4 lists 0) (column 'unzip4 lists 1) (column 'unzip4 lists 2) (column 'unzip4 lists 3)))
    (define (unzip5 lists)
      (values (column 'unzip5 lists 0) (column 'unzip5 lists 1) (column 'unzip5 lists 2) (column 'unzip5 lists 3)
              (column 'unzip5 lists 4)))

    ;; ---- Lists as sets

    ;; The lists are arguments 2 and on.
    (define (check-lists who same? lists)
      (check-procedure who 1 same?)
      (let loop ((rest lists) (position 2))
        (if (pair? rest)
            (begin
              (check-list who position (car rest))
              (loop (cdr rest) (+ position 1))))))

    (define (subset? same? a b)
      (every (lambda (item) (member item b same?)) a))

    (define (lset<= same? . lists)
      (check-lists 'lset<= same? lists)
      (or (null? lists)
          (let loop ((a (car lists)) (rest (cdr lists)))
            (or (null? rest)
                (and (subset? same? a (car rest)) (loop (car rest) (cdr rest)))))))

    (define (lset= same? . lists)
      (check-lists 'lset= same? lists)
      (or (null? lists)
          (let loop ((a (car lists)) (rest (cdr lists)))
            (or (null? rest)
                (and (subset? same? a (car rest))
                     (subset? (lambda (x y) (same? y x)) (car rest) a)
                     (loop (car rest) (cdr rest)))))))

    (define (lset-adjoin same? list . items)
      (check-procedure 'lset-adjoin 1 same?)
      (check-list 'lset-adjoin 2 list)
      (fold (lambda (item result)
              (if (any (lambda (kept) (same? kept item)) result) result (cons item result)))
            list items))

    (define (lset-union same? . lists)
      (check-lists 'lset-union same? lists)
      (reduce (lambda (list result)
                (cond ((null? list) result)
                      ((null? result) list)
                      ((eq? list result) result)
                      (else (apply lset-adjoin same? result list))))
              '() lists))

    (define (lset-intersection same? list . lists)
      (check-lists 'lset-intersection same? (cons list lists))
      (filter (lambda (item) (every (lambda (other) (member item other same?)) lists)) list))

    (define (lset-difference same? list . lists)
      (check-lists 'lset-difference same? (cons list lists))
      (remove (lambda (item) (any (lambda (other) (member item other same?)) lists)) list))

    (define (lset-xor same? . lists)
      (define (minus a b) (remove (lambda (item) (member item b same?)) a))
      (check-lists 'lset-xor same? lists)
      (reduce (lambda (b a) (append (minus b a) (minus a b))) '() lists))

    (define (lset-diff+intersection same? list . lists)
      (check-lists 'lset-diff+intersection same? (cons list lists))
      (partition (lambda (item)
                   (not (any (lambda (other) (member item other same?)) lists)))
                 list))

    (define lset-union! lset-union)
    (define lset-intersection! lset-intersection)
    (define lset-difference! lset-difference)
    (define lset-xor! lset-xor)
    (define lset-diff+intersection! lset-diff+intersection)))
