;; Exact integers as sequences of bits, the least significant first (SRFI 151): fields, and procedures that take
;; procedures. The rest is primitive.
(define-library (islet bits)
  (export
    bit-field-any? bit-field-every? bit-field-clear bit-field-set bit-field-replace bit-field-replace-same
    bit-field-rotate bit-field-reverse
    bits->vector vector->bits bits bitwise-fold bitwise-for-each bitwise-unfold make-bitwise-generator
    integer->list list->integer booleans->integer)
  (import (islet core))
  (begin

    (define (wrong-type who expected object)
      (%raise (%make-condition 'wrong-type who (string-append "argument is not " expected) (list object)) #f))

    (define (index? object)
      (and (exact-integer? object) (not (negative? object))))

    ;; Ones from start to end.
    (define (mask who start end)
      (cond ((not (index? start)) (wrong-type who "an exact integer that is not negative" start))
            ((not (index? end)) (wrong-type who "an exact integer that is not negative" end))
            ((< end start)
             (%raise (%make-condition 'range who "the field ends before it starts" (list start end)) #f))
            (else (arithmetic-shift (- (arithmetic-shift 1 (- end start)) 1) start))))

    ;; ---- Fields

    (define (bit-field-any? i start end) (not (eqv? (bit-field i start end) 0)))

    (define (bit-field-every? i start end) (eqv? (bit-field (bitwise-not i) start end) 0))

    (define (bit-field-clear i start end) (bitwise-andc2 i (mask 'bit-field-clear start end)))

    (define (bit-field-set i start end) (bitwise-ior i (mask 'bit-field-set start end)))

    (define (bit-field-replace to from start end)
      (let ((where (mask 'bit-field-replace start end)))
        (bitwise-if where (arithmetic-shift (bit-field from 0 (- end start)) start) to)))

    (define (bit-field-replace-same to from start end)
      (bitwise-if (mask 'bit-field-replace-same start end) from to))

    (define (bit-field-rotate i count start end)
      (let ((where (mask 'bit-field-rotate start end))
            (width (- end start)))
        (if (eqv? width 0)
            i
            (let ((left (modulo count width))
                  (field (bit-field i start end)))
              (bitwise-if where
                          (arithmetic-shift (bitwise-ior (arithmetic-shift field left)
                                                         (arithmetic-shift field (- left width)))
                                            start)
                          i)))))

    (define (bit-field-reverse i start end)
      (let ((where (mask 'bit-field-reverse start end))
            (field (list->bits (reverse (bits->list (bit-field i start end) (- end start))))))
        (bitwise-if where (arithmetic-shift field start) i)))

    ;; ---- Conversions

    (define bits->vector
      (case-lambda
        ((i) (list->vector (bits->list i)))
        ((i length) (list->vector (bits->list i length)))))

    (define (vector->bits vector) (list->bits (vector->list vector)))

    (define (bits . booleans) (list->bits booleans))

    ;; ---- Fold, unfold, generate

    (define (bitwise-fold f seed i)
      (let ((length (integer-length i)))
        (let loop ((n 0) (result seed))
          (if (< n length)
              (loop (+ n 1) (f (bit-set? n i) result))
              result))))

    (define (bitwise-for-each f i)
      (let ((length (integer-length i)))
        (let loop ((n 0))
          (if (< n length)
              (begin (f (bit-set? n i))
                     (loop (+ n 1)))))))

    (define (bitwise-unfold stop? mapper successor seed)
      (let loop ((state seed) (result '()))
        (if (stop? state)
            (list->bits (reverse result))
            (loop (successor state) (cons (if (mapper state) #t #f) result)))))

    (define (make-bitwise-generator i)
      (if (exact-integer? i)
          (let ((n -1))
            (lambda ()
              (set! n (+ n 1))
              (bit-set? n i)))
          (wrong-type 'make-bitwise-generator "an exact integer" i)))

    ;; ---- SRFI 60: the most significant bit first

    (define integer->list
      (case-lambda
        ((i) (reverse (bits->list i)))
        ((i length) (reverse (bits->list i length)))))

    (define (list->integer booleans) (list->bits (reverse booleans)))

    (define (booleans->integer . booleans) (list->integer booleans))))
