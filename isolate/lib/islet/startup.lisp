;; Evaluated to build the standard snapshot: puts every standard library into the image.
(import (islet)
        (only (scheme base)) (only (scheme case-lambda)) (only (scheme char)) (only (scheme cxr))
        (only (scheme eval)) (only (scheme file)) (only (scheme inexact)) (only (scheme lazy)) (only (scheme load))
        (only (scheme process-context)) (only (scheme r5rs)) (only (scheme read)) (only (scheme repl)) (only (scheme time))
        (only (scheme write))
        (only (srfi 1)) (only (srfi 2)) (only (srfi 6)) (only (srfi 8)) (only (srfi 9)) (only (srfi 11))
        (only (srfi 13)) (only (srfi 14)) (only (srfi 16)) (only (srfi 23)) (only (srfi 26)) (only (srfi 27)) (only (srfi 34))
        (only (srfi 39)) (only (srfi 41)) (only (srfi 64)) (only (srfi 69)) (only (srfi 111)) (only (srfi 115)) (only (srfi 125)) (only (srfi 128)) (only (srfi 132)) (only (srfi 133)) (only (srfi 152)) (only (srfi 158)) (only (srfi 180)))
