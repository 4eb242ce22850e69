;; Behind a program: runs it, checks what it gives, and prints a line with the nanoseconds that it took by the clock and
;; of the processor's time. Runs it again until it has taken that many seconds.
(define (measure size expected seconds)
  (let loop ((total 0))
    (let* ((wall-before (wall-nanoseconds))
           (cpu-before (cpu-nanoseconds))
           (result (run size))
           (cpu (- (cpu-nanoseconds) cpu-before))
           (wall (- (wall-nanoseconds) wall-before))
           (total (+ total wall)))
      (if (equal? result expected)
          (begin
            (write wall)
            (write-char #\space)
            (write cpu)
            (newline)
            (if (< total (* seconds 1000000000))
                (loop total)))
          (begin
            (display "wrong ")
            (write result)
            (newline))))))
