;; Vectors (SRFI 133), beyond R7RS.
(define-library (islet vector)
  (export
    vector-unfold vector-unfold-right vector-reverse-copy vector-concatenate vector-append-subvectors
    vector-empty? vector=
    vector-fold vector-fold-right vector-map! vector-count vector-cumulate
    vector-index vector-index-right vector-skip vector-skip-right vector-binary-search vector-any vector-every
    vector-partition
    vector-swap! vector-reverse! vector-reverse-copy! vector-unfold! vector-unfold-right!
    reverse-vector->list reverse-list->vector)
  (import (islet core) (islet argument) (islet list))
  (begin

    ;; ---- Several vectors at once, the first of which is argument `position`.

    (define (least-length who position vectors)
      (let loop ((vectors vectors) (position position) (least #f))
        (if (null? vectors)
            least
            (let ((n (checked-vector-length who position (car vectors))))
              (loop (cdr vectors) (+ position 1) (if (and least (< least n)) least n))))))

    (define (items-at i vectors)
      (if (null? vectors)
          '()
          (cons (vector-ref (car vectors) i) (items-at i (cdr vectors)))))

    ;; ---- Constructors

    ;; Fills [start, end), calling f in order with the number of the item and the seeds.
    (define (unfold-up! f v start end seeds)
      (if (null? seeds)
          (let loop ((i start))
            (if (< i end)
                (begin (vector-set! v i (f i)) (loop (+ i 1)))))
          (let loop ((i start) (seeds seeds))
            (if (< i end)
                (call-with-values (lambda () (apply f i seeds))
                  (lambda (item . seeds)
                    (vector-set! v i item)
                    (loop (+ i 1) seeds)))))))

    (define (unfold-down! f v start end seeds)
      (if (null? seeds)
          (let loop ((i (- end 1)))
            (if (>= i start)
                (begin (vector-set! v i (f i)) (loop (- i 1)))))
          (let loop ((i (- end 1)) (seeds seeds))
            (if (>= i start)
                (call-with-values (lambda () (apply f i seeds))
                  (lambda (item . seeds)
                    (vector-set! v i item)
                    (loop (- i 1) seeds)))))))

    (define (vector-unfold f length . seeds)
      (check-procedure 'vector-unfold 1 f)
      (check-size 'vector-unfold 2 length)
      (let ((v (make-vector length)))
        (unfold-up! f v 0 length seeds)
        v))

    (define (vector-unfold-right f length . seeds)
      (check-procedure 'vector-unfold-right 1 f)
      (check-size 'vector-unfold-right 2 length)
      (let ((v (make-vector length)))
        (unfold-down! f v 0 length seeds)
        v))

    (define (vector-unfold! f v start end . seeds)
      (check-procedure 'vector-unfold! 1 f)
      (check-range 'vector-unfold! 3 start end (checked-vector-length 'vector-unfold! 2 v))
      (unfold-up! f v start end seeds))

    (define (vector-unfold-right! f v start end . seeds)
      (check-procedure 'vector-unfold-right! 1 f)
      (check-range 'vector-unfold-right! 3 start end (checked-vector-length 'vector-unfold-right! 2 v))
      (unfold-down! f v start end seeds))

    (define-ranged checked-vector-length (vector-reverse-copy v) (v 1) (start end 2)
      (let ((copy (make-vector (- end start))))
        (copy-reversed! copy 0 v start end)
        copy))

    (define (copy-reversed! to at from start end)
      (let loop ((i (- end 1)) (at at))
        (if (>= i start)
            (begin
              (vector-set! to at (vector-ref from i))
              (loop (- i 1) (+ at 1))))))

    (define (vector-concatenate vectors)
      (check-list 'vector-concatenate 1 vectors)
      (for-each (lambda (v) (if (not (vector? v)) (wrong-type 'vector-concatenate 1 "a list of vectors" vectors)))
                vectors)
      (apply vector-append vectors))

    ;; (vector-append-subvectors v start end v start end ...)
    (define (vector-append-subvectors . arguments)
      (let loop ((rest arguments) (position 1) (parts '()))
        (cond ((null? rest) (apply vector-append (reverse parts)))
              ((and (pair? (cdr rest)) (pair? (cddr rest)))
               (let ((v (car rest)) (start (cadr rest)) (end (car (cddr rest))))
                 (check-range 'vector-append-subvectors (+ position 1) start end
                              (checked-vector-length 'vector-append-subvectors position v))
                 (loop (cdr (cddr rest)) (+ position 3) (cons (vector-copy v start end) parts))))
              (else
               (failure 'vector-append-subvectors "takes a vector, a start and an end, again and again" arguments)))))

    ;; ---- Predicates

    (define (vector-empty? v) (= 0 (checked-vector-length 'vector-empty? 1 v)))

    (define (vector= same? . vectors)
      (check-procedure 'vector= 1 same?)
      (least-length 'vector= 2 vectors)
      (or (null? vectors)
          (let loop ((a (car vectors)) (rest (cdr vectors)))
            (or (null? rest)
                (let ((b (car rest)))
                  ;; A vector is compared with itself, too: `same?` need not be reflexive.
                  (and (= (vector-length a) (vector-length b))
                       (let compare ((i 0))
                         (or (= i (vector-length a))
                             (and (same? (vector-ref a i) (vector-ref b i)) (compare (+ i 1)))))
                       (loop b (cdr rest))))))))

    ;; ---- Iteration

    (define vector-fold
      (case-lambda
        ((f seed v)
         (check-procedure 'vector-fold 1 f)
         (let ((n (checked-vector-length 'vector-fold 3 v)))
           (let loop ((i 0) (result seed))
             (if (< i n) (loop (+ i 1) (f result (vector-ref v i))) result))))
        ((f seed v . more)
         (check-procedure 'vector-fold 1 f)
         (let* ((vectors (cons v more)) (n (least-length 'vector-fold 3 vectors)))
           (let loop ((i 0) (result seed))
             (if (< i n) (loop (+ i 1) (apply f result (items-at i vectors))) result))))))

    (define vector-fold-right
      (case-lambda
        ((f seed v)
         (check-procedure 'vector-fold-right 1 f)
         (let loop ((i (- (checked-vector-length 'vector-fold-right 3 v) 1)) (result seed))
           (if (>= i 0) (loop (- i 1) (f result (vector-ref v i))) result)))
        ((f seed v . more)
         (check-procedure 'vector-fold-right 1 f)
         (let ((vectors (cons v more)))
           (let loop ((i (- (least-length 'vector-fold-right 3 vectors) 1)) (result seed))
             (if (>= i 0) (loop (- i 1) (apply f result (items-at i vectors))) result))))))

    (define vector-map!
      (case-lambda
        ((f v)
         (check-procedure 'vector-map! 1 f)
         (let ((n (checked-vector-length 'vector-map! 2 v)))
           (let loop ((i 0))
             (if (< i n)
                 (begin (vector-set! v i (f (vector-ref v i))) (loop (+ i 1)))))))
        ((f v . more)
         (check-procedure 'vector-map! 1 f)
         (let* ((vectors (cons v more)) (n (least-length 'vector-map! 2 vectors)))
           (let loop ((i 0))
             (if (< i n)
                 (begin (vector-set! v i (apply f (items-at i vectors))) (loop (+ i 1)))))))))

    (define vector-count
      (case-lambda
        ((f v)
         (check-procedure 'vector-count 1 f)
         (let ((n (checked-vector-length 'vector-count 2 v)))
           (let loop ((i 0) (total 0))
             (if (< i n) (loop (+ i 1) (if (f (vector-ref v i)) (+ total 1) total)) total))))
        ((f v . more)
         (check-procedure 'vector-count 1 f)
         (let* ((vectors (cons v more)) (n (least-length 'vector-count 2 vectors)))
           (let loop ((i 0) (total 0))
             (if (< i n) (loop (+ i 1) (if (apply f (items-at i vectors)) (+ total 1) total)) total))))))

    (define (vector-cumulate f seed v)
      (check-procedure 'vector-cumulate 1 f)
      (let* ((n (checked-vector-length 'vector-cumulate 3 v)) (result (make-vector n)))
        (let loop ((i 0) (state seed))
          (if (< i n)
              (let ((state (f state (vector-ref v i))))
                (vector-set! result i state)
                (loop (+ i 1) state))
              result))))

    ;; ---- Searching

    ;; Returns the first i, from `start` on by `step`, at which `found?` is true of the items; #f at `end`.
    (define (search found? vectors start step end)
      (if (null? (cdr vectors))
          (let ((v (car vectors)))
            (let loop ((i start))
              (and (not (= i end))
                   (if (found? (vector-ref v i)) i (loop (+ i step))))))
          (let loop ((i start))
            (and (not (= i end))
                 (if (apply found? (items-at i vectors)) i (loop (+ i step)))))))

    (define (negated f)
      (case-lambda
        ((item) (not (f item)))
        (items (not (apply f items)))))

    (define (vector-index f v . more)
      (check-procedure 'vector-index 1 f)
      (let ((vectors (cons v more)))
        (search f vectors 0 1 (least-length 'vector-index 2 vectors))))

    (define (vector-skip f v . more)
      (check-procedure 'vector-skip 1 f)
      (let ((vectors (cons v more)))
        (search (negated f) vectors 0 1 (least-length 'vector-skip 2 vectors))))

    ;; From the right, all vectors must be of one length.
    (define (common-length who vectors)
      (let ((n (least-length who 2 vectors)))
        (for-each (lambda (v)
                    (if (not (= (vector-length v) n)) (failure who "the vectors differ in length" vectors)))
                  vectors)
        n))

    (define (vector-index-right f v . more)
      (check-procedure 'vector-index-right 1 f)
      (let ((vectors (cons v more)))
        (search f vectors (- (common-length 'vector-index-right vectors) 1) -1 -1)))

    (define (vector-skip-right f v . more)
      (check-procedure 'vector-skip-right 1 f)
      (let ((vectors (cons v more)))
        (search (negated f) vectors (- (common-length 'vector-skip-right vectors) 1) -1 -1)))

    ;; `compare` gives a negative number, zero or a positive one.
    (define (vector-binary-search v value compare)
      (check-procedure 'vector-binary-search 3 compare)
      (let loop ((start 0) (end (checked-vector-length 'vector-binary-search 1 v)))
        (and (< start end)
             (let* ((middle (quotient (+ start end) 2))
                    (order (compare (vector-ref v middle) value)))
               (cond ((not (real? order))
                      (failure 'vector-binary-search "the comparison did not return a real number" order))
                     ((= order 0) middle)
                     ((> order 0) (loop start middle))
                     (else (loop (+ middle 1) end)))))))

    (define (vector-any f v . more)
      (check-procedure 'vector-any 1 f)
      (let* ((vectors (cons v more)) (last (- (least-length 'vector-any 2 vectors) 1)))
        (and (>= last 0)
             (let loop ((i 0))
               (if (= i last)
                   (apply f (items-at i vectors))
                   (or (apply f (items-at i vectors)) (loop (+ i 1))))))))

    (define (vector-every f v . more)
      (check-procedure 'vector-every 1 f)
      (let* ((vectors (cons v more)) (last (- (least-length 'vector-every 2 vectors) 1)))
        (or (< last 0)
            (let loop ((i 0))
              (if (= i last)
                  (apply f (items-at i vectors))
                  (and (apply f (items-at i vectors)) (loop (+ i 1))))))))

    ;; Two values: the items for which `in?` is true and then the others, and the number of the former.
    (define (vector-partition in? v)
      (check-procedure 'vector-partition 1 in?)
      (let ((n (checked-vector-length 'vector-partition 2 v)))
        (let loop ((i 0) (in '()) (out '()) (count 0))
          (cond ((= i n)
                 (values (list->vector (append-reverse in (reverse out))) count))
                ((in? (vector-ref v i)) (loop (+ i 1) (cons (vector-ref v i) in) out (+ count 1)))
                (else (loop (+ i 1) in (cons (vector-ref v i) out) count))))))

    ;; ---- Mutators

    (define (vector-swap! v i j)
      (let ((n (checked-vector-length 'vector-swap! 1 v)))
        (check-index 'vector-swap! 2 i n)
        (check-index 'vector-swap! 3 j n)
        (let ((item (vector-ref v i)))
          (vector-set! v i (vector-ref v j))
          (vector-set! v j item))))

    (define-ranged checked-vector-length (vector-reverse! v) (v 1) (start end 2)
      (let loop ((i start) (j (- end 1)))
        (if (< i j)
            (let ((item (vector-ref v i)))
              (vector-set! v i (vector-ref v j))
              (vector-set! v j item)
              (loop (+ i 1) (- j 1))))))

    (define-ranged checked-vector-length (vector-reverse-copy! to at from) (from 3) (start end 4)
      (let ((n (checked-vector-length 'vector-reverse-copy! 1 to)))
        (check-range 'vector-reverse-copy! 2 at n n)
        (if (> (- end start) (- n at))
            (out-of-range 'vector-reverse-copy! 2 "leaves no room for the items to be copied" at))
        ;; The ranges may overlap.
        (copy-reversed! to at (if (eq? to from) (vector-copy from) from) start end)))

    ;; ---- Conversion

    (define-ranged checked-vector-length (reverse-vector->list v) (v 1) (start end 2)
      (let loop ((i start) (result '()))
        (if (< i end) (loop (+ i 1) (cons (vector-ref v i) result)) result)))

    (define (reverse-list->vector list)
      (check-list 'reverse-list->vector 1 list)
      (list->vector (reverse list)))))
