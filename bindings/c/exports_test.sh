#!/bin/sh
# What the interface's objects make visible is what the header declares.
# exports_test.sh HEADER OBJECT...
set -eu
header=$1
shift
readelf -sW "$@" | awk '$5 == "GLOBAL" && $6 == "DEFAULT" && $7 != "UND" && $7 != "COM" {print $8}' |
  sort -u >"$TEST_TMPDIR/visible"
tr '\n' ' ' <"$header" | grep -oE 'ISLET_API [^;(]*\(' | grep -oE 'islet_[a-z_]+\($' | tr -d '(' |
  sort -u >"$TEST_TMPDIR/declared"
[ "$(wc -l <"$TEST_TMPDIR/declared")" -gt 100 ] || { echo "the header's functions have not been found"; exit 1; }
if ! diff "$TEST_TMPDIR/declared" "$TEST_TMPDIR/visible"; then
  echo "<: declared, but not visible; >: visible, but not declared"
  exit 1
fi
