#!/bin/sh
# The public headers are C99 and C++17 without a warning, and posy.h is short.
# usage: public_header.sh SOURCE_DIR C_COMPILER CXX_COMPILER
set -eu
source=$1 cc=$2 cxx=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/uses.c" <<'END'
#include "engine/posy.h"
#include "engine/posy_threads.h"
#include "engine/posy.h"
int main(void) {
  struct posy_engine engine;
  struct posy_needs needs = {0, 0};
  struct posy_options options = {0, posy_pool_run, 0, 0, 0};
  posy_status status = posy_need(0, 0, &options, &needs);
  return status == POSY_NULL_ARGUMENT && posy_error_byte(&engine) == 0 && POSY_BAD_THREADS == 27 ? 0 : 1;
}
END
cp "$work/uses.c" "$work/uses.cpp"
warnings="-Wall -Wextra -Wpedantic -Werror"
$cc -std=c99 $warnings -Wno-maybe-uninitialized -fsyntax-only -I"$source" "$work/uses.c"
$cxx -std=c++17 $warnings -Wno-maybe-uninitialized -fsyntax-only -I"$source" "$work/uses.cpp"
echo '#include "engine/posy.hpp"' > "$work/wrapper.cpp"
for flags in '-std=c++17' '-std=c++20' '-std=c++17 -fno-exceptions -fno-rtti'; do
  # shellcheck disable=SC2086
  $cxx $flags $warnings -Wshadow -Wconversion -fsyntax-only -I"$source" "$work/wrapper.cpp"
done
# As installed: beside each other, without the rooms in front.
mkdir "$work/posy"
cp "$source/engine/posy.h" "$source/engine/posy_threads.h" "$source/engine/status.def" "$work/posy/"
echo '#include <posy.h>' > "$work/installed.c"
$cc -std=c99 $warnings -fsyntax-only -I"$work/posy" "$work/installed.c"

lines=$(wc -l < "$source/engine/posy.h")
if [ "$lines" -ge 200 ]; then
  echo "engine/posy.h has $lines lines; it has to stay under 200" >&2
  exit 1
fi
echo "engine/posy.h: $lines lines, C99 and C++17"
