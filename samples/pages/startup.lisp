;; Runs once, when the program is built. The host provides log-line when an isolate starts.

(define log-line (host-function 'log-line 1))      ; calling it while the snapshot is built is an error
(on-restore (lambda () (log-line "started")))      ; runs before an isolate's first call

;; The text of the file, whole.
(define (page name)
  (log-line (string-append "page " name))
  (call-with-input-file name
    (lambda (port)
      (let loop ((parts '()))
        (let ((part (read-string 4096 port)))
          (if (eof-object? part)
              (apply string-append (reverse parts))
              (loop (cons part parts))))))))
