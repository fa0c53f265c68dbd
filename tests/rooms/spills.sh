#!/bin/sh
# The inner loops of the SIMD kernels keep what they work on in registers: gcc has been seen to spill a tile of outputs,
# and is then several times slower. Reads the disassembly of each instruction set's object.
# usage: spills.sh BUILD_TYPE SANITIZERS COMPILER OBJECT...
set -eu
here=$(dirname "$0")
type=$1 sanitizers=$2 compiler=$3
shift 3

skip() {
  echo "skipped: $1"
  exit 77
}

# count LEAST <DISASSEMBLY. Functions of one element have more constants in their polynomials than AVX2 has registers, and
# so have Winograd's transforms in their matrices: the loops that loop_of() finds, and a transform's last pass, may read
# them from the stack.
count() {
  awk -v least="$1" -v skip='^(void )?(loop_of|code_loop|winograd_last_pass)' -f "$here/spills.awk"
}

# What the reader has to see: a loop inside a loop that multiplies and adds in registers, though the outer one and the
# code around them use the stack, and %rbp is a pointer like others.
registers() {
  tr '|' '\t' <<'END'
0000000000000000 <posy::(anonymous namespace)::tile(float const*)>:
       0:|vmovaps 0x20(%rsp),%ymm4
       6:|vbroadcastss (%rdi),%ymm0
       b:|vfmadd231ps (%rbp),%ymm0,%ymm1
      10:|vfmadd231ps %ymm4,%ymm0,%ymm2
      18:|add    $0x4,%rdi
      1c:|cmp    %rsi,%rdi
      1f:|jne    6 <posy::(anonymous namespace)::tile(float const*)+0x6>
      21:|vmovups %ymm1,0x40(%rsp)
      27:|dec    %edx
      29:|jne    0 <posy::(anonymous namespace)::tile(float const*)>
      2b:|ret
END
}
# And one accumulator of the same that is on the stack; by %rsp, or by the %rbp of a function with a frame.
stack() {
  registers | sed 's/vfmadd231ps %ymm4.*/vmovups %ymm2,-0x20(%rsp)/'
}
frame() {
  registers | sed 's/vmovaps 0x20.*/mov    %rsp,%rbp/'
}
check_reader() {
  registers | count 1 >/dev/null || { echo "the reader sees spills where there are none"; exit 1; }
  if registers | count 2 >/dev/null; then echo "the reader counts outer loops"; exit 1; fi
  if stack | count 1 >/dev/null; then echo "the reader does not see a spill"; exit 1; fi
  if frame | count 1 >/dev/null; then echo "the reader does not see a spill by the frame pointer"; exit 1; fi
}
check_reader

[ $# -gt 0 ] || skip "no instruction set besides scalar is built"
[ -z "$sanitizers" ] || skip "-fsanitize=$sanitizers adds code of its own"
[ "$compiler" = GNU ] || skip "the flags of kernels/CMakeLists.txt that keep tiles in registers are gcc's, and this is $compiler"
case $type in
  Release | RelWithDebInfo | '') ;;
  *) skip "a build of type '$type' is not optimized for speed" ;;
esac
command -v objdump >/dev/null || skip "there is no objdump here; it is in binutils"

failed=0
for object in "$@"; do
  objdump -d -C --no-show-raw-insn "$object" >/dev/null || skip "objdump cannot read $object"
  objdump -f "$object" | grep -q 'architecture: i386' || skip "the reader knows x86 only"
  echo "$object"
  objdump -d -C --no-show-raw-insn "$object" | count 10 || failed=1
done
exit $failed
