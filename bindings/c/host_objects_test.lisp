;; What the test of host objects calls.
(define entity? (host-predicate 'entity))
(define item? (host-predicate 'item))
(define entity-move! (host-function 'entity-move! 2))
(define entity-x (host-function 'entity-x 1))
