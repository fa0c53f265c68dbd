#!/bin/sh
# Builds the program for a board and runs it in qemu.
# usage: run.sh BOARD MODEL FRAME FOLDER [flags of cmake]
#   BOARD  mps2-an386 (Cortex-M4F), mps2-an500 (Cortex-M7) or mps3-an547 (Cortex-M55)
#   MODEL  a .posy file: posy convert retrained_graph.pb --int8 --calibrate photos -o flowers.posy
#   FRAME  320 x 240 pixels of RGB565, high byte first: build/apps/make_frame photo.jpg frame.rgb565
#   FOLDER for the build
set -eu
if [ $# -lt 4 ]; then
  sed -n '2,/^set/s/^# //p' "$0" >&2
  exit 2
fi
board=$1 model=$2 frame=$3 folder=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
for tool in arm-none-eabi-g++ qemu-system-arm cmake; do
  command -v "$tool" >/dev/null || {
    echo "run.sh: there is no $tool here: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm cmake" >&2
    exit 1
  }
done
absolute() {
  echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}

mkdir -p "$folder"
quietly() {
  "$@" >"$folder/log" 2>&1 || {
    tail -n 50 "$folder/log" >&2
    echo "failed: $*" >&2
    exit 1
  }
}
quietly cmake -S "$here" -B "$folder" -DCMAKE_TOOLCHAIN_FILE="$here/../toolchains/arm-none-eabi.cmake" \
  -DBOARD="$board" -DMODEL="$(absolute "$model")" -DFRAME="$(absolute "$frame")" "$@"
quietly cmake --build "$folder" --parallel 2

# What the program says comes out of qemu's standard error. -icount: an instruction takes a nanosecond of the board's
# time, so that its clock counts them.
timeout 120 qemu-system-arm -M "$board" -kernel "$folder/firmware.elf" -nographic -monitor none -serial none \
  -semihosting-config enable=on,target=native -icount shift=0 2>&1
