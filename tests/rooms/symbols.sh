#!/bin/sh
# Proves on the object files what the runtime promises: it needs libc's memory functions and fmaf and nothing else, and
# no inline function compiled for one instruction set can stand in for another's.
# usage: symbols.sh ARCHIVE NM SANITIZERS
set -eu
archive=$1 nm=$2 sanitizers=${3:-}
if [ -n "$sanitizers" ]; then
  echo "skipped: -fsanitize=$sanitizers adds symbols of its own"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One line per symbol: number of the member, its name, type, symbol. Members may have the same name (isa.cpp.o).
"$nm" "$archive" > "$work/nm"
awk '/^[^ ]+:$/ { ++member; name = $1; sub(/:$/, "", name) }
     NF >= 2 && !/:$/ { print member, name, $(NF - 1), $NF }' "$work/nm" > "$work/symbols"
members=$(awk '{ print $1 }' "$work/symbols" | sort -u | wc -l)
isas=$(awk '$2 ~ /^isa\./ { print $1 }' "$work/symbols" | sort -u | wc -l)
if [ "$isas" -lt 1 ] || [ "$members" -lt 6 ]; then
  echo "$archive: expected the objects of engine and kernels, found $members of which $isas are isa.cpp" >&2
  exit 1
fi
failed=0

# What the archive needs and does not hold. getauxval is ARM Linux's way to say what the processor has. The last line is
# what compilers call by themselves.
allowed="memset memcpy memcmp memmove strcmp fmaf getauxval
_GLOBAL_OFFSET_TABLE_ __stack_chk_fail __stack_chk_guard __udivdi3 __umoddi3 __divdi3 __moddi3 __aeabi_.*"
awk '$3 ~ /^[A-TV-Zuvwi]$/ && $3 != "w" && $3 != "v" { print $4 }' "$work/symbols" | sort -u > "$work/defined"
awk '$3 == "U" || $3 == "w" || $3 == "v" { print $4 }' "$work/symbols" | sort -u > "$work/wanted"
comm -23 "$work/wanted" "$work/defined" > "$work/needed"
pattern=$(echo "$allowed" | tr -s ' \n' '||' | sed 's/|$//')
if grep -Evx "$pattern" "$work/needed" > "$work/strangers"; then
  echo "the runtime calls what firmware may not have:" >&2
  cat "$work/strangers" >&2
  failed=1
fi

# Weak symbols (inline functions, templates) that an object with an instruction set shares with any other object: the
# linker would keep one copy for both.
awk '$3 == "W" || $3 == "V" || $3 == "u" { print $4, $1, $2 }' "$work/symbols" | sort -u |
  awk '{ count[$1]++; if ($3 ~ /^isa\./) isa[$1] = 1 }
       END { for (s in count) if (count[s] > 1 && s in isa) print s }' | sort > "$work/shared"
if [ -s "$work/shared" ]; then
  echo "weak symbols shared by objects of different instruction sets:" >&2
  cat "$work/shared" >&2
  failed=1
fi

# Of an isa object, nothing but its table may be seen from outside.
awk '$2 ~ /^isa\./ && $3 ~ /^[ABCDGRST]$/ && $4 !~ /Kernels/ { print $4 }' "$work/symbols" > "$work/global"
if [ -s "$work/global" ]; then
  echo "global symbols of an instruction set's object besides its table:" >&2
  cat "$work/global" >&2
  failed=1
fi

echo "$members objects, $isas of them kernels; needs:" $(cat "$work/needed")
exit $failed
