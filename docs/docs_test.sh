#!/usr/bin/env bash
# Examples in README.md are those of the samples, which are built and tested; and links between the documents, and to
# their sections, lead somewhere. Run where the documents lie as in the source tree.
#
# A block of code that stands behind `<!-- from FILE -->` must be part of that file, but for indentation.
set -euo pipefail
failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}

unindented() { sed -E 's/^[[:space:]]+//; s/[[:space:]]+$//' "$@"; }

# examples DOCUMENT: compares its blocks with the files that they name.
examples() {
  local document=$1 line file='' block='' inside=0 marked='' count=0
  while IFS= read -r line; do
    if ((!inside)); then
      case $line in
        '<!-- from '*) file=${line#'<!-- from '} file=${file%' -->'} ;;
        '```cpp' | '```c' | '```scheme' | '```python' | '```make')
          [[ -n $file ]] || fail "$document: a block of ${line#'```'} that does not say from which file it is"
          inside=1 marked=$file block=''
          ;;
        '```'*) inside=1 marked='' ;;
        *) [[ -z $line ]] || file='' ;;
      esac
    elif [[ $line == '```' ]]; then
      inside=0 file=''
      if [[ -n $marked ]]; then
        count=$((count + 1))
        block=$(unindented <<<"$block")
        [[ $'\n'$(unindented "$marked")$'\n' == *$'\n'"${block#$'\n'}"$'\n'* ]] ||
          fail "$document: this is not in $marked:"$'\n'"$block"
      fi
    else
      block+=$'\n'$line
    fi
  done <"$document"
  ((count > 0)) || fail "$document: no examples"
  echo "$document: $count examples"
}

# The document without blocks of code.
text() { awk '/^ *```/ { code = !code; next } !code' "$1"; }

# The anchors that GitHub gives a document's headings.
anchors() {
  text "$1" | sed -nE 's/^#+ +//p' | tr -d '`' | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

# links DOCUMENT: checks those that lead to documents.
links() {
  local document=$1 folder link target anchor count=0
  folder=$(dirname "$document")
  while IFS= read -r link; do
    [[ $link != *://* ]] || continue
    target=${link%%#*}
    anchor=''
    [[ $link != *'#'* ]] || anchor=${link#*#}
    [[ -z $target || $target == *.md || $target == *.svg ]] || continue
    count=$((count + 1))
    target=${target:+$folder/$target}
    target=${target:-$document}
    if [[ ! -e $target ]]; then
      fail "$document: $link leads nowhere"
    elif [[ -n $anchor ]] && ! anchors "$target" | grep -xF -- "$anchor" >/dev/null; then
      fail "$document: $link: there is no such section"
    fi
  done < <(text "$document" | grep -oE '\]\([^)]+\)' | sed -E 's/^\]\(//; s/\)$//')
  echo "$document: $count links to documents"
}

# README.md names every SRFI that docs/language.md has.
srfis() {
  local number language
  language=$(sed -n '/^## The language today/,/^## /p' README.md | grep -oE '[0-9]+')
  for number in $(sed -nE 's/^\| `\(srfi ([0-9]+)[^|]*\|.*/\1/p' docs/language.md | sort -un); do
    grep -xF -- "$number" <<<"$language" >/dev/null || fail "README.md does not name SRFI $number"
  done
}

examples README.md
srfis
for document in ./*.md docs/*.md; do links "${document#./}"; done
exit "$failed"
