;; (srfi 130): strings by cursors. A cursor is an index.
(define-library (srfi 130)
  (export
    string-cursor? string-cursor-start string-cursor-end string-cursor-next string-cursor-prev string-cursor-forward
    string-cursor-back string-cursor=? string-cursor<? string-cursor>? string-cursor<=? string-cursor>=?
    string-cursor-diff string-cursor->index string-index->cursor string-null? string-every string-any string-tabulate
    string-unfold string-unfold-right string->list/cursors string->vector/cursors reverse-list->string string-join
    string-ref/cursor substring/cursors string-copy/cursors string-take string-take-right string-drop
    string-drop-right string-pad string-pad-right string-trim string-trim-right string-trim-both string-prefix-length
    string-suffix-length string-prefix? string-suffix? string-index string-index-right string-skip string-skip-right
    string-contains string-contains-right string-reverse string-concatenate string-concatenate-reverse string-fold
    string-fold-right string-for-each-cursor string-replicate string-count string-replace string-split string-filter
    string-remove)
  (import
    (except (islet core)
            string-pad string-pad-right string-trim string-trim-right string-trim-both string-replace string-prefix?
            string-suffix? string-index string-index-right string-contains)
    (islet argument)
    (except (islet string) string-index string-index-right string-skip string-skip-right)
    (prefix (only (islet string) string-index string-index-right string-skip string-skip-right) index:))
  (begin

    ;; ---- Cursors

    (define (string-cursor? object) (and (exact-integer? object) (>= object 0)))

    (define (string-cursor-start s)
      (check-string 'string-cursor-start 1 s)
      0)

    (define (string-cursor-end s) (checked-string-length 'string-cursor-end 1 s))

    ;; An index from 0 to the string's length.
    (define (check-cursor who s cursor)
      (check-index who 2 cursor (+ 1 (checked-string-length who 1 s))))

    (define (string-cursor-next s cursor)
      (check-index 'string-cursor-next 2 cursor (checked-string-length 'string-cursor-next 1 s))
      (+ cursor 1))

    (define (string-cursor-prev s cursor)
      (check-cursor 'string-cursor-prev s cursor)
      (if (= cursor 0) (out-of-range 'string-cursor-prev 2 "is at the string's start" cursor))
      (- cursor 1))

    (define (string-cursor-forward s cursor n)
      (check-cursor 'string-cursor-forward s cursor)
      (check-count 'string-cursor-forward 3 n)
      (if (> n (- (string-length s) cursor)) (out-of-range 'string-cursor-forward 3 "leads beyond the string's end" n))
      (+ cursor n))

    (define (string-cursor-back s cursor n)
      (check-cursor 'string-cursor-back s cursor)
      (check-count 'string-cursor-back 3 n)
      (if (> n cursor) (out-of-range 'string-cursor-back 3 "leads beyond the string's start" n))
      (- cursor n))

    (define-syntax define-comparisons
      (syntax-rules ()
        ((_ (name holds?) ...)
         (begin
           (define (name a b)
             (check-count 'name 1 a)
             (check-count 'name 2 b)
             (holds? a b))
           ...))))
    (define-comparisons
      (string-cursor=? =) (string-cursor<? <) (string-cursor>? >) (string-cursor<=? <=) (string-cursor>=? >=))

    (define (string-cursor-diff s start end)
      (check-range 'string-cursor-diff 2 start end (checked-string-length 'string-cursor-diff 1 s))
      (- end start))

    (define (string-cursor->index s cursor)
      (check-cursor 'string-cursor->index s cursor)
      cursor)

    (define (string-index->cursor s index)
      (check-cursor 'string-index->cursor s index)
      index)

    ;; ---- What R7RS does with indices

    (define (string-ref/cursor s cursor)
      (check-index 'string-ref/cursor 2 cursor (checked-string-length 'string-ref/cursor 1 s))
      (string-ref s cursor))

    (define (substring/cursors s start end)
      (check-range 'substring/cursors 2 start end (checked-string-length 'substring/cursors 1 s))
      (substring s start end))

    (define-ranged checked-string-length (string-copy/cursors s) (s 1) (start end 2)
      (substring s start end))

    (define-ranged checked-string-length (string->list/cursors s) (s 1) (start end 2)
      (string->list s start end))

    (define-ranged checked-string-length (string->vector/cursors s) (s 1) (start end 2)
      (string->vector s start end))

    (define-ranged checked-string-length (string-for-each-cursor f s) (s 2) (start end 3)
      (check-procedure 'string-for-each-cursor 1 f)
      (string-for-each-index f s start end))

    ;; ---- Searching. From the left, what is not found is at the end; from the right, the cursor is the one behind what is
    ;; found, or the start.

    (define-ranged checked-string-length (string-index s in?) (s 1) (start end 3)
      (or (index:string-index s in? start end) end))

    (define-ranged checked-string-length (string-skip s in?) (s 1) (start end 3)
      (or (index:string-skip s in? start end) end))

    (define (behind i start) (if i (+ i 1) start))

    (define-ranged checked-string-length (string-index-right s in?) (s 1) (start end 3)
      (behind (index:string-index-right s in? start end) start))

    (define-ranged checked-string-length (string-skip-right s in?) (s 1) (start end 3)
      (behind (index:string-skip-right s in? start end) start))))
