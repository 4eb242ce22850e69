;; Behind guile.scm: the pauses of Guile's collector. It tells their sum, of processor time, and calls a hook after a
;; collection, or after some that followed each other fast: those count as one.
(import (only (guile) add-hook! after-gc-hook gc-stats internal-time-units-per-second))
(define (collecting) (cdr (assq 'gc-time-taken (gc-stats))))
(define pauses '())
(define collecting-before (collecting))
(add-hook! after-gc-hook
           (lambda ()
             (let ((now (collecting)))
               (set! pauses (cons (- now collecting-before) pauses))
               (set! collecting-before now))))
(define (report-pauses)
  (for-each (lambda (pause)
              (display "pause ")
              (write (quotient (* pause 1000000000) internal-time-units-per-second))
              (newline))
            pauses))
