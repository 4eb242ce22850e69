;; Exact integers as sequences of bits, the least significant first (SRFI 151): fields, and procedures that take
;; procedures. The rest is primitive.
(define-library (islet bits)
  (export
    bit-field-any? bit-field-every? bit-field-clear bit-field-set bit-field-replace bit-field-replace-same
    bit-field-rotate bit-field-reverse
    bits->vector vector->bits bits bitwise-fold bitwise-for-each bitwise-unfold make-bitwise-generator
    integer->list list->integer booleans->integer)
  (import (islet core) (islet argument))
  (begin

    ;; A field of the integer i, the first argument; start is at `position`, end behind it.
    (define (check-field who i position start end)
      (check-integer who 1 i)
      (check-count who position start)
      (check-count who (+ position 1) end)
      (if (< end start) (out-of-range who position "is above the end of the field" start)))

    ;; Ones from start to end.
    (define (mask start end)
      (arithmetic-shift (- (arithmetic-shift 1 (- end start)) 1) start))

    ;; ---- Fields

    (define (bit-field-any? i start end)
      (check-field 'bit-field-any? i 2 start end)
      (not (eqv? (bit-field i start end) 0)))

    (define (bit-field-every? i start end)
      (check-field 'bit-field-every? i 2 start end)
      (eqv? (bit-field (bitwise-not i) start end) 0))

    (define (bit-field-clear i start end)
      (check-field 'bit-field-clear i 2 start end)
      (bitwise-andc2 i (mask start end)))

    (define (bit-field-set i start end)
      (check-field 'bit-field-set i 2 start end)
      (bitwise-ior i (mask start end)))

    (define (bit-field-replace to from start end)
      (check-field 'bit-field-replace to 3 start end)
      (check-integer 'bit-field-replace 2 from)
      (let ((where (mask start end)))
        (bitwise-if where (arithmetic-shift (bit-field from 0 (- end start)) start) to)))

    (define (bit-field-replace-same to from start end)
      (check-field 'bit-field-replace-same to 3 start end)
      (check-integer 'bit-field-replace-same 2 from)
      (bitwise-if (mask start end) from to))

    (define (bit-field-rotate i count start end)
      (check-field 'bit-field-rotate i 3 start end)
      (check-integer 'bit-field-rotate 2 count)
      (let ((where (mask start end))
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
      (check-field 'bit-field-reverse i 2 start end)
      (let ((where (mask start end))
            (field (list->bits (reverse (bits->list (bit-field i start end) (- end start))))))
        (bitwise-if where (arithmetic-shift field start) i)))

    ;; ---- Conversions

    ;; The bits of i as a list, the least significant first; `options` may hold their number.
    (define (listed who i options)
      (check-integer who 1 i)
      (if (pair? options) (check-size who 2 (car options)))
      (apply bits->list i options))

    (define (check-booleans who booleans)
      (let loop ((rest booleans))
        (cond ((and (pair? rest) (boolean? (car rest))) (loop (cdr rest)))
              ((not (null? rest)) (failure who "not all of these are booleans:" booleans)))))

    (define bits->vector
      (case-lambda
        ((i) (list->vector (listed 'bits->vector i '())))
        ((i length) (list->vector (listed 'bits->vector i (list length))))))

    (define (vector->bits vector)
      (check-vector 'vector->bits 1 vector)
      (check-booleans 'vector->bits (vector->list vector))
      (list->bits (vector->list vector)))

    (define (bits . booleans)
      (check-booleans 'bits booleans)
      (list->bits booleans))

    ;; ---- Fold, unfold, generate

    (define (bitwise-fold f seed i)
      (check-procedure 'bitwise-fold 1 f)
      (check-integer 'bitwise-fold 3 i)
      (let ((length (integer-length i)))
        (let loop ((n 0) (result seed))
          (if (< n length)
              (loop (+ n 1) (f (bit-set? n i) result))
              result))))

    (define (bitwise-for-each f i)
      (check-procedure 'bitwise-for-each 1 f)
      (check-integer 'bitwise-for-each 2 i)
      (let ((length (integer-length i)))
        (let loop ((n 0))
          (if (< n length)
              (begin (f (bit-set? n i))
                     (loop (+ n 1)))))))

    (define (bitwise-unfold stop? mapper successor seed)
      (check-procedure 'bitwise-unfold 1 stop?)
      (check-procedure 'bitwise-unfold 2 mapper)
      (check-procedure 'bitwise-unfold 3 successor)
      (let loop ((state seed) (result '()))
        (if (stop? state)
            (list->bits (reverse result))
            (loop (successor state) (cons (if (mapper state) #t #f) result)))))

    (define (make-bitwise-generator i)
      (check-integer 'make-bitwise-generator 1 i)
      (let ((n -1))
        (lambda ()
          (set! n (+ n 1))
          (bit-set? n i))))

    ;; ---- SRFI 60: the most significant bit first

    (define integer->list
      (case-lambda
        ((i) (reverse (listed 'integer->list i '())))
        ((i length) (reverse (listed 'integer->list i (list length))))))

    (define (list->integer booleans)
      (check-list 'list->integer 1 booleans)
      (check-booleans 'list->integer booleans)
      (list->bits (reverse booleans)))

    (define (booleans->integer . booleans)
      (check-booleans 'booleans->integer booleans)
      (list->integer booleans))))
