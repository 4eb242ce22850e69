#!/usr/bin/env bash
# lisp_bench: every program gives the right result at its quick size; wrong results and wrong usage are told apart.
#   lisp_bench_test.sh LISP_BENCH PROGRAM LANGUAGE_PY    (PROGRAM: one of the programs)
set -uo pipefail

bench=$1
programs=$(dirname -- "$2")
language=$3
work=$TEST_TMPDIR
failures=0

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}

# expect STATUS TEXT ARGUMENT...: runs lisp_bench; it must end with STATUS and say TEXT.
expect() {
  local status=$1 text=$2 output actual=0
  shift 2
  output=$("$bench" "$@" 2>&1) || actual=$?
  ((actual == status)) || fail "lisp_bench $*: status $actual, not $status: $output"
  [[ $output == *"$text"* ]] || fail "lisp_bench $*: does not say '$text': $output"
}

# program NAME BODY: a program whose result should be 42.
program() {
  printf '%s\n' "(define quick-size 6) (define quick-result 42) (define full-size 6) (define full-result 42)" \
    "(define (run size) $2)" > "$work/programs/$1.lisp"
}

if ! "$bench" --quick --programs="$programs" --json="$work/quick.json"; then
  fail "some programs do not give the right result"
fi
for file in "$programs"/*.lisp; do
  name=$(basename -- "$file" .lisp)
  grep -q "\"program\": \"$name\"" "$work/quick.json" || fail "$name is not among the figures"
  grep -q "\"$name\"" "$language" || fail "$name is in no group of language.py"
done

mkdir -p "$work/programs" "$work/empty"
program right '(* 7 size)'
program wrong '(* 8 size)'
program failing '(car size)'
printf '(define (run size) 1)\n' > "$work/programs/bare.lisp"
printf '(define (run size) (\n' > "$work/programs/broken.lisp"

expect 0 'right' --programs="$work/programs" --repetitions=2 right
expect 1 'wrong.lisp: wrong result 48; expected 42' --programs="$work/programs" wrong
expect 1 'car' --programs="$work/programs" failing
expect 1 'quick-size' --programs="$work/programs" --quick bare
expect 1 'broken.lisp:1:' --programs="$work/programs" broken
# The others are run all the same.
expect 1 'right ' --programs="$work/programs" wrong right
expect 1 'cannot write' --programs="$work/programs" --json=/nonexistent/file right
expect 2 'no program named nope' --programs="$work/programs" nope
expect 2 'no programs' --programs="$work/empty"
expect 2 'cannot list the programs in /nonexistent' --programs=/nonexistent
expect 2 '--repetitions must be' --programs="$work/programs" --repetitions=0 right

((failures == 0))
