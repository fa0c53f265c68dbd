#!/bin/sh
# Installs what the build needs and is missing, and builds Release into build/:
#     sh apps/build.sh [TARGET]
# Quiet; what apt and the build said is in build/*.log, and is shown if they fail.
set -eu
cd "$(dirname "$0")/.."

fail() {
  echo "posy: $1" >&2
  exit 1
}

# The log's last lines, then the sentence.
fail_with_log() {
  tail -n 30 "$1" >&2
  fail "$2"
}

is_command() {
  command -v "$1" >/dev/null 2>&1
}

is_header() {
  # jpeglib.h wants stdio.h before it.
  printf '#include <stdio.h>\n#include <%s>\n' "$1" | c++ -std=c++17 -I/usr/include/stb -E -x c++ - >/dev/null 2>&1
}

# need TEST WHAT PACKAGE
missing=''
need() {
  "$1" "$2" || missing="$missing $3"
}

mkdir -p build
need is_command cmake cmake
need is_command c++ g++
is_command make || need is_command ninja ninja-build
need is_header xsimd/xsimd.hpp libxsimd-dev
need is_header nlohmann/json.hpp nlohmann-json3-dev
need is_header stb_image.h libstb-dev
need is_header doctest/doctest.h doctest-dev
need is_header jpeglib.h libjpeg62-turbo-dev

if [ -n "$missing" ]; then
  as_root=''
  if [ "$(id -u)" -ne 0 ]; then
    is_command sudo || fail "these packages are missing; as root, run: apt-get install$missing"
    as_root=sudo
  fi
  is_command apt-get || fail "install these first, by the names of your system (Debian's are given):$missing"
  echo "installing with apt:$missing" >&2
  $as_root apt-get update >build/apt.log 2>&1 ||
    fail_with_log build/apt.log "apt-get update failed: check the network and the package sources, then try again"
  # shellcheck disable=SC2086 # a list of words
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >>build/apt.log 2>&1 ||
    fail_with_log build/apt.log "apt-get could not install$missing: install them by hand, then try again"
fi

[ -f build/posy ] || echo "building into build/: a few minutes" >&2

# A build folder keeps the generator it was made with.
if [ ! -f build/CMakeCache.txt ] && is_command ninja; then
  set -- "${1:-all}" -G Ninja
else
  set -- "${1:-all}"
fi
target=$1
shift
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release "$@" >build/configure.log 2>&1 ||
  fail_with_log build/configure.log "CMake could not configure build/: mend what it says above, or remove build/ and try again"
cmake --build build --target "$target" --parallel "$(nproc)" >build/build.log 2>&1 ||
  fail_with_log build/build.log "the build failed: the errors are above and in build/build.log"
