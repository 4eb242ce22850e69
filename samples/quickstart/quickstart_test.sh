#!/bin/sh
# The program greets in two languages, each time from an isolate that has not been visited before.
set -eu
"$1" >"$TEST_TMPDIR/out"
printf 'Hello, Ada! Visit 1.\nこんにちは, Grace! Visit 1.\n' >"$TEST_TMPDIR/expected"
cmp "$TEST_TMPDIR/expected" "$TEST_TMPDIR/out"
