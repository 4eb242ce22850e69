(define act (host-function 'act 0 #f))
(define call-back (host-function 'call-back 1))
(on-restore (lambda () (act 'restored)))
