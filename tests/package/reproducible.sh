#!/bin/sh
# Builds the runtime and posy-label of two copies of the sources, in folders whose names differ in length: the same bytes.
# usage: reproducible.sh SOURCE BUILD WORK CMAKE SANITIZERS
set -eu
source=$1 work=$3 cmake=$4 sanitizers=$5
if [ -n "$sanitizers" ]; then
  echo "skipped: sanitizers name the folder that they were built in"
  exit 77
fi
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS

rm -rf "$work"
for copy in one the/other; do
  mkdir -p "$work/$copy"
  for part in apps engine kernels loaders CMakeLists.txt LICENSE; do
    cp -R "$source/$part" "$work/$copy/"
  done
  # Scalar code without a compiler cache, which would give the second what it kept of the first.
  { "$cmake" -S "$work/$copy" -B "$work/$copy/build" -DCMAKE_BUILD_TYPE=Release -DPOSY_ISAS=none -DPOSY_TESTS=OFF &&
    CCACHE_DISABLE=1 "$cmake" --build "$work/$copy/build" --parallel 2 --target posy_label; } >"$work/log" 2>&1 || {
    tail -n 50 "$work/log"
    exit 1
  }
done
for file in posy-label engine/libposy.a; do
  cmp "$work/one/build/$file" "$work/the/other/build/$file"
  echo "$file: the same $(wc -c <"$work/one/build/$file") bytes"
done
