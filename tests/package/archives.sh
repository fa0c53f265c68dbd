#!/bin/sh
# Makes the tarball and the Debian packages twice, whose bytes have to be the same, and runs what is in them.
# usage: archives.sh SOURCE BUILD WORK CMAKE SANITIZERS
set -eu
source=$1 build=$2 work=$3 cpack=$(dirname "$4")/cpack sanitizers=$5

skip() {
  echo "skipped: $1"
  exit 77
}

[ -z "$sanitizers" ] || skip "a build with -fsanitize=$sanitizers is for no one to install"
[ -x "$cpack" ] || skip "there is no $cpack"
command -v dpkg-deb >/dev/null || skip "there is no dpkg-deb here, so no Debian"

rm -rf "$work"
for round in 1 2; do
  mkdir -p "$work/$round"
  SOURCE_DATE_EPOCH=1000000000 "$cpack" --config "$build/CPackConfig.cmake" -B "$work/$round" >"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
  }
  rm -rf "$work/$round/_CPack_Packages"
done
ls -l "$work/1"
for archive in "$work"/1/*; do
  cmp "$archive" "$work/2/$(basename "$archive")"
done

mkdir "$work/tar" "$work/deb"
tar xzf "$work"/1/posy-*.tar.gz -C "$work/tar" --strip-components=1
for package in "$work"/1/*.deb; do
  dpkg-deb -x "$package" "$work/deb"
done
for root in "$work/tar" "$work/deb/usr"; do
  "$root/bin/posy" convert "$source/models/flowers_mobilenet_v1_0.25_128.pb" -o "$work/flowers.posy" 2>"$work/log"
  "$root/bin/posy-label" --top 1 "$work/flowers.posy" "$source/tests/data/golden_default_model/daisy_128x128.png" |
    grep -x 'daisy (score=0.97569)'
  for file in share/man/man1/posy.1 include/posy/posy.h lib/libposy.a lib/pkgconfig/posy.pc; do
    [ -f "$root/$file" ] || {
      echo "not in the packages: $file"
      exit 1
    }
  done
done
