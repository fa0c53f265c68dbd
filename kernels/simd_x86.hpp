// simd.hpp for AVX-512 and AVX2. Works with xsimd 8.1 (Debian 12) and later; what 8.1 lacks or does slowly is an
// intrinsic here. With POSY_PLAIN_VECTORS (the amalgamation) it does without: of xsimd's vectors the kernels use the
// four operators.
#pragma once
#include <immintrin.h>

#ifdef POSY_PLAIN_VECTORS
#include <string.h>
#else
#include <xsimd/xsimd.hpp>
#endif

#include "kernels/tensor.hpp"

namespace posy {
namespace {

#if defined(POSY_PLAIN_VECTORS)

#if defined(POSY_ISA_AVX512)
using Register = __m512;
#else
using Register = __m256;
#endif

struct V {
  Register x;

  V() = default;
  V(Register lanes) : x(lanes) {}
  operator Register() const { return x; }
};

constexpr uint32_t kLanes = sizeof(Register) / sizeof(float);

inline V load(const float* p) {
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, V v) {
  memcpy(p, &v, sizeof v);
}
inline V splat(float x) {
#if defined(POSY_ISA_AVX512)
  return _mm512_set1_ps(x);
#else
  return _mm256_set1_ps(x);
#endif
}
inline V operator+(V a, V b) {
  return a.x + b.x;
}
inline V operator-(V a, V b) {
  return a.x - b.x;
}
inline V operator*(V a, V b) {
  return a.x * b.x;
}
inline V operator/(V a, V b) {
  return a.x / b.x;
}

#else

#if defined(POSY_ISA_AVX512)
using V = xsimd::batch<float, xsimd::avx512f>;
#elif defined(POSY_ISA_AVX2)
using V = xsimd::batch<float, xsimd::avx2>;
#endif

constexpr uint32_t kLanes = V::size;
using Register = V::register_type;

inline V load(const float* p) {
  return V::load_unaligned(p);
}
inline void store(float* p, V v) {
  v.store_unaligned(p);
}
inline V splat(float x) {
  return V(x);
}

#endif

#if defined(POSY_ISA_AVX512)
// 14 x 32 outputs: 28 accumulators, 2 weights, 1 operand broadcast from memory. 7 and 14 divide all of MobileNet's
// maps.
constexpr uint32_t kTileRows = 14, kTilePanels = 2;
// The loop has room for it, and the wide layers' weights come from far away.
constexpr bool kTilePrefetches = true;
#elif defined(POSY_ISA_AVX2)
// 6 x 16 outputs: 12 accumulators, 2 weights, 1 broadcast operand of 16 registers.
constexpr uint32_t kTileRows = 6, kTilePanels = 1;
constexpr bool kTilePrefetches = false;
#endif

// Tiles are whole panels wide.
constexpr uint32_t kTileVectors = kPanelLanes / kLanes;
// Steps between pixels are part of an address: four of them are reached from one pointer, so that pointers and steps
// stay in registers.
constexpr uint32_t kPixelsPerPointer = 4;

#if defined(POSY_ISA_AVX512)

inline V fma(V a, V b, V c) {
  return _mm512_fmadd_ps(a, b, c);
}
// As in clamp_f32: the second operand comes through where one is NaN.
inline V maximum(V a, V b) {
  return _mm512_max_ps(a, b);
}
inline V minimum(V a, V b) {
  return _mm512_min_ps(a, b);
}

// The first n < kLanes floats; nothing beyond them is touched.
inline V load_first(const float* p, uint32_t n) {
  return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
inline void store_first(float* p, V v, uint32_t n) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
}

// Some or all of the lanes, as cheap as all of them.
using LaneMask = __mmask16;
inline LaneMask lane_mask(uint32_t n) {
  return (__mmask16)((1u << n) - 1);
}
inline bool lane_mask_works(uint32_t) {
  return true;
}
inline V load_masked(const float* p, LaneMask mask) {
  return _mm512_maskz_loadu_ps(mask, p);
}
inline void store_masked(float* p, V v, LaneMask mask) {
  _mm512_mask_storeu_ps(p, mask, v);
}

inline __m512i load_indices(const uint8_t* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p));
}
// kLanes bytes as floats. (xsimd's converting load goes through memory and is ten times slower.)
inline V load_u8(const uint8_t* p) {
  return _mm512_cvtepi32_ps(load_indices(p));
}
// table[p[i]] for kLanes bytes; the table has 256 floats.
inline V lookup(const float* table, const uint8_t* p) {
  return _mm512_i32gather_ps(load_indices(p), table, 4);
}

#elif defined(POSY_ISA_AVX2)

inline V fma(V a, V b, V c) {
  return _mm256_fmadd_ps(a, b, c);
}
inline V maximum(V a, V b) {
  return _mm256_max_ps(a, b);
}
inline V minimum(V a, V b) {
  return _mm256_min_ps(a, b);
}

inline __m256i first_mask(uint32_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline V load_first(const float* p, uint32_t n) {
  return _mm256_maskload_ps(p, first_mask(n));
}
inline void store_first(float* p, V v, uint32_t n) {
  _mm256_maskstore_ps(p, first_mask(n), v);
}

inline __m256i load_indices(const uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p));
}
inline V load_u8(const uint8_t* p) {
  return _mm256_cvtepi32_ps(load_indices(p));
}
inline V lookup(const float* table, const uint8_t* p) {
  return _mm256_i32gather_ps(table, load_indices(p), 4);
}

#endif

// A value of a pixel in all lanes, which the multiply-add can load itself.
constexpr uint32_t kOperandValues = 1;
inline V load_operand(const float* p) {
  return splat(*p);
}
inline V fma_operand(V a, uint32_t, V b, V c) {
  return fma(a, b, c);
}

}  // namespace
}  // namespace posy
