#!/bin/sh
# Prints a table (Markdown) of every graph that is compared with TensorFlow, from the tests that compare them:
#     sh tests/graphs.sh [build folder]
# The graphs lie in ../shared/data; without that folder there is nothing to print.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
result=0
echo '| graph | what it stands for | ops of the converted network | largest difference of a score | allowed |'
echo '|---|---|---|---|---|'
for test in loaders_golden_test loaders_made_test; do
  code=0
  out=$("$build/tests/$test") || code=$?
  printf '%s\n' "$out" | sed -n '/^| /p'
  if [ "$code" -eq 77 ]; then
    printf '%s\n' "$out" | sed -n '/^skipped: /p' >&2
  elif [ "$code" -ne 0 ]; then
    echo "$test fails; run it for the reason" >&2
    result=1
  fi
done
exit "$result"
