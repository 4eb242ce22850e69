#!/bin/sh
# The command line: hosts as arguments, hosts on standard input, the JSON object, and arguments that make no sense.
set -eu
domains=$1
out=$TEST_TMPDIR/out

"$domains" www.example.co.uk com >"$out"
printf 'www.example.co.uk\texample.co.uk\ncom\t-\n' | cmp - "$out"

printf 'a.b.example.com\n\nwww.ck\n' | "$domains" >"$out"
printf 'a.b.example.com\texample.com\nwww.ck\twww.ck\n' | cmp - "$out"

"$domains" --json --isolates=500 --threads=2 >"$out"
for key in isolates threads snapshot_bytes cold_us_p50 cold_us_p99 call_us_p50 private_kib_per_isolate \
    page_table_kib_per_isolate startup_us; do
  grep -q "\"$key\": [0-9]" "$out" || { echo "no $key in: $(cat "$out")"; exit 1; }
done

if "$domains" --isolates=0 </dev/null >"$out" 2>&1; then echo "--isolates=0 was taken"; exit 1; fi
grep -q -- "--isolates takes 1 to 1000000" "$out"

# The program's file is replaced, as by an update, while it runs: isolates go on mapping the file that it was started from.
copy=$TEST_TMPDIR/domains_copy
cp "$domains" "$copy"
mkfifo "$TEST_TMPDIR/hosts"
"$copy" <"$TEST_TMPDIR/hosts" >"$out" &
pid=$!
exec 3>"$TEST_TMPDIR/hosts"
until readlink "/proc/$pid/exe" | grep -q domains_copy; do sleep 0.01; done
head -c 4000000 /dev/zero >"$copy.new"
mv "$copy.new" "$copy"
echo a.b.example.com >&3
exec 3>&-
wait "$pid"
printf 'a.b.example.com\texample.com\n' | cmp - "$out"
