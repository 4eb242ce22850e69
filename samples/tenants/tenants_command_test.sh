#!/bin/sh
# The command line: the table, the JSON object, with and without a hostile tenant, and arguments that make no sense.
set -eu
tenants=$1
out=$TEST_TMPDIR/out

# expect PATTERN: a line of the output that fits.
expect() {
  grep -qE -- "$1" "$out" || { echo "no '$1' in: $(cat "$out")"; exit 1; }
}

# refuse TEXT ARGUMENT...: must end with status 2, and say so.
refuse() {
  text=$1
  shift
  status=0
  "$tenants" "$@" >"$out" 2>&1 </dev/null || status=$?
  [ "$status" -eq 2 ] || { echo "$*: status $status: $(cat "$out")"; exit 1; }
  expect "$text"
}

"$tenants" --tenants=3 --threads=2 --requests=50 >"$out"
expect '^tenant-2 +50 +0 +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+$'
expect '^all +150 +0 '
expect '^[0-9]+ requests a second on 2 threads; [0-9]+ KiB of private memory, [0-9]+ KiB of page tables$'

"$tenants" --tenants=2 --requests=40 --hostile >"$out"
expect '^all, without +80 +0 '
expect '^beside the hostile tenant, p99 is [0-9.]+ times what it is without$'
expect '^  mutate: done +[0-9]+ times$'

"$tenants" --tenants=2 --requests=40 --hostile --json >"$out"
for key in tenants threads requests_per_second private_kib page_table_kib p50_us p99_us p999_us max_us p99_ratio; do
  expect "\"$key\": [0-9]"
done
expect '"wrong": 0,'
expect '"tenant-1": \{'

refuse '--tenants takes 1 to 1000' --tenants=0
refuse '--threads 1 to 256' --threads=257
refuse '--requests 1 to 10000000' --requests=-1
refuse 'takes options only, not "extra"' extra

# Abseil's own: an unknown option, and a number that is none.
if "$tenants" --no-such-option=1 >"$out" 2>&1 </dev/null; then echo "--no-such-option was taken"; exit 1; fi
expect 'no-such-option'
if "$tenants" --tenants=many >"$out" 2>&1 </dev/null; then echo "--tenants=many was taken"; exit 1; fi
expect "'many'.*'tenants'"
