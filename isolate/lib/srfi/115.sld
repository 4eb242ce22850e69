;; (srfi 115): regular expressions. An expression is parsed to a tree, compiled to the program of the machine in
;; runtime/regexp_primitives.cc, and never backtracks. Of several ways to match at the leftmost place, the one counts
;; that takes the first alternative and the longest (or, for the non-greedy forms, shortest) repetition, in order.
;; There are no look-around patterns and no backrefs.
(define-library (srfi 115)
  (export
    regexp rx regexp->sre char-set->sre valid-sre? regexp? regexp-matches regexp-matches? regexp-search regexp-fold
    regexp-extract regexp-split regexp-partition regexp-replace regexp-replace-all regexp-match? regexp-match-count
    regexp-match-submatch regexp-match-submatch-start regexp-match-submatch-end regexp-match->list)
  (import (islet core) (islet argument) (islet char-set) (islet control) (islet list))
  (begin

    (define-record-type <regexp>
      (make-regexp sre program sets groups names)
      regexp?
      (sre regexp-sre)
      (program regexp-program)  ; vector: opcode, x, y ...
      (sets regexp-sets)        ; vector of the ranges of character sets
      (groups regexp-groups)    ; number of submatches
      (names regexp-names))     ; (name . number), first ones first

    (define-record-type regexp-match
      (make-match text slots names start)
      regexp-match?
      (text match-text)
      (slots match-slots)  ; vector: start and end of submatch 0, of submatch 1 ...
      (names match-names)
      (start match-search-start))

    ;; ---- Parsing. A tree is a character set, or one of
    ;;   #(seq tree ...) #(or tree ...) #(repeat from to greedy? tree) #(submatch number tree) #(assert number)
    ;; `to` may be #f, for any number.

    (define (bad-sre why sre) (failure 'regexp why sre))

    ;; What the surroundings say: case is ignored, ASCII only, no submatches.
    (define-record-type context
      (make-context nocase? ascii? nocapture?)
      context?
      (nocase? context-nocase?)
      (ascii? context-ascii?)
      (nocapture? context-nocapture?))

    ;; Calls f with the tree, the number of submatches and their names.
    (define (parse sre f)
      (define groups 0)
      (define names '())

      (define (parse-all sres context) (map (lambda (sre) (parse sre context)) sres))

      (define (sequence trees)
        (if (and (pair? trees) (null? (cdr trees))) (car trees) (list->vector (cons 'seq trees))))

      (define (body sres context) (sequence (parse-all sres context)))

      (define (alternatives trees)
        (if (every char-set? trees)
            (apply char-set-union trees)
            (list->vector (cons 'or trees))))

      (define (repeat from to greedy? sres context)
        (vector 'repeat from to greedy? (body sres context)))

      (define (submatch name sres context)
        (if (context-nocapture? context)
            (body sres context)
            (begin
              (set! groups (+ groups 1))
              (let ((number groups))
                (if name (set! names (append names (list (cons name number)))))
                (vector 'submatch number (body sres context))))))

      (define (sets sre context)
        (map (lambda (part)
               (let ((tree (parse part context)))
                 (if (not (char-set? tree)) (bad-sre "not a character set" part))
                 tree))
             (cdr sre)))

      (define (asserted kind) (vector 'assert kind))
      (define (word-part kind context) (asserted (+ kind (if (context-ascii? context) 3 0))))

      (define (in-word trees context)
        (sequence (append (list (word-part begin-word context)) trees (list (word-part end-word context)))))

      (define (word-of set context)
        (in-word (list (vector 'repeat 1 #f #t (char-set-intersection (word-chars context) set))) context))

      (define (counts sre n)
        (let ((counts (if (> (length sre) n) (take (cdr sre) n) '())))
          (if (not (and (pair? counts) (every (lambda (k) (and (exact-integer? k) (>= k 0))) counts) (apply <= counts)))
              (bad-sre "the pattern needs numbers of repetitions" sre))
          counts))

      (define (parse-list sre context)
        (let ((parts (cdr sre)))
          (case (car sre)
            ((: seq) (body parts context))
            ((or |\||) (alternatives (parse-all parts context)))
            ((* zero-or-more) (repeat 0 #f #t parts context))
            ((+ one-or-more) (repeat 1 #f #t parts context))
            ((? optional) (repeat 0 1 #t parts context))
            ((*? non-greedy-zero-or-more) (repeat 0 #f #f parts context))
            ((?? non-greedy-optional) (repeat 0 1 #f parts context))
            ((= exactly) (let ((n (counts sre 1))) (repeat (car n) (car n) #t (cdr parts) context)))
            ((>= at-least) (let ((n (counts sre 1))) (repeat (car n) #f #t (cdr parts) context)))
            ((** repeated) (let ((n (counts sre 2))) (repeat (car n) (cadr n) #t (cddr parts) context)))
            ((**? non-greedy-repeated) (let ((n (counts sre 2))) (repeat (car n) (cadr n) #f (cddr parts) context)))
            (($ submatch) (submatch #f parts context))
            ((-> submatch-named)
             (if (not (and (pair? parts) (symbol? (car parts)))) (bad-sre "a named submatch needs a symbol" sre))
             (submatch (car parts) (cdr parts) context))
            ((w/case) (body parts (make-context #f (context-ascii? context) (context-nocapture? context))))
            ((w/nocase) (body parts (make-context #t (context-ascii? context) (context-nocapture? context))))
            ((w/unicode) (body parts (make-context (context-nocase? context) #f (context-nocapture? context))))
            ((w/ascii) (body parts (make-context (context-nocase? context) #t (context-nocapture? context))))
            ((w/nocapture) (body parts (make-context (context-nocase? context) (context-ascii? context) #t)))
            ((word) (in-word (parse-all parts context) context))
            ((word+) (word-of (apply char-set-union (sets sre context)) context))
            ((char-set)
             (if (not (and (pair? parts) (string? (car parts)) (null? (cdr parts)))) (bad-sre "char-set needs a string" sre))
             (variants (string->char-set (car parts)) context))
            ((/ char-range) (variants (range-set sre) context))
            ((~ complement) (char-set-difference (any-char context) (apply char-set-union (sets sre context))))
            ((- difference)
             (if (null? parts) (bad-sre "the difference of no character sets" sre))
             (apply char-set-difference (sets sre context)))
            ((and &) (apply char-set-intersection (any-char context) (sets sre context)))
            (else
             (if (and (string? (car sre)) (null? parts))
                 (variants (string->char-set (car sre)) context)
                 (bad-sre "not a regular expression" sre))))))

      (define (parse-symbol name context)
        (case name
          ((bos) (asserted 0))
          ((eos) (asserted 1))
          ((bol) (asserted 2))
          ((eol) (asserted 3))
          ((bow) (word-part begin-word context))
          ((eow) (word-part end-word context))
          ((nwb) (word-part 6 context))
          ((word) (word-of (any-char context) context))
          ((bog) (if (context-ascii? context) (sequence '()) (asserted begin-grapheme)))
          ((eog) (if (context-ascii? context) (sequence '()) (asserted end-grapheme)))
          ((grapheme)
           (if (context-ascii? context)
               (any-char context)
               (sequence (list (asserted begin-grapheme) char-set:full
                               (vector 'repeat 0 #f #t (sequence (list (asserted inside-grapheme) char-set:full)))
                               (asserted end-grapheme)))))
          (else (or (named-set name context) (bad-sre "not a regular expression" name)))))

      (define (parse sre context)
        (cond ((string? sre)
               (sequence (map (lambda (c) (variants (char-set c) context)) (string->list sre))))
              ((char? sre) (variants (char-set sre) context))
              ((char-set? sre) (variants sre context))
              ((symbol? sre) (parse-symbol sre context))
              ((and (pair? sre) (list? sre)) (parse-list sre context))
              (else (bad-sre "not a regular expression" sre))))

      (let ((tree (parse sre (make-context #f #f #f))))
        (f tree groups names)))

    ;; Numbers of assertions; those of ASCII words are 3 more.
    (define begin-word 4)
    (define end-word 5)
    (define begin-grapheme 10)
    (define end-grapheme 11)
    (define inside-grapheme 12)

    (define (any-char context) (if (context-ascii? context) char-set:ascii char-set:full))

    (define ascii-letters (string->char-set "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))

    ;; With what matches when case is ignored.
    (define (variants set context)
      (cond ((not (context-nocase? context)) set)
            ((context-ascii? context)
             (char-set-union set
                             (char-set-intersection
                              ascii-letters
                              (char-set-case-variants (char-set-intersection set ascii-letters)))))
            (else (char-set-case-variants set))))

    (define (range-set sre)
      (let loop ((chars (append-map (lambda (part)
                                      (cond ((char? part) (list part))
                                            ((string? part) (string->list part))
                                            (else (bad-sre "a range needs characters and strings" sre))))
                                    (cdr sre)))
                 (set char-set:empty))
        (cond ((null? chars) set)
              ((null? (cdr chars)) (bad-sre "a range needs an even number of characters" sre))
              ((char<? (cadr chars) (car chars)) (bad-sre "a range that ends before it begins" sre))
              (else
               (loop (cddr chars)
                     (ucs-range->char-set (char->integer (car chars)) (+ (char->integer (cadr chars)) 1) #f set))))))

    (define char-set:alphabetic (standard-char-set 'alphabetic))
    (define char-set:other (standard-char-set 'other))
    (define underscore (char-set #\_))

    (define (word-chars context)
      (char-set-intersection (any-char context) (char-set-union char-set:alphabetic char-set:digit underscore)))

    ;; The set, or #f.
    (define (named-set name context)
      (let ((set (case name
                   ((any) char-set:full)
                   ((nonl) (char-set-delete char-set:full #\return #\newline))
                   ((ascii) char-set:ascii)
                   ((lower-case lower) (variants char-set:lower-case context))
                   ((upper-case upper) (variants char-set:upper-case context))
                   ((title-case title) char-set:title-case)
                   ((alphabetic alpha letter) char-set:alphabetic)
                   ((numeric num digit) char-set:digit)
                   ((alphanumeric alphanum alnum) (char-set-union char-set:alphabetic char-set:digit))
                   ((punctuation punct) char-set:punctuation)
                   ((symbol) char-set:symbol)
                   ((graphic graph)
                    (char-set-union char-set:alphabetic char-set:digit char-set:punctuation char-set:symbol))
                   ((whitespace white space)
                    (if (context-ascii? context) ascii-space char-set:whitespace))
                   ((printing print)
                    (char-set-union char-set:alphabetic char-set:digit char-set:punctuation char-set:symbol
                                    (if (context-ascii? context) ascii-space char-set:whitespace)))
                   ((control cntrl) (if (context-ascii? context) ascii-control char-set:other))
                   ((hex-digit xdigit) char-set:hex-digit)
                   (else #f))))
        (and set
             (if (context-ascii? context) (char-set-intersection char-set:ascii set) set))))

    (define ascii-space (char-set #\space #\tab #\newline #\xc #\return))
    (define ascii-control (ucs-range->char-set 0 32))

    ;; ---- Compiling

    ;; Numbers of runtime/regexp_primitives.cc.
    (define op-char 0)
    (define op-set 1)
    (define op-any 2)
    (define op-split 3)
    (define op-jump 4)
    (define op-save 5)
    (define op-assert 6)
    (define op-match 7)

    (define largest-program 100000)

    ;; Calls f with the program and its sets.
    (define (compile tree f)
      (define code '())  ; instructions, last first, each a mutable list of three
      (define size 0)
      (define sets '())  ; last first
      (define set-numbers (%make-hash-table 'equal))

      (define (emit! op x y)
        (if (= size largest-program)
            (failure 'regexp "the regular expression is too large: its repetitions add up to more instructions than"
                     largest-program))
        (let ((instruction (list op x y)))
          (set! code (cons instruction code))
          (set! size (+ size 1))
          instruction))

      (define (set-x! instruction x) (set-car! (cdr instruction) x))
      (define (set-y! instruction y) (set-car! (cddr instruction) y))

      (define (set-number ranges)
        (or (hash-table-ref/default set-numbers ranges #f)
            (let ((number (length sets)))
              (set! sets (cons ranges sets))
              (hash-table-set! set-numbers ranges number)
              number)))

      (define (emit-set! set)
        (let ((n (char-set-size set)))
          (cond ((= n 1) (emit! op-char (char->integer (char-set-cursor set)) 0))
                ((= n (char-set-size char-set:full)) (emit! op-any 0 0))
                (else (emit! op-set (set-number (char-set-ranges set)) 0)))))

      ;; A way that may be taken, or left out, as preferred; `body` emits it.
      (define (optionally greedy? body)
        (let ((split (emit! op-split 0 0)))
          (if greedy? (set-x! split size) (set-y! split size))
          (body)
          (lambda () (if greedy? (set-y! split size) (set-x! split size)))))

      (define (emit-repeat! from to greedy? tree)
        (let loop ((i 0))
          (if (< i from)
              (let ((before size))
                (emit-tree! tree)
                ;; What takes no instructions need not be repeated.
                (if (> size before) (loop (+ i 1))))))
        (cond ((not to)
               (let ((start size))
                 ((optionally greedy? (lambda () (emit-tree! tree) (emit! op-jump start 0))))))
              (else
               ;; Once one is left out, so are the others.
               (let loop ((i from) (finishers '()))
                 (if (< i to)
                     (loop (+ i 1) (cons (optionally greedy? (lambda () (emit-tree! tree))) finishers))
                     (for-each (lambda (finish) (finish)) finishers))))))

      (define (emit-alternatives! trees)
        (if (null? (cdr trees))
            (emit-tree! (car trees))
            (let ((split (emit! op-split (+ size 1) 0)))
              (emit-tree! (car trees))
              (let ((jump (emit! op-jump 0 0)))
                (set-y! split size)
                (emit-alternatives! (cdr trees))
                (set-x! jump size)))))

      (define (emit-submatch! number tree)
        (emit! op-save (* 2 number) 0)
        (emit-tree! tree)
        (emit! op-save (+ (* 2 number) 1) 0))

      (define (emit-tree! tree)
        (if (char-set? tree)
            (emit-set! tree)
            (case (vector-ref tree 0)
              ((seq)
               (let loop ((i 1))
                 (if (< i (vector-length tree))
                     (begin (emit-tree! (vector-ref tree i)) (loop (+ i 1))))))
              ((or) (emit-alternatives! (cdr (vector->list tree))))
              ((repeat)
               (emit-repeat! (vector-ref tree 1) (vector-ref tree 2) (vector-ref tree 3) (vector-ref tree 4)))
              ((submatch) (emit-submatch! (vector-ref tree 1) (vector-ref tree 2)))
              (else (emit! op-assert (vector-ref tree 1) 0)))))

      (emit-submatch! 0 tree)
      (emit! op-match 0 0)
      (f (list->vector (concatenate (reverse code))) (list->vector (reverse sets))))

    (define (regexp re)
      (if (regexp? re)
          re
          (parse re
                 (lambda (tree groups names)
                   (compile tree
                            (lambda (program sets) (make-regexp re program sets groups names)))))))

    (define-syntax rx
      (syntax-rules () ((_ sre ...) (regexp `(: sre ...)))))

    (define (regexp->sre re) (regexp-sre (regexp re)))

    (define (valid-sre? object)
      (guard (error ((error-object? error) #f))
        (regexp object)
        #t))

    ;; A range of characters for each part of the set.
    (define (char-set->sre set)
      (if (not (char-set? set)) (wrong-type 'char-set->sre 1 "a character set" set))
      (let loop ((c (char-set-cursor set)) (bounds '()))
        (cond ((end-of-char-set? c) (cons '/ (reverse bounds)))
              (else
               (let ((last (last-of-range set c)))
                 (loop (char-set-cursor-next set last) (cons last (cons c bounds))))))))

    (define (last-of-range set c)
      (let ((next (char-set-cursor-next set c)))
        (if (and next (= (char->integer next) (+ (char->integer c) 1)))
            (last-of-range set next)
            c)))

    ;; ---- Matching

    (define anchored 1)
    (define whole 2)

    ;; The slots, or #f. The machine stops now and then, so that it can be interrupted.
    (define (run re text slots flags start from end)
      (let* ((program (regexp-program re))
             (sets (regexp-sets re))
             (state (%regexp-state program slots flags start from end)))
        (let loop ((result (%regexp-run! program sets text state)))
          (if (boolean? result)
              (and (not result)
                   (loop (%regexp-run! program sets text state)))
              result))))

    ;; As define-ranged for strings, but that an end of #f is the string's, too.
    (define-syntax define-searching
      (syntax-rules ()
        ((_ (name argument ...) (text position) (start end start-position) body ...)
         (define-optional (name argument ...) ((start 0) (given #f))
           (let* ((length (checked-string-length 'name position text))
                  (end (or given length)))
             (check-range 'name start-position start end length)
             body ...)))))

    (define (match re text flags start from end)
      (let ((slots (run re text (* 2 (+ 1 (regexp-groups re))) flags start from end)))
        (and slots (make-match text slots (regexp-names re) start))))

    (define-searching (regexp-matches re text) (text 2) (start end 3)
      (match (regexp re) text (+ anchored whole) start start end))

    (define-searching (regexp-matches? re text) (text 2) (start end 3)
      (and (run (regexp re) text 0 (+ anchored whole) start start end) #t))

    (define-searching (regexp-search re text) (text 2) (start end 3)
      (match (regexp re) text 0 start start end))

    ;; ---- Matches

    (define (check-match who object)
      (if (not (regexp-match? object)) (wrong-type who 1 "a match of a regular expression" object)))

    (define (regexp-match-count match)
      (check-match 'regexp-match-count match)
      (- (quotient (vector-length (match-slots match)) 2) 1))

    ;; The submatch that `field`, a number or name, means: of several with that name the first that matched.
    (define (field-number who match field)
      (check-match who match)
      (if (symbol? field)
          (let ((numbers (filter-map (lambda (entry) (and (eq? (car entry) field) (cdr entry))) (match-names match))))
            (if (null? numbers) (failure who "there is no submatch of this name" field))
            (or (find (lambda (number) (vector-ref (match-slots match) (+ (* 2 number) 1))) numbers)
                (car numbers)))
          (begin
            (check-index who 2 field (quotient (vector-length (match-slots match)) 2))
            field)))

    ;; Both are there only if the submatch was completed.
    (define (slot match number which)
      (let ((start (vector-ref (match-slots match) (* 2 number)))
            (end (vector-ref (match-slots match) (+ (* 2 number) 1))))
        (and start end (if (= which 0) start end))))

    (define (part match number)
      (let ((start (slot match number 0)))
        (and start (substring (match-text match) start (slot match number 1)))))

    (define-optional (regexp-match-submatch match) ((field 0))
      (part match (field-number 'regexp-match-submatch match field)))

    (define-optional (regexp-match-submatch-start match) ((field 0))
      (slot match (field-number 'regexp-match-submatch-start match field) 0))

    (define-optional (regexp-match-submatch-end match) ((field 0))
      (slot match (field-number 'regexp-match-submatch-end match field) 1))

    (define (regexp-match->list match)
      (check-match 'regexp-match->list match)
      (map (lambda (number) (part match number)) (iota (+ 1 (regexp-match-count match)))))

    ;; ---- Folding. Behind an empty match the search goes on one character later.

    (define (next-start match)
      (let ((last (slot match 0 1)))
        (if (= (slot match 0 0) last) (+ last 1) last)))

    ;; The next match from index `from` on, or #f.
    (define (next-match re text start from end)
      (and (<= from end) (match re text 0 start from end)))

    (define (fold-matches re f seed text finish start end)
      (let loop ((from start) (behind start) (result seed))
        (let ((found (next-match re text start from end)))
          (if found
              (loop (next-start found) (slot found 0 1) (f behind found text result))
              (finish behind #f text result)))))

    (define (last-argument i match text result) result)

    (define-optional (regexp-fold re kons knil text) ((finish last-argument) (start 0) (end #f))
      (check-procedure 'regexp-fold 2 kons)
      (check-procedure 'regexp-fold 5 finish)
      (let* ((length (checked-string-length 'regexp-fold 4 text)) (end (or end length)))
        (check-range 'regexp-fold 6 start end length)
        (fold-matches (regexp re) kons knil text finish start end)))

    ;; As fold-matches, but empty matches are passed over.
    (define (fold-full-matches re f seed text finish start end)
      ;; `behind` is kept in the result, since the fold's own moves with empty matches.
      (let ((result (fold-matches re
                                  (lambda (behind match text state)
                                    (if (= (slot match 0 0) (slot match 0 1))
                                        state
                                        (cons (slot match 0 1) (f (car state) match (cdr state)))))
                                  (cons start seed) text last-argument start end)))
        (finish (car result) (cdr result))))

    (define-searching (regexp-extract re text) (text 2) (start end 3)
      (fold-full-matches (regexp re)
                         (lambda (behind match result) (cons (part match 0) result))
                         '() text
                         (lambda (behind result) (reverse result))
                         start end))

    ;; What comes before the first match, between matches and after the last one, be it empty.
    (define-searching (regexp-split re text) (text 2) (start end 3)
      (fold-full-matches (regexp re)
                         (lambda (behind match result) (cons (substring text behind (slot match 0 0)) result))
                         '() text
                         (lambda (behind result) (reverse (cons (substring text behind end) result)))
                         start end))

    (define-searching (regexp-partition re text) (text 2) (start end 3)
      (fold-full-matches (regexp re)
                         (lambda (behind match result)
                           (cons (part match 0) (cons (substring text behind (slot match 0 0)) result)))
                         '() text
                         (lambda (behind result)
                           (reverse (if (and (= behind end) (pair? result))
                                        result
                                        (cons (substring text behind end) result))))
                         start end))

    ;; ---- Replacing

    ;; The text for a template: a string, a submatch's number or name, pre, post, a procedure of the match that returns a
    ;; string, or a list of templates.
    (define (expand who template match end)
      (cond ((string? template) template)
            ((null? template) "")
            ((pair? template)
             (check-list who 3 template)
             (string-concatenate (map (lambda (part) (expand who part match end)) template)))
            ((eq? template 'pre) (substring (match-text match) (match-search-start match) (slot match 0 0)))
            ((eq? template 'post) (substring (match-text match) (slot match 0 1) end))
            ((or (symbol? template) (exact-integer? template))
             (or (part match (field-number who match template)) ""))
            ((procedure? template)
             (let ((text (template match)))
               (if (string? text)
                   text
                   (failure who "the procedure returned something that is not a string:" text))))
            (else
             (wrong-type who 3 "a string, a submatch's number or name, a procedure, or a list of these" template))))

    (define-optional (regexp-replace re text template) ((start 0) (end #f) (count 0))
      (let* ((length (checked-string-length 'regexp-replace 2 text)) (end (or end length)) (re (regexp re)))
        (check-range 'regexp-replace 4 start end length)
        (check-count 'regexp-replace 6 count)
        (let loop ((found (next-match re text start start end)) (left count))
          (cond ((not found) (substring text start end))
                ((> left 0) (loop (next-match re text start (next-start found) end) (- left 1)))
                (else
                 (string-append (substring text start (slot found 0 0))
                                (expand 'regexp-replace template found end)
                                (substring text (slot found 0 1) end)))))))

    (define-searching (regexp-replace-all re text template) (text 2) (start end 4)
      (fold-matches (regexp re)
                    (lambda (behind match text pieces)
                      (cons (expand 'regexp-replace-all template match end)
                            (cons (substring text behind (slot match 0 0)) pieces)))
                    '() text
                    (lambda (behind match text pieces)
                      (string-concatenate (reverse (cons (substring text behind end) pieces))))
                    start end))))
