#!/usr/bin/env bash
# collector_bench and `run_peers.sh --collector`: every program gives the right result at its quick size, and is run at
# each of its sizes; wrong results of other systems, and wrong usage, are told.
#   collector_bench_test.sh COLLECTOR_BENCH PROGRAM COLLECTOR_PY    (PROGRAM: one of the programs)
set -uo pipefail

bench=$1
folder=$(dirname -- "$(dirname -- "$2")")
compare=$3
work=$TEST_TMPDIR
failures=0

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}

# expect STATUS TEXT COMMAND...: runs it; it must end with STATUS and say TEXT.
expect() {
  local status=$1 text=$2 output actual=0
  shift 2
  output=$("$@" 2>&1) || actual=$?
  ((actual == status)) || fail "$*: status $actual, not $status: $output"
  [[ $output == *"$text"* ]] || fail "$*: does not say '$text': $output"
}

expect 0 'program/mutation/quick' "$bench" --benchmark_filter=quick
expect 0 'program/NAME/SIZE' "$bench" --help
expect 1 'no such benchmark' "$bench" --benchmark_filter=nope
expect 1 'unrecognized' "$bench" --nope

# Each size of each program of the folder is a benchmark, and one of those that are compared.
listed=$("$bench" --benchmark_list_tests)
for file in "$folder"/collector/*.lisp "$folder/lisp/gcbench.lisp"; do
  name=$(basename -- "$file" .lisp)
  grep -q "\"$name\"" "$compare" || fail "$name is not in collector.py"
  sizes=$(sed -n 's/^(define \([a-z]*\)-size .*/\1/p' "$file")
  [[ -n $sizes ]] || fail "$name has no sizes"
  for size in $sizes; do
    [[ $listed == *"program/$name/$size/"* ]] || fail "$name has no benchmark of the size $size"
  done
done

# In the place of other systems, one that calls itself Lua and answers as it is told to.
mkdir -p "$work/bin"
ln -s -- "$(command -v python3)" "$work/bin/python3"
cat > "$work/bin/lua5.4" << 'END'
#!/bin/bash
if [[ $1 == -v ]]; then
  echo 'Lua 5.4.0'
elif [[ $1 == *measure.lua ]]; then
  eval "$LUA_ANSWER"
fi
END
chmod +x "$work/bin/lua5.4"
compared() {
  LUA_ANSWER=$1 PATH=$work/bin "$work/bin/python3" "$compare" --programs="$folder" --islet="$bench" "${@:2}"
}
right='echo "- 5000000"'
expect 0 'Islet             4 right,   0 failed' compared "$right" --quick
expect 0 'Lua 5.4           4 right,   0 failed' compared "$right" --quick
expect 0 'Guile 3.0 is left out' compared "$right" --quick
expect 1 'gives a wrong result: 17' compared 'echo wrong 17' --quick
expect 1 'failed (status 7): no memory' compared 'echo no memory >&2; exit 7' --quick
expect 1 'Lua 5.4           3 right,   1 failed' compared "[[ \$2 == *gcbench* ]] || $right" --quick
expect 2 'no program named nope; there are: trees gcbench' compared "$right" nope
expect 2 "no system named 'gambit'" compared "$right" --systems=gambit
expect 2 '--rounds must be 1 to 100' compared "$right" --rounds=0
expect 2 '--quick measures nothing' compared "$right" --quick --json="$work/quick.json"

# A measurement: its figures, and what is said of a program that is ended at the limit.
expect 0 'gcbench 18' compared "$right" --rounds=2 --json="$work/figures.json" gcbench
expect 0 '' python3 - "$work/figures.json" << 'END'
import json, sys
rows = json.load(open(sys.argv[1]))["rows"]
islet = next(row for row in rows if row["program"] == "gcbench 18" and row["system"] == "islet")
lua = next(row for row in rows if row["program"] == "gcbench 18" and row["system"] == "lua")
assert len(islet["wall_s"]) == len(lua["cpu_s"]) == 2, rows
assert lua["cpu_s"] == [0.005, 0.005] and 0 < lua["times_islet"] < 1, lua
for usage in islet["usage"]:
    assert usage["faults"] > 100 and usage["peak_mib"] > usage["collected_mib"] > 1, usage
for pauses in islet["pauses"]:
    minor = pauses["minor"]
    assert minor["count"] > 10 and 0 < minor["p50_s"] <= minor["p99_s"] <= minor["max_s"] <= minor["sum_s"], minor
END
expect 0 '>1.' compared 'exec /bin/sleep 60' --rounds=1 --limit=1 gcbench

((failures == 0))
