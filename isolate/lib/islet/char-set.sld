;; Sets of characters (SRFI 14). A set never changes: the linear-update procedures make new ones too.
(define-library (islet char-set)
  (export
    char-set? char-set= char-set<= char-set-hash
    char-set-cursor char-set-ref char-set-cursor-next end-of-char-set? char-set-fold char-set-unfold char-set-unfold!
    char-set-for-each char-set-map
    char-set-copy char-set list->char-set list->char-set! string->char-set string->char-set! char-set-filter
    char-set-filter! ucs-range->char-set ucs-range->char-set! ->char-set
    char-set->list char-set->string char-set-size char-set-count char-set-contains? char-set-every char-set-any
    char-set-adjoin char-set-adjoin! char-set-delete char-set-delete!
    char-set-complement char-set-complement! char-set-union char-set-union! char-set-intersection
    char-set-intersection! char-set-difference char-set-difference! char-set-xor char-set-xor!
    char-set-diff+intersection char-set-diff+intersection!
    char-set:lower-case char-set:upper-case char-set:title-case char-set:letter char-set:digit char-set:letter+digit
    char-set:graphic char-set:printing char-set:whitespace char-set:iso-control char-set:punctuation
    char-set:symbol char-set:hex-digit char-set:blank char-set:ascii char-set:empty char-set:full
    ;; for (islet regexp): sets by the machine's names, and their ranges, as runtime/char_set.h describes them
    standard-char-set char-set-ranges char-set-case-variants
    ;; for (islet string): what SRFI 13 takes where a character is to be judged
    char-criterion)
  (import (islet core) (islet argument) (islet list))
  (begin

    ;; `ranges` is a bytevector; or, until it is needed, the name of a set that the machine knows.
    (define-record-type <char-set>
      (make-char-set ranges)
      char-set?
      (ranges ranges-or-name set-ranges!))

    (define (char-set-ranges set)
      (let ((ranges (ranges-or-name set)))
        (if (symbol? ranges)
            (let ((ranges (%char-set-standard ranges)))
              (set-ranges! set ranges)
              ranges)
            ranges)))

    (define standard-char-set make-char-set)

    (define (char-set-case-variants set) (make-char-set (%char-set-case-variants (char-set-ranges set))))

    (define (check-char-set who position object)
      (if (not (char-set? object)) (wrong-type who position "a character set" object)))

    (define (check-char-sets who position sets)
      (if (pair? sets)
          (begin
            (check-char-set who position (car sets))
            (check-char-sets who (+ position 1) (cdr sets)))))

    ;; Numbers of %char-set-combine.
    (define union 0)
    (define intersection 1)
    (define difference 2)
    (define xor 3)

    (define (combine operation a b)
      (make-char-set (%char-set-combine operation (char-set-ranges a) (char-set-ranges b))))

    (define (combine-all operation first rest)
      (if (null? rest)
          first
          (combine-all operation (combine operation first (car rest)) (cdr rest))))

    (define (empty? set) (= 0 (bytevector-length (char-set-ranges set))))

    ;; ---- Predicates and comparison

    (define (char-set= . sets)
      (check-char-sets 'char-set= 1 sets)
      (or (null? sets)
          (every (lambda (set) (equal? (char-set-ranges set) (char-set-ranges (car sets)))) (cdr sets))))

    (define (char-set<= . sets)
      (check-char-sets 'char-set<= 1 sets)
      (or (null? sets)
          (let loop ((a (car sets)) (rest (cdr sets)))
            (or (null? rest)
                (and (empty? (combine difference a (car rest)))
                     (loop (car rest) (cdr rest)))))))

    (define-optional (char-set-hash set) ((bound 0))
      (check-char-set 'char-set-hash 1 set)
      (check-count 'char-set-hash 2 bound)
      (let ((code (hash (char-set-ranges set))))
        (if (= bound 0) code (modulo code bound))))

    ;; ---- Iteration. A cursor is a member, or #f behind the last one.

    (define (char-set-cursor set)
      (check-char-set 'char-set-cursor 1 set)
      (%char-set-next (char-set-ranges set) 0))

    (define (check-cursor who cursor)
      (if (not (char? cursor)) (wrong-type who 2 "a cursor that is not at the end" cursor)))

    (define (char-set-ref set cursor)
      (check-char-set 'char-set-ref 1 set)
      (check-cursor 'char-set-ref cursor)
      cursor)

    (define (char-set-cursor-next set cursor)
      (check-char-set 'char-set-cursor-next 1 set)
      (check-cursor 'char-set-cursor-next cursor)
      (next-member (char-set-ranges set) cursor))

    (define (end-of-char-set? cursor) (not cursor))

    (define (next-member ranges c) (%char-set-next ranges (+ (char->integer c) 1)))

    (define (fold-members f seed set)
      (let ((ranges (char-set-ranges set)))
        (let loop ((c (%char-set-next ranges 0)) (result seed))
          (if c (loop (next-member ranges c) (f c result)) result))))

    (define (char-set-fold f seed set)
      (check-procedure 'char-set-fold 1 f)
      (check-char-set 'char-set-fold 3 set)
      (fold-members f seed set))

    ;; The set of the characters in a list, and of `base`.
    (define (from-list who list base)
      (for-each (lambda (c) (if (not (char? c)) (wrong-type who 1 "a list of characters" list))) list)
      (let ((set (make-char-set (%char-set-of (list->string list)))))
        (if base (combine union base set) set)))

    ;; The order of the arguments is that of SRFI 14's definition and examples; its heading has the first two exchanged.
    (define (unfold-onto who stop? mapper successor seed base)
      (check-procedure who 1 stop?)
      (check-procedure who 2 mapper)
      (check-procedure who 3 successor)
      (check-char-set who 5 base)
      (let loop ((seed seed) (chars '()))
        (if (stop? seed)
            (combine union base (make-char-set (%char-set-of (list->string chars))))
            (let ((c (mapper seed)))
              (if (not (char? c)) (failure who "the second procedure did not return a character" c))
              (loop (successor seed) (cons c chars))))))

    (define-optional (char-set-unfold stop? mapper successor seed) ((base char-set:empty))
      (unfold-onto 'char-set-unfold stop? mapper successor seed base))

    (define (char-set-unfold! stop? mapper successor seed base)
      (unfold-onto 'char-set-unfold! stop? mapper successor seed base))

    (define (char-set-for-each f set)
      (check-procedure 'char-set-for-each 1 f)
      (check-char-set 'char-set-for-each 2 set)
      (fold-members (lambda (c result) (f c) result) #t set)
      (void))

    (define (char-set-map f set)
      (check-procedure 'char-set-map 1 f)
      (check-char-set 'char-set-map 2 set)
      (make-char-set
       (%char-set-of
        (list->string
         (fold-members (lambda (c result)
                         (let ((image (f c)))
                           (if (not (char? image))
                               (failure 'char-set-map "the procedure did not return a character" image))
                           (cons image result)))
                       '() set)))))

    ;; ---- Creation

    (define (char-set-copy set)
      (check-char-set 'char-set-copy 1 set)
      (make-char-set (char-set-ranges set)))

    (define (char-set . chars)
      (let loop ((rest chars) (position 1))
        (if (pair? rest)
            (begin
              (check-char 'char-set position (car rest))
              (loop (cdr rest) (+ position 1)))))
      (make-char-set (%char-set-of (list->string chars))))

    (define-optional (list->char-set list) ((base char-set:empty))
      (check-list 'list->char-set 1 list)
      (check-char-set 'list->char-set 2 base)
      (from-list 'list->char-set list base))

    (define (list->char-set! list base)
      (check-list 'list->char-set! 1 list)
      (check-char-set 'list->char-set! 2 base)
      (from-list 'list->char-set! list base))

    (define-optional (string->char-set string) ((base char-set:empty))
      (check-string 'string->char-set 1 string)
      (check-char-set 'string->char-set 2 base)
      (combine union base (make-char-set (%char-set-of string))))

    (define (string->char-set! string base)
      (check-string 'string->char-set! 1 string)
      (check-char-set 'string->char-set! 2 base)
      (combine union base (make-char-set (%char-set-of string))))

    (define (filter-members who keep? set base)
      (check-procedure who 1 keep?)
      (check-char-set who 2 set)
      (check-char-set who 3 base)
      (from-list who (fold-members (lambda (c result) (if (keep? c) (cons c result) result)) '() set) base))

    (define-optional (char-set-filter keep? set) ((base char-set:empty))
      (filter-members 'char-set-filter keep? set base))

    (define (char-set-filter! keep? set base) (filter-members 'char-set-filter! keep? set base))

    ;; Every assigned code point is a character here, and those that are not assigned are left out: there is nothing
    ;; for `error?` to be about.
    (define (range-set who lower upper base)
      (check-count who 1 lower)
      (check-count who 2 upper)
      (if (> lower upper) (out-of-range who 1 "is above the upper bound" lower))
      (check-char-set who 4 base)
      (combine union base (make-char-set (%char-set-range (min lower #x110000) (min upper #x110000)))))

    (define-optional (ucs-range->char-set lower upper) ((error? #f) (base char-set:empty))
      (range-set 'ucs-range->char-set lower upper base))

    (define (ucs-range->char-set! lower upper error? base)
      (range-set 'ucs-range->char-set! lower upper base))

    (define (->char-set object)
      (cond ((char-set? object) object)
            ((string? object) (string->char-set object))
            ((char? object) (char-set object))
            (else (wrong-type '->char-set 1 "a character set, string or character" object))))

    ;; ---- Querying

    (define (char-set-size set)
      (check-char-set 'char-set-size 1 set)
      (%char-set-size (char-set-ranges set)))

    (define (char-set-count f set)
      (check-procedure 'char-set-count 1 f)
      (check-char-set 'char-set-count 2 set)
      (fold-members (lambda (c n) (if (f c) (+ n 1) n)) 0 set))

    (define (char-set->list set)
      (check-char-set 'char-set->list 1 set)
      (fold-members cons '() set))

    (define (char-set->string set)
      (check-char-set 'char-set->string 1 set)
      (list->string (reverse (fold-members cons '() set))))

    (define (char-set-contains? set c)
      (check-char-set 'char-set-contains? 1 set)
      (check-char 'char-set-contains? 2 c)
      (%char-set-contains? (char-set-ranges set) c))

    (define (char-set-every f set)
      (check-procedure 'char-set-every 1 f)
      (check-char-set 'char-set-every 2 set)
      (let ((ranges (char-set-ranges set)))
        (let loop ((c (%char-set-next ranges 0)) (result #t))
          (if c
              (let ((result (f c))) (and result (loop (next-member ranges c) result)))
              result))))

    (define (char-set-any f set)
      (check-procedure 'char-set-any 1 f)
      (check-char-set 'char-set-any 2 set)
      (let ((ranges (char-set-ranges set)))
        (let loop ((c (%char-set-next ranges 0)))
          (and c (or (f c) (loop (next-member ranges c)))))))

    ;; ---- Algebra

    (define (chars-given who chars)
      (let loop ((rest chars) (position 2))
        (if (pair? rest)
            (begin
              (check-char who position (car rest))
              (loop (cdr rest) (+ position 1)))))
      (make-char-set (%char-set-of (list->string chars))))

    (define (char-set-adjoin set . chars)
      (check-char-set 'char-set-adjoin 1 set)
      (combine union set (chars-given 'char-set-adjoin chars)))

    (define (char-set-delete set . chars)
      (check-char-set 'char-set-delete 1 set)
      (combine difference set (chars-given 'char-set-delete chars)))

    (define char-set-adjoin! char-set-adjoin)
    (define char-set-delete! char-set-delete)

    (define (char-set-complement set)
      (check-char-set 'char-set-complement 1 set)
      (combine difference char-set:full set))

    (define (char-set-union . sets)
      (check-char-sets 'char-set-union 1 sets)
      (combine-all union char-set:empty sets))

    (define (char-set-intersection . sets)
      (check-char-sets 'char-set-intersection 1 sets)
      (combine-all intersection char-set:full sets))

    (define (char-set-difference set . sets)
      (check-char-sets 'char-set-difference 1 (cons set sets))
      (combine-all difference set sets))

    (define (char-set-xor . sets)
      (check-char-sets 'char-set-xor 1 sets)
      (combine-all xor char-set:empty sets))

    (define (char-set-diff+intersection set . sets)
      (check-char-sets 'char-set-diff+intersection 1 (cons set sets))
      (let ((others (combine-all union char-set:empty sets)))
        (values (combine difference set others) (combine intersection set others))))

    (define char-set-complement! char-set-complement)
    (define char-set-union! char-set-union)
    (define char-set-intersection! char-set-intersection)
    (define char-set-difference! char-set-difference)
    (define char-set-xor! char-set-xor)
    (define char-set-diff+intersection! char-set-diff+intersection)

    ;; ---- Standard sets

    (define char-set:lower-case (make-char-set 'lower-case))
    (define char-set:upper-case (make-char-set 'upper-case))
    (define char-set:title-case (make-char-set 'title-case))
    (define char-set:letter (make-char-set 'letter))
    (define char-set:digit (make-char-set 'digit))
    (define char-set:letter+digit (make-char-set 'letter+digit))
    (define char-set:graphic (make-char-set 'graphic))
    (define char-set:printing (make-char-set 'printing))
    (define char-set:whitespace (make-char-set 'whitespace))
    (define char-set:iso-control (make-char-set 'iso-control))
    (define char-set:punctuation (make-char-set 'punctuation))
    (define char-set:symbol (make-char-set 'symbol))
    (define char-set:hex-digit (make-char-set 'hex-digit))
    (define char-set:blank (make-char-set 'blank))
    (define char-set:ascii (make-char-set 'ascii))
    (define char-set:empty (make-char-set 'empty))
    (define char-set:full (make-char-set 'full))

    ;; A predicate, from a character, a set or a predicate.
    (define (char-criterion who position object)
      (cond ((procedure? object) object)
            ((char? object) (lambda (c) (char=? c object)))
            ((char-set? object)
             (let ((ranges (char-set-ranges object)))
               (lambda (c) (%char-set-contains? ranges c))))
            (else (wrong-type who position "a character, a character set or a predicate" object))))))
