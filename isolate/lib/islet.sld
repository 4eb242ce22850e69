;; (islet): what programs without imports see. Every standard library's names, and what working programs need
;; beyond R7RS-small, under its SRFI name wherever there is one.
(define-library (islet)
  (export
    ;; (scheme base)
    * + - ... / < <= = => > >= _ abs and append apply assoc assq assv begin binary-port? boolean=? boolean?
    bytevector bytevector-append bytevector-copy bytevector-copy! bytevector-length bytevector-u8-ref
    bytevector-u8-set! bytevector? caar cadr call-with-current-continuation call-with-port call-with-values
    call/cc car case cdar cddr cdr ceiling char->integer char-ready? char<=? char<? char=? char>=? char>? char?
    close-input-port close-output-port close-port complex? cond cond-expand cons current-error-port
    current-input-port current-output-port define define-record-type define-syntax define-values denominator do
    dynamic-wind else eof-object eof-object? eq? equal? eqv? error error-object-irritants error-object-message
    error-object? even? exact exact-integer-sqrt exact-integer? exact? expt features file-error? floor
    floor-quotient floor-remainder floor/ flush-output-port for-each gcd get-output-bytevector get-output-string
    guard if include include-ci inexact inexact? input-port-open? input-port? integer->char integer? lambda lcm
    length let let* let*-values let-syntax let-values letrec letrec* letrec-syntax list list->string
    list->vector list-copy list-ref list-set! list-tail list? make-bytevector make-list make-parameter
    make-string make-vector map max member memq memv min modulo negative? newline not null? number->string
    number? numerator odd? open-input-bytevector open-input-string open-output-bytevector open-output-string or
    output-port-open? output-port? pair? parameterize peek-char peek-u8 port? positive? procedure? quasiquote
    quote quotient raise raise-continuable rational? rationalize read-bytevector read-bytevector! read-char
    read-error? read-line read-string read-u8 real? remainder reverse round set! set-car! set-cdr! square string
    string->list string->number string->symbol string->utf8 string->vector string-append string-copy
    string-copy! string-fill! string-for-each string-length string-map string-ref string-set! string<=? string<?
    string=? string>=? string>? string? substring symbol->string symbol=? symbol? syntax-error syntax-rules
    textual-port? truncate truncate-quotient truncate-remainder truncate/ u8-ready? unless unquote
    unquote-splicing utf8->string values vector vector->list vector->string vector-append vector-copy
    vector-copy! vector-fill! vector-for-each vector-length vector-map vector-ref vector-set! vector? when
    with-exception-handler write-bytevector write-char write-string write-u8 zero?
    ;; The rest of R7RS-small
    case-lambda char-alphabetic? char-ci<=? char-ci<? char-ci=? char-ci>=? char-ci>? char-downcase char-foldcase
    char-lower-case? char-numeric? char-upcase char-upper-case? char-whitespace? digit-value string-ci<=?
    string-ci<? string-ci=? string-ci>=? string-ci>? string-downcase string-foldcase string-upcase caaaar caaadr
    caaar caadar caaddr caadr cadaar cadadr cadar caddar cadddr caddr cdaaar cdaadr cdaar cdadar cdaddr cdadr
    cddaar cddadr cddar cdddar cddddr cdddr environment eval call-with-input-file call-with-output-file
    delete-file file-exists? open-binary-input-file open-binary-output-file open-input-file open-output-file
    with-input-from-file with-output-to-file acos asin atan cos exp finite? infinite? log nan? sin sqrt tan
    delay delay-force force make-promise promise? load command-line emergency-exit exit get-environment-variable
    get-environment-variables read interaction-environment current-jiffy current-second jiffies-per-second
    display write write-shared write-simple exact->inexact inexact->exact angle imag-part magnitude make-polar
    make-rectangular real-part scheme-report-environment null-environment
    ;; SRFI 1: lists
    xcons cons* list-tabulate circular-list iota proper-list? circular-list? dotted-list? not-pair? null-list?
    list= first second third fourth fifth sixth seventh eighth ninth tenth car+cdr take drop take-right
    drop-right take! drop-right! split-at split-at! last last-pair length+ concatenate concatenate! reverse!
    append! append-reverse append-reverse! zip unzip1 unzip2 unzip3 unzip4 unzip5 count fold fold-right
    pair-fold pair-fold-right reduce reduce-right unfold unfold-right append-map append-map! map! map-in-order
    pair-for-each filter-map filter partition remove filter! partition! remove! find find-tail any every
    list-index take-while drop-while take-while! span break span! break! delete delete-duplicates delete!
    delete-duplicates! alist-cons alist-copy alist-delete alist-delete! lset<= lset= lset-adjoin lset-union
    lset-union! lset-intersection lset-intersection! lset-difference lset-difference! lset-xor lset-xor!
    lset-diff+intersection lset-diff+intersection! fold-left
    ;; SRFI 8: receive
    receive
    ;; SRFI 69 and SRFI 125: hash tables
    make-hash-table hash-table? alist->hash-table hash-table-equivalence-function hash-table-hash-function
    hash-table-ref hash-table-ref/default hash-table-set! hash-table-delete! hash-table-exists?
    hash-table-update! hash-table-update!/default hash-table-size hash-table-keys hash-table-values
    hash-table-walk hash-table-fold hash-table->alist hash-table-copy hash-table-merge! hash string-hash
    string-ci-hash hash-by-identity hash-table-contains? hash-table-count hash-table-for-each hash-table-clear!
    hash-table-intern! hash-table-empty? hash-table hash-table-unfold hash-table=? hash-table-mutable?
    hash-table-pop! hash-table-entries hash-table-find hash-table-map hash-table-map! hash-table-map->list
    hash-table-prune! hash-table-empty-copy hash-table-union! hash-table-intersection! hash-table-difference!
    hash-table-xor!
    ;; SRFI 132: sorting
    sort sort! list-sort list-stable-sort list-sort! list-stable-sort! vector-sort vector-stable-sort
    vector-sort! vector-stable-sort! list-sorted? vector-sorted? list-merge list-merge! vector-merge
    vector-merge! list-delete-neighbor-dups list-delete-neighbor-dups! vector-delete-neighbor-dups
    vector-delete-neighbor-dups! vector-find-median vector-find-median! vector-select! vector-separate!
    ;; SRFI 133: vectors
    vector-unfold vector-unfold-right vector-reverse-copy vector-concatenate vector-append-subvectors vector-empty?
    vector= vector-fold vector-fold-right vector-map! vector-count vector-cumulate vector-index vector-index-right
    vector-skip vector-skip-right vector-binary-search vector-any vector-every vector-partition vector-swap!
    vector-reverse! vector-reverse-copy! vector-unfold! vector-unfold-right! reverse-vector->list
    reverse-list->vector
    ;; Numbers
    exact-rational?
    ;; SRFI 151: the bits of exact integers
    bitwise-not bitwise-and bitwise-ior bitwise-xor bitwise-eqv bitwise-nand bitwise-nor bitwise-andc1 bitwise-andc2
    bitwise-orc1 bitwise-orc2 arithmetic-shift bit-count integer-length bitwise-if bit-set? copy-bit bit-swap
    any-bit-set? every-bit-set? first-set-bit bit-field bits->list list->bits
    ;; Ports
    call-with-output-string call-with-input-string with-output-to-string with-input-from-string
    ;; Macros
    assert er-macro-transformer identifier? identifier->symbol
    ;; SRFI 152 and SRFI 13: strings
    string-null? string-every string-any string-tabulate string-unfold string-unfold-right reverse-list->string
    string-take string-take-right string-drop string-drop-right string-pad string-pad-right string-trim
    string-trim-right string-trim-both string-replace string-prefix-length string-suffix-length string-prefix?
    string-suffix? string-index string-index-right string-skip string-skip-right string-contains
    string-contains-right string-take-while string-take-while-right string-drop-while string-drop-while-right
    string-span string-break string-concatenate string-concatenate-reverse string-join string-fold
    string-fold-right string-count string-filter string-remove string-replicate string-segment string-split
    string-reverse string-search-forward string-search-backward
    ;; SRFI 2, SRFI 26, SRFI 111: and-let*, cut and cute, boxes
    and-let* cut cute box box? unbox set-box!
    ;; Vectors, bytevectors, symbols
    subvector bytevector-fill! symbol-append symbol<? generate-uninterned-symbol
    ;; The host and the snapshot
    host-function host-predicate on-restore runtime-version condition-kind condition-code raise-host
    ;; The rest
    void procedure-name)
  (import (scheme base) (scheme case-lambda) (scheme char) (scheme complex) (scheme cxr) (scheme eval) (scheme file)
          (scheme inexact) (scheme lazy) (scheme load) (scheme process-context) (scheme read) (scheme repl)
          (scheme time) (scheme write)
          (srfi 1) (srfi 2) (srfi 8) (srfi 26) (srfi 69) (srfi 111) (srfi 132)
          (islet eval) (islet hash-table) (islet list) (islet port) (islet sequence) (islet sort) (islet string)
          (islet vector)
          (only (islet core)
                bitwise-not bitwise-and bitwise-ior bitwise-xor bitwise-eqv bitwise-nand bitwise-nor
                bitwise-andc1 bitwise-andc2 bitwise-orc1 bitwise-orc2 arithmetic-shift bit-count
                integer-length bitwise-if bit-set? copy-bit bit-swap any-bit-set? every-bit-set? first-set-bit
                bit-field bits->list list->bits exact-rational?
                assert er-macro-transformer identifier? identifier->symbol exact->inexact inexact->exact string-null?
                string-reverse string-search-forward string-search-backward string-split string-join
                string-concatenate string-take string-drop string-take-right string-drop-right subvector
                bytevector-fill! symbol-append symbol<? generate-uninterned-symbol host-function host-predicate on-restore runtime-version
                condition-kind condition-code raise-host void procedure-name)))
