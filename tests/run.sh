#!/bin/sh
# Installs what is missing, builds Release into build/ and runs all tests:
#     sh tests/run.sh [flags of ctest]
set -eu
cd "$(dirname "$0")/.."
sh apps/build.sh
cd build
# Exit code and last lines are ctest's.
exec ctest --output-on-failure --no-tests=error --parallel "$(nproc)" "$@"
