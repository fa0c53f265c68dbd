// From sums to codes: one value at a time, as the oracles and the plain loops do it.
#pragma once
#include "kernels/int8_args.hpp"

namespace posy {
namespace {

// To the nearest whole number, ties to the even one, of |x| < 2^22: the sum has no bits left of a fraction.
inline float round_even_f32(float x) {
  constexpr float kLarge = 12582912.0f;  // 1.5 * 2^23
  return (x + kLarge) - kLarge;
}

inline uint8_t int8_code(const Int8Ending& ending, float x) {
  return (uint8_t)((int32_t)round_even_f32(clamp_f32(ending.clamp, x)) + ending.zero);
}

inline uint8_t low_code(const Int8Ending& ending) {
  return (uint8_t)((int32_t)ending.clamp.low + ending.zero);
}

// A sum modulo 2^32 as the signed number that it stands for.
inline float int8_sum(uint32_t sum) {
  return (float)(int32_t)sum;
}

// One output of a convolution: as a code, or as a float.
inline void put_output(const Int8Conv2dArgs& args, uint32_t y, uint32_t x, uint32_t channel, float value) {
  if (args.out.data) {
    args.out.row(y)[(size_t)x * args.out.pixel_stride + channel] = int8_code(args.ending, value);
  } else {
    args.floats.row(y)[(size_t)x * args.floats.pixel_stride + channel] = clamp_f32(args.ending.clamp, value);
  }
}

}  // namespace
}  // namespace posy
