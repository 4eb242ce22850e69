(define first-part 1)
(define second-part '(2))
