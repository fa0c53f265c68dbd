#!/bin/sh
# Counts the instructions of one posy_run() of the default model, with callgrind: repeatable, where times are not. Each
# function's count may differ from the one in tests/instructions.txt by 2%; a change that is meant is written there with
#     sh tests/instructions.sh --update
# usage: instructions.sh [--update] [BUILD_FOLDER]
set -eu
cd "$(dirname "$0")/.."
update=0
if [ "${1:-}" = --update ]; then
  update=1
  shift
fi
build=${1:-build}
file=tests/instructions.txt

exec 3>&1
skip() {
  echo "skipped: $1" >&3
  exit 77
}

# cached NAME: what CMake was told.
cached() {
  sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"
}

if [ ! -f "$build/CMakeCache.txt" ] || [ ! -x "$build/posy" ]; then
  skip "$build/posy is not built"
fi
compiler=$(sed -n 's/^set(CMAKE_CXX_COMPILER_ID "\(.*\)")/\1/p; s/^set(CMAKE_CXX_COMPILER_VERSION "\([0-9]*\).*")/\1/p' \
  "$build"/CMakeFiles/*/CMakeCXXCompiler.cmake | tr '\n' ' ' | sed 's/ $//')
[ "$(cached CMAKE_BUILD_TYPE)" = Release ] || skip "the counts are those of a Release build"
[ -z "$(cached POSY_SANITIZE)" ] || skip "a sanitizer adds instructions of its own"
if ! command -v valgrind >/dev/null || ! command -v callgrind_annotate >/dev/null; then
  skip "there is no valgrind here"
fi
recorded=$(sed -n 's/^compiler //p' "$file" 2>/dev/null || true)
if [ "$update" -eq 0 ] && [ "$compiler" != "$recorded" ]; then
  skip "this build is by $compiler, and $file is for $recorded"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# count NAME FLAG...: lines of NAME, function, instructions, of a model converted with those flags. Valgrind 3.19 does not
# know AVX-512. Functions are summed up
# without their template arguments; those below 1% of the run are "the rest", as is libc, which differs between machines.
count() {
  name=$1
  shift
  "$build/posy" convert models/flowers_mobilenet_v1_0.25_128.pb "$@" -o "$work/model.posy" 2>/dev/null
  POSY_ISA=avx2 POSY_THREADS=1 valgrind --tool=callgrind --toggle-collect=posy_run --callgrind-out-file="$work/profile" \
    "$build/posy" label "$work/model.posy" tests/data/golden_default_model/daisy_128x128.png >"$work/log" 2>&1 || {
    grep -q 'instruction set' "$work/log" && skip "valgrind has no AVX2 to offer here"
    cat "$work/log"
    exit 1
  }
  grep -q '(avx2)' "$work/log" || skip "this is not the AVX2 of an x86-64"
  callgrind_annotate --threshold=100 "$work/profile" | awk -v weights="$name" '
    !/^ *[0-9,]+ \([ 0-9.]+%\)  / { next }
    {
      instructions = $1
      gsub(/,/, "", instructions)
      total = total ? total : instructions
      if (/PROGRAM TOTALS/) next
      name = $0
      sub(/^[^)]*\)  [^:]*:/, "", name)
      sub(/ \[[^]]*\]$/, "", name)
      gsub(/\(anonymous namespace\)::|posy::|^void /, "", name)
      sub(/[<(].*/, "", name)
      sum[name] += instructions
    }
    END {
      rest = total
      for (name in sum) {
        if (sum[name] < total / 100) continue
        print weights, name, sum[name]
        rest -= sum[name]
      }
      print weights, "rest", rest
      print weights, "total", total
    }' | sort
}

{
  count f32 --weights f32
  count int8 --int8 --calibrate tests/data/golden_default_model
  count u8 --weights u8
} >"$work/counts"

if [ "$update" -eq 1 ]; then
  {
    echo "# Instructions of one posy_run() of the default model with AVX2: weights, function, count. Made and remade by"
    echo "#     sh tests/instructions.sh --update"
    echo "compiler $compiler"
    cat "$work/counts"
  } >"$file"
  echo "$file is for this build now"
  exit 0
fi

# What is below half a per cent of the run may change as it likes.
awk -v file="$file" '
  /^#|^compiler/ { next }
  FILENAME == file { old[$1 " " $2] = $3; next }
  { new[$1 " " $2] = $3 }
  END {
    for (name in new) if (!(name in old)) old[name] = 0
    for (name in old) {
      split(name, word, " ")
      change = new[name] - old[name]
      size = change < 0 ? -change : change
      bad = size > old[name] * 0.02 && size > new[word[1] " total"] * 0.005
      failed += bad
      printf "%-36s %10d -> %10d  %+7.2f%%%s\n", name, old[name], new[name], old[name] ? 100 * change / old[name] : 100,
        bad ? "  <- more than 2%" : ""
    }
    exit failed > 0
  }' "$file" "$work/counts" >"$work/table" || {
  sort "$work/table"
  echo "other counts than in $file; if that is meant: sh tests/instructions.sh --update, and commit the file"
  exit 1
}
sort "$work/table"
