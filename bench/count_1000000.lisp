;; How many records records.lisp makes.
(define record-count 1000000)
