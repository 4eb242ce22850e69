#!/bin/sh
# sizes.sh FILE...: prints the size of each program or library without symbols and debugging information, and of its parts.
set -eu
copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
printf '%10s %10s %10s %10s  %s\n' stripped code constants data file
for file in "$@"; do
  /usr/lib/llvm-19/bin/llvm-strip -o "$copy" "$file"
  size --format=sysv "$copy" | awk -v bytes="$(stat -c %s "$copy")" -v file="$(basename "$file")" '
    $1 ~ /^\.(text|init|fini|plt|iplt)/ { code += $2; next }
    $1 ~ /^\.(rodata|eh_frame|gcc_except|rel|gnu|dyn)/ { constants += $2; next }
    $1 ~ /^\.(data|got|tdata|init_array)/ { data += $2 }
    END { printf "%10d %10d %10d %10d  %s\n", bytes, code, constants, data, file }'
done
