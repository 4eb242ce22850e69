#!/usr/bin/env bash
# dist.sh OUTPUT VERSION NAME=FILE...: makes islet-VERSION-linux-x86_64.tar.gz of what was built. The same files give the same
# bytes. The names are those that are asked for below; of `header`, `library` and `document` there may be several.
set -euo pipefail
output=$1 version=$2
shift 2
declare -A file
headers=() libraries=() documents=()
for argument in "$@"; do
  case ${argument%%=*} in
    header) headers+=("${argument#*=}") ;;
    library) libraries+=("${argument#*=}") ;;
    document) documents+=("${argument#*=}") ;;
    *) file[${argument%%=*}]=${argument#*=} ;;
  esac
done
# The release's day, as CHANGELOG.md has it, is the date of all that is in the package.
date=$(sed -nE "s/^## \[$version\] - ([0-9-]{10})$/\1/p" "${file[changelog]}")
[[ -n $date ]] || { echo "${file[changelog]} has no section '## [$version] - YYYY-MM-DD'" >&2; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
name=$(basename "$output" .tar.gz)
root=$scratch/$name
mkdir -p "$root"/{bin,include/islet,lib/cmake/Islet,lib/pkgconfig,share/doc/islet/licenses,share/islet,share/man/man1,share/man/man3}

install -m 644 "${headers[@]}" "$root/include/islet/"
install -m 644 "${file[archive]}" "$root/lib/libislet.a"
install -m 755 "${file[shared]}" "$root/lib/libislet.so.$version"
install -m 755 "${file[snapshot_gen]}" "${file[islet]}" "$root/bin/"
"${file[strip]}" "$root/lib/libislet.so.$version" "$root/bin"/*
ln -s "libislet.so.$version" "$root/lib/libislet.so.${version%%.*}"
ln -s "libislet.so.${version%%.*}" "$root/lib/libislet.so"

# (a b) is a/b.sld, below the folder that the first of them is in.
for library in "${libraries[@]}"; do
  install -D -m 644 "$library" "$root/share/islet/${library#*isolate/lib/}"
done

# What Abseil's CMake targets do not bring; and all that libislet.a needs.
mapfile -t flags <"${file[flags]}"
others=$(printf '%s\n' "${flags[@]}" | grep -vE -- '^(-l:libabsl_|-Wl,)' | paste -sd ';')
# fill TEMPLATE TO_PREFIX SEPARATOR: replaces what stands between @ signs.
fill() {
  local libraries
  libraries=$(IFS=$3 && echo "${flags[*]}")
  sed -e "s|@VERSION@|$version|g" -e "s|@MAJOR_VERSION@|${version%%.*}|g" -e "s|@TO_PREFIX@|$2|g" \
    -e "s|@STATIC_LIBRARIES@|$libraries|g" -e "s|@OTHER_LIBRARIES@|$others|g" "$1"
}
fill "${file[pc]}" ../.. ' ' >"$root/lib/pkgconfig/islet.pc"
fill "${file[cmake_config]}" ../../.. ';' >"$root/lib/cmake/Islet/IsletConfig.cmake"
fill "${file[cmake_version]}" ../../.. ';' >"$root/lib/cmake/Islet/IsletConfigVersion.cmake"

# What the tools' --help says, as pages.
page() {
  help2man --no-info --no-discard-stderr --name="$2" --version-string="$version" --source="Islet $version" "${file[$1]}" |
    sed "1,3s/^\.TH \([^ ]* [^ ]*\) \"[^\"]*\"/.TH \1 \"$date\"/" >"$root/share/man/man1/$1.1"
}
page snapshot_gen 'freezes what Scheme scripts leave into a snapshot to be linked into a program'
page islet 'runs Scheme programs'
"${file[library_man_page]}" "$version" "$date" <"$root/include/islet/islet.h" >"$root/share/man/man3/islet.3"

install -m 644 "${documents[@]}" "${file[changelog]}" "$root/share/doc/islet/"
# Of all whose code is in one of the files: of what is linked, and of what is compiled in from headers.
install -m 644 "${file[license]}" "$root/share/doc/islet/licenses/islet"
install -m 644 "${file[mimalloc_license]}" "$root/share/doc/islet/licenses/mimalloc"
for package in libabsl-dev libflatbuffers-dev libgmp-dev libutf8proc-dev libxxhash-dev libedit-dev libbsd-dev libmd-dev \
  libncurses-dev libc6-dev libstdc++-12-dev; do
  cat "/usr/share/doc/$package/copyright" >"$root/share/doc/islet/licenses/${package%-dev}"
done
for license in Apache-2.0 GPL-2 GPL-3 LGPL-2.1 LGPL-3; do
  cat "/usr/share/common-licenses/$license" >"$root/share/doc/islet/licenses/$license.txt"
done

find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -path '*/share/*' -exec chmod 644 {} +
LC_ALL=C tar --create --file=- --directory="$scratch" --sort=name --format=gnu --owner=root:0 --group=root:0 \
  --mtime="$date 00:00:00 UTC" "$name" | gzip --no-name -9 >"$output"
