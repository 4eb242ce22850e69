#!/usr/bin/env bash
# Measures Islet beside other systems, in one run: isolates beside V8's and Lua's, or programs, or what collectors take,
# beside other Schemes' and Lua's. See usage.
set -euo pipefail

usage() {
  cat <<'END'
Usage: bench/run_peers.sh [--json FILE] [--v8-flag FLAG]... [--no-islet]
       bench/run_peers.sh --language [--json FILE] [--plot FILE] [--rounds N]
                          [--limit SECONDS] [--systems NAME,...] [--cpu-time]
                          [--quick] [--no-islet] [PROGRAM...]
       bench/run_peers.sh --collector [--json FILE] [--rounds N]
                          [--limit SECONDS] [--systems NAME,...] [--cpu-time]
                          [--quick] [--no-islet] [PROGRAM...]

Measures a cold isolate (create, first call, dispose), one that is not called,
a recycled one, a warm call and memory, with startup scripts that make 10, 1,000 and 20,000
records (bench/peers/records.*), on Islet, V8 and Lua; and the start of a
process. Prints one table with the ratios and whether each target is reached.

  --json FILE     also write all figures, ratios and targets to FILE
  --v8-flag FLAG  pass a flag to V8, e.g. --v8-flag --no-verify-snapshot-checksum
  --no-islet      measure the peers only; build nothing with Bazel
  --help          print this

V8 comes from Debian's libnode108 and libnode-dev, Lua from liblua5.4-dev. What
is not installed is downloaded by `apt-get download` and unpacked, without root,
into ${XDG_CACHE_HOME:-$HOME/.cache}/islet-peers. A peer that cannot be had is
left out, with a message. CXX and CC choose the compilers of the peers.

With --language, runs the programs of bench/lisp (all, or those named) on Islet,
Guile, Chez Scheme, Gambit's and Chicken's interpreters, and those that have a
translation on Lua and LuaJIT's interpreter. Every result is checked.

  --plot FILE     also draw the ratios, as an SVG, with gnuplot
  --rounds N      interleaved rounds of all programs, 1 to 100; 3 by default
  --limit SECONDS end a process that takes longer for a program; 60 by default
  --systems LIST  peers to measure: lua, luajit, guile, chez, gambit, chicken
  --cpu-time      compare processor time, for a machine that has other work too
  --quick         only check that all programs give the right results, at sizes
                  that take no time

Peers are used if installed; each that is not is named with its Debian package:
lua5.4, luajit, guile-3.0, chezscheme, gambc, chicken-bin. A whole run takes half
an hour.

With --collector, runs programs that collect much (trees, gcbench, mutation
and addresses, or those named), at each of their sizes, on Islet, Lua, Guile and Chez
Scheme, once in a process. Also prints page faults, system time and the peak of
resident memory of each process, and the pauses of the collectors that tell them.
The other options are those of --language. The largest program takes some 7 GiB
on Lua; a whole run takes a quarter of an hour.

Exit status: 0 if all that could be had was measured, whether or not the
targets are reached; 1 if something failed to build or run; 2 for wrong usage.
END
}

say() { printf 'run_peers: %s\n' "$*" >&2; }

json_file=
plot_file=
v8_flags=()
with_islet=yes
mode=isolates
program_options=()
isolate_options=()
programs=()
while (($# > 0)); do
  case $1 in
    --json | --v8-flag | --plot | --rounds | --limit | --systems)
      if (($# < 2)); then
        say "$1 needs a value; see --help"
        exit 2
      fi
      case $1 in
        --json) json_file=$2 ;;
        --v8-flag) v8_flags+=("$2") && isolate_options+=("$1") ;;
        --plot) plot_file=$2 ;;
        *) program_options+=("$1=$2") ;;
      esac
      shift 2
      ;;
    --json=* | --v8-flag=* | --plot=* | --rounds=* | --limit=* | --systems=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      ;;
    --cpu-time | --quick) program_options+=("$1") && shift ;;
    --language | --collector)
      if [[ $mode != isolates && $mode != "${1#--}" ]]; then
        say "--language and --collector are two measurements; see --help"
        exit 2
      fi
      mode=${1#--} && shift
      ;;
    --no-islet) with_islet=no && shift ;;
    --help | -h) usage && exit 0 ;;
    -*) say "unknown option: $1; see --help" && exit 2 ;;
    *) programs+=("$1") && shift ;;
  esac
done
if [[ $mode != isolates ]] && ((${#isolate_options[@]} > 0)); then
  say "${isolate_options[0]} cannot be combined with --$mode; see --help"
  exit 2
fi
if [[ $mode != language && -n $plot_file ]]; then
  say "--plot needs --language; see --help"
  exit 2
fi
if [[ $mode == isolates ]] && ((${#program_options[@]} > 0)); then
  say "${program_options[0]%%=*} needs --language or --collector; see --help"
  exit 2
fi
if [[ $mode == isolates ]] && ((${#programs[@]} > 0)); then
  say "unknown argument: ${programs[0]} (programs need --language or --collector); see --help"
  exit 2
fi

if ! command -v python3 > /dev/null; then
  say "python3 makes the table; install Debian's package python3"
  exit 1
fi

for file in "$json_file" "$plot_file"; do
  if [[ -n $file && ! -w $(dirname -- "$file") ]]; then
    say "cannot write $file: no such folder, or no right to write there"
    exit 1
  fi
done

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
sources=$root/bench/peers
cache=${XDG_CACHE_HOME:-$HOME/.cache}/islet-peers
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

# build_islet TARGET: succeeds if the target exists and was built.
build_islet() {
  local package=${1#//}
  if [[ ! -x $root/bazelw || ! -e $root/${package%:*}/BUILD.bazel ]]; then
    say "$1 is absent and is left out"
    return 1
  fi
  say "building $1"
  if ! (cd -- "$root" && ./bazelw build -c opt "$1" >&2); then
    say "$1 did not build and is left out"
    failed=1
    return 1
  fi
}

if [[ $mode != isolates ]]; then
  case $mode in
    language) binary=lisp_bench folder=$root/bench/lisp ;;
    collector) binary=collector_bench folder=$root/bench ;;
  esac
  if [[ $with_islet == yes ]] && build_islet "//bench:$binary"; then
    program_options+=("--islet=$(readlink -f -- "$root/bazel-bin/bench/$binary")")
  fi
  if [[ -n $json_file ]]; then program_options+=("--json=$json_file"); fi
  if [[ -n $plot_file ]]; then program_options+=("--plot=$plot_file"); fi
  status=0
  python3 "$sources/$mode.py" --programs="$folder" \
    ${program_options[@]+"${program_options[@]}"} -- ${programs[@]+"${programs[@]}"} || status=$?
  exit $((status > failed ? status : failed))
fi

first_command() {
  local name
  for name in "$@"; do
    if [[ -n $name ]] && command -v "$name" > /dev/null; then
      printf '%s' "$name"
      return 0
    fi
  done
  return 1
}

cxx=$(first_command "${CXX:-}" g++ clang++-19 clang++) || cxx=
cc=$(first_command "${CC:-}" gcc clang-19 clang cc) || cc=
if [[ -z $cxx || -z $cc ]]; then
  say "no C++ or C compiler for the peers; install Debian's package g++"
  failed=1
fi

installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null) == installed ]]
}

# obtain FOLDER PACKAGE...: prints the root of a file system with the packages'
# files: / if all are installed, else FOLDER in the cache, filled if it is not
# there. Libraries that a package depends on come along if not installed.
obtain() {
  local folder=$cache/$1 package missing=no
  shift
  for package in "$@"; do
    installed "$package" || missing=yes
  done
  if [[ $missing == no ]]; then
    printf '/'
    return 0
  fi
  if [[ -d $folder ]]; then
    printf '%s' "$folder"
    return 0
  fi
  local debs=$work/debs new
  rm -rf -- "$debs"
  mkdir -p -- "$debs" "$cache" || return 1
  new=$(mktemp -d -- "$cache/.unpacking.XXXXXX") || return 1
  if ! download "$debs" "$@" || ! unpack "$debs" "$new"; then
    rm -rf -- "$new"
    return 1
  fi
  mv -T -- "$new" "$folder" || return 1
  printf '%s' "$folder"
}

download() (
  cd -- "$1" || exit 1
  shift
  # As root, apt would hand the download to a user who cannot write here.
  apt_get() { apt-get -q -o APT::Sandbox::User=root download "$@" >&2; }
  apt_get "$@" || exit 1
  # shellcheck disable=SC2046 # Package names hold neither spaces nor globs.
  set -- $(dependencies "$@")
  (($# == 0)) || apt_get "$@"
)

# Prints the shared libraries that the packages in the current folder need and
# the system lacks. (libnode's other dependencies are scripts for Node.js.)
dependencies() {
  local deb package
  for deb in ./*.deb; do
    dpkg-deb -f "$deb" Depends
  done | tr ',' '\n' | sed -E 's/^ *([^ (|]+).*/\1/' |
    { grep -E '^z?lib' || true; } | { grep -v -E -- '-dev$' || true; } | sort -u |
    while read -r package; do
      installed "$package" || [[ -n $(compgen -G "./${package}_*.deb") ]] ||
        printf '%s\n' "$package"
    done
}

unpack() {
  local deb
  for deb in "$1"/*.deb; do
    dpkg-deb -x "$deb" "$2" || return 1
  done
}

# The folder below the given root that holds a library, whatever the machine.
library_folder() {
  local found=("${1%/}"/usr/lib/*/"$2")
  [[ -e ${found[0]} ]] && dirname -- "${found[0]}"
}

# measure NAME COMMAND...: runs it and keeps the JSON that it prints.
measure() {
  local name=$1
  shift
  say "measuring $name"
  if ! "$@" > "$work/$name.unfinished"; then
    say "$name failed and is left out"
    failed=1
    return
  fi
  mv -- "$work/$name.unfinished" "$work/$name.json"
}

compile() {
  if ! "$@"; then
    say "a peer did not build and is left out: ${*: -1}"
    failed=1
    return 1
  fi
}

build_v8() {
  local files libraries
  if ! files=$(obtain libnode libnode108 libnode-dev) ||
    ! libraries=$(library_folder "$files" libnode.so); then
    say "V8 is left out: it comes with Debian's packages libnode108 and" \
      "libnode-dev (apt-get download needs an earlier apt-get update)"
    return
  fi
  # The headers are not ours to warn about, hence -isystem. Old dtags, because
  # only DT_RPATH also finds what libnode needs from the same folder.
  compile "$cxx" -std=c++17 -O2 -Wall -Wextra -Werror \
    -isystem "${files%/}/usr/include/node" "$sources/v8_isolate.cc" \
    -L "$libraries" -Xlinker --disable-new-dtags \
    -Xlinker -rpath -Xlinker "$libraries" -lnode -o "$work/v8_isolate" || return 0
}

build_lua() {
  local files libraries
  if ! files=$(obtain liblua5.4 liblua5.4-dev) ||
    ! libraries=$(library_folder "$files" liblua5.4.a); then
    say "Lua is left out: it comes with Debian's package liblua5.4-dev" \
      "(apt-get download needs an earlier apt-get update)"
    return
  fi
  compile "$cxx" -std=c++17 -O2 -Wall -Wextra -Werror \
    -isystem "${files%/}/usr/include/lua5.4" \
    -isystem "${files%/}/usr/include/${libraries##*/}" "$sources/lua_state.cc" \
    "$libraries/liblua5.4.a" -lm -ldl -o "$work/lua_state" || return 0
}

build_processes() {
  compile "$cc" -std=c11 -O2 -static "$sources/empty.c" -o "$work/empty" &&
    compile "$cc" -std=c11 -O2 -Wall -Wextra -Werror "$sources/spawn.c" \
      -o "$work/spawn" || return 0
}

# Interleaved, so that a change of the machine's speed strikes ours and the floor
# alike.
# shellcheck disable=SC2317 # Called through measure.
run_isolate_bench() (
  # As after an installation: read from disk, not as the linker left it in the page
  # cache, which decides how many pages one fault maps.
  cd -- "$root" && sync -d bazel-bin/bench/isolate_bench &&
    dd if=bazel-bin/bench/isolate_bench iflag=nocache count=0 status=none &&
    ./bazelw run -c opt //bench:isolate_bench -- \
      --benchmark_filter='^BM_(ColdIsolate|ColdSpread|ResidentIsolate|ResidentSpread|CreateOnly|WarmCall|Floor)/' \
      --benchmark_repetitions=9 --benchmark_min_time=0.05 \
      --benchmark_enable_random_interleaving=true \
      --benchmark_report_aggregates_only=true \
      --benchmark_out="$work/isolate_bench.json" \
      --benchmark_out_format=json >&2 &&
    cat -- "$work/isolate_bench.json"
)

# shellcheck disable=SC2317 # Called through measure.
run_pool_bench() (
  cd -- "$root" &&
    ./bazelw run -c opt //bench:pool_bench -- \
      --benchmark_filter='^BM_RecycledCall/' \
      --benchmark_repetitions=9 --benchmark_min_time=0.1 \
      --benchmark_enable_random_interleaving=true \
      --benchmark_report_aggregates_only=true \
      --benchmark_out="$work/pool_bench.json" \
      --benchmark_out_format=json >&2 &&
    cat -- "$work/pool_bench.json"
)

# Everything is built before anything is timed.
if [[ -n $cxx && -n $cc ]]; then
  build_v8
  build_lua
  build_processes
fi
isolate_bench=no
pool_bench=no
quickstart=no
if [[ $with_islet == yes ]]; then
  ! build_islet //bench:isolate_bench || isolate_bench=yes
  ! build_islet //bench:pool_bench || pool_bench=yes
  ! build_islet //samples/quickstart:quickstart || quickstart=yes
fi

if [[ $isolate_bench == yes ]]; then
  measure islet run_isolate_bench
fi
if [[ $pool_bench == yes ]]; then
  measure pool run_pool_bench
fi
if [[ -x $work/v8_isolate ]]; then
  measure v8 "$work/v8_isolate" "$sources/records.js" 10 1000 20000 \
    ${v8_flags[@]+"${v8_flags[@]}"}
fi
if [[ -x $work/lua_state ]]; then
  measure lua "$work/lua_state" "$sources/records.lua" 10 1000 20000
fi
if [[ -x $work/spawn && -x $work/empty ]]; then
  programs=("empty=$work/empty")
  if [[ $quickstart == yes ]]; then
    programs+=("quickstart=$(readlink -f -- "$root/bazel-bin/samples/quickstart/quickstart")")
  fi
  measure processes "$work/spawn" 400 "${programs[@]}"
fi

arguments=(--islet "$work/islet.json" --islet "$work/pool.json")
if [[ -n $json_file ]]; then arguments+=(--json "$json_file"); fi
python3 "$sources/table.py" "${arguments[@]}" \
  "$work/v8.json" "$work/lua.json" "$work/processes.json"
exit "$failed"
