;; Checks of arguments for procedures written in Lisp: each raises the condition that a primitive would raise, in the
;; name of the procedure that the program called. Positions count from 1.
(define-library (islet argument)
  (export wrong-type out-of-range failure
          check-procedure check-list check-vector check-string check-char check-integer check-count check-size check-index
          check-range checked-vector-length checked-string-length define-ranged define-optional)
  (import (islet core))
  (begin

    (define (wrong-type who position expected object)
      (raise (%make-condition 'wrong-type who
                              (string-append "argument " (number->string position) " should be " expected)
                              (list object))))

    ;; `why` reads like "is not below the vector's length".
    (define (out-of-range who position why object)
      (raise (%make-condition 'range who
                              (string-append "argument " (number->string position) " " why)
                              (list object))))

    ;; Any other failure.
    (define (failure who message . irritants)
      (raise (%make-condition 'error who message irritants)))

    (define (check-procedure who position object)
      (if (not (procedure? object)) (wrong-type who position "a procedure" object)))

    (define (check-list who position object)
      (if (not (list? object)) (wrong-type who position "a proper list" object)))

    (define (check-vector who position object)
      (if (not (vector? object)) (wrong-type who position "a vector" object)))

    (define (check-string who position object)
      (if (not (string? object)) (wrong-type who position "a string" object)))

    (define (check-char who position object)
      (if (not (char? object)) (wrong-type who position "a character" object)))

    (define (check-integer who position object)
      (if (not (exact-integer? object)) (wrong-type who position "an exact integer" object)))

    (define (check-count who position object)
      (check-integer who position object)
      (if (< object 0) (out-of-range who position "is negative" object)))

    ;; A length that an object can have: it is a fixnum.
    (define (check-size who position object)
      (check-count who position object)
      (if (> object 1073741823) (out-of-range who position "is above the largest size, 1073741823" object)))

    ;; An index that is below `limit`.
    (define (check-index who position object limit)
      (check-count who position object)
      (if (>= object limit)
          (out-of-range who position (string-append "is not below " (number->string limit)) object)))

    ;; start, at `position`, and end, behind it: 0 <= start <= end <= length.
    (define (check-range who position start end length)
      (check-count who (+ position 1) end)
      (check-count who position start)
      (if (> end length)
          (out-of-range who (+ position 1)
                        (string-append "is above the length, " (number->string length)) end))
      (if (> start end)
          (out-of-range who position
                        (string-append "is above the end, " (number->string end)) start)))

    (define (checked-vector-length who position object)
      (check-vector who position object)
      (vector-length object))

    (define (checked-string-length who position object)
      (check-string who position object)
      (string-length object))

    ;; (define-ranged checked-length (name argument ...) (sequence position) (start end start-position) body ...):
    ;; a procedure whose last two arguments, optional, are a range of one of the others.
    (define-syntax define-ranged
      (syntax-rules ()
        ((_ checked-length (name argument ...) (sequence position) (start end start-position) body ...)
         (define name
           (case-lambda
             ((argument ...) (name argument ... 0 (checked-length 'name position sequence)))
             ((argument ... start) (name argument ... start (checked-length 'name position sequence)))
             ((argument ... start end)
              (check-range 'name start-position start end (checked-length 'name position sequence))
              body ...))))))

    ;; (define-optional (name argument ...) ((optional default) ...) body ...): a default may use the arguments before.
    (define-syntax define-optional
      (syntax-rules ()
        ((_ (name argument ...) ((optional default)) body ...)
         (define name
           (case-lambda
             ((argument ...) (name argument ... default))
             ((argument ... optional) body ...))))
        ((_ (name argument ...) ((o1 d1) (o2 d2)) body ...)
         (define name
           (case-lambda
             ((argument ...) (name argument ... d1))
             ((argument ... o1) (name argument ... o1 d2))
             ((argument ... o1 o2) body ...))))
        ((_ (name argument ...) ((o1 d1) (o2 d2) (o3 d3)) body ...)
         (define name
           (case-lambda
             ((argument ...) (name argument ... d1))
             ((argument ... o1) (name argument ... o1 d2))
             ((argument ... o1 o2) (name argument ... o1 o2 d3))
             ((argument ... o1 o2 o3) body ...))))
        ((_ (name argument ...) ((o1 d1) (o2 d2) (o3 d3) (o4 d4)) body ...)
         (define name
           (case-lambda
             ((argument ...) (name argument ... d1))
             ((argument ... o1) (name argument ... o1 d2))
             ((argument ... o1 o2) (name argument ... o1 o2 d3))
             ((argument ... o1 o2 o3) (name argument ... o1 o2 o3 d4))
             ((argument ... o1 o2 o3 o4) body ...))))
        ((_ (name argument ...) ((o1 d1) (o2 d2) (o3 d3) (o4 d4) (o5 d5)) body ...)
         (define name
           (case-lambda
             ((argument ...) (name argument ... d1))
             ((argument ... o1) (name argument ... o1 d2))
             ((argument ... o1 o2) (name argument ... o1 o2 d3))
             ((argument ... o1 o2 o3) (name argument ... o1 o2 o3 d4))
             ((argument ... o1 o2 o3 o4) (name argument ... o1 o2 o3 o4 d5))
             ((argument ... o1 o2 o3 o4 o5) body ...))))))))
