#!/bin/sh
# Builds apps/firmware for a board and runs it in qemu: the bits of the scores have to be the host's for models of every
# form, no heap may be linked, and code, RAM and instructions stay below limits.
# usage: firmware.sh BOARD SETS SOURCE WORK POSY SCORES MAKE_FRAME SANITIZERS
#   SETS are values of POSY_ISAS; POSY, SCORES (tests/cross/scores.cpp) and MAKE_FRAME (apps/firmware) are the host's
set -eu
board=$1 sets=$2 source=$3 work=$4 posy=$5 scores=$6 make_frame=$7 sanitizers=${8:-}

skip() {
  echo "skipped: $1"
  exit 77
}
[ -z "$sanitizers" ] || skip "a build with -fsanitize=$sanitizers is about something else"
for tool in arm-none-eabi-g++ qemu-system-arm; do
  command -v "$tool" >/dev/null ||
    skip "there is no $tool here: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
done
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS

fail() {
  echo "failed: $*"
  exit 1
}
quietly() {
  "$@" >"$work/log" 2>&1 || {
    tail -n 50 "$work/log"
    fail "$@"
  }
}

photos=$source/tests/data/golden_default_model
rm -rf "$work"  # options of an earlier run stay in its folders
mkdir -p "$work"
quietly "$make_frame" "$photos/daisy_128x128.png" "$work/frame.rgb565"
for model in f32 u8 u7 u4 int8; do
  form="--weights $model"
  [ $model != int8 ] || form="--int8 --calibrate $photos"
  # shellcheck disable=SC2086
  quietly "$posy" convert "$source/models/flowers_mobilenet_v1_0.25_128.pb" $form -o "$work/$model.posy"
done

# run SET MODEL [flags of cmake]: builds and runs; what the program says is in $work/said.
run() {
  set=$1 model=$2
  shift 2
  quietly sh "$source/apps/firmware/run.sh" "$board" "$work/$model.posy" "$work/frame.rgb565" "$work/$set" "$@"
  mv "$work/log" "$work/said"
  ! grep -A6 'warning:' "$work/$set/log" || fail "$board, $set, $model: warnings"
}
# number NAME: of the program's line that begins so.
number() {
  value=$(sed -n "s/^ *$1: //p" "$work/said")
  [ -n "$value" ] || fail "the program does not say '$1'"
  echo "$value"
}
# at_most NAME LIMIT
at_most() {
  value=$(number "$1")
  [ "$value" -le "$2" ] || fail "$board, $set, $model: $1 is $value, the limit is $2"
}
# same_bits TABLE: the kernels of that name, and the scores of the host.
same_bits() {
  "$scores" "$work/$model.posy" "$work/frame.rgb565" | sed 's/.*://' | sort -u >"$work/expected"
  [ "$(wc -l <"$work/expected")" -eq 1 ] || fail "the host has different scores of $model"
  sed -n "s/^$1://p" "$work/said" >"$work/found"
  cmp -s "$work/expected" "$work/found" || {
    cat "$work/said" "$work/expected"
    fail "$board, $set, $model: scores are not the host's"
  }
  grep -q '^daisy (score=0\.9' "$work/said" || fail "$board, $set, $model: the daisy is called something else"
}
# no_heap SET: what would allocate, throw or come from an operating system. No call of fmaf(): it is an instruction.
no_heap() {
  arm-none-eabi-nm "$work/$1/firmware.elf" >"$work/symbols"
  grep -q ' T posy_run$' "$work/symbols" || fail "$1: no symbols"
  if grep -E ' [TtWwU] _*(malloc|calloc|realloc|free|sbrk|malloc_r|Znw|Zna|Zdl|cxa_|Unwind|printf|exit|fmaf)' "$work/symbols"; then
    fail "$board, $1: this may not be linked"
  fi
}
report() {
  printf '%s %-6s %-4s  %6d bytes of .text, %6d of RAM for the engine, %5d of stack, %9d + %9d instructions\n' "$board" \
    "$set" "$model" "$(number 'flash .text')" "$(number 'engine bytes')" "$(number 'of these used')" \
    "$(number 'instructions of posy_set_image')" "$(number 'instructions of posy_run')"
}

for set in $sets; do
  table=$set models='f32 u8 u7 u4 int8'
  if [ "$set" = none ]; then
    table=scalar models='u8 int8'  # hundreds of millions of instructions each
  fi
  for model in $models; do
    case $board.$model in
      mps3-an547.f32) continue ;; # 2 MB, where there are 512 KB of flash
    esac
    run "$set" "$model" -DPOSY_ISAS="$set"
    same_bits "$table"
    no_heap "$set"
    at_most 'of these used' 8000
    report
  done
done

# As a part of 512 KB of flash and 128 KB of RAM would have it: the linker refuses more.
set=${sets##* }
run "$set" int8 -DPOSY_ISAS="$set" -DPOSY_OPS=mobilenet_int8 -DFLASH_LENGTH=512K -DRAM_LENGTH=128K -DSTACK_BYTES=8192
same_bits "$set"
no_heap "$set"
report
case $set in
  dsp) at_most "flash .text" 34000 && at_most "instructions of posy_run" 28000000 ;;
esac
