;; Behind chez.scm: the pauses of Chez Scheme's collector, which runs when its handler calls for it.
(define pauses '())
(collect-request-handler
 (lambda ()
   (let ((before (wall-nanoseconds)))
     (collect)
     (set! pauses (cons (- (wall-nanoseconds) before) pauses)))))
(define (report-pauses)
  (for-each (lambda (pause)
              (display "pause ")
              (write pause)
              (newline))
            pauses))
