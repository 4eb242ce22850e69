;; (scheme cxr): R7RS-small, appendix A.
(define-library (scheme cxr)
  (export
    caaaar caaadr caaar caadar caaddr caadr cadaar cadadr cadar caddar cadddr caddr cdaaar cdaadr cdaar cdadar
    cdaddr cdadr cddaar cddadr cddar cdddar cddddr cdddr)
  (import (islet core)))
