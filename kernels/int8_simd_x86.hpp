// int8_simd.hpp for AVX2, AVX-VNNI and AVX-512 with VNNI.
#pragma once
#include <immintrin.h>
#include <string.h>

#include "kernels/int8_ending.hpp"

namespace posy {
namespace {

constexpr uint32_t kPixelsPerPointer = 4;
constexpr uint32_t kOperandGroups = 1;

inline uint32_t load_4(const uint8_t* p) {
  uint32_t bytes;
  memcpy(&bytes, p, sizeof bytes);
  return bytes;
}

#if defined(POSY_INT8_AVX512VNNI)

using I = __m512i;
using B = __m512i;
using W = __m512i;
using F = __m512;
constexpr uint32_t kLanes = 16, kBlocks = 4;
// 14 x 32 outputs: 28 sums, 2 weights, 1 broadcast operand of 32 registers.
constexpr uint32_t kTileRows = 14, kTilePanels = 2, kTileVectors = 1;
constexpr bool kTilePrefetches = true;

inline I splat_i32(int32_t x) {
  return _mm512_set1_epi32(x);
}
inline I load_i32(const void* p) {
  return _mm512_loadu_si512(p);
}
inline void store_i32(void* p, I v) {
  _mm512_storeu_si512(p, v);
}
inline W load_w(const uint8_t* p) {
  return _mm512_loadu_si512(p);
}
inline F splat_f32(float x) {
  return _mm512_set1_ps(x);
}
inline F load_f32(const float* p) {
  return _mm512_loadu_ps(p);
}

inline __mmask64 first_bytes(uint32_t n) {
  return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}
inline B load_bytes(const uint8_t* p, uint32_t n) {
  return _mm512_maskz_loadu_epi8(first_bytes(n), p);
}
inline void store_bytes(uint8_t* p, B v, uint32_t n) {
  _mm512_mask_storeu_epi8(p, first_bytes(n), v);
}
inline B load_inside(const uint8_t* p, Range inside, B outside) {
  return _mm512_mask_loadu_epi8(outside, first_bytes(inside.end) & ~first_bytes(inside.begin), p);
}
inline B splat_u8(uint8_t x) {
  return _mm512_set1_epi8((char)x);
}

template <bool kSmall>
inline I dot_each(I sum, W x, W w) {
  return _mm512_dpbusd_epi32(sum, x, w);
}

inline void interleave(const B (&rows)[4], W (&groups)[4]) {
  const B low_a = _mm512_unpacklo_epi8(rows[0], rows[1]), high_a = _mm512_unpackhi_epi8(rows[0], rows[1]);
  const B low_b = _mm512_unpacklo_epi8(rows[2], rows[3]), high_b = _mm512_unpackhi_epi8(rows[2], rows[3]);
  groups[0] = _mm512_unpacklo_epi16(low_a, low_b);
  groups[1] = _mm512_unpackhi_epi16(low_a, low_b);
  groups[2] = _mm512_unpacklo_epi16(high_a, high_b);
  groups[3] = _mm512_unpackhi_epi16(high_a, high_b);
}

inline F scaled(I sum, F multiplier) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier);
}
inline F clamped(F x, F low, F high) {
  return _mm512_min_ps(high, _mm512_max_ps(low, x));
}
inline I add(I a, I b) {
  return _mm512_add_epi32(a, b);
}

struct CodeLimits {
  F high;
  B zero, low;

  explicit CodeLimits(const Int8Ending& ending)
      : high(_mm512_set1_ps(ending.clamp.high)),
        zero(_mm512_set1_epi16(ending.zero)),
        low(splat_u8(low_code(ending))) {}
};
inline I rounded(I sum, F multiplier, const CodeLimits& limits) {
  return _mm512_cvtps_epi32(_mm512_min_ps(limits.high, scaled(sum, multiplier)));
}
inline B codes_of(const I (&sum)[4], const F (&multiplier)[4], const CodeLimits& limits) {
  I x[4];
  POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) x[q] = rounded(sum[q], multiplier[q], limits);
  const B low = _mm512_adds_epi16(_mm512_packs_epi32(x[0], x[1]), limits.zero);
  const B high = _mm512_adds_epi16(_mm512_packs_epi32(x[2], x[3]), limits.zero);
  return _mm512_max_epu8(_mm512_packus_epi16(low, high), limits.low);
}
inline B in_order(B codes) {
  const I from = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(from, codes);
}
// Rows of kVectors vectors' codes, `lanes` of each: 32 or 16.
template <uint32_t kVectors>
inline void store_rows(uint8_t* p, size_t stride, B codes, uint32_t rows, uint32_t lanes) {
  if constexpr (kVectors == 2) {
    const __mmask32 mask = (__mmask32)((1ull << lanes) - 1);
    _mm256_mask_storeu_epi8(p, mask, _mm512_castsi512_si256(codes));
    if (rows > 1) _mm256_mask_storeu_epi8(p + stride, mask, _mm512_extracti64x4_epi64(codes, 1));
  } else {
    const __mmask16 mask = (__mmask16)((1u << lanes) - 1);
    _mm_mask_storeu_epi8(p, mask, _mm512_castsi512_si128(codes));
    if (rows > 1) _mm_mask_storeu_epi8(p + stride, mask, _mm512_extracti32x4_epi32(codes, 1));
    if (rows > 2) _mm_mask_storeu_epi8(p + 2 * stride, mask, _mm512_extracti32x4_epi32(codes, 2));
    if (rows > 3) _mm_mask_storeu_epi8(p + 3 * stride, mask, _mm512_extracti32x4_epi32(codes, 3));
  }
}

inline void store_floats(float* p, F x, uint32_t n) {
  _mm512_mask_storeu_ps(p, (__mmask16)(n >= kLanes ? 0xffff : (1u << n) - 1), x);
}

#else

using I = __m256i;
using B = __m256i;
using W = __m256i;
using F = __m256;
constexpr uint32_t kLanes = 8, kBlocks = 2, kTilePanels = 1, kTileVectors = 2;
constexpr bool kTilePrefetches = false;
#if defined(POSY_INT8_AVXVNNI)
// 6 x 16 outputs: 12 sums, 2 weights, 1 operand of 16 registers.
constexpr uint32_t kTileRows = 6;
#else
// 5 x 16 outputs: 10 sums, 2 weights, the ones, 1 operand and products on their way.
constexpr uint32_t kTileRows = 5;
#endif

inline I splat_i32(int32_t x) {
  return _mm256_set1_epi32(x);
}
inline I load_i32(const void* p) {
  return _mm256_loadu_si256((const __m256i*)p);
}
inline void store_i32(void* p, I v) {
  _mm256_storeu_si256((__m256i*)p, v);
}
inline W load_w(const uint8_t* p) {
  return _mm256_loadu_si256((const __m256i*)p);
}
inline F splat_f32(float x) {
  return _mm256_set1_ps(x);
}
inline F load_f32(const float* p) {
  return _mm256_loadu_ps(p);
}
inline I add(I a, I b) {
  return _mm256_add_epi32(a, b);
}

// The first n <= 16 bytes, by two loads that may overlap; zeros behind them.
inline __m128i load_first_16(const uint8_t* p, uint32_t n) {
  if (n >= 16) return _mm_loadu_si128((const __m128i*)p);
  uint64_t low = 0, high = 0;
  if (n >= 8) {
    memcpy(&low, p, 8);
    memcpy(&high, p + n - 8, 8);
    high = n == 8 ? 0 : high >> (8 * (16 - n));
  } else if (n >= 4) {
    low = load_4(p) | (uint64_t)load_4(p + n - 4) << (8 * (n - 4));
  } else {
    for (uint32_t i = 0; i < n; ++i) low |= (uint64_t)p[i] << (8 * i);
  }
  return _mm_set_epi64x((long long)high, (long long)low);
}
POSY_SHARED void store_some_16(uint8_t* p, __m128i v, uint32_t n) {
  if (n >= 16) {
    _mm_storeu_si128((__m128i*)p, v);
    return;
  }
  if (n >= 8) {
    _mm_storel_epi64((__m128i*)p, v);
    v = _mm_srli_si128(v, 8);
    p += 8;
    n -= 8;
  }
  uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(v);
  for (; n > 0; --n, bytes >>= 8) *p++ = (uint8_t)bytes;
}
POSY_SHARED B load_some_bytes(const uint8_t* p, uint32_t n) {
  const __m128i low = load_first_16(p, n), high = n > 16 ? load_first_16(p + 16, n - 16) : _mm_setzero_si128();
  return _mm256_set_m128i(high, low);
}
inline B load_bytes(const uint8_t* p, uint32_t n) {
  return n >= 32 ? _mm256_loadu_si256((const __m256i*)p) : load_some_bytes(p, n);
}
POSY_SHARED void store_some_bytes(uint8_t* p, B v, uint32_t n) {
  store_some_16(p, _mm256_castsi256_si128(v), n);
  if (n > 16) store_some_16(p + 16, _mm256_extracti128_si256(v, 1), n - 16);
}
inline void store_bytes(uint8_t* p, B v, uint32_t n) {
  if (n >= 32) {
    _mm256_storeu_si256((__m256i*)p, v);
  } else {
    store_some_bytes(p, v, n);
  }
}
inline B splat_u8(uint8_t x) {
  return _mm256_set1_epi8((char)x);
}
POSY_SHARED B load_some_inside(const uint8_t* p, Range inside, B outside) {
  uint8_t bytes[32];
  _mm256_storeu_si256((__m256i*)bytes, outside);
  memcpy(bytes + inside.begin, p + inside.begin, inside.end - inside.begin);
  return _mm256_loadu_si256((const __m256i*)bytes);
}
inline B load_inside(const uint8_t* p, Range inside, B outside) {
  if (inside.end - inside.begin == 32) return _mm256_loadu_si256((const __m256i*)p);
  return load_some_inside(p, inside, outside);
}

// With AVX2 alone, bytes are multiplied in pairs. Their sums have 16 bits, which small pairs stay within; others are
// taken apart into even and odd bytes of 16 bits.
template <bool kSmall>
inline I dot_each(I sum, W x, W w) {
#if defined(POSY_INT8_AVXVNNI)
  return _mm256_dpbusd_avx_epi32(sum, x, w);
#else
  if constexpr (kSmall) {
    return add(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
  }
  const W even =
      _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(0xff)), _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8));
  const W odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), _mm256_srai_epi16(w, 8));
  return add(sum, add(even, odd));
#endif
}

inline void interleave(const B (&rows)[4], W (&groups)[4]) {
  const B low_a = _mm256_unpacklo_epi8(rows[0], rows[1]), high_a = _mm256_unpackhi_epi8(rows[0], rows[1]);
  const B low_b = _mm256_unpacklo_epi8(rows[2], rows[3]), high_b = _mm256_unpackhi_epi8(rows[2], rows[3]);
  groups[0] = _mm256_unpacklo_epi16(low_a, low_b);
  groups[1] = _mm256_unpackhi_epi16(low_a, low_b);
  groups[2] = _mm256_unpacklo_epi16(high_a, high_b);
  groups[3] = _mm256_unpackhi_epi16(high_a, high_b);
}

inline F scaled(I sum, F multiplier) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(sum), multiplier);
}
inline F clamped(F x, F low, F high) {
  return _mm256_min_ps(high, _mm256_max_ps(low, x));
}

struct CodeLimits {
  F high;
  B zero, low;

  explicit CodeLimits(const Int8Ending& ending)
      : high(_mm256_set1_ps(ending.clamp.high)),
        zero(_mm256_set1_epi16(ending.zero)),
        low(splat_u8(low_code(ending))) {}
};
inline I rounded(I sum, F multiplier, const CodeLimits& limits) {
  return _mm256_cvtps_epi32(_mm256_min_ps(limits.high, scaled(sum, multiplier)));
}
inline B codes_of(const I (&sum)[4], const F (&multiplier)[4], const CodeLimits& limits) {
  I x[4];
  POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) x[q] = rounded(sum[q], multiplier[q], limits);
  const B low = _mm256_adds_epi16(_mm256_packs_epi32(x[0], x[1]), limits.zero);
  const B high = _mm256_adds_epi16(_mm256_packs_epi32(x[2], x[3]), limits.zero);
  return _mm256_max_epu8(_mm256_packus_epi16(low, high), limits.low);
}
inline B in_order(B codes) {
  return _mm256_permutevar8x32_epi32(codes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
// Rows of a panel's codes, `lanes` of each.
template <uint32_t kVectors>
inline void store_rows(uint8_t* p, size_t stride, B codes, uint32_t rows, uint32_t lanes) {
  static_assert(kVectors == 2);
  const __m128i first = _mm256_castsi256_si128(codes), second = _mm256_extracti128_si256(codes, 1);
  if (lanes == kPanelLanes) {
    _mm_storeu_si128((__m128i*)p, first);
    if (rows > 1) _mm_storeu_si128((__m128i*)(p + stride), second);
  } else {
    store_some_16(p, first, lanes);
    if (rows > 1) store_some_16(p + stride, second, lanes);
  }
}

inline void store_floats(float* p, F x, uint32_t n) {
  if (n >= kLanes) {
    _mm256_storeu_ps(p, x);
    return;
  }
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  _mm256_maskstore_ps(p, mask, x);
}

#endif

constexpr bool kInputsAreSigned = false;
#if defined(POSY_INT8_AVX2)
constexpr bool kPairsMatter = true;
#else
constexpr bool kPairsMatter = false;
#endif
inline I start_of(I start, I) {
  return start;
}

using Operand = W;
inline Operand load_operand(const uint8_t* p) {
  return splat_i32((int32_t)load_4(p));
}
inline Operand load_group(const uint8_t* p) {
  return load_operand(p);
}
template <bool kSmall>
inline I dot(I sum, Operand x, uint32_t, W w) {
  return dot_each<kSmall>(sum, x, w);
}

}  // namespace
}  // namespace posy
