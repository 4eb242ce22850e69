;; The same with a way back into the isolate by its host: calls a procedure.
(define call-back (host-function 'call-back 1))
