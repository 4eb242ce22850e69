(define-library (samples shapes)
  (export (rename make-square square-of) area shape-names)
  (import (scheme base))
  (include "shapes.scm"))
