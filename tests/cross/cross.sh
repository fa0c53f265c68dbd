#!/bin/sh
# Builds the runtime for another processor and runs it in an emulator: the tests of the kernels, whole models, whose scores
# have to be the host's to the bit, and a static posy-label. The inner loops may not use the stack. A big-endian processor
# refuses models in a sentence.
# usage: cross.sh aarch64|armhf|riscv64|s390x SOURCE WORK POSY SCORES DOCTEST SANITIZERS
#   POSY and SCORES (tests/cross/scores.cpp) are the host's; DOCTEST is the folder that has doctest/
set -eu
name=$1 source=$2 work=$3 posy=$4 scores=$5 doctest=$6 sanitizers=${7:-}

skip() {
  echo "skipped: $1"
  exit 77
}

# Of the processors, the first has the instruction set, and the last all that there is for bytes; `old` lacks it.
triple=$name-linux-gnu qemu=qemu-$name-static old=''
case $name in
  aarch64) cpus='cortex-a53 cortex-a72 max' simd=neon ;;
  armhf) triple=arm-linux-gnueabihf qemu=qemu-arm-static cpus='cortex-a7 max' simd=neon old=cortex-a9 ;;
  riscv64) cpus=rv64 simd='' ;;
  s390x) cpus=max simd='' ;;
  *) echo "cross.sh: '$name' is not known" >&2; exit 2 ;;
esac
[ -z "$sanitizers" ] || skip "a build with -fsanitize=$sanitizers is about something else"
for tool in $triple-g++ $triple-objdump $qemu; do
  command -v "$tool" >/dev/null || skip "there is no $tool here: apt-get install g++-$triple qemu-user-static"
done
programs='scores posy_label'
[ -z "$simd" ] || programs="$programs peak_test winograd_test oracle_test parity_test int8_test elementary_test"
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS

quietly() {
  "$@" >"$work/log" 2>&1 || {
    tail -n 50 "$work/log"
    echo "failed: $*"
    exit 1
  }
}

mkdir -p "$work"
quietly cmake -S "$source/tests/cross" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DDOCTEST="$doctest" \
  -DCMAKE_TOOLCHAIN_FILE="$source/apps/toolchains/$triple.cmake" -DPOSY_TOOLS=ON -DPOSY_STATIC=ON
# shellcheck disable=SC2086
quietly cmake --build "$work/build" --parallel 2 --target $programs
! grep -A6 'warning:' "$work/log" || exit 1
label=$work/build/posy/posy-label

if [ "$name" = s390x ]; then
  quietly "$posy" convert "$source/models/flowers_mobilenet_v1_0.25_128.pb" -o "$work/model.posy"
  echo "posy-label: $work/model.posy: this processor is big-endian, and .posy files are little-endian" >"$work/expected"
  ! "$qemu" "$label" "$work/model.posy" "$source/tests/data/golden_default_model/daisy_128x128.png" 2>"$work/refused" || exit 1
  cat "$work/refused"
  cmp "$work/refused" "$work/expected"
  exit
fi

# same_scores EXPECTED COMMAND...: the names of the instruction sets, and nothing but the scores of the host.
same_scores() {
  expected=$1
  shift
  "$@" >"$work/scores"
  sets=$(sed 's/:.*//' "$work/scores" | tr '\n' ' ')
  if [ "$expected" != any ] && [ "$sets" != "$expected" ]; then
    echo "expected the instruction sets '$expected', found '$sets': $*"
    exit 1
  fi
  sed 's/.*://' "$work/scores" | sort -u >"$work/different"
  [ -s "$work/bits" ] || cp "$work/different" "$work/bits"
  cat "$work/scores"
  if [ "$(wc -l <"$work/bits")" -ne 1 ] || ! cmp -s "$work/different" "$work/bits"; then
    echo "scores differ: $*"
    exit 1
  fi
}

# sets_of CPU: the names of its tables.
sets_of() {
  case $name.$1 in
    aarch64.max) echo 'i8mm dotprod neon scalar ' ;;
    riscv64.*) echo 'scalar ' ;;
    *) echo 'neon scalar ' ;;
  esac
}

# A photo to calibrate with: a bitmap of 128 x 128 pixels, which are what stands in the graph.
graph=$source/models/flowers_mobilenet_v1_0.25_128.pb
mkdir -p "$work/photos"
{
  printf 'BM\066\300\000\000\000\000\000\000\066\000\000\000\050\000\000\000\200\000\000\000\200\000\000\000'
  printf '\001\000\030\000\000\000\000\000\000\300\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000'
  head -c 100000 "$graph" | tail -c 49152
} >"$work/photos/graph.bmp"

for form in '--weights f32' '--weights u8' '--weights u7' '--weights u4' "--int8 --calibrate $work/photos"; do
  model=$work/$(echo "$form" | sed 's/ .*photos//; s/[- ]//g').posy
  # shellcheck disable=SC2086
  quietly "$posy" convert "$graph" $form -o "$model"
  rm -f "$work/bits"
  same_scores any "$scores" "$model"
  for cpu in $cpus; do
    same_scores "$(sets_of "$cpu")" "$qemu" -cpu "$cpu" "$work/build/scores" "$model"
  done
  [ -z "$old" ] || same_scores 'scalar ' "$qemu" -cpu $old "$work/build/scores" "$model"
done

# The command for boards: one file that needs nothing of the system, and prints what the host's prints.
photo=$source/tests/data/golden_default_model/daisy_128x128.png
echo "posy-label: $(wc -c <"$label") bytes"
"$posy" label "$work/weightsu8.posy" "$photo" 2>"$work/log" >"$work/expected"
for cpu in $cpus; do
  for set in $(sets_of "$cpu"); do
    POSY_ISA=$set "$qemu" -cpu "$cpu" "$label" --threads 2 "$work/weightsu8.posy" "$photo" >"$work/labels"
    cmp "$work/labels" "$work/expected"
  done
done

[ -n "$simd" ] || exit 0
# Of the elementary functions what tables have to agree on; their errors do not depend on the processor.
cpu=${cpus%% *}
for test in peak winograd oracle parity; do
  echo "$test"
  quietly "$qemu" -cpu "$cpu" "$work/build/${test}_test"
done
for cpu in $cpus; do
  echo "int8 of $cpu"
  quietly "$qemu" -cpu "$cpu" "$work/build/int8_test"
  quietly "$qemu" -cpu "$cpu" "$work/build/peak_test"
done
quietly "$qemu" -cpu "$cpu" "$work/build/parity_test" --test-case='int8*'
cpu=${cpus%% *}
quietly "$qemu" -cpu "$cpu" "$work/build/elementary_test" --test-case='unary*'

OBJDUMP=$triple-objdump sh "$source/tests/rooms/spills.sh" Release '' GNU \
  "$work"/build/posy/kernels/CMakeFiles/posy_isa_$simd.dir/isa.cpp.o \
  "$work"/build/posy/kernels/CMakeFiles/posy_int8_*.dir/isa_int8.cpp.o
