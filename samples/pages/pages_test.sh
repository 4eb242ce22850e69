#!/bin/sh
# Each request logs and answers as if it were the first; no name leads out of the directory, and the error says so.
set -eu
pages=$1
mkdir "$TEST_TMPDIR/site"
printf 'One.\n' >"$TEST_TMPDIR/site/one"
printf 'Two.\n' >"$TEST_TMPDIR/site/two"
printf 'Not for pages.\n' >"$TEST_TMPDIR/secret"

"$pages" "$TEST_TMPDIR/site" one two >"$TEST_TMPDIR/out"
printf 'log: started\nlog: page one\nOne.\nlog: started\nlog: page two\nTwo.\n' | cmp - "$TEST_TMPDIR/out"

if "$pages" "$TEST_TMPDIR/site" ../secret >"$TEST_TMPDIR/out" 2>"$TEST_TMPDIR/err"; then
  echo "../secret was served: $(cat "$TEST_TMPDIR/out")"
  exit 1
fi
grep -q 'pages: open-input-file: .*\.\./secret' "$TEST_TMPDIR/err" || { cat "$TEST_TMPDIR/err"; exit 1; }
