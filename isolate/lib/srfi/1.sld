;; (srfi 1): lists.
(define-library (srfi 1)
  (export
    xcons cons* list-tabulate circular-list iota proper-list? circular-list? dotted-list? not-pair? null-list?
    list= first second third fourth fifth sixth seventh eighth ninth tenth car+cdr take drop take-right drop-right
    take! drop-right! split-at split-at! last last-pair length+ concatenate concatenate! reverse! append!
    append-reverse append-reverse! zip unzip1 unzip2 unzip3 unzip4 unzip5 count fold fold-right pair-fold
    pair-fold-right reduce reduce-right unfold unfold-right append-map append-map! map! map-in-order pair-for-each
    filter-map filter partition remove filter! partition! remove! find find-tail any every list-index take-while
    drop-while take-while! span break span! break! delete delete-duplicates delete! delete-duplicates! alist-cons
    alist-copy alist-delete alist-delete! lset<= lset= lset-adjoin lset-union lset-union! lset-intersection
    lset-intersection! lset-difference lset-difference! lset-xor lset-xor! lset-diff+intersection
    lset-diff+intersection! append assq assv caaaar caaadr caaar caadar caaddr caadr caar cadaar cadadr cadar
    caddar cadddr caddr cadr car cdaaar cdaadr cdaar cdadar cdaddr cdadr cdar cddaar cddadr cddar cdddar cddddr
    cdddr cddr cdr cons length list list-copy list-ref make-list memq memv null? pair? reverse set-car! set-cdr!
    map for-each member assoc)
  (import (islet core) (islet list)))
