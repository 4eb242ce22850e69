;; What call_bench calls: the least that a call can be, and a loop that calls the host.
(define host (host-function 'host 1))
(define (identity x) x)
(define (call-host n) (do ((i 0 (+ i 1))) ((= i n)) (host i)))
(define (count-only n) (do ((i 0 (+ i 1))) ((= i n)) (identity i)))
