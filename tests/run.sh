#!/bin/sh
# Installs what is missing, builds Release into build/ and runs all tests:
#     sh tests/run.sh [flags of ctest]
set -eu
cd "$(dirname "$0")/.."
sh apps/build.sh
cd build
failed=0
ctest --output-on-failure --no-tests=error --parallel "$(nproc)" --output-log tests.log "$@" || failed=$?
echo
grep -h '^skipped:' Testing/Temporary/LastTest.log | sort -u || true
# Last, as ctest has it: how many ran.
grep 'tests passed' tests.log || true
exit "$failed"
