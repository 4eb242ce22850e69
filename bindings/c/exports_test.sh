#!/bin/sh
# Whatever the interface's objects make visible is named islet_*, and the header's functions are there.
set -eu
readelf -sW "$@" | awk '$5 == "GLOBAL" && $6 == "DEFAULT" && $7 != "UND" && $7 != "COM" {print $8}' |
  sort -u >"$TEST_TMPDIR/symbols"
if grep -v '^islet_' "$TEST_TMPDIR/symbols"; then
  echo "visible, but not islet_*"
  exit 1
fi
for name in islet_snapshot_open_embedded islet_isolate_new islet_enter islet_call islet_get_items islet_interrupt \
  islet_isolate_fork islet_pool_new islet_pool_get islet_pool_procedure islet_pool_trim islet_set_limits islet_get_stats islet_collect_garbage \
  islet_stack_announce; do
  grep -qx "$name" "$TEST_TMPDIR/symbols" || { echo "missing: $name"; exit 1; }
done
