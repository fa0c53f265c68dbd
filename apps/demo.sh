#!/bin/sh
# From a fresh clone to a labelled photo: installs what is missing, builds, converts the default model, labels a photo.
#     sh apps/demo.sh
set -eu
cd "$(dirname "$0")/.."

graph=models/flowers_mobilenet_v1_0.25_128.pb
posy_file=build/flowers.posy
photo=build/sunflower.jpg

fail() {
  echo "posy: $1" >&2
  exit 1
}

bytes_of() {
  wc -c <"$1" | tr -d ' '
}

# Puts a sunflower out of one of Debian's packages (GPL pictures of faces for the login screen) into build/. The package
# is unpacked in a temporary folder, and not installed.
fetch_photo() {
  if ! command -v apt-get || ! command -v dpkg-deb; then
    fail "the photo is in a Debian package and there is no apt here; give one of yours: build/posy label $posy_file PHOTO"
  fi >/dev/null
  as_root=''
  [ "$(id -u)" -eq 0 ] || as_root=sudo
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  for package in cinnamon-common gnome-control-center-data; do
    if ! (cd "$folder" && apt-get download "$package") >build/photo.log 2>&1; then
      # Without package lists, as in a fresh container, apt knows no package.
      $as_root apt-get update >>build/photo.log 2>&1 || true
      (cd "$folder" && apt-get download "$package") >>build/photo.log 2>&1 || continue
    fi
    dpkg-deb -x "$folder"/"$package"_*.deb "$folder/unpacked" || continue
    found=$(find "$folder/unpacked" -type f -name '*sunflower.jpg' | head -n 1)
    [ -n "$found" ] || continue
    cp "$found" "$photo"
    return
  done
  fail "no photo could be fetched (build/photo.log says why); give one of yours: build/posy label $posy_file PHOTO"
}

show() {
  echo "\$ $*"
  "$@" 2>&1
}

[ -f "$graph" ] || fail "$graph is missing: get it back with: git checkout $graph"
sh apps/build.sh posy
[ -f "$photo" ] || fetch_photo

show build/posy convert "$graph" --weights u8 -o "$posy_file"
echo
show build/posy label "$posy_file" "$photo"
echo
before=$(bytes_of "$graph")
after=$(bytes_of "$posy_file")
echo "$graph: $before bytes ($(gzip -9 -c "$graph" | wc -c | tr -d ' ') with gzip)"
echo "$posy_file: $after bytes, $((before / after)).$((before * 10 / after % 10)) times smaller"
