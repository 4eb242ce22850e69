#!/usr/bin/env bash
# merge_objects.sh AR OBJCOPY ARCHIVE OBJECT...: puts the objects into a new archive, stripped of debugging information. A
# member's name has its folder in it, since several packages have a `limits.cc`.
set -euo pipefail
ar=$1 objcopy=$2 archive=$3
shift 3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
members=()
for object in "$@"; do
  name=${object#bazel-out/*/bin/} # isolate/heap/_objs/heap/cage.pic.o
  name=${name/_objs\//}
  name=${name//\//.}
  member=$scratch/${name/.pic.o/.o}
  [[ ! -e $member ]] || { echo "two objects are named $name" >&2; exit 1; }
  "$objcopy" --strip-debug "$object" "$member"
  members+=("$member")
done
"$ar" rcsD "$archive" "${members[@]}"
