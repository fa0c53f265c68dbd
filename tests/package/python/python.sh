#!/bin/sh
# Builds the wheel of apps/python from what CMake has built, installs it without a network, and tries it.
# usage: python.sh SOURCE WORK BUILD POSY PYTHON SANITIZERS
set -eu
source=$1 work=$2 build=$3 posy=$4 python=$5 sanitizers=${6:-}

skip() {
  echo "skipped: $1"
  exit 77
}

[ -z "$sanitizers" ] || skip "Python would have to be sanitized as well"
command -v "$python" >/dev/null || skip "there is no python3 here: apt-get install python3"
# The first that has all: Debian's packages are not those of a Python from elsewhere.
first_with_all() {
  for candidate in "$python" /usr/bin/python3; do
    "$candidate" -c 'import numpy, setuptools, wheel, venv, ensurepip' 2>/dev/null && echo "$candidate" && return
  done
}
python=$(first_with_all)
[ -n "$python" ] || skip "there is no Python with NumPy: apt-get install python3-numpy python3-setuptools python3-wheel python3-venv"

rm -rf "$work"
mkdir -p "$work"
# Wheels are built in the package's folder: in a copy, so that nothing is left in the tree.
mkdir "$work/tree" "$work/tree/apps" "$work/tree/engine"
cp "$source/engine/posy.h" "$work/tree/engine/"
cp -R "$source/apps/python" "$work/tree/apps/python"

"$python" -m venv --system-site-packages "$work/venv" >"$work/log" 2>&1 || {
  cat "$work/log"
  exit 1
}
# NumPy, setuptools and wheel from where $python has them, which may be a venv itself.
"$python" -c 'import numpy, os; print(os.path.dirname(os.path.dirname(numpy.__file__)))' \
  >"$(echo "$work"/venv/lib/python3*/site-packages)/these.pth"
pip() {
  "$work/venv/bin/python" -m pip --disable-pip-version-check "$@" >"$work/log" 2>&1 || {
    tail -n 40 "$work/log"
    echo "failed: pip $*"
    exit 1
  }
}
POSY_BUILD=$build pip wheel --no-index --no-deps --no-build-isolation -w "$work/wheels" "$work/tree/apps/python"
wheel=$(ls "$work/wheels")
version=$(sed -n 's/^#define POSY_VERSION "\(.*\)"/\1/p' "$source/engine/posy.h")
echo "$wheel: $(wc -c <"$work/wheels/$wheel") bytes"
case $wheel in
  posy-"$version"-py3-none-*.whl) ;;
  *) echo "the wheel should be of version $version and any Python 3"; exit 1 ;;
esac
pip install --no-index --no-deps "$work/wheels/$wheel"

# Away from the tree: what is imported has to be the wheel.
cd "$work"
unset POSY_COMMAND POSY_LIBRARY POSY_ISA POSY_THREADS PYTHONPATH
[ "$("$work/venv/bin/posy" --version)" = "$("$posy" --version)" ] || { echo "the wheel's posy is another one"; exit 1; }
timeout 100 "$work/venv/bin/python" -X faulthandler "$source/tests/package/python/test_posy.py" "$source" "$posy"
if "$python" -c 'import mypy' 2>/dev/null; then
  "$work/venv/bin/python" -m mypy --strict --cache-dir "$work/mypy" "$work/tree/apps/python/posy"
else
  echo "left out: mypy --strict: pip install mypy"
fi
