;; Runs once, when the program is built. What it leaves behind is in every isolate from its first moment.

(define greetings (make-hash-table string=?))
(for-each (lambda (entry) (hash-table-set! greetings (car entry) (cdr entry)))
          '(("de" . "Guten Tag") ("en" . "Hello") ("fr" . "Bonjour") ("ja" . "こんにちは")))

(define visits 0)

(define (greet language name)
  (set! visits (+ visits 1))
  (string-append (hash-table-ref/default greetings language "Hello") ", " name "! Visit "
                 (number->string visits) "."))
