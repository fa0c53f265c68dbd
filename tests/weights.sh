#!/bin/sh
# Prints tables (Markdown) of what weights of fewer bits cost: bytes of the file, photos named rightly, photos named as in
# float, milliseconds of an inference.
#     sh tests/weights.sh [build folder [graph of MobileNet v1 1.0 224]]
# The photos lie in ../shared/data, or where DATA says; without them there is nothing to print. The first table is of the
# default model, on the testing part of the flowers (retrain.py's rule), calibrated on 120 photos of the training part. With
# a graph, the second one is of its 1001 ImageNet classes: of 100 photos, each half is labelled by a file that the other half
# has calibrated. Times are of one thread.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build} graph=${2:-} data=${DATA:-$root/../shared/data}
posy=$build/posy
if [ ! -d "$data/images/imagenet_sample" ]; then
  echo "skipped: there are no photos in $data" >&2
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# classes MODEL LIST: "photo class" for each photo of the list.
classes() {
  xargs "$posy" label --json --top 1 "$1" <"$2" 2>/dev/null |
    sed 's/.*"image":"\([^"]*\)".*"index":\([0-9]*\).*/\1 \2/'
}

# row NAME FLAGS...: converts for each half, labels it, and prints a line of the table. Uses $net, $net_flags, $halves.
row() {
  name=$1
  shift
  : >"$work/named"
  for half in $halves; do
    flags=$(echo "$* $net_flags" | sed "s#CALIBRATE#--calibrate $work/calibrate_$half#")
    # Words of their own: no path here has spaces.
    # shellcheck disable=SC2086
    if ! "$posy" convert "$net" $flags -o "$work/model.posy" 2>"$work/log"; then
      echo "| $name | $(tail -n 1 "$work/log" | sed 's/.*: //') | | | |"
      return
    fi
    classes "$work/model.posy" "$work/photos_$half" >>"$work/named"
  done
  [ -e "$work/float" ] || cp "$work/named" "$work/float"
  ms=$("$posy" bench "$work/model.posy" --threads 1 --runs 30 --json | sed 's/.*"median_ms":\([0-9.]*\).*/\1/')
  awk -v name="$name" -v bytes="$(wc -c <"$work/model.posy")" -v ms="$ms" '
    FILENAME ~ /truth$/ { truth[$1] = $2; next }
    FILENAME ~ /float$/ { as_float[$1] = $2; next }
    { n++; right += truth[$1] == $2; same += as_float[$1] == $2 }
    END { printf "| %s | %d | %.1f%% | %.1f%% | %.2f |\n", name, bytes, 100 * right / n, 100 * same / n, ms }
  ' "$work/truth" "$work/float" "$work/named"
}

# table TITLE TARGET...: every type of weights, and bits chosen for each of these sizes.
table() {
  echo "| $1 | bytes | top-1 right | as in float | ms |"
  echo '|---|---|---|---|---|'
  shift
  rm -f "$work/float"
  row f32 --weights f32
  for type in u8 u7 u6 u5 u4; do row $type --weights $type; done
  for type in u8 u7 u6 u5 u4; do row "$type, calibrated" --weights $type CALIBRATE; done
  row 'int8, calibrated' --int8 CALIBRATE
  for target in "$@"; do
    row "mixed, $target" --target-size "$target"
    row "mixed, $target, calibrated" --target-size "$target" CALIBRATE
  done
  row 'mixed, at most 1 point, calibrated' --max-drop 1 CALIBRATE
}

# "photo part" by the SHA-1 of the bare file name, modulo 2^27, in parts of 2^27 - 1.
parts() {
  for photo in "$data"/images/flower_photos_176/*/*.jpg; do
    digits=$(printf '%s' "${photo##*/}" | sha1sum | cut -c 34-40)
    echo "$photo $((0x$digits % 134217728))"
  done | awk '{ p = 100 * $2 / 134217727; print $1, p < 10 ? "validation" : p < 20 ? "testing" : "training" }'
}

parts >"$work/parts"
awk '$2 == "testing" { print $1 }' "$work/parts" >"$work/photos_all"
mkdir "$work/calibrate_all"
awk '$2 == "training" { print $1 }' "$work/parts" | awk 'NR % 25 == 0 { print }' | head -n 120 |
  while read -r photo; do ln -s "$photo" "$work/calibrate_all/"; done
awk -F/ 'BEGIN { split("daisy dandelion roses sunflowers tulips", name, " "); for (i in name) class[name[i]] = i - 1 }
  { print $0, class[$(NF - 1)] }' "$work/photos_all" >"$work/truth"
net=$root/models/flowers_mobilenet_v1_0.25_128.pb net_flags='' halves=all
table 'default model, flowers' 200kB 180kB 160kB
[ -n "$graph" ] || exit 0

# The name behind the synset is one of the class's names in labels.txt, "index:name, name"; of equal ones the first.
mkdir "$work/calibrate_even" "$work/calibrate_odd"
n=0
for photo in "$data"/images/imagenet_sample/*; do
  # Calibrates the file that labels the other half.
  if [ $((n % 2)) -eq 0 ]; then half=even other=odd; else half=odd other=even; fi
  echo "$photo" >>"$work/photos_$half"
  ln -s "$photo" "$work/calibrate_$other/"
  n=$((n + 1))
done
awk '
  FILENAME ~ /labels/ {
    index_of_class = $0; sub(/:.*/, "", index_of_class); names = $0; sub(/^[0-9]*:/, "", names)
    count = split(names, name, /, */)
    for (i = 1; i <= count; ++i) if (!(name[i] in class)) class[name[i]] = index_of_class
    next
  }
  { name_of_photo = $0; sub(/.*\/n[0-9]*_/, "", name_of_photo); sub(/\.[A-Za-z]*$/, "", name_of_photo)
    gsub(/_/, " ", name_of_photo)
    print $0, name_of_photo in class ? class[name_of_photo] : "none" }
' "$data/pb/imagenet/labels.txt" "$work/photos_even" "$work/photos_odd" >"$work/truth"
net=$graph net_flags='--output-node MobilenetV1/Predictions/Reshape' halves='even odd'
echo
table 'MobileNet v1 1.0 224, ImageNet' 2.3MB 2.5MB 2.8MB
