#!/bin/sh
# library_man_page.sh VERSION DATE: makes islet(3) on standard output from the C header on standard input, which documents
# each function where it declares it.
set -eu
echo ".TH ISLET 3 $2 \"Islet $1\" \"Library Functions\""
cat <<'PAGE'
.SH NAME
islet \- Scheme in isolates that start from snapshots, embedded in a program
.SH SYNOPSIS
.nf
.B #include <islet/islet.h>
.PP
.B cc host.c startup.o $(pkg-config --cflags --libs islet)
.fi
.SH DESCRIPTION
This is the header itself.
.PP
.EX
PAGE
sed -e 's/\\/\\e/g' -e "s/^\\([.']\\)/\\\\\&\\1/" -e 's/-/\\-/g'
cat <<'PAGE'
.EE
.SH SEE ALSO
.BR snapshot_gen (1),
.BR islet (1)
PAGE
