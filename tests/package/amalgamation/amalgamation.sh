#!/bin/sh
# Makes posy.h and posy.cpp, compiles them alone for several processors, and compares scores with the host's, bit by bit.
# usage: amalgamation.sh SOURCE WORK POSY SCORES PYTHON CXX CC SANITIZERS
#   POSY and SCORES (tests/cross/scores.cpp) are the host's
set -eu
source=$1 work=$2 posy=$3 scores=$4 python=$5 cxx=$6 cc=$7 sanitizers=${8:-}

[ -z "$sanitizers" ] || { echo "skipped: a build with -fsanitize=$sanitizers is about something else"; exit 77; }
command -v "$python" >/dev/null || { echo "skipped: there is no python3 here: apt-get install python3"; exit 77; }
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS

fail() {
  echo "failed: $1"
  exit 1
}

rm -rf "$work"
mkdir -p "$work/again" "$work/photos" "$work/libc"
"$python" "$source/apps/amalgamation/amalgamate.py" -o "$work"
"$python" "$source/apps/amalgamation/amalgamate.py" -o "$work/again" >/dev/null
for file in posy.cpp posy.h; do
  cmp "$work/$file" "$work/again/$file" || fail "two runs, two texts"
done
! grep -n '#include "' "$work/posy.cpp" "$work/posy.h" | grep -v 'posy.cpp:[0-9]*:#include "posy.h"$' || fail "includes of the tree"

warnings='-Wall -Wextra -Wshadow -Wconversion -Werror -Wno-unused-command-line-argument'
# shellcheck disable=SC2086
"$cc" -std=c99 $warnings -Wpedantic -fsyntax-only -x c "$work/posy.h"

cp "$source"/tests/data/golden_default_model/*.png "$work/photos"
for form in '--weights f32' '--weights u8' "--int8 --calibrate $work/photos"; do
  model=$work/$(echo "$form" | sed 's/ .*photos//; s/[- ]//g').posy
  # shellcheck disable=SC2086
  "$posy" convert "$source/models/flowers_mobilenet_v1_0.25_128.pb" $form -o "$model" >"$work/log" 2>&1
  "$scores" "$model" | sed 's/.*://' | sort -u >"$model.bits"
  [ "$(wc -l <"$model.bits")" -eq 1 ] || fail "the host's own scores differ"
done

# compile WHAT COMPILER FLAG...: quietly.
compile() {
  what=$1 compiler=$2
  shift 2
  # shellcheck disable=SC2086
  "$compiler" -O1 "$@" -std=c++17 $warnings -fno-exceptions -fno-rtti -c "$work/posy.cpp" -o "$work/$what.o" >"$work/log" 2>&1 || {
    grep -A6 'error' "$work/log" | head -n 40
    fail "$what: $compiler $*"
  }
}

# scores_of WHAT ISA LINK RUN...: the models' scores by WHAT.o, of the table ISA, are the host's.
scores_of() {
  what=$1 isa=$2 link=$3
  shift 3
  # shellcheck disable=SC2086
  $link -std=c++20 -O1 -I"$work" "$source/tests/cross/scores.cpp" "$work/$what.o" -o "$work/$what"
  for model in "$work"/*.posy; do
    "$@" "$work/$what" "$model" >"$work/answer"
    [ "$(sed 's/:.*//' "$work/answer")" = "$isa" ] || fail "$what: kernels of $(sed 's/:.*//' "$work/answer"), not $isa"
    sed 's/.*://' "$work/answer" | cmp -s - "$model.bits" || fail "$what: other scores of $model: $(cat "$work/answer")"
  done
  echo "$what: $isa, the host's scores"
}

# only_compiles WHAT COMPILER FLAG...
only_compiles() {
  compile "$@" -fsyntax-only
  echo "$1: compiles"
}

missing() {
  echo "left out: $1: there is no $2 here: apt-get install $3"
}

compile host "$cxx" -DPOSY_SCALAR
scores_of host scalar "$cxx" env
case $(uname -m) in
  x86_64)
    compile haswell "$cxx" -march=haswell
    if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; then
      scores_of haswell avx2 "$cxx" env
    else
      echo "haswell: compiled; this processor cannot run it"
    fi
    only_compiles avxvnni "$cxx" -march=haswell -mavxvnni -DPOSY_OPS=POSY_OPS_MOBILENET -DPOSY_UNPACK=0
    ;;
esac

# What can be defined.
compile threads "$cxx" -O0 -DPOSY_SCALAR -DPOSY_THREADS
nm "$work/threads.o" | grep -q ' T posy_pool_start' || fail "POSY_THREADS: no posy_pool_start()"
compile mobilenet "$cxx" -DPOSY_SCALAR -DPOSY_OPS=POSY_OPS_MOBILENET -DPOSY_UNPACK=0
! nm "$work/mobilenet.o" | grep ' T posy_unpack' || fail "POSY_UNPACK=0: there is posy_unpack()"
# $2 of size's second line is .text.
text_bytes() {
  size "$1" | awk 'NR == 2 { print $1 }'
}
[ "$(text_bytes "$work/mobilenet.o")" -lt $(($(text_bytes "$work/host.o") * 3 / 4)) ] || fail "POSY_OPS saves nothing"
for wrong in -DPOSY_OPS=no_such_op -ffast-math; do
  ! "$cxx" -std=c++17 -fsyntax-only $wrong "$work/posy.cpp" 2>"$work/log" || fail "compiles with $wrong"
done
grep -q 'ffast-math changes them' "$work/log" || fail "-ffast-math is refused without a sentence"

if command -v aarch64-linux-gnu-g++ >/dev/null && command -v qemu-aarch64-static >/dev/null; then
  compile aarch64 aarch64-linux-gnu-g++
  scores_of aarch64 neon 'aarch64-linux-gnu-g++ -static' qemu-aarch64-static -cpu cortex-a53
  compile dotprod aarch64-linux-gnu-g++ -march=armv8.2-a+dotprod
  scores_of dotprod dotprod 'aarch64-linux-gnu-g++ -static' qemu-aarch64-static -cpu max
  only_compiles i8mm aarch64-linux-gnu-g++ -march=armv8.2-a+dotprod+i8mm
else
  missing aarch64 'aarch64-linux-gnu-g++ or qemu-aarch64-static' 'g++-aarch64-linux-gnu qemu-user-static'
fi
if command -v arm-linux-gnueabihf-g++ >/dev/null && command -v qemu-arm-static >/dev/null; then
  compile armv7 arm-linux-gnueabihf-g++ -march=armv7-a -mfpu=neon-vfpv4
  scores_of armv7 neon 'arm-linux-gnueabihf-g++ -static' qemu-arm-static -cpu cortex-a7
else
  missing armv7 'arm-linux-gnueabihf-g++ or qemu-arm-static' 'g++-arm-linux-gnueabihf qemu-user-static'
fi
if command -v arm-none-eabi-g++ >/dev/null; then
  only_compiles cortex_m4 arm-none-eabi-g++ -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16
  only_compiles cortex_m55 arm-none-eabi-g++ -mcpu=cortex-m55 -mthumb -mfloat-abi=hard
else
  missing cortex_m4 arm-none-eabi-g++ 'gcc-arm-none-eabi libnewlib-arm-none-eabi'
fi

# Bare WebAssembly has no libc: its functions are the page's, and this is what posy.cpp wants to know of them.
clang=
for name in clang++-22 clang++-21 clang++-20 clang++-19 clang++; do
  if [ -z "$clang" ] && command -v $name >/dev/null && $name --print-targets | grep -qw wasm32; then clang=$name; fi
done
if [ -n "$clang" ]; then
  {
    echo '#include <stddef.h>'
    echo 'extern "C" void *memcpy(void *, const void *, size_t), *memmove(void *, const void *, size_t), *memset(void *, int, size_t);'
    echo 'extern "C" int memcmp(const void *, const void *, size_t), strcmp(const char *, const char *);'
    echo 'extern "C" size_t strlen(const char *);'
  } >"$work/libc/string.h"
  for simd in -mno-simd128 -msimd128; do
    only_compiles "wasm$simd" "$clang" --target=wasm32 -ffreestanding -nostdlibinc -isystem "$work/libc" $simd
  done
else
  missing wasm32 'clang++ with wasm32' clang-19
fi
