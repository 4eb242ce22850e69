;; (srfi 111): boxes.
(define-library (srfi 111)
  (export box box? unbox set-box!)
  (import (islet core))
  (begin
    (define-record-type <box>
      (box value)
      box?
      (value unbox set-box!))))
