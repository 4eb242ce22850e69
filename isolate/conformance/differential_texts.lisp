;; Characters, strings, vectors and bytevectors (R7RS 6.6 to 6.9), compared with what other systems answered:
;; differential/compare.py.
(import (scheme base) (scheme eval) (scheme read) (scheme write) (only (scheme r5rs) inexact->exact) (check))

(section "6.6 to 6.9 as other systems have it")

(include "differential/show.scm")

(define names (environment '(islet)))

(define-syntax prelude
  (syntax-rules () ((_ form) (eval 'form names))))

(define (answer text)
  (let ((port (open-output-string)))
    (guard (e (#t "error"))
      (show (eval (read (open-input-string text)) names) port)
      (get-output-string port))))

(define (agree text expected)
  (check (list text (answer text)) => (list text expected)))

(include "differential/texts.scm")

(check-report)
