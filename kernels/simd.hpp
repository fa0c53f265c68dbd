// The one place that knows xsimd and intrinsics: a vector V of floats and the few operations that the kernels need, for
// the instruction set that the build names for the one file that is compiled for it: POSY_ISA_AVX2, POSY_ISA_AVX512 or
// POSY_ISA_NEON. Nobody else includes simd_x86.hpp and simd_neon.hpp, which define
//
//   V, kLanes                          + - * / of V are those of IEEE 754 (but see simd_neon.hpp about denormals)
//   load, store, splat, fma            fma(a, b, c) is a * b + c, rounded once
//   maximum(a, b), minimum(a, b)       as in clamp_f32: b where one of them is NaN, and of two zeros
//   load_first, store_first(p, v, n)   the first n < kLanes floats; nothing beyond them is touched
//   LaneMask                           some or all of the lanes, as cheap as all of them; lane_mask_works(n) says of
//   which
//                                      numbers of lanes there is one
//   load_u8, lookup(table, p)          kLanes bytes as floats, or as places in a table of 256 floats
//   Operand                            what a tile multiplies with weights: kOperandValues neighbouring values of a
//   pixel,
//                                      loaded at once; fma_operand(a, i, b, c) takes that one of them
//   kTileRows, kTilePanels             pixels and panels of a tile of outputs, and of each of its panels this many
//   vectors: kTileVectors                       kPanelVectors, or a part of them that divides them if kTilePanels is 1
//   kTilePrefetches, kPixelsPerPointer how product_tile.hpp reaches memory
#pragma once

// Full unrolling, so that an array of accumulators becomes registers.
#define POSY_UNROLL _Pragma("GCC unroll 32")

#if defined(POSY_ISA_AVX512) || defined(POSY_ISA_AVX2)
#include "kernels/simd_x86.hpp"
#elif defined(POSY_ISA_NEON)
#include "kernels/simd_neon.hpp"
#else
#error "kernels/simd.hpp: no instruction set was named"
#endif

namespace posy {
namespace {

constexpr uint32_t kPanelVectors = kPanelLanes / kLanes;

inline V clamp(Clamp limits, V x) {
  return minimum(splat(limits.high), maximum(splat(limits.low), x));
}

// A vector of channels, all kLanes of them or the last n: for loops whose tail is the same code with kFull false.
template <bool kFull>
inline V load_lanes(const float* p, uint32_t n) {
  if constexpr (kFull) return load(p);
  return load_first(p, n);
}
template <bool kFull>
inline void store_lanes(float* p, V v, uint32_t n) {
  if constexpr (kFull) {
    store(p, v);
  } else {
    store_first(p, v, n);
  }
}

}  // namespace
}  // namespace posy
