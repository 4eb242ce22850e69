;; Walks two trees of different shape leaf by leaf in step, each walk a coroutine made of re-entrant continuations.
(define full-size 1000000)
(define full-result 1000000)
(define quick-size 100)
(define quick-result 100)

(define (run size)
  ;; The numbers from low to high - 1 in order of leaves; each inner node gives the part `share` of 8 to its left.
  (define (tree low high share)
    (if (= (+ low 1) high)
        low
        (let ((middle (max (+ low 1) (+ low (quotient (* (- high low) share) 8)))))
          (cons (tree low middle share) (tree middle high share)))))

  ;; A procedure that gives the next leaf at each call, and #f after the last.
  (define (generator tree)
    (define return #f)
    (define (yield leaf)
      (call-with-current-continuation
       (lambda (rest)
         (set! resume rest)
         (return leaf))))
    (define (walk tree)
      (if (pair? tree)
          (begin (walk (car tree)) (walk (cdr tree)))
          (yield tree)))
    (define resume
      (lambda (ignored)
        (walk tree)
        (set! resume (lambda (ignored) (return #f)))
        (return #f)))
    (lambda ()
      (call-with-current-continuation
       (lambda (k)
         (set! return k)
         (resume #f)))))

  (let ((left (generator (tree 0 size 4)))
        (right (generator (tree 0 size 3))))
    (let loop ((same 0))
      (let ((a (left))
            (b (right)))
        (cond ((not (and a b)) same)
              ((= a b) (loop (+ same 1)))
              (else (list 'differ a b)))))))
