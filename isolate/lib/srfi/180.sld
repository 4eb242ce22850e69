;; (srfi 180): JSON (RFC 8259). Reading is a state machine with a stack of its own, so that nesting is bounded by
;; json-nesting-depth-limit and the heap only.
(define-library (srfi 180)
  (export
    json-error? json-error-reason json-null? json-nesting-depth-limit json-number-of-character-limit json-generator
    json-fold json-read json-lines-read json-sequence-read json-accumulator json-write)
  (import (islet core) (islet argument) (islet control) (islet list) (islet port))
  (begin

    ;; ---- Errors: conditions of a kind of their own

    (define (json-failure who message . irritants)
      (raise (%make-condition 'json who message irritants)))

    (define (json-error? object)
      (and (error-object? object) (eq? (%condition-kind object) 'json)))

    (define (json-error-reason object)
      (if (not (json-error? object)) (wrong-type 'json-error-reason 1 "an error of this library" object))
      (error-object-message object))

    (define (json-null? object) (eq? object 'null))

    (define (limit who)
      (lambda (value)
        (if (not (and (real? value) (>= value 0))) (wrong-type who 1 "a real number that is not negative" value))
        value))

    (define json-nesting-depth-limit (make-parameter +inf.0 (limit 'json-nesting-depth-limit)))
    (define json-number-of-character-limit (make-parameter +inf.0 (limit 'json-number-of-character-limit)))

    ;; ---- Characters

    (define-record-type source
      (make-source who port? peek next count limit)
      source?
      (who source-who)
      (port? source-port?)
      (peek source-peek)
      (next source-next)
      (count source-count set-source-count!)
      (limit source-limit))

    ;; Of a textual port, or a generator of characters. A generator loses the white space behind a number or word that is
    ;; not in an array or object.
    (define (open-source who object)
      (let ((limit (json-number-of-character-limit)))
        (cond ((procedure? object)
               (let ((ahead #f))
                 (make-source who #f
                              (lambda ()
                                (if (not ahead) (set! ahead (object)))
                                ahead)
                              (lambda () (set! ahead #f))
                              0 limit)))
              ((and (input-port? object) (textual-port? object))
               (make-source who #t (lambda () (peek-char object)) (lambda () (read-char object)) 0 limit))
              (else (wrong-type who 1 "a textual input port or a generator of characters" object)))))

    ;; The next character, or the end-of-file object.
    (define (peek source)
      (let ((c ((source-peek source))))
        (if (not (or (char? c) (eof-object? c)))
            (wrong-type (source-who source) 1 "a generator of characters" c))
        c))

    (define (skip source)
      (set-source-count! source (+ (source-count source) 1))
      (if (> (source-count source) (source-limit source))
          (json-failure (source-who source) "the text has more characters than json-number-of-character-limit allows"
                        (source-limit source)))
      ((source-next source)))

    (define (bad source expected)
      (let ((c (peek source)))
        (json-failure (source-who source)
                      (string-append "expected " expected
                                     (if (eof-object? c) ", but the text ends" "")
                                     ", at character " (number->string (source-count source)))
                      (if (eof-object? c) 'end-of-text c))))

    (define (at? source c) (eqv? (peek source) c))

    ;; Calls the thunk, which reads from the source; bytes of a port that are no characters are an error in the JSON.
    (define (reading source thunk)
      (if (source-port? source)
          (with-exception-handler
           (lambda (object)
             (if (read-error? object)
                 (json-failure (source-who source)
                               (string-append (error-object-message object) ", at character "
                                              (number->string (source-count source))))
                 (raise-continuable object)))
           thunk)
          (thunk)))

    (define (skip-space source)
      (let ((c (peek source)))
        (if (space? c) (begin (skip source) (skip-space source)))))

    (define (space? c) (memv c '(#\space #\tab #\newline #\return)))

    (define (digit? c) (and (char? c) (char<=? #\0 c #\9)))

    ;; ---- Scalars

    (define (read-word source word value)
      (let loop ((i 0))
        (if (< i (string-length word))
            (if (at? source (string-ref word i))
                (begin (skip source) (loop (+ i 1)))
                (bad source (string-append "\"" word "\"")))
            value)))

    (define (read-number source)
      ;; The characters so far, last first.
      (define (take chars)
        (let ((c (peek source)))
          (skip source)
          (cons c chars)))
      (define (digits chars)
        (if (not (digit? (peek source))) (bad source "a digit"))
        (let loop ((chars chars))
          (if (digit? (peek source)) (loop (take chars)) chars)))
      (define (whole chars) (if (at? source #\0) (take chars) (digits chars)))
      (define (fraction chars) (if (at? source #\.) (digits (take chars)) chars))
      (define (exponent chars)
        (if (memv (peek source) '(#\e #\E))
            (let ((chars (take chars)))
              (digits (if (memv (peek source) '(#\+ #\-)) (take chars) chars)))
            chars))
      (let ((chars (exponent (fraction (whole (if (at? source #\-) (take '()) '()))))))
        (string->number (list->string (reverse chars)))))

    ;; The four digits of \u.
    (define (read-code source)
      (let loop ((i 0) (code 0))
        (if (= i 4)
            code
            (let* ((c (peek source))
                   (value (and (char? c) (char<? c #\x7f) (string->number (string c) 16))))
              (if (not value) (bad source "a hexadecimal digit"))
              (skip source)
              (loop (+ i 1) (+ (* 16 code) value))))))

    ;; Behind a backslash.
    (define (read-escape source)
      (let ((entry (assv (peek source)
                         '((#\" . #\") (#\\ . #\\) (#\/ . #\/) (#\b . #\backspace) (#\f . #\xc) (#\n . #\newline)
                           (#\r . #\return) (#\t . #\tab) (#\u . #f)))))
        (if (not entry) (bad source "one of \"\\/bfnrtu"))
        (skip source)
        (or (cdr entry)
            (let ((code (read-code source)))
              (cond ((< #xdbff code #xe000) (bad source "the first half of a surrogate pair before this"))
                    ((< #xd7ff code #xdc00)
                     (read-word source "\\u" #t)
                     (let ((second (read-code source)))
                       (if (not (< #xdbff second #xe000)) (bad source "the second half of a surrogate pair before this"))
                       (integer->char (+ #x10000 (* #x400 (- code #xd800)) (- second #xdc00)))))
                    (else (integer->char code)))))))

    (define (read-json-string source)
      (skip source)
      (let loop ((chars '()))
        (let ((c (peek source)))
          (cond ((eqv? c #\") (skip source) (list->string (reverse chars)))
                ((eqv? c #\\) (skip source) (loop (cons (read-escape source) chars)))
                ((or (eof-object? c) (char<? c #\space)) (bad source "a character of a string"))
                (else (skip source) (loop (cons c chars)))))))

    ;; ---- Events

    (define-optional (json-generator) ((port (current-input-port)))
      (events (open-source 'json-generator port)))

    ;; `stack` holds #\] and #\}, innermost first. `state` is what comes next: a value; the first item or its array's
    ;; end; the first key or its object's end; a key; what follows a value; or nothing.
    (define (events source)
      (let ((stack '()) (state 'value) (depth-limit (json-nesting-depth-limit)) (depth 0))

        (define (open event close next)
          (if (>= depth depth-limit)
              (json-failure (source-who source) "the text is nested deeper than json-nesting-depth-limit allows"
                            depth-limit))
          (skip source)
          (set! depth (+ depth 1))
          (set! stack (cons close stack))
          (set! state next)
          event)

        (define (finish value)
          (set! state (if (null? stack) 'end 'rest))
          value)

        ;; Where a number or word ends must be plain.
        (define (finish-word value)
          (if (null? stack)
              (let ((c (peek source)))
                (if (not (or (eof-object? c) (space? c))) (bad source "white space or the end of the text"))))
          (finish value))

        (define (close)
          (let ((event (if (eqv? (car stack) #\]) 'array-end 'object-end)))
            (skip source)
            (set! depth (- depth 1))
            (set! stack (cdr stack))
            (finish event)))

        (define (value)
          (let ((c (peek source)))
            (cond ((eqv? c #\{) (open 'object-start #\} 'first-key))
                  ((eqv? c #\[) (open 'array-start #\] 'first-item))
                  ((eqv? c #\") (finish (read-json-string source)))
                  ((or (digit? c) (eqv? c #\-)) (finish-word (read-number source)))
                  ((eqv? c #\t) (finish-word (read-word source "true" #t)))
                  ((eqv? c #\f) (finish-word (read-word source "false" #f)))
                  ((eqv? c #\n) (finish-word (read-word source "null" 'null)))
                  ((and (eof-object? c) (null? stack)) (set! state 'end) c)
                  (else (bad source "a value")))))

        (define (key)
          (if (not (at? source #\")) (bad source "a string as key"))
          (let ((key (read-json-string source)))
            (skip-space source)
            (if (not (at? source #\:)) (bad source "a colon"))
            (skip source)
            (set! state 'value)
            key))

        (define (rest)
          (cond ((at? source #\,)
                 (skip source)
                 (skip-space source)
                 (if (eqv? (car stack) #\]) (value) (key)))
                ((at? source (car stack)) (close))
                (else (bad source (if (eqv? (car stack) #\]) "a comma or ]" "a comma or }")))))

        (define (next-event)
          (skip-space source)
          (case state
            ((value) (value))
            ((first-item) (if (at? source #\]) (close) (value)))
            ((first-key) (if (at? source #\}) (close) (key)))
            (else (rest))))

        (lambda ()
          (if (eq? state 'end)
              (eof-object)
              (reading source next-event)))))

    ;; ---- Folding and reading

    (define-optional (json-fold proc array-start array-end object-start object-end seed)
      ((port-or-generator (current-input-port)))
      (for-each (lambda (f position) (check-procedure 'json-fold position f))
                (list proc array-start array-end object-start object-end) '(1 2 3 4 5))
      (fold-events proc array-start array-end object-start object-end seed
                   (events (open-source 'json-fold port-or-generator))))

    (define (fold-events proc array-start array-end object-start object-end seed next)
      ;; `outer` are the seeds of the open arrays and objects.
      (let loop ((seed seed) (outer '()))
        (let ((event (next)))
          (cond ((eof-object? event) seed)
                ((eq? event 'array-start) (loop (array-start seed) (cons seed outer)))
                ((eq? event 'object-start) (loop (object-start seed) (cons seed outer)))
                ((eq? event 'array-end) (loop (proc (array-end seed) (car outer)) (cdr outer)))
                ((eq? event 'object-end) (loop (proc (object-end seed) (car outer)) (cdr outer)))
                (else (loop (proc event seed) outer))))))

    (define root (list 'root))

    ;; The one value of a source, or the end-of-file object.
    (define (read-value source)
      (let ((value (fold-events (lambda (value seed) (if (eq? seed root) value (cons value seed)))
                                (lambda (seed) '())
                                (lambda (items) (list->vector (reverse items)))
                                (lambda (seed) '())
                                entries
                                root
                                (events source))))
        (if (eq? value root) (eof-object) value)))

    ;; From values and keys, last first.
    (define (entries items)
      (let loop ((rest items) (entries '()))
        (if (null? rest)
            entries
            (loop (cddr rest) (cons (cons (string->symbol (cadr rest)) (car rest)) entries)))))

    (define-optional (json-read) ((port-or-generator (current-input-port)))
      (read-value (open-source 'json-read port-or-generator)))

    ;; The value that is all of a string.
    (define (parse-all who text)
      (let* ((source (open-source who (open-input-string text))) (value (read-value source)))
        (skip-space source)
        (if (not (eof-object? (peek source))) (bad source "the end of the text"))
        value))

    ;; Characters up to `separator`, which is skipped, or the end; the end-of-file object if there are none at all.
    (define (read-up-to source separator)
      (let loop ((chars '()))
        (let ((c (peek source)))
          (cond ((and (eof-object? c) (null? chars)) c)
                ((or (eof-object? c) (char=? c separator))
                 (if (char? c) ((source-next source)))
                 (list->string (reverse chars)))
                (else (skip source) (loop (cons c chars)))))))

    (define (blank? text)
      (every space? (string->list text)))

    ;; Of the values in the pieces of a source that `separator` divides.
    (define (values-between who object separator check)
      (let ((source (open-source who object)))
        (lambda ()
          (let loop ()
            (set-source-count! source 0)  ; the limit is one of each text
            (let ((text (reading source (lambda () (read-up-to source separator)))))
              (cond ((eof-object? text) text)
                    ((blank? text) (loop))
                    (else
                     (check text)
                     (parse-all who text))))))))

    (define-optional (json-lines-read) ((port-or-generator (current-input-port)))
      (values-between 'json-lines-read port-or-generator #\newline (lambda (text) #t)))

    ;; RFC 7464. After an error the next call goes on with the next text. A number or word at the end of a text may have
    ;; been cut off, unless something follows it.
    (define-optional (json-sequence-read) ((port-or-generator (current-input-port)))
      (values-between 'json-sequence-read port-or-generator #\x1e
                      (lambda (text)
                        (let ((last (string-ref text (- (string-length text) 1))))
                          (if (or (digit? last) (char-alphabetic? last))
                              (json-failure 'json-sequence-read "the text may have been cut off" text))))))

    ;; ---- Writing

    ;; A procedure that takes strings.
    (define (open-sink who position object)
      (cond ((procedure? object) object)
            ((and (output-port? object) (textual-port? object)) (lambda (text) (write-string text object)))
            (else (wrong-type who position "a textual output port or an accumulator" object))))

    (define (quoted text)
      (let ((port (open-output-string)))
        (write-char #\" port)
        (let loop ((i 0))
          (if (< i (string-length text))
              (let* ((c (string-ref text i))
                     (entry (assv c '((#\" . "\\\"") (#\\ . "\\\\") (#\backspace . "\\b") (#\xc . "\\f")
                                      (#\newline . "\\n") (#\return . "\\r") (#\tab . "\\t")))))
                (cond (entry (write-string (cdr entry) port))
                      ((char<? c #\space)
                       (let ((digits (number->string (char->integer c) 16)))
                         (write-string "\\u" port)
                         (write-string (make-string (- 4 (string-length digits)) #\0) port)
                         (write-string digits port)))
                      (else (write-char c port)))
                (loop (+ i 1)))))
        (write-char #\" port)
        (get-output-string port)))

    (define (json-number? object)
      (and (real? object)
           (or (exact-integer? object)
               (and (inexact? object) (< -inf.0 object +inf.0)))))

    ;; A scalar's text, or #f.
    (define (scalar-text object)
      (cond ((string? object) (quoted object))
            ((json-number? object) (number->string object))
            ((eq? object #t) "true")
            ((eq? object #f) "false")
            ((eq? object 'null) "null")
            (else #f)))

    (define-optional (json-accumulator) ((port-or-accumulator (current-output-port)))
      (accumulator (open-sink 'json-accumulator 1 port-or-accumulator)))

    ;; Takes the events of json-generator. `stack` is as there; `state` says whether a key or value may come now, and
    ;; what must be written before it.
    (define (accumulator sink)
      (let ((stack '()) (state 'value))

        (define (misplaced object)
          (json-failure 'json-accumulator
                        (case state
                          ((end) "nothing may follow the value")
                          ((first-key key) "a key must be a string")
                          (else "this is not an event of json-generator, or must not come here"))
                        object))

        (define (before-value object)
          (case state
            ((value first-item) #t)
            ((item) (sink ","))
            (else (misplaced object))))

        (define (after-value)
          (set! state (cond ((null? stack) 'end)
                            ((eqv? (car stack) #\]) 'item)
                            (else 'key))))

        (define (open object text close next)
          (before-value object)
          (sink text)
          (set! stack (cons close stack))
          (set! state next))

        (define (close object mark text)
          (if (not (and (pair? stack)
                        (eqv? (car stack) mark)
                        (memq state '(first-item item first-key key))))
              (misplaced object))
          (sink text)
          (set! stack (cdr stack))
          (after-value))

        (lambda (object)
          (cond ((eq? object 'array-start) (open object "[" #\] 'first-item))
                ((eq? object 'array-end) (close object #\] "]"))
                ((eq? object 'object-start) (open object "{" #\} 'first-key))
                ((eq? object 'object-end) (close object #\} "}"))
                ((memq state '(first-key key))
                 (if (not (string? object)) (misplaced object))
                 (if (eq? state 'key) (sink ","))
                 (sink (quoted object))
                 (sink ":")
                 (set! state 'value))
                (else
                 (let ((text (scalar-text object)))
                   (if (not text) (misplaced object))
                   (before-value object)
                   (sink text)
                   (after-value)))))))

    ;; Raises unless `object` can be written. `path` is a table of what it is in.
    (define (check-writable object path)
      (define (within thunk)
        (if (hash-table-contains? path object) (json-failure 'json-write "the object contains itself" object))
        (hash-table-set! path object #t)
        (thunk)
        (hash-table-delete! path object))
      (cond ((vector? object)
             (within
              (lambda ()
                (let loop ((i 0))
                  (if (< i (vector-length object))
                      (begin (check-writable (vector-ref object i) path) (loop (+ i 1))))))))
            ((null? object) #t)
            ((and (pair? object) (list? object))
             (within
              (lambda ()
                (for-each (lambda (entry)
                            (if (not (and (pair? entry) (symbol? (car entry))))
                                (json-failure 'json-write "an entry of an object has no symbol as key" entry))
                            (check-writable (cdr entry) path))
                          object))))
            ((not (or (string? object) (json-number? object) (boolean? object) (eq? object 'null)))
             (json-failure 'json-write "there is no JSON for this" object))))

    (define-optional (json-write object) ((port-or-accumulator (current-output-port)))
      (let ((sink (open-sink 'json-write 2 port-or-accumulator)))
        (check-writable object (%make-hash-table 'eq))
        (let write ((object object))
          (cond ((vector? object)
                 (sink "[")
                 (let loop ((i 0))
                   (if (< i (vector-length object))
                       (begin
                         (if (> i 0) (sink ","))
                         (write (vector-ref object i))
                         (loop (+ i 1)))))
                 (sink "]"))
                ((or (null? object) (pair? object))
                 (sink "{")
                 (let loop ((rest object))
                   (if (pair? rest)
                       (begin
                         (if (not (eq? rest object)) (sink ","))
                         (sink (quoted (symbol->string (caar rest))))
                         (sink ":")
                         (write (cdar rest))
                         (loop (cdr rest)))))
                 (sink "}"))
                (else (sink (scalar-text object)))))))))
