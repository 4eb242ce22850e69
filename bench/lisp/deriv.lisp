;; Derivatives of formulas as lists: symbols, short lists, map with a procedure.
(define full-size 1000000)
(define full-result '((+ (* (* 3 x x) (+ (/ 0 3) (/ 1 x) (/ 1 x))) (* (* a x x) (+ (/ 0 a) (/ 1 x) (/ 1 x))) (* (* b x) (+ (/ 0 b) (/ 1 x))) 0) 1000000))
(define quick-size 10)
(define quick-result '((+ (* (* 3 x x) (+ (/ 0 3) (/ 1 x) (/ 1 x))) (* (* a x x) (+ (/ 0 a) (/ 1 x) (/ 1 x))) (* (* b x) (+ (/ 0 b) (/ 1 x))) 0) 10))

(define (run size)
  (define (derivative formula)
    (if (pair? formula)
        (case (car formula)
          ((+) (cons '+ (map derivative (cdr formula))))
          ((-) (cons '- (map derivative (cdr formula))))
          ((*) (list '* formula
                     (cons '+ (map (lambda (factor) (list '/ (derivative factor) factor)) (cdr formula)))))
          ((/) (list '-
                     (list '/ (derivative (cadr formula)) (car (cddr formula)))
                     (list '/ (cadr formula)
                           (list '* (car (cddr formula)) (car (cddr formula)) (derivative (car (cddr formula)))))))
          (else (error "no rule for the operator" (car formula))))
        (if (eq? formula 'x) 1 0)))
  (let loop ((i 0) (last '()))
    (if (= i size)
        (list last i)
        (loop (+ i 1) (derivative '(+ (* 3 x x) (* a x x) (* b x) 5))))))
