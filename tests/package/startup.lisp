(import (scheme base) (score rules))

(define (score answers) (apply + (map points answers)))
