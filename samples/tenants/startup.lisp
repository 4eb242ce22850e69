;; The shop whose requests the tenants send. Evaluated once, while the program is built: every request then runs (handle ...)
;; in an isolate that holds exactly what this leaves.

;; ---- The catalogue: article number to name and price in cents

(define catalogue (make-hash-table))

(define (add-article! number name cents) (hash-table-set! catalogue number (cons name cents)))

(do ((number 1000 (+ number 1)))
    ((= number 3000))
  (add-article! number
                (string-append (vector-ref #("Lamp" "Chair" "Table" "Shelf" "Clock" "Vase" "Rug") (modulo number 7))
                               " " (number->string number))
                (+ 199 (modulo (* number 7919) 20000))))

;; ---- Requests: "article=1234&count=2&coupon=SPRING"

(define (split text separator)
  (let loop ((i (- (string-length text) 1)) (end (string-length text)) (parts '()))
    (cond ((< i 0) (cons (substring text 0 end) parts))
          ((char=? (string-ref text i) separator) (loop (- i 1) i (cons (substring text (+ i 1) end) parts)))
          (else (loop (- i 1) end parts)))))

(define (parse-query query)
  (map (lambda (field)
         (let ((parts (split field #\=)))
           (cons (car parts) (if (null? (cdr parts)) "" (cadr parts)))))
       (split query #\&)))

(define (field fields name) (let ((found (assoc name fields))) (and found (cdr found))))

;; ---- Answers

(define coupons '(("SPRING" . 10) ("LOYAL" . 15)))

(define (cents->text cents)
  (let ((rest (remainder cents 100)))
    (string-append (number->string (quotient cents 100)) (if (< rest 10) ".0" ".") (number->string rest))))

;; What this request has seen. Every request finds it as it is here, whatever others did.
(define requests-seen 0)
(define last-tenant #f)

;; The line of the order, with the tenant's tax in per cent; or what is wrong with the request.
(define (handle tenant tax query)
  (set! requests-seen (+ requests-seen 1))
  (set! last-tenant tenant)
  (let* ((fields (parse-query query))
         (number (string->number (or (field fields "article") "")))
         (count (string->number (or (field fields "count") "1")))
         (article (and number (hash-table-ref/default catalogue number #f))))
    (cond ((not article) (string-append tenant ": no such article"))
          ((not (and (exact-integer? count) (< 0 count 1000))) (string-append tenant ": no such count"))
          (else
           (let* ((coupon (assoc (or (field fields "coupon") "") coupons))
                  (net (* count (cdr article)))
                  (reduced (if coupon (quotient (* net (- 100 (cdr coupon))) 100) net))
                  (gross (+ reduced (quotient (* reduced tax) 100))))
             (string-append tenant ": " (number->string count) " x " (car article) " = " (cents->text gross)
                            " (visit " (number->string requests-seen) ")"))))))

;; ---- What a hostile tenant runs instead

(define (loop-forever) (let loop ((i 0)) (loop (+ i 1))))
(define (allocate-forever) (let loop ((list '())) (loop (cons (make-vector 10 0) list))))
(define (recurse-forever) (+ 1 (recurse-forever)))
;; Everything that others would see, were it not undone.
(define (mutate-everything)
  (hash-table-walk catalogue (lambda (number article) (set-cdr! article 1)))
  (do ((number 1000 (+ number 2))) ((>= number 3000)) (hash-table-delete! catalogue number))
  (set! coupons '(("SPRING" . 100)))
  (set! requests-seen 1000000)
  (set! handle (lambda arguments "hijacked"))
  (set! last-tenant 'nobody)
  "done")
