#!/usr/bin/env bash
# abi.sh check|update HEADER LIBRARY DUMP: compares what the C interface is to compiled programs with the dump in the tree, or
# writes that dump anew. A change that breaks programs that were built before needs another major version.
#
# The dump is of a library of empty functions, made from the header: the real one's debugging information is of C++, and full
# of what is not the interface's. The compiler sees to it that the real functions have the header's types; that they are there,
# and nothing else is, is looked at here.
set -euo pipefail
action=$1 header=$(realpath "$2") library=$(realpath "$3") dump=$(realpath "$4")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# Each declaration that begins with ISLET_API becomes a definition; parameters without names are allowed by -std=c2x. The
# value of each enumerator becomes the size of an array, as types are what is compared.
include=$(dirname "$(dirname "$header")")
gcc-12 -fpreprocessed -dD -E -P "$header" | grep -v '^ *#' >declarations
{
  echo "#include <$(basename "$(dirname "$header")")/$(basename "$header")>"
  tr '\n' ' ' <declarations | grep -oE 'ISLET_API [^;{]*;' | sed 's/;$/ { __builtin_trap(); }/'
  grep -oE '\bISLET_[A-Z0-9_]+ = ' declarations | sort -u |
    sed -E 's/(.*) = /ISLET_API void value_of_\1(char (*)[\1 + 2]) {}/'
} >interface.c
gcc-12 -std=c2x -g -fPIC -shared -fvisibility=hidden -I"$include" -o interface.so interface.c
symbols() { nm -D --defined-only "$1" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | grep -v '^value_of_' | sort; }
if ! diff <(symbols interface.so) <(symbols "$library") >difference; then
  echo "FAILED: what the header declares (<) is not what the library exports (>):" && cat difference
  exit 1
fi

abidw --no-corpus-path --no-show-locs --no-comp-dir-path --no-elf-needed interface.so >now.abi
if [[ $action == update ]]; then
  cp now.abi "$dump"
  exit
fi
status=0
abidiff "$dump" now.abi >report || status=$?
if ((status != 0)); then
  cat report
  if grep -qE '[1-9][0-9]* (Removed|Changed)' report; then
    echo "FAILED: programs that were built before may break. If that is meant: another ISLET_VERSION_MAJOR, and"
  else
    echo "FAILED: the interface has grown. If that is meant: another ISLET_VERSION_MINOR, a line in"
    echo "CHANGELOG.md, and"
  fi
  echo "  ./bazelw run //bindings/c:update_abi"
  exit 1
fi
