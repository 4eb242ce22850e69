;; (srfi 41): streams, lazy in both cars and cdrs. Forcing is iterative, as for the promises of R7RS, so that a stream
;; that is walked without being kept takes constant space.
(define-library (srfi 41)
  (export
    stream-null stream-cons stream? stream-null? stream-pair? stream-car stream-cdr stream-lambda
    define-stream list->stream port->stream stream stream->list stream-append stream-concat stream-constant
    stream-drop stream-drop-while stream-filter stream-fold stream-for-each stream-from stream-iterate stream-length
    stream-let stream-map stream-match _ stream-of stream-range stream-ref stream-reverse stream-scan stream-take
    stream-take-while stream-unfold stream-unfolds stream-zip)
  (import (islet core) (islet argument) (islet list) (islet port))
  (begin

    ;; ---- Primitive streams

    ;; Streams of one chain of stream-lazy share a box: (#t . value), the value a stream-pair or '(); or (#f . thunk),
    ;; where the thunk returns a stream.
    (define-record-type <stream>
      (box->stream box)
      stream?
      (box stream-box set-stream-box!))

    ;; The car is a stream whose value is the item, so that it is evaluated once and late.
    (define-record-type stream-cell
      (make-cell item rest)
      cell?
      (item cell-item)
      (rest cell-rest))

    (define-syntax stream-lazy
      (syntax-rules ()
        ((_ expression) (box->stream (cons #f (lambda () expression))))))

    (define (stream-of-value value) (box->stream (cons #t value)))

    (define (value-of stream)
      (let ((box (stream-box stream)))
        (if (car box)
            (cdr box)
            (let ((next ((cdr box))) (box (stream-box stream)))
              ;; The thunk may have forced this very stream: then its first value stands.
              (if (not (car box))
                  (begin
                    (if (not (stream? next)) (failure 'stream "a stream's expression gave something else" next))
                    (let ((next-box (stream-box next)))
                      (set-car! box (car next-box))
                      (set-cdr! box (cdr next-box))
                      (set-stream-box! next box))))
              (value-of stream)))))

    (define stream-null (stream-of-value '()))

    (define-syntax stream-cons
      (syntax-rules ()
        ((_ item stream)
         (stream-of-value (make-cell (stream-lazy (stream-of-value item)) (stream-lazy stream))))))

    (define (check-stream who position object)
      (if (not (stream? object)) (wrong-type who position "a stream" object)))

    (define (check-streams who position streams)
      (if (pair? streams)
          (begin
            (check-stream who position (car streams))
            (check-streams who (+ position 1) (cdr streams)))))

    (define (stream-null? object) (and (stream? object) (null? (value-of object))))
    (define (stream-pair? object) (and (stream? object) (cell? (value-of object))))

    (define (cell-of who object)
      (let ((cell (if (stream? object) (value-of object) object)))
        (if (not (cell? cell)) (wrong-type who 1 "a stream that is not empty" object))
        cell))

    (define (stream-car stream) (value-of (cell-item (cell-of 'stream-car stream))))
    (define (stream-cdr stream) (cell-rest (cell-of 'stream-cdr stream)))

    (define-syntax stream-lambda
      (syntax-rules ()
        ((_ formals body ...)
         (lambda formals (stream-lazy (let () body ...))))))

    ;; ---- Syntax of derived streams

    (define-syntax define-stream
      (syntax-rules ()
        ((_ (name . formals) body ...)
         (define name (stream-lambda formals body ...)))))

    (define-syntax stream-let
      (syntax-rules ()
        ((_ tag ((name value) ...) body ...)
         ((letrec ((tag (stream-lambda (name ...) body ...))) tag) value ...))))

    (define-syntax stream
      (syntax-rules ()
        ((_) stream-null)
        ((_ item . items) (stream-cons item (stream . items)))))

    ;; Each clause is tried in tail position, with a procedure for going on to the next.
    (define-syntax stream-match
      (syntax-rules ()
        ((_ expression clause ...)
         (let ((matched expression))
           (check-stream 'stream-match 1 matched)
           (match-clauses matched clause ...)))))

    (define-syntax match-clauses
      (syntax-rules ()
        ((match-clauses matched) (failure 'stream-match "no pattern matches" matched))
        ((match-clauses matched (pattern expression) clause ...)
         (let ((next (lambda () (match-clauses matched clause ...))))
           (match-pattern matched pattern expression (next))))
        ((match-clauses matched (pattern fender expression) clause ...)
         (let ((next (lambda () (match-clauses matched clause ...))))
           (match-pattern matched pattern (if fender expression (next)) (next))))))

    (define-syntax match-pattern
      (syntax-rules (_)
        ((match-pattern matched () body next) (if (stream-null? matched) body next))
        ((match-pattern matched (_ . rest) body next)
         (if (stream-pair? matched)
             (let ((tail (stream-cdr matched)))
               (match-pattern tail rest body next))
             next))
        ((match-pattern matched (variable . rest) body next)
         (if (stream-pair? matched)
             (let ((variable (stream-car matched)) (tail (stream-cdr matched)))
               (match-pattern tail rest body next))
             next))
        ((match-pattern matched _ body next) body)
        ((match-pattern matched variable body next) (let ((variable matched)) body))))

    (define-syntax stream-of
      (syntax-rules ()
        ((_ expression clause ...) (comprehension expression stream-null clause ...))))

    ;; The items of `expression` for the clauses, followed by the stream `others`.
    (define-syntax comprehension
      (syntax-rules (in is)
        ((_ expression others) (stream-cons expression others))
        ((_ expression others (variable in items) clause ...)
         (stream-let loop ((rest items))
           (if (stream-null? rest)
               others
               (let ((variable (stream-car rest)))
                 (comprehension expression (loop (stream-cdr rest)) clause ...)))))
        ((_ expression others (variable is value) clause ...)
         (let ((variable value))
           (comprehension expression others clause ...)))
        ((_ expression others condition clause ...)
         (if condition
             (comprehension expression others clause ...)
             others))))

    ;; ---- Conversion

    (define (list->stream list)
      (check-list 'list->stream 1 list)
      (stream-let loop ((rest list))
        (if (null? rest)
            stream-null
            (stream-cons (car rest) (loop (cdr rest))))))

    (define-optional (port->stream) ((port (current-input-port)))
      (if (not (and (input-port? port) (textual-port? port)))
          (wrong-type 'port->stream 1 "a textual input port" port))
      (stream-let loop ()
        (let ((c (read-char port)))
          (if (eof-object? c)
              stream-null
              (stream-cons c (loop))))))

    ;; (stream->list [n] stream)
    (define stream->list
      (case-lambda
        ((stream)
         (check-stream 'stream->list 1 stream)
         (first-items stream #f))
        ((n stream)
         (check-count 'stream->list 1 n)
         (check-stream 'stream->list 2 stream)
         (first-items stream n))))

    (define (first-items stream n)
      (let loop ((stream stream) (i 0) (items '()))
        (if (or (eqv? i n) (stream-null? stream))
            (reverse items)
            (loop (stream-cdr stream) (+ i 1) (cons (stream-car stream) items)))))

    ;; ---- Procedures on streams

    (define (stream-append . streams)
      (check-streams 'stream-append 1 streams)
      (stream-let loop ((streams streams))
        (cond ((null? streams) stream-null)
              ((null? (cdr streams)) (car streams))
              ((stream-null? (car streams)) (loop (cdr streams)))
              (else
               (stream-cons (stream-car (car streams))
                            (loop (cons (stream-cdr (car streams)) (cdr streams))))))))

    (define (stream-concat streams)
      (check-stream 'stream-concat 1 streams)
      (stream-let loop ((streams streams))
        (if (stream-null? streams)
            stream-null
            (let ((first (stream-car streams)))
              (if (not (stream? first)) (failure 'stream-concat "the stream has an item that is not a stream" first))
              (if (stream-null? first)
                  (loop (stream-cdr streams))
                  (stream-cons (stream-car first)
                               (loop (stream-cons (stream-cdr first) (stream-cdr streams)))))))))

    (define (stream-constant . items)
      (if (null? items)
          stream-null
          (stream-let loop ((rest items))
            (if (null? rest)
                (loop items)
                (stream-cons (car rest) (loop (cdr rest)))))))

    (define (stream-drop n stream)
      (check-count 'stream-drop 1 n)
      (check-stream 'stream-drop 2 stream)
      (stream-let loop ((n n) (stream stream))
        (if (or (= n 0) (stream-null? stream))
            stream
            (loop (- n 1) (stream-cdr stream)))))

    (define (stream-drop-while f stream)
      (check-procedure 'stream-drop-while 1 f)
      (check-stream 'stream-drop-while 2 stream)
      (stream-let loop ((stream stream))
        (if (and (stream-pair? stream) (f (stream-car stream)))
            (loop (stream-cdr stream))
            stream)))

    (define (stream-filter f stream)
      (check-procedure 'stream-filter 1 f)
      (check-stream 'stream-filter 2 stream)
      (stream-let loop ((stream stream))
        (cond ((stream-null? stream) stream-null)
              ((f (stream-car stream)) (stream-cons (stream-car stream) (loop (stream-cdr stream))))
              (else (loop (stream-cdr stream))))))

    (define (stream-fold f seed stream)
      (check-procedure 'stream-fold 1 f)
      (check-stream 'stream-fold 3 stream)
      (fold-items f seed stream))

    (define (fold-items f result stream)
      (if (stream-null? stream)
          result
          (fold-items f (f result (stream-car stream)) (stream-cdr stream))))

    (define (stream-for-each f stream . more)
      (check-procedure 'stream-for-each 1 f)
      (check-streams 'stream-for-each 2 (cons stream more))
      (walk f (cons stream more)))

    (define (walk f streams)
      (if (every stream-pair? streams)
          (begin
            (apply f (map stream-car streams))
            (walk f (map stream-cdr streams)))))

    (define-optional (stream-from first) ((step 1))
      (check-number 'stream-from 1 first)
      (check-number 'stream-from 2 step)
      (stream-let loop ((n first))
        (stream-cons n (loop (+ n step)))))

    (define (check-number who position object)
      (if (not (number? object)) (wrong-type who position "a number" object)))

    (define (stream-iterate f seed)
      (check-procedure 'stream-iterate 1 f)
      (stream-let loop ((value seed))
        (stream-cons value (loop (f value)))))

    (define (stream-length stream)
      (check-stream 'stream-length 1 stream)
      (count-items stream 0))

    (define (count-items stream n)
      (if (stream-null? stream) n (count-items (stream-cdr stream) (+ n 1))))

    (define (stream-map f stream . more)
      (check-procedure 'stream-map 1 f)
      (check-streams 'stream-map 2 (cons stream more))
      (if (null? more)
          (stream-let loop ((stream stream))
            (if (stream-null? stream)
                stream-null
                (stream-cons (f (stream-car stream)) (loop (stream-cdr stream)))))
          (stream-let loop ((streams (cons stream more)))
            (if (every stream-pair? streams)
                (stream-cons (apply f (map stream-car streams)) (loop (map stream-cdr streams)))
                stream-null))))

    (define-optional (stream-range first past) ((step (if (and (real? first) (real? past) (< first past)) 1 -1)))
      (check-real 'stream-range 1 first)
      (check-real 'stream-range 2 past)
      (check-real 'stream-range 3 step)
      (let ((before? (if (< step 0) > <)))
        (stream-let loop ((n first))
          (if (before? n past)
              (stream-cons n (loop (+ n step)))
              stream-null))))

    (define (check-real who position object)
      (if (not (real? object)) (wrong-type who position "a real number" object)))

    (define (stream-ref stream n)
      (check-stream 'stream-ref 1 stream)
      (check-count 'stream-ref 2 n)
      (nth-item stream n n))

    (define (nth-item stream n left)
      (cond ((stream-null? stream) (out-of-range 'stream-ref 2 "is not below the stream's length" n))
            ((= left 0) (stream-car stream))
            (else (nth-item (stream-cdr stream) n (- left 1)))))

    (define (stream-reverse stream)
      (check-stream 'stream-reverse 1 stream)
      (stream-let loop ((stream stream) (reversed stream-null))
        (if (stream-null? stream)
            reversed
            (loop (stream-cdr stream) (stream-cons (stream-car stream) reversed)))))

    (define (stream-scan f seed stream)
      (check-procedure 'stream-scan 1 f)
      (check-stream 'stream-scan 3 stream)
      (stream-let loop ((value seed) (stream stream))
        (if (stream-null? stream)
            (stream-cons value stream-null)
            (stream-cons value (loop (f value (stream-car stream)) (stream-cdr stream))))))

    (define (stream-take n stream)
      (check-count 'stream-take 1 n)
      (check-stream 'stream-take 2 stream)
      (stream-let loop ((n n) (stream stream))
        (if (or (= n 0) (stream-null? stream))
            stream-null
            (stream-cons (stream-car stream) (loop (- n 1) (stream-cdr stream))))))

    (define (stream-take-while f stream)
      (check-procedure 'stream-take-while 1 f)
      (check-stream 'stream-take-while 2 stream)
      (stream-let loop ((stream stream))
        (if (and (stream-pair? stream) (f (stream-car stream)))
            (stream-cons (stream-car stream) (loop (stream-cdr stream)))
            stream-null)))

    (define (stream-unfold mapper more? successor seed)
      (check-procedure 'stream-unfold 1 mapper)
      (check-procedure 'stream-unfold 2 more?)
      (check-procedure 'stream-unfold 3 successor)
      (stream-let loop ((seed seed))
        (if (more? seed)
            (stream-cons (mapper seed) (loop (successor seed)))
            stream-null)))

    ;; As many streams as f returns values besides the next seed; each value is a list of the item, #f for none this
    ;; time, or '() for the end.
    (define (stream-unfolds f seed)
      (check-procedure 'stream-unfolds 1 f)
      (let ((steps (stream-let loop ((seed seed))
                     (call-with-values (lambda () (f seed))
                       (lambda (next . results) (stream-cons results (loop next)))))))
        (let loop ((i (- (length (stream-car steps)) 1)) (streams '()))
          (if (< i 0)
              (apply values streams)
              (loop (- i 1) (cons (items-at i steps) streams))))))

    (define (items-at i steps)
      (stream-let loop ((steps steps))
        (let ((result (list-ref (stream-car steps) i)))
          (cond ((pair? result) (stream-cons (car result) (loop (stream-cdr steps))))
                ((not result) (loop (stream-cdr steps)))
                ((null? result) stream-null)
                (else (failure 'stream-unfolds "a result is neither a list nor #f" result))))))

    (define (stream-zip stream . more)
      (check-streams 'stream-zip 1 (cons stream more))
      (apply stream-map list stream more))))
