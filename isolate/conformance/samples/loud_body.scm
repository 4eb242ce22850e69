;; Read without regard to case: what is not in strings or between bars is folded.
(DEFINE (Shout TEXT) (String-Upcase (String-Append TEXT "!")))
(DEFINE QUIET (QUOTE (Folded |Kept| "Kept" #\A)))
