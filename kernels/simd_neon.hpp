// simd.hpp for NEON: AArch64, and ARMv7 with VFPv4, whose NEON has the fused multiply-add.
//
// AArch64 computes as IEEE 754 says. ARMv7's NEON takes denormals for zeros and makes zeros of denormal results,
// always; all other bits are the same. What is no vector (the loops of elements, softmax, the scalar table) is VFP
// there, which flushes nothing.
#pragma once
#include <arm_neon.h>
#include <string.h>

#include "kernels/tensor.hpp"

namespace posy {
namespace {

// A struct, because the operators of float32x4_t itself are not the instructions on ARMv7: compilers avoid what flushes
// denormals there.
struct V {
  float32x4_t x;

  V() = default;
  V(float32x4_t lanes) : x(lanes) {}
};

constexpr uint32_t kLanes = 4;
using Register = float32x4_t;
constexpr bool kTilePrefetches = false;
// Loads that step their pointer cost nothing: each pixel has its own.
constexpr uint32_t kPixelsPerPointer = 1;
constexpr uint32_t kTilePanels = 1;

inline V load(const float* p) {
  return vld1q_f32(p);
}
inline void store(float* p, V v) {
  vst1q_f32(p, v.x);
}
inline V splat(float x) {
  return vdupq_n_f32(x);
}
inline V operator+(V a, V b) {
  return vaddq_f32(a.x, b.x);
}
inline V operator-(V a, V b) {
  return vsubq_f32(a.x, b.x);
}
inline V operator*(V a, V b) {
  return vmulq_f32(a.x, b.x);
}
inline V fma(V a, V b, V c) {
  return vfmaq_f32(c.x, a.x, b.x);
}

#if defined(__aarch64__)

// 5 x 16 outputs: 20 accumulators, 5 operands of four values each, 4 weights of 32 registers.
constexpr uint32_t kTileRows = 5, kTileVectors = 4;

inline V operator/(V a, V b) {
  return vdivq_f32(a.x, b.x);
}
inline uint32x4_t is_greater(V a, V b) {
  return vcgtq_f32(a.x, b.x);
}

// The multiply-add takes a lane of an operand: nothing is broadcast.
constexpr uint32_t kOperandValues = 4;
inline V load_operand(const float* p) {
  return load(p);
}
inline V fma_operand(V a, uint32_t value, V b, V c) {
  switch (value) {
    case 0:
      return vfmaq_laneq_f32(c.x, b.x, a.x, 0);
    case 1:
      return vfmaq_laneq_f32(c.x, b.x, a.x, 1);
    case 2:
      return vfmaq_laneq_f32(c.x, b.x, a.x, 2);
    default:
      return vfmaq_laneq_f32(c.x, b.x, a.x, 3);
  }
}

#else

// 5 x 8 outputs, half of a panel: 10 accumulators, 2 weights, 4 broadcast operands of 16 registers. (Of 6 x 8, gcc 12
// leaves nothing on the stack, but clang 14 to 19 do.)
constexpr uint32_t kTileRows = 5, kTileVectors = 2;

// There is no such instruction: lane by lane.
inline V operator/(V a, V b) {
  float left[kLanes], right[kLanes];
  store(left, a);
  store(right, b);
  for (uint32_t i = 0; i < kLanes; ++i) left[i] /= right[i];
  return load(left);
}
// gcc 12 makes of vcgtq_f32 four comparisons by VFP.
inline uint32x4_t is_greater(V a, V b) {
  uint32x4_t mask;
  __asm__("vcgt.f32 %q0, %q1, %q2" : "=w"(mask) : "w"(a.x), "w"(b.x));
  return mask;
}

// Only the unfused multiply-add can take a lane: operands are broadcast from memory.
constexpr uint32_t kOperandValues = 1;
inline V load_operand(const float* p) {
  return vld1q_dup_f32(p);
}
inline V fma_operand(V a, uint32_t, V b, V c) {
  return fma(a, b, c);
}

#endif

// Not vmaxq_f32: of two zeros it makes the positive one, and of NaN and a number it makes NaN.
inline V maximum(V a, V b) {
  return vbslq_f32(is_greater(a, b), a.x, b.x);
}
inline V minimum(V a, V b) {
  return vbslq_f32(is_greater(b, a), a.x, b.x);
}

inline V load_first(const float* p, uint32_t n) {
  if (n == 0) return splat(0);
  float32x4_t v = vsetq_lane_f32(p[0], vdupq_n_f32(0), 0);
  if (n > 1) v = vsetq_lane_f32(p[1], v, 1);
  if (n > 2) v = vsetq_lane_f32(p[2], v, 2);
  return v;
}
inline void store_first(float* p, V v, uint32_t n) {
  if (n > 0) p[0] = vgetq_lane_f32(v.x, 0);
  if (n > 1) p[1] = vgetq_lane_f32(v.x, 1);
  if (n > 2) p[2] = vgetq_lane_f32(v.x, 2);
}

inline V load_u8(const uint8_t* p) {
  uint32_t bytes;
  memcpy(&bytes, p, sizeof bytes);
  const uint16x8_t wide = vmovl_u8(vcreate_u8(bytes));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide)));
}
inline V lookup(const float* table, const uint8_t* p) {
  float32x4_t v = vld1q_dup_f32(table + p[0]);
  v = vld1q_lane_f32(table + p[1], v, 1);
  v = vld1q_lane_f32(table + p[2], v, 2);
  return vld1q_lane_f32(table + p[3], v, 3);
}

}  // namespace
}  // namespace posy
