#!/bin/sh
# The inner loops of the SIMD kernels keep what they work on in registers: gcc has been seen to spill a tile of outputs,
# and is then several times slower. Reads the disassembly of each instruction set's object.
# usage: spills.sh BUILD_TYPE SANITIZERS COMPILER OBJECT...
set -eu
here=$(dirname "$0")
objdump=${OBJDUMP:-objdump}
type=$1 sanitizers=$2 compiler=$3
shift 3

skip() {
  echo "skipped: $1"
  exit 77
}

# count LEAST [FUNCTIONS] <DISASSEMBLY. Functions of one element have more constants in their polynomials than AVX2 has
# registers, and so have Winograd's transforms in their matrices: the loops that loop_of() finds, and a transform's last
# pass, may read them from the stack, and so may FUNCTIONS. Of bytes, the depthwise kernels have twelve vectors of inputs,
# as many weights and those that they put in order; and without a dot product, pairs that are not small are taken apart.
count() {
  awk -v least="$1" -v skip="^(void )?(loop_of|code_loop|winograd_last_pass|int8_depthwise|int8_tile<[^>]*false>${2:+|$2})" -f "$here/spills.awk"
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
# The same of AArch64, with an outer loop; and of ARMv7.
arm_registers() {
  tr '|' '\t' <<'END'
0000000000000000 <posy::(anonymous namespace)::tile(float const*)>:
   0:|ldr|q4, [sp, #16]
   4:|ldr|q0, [x1], #16
   8:|fmla|v1.4s, v4.4s, v0.s[0]
   c:|fmla|v2.4s, v4.4s, v0.s[1]
  10:|cmp|x1, x2
  14:|b.ne|4 <posy::(anonymous namespace)::tile(float const*)+0x4>  // b.any
  18:|str|q1, [sp, #32]
  1c:|cbnz|w3, 0 <posy::(anonymous namespace)::tile(float const*)>
  20:|ret
END
}
arm_stack() {
  arm_registers | sed 's/fmla\tv2.*/str\tq2, [sp, #48]/'
}
armv7_registers() {
  arm_registers | sed 's/fmla\t/vfma.f32\t/; s/b\.ne/bne.n/; s/ldr\tq0.*/vld1.32\t{d0-d1}, [r1]!/'
}
armv7_stack() {
  armv7_registers | sed 's/vfma.f32\tv2.*/vldr\td4, [sp, #48]/'
}
dots_registers() {
  arm_registers | sed 's/fmla\tv1.*/sdot\tv1.4s, v4.16b, v0.4b[0]/; s/fmla\tv2.*/smull2\tv2.8h, v4.16b, v0.16b/'
}
dots_stack() {
  dots_registers | sed 's/smull2.*/str\tq2, [sp, #48]/'
}
# sound NAME <DISASSEMBLY, spilled NAME <DISASSEMBLY
sound() {
  text=$(cat)
  echo "$text" | count 1 >/dev/null || { echo "the reader sees spills where there are none: $1"; exit 1; }
  if echo "$text" | count 2 >/dev/null; then echo "the reader counts outer loops: $1"; exit 1; fi
}
spilled() {
  if count 1 >/dev/null; then echo "the reader does not see a spill: $1"; exit 1; fi
}
check_reader() {
  registers | sound x86
  arm_registers | sound AArch64
  armv7_registers | sound ARMv7
  dots_registers | sound 'products of bytes'
  registers | sed 's/vfmadd231ps/{vex} vpdpbusd/' | sound AVX-VNNI
  dots_stack | spilled 'products of bytes'
  stack | spilled x86
  frame | spilled 'by the frame pointer'
  arm_stack | spilled AArch64
  armv7_stack | spilled ARMv7
}
check_reader

[ $# -gt 0 ] || skip "no instruction set besides scalar is built"
[ -z "$sanitizers" ] || skip "-fsanitize=$sanitizers adds code of its own"
[ "$compiler" = GNU ] || skip "the flags of kernels/CMakeLists.txt that keep tiles in registers are gcc's, and this is $compiler"
case $type in
  Release | RelWithDebInfo | '') ;;
  *) skip "a build of type '$type' is not optimized for speed" ;;
esac
command -v "$objdump" >/dev/null || skip "there is no objdump here; it is in binutils"

failed=0
for object in "$@"; do
  "$objdump" -d -C --no-show-raw-insn "$object" >/dev/null || skip "$objdump cannot read $object"
  case $("$objdump" -f "$object") in
    *'architecture: i386'*) others='' ;;
    *'architecture: a'[ar]*) others=winograd_ ;; # all passes: vectors are short there, and matrices have more values than ARM has registers
    *) skip "the reader knows x86 and ARM only" ;;
  esac
  echo "$object"
  least=10
  case $object in *posy_int8_*) least=5 ;; esac
  "$objdump" -d -C --no-show-raw-insn "$object" | count $least "$others" || failed=1
done
exit $failed
