#!/usr/bin/env bash
# package_test.sh TARBALL, or package_test.sh DEB...: unpacks the packages into an empty folder, away from the sources, and builds
# and runs the hosts beside this script on it, as a stranger would: by make and pkg-config, and by CMake. Without arguments,
# what is installed in /usr is tried.
set -euo pipefail
hosts=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
packages=()
for package in "$@"; do packages+=("$(realpath "$package")"); done
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
  cp -rL "$hosts"/{CMakeLists.txt,Makefile,host.c,host.cc,host17.cc,lib,startup.lisp} "$1/"
  chmod -R u+w "$1"
}
# As a library that startup.lisp imports changes.
change() { sed -i 's/(if (odd? answer) 3 1)/(if (odd? answer) 30 10)/' "$1/lib/score/rules.sld"; }

islet=/usr
for package in "${packages[@]}"; do
  if [[ $package == *.deb ]]; then
    dpkg-deb --extract "$package" root
    islet=$scratch/root/usr
    dpkg-deb --contents "$package" >contents
  else
    tar xzf "$package"
    islet=$(echo "$scratch"/islet-*)
    tar tvf "$package" >contents
  fi
  # All are root's, and of the release's day: the same on any day, by anyone.
  [[ $(awk '{ print $2, $4 }' contents | sort -u | wc -l) == 1 && $(head -1 contents) == *root/root* ]] ||
    fail "$package has files of several owners or days"
done
library=$(dirname "$(find "$islet"/lib/ "$islet"/lib/*-linux-gnu/ -maxdepth 1 -name libislet.so 2>/dev/null | head -1)")
export PKG_CONFIG_PATH=$library/pkgconfig
[[ -e $islet/include/islet/islet.h ]] || fail "no package in $islet"

echo "--- make"
copy make
export ISLET=$islet ISLET_LIB=$library
make -C make --no-print-directory
answers "score: 7" make/shared
answers "score: 7" make/static
make -C make --no-print-directory --question || fail "make finds something to do once all is made"
change make
make -C make --no-print-directory
answers "score: 70" make/shared

echo "--- pkg-config"
copy pkg
"$islet/bin/snapshot_gen" --emit=obj -o pkg/startup.snap -L pkg/lib pkg/startup.lisp
# shellcheck disable=SC2046 # each option is an argument
"$CC" -o pkg/host pkg/host.c pkg/startup.o $(pkg-config --cflags --libs islet)
answers "score: 7" env LD_LIBRARY_PATH="$library" pkg/host
[[ $(pkg-config --modversion islet) == 1.* ]] || fail "pkg-config says that Islet's version is $(pkg-config --modversion islet)"

echo "--- CMake" # in a folder whose name has a space, as strangers' have
copy "CMake host"
cmake -S "CMake host" -B build -D CMAKE_PREFIX_PATH="$islet" >log 2>&1 || { cat log; fail "cmake"; }
cmake --build build >log 2>&1 || { cat log; fail "cmake --build"; }
for host in shared_host static_host cpp17_host abseil_host; do answers "score: 7" "build/$host"; done
change "CMake host"
cmake --build build >log 2>&1 || { cat log; fail "cmake --build, again"; }
for host in shared_host static_host cpp17_host abseil_host; do answers "score: 70" "build/$host"; done
cmake --build build >log 2>&1
if grep Freezing log; then fail "a snapshot is made anew, though nothing has changed"; fi

# refused TEXT LINE...: CMake does not take these lines, and what it says has the text in it.
refused() {
  mkdir -p misuse
  printf '%s\n' 'cmake_minimum_required(VERSION 3.20)' 'project(misuse LANGUAGES C)' "${@:2}" >misuse/CMakeLists.txt
  ! cmake -S misuse -B misuse/build -D CMAKE_PREFIX_PATH="$islet" >log 2>&1 || fail "CMake takes ${*:2}"
  tr -s ' \n' ' ' <log | grep -qF "$1" || { cat log; fail "CMake does not say '$1'"; }
}
refused 'requested version "2.0"' 'find_package(Islet 2.0 REQUIRED)'
refused 'needs a C++ project' 'find_package(Islet REQUIRED COMPONENTS abseil)'
refused 'frob is not known' 'find_package(Islet REQUIRED COMPONENTS frob)'
target=('find_package(Islet REQUIRED)' 'add_library(host OBJECT host.c)')
refused 'NAME, of letters' "${target[@]}" 'islet_add_snapshot(host SCRIPTS startup.lisp)'
refused 'SCRIPTS are needed' "${target[@]}" 'islet_add_snapshot(host NAME startup)'
refused 'there is no target guest' "${target[@]}" 'islet_add_snapshot(guest NAME startup SCRIPTS startup.lisp)'

echo "--- what is exported"
nm -D --defined-only "$library/libislet.so" | awk '{ print $3 }' >exported
if grep -v '^islet_.*@@ISLET_1\.[0-9]*$' exported | grep -v '^ISLET_1\.[0-9]*$'; then fail "these are not Islet's"; fi
grep -q '^islet_call@@ISLET_1.0$' exported || fail "islet_call is not exported"

echo "--- documents"
for tool in islet snapshot_gen; do
  [[ $("$islet/bin/$tool" --version) == "$tool $(pkg-config --modversion islet)"* ]] || fail "$tool --version"
done
for page in "$islet"/share/man/man1/{snapshot_gen,islet}.1* "$islet"/share/man/man3/islet.3*; do
  [[ $(zcat -f "$page" | wc -l) -gt 20 ]] || fail "$page is short"
done
echo "passed"
