;; Behind a program: runs it, checks what it gives, and prints a line with the nanoseconds that it took, some times.
(define (measure size expected seconds at-least)
  (let loop ((runs 0) (total 0))
    (if (or (< runs at-least) (< total (* seconds 1000000000)))
        (let* ((begin-time (nanoseconds))
               (result (run size))
               (time (- (nanoseconds) begin-time)))
          (if (equal? result expected)
              (begin
                (write time)
                (newline)
                (loop (+ runs 1) (+ total time)))
              (begin
                (display "wrong ")
                (write result)
                (newline)))))))
