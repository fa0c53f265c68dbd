// Softmax over the channels of each pixel. A handful to a thousand exponentials per image: not worth vectors, so every
// table has the oracle.
#pragma once
#include <string.h>

#include "kernels/args.hpp"

namespace posy {
namespace {

// e^x, at most 1 unit in the last place from the correctly rounded value on [-87, 88], the same bits on every target.
// x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite's two-part ln 2), the Taylor series of e^r to degree 7 (the next
// term is below 6e-9), then the exponent is added to. 0 below -87, where floats would become denormal.
inline float exp_f32(float x) {
  if (x < -87.0f) return 0.0f;
  if (x > 88.0f) return __builtin_inff();
  if (x != x) return x;
  const float shifted = fma_f32(x, 1.44269504f, 12582912.0f);  // 1.5 * 2^23: rounds to an integer in the low bits
  const float n = shifted - 12582912.0f;
  float r = fma_f32(n, -0.693359375f, x);
  r = fma_f32(n, 2.12194440e-4f, r);
  float p = 1.0f / 5040;
  p = fma_f32(p, r, 1.0f / 720);
  p = fma_f32(p, r, 1.0f / 120);
  p = fma_f32(p, r, 1.0f / 24);
  p = fma_f32(p, r, 1.0f / 6);
  p = fma_f32(p, r, 0.5f);
  p = fma_f32(p, r, 1.0f);
  p = fma_f32(p, r, 1.0f);
  const uint32_t exponent = (uint32_t)((int32_t)n + 127) << 23;
  float power;
  memcpy(&power, &exponent, sizeof power);
  return p * power;
}

inline void softmax_oracle(const SoftmaxArgs& args, const Task& task) {
  const Range rows = share(task.rows, 1, task.part, task.parts);
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    for (uint32_t x = 0; x < args.out.w; ++x) {
      const float* in = args.in.row(y) + (size_t)x * args.in.pixel_stride;
      float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      float most = in[0], sum = 0;
      for (uint32_t c = 1; c < args.out.c; ++c) most = most > in[c] ? most : in[c];
      for (uint32_t c = 0; c < args.out.c; ++c) {
        out[c] = exp_f32(in[c] - most);
        sum += out[c];
      }
      for (uint32_t c = 0; c < args.out.c; ++c) out[c] /= sum;
    }
  }
}

constexpr Kernel<SoftmaxArgs> softmax = softmax_oracle;

}  // namespace
}  // namespace posy
