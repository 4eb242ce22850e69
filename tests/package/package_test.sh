#!/usr/bin/env bash
# package_test.sh TARBALL: unpacks the package into an empty folder, away from the sources, and builds and runs the hosts beside
# this script on it, as a stranger would: by make and pkg-config, and by CMake. With no TARBALL, what is installed in /usr is
# tried.
set -euo pipefail
hosts=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
tarball=${1:+$(realpath "$1")}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
unset CPATH LIBRARY_PATH LD_LIBRARY_PATH PKG_CONFIG_PATH CMAKE_PREFIX_PATH
export CC=${CC:-gcc-12} CXX=${CXX:-g++-12}

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# answers TEXT COMMAND...: the command prints the text.
answers() {
  local answer
  answer=$("${@:2}") || fail "exit status $?: ${*:2}"
  [[ $answer == "$1" ]] || fail "${*:2}: '$answer' instead of '$1'"
}

# copy FOLDER: puts the hosts into it.
copy() {
  mkdir -p "$1"
  cp -rL "$hosts"/{CMakeLists.txt,Makefile,host.c,host.cc,lib,startup.lisp} "$1/"
  chmod -R u+w "$1"
}
# As a library that startup.lisp imports changes.
change() { sed -i 's/(if (odd? answer) 3 1)/(if (odd? answer) 30 10)/' "$1/lib/score/rules.sld"; }

islet=/usr
if [[ -n $tarball ]]; then
  tar xzf "$tarball"
  islet=$(echo "$scratch"/islet-*)
  export PKG_CONFIG_PATH=$islet/lib/pkgconfig
fi
[[ -e $islet/include/islet/islet.h ]] || fail "no package in $islet"

echo "--- make"
copy make
make -C make --no-print-directory ISLET="$islet"
answers "score: 7" make/shared
answers "score: 7" make/static
make -C make --no-print-directory --question ISLET="$islet" || fail "make finds something to do once all is made"
change make
make -C make --no-print-directory ISLET="$islet"
answers "score: 70" make/shared

echo "--- pkg-config"
copy pkg
"$islet/bin/snapshot_gen" --emit=obj -o pkg/startup.snap -L pkg/lib pkg/startup.lisp
# shellcheck disable=SC2046 # each option is an argument
"$CC" -o pkg/host pkg/host.c pkg/startup.o $(pkg-config --cflags --libs islet)
answers "score: 7" env LD_LIBRARY_PATH="$(pkg-config --variable=libdir islet)" pkg/host
[[ $(pkg-config --modversion islet) == 1.* ]] || fail "pkg-config says that Islet's version is $(pkg-config --modversion islet)"

echo "--- CMake" # in a folder whose name has a space, as strangers' have
copy "CMake host"
cmake -S "CMake host" -B build -D CMAKE_PREFIX_PATH="$islet" >log 2>&1 || { cat log; fail "cmake"; }
cmake --build build >log 2>&1 || { cat log; fail "cmake --build"; }
for host in shared_host static_host abseil_host; do answers "score: 7" "build/$host"; done
change "CMake host"
cmake --build build >log 2>&1 || { cat log; fail "cmake --build, again"; }
for host in shared_host static_host abseil_host; do answers "score: 70" "build/$host"; done
cmake --build build >log 2>&1
if grep Freezing log; then fail "a snapshot is made anew, though nothing has changed"; fi

echo "--- what is exported"
nm -D --defined-only "$(pkg-config --variable=libdir islet)"/libislet.so | awk '{ print $3 }' >exported
if grep -v '^islet_.*@@ISLET_1\.[0-9]*$' exported | grep -v '^ISLET_1\.[0-9]*$'; then fail "these are not Islet's"; fi
grep -q '^islet_call@@ISLET_1.0$' exported || fail "islet_call is not exported"

echo "--- documents"
for tool in islet snapshot_gen; do
  [[ $("$islet/bin/$tool" --version) == "$tool $(pkg-config --modversion islet)"* ]] || fail "$tool --version"
done
if [[ -n $tarball ]]; then
  for page in "$islet"/share/man/man*/*; do [[ $(wc -l <"$page") -gt 20 ]] || fail "$page is short"; done
fi
echo "passed"
