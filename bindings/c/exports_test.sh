#!/bin/sh
# The shared library exports islet_* alone, and all of the header's functions.
set -eu
nm -D --defined-only "$1" | awk '{print $3}' >"$TEST_TMPDIR/symbols"
if grep -v '^islet_' "$TEST_TMPDIR/symbols"; then
  echo "exported, but not islet_*"
  exit 1
fi
for name in islet_snapshot_open_embedded islet_isolate_new islet_enter islet_call islet_get_items islet_interrupt; do
  grep -qx "$name" "$TEST_TMPDIR/symbols" || { echo "not exported: $name"; exit 1; }
done
