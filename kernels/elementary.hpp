// Elementary functions in float32 with the same bits on every target: only additions, products, fused multiply-adds,
// divisions and square roots, which IEEE 754 defines. No branches on data, so that compilers make vectors of them. The
// errors stated here are measured against double precision in tests/kernels/elementary_test.cpp.
#pragma once
#include <string.h>

#include "kernels/math.hpp"

namespace posy {
namespace {

inline float bits_to_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

inline uint32_t float_to_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float abs_f32(float x) {
  return bits_to_float(float_to_bits(x) & 0x7fffffffu);
}

// Below 2^23 adding and taking away 2^23 rounds to a whole number, the nearest; from there on every float is one (and
// so are infinities and NaN for this purpose). No conversion to an integer: of -0 compilers make either zero by it.
inline float floor_f32(float x) {
  const float a = abs_f32(x), nearest = a < 8388608.0f ? (a + 8388608.0f) - 8388608.0f : a;
  const float with_sign = bits_to_float(float_to_bits(nearest) | (float_to_bits(x) & 0x80000000u));
  return with_sign > x ? with_sign - 1.0f : with_sign;
}

// e^x, at most 1 unit in the last place from the correctly rounded value on [-87, 88]; 0 below, where floats become
// denormal, infinity above.
// x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite's two-part ln 2), the Taylor series of e^r to degree 7 (the next
// term is below 6e-9), then the exponent is added to.
inline float exp_f32(float x) {
  const float limited = clamp_f32({-87.0f, 88.0f}, x);
  const float shifted = fma_f32(limited, 1.44269504f, 12582912.0f);  // 1.5 * 2^23: its low bits are a whole number
  const float n = shifted - 12582912.0f;
  float r = fma_f32(n, -0.693359375f, limited);
  r = fma_f32(n, 2.12194440e-4f, r);
  float p = 1.0f / 5040;
  p = fma_f32(p, r, 1.0f / 720);
  p = fma_f32(p, r, 1.0f / 120);
  p = fma_f32(p, r, 1.0f / 24);
  p = fma_f32(p, r, 1.0f / 6);
  p = fma_f32(p, r, 0.5f);
  p = fma_f32(p, r, 1.0f);
  p = fma_f32(p, r, 1.0f);
  const float power = bits_to_float((float_to_bits(shifted) - 0x4b400000u + 127u) << 23);
  const float e = x < -87.0f ? 0.0f : p * power;
  return x > 88.0f ? __builtin_inff() : e;
}

// ln x for normal x: x = m 2^n with m in [sqrt 1/2, sqrt 2), ln m = 2 artanh((m - 1) / (m + 1)) by its series to s^11
// (the next term is below 1e-10). At most 2 ulp. -infinity at 0, NaN below; denormals count as 0.
inline float log_f32(float x) {
  const uint32_t shifted = float_to_bits(x) - 0x3f3504f3u;  // sqrt 1/2
  const float n = (float)((int32_t)shifted >> 23);
  const float m = bits_to_float((shifted & 0x007fffffu) + 0x3f3504f3u);
  const float s = (m - 1) / (m + 1), z = s * s;
  float p = 1.0f / 11;
  p = fma_f32(p, z, 1.0f / 9);
  p = fma_f32(p, z, 1.0f / 7);
  p = fma_f32(p, z, 1.0f / 5);
  p = fma_f32(p, z, 1.0f / 3);
  p = fma_f32(p, z * s, s);
  const float normal = fma_f32(n, 0.693147182f, p + p);
  const float positive = x < __builtin_inff() ? normal : x;  // infinity and NaN come through
  const float small = x < 0 ? __builtin_nanf("") : -__builtin_inff();
  return x < 1.17549435e-38f ? small : positive;
}

// At most 2.5 ulp above -87, where it becomes 0.
inline float sigmoid_f32(float x) {
  return 1.0f / (1.0f + exp_f32(-x));
}

// Near 0, where 1 - 2 / (e^2x + 1) would cancel, the Taylor series (the next term is below 2e-9). At most 5.5 ulp, just
// above 0.25; below 1e-7 everywhere.
inline float tanh_f32(float x) {
  const float a = abs_f32(x), z = x * x;
  float p = 62.0f / 2835;
  p = fma_f32(p, z, -17.0f / 315);
  p = fma_f32(p, z, 2.0f / 15);
  p = fma_f32(p, z, -1.0f / 3);
  const float near = fma_f32(p, z * x, x);
  const float t = 1.0f - 2.0f / (exp_f32(2.0f * a) + 1.0f);
  const float far = x < 0 ? -t : t;
  return a < 0.25f ? near : far;
}

// e^x - 1; near 0 its Taylor series (the next term is below 5e-8 of the result). At most 3.5 ulp.
inline float exp_minus_1_f32(float x) {
  float p = 1.0f / 720;
  p = fma_f32(p, x, 1.0f / 120);
  p = fma_f32(p, x, 1.0f / 24);
  p = fma_f32(p, x, 1.0f / 6);
  p = fma_f32(p, x, 0.5f);
  const float near = fma_f32(p, x * x, x), far = exp_f32(x) - 1.0f;
  return abs_f32(x) <= 0.25f ? near : far;
}

// ln(1 + x). What the rounded sum u = 1 + x lost comes back as its share of u. At most 2.5 ulp.
inline float log1p_f32(float x) {
  const float u = 1.0f + x, lost = x < 1 ? x - (u - 1.0f) : 1.0f - (u - x), log_u = log_f32(u);
  const bool is_number = u > 0 && u < __builtin_inff();
  return is_number ? log_u + lost / u : log_u;
}

// ln(1 + e^x), as x + ln(1 + e^-x) where x is positive. At most 3.5 ulp.
inline float softplus_f32(float x) {
  const float rest = log1p_f32(exp_f32(-abs_f32(x)));
  return x > 0 ? x + rest : rest;
}

// The error function: up to 0.9 its Taylor series to x^17 (the next term is below 2e-8), from there on 1 - e^(-x g(x)),
// g being the polynomial nearest to -ln(1 - erf x) / x on [0.85, 4] (error of the whole below 4e-9); beyond, erf is 1.
// At most 3 ulp.
inline float erf_f32(float x) {
  const float a = abs_f32(x), z = x * x;
  float q = 1.0f / 685440;
  q = fma_f32(q, z, -1.0f / 75600);
  q = fma_f32(q, z, 1.0f / 9360);
  q = fma_f32(q, z, -1.0f / 1320);
  q = fma_f32(q, z, 1.0f / 216);
  q = fma_f32(q, z, -1.0f / 42);
  q = fma_f32(q, z, 1.0f / 10);
  q = fma_f32(q, z, -1.0f / 3);
  q = fma_f32(q, z, 1.0f);
  const float near = 1.12837917f * x * q;
  const float limited = a > 4.0f ? 4.0f : a;
  float g = -2.153210566e-4f;
  g = fma_f32(g, limited, 3.226004445e-3f);
  g = fma_f32(g, limited, -2.292551222e-2f);
  g = fma_f32(g, limited, 1.053174708e-1f);
  g = fma_f32(g, limited, 6.356759648e-1f);
  g = fma_f32(g, limited, 1.128526916f);
  const float y = 1.0f - exp_f32(-limited * g);
  const float far = x < 0 ? -y : y;
  return a < 0.9f ? near : far;
}

// x^y for x > 0 and moderate y: the logarithm's error times y, at most 12 ulp for y of -1 to -1/2 and x of 1/2 to 1000.
inline float pow_f32(float x, float y) {
  return exp_f32(y * log_f32(x));
}

// TensorFlow's fake quantization (fake_quant_ops_functor.h): clamped to [low, high], rounded half up to the nearest
// step from `low` on, and back. p holds low, high, scale, 1 / scale.
inline float fake_quant_f32(const float* p, float x) {
  const float clamped = clamp_f32({p[0], p[1]}, x);
  return floor_f32((clamped - p[0]) * p[3] + 0.5f) * p[2] + p[0];
}

}  // namespace
}  // namespace posy
