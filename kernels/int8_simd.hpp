// The vectors of the integer kernels, for the instruction set that the build names for the one file that is compiled
// for it: POSY_INT8_AVX2, POSY_INT8_AVXVNNI, POSY_INT8_AVX512VNNI, POSY_INT8_NEON, POSY_INT8_DOTPROD or
// POSY_INT8_I8MM. Nobody else includes int8_simd_x86.hpp and int8_simd_neon.hpp, which define
//
// - I, kLanes: integers of 32 bits. splat_i32, load_i32, store_i32, +.
// - B, kBlocks: bytes, kBlocks * 16 of them. load_bytes(p, n), store_bytes(p, v, n): the first n, nothing beyond them
//   is touched; load_inside(p, range, outside): those of the range, of `outside` the others; splat_u8.
// - Groups of four bytes: W has kLanes of them, weights or inputs; load_w. An operand is kOperandGroups groups of one
//   pixel: load_operand, and load_group for one alone.
// - dot<kSmall>(sum, x, i, w): sum + the four products of group i of the operand with each of w; kSmall says that the
//   pairs are small (int8_weights.hpp). dot_each<kSmall>(sum, x, w): with each group of x its own.
// - kPairsMatter: whether dot is faster of small pairs.
// - kInputsAreSigned: bytes of input are taken less 128; start_of(start, sums) is what sums then begin with.
// - interleave(rows, groups): of four vectors of bytes, groups of one byte of each, in 4 W: in each block of 16 bytes
//   the first, second, third and last four channels.
// - F, splat_f32, load_f32: floats, as many as I. scaled(I, F) is f32(sum) * multiplier, clamped(F, low, high),
//   which is clamp_f32 to the bit; store_floats(p, F, n): the first n.
// - codes_of(4 I, 4 F, CodeLimits): the codes of sums as int8_code() has them. Sums in the order in which interleave()
//   takes vectors apart become bytes in theirs; of sums that follow each other, in_order() puts the codes in order.
//   store_rows<v>(p, stride, codes, n, lanes) stores them as n rows, of v of these vectors each, `lanes` of its codes.
// - kTileRows, kTilePanels, kTileVectors, kPixelsPerPointer: as in simd.hpp.
#pragma once
#include "kernels/int8_weights.hpp"

#if defined(POSY_INT8_AVX2) || defined(POSY_INT8_AVXVNNI) || defined(POSY_INT8_AVX512VNNI)
#include "kernels/int8_simd_x86.hpp"
#else
#include "kernels/int8_simd_neon.hpp"
#endif

namespace posy {
namespace {

constexpr uint32_t kByteLanes = kBlocks * 16;

}  // namespace
}  // namespace posy
