// The one place that knows xsimd and intrinsics: a vector V of floats and the few operations that the kernels need, for
// the instruction set that the build names for the one file that is compiled for it: POSY_ISA_AVX2, POSY_ISA_AVX512 or
// POSY_ISA_NEON. Nobody else includes simd_x86.hpp and simd_neon.hpp, which define
//
// - V, kLanes, and the compiler's type for V; + - * / of V are those of IEEE 754 (but see simd_neon.hpp about
// denormals).
// - load, store, splat; fma(a, b, c) is a * b + c, rounded once.
// - maximum(a, b), minimum(a, b) as in clamp_f32: b where one of them is NaN, and of two zeros.
// - load_first, store_first(p, v, n): the first n < kLanes floats; nothing beyond them is touched.
// - load_u8, lookup(table, p): kLanes bytes as floats, or as places in a table of 256 floats.
// - load_operand: what a tile multiplies with weights, kOperandValues neighbouring values of a pixel at once, of which
//   fma_operand(a, i, b, c) takes one.
// - kTileRows, kTilePanels: pixels and panels of a tile of outputs; of each of its panels kTileVectors vectors: all of
//   them, or, if kTilePanels is 1, a number that divides them.
// - kTilePrefetches, kPixelsPerPointer: how product_tile.hpp reaches memory.
#pragma once
#include "kernels/math.hpp"

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

// kLanes whole numbers, for bits: vectors of the compiler, which has + & | << >> for them in every instruction set.
typedef int32_t Words __attribute__((vector_size(kLanes * sizeof(int32_t))));

// first, first + 1, ...
inline Words lane_numbers(uint32_t first) {
  Words numbers = {};
  POSY_UNROLL for (uint32_t i = 0; i < kLanes; ++i) numbers[i] = (int32_t)i;
  return numbers + (int32_t)first;
}
// One number of 2 or 4 bytes in every lane.
template <class T>
inline Words repeat_word(const uint8_t* p) {
  T word;
  memcpy(&word, p, sizeof word);
  return Words{} + (int32_t)word;
}
// Two numbers of 4 bytes, the first in even lanes and the second in odd ones.
inline Words repeat_pair(const uint8_t* p) {
  typedef uint64_t Pairs __attribute__((vector_size(sizeof(Words))));
  uint64_t pair;
  memcpy(&pair, p, sizeof pair);
  return (Words)(Pairs{} + pair);
}
inline V to_floats(Words x) {
  typedef float Floats __attribute__((vector_size(sizeof(Words))));
  return V((Register) __builtin_convertvector(x, Floats));
}

#if !defined(POSY_ISA_AVX512)
// A LaneMask is some or all of the lanes, as cheap as all of them; lane_mask_works(n) says of which numbers of lanes
// there is one. Here masked moves are slow or there are none: code with a LaneMask is for whole vectors.
struct LaneMask {};
inline LaneMask lane_mask(uint32_t) {
  return {};
}
inline bool lane_mask_works(uint32_t n) {
  return n == kLanes;
}
inline V load_masked(const float* p, LaneMask) {
  return load(p);
}
inline void store_masked(float* p, V v, LaneMask) {
  store(p, v);
}
#endif

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
