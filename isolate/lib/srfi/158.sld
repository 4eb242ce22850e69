;; (srfi 158): generators and accumulators.
(define-library (srfi 158)
  (export
    generator circular-generator make-iota-generator make-range-generator make-coroutine-generator list->generator
    vector->generator reverse-vector->generator string->generator bytevector->generator make-for-each-generator
    make-unfold-generator
    gcons* gappend gflatten ggroup gmerge gmap gcombine gfilter gremove gstate-filter gtake gdrop gtake-while
    gdrop-while gdelete gdelete-neighbor-dups gindex gselect
    generator->list generator->reverse-list generator->vector generator->vector! generator->string generator-fold
    generator-for-each generator-map->list generator-find generator-count generator-any generator-every
    generator-unfold
    make-accumulator count-accumulator list-accumulator reverse-list-accumulator vector-accumulator
    reverse-vector-accumulator vector-accumulator! string-accumulator bytevector-accumulator
    bytevector-accumulator! sum-accumulator product-accumulator)
  (import (islet core) (islet argument) (islet control) (islet list))
  (begin

    (define end (eof-object))

    (define (check-generators who position generators)
      (if (pair? generators)
          (begin
            (check-procedure who position (car generators))
            (check-generators who (+ position 1) (cdr generators)))))

    (define (check-number who position object)
      (if (not (real? object)) (wrong-type who position "a real number" object)))

    ;; Of any kind of number that is a whole one, as SRFI 158 allows for make-iota-generator.
    (define (check-whole who position object)
      (if (not (and (real? object) (integer? object))) (wrong-type who position "an integer" object))
      (if (< object 0) (out-of-range who position "is negative" object)))

    ;; ---- Constructors

    (define (generator . items) (items-of items))

    (define (items-of items)
      (lambda ()
        (if (pair? items)
            (let ((item (car items)))
              (set! items (cdr items))
              item)
            end)))

    (define (circular-generator item . items)
      (let* ((all (cons item items)) (rest all))
        (lambda ()
          (if (null? rest) (set! rest all))
          (let ((item (car rest)))
            (set! rest (cdr rest))
            item))))

    ;; Numbers are inexact if start or step is.
    (define (starting-at start step)
      (if (and (exact? start) (exact? step)) start (inexact start)))

    (define-optional (make-iota-generator count) ((start 0) (step 1))
      (check-whole 'make-iota-generator 1 count)
      (check-number 'make-iota-generator 2 start)
      (check-number 'make-iota-generator 3 step)
      (let ((start (starting-at start step)) (i 0))
        (lambda ()
          (if (< i count)
              (let ((value (+ start (* i step))))
                (set! i (+ i 1))
                value)
              end))))

    (define-optional (make-range-generator start) ((limit +inf.0) (step 1))
      (check-number 'make-range-generator 1 start)
      (check-number 'make-range-generator 2 limit)
      (check-number 'make-range-generator 3 step)
      (let ((next (starting-at start step)))
        (lambda ()
          (if (< next limit)
              (let ((value next))
                (set! next (+ next step))
                value)
              end))))

    (define (make-coroutine-generator f)
      (check-procedure 'make-coroutine-generator 1 f)
      (coroutine f))

    ;; `resume` continues the body after its last yield; `return` is where the value yielded goes.
    (define (coroutine f)
      (define return #f)
      (define resume #f)
      (define (yield value)
        (call/cc
         (lambda (rest)
           (set! resume rest)
           (return value))))
      (lambda ()
        (call/cc
         (lambda (caller)
           (set! return caller)
           (if resume
               (resume #t)
               (begin
                 (f yield)
                 (set! resume (lambda (ignored) (return end)))
                 (return end)))))))

    (define (list->generator list)
      (check-list 'list->generator 1 list)
      (items-of list))

    ;; A generator of (ref i), i from `first` on by `step` up to `last`.
    (define (indexed ref first step last)
      (lambda ()
        (if (= first last)
            end
            (let ((i first))
              (set! first (+ first step))
              (ref i)))))

    (define-ranged checked-vector-length (vector->generator v) (v 1) (start last 2)
      (indexed (lambda (i) (vector-ref v i)) start 1 last))

    (define-ranged checked-vector-length (reverse-vector->generator v) (v 1) (start last 2)
      (indexed (lambda (i) (vector-ref v i)) (- last 1) -1 (- start 1)))

    (define-ranged checked-string-length (string->generator s) (s 1) (start last 2)
      (indexed (lambda (i) (string-ref s i)) start 1 last))

    (define (checked-bytevector-length who position object)
      (if (not (bytevector? object)) (wrong-type who position "a bytevector" object))
      (bytevector-length object))

    (define-ranged checked-bytevector-length (bytevector->generator b) (b 1) (start last 2)
      (indexed (lambda (i) (bytevector-u8-ref b i)) start 1 last))

    (define (make-for-each-generator for-each object)
      (check-procedure 'make-for-each-generator 1 for-each)
      (coroutine (lambda (yield) (for-each yield object))))

    (define (make-unfold-generator stop? mapper successor seed)
      (check-procedure 'make-unfold-generator 1 stop?)
      (check-procedure 'make-unfold-generator 2 mapper)
      (check-procedure 'make-unfold-generator 3 successor)
      (lambda ()
        (if (stop? seed)
            end
            (let ((value (mapper seed)))
              (set! seed (successor seed))
              value))))

    ;; ---- Operations

    ;; The next items of all generators, or #f once one is at its end.
    (define (next-items generators)
      (let loop ((rest generators) (items '()))
        (if (null? rest)
            (reverse items)
            (let ((item ((car rest))))
              (and (not (eof-object? item))
                   (loop (cdr rest) (cons item items)))))))

    (define (gcons* first . more)
      (let* ((arguments (cons first more)) (g (last arguments)) (items (drop-right arguments 1)))
        (check-procedure 'gcons* (length arguments) g)
        (lambda ()
          (if (pair? items)
              (let ((item (car items)))
                (set! items (cdr items))
                item)
              (g)))))

    (define (gappend . generators)
      (check-generators 'gappend 1 generators)
      (lambda ()
        (let loop ()
          (if (null? generators)
              end
              (let ((item ((car generators))))
                (if (eof-object? item)
                    (begin (set! generators (cdr generators)) (loop))
                    item))))))

    (define (gflatten g)
      (check-procedure 'gflatten 1 g)
      (let ((items '()))
        (lambda ()
          (let loop ()
            (cond ((eof-object? items) end)
                  ((pair? items)
                   (let ((item (car items)))
                     (set! items (cdr items))
                     item))
                  ((null? items) (set! items (g)) (loop))
                  (else (failure 'gflatten "the generator gave something that is not a list" items)))))))

    (define absent (list 'absent))

    (define-optional (ggroup g k) ((padding absent))
      (check-procedure 'ggroup 1 g)
      (check-count 'ggroup 2 k)
      (if (= k 0) (out-of-range 'ggroup 2 "is not positive" k))
      (let ((done? #f))
        (lambda ()
          (if done?
              end
              (let loop ((i 0) (items '()))
                (if (= i k)
                    (reverse items)
                    (let ((item (g)))
                      (cond ((not (eof-object? item)) (loop (+ i 1) (cons item items)))
                            (else
                             (set! done? #t)
                             (cond ((= i 0) end)
                                   ((eq? padding absent) (reverse items))
                                   (else (append-reverse items (make-list (- k i) padding)))))))))))))

    (define (gmerge less? g . more)
      (check-procedure 'gmerge 1 less?)
      (check-generators 'gmerge 2 (cons g more))
      (let loop ((generators (cons g more)))
        (cond ((null? (cdr generators)) (car generators))
              (else
               ;; By halves, so that an item is compared about log2 n times.
               (let ((half (quotient (length generators) 2)))
                 (merge-two less? (loop (take generators half)) (loop (drop generators half))))))))

    (define (merge-two less? a b)
      (define item-a absent)
      (define item-b absent)
      (lambda ()
        (if (eq? item-a absent) (set! item-a (a)))
        (if (eq? item-b absent) (set! item-b (b)))
        (if (or (eof-object? item-a)
                (and (not (eof-object? item-b)) (less? item-b item-a)))
            (let ((item item-b))
              (if (not (eof-object? item)) (set! item-b absent))
              item)
            (let ((item item-a))
              (set! item-a absent)
              item))))

    (define gmap
      (case-lambda
        ((f g)
         (check-procedure 'gmap 1 f)
         (check-procedure 'gmap 2 g)
         (lambda ()
           (let ((item (g)))
             (if (eof-object? item) item (f item)))))
        ((f . generators)
         (check-procedure 'gmap 1 f)
         (check-generators 'gmap 2 generators)
         (lambda ()
           (let ((items (next-items generators)))
             (if items (apply f items) end))))))

    (define (gcombine f seed g . more)
      (check-procedure 'gcombine 1 f)
      (check-generators 'gcombine 3 (cons g more))
      (let ((generators (cons g more)))
        (lambda ()
          (let ((items (next-items generators)))
            (if items
                (call-with-values (lambda () (apply f (append items (list seed))))
                  (lambda (value next)
                    (set! seed next)
                    value))
                end)))))

    (define (filtered keep? g)
      (lambda ()
        (let loop ()
          (let ((item (g)))
            (if (or (eof-object? item) (keep? item)) item (loop))))))

    (define (gfilter keep? g)
      (check-procedure 'gfilter 1 keep?)
      (check-procedure 'gfilter 2 g)
      (filtered keep? g))

    (define (gremove drop? g)
      (check-procedure 'gremove 1 drop?)
      (check-procedure 'gremove 2 g)
      (filtered (lambda (item) (not (drop? item))) g))

    (define (gstate-filter f seed g)
      (check-procedure 'gstate-filter 1 f)
      (check-procedure 'gstate-filter 3 g)
      (filtered (lambda (item)
                  (call-with-values (lambda () (f item seed))
                    (lambda (keep? next)
                      (set! seed next)
                      keep?)))
                g))

    (define-optional (gtake g k) ((padding absent))
      (check-procedure 'gtake 1 g)
      (check-count 'gtake 2 k)
      (let ((done? #f))
        (lambda ()
          (if (<= k 0)
              end
              (let ((item (if done? end (g))))
                (set! k (- k 1))
                (cond ((not (eof-object? item)) item)
                      ((eq? padding absent) (set! k 0) end)
                      (else (set! done? #t) padding)))))))

    (define (gdrop g k)
      (check-procedure 'gdrop 1 g)
      (check-count 'gdrop 2 k)
      (lambda ()
        (let loop ()
          (if (> k 0)
              (begin
                (set! k (- k 1))
                (if (eof-object? (g))
                    (begin (set! k 0) end)
                    (loop)))
              (g)))))

    (define (gtake-while f g)
      (check-procedure 'gtake-while 1 f)
      (check-procedure 'gtake-while 2 g)
      (let ((done? #f))
        (lambda ()
          (if done?
              end
              (let ((item (g)))
                (if (and (not (eof-object? item)) (f item))
                    item
                    (begin (set! done? #t) end)))))))

    (define (gdrop-while f g)
      (check-procedure 'gdrop-while 1 f)
      (check-procedure 'gdrop-while 2 g)
      (let ((found? #f))
        (lambda ()
          (if found?
              (g)
              (let loop ()
                (let ((item (g)))
                  (if (and (not (eof-object? item)) (f item))
                      (loop)
                      (begin (set! found? #t) item))))))))

    (define-optional (gdelete item g) ((same? equal?))
      (check-procedure 'gdelete 2 g)
      (check-procedure 'gdelete 3 same?)
      (filtered (lambda (other) (not (same? item other))) g))

    (define-optional (gdelete-neighbor-dups g) ((same? equal?))
      (check-procedure 'gdelete-neighbor-dups 1 g)
      (check-procedure 'gdelete-neighbor-dups 2 same?)
      (let ((last absent))
        (filtered (lambda (item)
                    (let ((keep? (or (eq? last absent) (not (same? last item)))))
                      (set! last item)
                      keep?))
                  g)))

    (define (gindex values-of indices)
      (check-procedure 'gindex 1 values-of)
      (check-procedure 'gindex 2 indices)
      (let ((next 0) (done? #f))  ; the index of the next value
        (define (finish)
          (set! done? #t)
          end)
        (lambda ()
          (if done?
              end
              (let ((index (indices)))
                (if (eof-object? index)
                    (finish)
                    (begin
                      (if (not (and (exact-integer? index) (>= index next)))
                          (failure 'gindex "the indices are not strictly increasing" index))
                      (let loop ()
                        (let ((value (values-of)))
                          (set! next (+ next 1))
                          (cond ((eof-object? value) (finish))
                                ((= next (+ index 1)) value)
                                (else (loop))))))))))))

    (define (gselect values-of truths)
      (check-procedure 'gselect 1 values-of)
      (check-procedure 'gselect 2 truths)
      (let ((done? #f))
        (lambda ()
          (let loop ()
            (if done?
                end
                (let ((value (values-of)) (truth (truths)))
                  (cond ((or (eof-object? value) (eof-object? truth)) (set! done? #t) end)
                        (truth value)
                        (else (loop)))))))))

    ;; ---- Consuming

    ;; At most k items (all of them if k is #f), last first.
    (define (collect g k)
      (let loop ((i 0) (items '()))
        (if (and k (= i k))
            items
            (let ((item (g)))
              (if (eof-object? item) items (loop (+ i 1) (cons item items)))))))

    (define (check-source who g k)
      (check-procedure who 1 g)
      (if k (check-count who 2 k)))

    (define-optional (generator->list g) ((k #f))
      (check-source 'generator->list g k)
      (reverse (collect g k)))

    (define-optional (generator->reverse-list g) ((k #f))
      (check-source 'generator->reverse-list g k)
      (collect g k))

    (define-optional (generator->vector g) ((k #f))
      (check-source 'generator->vector g k)
      (list->vector (reverse (collect g k))))

    (define (generator->vector! v at g)
      (let ((n (checked-vector-length 'generator->vector! 1 v)))
        (check-range 'generator->vector! 2 at n n)
        (check-procedure 'generator->vector! 3 g)
        (let loop ((i at))
          (if (= i n)
              (- i at)
              (let ((item (g)))
                (if (eof-object? item)
                    (- i at)
                    (begin
                      (vector-set! v i item)
                      (loop (+ i 1)))))))))

    (define (check-item who accepts? expected)
      (lambda (item)
        (if (not (accepts? item)) (failure who (string-append "got something that is not " expected) item))))

    (define-optional (generator->string g) ((k #f))
      (check-source 'generator->string g k)
      (let ((chars (reverse (collect g k))))
        (for-each (check-item 'generator->string char? "a character") chars)
        (list->string chars)))

    (define generator-fold
      (case-lambda
        ((f seed g)
         (check-procedure 'generator-fold 1 f)
         (check-procedure 'generator-fold 3 g)
         (let loop ((result seed))
           (let ((item (g)))
             (if (eof-object? item) result (loop (f item result))))))
        ((f seed . generators)
         (check-procedure 'generator-fold 1 f)
         (check-generators 'generator-fold 3 generators)
         (let loop ((result seed))
           (let ((items (next-items generators)))
             (if items (loop (apply f (append items (list result)))) result))))))

    (define (generator-for-each f g . more)
      (check-procedure 'generator-for-each 1 f)
      (check-generators 'generator-for-each 2 (cons g more))
      (let ((generators (cons g more)))
        (let loop ()
          (let ((items (next-items generators)))
            (if items
                (begin (apply f items) (loop)))))))

    (define (generator-map->list f g . more)
      (check-procedure 'generator-map->list 1 f)
      (check-generators 'generator-map->list 2 (cons g more))
      (let ((generators (cons g more)))
        (let loop ((results '()))
          (let ((items (next-items generators)))
            (if items (loop (cons (apply f items) results)) (reverse results))))))

    (define (generator-find f g)
      (check-procedure 'generator-find 1 f)
      (check-procedure 'generator-find 2 g)
      (let loop ()
        (let ((item (g)))
          (and (not (eof-object? item))
               (if (f item) item (loop))))))

    (define (generator-count f g)
      (check-procedure 'generator-count 1 f)
      (check-procedure 'generator-count 2 g)
      (let loop ((n 0))
        (let ((item (g)))
          (if (eof-object? item) n (loop (if (f item) (+ n 1) n))))))

    (define (generator-any f g)
      (check-procedure 'generator-any 1 f)
      (check-procedure 'generator-any 2 g)
      (let loop ()
        (let ((item (g)))
          (and (not (eof-object? item))
               (or (f item) (loop))))))

    (define (generator-every f g)
      (check-procedure 'generator-every 1 f)
      (check-procedure 'generator-every 2 g)
      (let loop ((result #t))
        (let ((item (g)))
          (if (eof-object? item)
              result
              (let ((result (f item)))
                (and result (loop result)))))))

    (define (generator-unfold g unfold . arguments)
      (check-procedure 'generator-unfold 1 g)
      (check-procedure 'generator-unfold 2 unfold)
      (apply unfold eof-object? (lambda (item) item) (lambda (item) (g)) (g) arguments))

    ;; ---- Accumulators

    (define (make-accumulator f seed finish)
      (check-procedure 'make-accumulator 1 f)
      (check-procedure 'make-accumulator 3 finish)
      (accumulator f seed finish))

    (define (accumulator f state finish)
      (lambda (item)
        (if (eof-object? item)
            (finish state)
            (begin
              (set! state (f item state))
              (void)))))

    ;; Of items that `accepts?`.
    (define (accumulator-of who accepts? expected f seed finish)
      (let ((check (check-item who accepts? expected)))
        (accumulator (lambda (item state) (check item) (f item state)) seed finish)))

    (define (itself state) state)
    (define (byte? object) (and (exact-integer? object) (<= 0 object 255)))

    (define (count-accumulator) (accumulator (lambda (item n) (+ n 1)) 0 itself))
    (define (list-accumulator) (accumulator cons '() reverse))
    (define (reverse-list-accumulator) (accumulator cons '() itself))
    (define (vector-accumulator) (accumulator cons '() (lambda (items) (list->vector (reverse items)))))
    (define (reverse-vector-accumulator) (accumulator cons '() list->vector))

    (define (string-accumulator)
      (accumulator-of 'string-accumulator char? "a character" cons '() (lambda (chars) (list->string (reverse chars)))))

    (define (bytevector-accumulator)
      (accumulator-of 'bytevector-accumulator byte? "a byte" cons '()
                      (lambda (bytes) (apply bytevector (reverse bytes)))))

    (define (vector-accumulator! v at)
      (let ((n (checked-vector-length 'vector-accumulator! 1 v)))
        (check-range 'vector-accumulator! 2 at n n)
        (accumulator (lambda (item i)
                       (if (= i n) (failure 'vector-accumulator! "the vector is full" item))
                       (vector-set! v i item)
                       (+ i 1))
                     at
                     (lambda (i) v))))

    (define (bytevector-accumulator! b at)
      (let ((n (checked-bytevector-length 'bytevector-accumulator! 1 b)))
        (check-range 'bytevector-accumulator! 2 at n n)
        (accumulator-of 'bytevector-accumulator! byte? "a byte"
                        (lambda (item i)
                          (if (= i n) (failure 'bytevector-accumulator! "the bytevector is full" item))
                          (bytevector-u8-set! b i item)
                          (+ i 1))
                        at
                        (lambda (i) b))))

    (define (sum-accumulator) (accumulator-of 'sum-accumulator number? "a number" + 0 itself))
    (define (product-accumulator) (accumulator-of 'product-accumulator number? "a number" * 1 itself))))
