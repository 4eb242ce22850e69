;; Declarations of the library (samples loud).
(export shout (rename whispered whisper) chosen)
(import (scheme base) (scheme char))
(include-ci "loud_body.scm")
(begin
  (define whispered (list quiet (quote MiXed))))
