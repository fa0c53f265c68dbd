// Quantization whose range is measured at run time: what graphs of quantize_graph --mode=eightbit do to every
// activation. Every table has the same code.
#pragma once
#include "kernels/args.hpp"
#include "kernels/elementwise.hpp"

namespace posy {
namespace {

// Half away from zero, as std::round.
inline float round_f32(float x) {
  const float a = abs_f32(x), down = floor_f32(a);
  const float whole = a - down >= 0.5f ? down + 1.0f : down;
  return x < 0 ? -whole : whole;
}

// Of all of the tensor and 0. Every part of a task measures it for itself: minimum and maximum do not depend on an
// order.
inline Clamp measured_range(const Tensor& in) {
  Clamp range = {0, 0};
  for (uint32_t y = 0; y < in.h; ++y) {
    for (uint32_t x = 0; x < in.w; ++x) {
      const float* pixel = pixel_of(in, y, x);
      for (uint32_t c = 0; c < in.c; ++c) {
        range.low = pixel[c] < range.low ? pixel[c] : range.low;
        range.high = pixel[c] > range.high ? pixel[c] : range.high;
      }
    }
  }
  return range;
}

struct Codes {
  Clamp range;
  float step, per_unit;  // width of a step and its inverse; both 0 if the range is
  float low_code, low;   // of the range's low end, and the float that code 0 stands for
};

inline Codes codes_of(const QuantizeArgs& args) {
  Codes codes;
  Clamp range = measured_range(args.range_of);
  if (args.function == QuantizeFunction::quantize_v2) {
    const float most = range.high > -range.low ? range.high : -range.low;
    const float least = range.low + 0.01f * (most > 1.0f ? most : 1.0f);
    range.high = range.high > least ? range.high : least;
  }
  const float width = range.high - range.low;
  codes.range = range;
  codes.step = width / 255.0f;
  codes.per_unit = width > 0 ? 255.0f / width : 0.0f;
  codes.low_code = round_f32(range.low * codes.per_unit);
  codes.low = width > 0 ? codes.low_code * codes.step : range.low;
  return codes;
}

inline float requantized(const Codes& codes, float x) {
  return floor_f32((x - codes.range.low) * codes.per_unit + 0.5f);
}

// A mean of codes may fall short of one by a rounding.
inline float averaged(const Codes& codes, float x) {
  return floor_f32((x - codes.low) * codes.per_unit + 1e-4f);
}

inline float quantized(const Codes& codes, float x) {
  return round_f32(x * codes.per_unit) - codes.low_code;
}

template <float (*kCode)(const Codes&, float)>
inline void code_loop(const Elements& all) {
  Codes codes;
  memcpy(&codes, all.constants, sizeof codes);
  const Clamp limits = all.clamp;  // codes
  unary_loop(all, [&](float x) { return fma_f32(clamp_f32(limits, kCode(codes, x)), codes.step, codes.low); });
}

inline Loop code_loop_of(QuantizeFunction function) {
  switch (function) {
    case QuantizeFunction::requantize:
      return code_loop<requantized>;
    case QuantizeFunction::average:
      return code_loop<averaged>;
    default:
      return code_loop<quantized>;
  }
}

// TensorFlow's QuantizedBiasAdd brings both operands to 32-bit codes of a range 2^17 times theirs, in float32: the code
// of the range's low end, about -2^31, is then off by up to 256, in each operand by the same. One per cent of the
// range, and part of every score that such a graph was tested with.
inline float bias_add_shift(const QuantizeArgs& args, Clamp range) {
  const float most = range.high > -range.low ? range.high : -range.low;
  const float limit = (most > args.bias_limit ? most : args.bias_limit) * 131072.0f;
  if (!(limit > 0)) return 0;
  const float codes_per_unit = (float)(4294967295.0 / (2.0 * (double)limit));
  const float off = round_f32(-limit * codes_per_unit) + 2147483648.0f;
  return -2.0f * off * (limit / 2147483648.0f);
}

inline void shift_loop(const Elements& all) {
  float shift;
  memcpy(&shift, all.constants, sizeof shift);
  const Clamp clamp = all.clamp;
  unary_loop(all, [=](float x) { return clamp_f32(clamp, x + shift); });
}

inline void quantize_op(const QuantizeArgs& args, const Task& task) {
  const Codes codes = codes_of(args);
  if (args.function == QuantizeFunction::bias_add) {
    const float shift = bias_add_shift(args, codes.range);
    loop_elements(shift_loop, args.in, args.out, args.clamp, &shift, task);
    return;
  }
  const auto limit = [&](float x) { return clamp_f32({0, 255}, quantized(codes, x)); };
  const Clamp limits = {limit(args.clamp.low), limit(args.clamp.high)};
  loop_elements(code_loop_of(args.function), args.in, args.out, limits, &codes, task);
}

constexpr Kernel<QuantizeArgs> quantize = quantize_op;

}  // namespace
}  // namespace posy
