#!/bin/sh
# Writes docs/language.md anew. Run by Bazel, which tells where the source tree is.
exec "$1" "$2" "$3" "$4" "${BUILD_WORKSPACE_DIRECTORY:?run this by ./bazelw run}/docs/language.md" --update
