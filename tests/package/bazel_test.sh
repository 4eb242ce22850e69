#!/usr/bin/env bash
# bazel_test.sh [BAZEL_OPTION]...: builds and runs hosts in a Bazel workspace of its own that has these sources as @islet, with
# the compiler that Bazel detects, and none of the options in .bazelrc. Run by .ci/run. It builds all of Islet, which takes some
# four minutes on two cores; `--disk_cache=DIR` spares most of that the next time.
set -euo pipefail
hosts=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
islet=$(realpath "$hosts/../..")
scratch=$(mktemp -d)
cd "$scratch"
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT

mkdir host
cp -r "$hosts"/{host.c,host.cc,lib,startup.lisp} "$hosts"/bazel_host/. host/
cd host
sed -i "s|/path/to/islet|$islet|" WORKSPACE
# Without a server, which would outlive this script.
bazel --batch --output_user_root="$scratch/.bazel" build --noshow_progress --color=no --nosandbox_debug "$@" //...
for host in c_host abseil_host; do
  answer=$("bazel-bin/$host")
  [[ $answer == "score: 7" ]] || { echo "FAILED: $host gives '$answer'" >&2; exit 1; }
done
echo "passed"
