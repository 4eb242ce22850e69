;; (srfi 27): sources of random bits. Every source starts in the same state, in every isolate;
;; random-source-randomize! needs the host's leave.
(define-library (srfi 27)
  (export
    random-integer random-real default-random-source make-random-source random-source? random-source-state-ref
    random-source-state-set! random-source-randomize! random-source-pseudo-randomize! random-source-make-integers
    random-source-make-reals)
  (import (islet core) (islet argument))
  (begin

    (define-record-type random-source
      (state->random-source state)
      random-source?
      (state random-source-state))  ; a bytevector: runtime/random_primitives.cc

    (define state-bytes 32)

    (define (make-random-source)
      (let ((state (make-bytevector state-bytes)))
        (%random-seed! state)
        (state->random-source state)))

    (define default-random-source (make-random-source))

    (define (check-source who object)
      (if (not (random-source? object)) (wrong-type who 1 "a random source" object)))

    (define (random-integer n)
      (check-bound 'random-integer n)
      (%random-below! (random-source-state default-random-source) n))

    (define (check-bound who n)
      (check-integer who 1 n)
      (if (< n 1) (out-of-range who 1 "is not positive" n)))

    (define (random-real) (%random-unit! (random-source-state default-random-source)))

    ;; ---- State

    (define (random-source-state-ref source)
      (check-source 'random-source-state-ref source)
      (list 'xoshiro256** (bytevector-copy (random-source-state source))))

    (define (random-source-state-set! source state)
      (check-source 'random-source-state-set! source)
      (if (not (and (list? state)
                    (= (length state) 2)
                    (eq? (car state) 'xoshiro256**)
                    (bytevector? (cadr state))
                    (= (bytevector-length (cadr state)) state-bytes)
                    (not (equal? (cadr state) (make-bytevector state-bytes 0)))))
          (wrong-type 'random-source-state-set! 2 "what random-source-state-ref returned" state))
      (bytevector-copy! (random-source-state source) 0 (cadr state)))

    (define (random-source-randomize! source)
      (check-source 'random-source-randomize! source)
      (%random-entropy! (random-source-state source)))

    (define (random-source-pseudo-randomize! source i j)
      (check-source 'random-source-pseudo-randomize! source)
      (check-count 'random-source-pseudo-randomize! 2 i)
      (check-count 'random-source-pseudo-randomize! 3 j)
      (%random-seed! (random-source-state source) i j))

    ;; ---- Generators

    (define (random-source-make-integers source)
      (check-source 'random-source-make-integers source)
      (let ((state (random-source-state source)))
        (lambda (n)
          (check-bound 'random-integer n)
          (%random-below! state n))))

    (define random-source-make-reals
      (case-lambda
        ((source)
         (check-source 'random-source-make-reals source)
         (let ((state (random-source-state source)))
           (lambda () (%random-unit! state))))
        ((source unit)
         (check-source 'random-source-make-reals source)
         (if (not (and (real? unit) (< 0 unit 1)))
             (wrong-type 'random-source-make-reals 2 "a real number between 0 and 1" unit))
         ;; The multiples of 1/parts between 0 and 1, which are at most `unit` apart.
         (let ((state (random-source-state source))
               (parts (ceiling (/ 1 (exact unit)))))
           (if (exact? unit)
               (lambda () (/ (+ 1 (%random-below! state (- parts 1))) parts))
               (lambda ()
                 (let loop ()
                   (let ((value (inexact (/ (+ 1 (%random-below! state (- parts 1))) parts))))
                     ;; A very small unit lets the outermost multiples be rounded to 0 or 1.
                     (if (< 0.0 value 1.0) value (loop))))))))))))
