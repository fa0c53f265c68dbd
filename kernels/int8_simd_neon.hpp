// int8_simd.hpp for NEON: of ARMv7 and ARMv8 as it is, with the dot product of ARMv8.2 (sdot), and with that of
// unsigned and signed bytes of ARMv8.6 (sudot, usdot).
//
// Without the last, bytes of input are signed to the multipliers: x - 128, and sums begin with 128 times the sum of the
// weights more.
#pragma once
#include <arm_neon.h>
#include <string.h>

#include "kernels/int8_ending.hpp"

namespace posy {
namespace {

using I = int32x4_t;
using B = uint8x16_t;
using F = float32x4_t;
using W = uint8x16_t;  // weights are signed, inputs are not
constexpr uint32_t kLanes = 4, kBlocks = 1, kTilePanels = 1, kPixelsPerPointer = 1;
constexpr bool kTilePrefetches = false, kPairsMatter = false;
#if defined(__aarch64__)
constexpr uint32_t kTileRows = 5, kTileVectors = 4;
#else
constexpr uint32_t kTileRows = 4, kTileVectors = 2;
#endif

inline I splat_i32(int32_t x) {
  return vdupq_n_s32(x);
}
inline I load_i32(const void* p) {
  return vld1q_s32((const int32_t*)p);
}
inline void store_i32(void* p, I v) {
  vst1q_s32((int32_t*)p, v);
}
inline W load_w(const uint8_t* p) {
  return vld1q_u8(p);
}
inline F splat_f32(float x) {
  return vdupq_n_f32(x);
}
inline F load_f32(const float* p) {
  return vld1q_f32(p);
}
inline I add(I a, I b) {
  return vaddq_s32(a, b);
}

inline B load_bytes(const uint8_t* p, uint32_t n) {
  if (n >= 16) return vld1q_u8(p);
  uint8_t bytes[16] = {};
  for (uint32_t i = 0; i < n; ++i) bytes[i] = p[i];
  return vld1q_u8(bytes);
}
inline void store_bytes(uint8_t* p, B v, uint32_t n) {
  if (n >= 16) {
    vst1q_u8(p, v);
    return;
  }
  uint8_t bytes[16];
  vst1q_u8(bytes, v);
  for (uint32_t i = 0; i < n; ++i) p[i] = bytes[i];
}
inline B splat_u8(uint8_t x) {
  return vdupq_n_u8(x);
}
inline B load_inside(const uint8_t* p, Range inside, B outside) {
  if (inside.end - inside.begin == 16) return vld1q_u8(p);
  uint8_t bytes[16];
  vst1q_u8(bytes, outside);
  memcpy(bytes + inside.begin, p + inside.begin, inside.end - inside.begin);
  return vld1q_u8(bytes);
}

#if defined(POSY_INT8_I8MM)

constexpr bool kInputsAreSigned = false;
inline I start_of(I start, I) {
  return start;
}
using Operand = uint8x16_t;
inline Operand operand_of(uint8x16_t x) {
  return x;
}
template <bool kSmall>
inline I dot_each(I sum, W x, W w) {
  return vusdotq_s32(sum, x, vreinterpretq_s8_u8(w));
}
template <bool kSmall>
inline I dot(I sum, Operand x, uint32_t group, W w) {
  const int8x16_t weights = vreinterpretq_s8_u8(w);
  switch (group) {
    case 0:
      return vsudotq_laneq_s32(sum, weights, x, 0);
    case 1:
      return vsudotq_laneq_s32(sum, weights, x, 1);
    case 2:
      return vsudotq_laneq_s32(sum, weights, x, 2);
    default:
      return vsudotq_laneq_s32(sum, weights, x, 3);
  }
}

#else

constexpr bool kInputsAreSigned = true;
inline I start_of(I start, I sums) {
  return vaddq_s32(start, vshlq_n_s32(sums, 7));
}
using Operand = int8x16_t;
inline Operand operand_of(uint8x16_t x) {
  return vreinterpretq_s8_u8(veorq_u8(x, vdupq_n_u8(0x80)));
}

#if defined(POSY_INT8_DOTPROD)

inline I dot_signed(I sum, int8x16_t x, int8x16_t w) {
  return vdotq_s32(sum, x, w);
}
template <bool kSmall>
inline I dot(I sum, Operand x, uint32_t group, W w) {
  const int8x16_t weights = vreinterpretq_s8_u8(w);
  switch (group) {
    case 0:
      return vdotq_laneq_s32(sum, weights, x, 0);
    case 1:
      return vdotq_laneq_s32(sum, weights, x, 1);
    case 2:
      return vdotq_laneq_s32(sum, weights, x, 2);
    default:
      return vdotq_laneq_s32(sum, weights, x, 3);
  }
}

#else

// Two products of bytes fit into 16 bits, because no weight is -128.
inline I dot_signed(I sum, int8x16_t x, int8x16_t w) {
  const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(w));
#if defined(__aarch64__)
  const int16x8_t pairs = vpaddq_s16(low, vmull_high_s8(x, w));
#else
  const int16x8_t high = vmull_s8(vget_high_s8(x), vget_high_s8(w));
  const int16x8_t pairs = vcombine_s16(vpadd_s16(vget_low_s16(low), vget_high_s16(low)),
                                       vpadd_s16(vget_low_s16(high), vget_high_s16(high)));
#endif
  return vpadalq_s16(sum, pairs);
}
template <bool kSmall>
inline I dot(I sum, Operand x, uint32_t, W w) {
  return dot_signed(sum, x, vreinterpretq_s8_u8(w));
}

#endif

template <bool kSmall>
inline I dot_each(I sum, W x, W w) {
  return dot_signed(sum, operand_of(x), vreinterpretq_s8_u8(w));
}

#endif

inline Operand load_group(const uint8_t* p) {
  uint32_t bytes;
  memcpy(&bytes, p, sizeof bytes);
  return operand_of(vreinterpretq_u8_u32(vdupq_n_u32(bytes)));
}
#if defined(POSY_INT8_DOTPROD) || defined(POSY_INT8_I8MM)
constexpr uint32_t kOperandGroups = 4;  // dot products pick one of them
inline Operand load_operand(const uint8_t* p) {
  return operand_of(vld1q_u8(p));
}
#else
constexpr uint32_t kOperandGroups = 1;
inline Operand load_operand(const uint8_t* p) {
  return load_group(p);
}
#endif

inline void interleave(const B (&rows)[4], W (&groups)[4]) {
  const uint8x16x2_t a = vzipq_u8(rows[0], rows[1]), b = vzipq_u8(rows[2], rows[3]);
  const uint16x8x2_t low = vzipq_u16(vreinterpretq_u16_u8(a.val[0]), vreinterpretq_u16_u8(b.val[0]));
  const uint16x8x2_t high = vzipq_u16(vreinterpretq_u16_u8(a.val[1]), vreinterpretq_u16_u8(b.val[1]));
  groups[0] = vreinterpretq_u8_u16(low.val[0]);
  groups[1] = vreinterpretq_u8_u16(low.val[1]);
  groups[2] = vreinterpretq_u8_u16(high.val[0]);
  groups[3] = vreinterpretq_u8_u16(high.val[1]);
}

inline F scaled(I sum, F multiplier) {
  return vmulq_f32(vcvtq_f32_s32(sum), multiplier);
}
// To vmaxq_f32, 0 is more than -0.
inline F clamped(F x, F low, F high) {
  const F t = vbslq_f32(vcgtq_f32(low, x), low, x);
  return vbslq_f32(vcgtq_f32(t, high), high, t);
}

struct CodeLimits {
  F high;
  int16x8_t zero;
  B low;

  explicit CodeLimits(const Int8Ending& ending)
      : high(vdupq_n_f32(ending.clamp.high)), zero(vdupq_n_s16(ending.zero)), low(vdupq_n_u8(low_code(ending))) {}
};
inline I rounded(I sum, F multiplier, const CodeLimits& limits) {
  const F x = vminq_f32(limits.high, scaled(sum, multiplier));
#if defined(__aarch64__)
  return vcvtnq_s32_f32(x);
#else
  const F large = vdupq_n_f32(12582912.0f);  // as in round_even_f32()
  return vcvtq_s32_f32(vsubq_f32(vaddq_f32(x, large), large));
#endif
}
inline B codes_of(const I (&sum)[4], const F (&multiplier)[4], const CodeLimits& limits) {
  I x[4];
  POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) x[q] = rounded(sum[q], multiplier[q], limits);
  const int16x8_t low = vqaddq_s16(vcombine_s16(vqmovn_s32(x[0]), vqmovn_s32(x[1])), limits.zero);
  const int16x8_t high = vqaddq_s16(vcombine_s16(vqmovn_s32(x[2]), vqmovn_s32(x[3])), limits.zero);
  return vmaxq_u8(vcombine_u8(vqmovun_s16(low), vqmovun_s16(high)), limits.low);
}
inline B in_order(B codes) {
  return codes;
}
// Rows of kVectors vectors' codes, `lanes` of each.
template <uint32_t kVectors>
inline void store_rows(uint8_t* p, size_t stride, B codes, uint32_t rows, uint32_t lanes) {
  constexpr uint32_t kRowBytes = kVectors * kLanes;
  uint8_t bytes[16];
  if (kRowBytes == 16 && lanes == 16) {
    vst1q_u8(p, codes);
    return;
  }
  vst1q_u8(bytes, codes);
  for (uint32_t r = 0; r < rows; ++r, p += stride) {
    if (lanes == kRowBytes) {
      memcpy(p, bytes + r * kRowBytes, kRowBytes);
    } else {
      for (uint32_t i = 0; i < lanes; ++i) p[i] = bytes[r * kRowBytes + i];
    }
  }
}
inline void store_floats(float* p, F x, uint32_t n) {
  if (n >= kLanes) {
    vst1q_f32(p, x);
    return;
  }
  float four[4];
  vst1q_f32(four, x);
  for (uint32_t i = 0; i < n; ++i) p[i] = four[i];
}

}  // namespace
}  // namespace posy
