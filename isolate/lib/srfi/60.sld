;; (srfi 60): integers as bits, under the names of SLIB and those of SRFI 33.
(define-library (srfi 60)
  (export
    (rename bitwise-and logand) bitwise-and
    (rename bitwise-ior logior) bitwise-ior
    (rename bitwise-xor logxor) bitwise-xor
    (rename bitwise-not lognot) bitwise-not
    bitwise-if (rename bitwise-if bitwise-merge)
    (rename any-bit-set? logtest) (rename any-bit-set? any-bits-set?)
    (rename bit-count logcount) bit-count
    integer-length
    (rename first-set-bit log2-binary-factors) first-set-bit
    (rename bit-set? logbit?) bit-set?
    copy-bit bit-field
    (rename bit-field-replace copy-bit-field)
    (rename arithmetic-shift ash) arithmetic-shift
    (rename bit-field-rotate rotate-bit-field)
    (rename bit-field-reverse reverse-bit-field)
    integer->list list->integer booleans->integer)
  (import (islet core) (islet bits)))
