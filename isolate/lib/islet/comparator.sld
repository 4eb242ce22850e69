;; Comparators (SRFI 128).
(define-library (islet comparator)
  (export
    comparator? comparator-ordered? comparator-hashable?
    make-comparator make-pair-comparator make-list-comparator make-vector-comparator make-eq-comparator
    make-eqv-comparator make-equal-comparator
    boolean-hash char-hash char-ci-hash string-hash string-ci-hash symbol-hash number-hash
    make-default-comparator default-hash comparator-register-default!
    comparator-type-test-predicate comparator-equality-predicate comparator-ordering-predicate
    comparator-hash-function comparator-test-type comparator-check-type comparator-hash
    hash-bound hash-salt
    =? <? >? <=? >=? comparator-if<=>
    ;; SRFI 162
    comparator-max comparator-min comparator-max-in-list comparator-min-in-list
    default-comparator boolean-comparator real-comparator char-comparator char-ci-comparator string-comparator
    string-ci-comparator pair-comparator list-comparator vector-comparator eq-comparator eqv-comparator
    equal-comparator)
  (import (islet core) (islet argument))
  (begin

    (define-record-type comparator
      (%make-comparator type-test equality ordering hash ordered? hashable?)
      comparator?
      (type-test comparator-type-test-predicate)
      (equality comparator-equality-predicate)
      (ordering comparator-ordering-predicate)
      (hash comparator-hash-function)
      (ordered? comparator-ordered?)
      (hashable? comparator-hashable?))

    (define (check-comparator who position object)
      (if (not (comparator? object)) (wrong-type who position "a comparator" object)))

    ;; ---- Constructors

    (define (anything? object) #t)

    (define (no-ordering a b) (failure '<? "the comparator has no ordering predicate" a b))
    (define (no-hash object) (failure 'comparator-hash "the comparator has no hash function" object))

    ;; A type test of #t accepts anything; an equality of #t follows from the ordering; #f stands for what is missing.
    (define (make-comparator type-test equality ordering hash)
      (if (not (eq? type-test #t)) (check-procedure 'make-comparator 1 type-test))
      (if (not (eq? equality #t)) (check-procedure 'make-comparator 2 equality))
      (if ordering (check-procedure 'make-comparator 3 ordering))
      (if hash (check-procedure 'make-comparator 4 hash))
      (if (and (eq? equality #t) (not ordering))
          (failure 'make-comparator "an equality of #t needs an ordering predicate"))
      (%make-comparator (if (eq? type-test #t) anything? type-test)
                        (if (eq? equality #t)
                            (lambda (a b) (not (or (ordering a b) (ordering b a))))
                            equality)
                        (or ordering no-ordering)
                        (or hash no-hash)
                        (and ordering #t)
                        (and hash #t)))

    (define (make-eq-comparator) (make-comparator #t eq? #f default-hash))
    (define (make-eqv-comparator) (make-comparator #t eqv? #f default-hash))
    (define (make-equal-comparator) (make-comparator #t equal? #f default-hash))

    ;; ---- Hashes

    (define bound 33554432)

    (define-syntax hash-bound (syntax-rules () ((_) 33554432)))
    ;; The same in every run: what a snapshot holds must not depend on chance.
    (define-syntax hash-salt (syntax-rules () ((_) 16064047)))

    (define (mix a b) (modulo (+ (* 31 a) b 7) bound))

    (define (check-type who accepts? expected object)
      (if (not (accepts? object)) (wrong-type who 1 expected object)))

    (define (boolean-hash object)
      (check-type 'boolean-hash boolean? "a boolean" object)
      (if object 1 0))

    (define (char-hash c)
      (check-char 'char-hash 1 c)
      (char->integer c))

    (define (char-ci-hash c)
      (check-char 'char-ci-hash 1 c)
      (char->integer (char-foldcase c)))

    (define (symbol-hash symbol)
      (check-type 'symbol-hash symbol? "a symbol" symbol)
      (string-hash (symbol->string symbol)))

    ;; Numbers that are `=` have the same hash.
    (define (number-hash n)
      (check-type 'number-hash number? "a number" n)
      (cond ((not (real? n)) (mix (number-hash (real-part n)) (number-hash (imag-part n))))
            ((= n 0) 0)
            (else (hash (inexact n) bound))))

    ;; Comparators that were registered, first ones first.
    (define registered '())

    (define (comparator-register-default! comparator)
      (check-comparator 'comparator-register-default! 1 comparator)
      (set! registered (append registered (list comparator))))

    (define (registered-for object)
      (let loop ((rest registered))
        (and (pair? rest)
             (if ((comparator-type-test-predicate (car rest)) object)
                 (car rest)
                 (loop (cdr rest))))))

    ;; Looks at so many parts of an object, so that hashing circular data ends. Equal objects have equal first parts.
    (define most-parts 1000)

    (define (default-hash object)
      (let ((left most-parts))
        (let hash-of ((object object))
          (set! left (- left 1))
          (cond ((< left 0) 0)
                ((pair? object)
                 (let loop ((rest object) (code 17))
                   (if (and (pair? rest) (> left 0))
                       (let ((code (mix code (hash-of (car rest)))))
                         (loop (cdr rest) code))
                       (mix code (hash-of rest)))))
                ((null? object) 3)
                ((string? object) (string-hash object))
                ((symbol? object) (symbol-hash object))
                ((number? object) (number-hash object))
                ((boolean? object) (boolean-hash object))
                ((char? object) (char-hash object))
                ((vector? object)
                 (let ((n (vector-length object)))
                   (let loop ((i 0) (code 19))
                     (if (and (< i n) (> left 0)) (loop (+ i 1) (mix code (hash-of (vector-ref object i)))) code))))
                ((bytevector? object) (hash object bound))
                (else
                 (let ((comparator (registered-for object)))
                   (if comparator
                       ((comparator-hash-function comparator) object)
                       (hash-by-identity object))))))))

    ;; ---- The default comparator. One three-way comparison serves equality and ordering, so that nested data is walked
    ;; once: -1, 0 or 1.

    ;; Objects of different kinds are ordered by this; those that are registered come last, as they were registered.
    (define (kind object)
      (cond ((null? object) 0)
            ((pair? object) 1)
            ((boolean? object) 2)
            ((char? object) 3)
            ((string? object) 4)
            ((symbol? object) 5)
            ((number? object) 6)
            ((vector? object) 7)
            ((bytevector? object) 8)
            (else
             (let loop ((rest registered) (i 9))
               (cond ((null? rest) -1)
                     (((comparator-type-test-predicate (car rest)) object) i)
                     (else (loop (cdr rest) (+ i 1))))))))

    (define (order a b)
      (let ((ka (kind a)) (kb (kind b)))
        (cond ((not (= ka kb)) (if (< ka kb) -1 1))
              ((= ka 1)
               (let ((first (order (car a) (car b))))
                 (if (= first 0) (order (cdr a) (cdr b)) first)))
              ((= ka 0) 0)
              ((= ka 2) (cond ((eq? a b) 0) (b -1) (else 1)))
              ((= ka 3) (three-way char=? char<? a b))
              ((= ka 4) (three-way string=? string<? a b))
              ((= ka 5) (three-way eq? symbol<? a b))
              ((= ka 6) (order-numbers a b))
              ((= ka 7) (order-items vector-length vector-ref a b))
              ((= ka 8) (order-items bytevector-length bytevector-u8-ref a b))
              ((eqv? a b) 0)
              ((= ka -1) (failure '<? "neither object has an order: see comparator-register-default!" a b))
              (else
               (let ((comparator (list-ref registered (- ka 9))))
                 (three-way (comparator-equality-predicate comparator) (comparator-ordering-predicate comparator)
                            a b))))))

    (define (three-way same? less? a b)
      (cond ((same? a b) 0)
            ((less? a b) -1)
            (else 1)))

    (define (order-numbers a b)
      (if (and (real? a) (real? b))
          (three-way = < a b)
          (let ((first (three-way = < (real-part a) (real-part b))))
            (if (= first 0) (three-way = < (imag-part a) (imag-part b)) first))))

    (define (order-items length ref a b)
      (let ((n (length a)))
        (if (not (= n (length b)))
            (if (< n (length b)) -1 1)
            (let loop ((i 0))
              (if (= i n)
                  0
                  (let ((first (order (ref a i) (ref b i))))
                    (if (= first 0) (loop (+ i 1)) first)))))))

    ;; As `order` says, but objects without an order are equal only to themselves.
    (define (default-equal? a b)
      (let ((ka (kind a)) (kb (kind b)))
        (and (= ka kb)
             (case ka
               ((1) (and (default-equal? (car a) (car b)) (default-equal? (cdr a) (cdr b))))
               ((7)
                (let ((n (vector-length a)))
                  (and (= n (vector-length b))
                       (let loop ((i 0))
                         (or (= i n)
                             (and (default-equal? (vector-ref a i) (vector-ref b i)) (loop (+ i 1))))))))
               ((-1) (eqv? a b))
               (else
                (if (< ka 9)
                    (= 0 (order a b))
                    ((comparator-equality-predicate (list-ref registered (- ka 9))) a b)))))))

    (define (default<? a b) (< (order a b) 0))

    (define default-comparator (make-comparator #t default-equal? default<? default-hash))

    (define (make-default-comparator) default-comparator)

    ;; ---- Comparators of compound data

    (define (both what a b) (and (what a) (what b) #t))

    (define (make-pair-comparator a b)
      (check-comparator 'make-pair-comparator 1 a)
      (check-comparator 'make-pair-comparator 2 b)
      (let ((a? (comparator-type-test-predicate a)) (b? (comparator-type-test-predicate b))
            (a= (comparator-equality-predicate a)) (b= (comparator-equality-predicate b))
            (a< (comparator-ordering-predicate a)) (b< (comparator-ordering-predicate b))
            (a-hash (comparator-hash-function a)) (b-hash (comparator-hash-function b)))
        (make-comparator
         (lambda (object) (and (pair? object) (a? (car object)) (b? (cdr object))))
         (lambda (x y) (and (a= (car x) (car y)) (b= (cdr x) (cdr y))))
         (and (both comparator-ordered? a b)
              (lambda (x y)
                (if (a= (car x) (car y))
                    (b< (cdr x) (cdr y))
                    (a< (car x) (car y)))))
         (and (both comparator-hashable? a b)
              (lambda (object) (mix (a-hash (car object)) (b-hash (cdr object))))))))

    (define (make-list-comparator element type-test empty? head tail)
      (check-comparator 'make-list-comparator 1 element)
      (check-procedure 'make-list-comparator 2 type-test)
      (check-procedure 'make-list-comparator 3 empty?)
      (check-procedure 'make-list-comparator 4 head)
      (check-procedure 'make-list-comparator 5 tail)
      (let ((element? (comparator-type-test-predicate element))
            (element= (comparator-equality-predicate element))
            (element< (comparator-ordering-predicate element))
            (element-hash (comparator-hash-function element)))
        (make-comparator
         (lambda (object)
           (and (type-test object)
                (let loop ((rest object))
                  (or (empty? rest)
                      (and (element? (head rest)) (loop (tail rest)))))))
         (lambda (a b)
           (let loop ((a a) (b b))
             (cond ((empty? a) (empty? b))
                   ((empty? b) #f)
                   (else (and (element= (head a) (head b)) (loop (tail a) (tail b)))))))
         (and (comparator-ordered? element)
              (lambda (a b)
                (let loop ((a a) (b b))
                  (cond ((empty? a) (not (empty? b)))
                        ((empty? b) #f)
                        ((element= (head a) (head b)) (loop (tail a) (tail b)))
                        (else (element< (head a) (head b)))))))
         (and (comparator-hashable? element)
              (lambda (object)
                (let loop ((rest object) (code 17))
                  (if (empty? rest) code (loop (tail rest) (mix code (element-hash (head rest)))))))))))

    (define (make-vector-comparator element type-test length ref)
      (check-comparator 'make-vector-comparator 1 element)
      (check-procedure 'make-vector-comparator 2 type-test)
      (check-procedure 'make-vector-comparator 3 length)
      (check-procedure 'make-vector-comparator 4 ref)
      (let ((element? (comparator-type-test-predicate element))
            (element= (comparator-equality-predicate element))
            (element< (comparator-ordering-predicate element))
            (element-hash (comparator-hash-function element)))
        (make-comparator
         (lambda (object)
           (and (type-test object)
                (let ((n (length object)))
                  (let loop ((i 0))
                    (or (= i n)
                        (and (element? (ref object i)) (loop (+ i 1))))))))
         (lambda (a b)
           (let ((n (length a)))
             (and (= n (length b))
                  (let loop ((i 0))
                    (or (= i n)
                        (and (element= (ref a i) (ref b i)) (loop (+ i 1))))))))
         (and (comparator-ordered? element)
              (lambda (a b)
                (let ((n (length a)))
                  (cond ((< n (length b)) #t)
                        ((> n (length b)) #f)
                        (else
                         (let loop ((i 0))
                           (and (< i n)
                                (if (element= (ref a i) (ref b i))
                                    (loop (+ i 1))
                                    (element< (ref a i) (ref b i))))))))))
         (and (comparator-hashable? element)
              (lambda (object)
                (let ((n (length object)))
                  (let loop ((i 0) (code 19))
                    (if (< i n) (loop (+ i 1) (mix code (element-hash (ref object i)))) code))))))))

    ;; ---- Use

    (define (comparator-test-type comparator object)
      (check-comparator 'comparator-test-type 1 comparator)
      ((comparator-type-test-predicate comparator) object))

    (define (comparator-check-type comparator object)
      (check-comparator 'comparator-check-type 1 comparator)
      (or ((comparator-type-test-predicate comparator) object)
          (wrong-type 'comparator-check-type 2 "of the comparator's type" object)))

    (define (comparator-hash comparator object)
      (check-comparator 'comparator-hash 1 comparator)
      ((comparator-hash-function comparator) object))

    ;; Does `holds?` hold for each object and the next?
    (define (chain holds? a b more)
      (and (holds? a b)
           (or (null? more) (chain holds? b (car more) (cdr more)))))

    (define (=? comparator a b . more)
      (check-comparator '=? 1 comparator)
      (chain (comparator-equality-predicate comparator) a b more))

    (define (<? comparator a b . more)
      (check-comparator '<? 1 comparator)
      (chain (comparator-ordering-predicate comparator) a b more))

    (define (>? comparator a b . more)
      (check-comparator '>? 1 comparator)
      (let ((less? (comparator-ordering-predicate comparator)))
        (chain (lambda (a b) (less? b a)) a b more)))

    (define (<=? comparator a b . more)
      (check-comparator '<=? 1 comparator)
      (let ((less? (comparator-ordering-predicate comparator)))
        (chain (lambda (a b) (not (less? b a))) a b more)))

    (define (>=? comparator a b . more)
      (check-comparator '>=? 1 comparator)
      (let ((less? (comparator-ordering-predicate comparator)))
        (chain (lambda (a b) (not (less? a b))) a b more)))

    (define-syntax comparator-if<=>
      (syntax-rules ()
        ((_ a b less equal greater)
         (comparator-if<=> (make-default-comparator) a b less equal greater))
        ((_ comparator a b less equal greater)
         (%if<=> comparator a b (lambda () less) (lambda () equal) (lambda () greater)))))

    (define (%if<=> comparator a b less equal greater)
      (check-comparator 'comparator-if<=> 1 comparator)
      (cond (((comparator-ordering-predicate comparator) a b) (less))
            (((comparator-equality-predicate comparator) a b) (equal))
            (else (greater))))

    ;; ---- SRFI 162: the greatest and the least of objects, and comparators that are made already

    ;; Of equal objects the first.
    (define (best before? first rest)
      (if (null? rest)
          first
          (best before? (if (before? (car rest) first) (car rest) first) (cdr rest))))

    (define (check-ordered who comparator)
      (check-comparator who 1 comparator)
      (if (not (comparator-ordered? comparator)) (failure who "the comparator has no ordering predicate" comparator)))

    (define (check-objects who list)
      (if (not (and (pair? list) (list? list))) (wrong-type who 2 "a proper list that is not empty" list)))

    (define (least comparator objects)
      (best (comparator-ordering-predicate comparator) (car objects) (cdr objects)))

    (define (greatest comparator objects)
      (let ((less? (comparator-ordering-predicate comparator)))
        (best (lambda (a b) (less? b a)) (car objects) (cdr objects))))

    (define (comparator-max comparator first . rest)
      (check-ordered 'comparator-max comparator)
      (greatest comparator (cons first rest)))

    (define (comparator-min comparator first . rest)
      (check-ordered 'comparator-min comparator)
      (least comparator (cons first rest)))

    (define (comparator-max-in-list comparator list)
      (check-ordered 'comparator-max-in-list comparator)
      (check-objects 'comparator-max-in-list list)
      (greatest comparator list))

    (define (comparator-min-in-list comparator list)
      (check-ordered 'comparator-min-in-list comparator)
      (check-objects 'comparator-min-in-list list)
      (least comparator list))

    (define boolean-comparator
      (make-comparator boolean? boolean=? (lambda (a b) (and (not a) b)) boolean-hash))
    (define real-comparator (make-comparator real? = < number-hash))
    (define char-comparator (make-comparator char? char=? char<? char-hash))
    (define char-ci-comparator (make-comparator char? char-ci=? char-ci<? char-ci-hash))
    (define string-comparator (make-comparator string? string=? string<? string-hash))
    (define string-ci-comparator (make-comparator string? string-ci=? string-ci<? string-ci-hash))
    (define pair-comparator (make-pair-comparator default-comparator default-comparator))
    (define list-comparator (make-list-comparator default-comparator list? null? car cdr))
    (define vector-comparator (make-vector-comparator default-comparator vector? vector-length vector-ref))
    (define eq-comparator (make-eq-comparator))
    (define eqv-comparator (make-eqv-comparator))
    (define equal-comparator (make-equal-comparator))))
