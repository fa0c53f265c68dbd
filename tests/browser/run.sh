#!/bin/sh
# A page in a real browser, by a script that clicks what a person clicks: sh tests/browser/run.sh KIND POSY WORK
# KIND is the page's, for which tests/browser/KIND.js stands here: show, eval or retrain. It is given the folder
# WORK/KIND, in which it makes its pages with the command POSY. Without chromium, node or playwright-core the test is
# skipped (exit code 77) and says so; playwright-core, which downloads no browser, is sought where node finds it and in
# POSY_PLAYWRIGHT:
#
#     npm install --prefix /tmp/browser playwright-core && POSY_PLAYWRIGHT=/tmp/browser ctest -R browser
set -eu
kind=$1 posy=$2 work=$3/$1
here=$(cd "$(dirname "$0")" && pwd)

skip() {
  echo "skipped: $1"
  exit 77
}
command -v node > /dev/null || skip "there is no node"
chromium=
for name in chromium chromium-browser google-chrome; do
  chromium=${chromium:-$(command -v $name || true)}
done
[ -n "$chromium" ] || skip "there is no chromium"
if [ -n "${POSY_PLAYWRIGHT:-}" ]; then
  NODE_PATH=$POSY_PLAYWRIGHT/node_modules${NODE_PATH:+:$NODE_PATH}
  export NODE_PATH
fi
node -e 'require("playwright-core")' 2> /dev/null || skip "node finds no playwright-core; POSY_PLAYWRIGHT names a folder with it"
[ -f "$here/$kind.js" ] || { echo "there is no page of the kind '$kind'"; exit 2; }

mkdir -p "$work"
exec node "$here/$kind.js" "$posy" "$(cd "$here/../.." && pwd)" "$work" "$chromium"
