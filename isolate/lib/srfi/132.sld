;; (srfi 132): sorting.
(define-library (srfi 132)
  (export
    list-sorted? vector-sorted? list-sort list-stable-sort list-sort! list-stable-sort! vector-sort
    vector-stable-sort vector-sort! vector-stable-sort! list-merge list-merge! vector-merge
    list-delete-neighbor-dups)
  (import (islet sort)))
