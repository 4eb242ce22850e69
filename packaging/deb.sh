#!/usr/bin/env bash
# deb.sh TARBALL VERSION OUTPUT_DIR: makes Debian packages of what the tarball has: libislet1 (the shared library), libislet-dev
# (headers, archive, snapshot_gen, the files for CMake and pkg-config) and islet (the shell). The same tarball gives the same
# bytes.
set -euo pipefail
tarball=$(realpath "$1") version=$2 output=$(realpath "$3")
maintainer='Islet maintainers <islet@packages.invalid>'
major=${version%%.*}
minor=${version%.*}
architecture=amd64
multiarch=x86_64-linux-gnu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
tar xzf "$tarball"
mv islet-* tree
export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(stat -c %Y tree/lib/libislet.a)

# move PACKAGE SOURCE TARGET: a file or folder of the tarball becomes the package's, at TARGET.
move() {
  mkdir -p "$(dirname "$scratch/$1/$3")"
  mv "$scratch/tree/$2" "$scratch/$1/$3"
}
lib=usr/lib/$multiarch
move "libislet$major" "lib/libislet.so.$version" "$lib/libislet.so.$version"
move "libislet$major" "lib/libislet.so.$major" "$lib/libislet.so.$major"
for name in libislet.a libislet.so cmake pkgconfig; do move libislet-dev "lib/$name" "$lib/$name"; done
# The folder of libraries is one deeper than in the tarball.
sed -i 's|^prefix=.*|prefix=${pcfiledir}/../../..|' "libislet-dev/$lib/pkgconfig/islet.pc"
sed -i 's|"${CMAKE_CURRENT_LIST_DIR}/../../.."|"${CMAKE_CURRENT_LIST_DIR}/../../../.."|' \
  "libislet-dev/$lib/cmake/Islet/IsletConfig.cmake"
move libislet-dev include usr/include
move libislet-dev bin/snapshot_gen usr/bin/snapshot_gen
move libislet-dev share/man/man1/snapshot_gen.1 usr/share/man/man1/snapshot_gen.1
move libislet-dev share/man/man3/islet.3 usr/share/man/man3/islet.3
move libislet-dev share/islet usr/share/islet
move islet bin/islet usr/bin/islet
move islet share/man/man1/islet.1 usr/share/man/man1/islet.1

# needs PACKAGE FILE...: what dpkg-shlibdeps finds that its programs and libraries need.
needs() {
  mkdir -p debian
  printf 'Source: islet\n\nPackage: %s\nArchitecture: any\n' "$1" >debian/control
  dpkg-shlibdeps -O "${@:2}" 2>/dev/null | sed -n 's/^shlibs:Depends=//p'
}

# control PACKAGE SECTION DEPENDS MULTI-ARCH DESCRIPTION, and the rest of the description from standard input.
control() {
  local package=$1
  mkdir -p "$package/DEBIAN"
  {
    echo "Package: $package"
    echo "Source: islet"
    echo "Version: $version"
    echo "Architecture: $architecture"
    echo "Maintainer: $maintainer"
    echo "Installed-Size: $(du -sk --apparent-size --exclude=DEBIAN "$package" | cut -f1)"
    [[ -z $3 ]] || echo "Depends: $3"
    echo "Section: $2"
    echo "Priority: optional"
    [[ -z $4 ]] || echo "Multi-Arch: $4"
    echo "Description: $5"
    sed 's/^/ /'
  } >"$package/DEBIAN/control"
}
control "libislet$major" libs "$(needs "libislet$major" "libislet$major/$lib/libislet.so.$version")" same \
  'Scheme in isolates that start from snapshots, shared library' <<'TEXT'
Islet embeds Scheme (R7RS-small) in programs. Scripts run once, when a program
is built; the heap that they leave is linked into it, and each isolate maps it
copy-on-write, which takes microseconds.
.
This package has the shared library.
TEXT
control libislet-dev libdevel "libislet$major (= $version)" '' \
  'Scheme in isolates that start from snapshots, development files' <<'TEXT'
Islet embeds Scheme (R7RS-small) in programs. Scripts run once, when a program
is built; the heap that they leave is linked into it, and each isolate maps it
copy-on-write, which takes microseconds.
.
This package has headers, the static library, the tool snapshot_gen, and files
for pkg-config and CMake. Linking the static library needs libabsl-dev,
libgmp-dev, libutf8proc-dev and libxxhash-dev, as the C++ interface does.
TEXT
sed -i '/^Depends:/a Suggests: libabsl-dev, libgmp-dev, libutf8proc-dev, libxxhash-dev' libislet-dev/DEBIAN/control
control islet interpreters '' '' 'Scheme in isolates that start from snapshots, shell' <<'TEXT'
Runs programs in Scheme (R7RS-small), and evaluates what is typed at a prompt
with history and completion. It starts in a millisecond, and needs no library.
TEXT
# Snapshots in programs run with any patch of a minor version.
echo "libislet $major libislet$major (>= $minor), libislet$major (<< ${minor%.*}.$((${minor#*.} + 1))~)" \
  >"libislet$major/DEBIAN/shlibs"
echo 'activate-noawait ldconfig' >"libislet$major/DEBIAN/triggers"

mkdir -p "$output"
for package in "libislet$major" libislet-dev islet; do
  doc=$package/usr/share/doc/$package
  mkdir -p "$doc"
  {
    echo "Islet is under the Apache License 2.0, which is /usr/share/common-licenses/Apache-2.0. What is linked into these"
    echo "files, or compiled into them from headers, is under the licences that follow, each by its name."
    for license in tree/share/doc/islet/licenses/*; do
      [[ $license == *.txt || $license == */islet ]] || { printf '\n==== %s\n\n' "${license##*/}" && cat "$license"; }
    done
  } >"$doc/copyright"
  {
    echo "islet ($version) unstable; urgency=medium"
    printf '\n  * See CHANGELOG.md of the sources.\n\n'
    echo " -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
  } | gzip --no-name -9 >"$doc/changelog.gz"
  if [[ $package != "libislet$major" ]]; then
    mkdir -p "$package/usr/share/lintian/overrides"
    {
      echo '# The tools are linked statically on purpose: they start sooner, and run beside any version of the libraries.'
      echo "$package: embedded-library *"
      echo "$package: shared-library-lacks-prerequisites *"
    } >"$package/usr/share/lintian/overrides/$package"
  fi
  find "$package/usr/share/man" -type f -exec gzip --no-name -9 {} + 2>/dev/null || true
  chmod 644 "$package"/usr/lib/*/libislet.so.* 2>/dev/null || true
  (cd "$package" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  find "$package" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz --build "$package" "$output/${package}_${version}_$architecture.deb" >/dev/null
done
