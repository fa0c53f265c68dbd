#!/bin/sh
# The size of the runtime: code, constants and data of every object in the archive, which a program gets that calls all
# of it. Prints them and fails above LIMIT bytes.
# usage: size.sh ARCHIVE LIMIT [BUILD_TYPE [SANITIZERS]]
set -eu
archive=$1 limit=$2 type=${3:-Release} sanitizers=${4:-}
if [ "$type" != Release ] && [ "$type" != MinSizeRel ]; then
  echo "skipped: a build of type '$type' is not made to be small"
  exit 77
fi
if [ -n "$sanitizers" ]; then
  echo "skipped: -fsanitize=$sanitizers adds code of its own"
  exit 77
fi
if ! command -v size >/dev/null; then
  echo "skipped: there is no size(1) here; it is in binutils"
  exit 77
fi

# Columns of size(1): text (with constants and unwind tables), data, bss, their sum twice, the object.
size "$archive" | awk -v limit="$limit" '
  NR > 1 { bytes = $1 + $2 + $3; total += bytes; printf "%7d  %s\n", bytes, $6 }
  END {
    printf "%7d  bytes in all; the limit is %d\n", total, limit
    exit total == 0 || total > limit
  }'
