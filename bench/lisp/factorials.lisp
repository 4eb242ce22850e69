;; Factorials and their digits: integers of thousands of digits times small ones, and conversion to text.
(define full-size 15000)
(define full-result '(236277 317434))
(define quick-size 50)
(define quick-result '(216 40))

(define (run size)
  (define (factorial n)
    (let loop ((i 2) (product 1))
      (if (> i n) product (loop (+ i 1) (* i product)))))
  (define (digit-sum n)
    (let ((text (number->string n)))
      (let loop ((i 0) (sum 0))
        (if (= i (string-length text))
            sum
            (loop (+ i 1) (+ sum (- (char->integer (string-ref text i)) (char->integer #\0))))))))
  ;; Of n! / (k! (n - k)!), by whole factorials.
  (define (choose n k)
    (quotient (factorial n) (* (factorial k) (factorial (- n k)))))
  (let loop ((k 0) (sum 0))
    (if (= k 40)
        (list (digit-sum (factorial size)) sum)
        (loop (+ k 1) (+ sum (digit-sum (choose (quotient size 2) (* k (quotient size 100)))))))))
