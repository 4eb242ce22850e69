#!/bin/sh
# The public headers, each by itself, in each language that they promise, with the warnings that a careful host turns on.
# languages_test.sh HEADER
set -eu
include=$(dirname "$(dirname "$1")")
header=h
tried=0
compile() { # COMPILER LANGUAGE STANDARD WARNING...
  compiler=$1 language=$2 standard=$3
  shift 3
  command -v "$compiler" >/dev/null || return 0
  tried=$((tried + 1))
  echo "#include \"islet/islet.$header\"" >"$TEST_TMPDIR/includes"
  "$compiler" -x "$language" -std="$standard" -pedantic -Wall -Wextra -Werror "$@" -I"$include" -fsyntax-only \
    "$TEST_TMPDIR/includes" || { echo "$compiler -std=$standard does not take the header"; exit 1; }
}
for c in clang clang-19 gcc; do
  compile $c c c99 -Wstrict-prototypes -Wmissing-prototypes -Wc++-compat
  compile $c c c11
  compile $c c c17
done
for cxx in clang++ clang++-19 g++; do
  for standard in c++11 c++14 c++17 c++20; do
    compile $cxx c++ $standard -Wold-style-cast -Wshadow
  done
done
header=hpp
for cxx in clang++ clang++-19 g++; do
  for standard in c++17 c++20; do
    compile $cxx c++ $standard -Wold-style-cast -Wshadow
    compile $cxx c++ $standard -fno-exceptions
  done
done
[ $tried -ge 11 ] || { echo "there is no compiler"; exit 1; }
