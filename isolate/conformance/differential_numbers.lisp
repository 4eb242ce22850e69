;; Arithmetic, number reading and printing (R7RS 6.2, 7.1.1), compared with what other systems answered:
;; differential/compare.py.
(import (scheme base) (scheme complex) (scheme eval) (scheme read) (scheme write) (check))

(section "6.2 as other systems have it")

(define names (environment '(islet)))

(define (answer text)
  (guard (e (#t 'error))
    (eval (read (open-input-string text)) names)))

(define (written value)
  (let ((port (open-output-string)))
    (write value port)
    (get-output-string port)))

;; The same, to the last bit of every number.
(define (agree text expected)
  (check (list text (written (answer text))) => (list text expected)))

;; The same but for rounding. Infinities and NaN must be the same.
(define (near text expected)
  (define (near? a b)
    (or (eqv? a b)
        (and (eqv? (real? a) (real? b))
             (inexact? a)
             (<= (magnitude (- a b)) (+ 5e-324 (* 1e-12 (max (magnitude a) (magnitude b))))))))
  (let ((value (answer text)))
    (check (list text (if (and (number? value) (near? value (string->number expected))) expected (written value)))
           => (list text expected))))

(include "differential/numbers.scm")

(check-report)
