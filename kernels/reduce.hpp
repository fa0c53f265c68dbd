// Sums and extremes along axes, products of two activations, and normalisation across neighbouring channels. Every
// table has the same code.
#pragma once
#include "kernels/args.hpp"
#include "kernels/element_loops.hpp"
#include "kernels/elementary.hpp"

namespace posy {
namespace {

inline float reduce_two(ReduceFunction function, float sum, float x) {
  switch (function) {
    case ReduceFunction::maximum:
      return sum > x ? sum : x;
    case ReduceFunction::minimum:
      return sum < x ? sum : x;
    default:
      return sum + x;
  }
}

// Axes along which the output has size 1 are reduced, in the order rows, columns, channels.
inline void reduce_op(const ReduceArgs& args, const Task& task) {
  const Tensor &in = args.in, &out = args.out;
  const uint32_t rows = out.h == 1 ? in.h : 1, columns = out.w == 1 ? in.w : 1, channels = out.c == 1 ? in.c : 1;
  const float count = (float)((uint64_t)rows * columns * channels);
  for_each_pixel(out, task, [&](uint32_t y, uint32_t x) {
    float* to = pixel_of(out, y, x);
    for (uint32_t c = 0; c < out.c; ++c) {
      float value = *(pixel_of(in, y, x) + c);
      bool first = true;
      for (uint32_t i = 0; i < rows; ++i) {
        for (uint32_t j = 0; j < columns; ++j) {
          const float* from = pixel_of(in, y + i, x + j) + c;
          for (uint32_t k = 0; k < channels; ++k) {
            if (!first) value = reduce_two(args.function, value, from[k]);
            first = false;
          }
        }
      }
      to[c] = clamp_f32(args.clamp, args.function == ReduceFunction::mean ? value / count : value);
    }
  });
}

// out[y, x, o] = sum over k of a[y, x, k] * b[y, k, o], or of b[y, o, k] if b is transposed; ascending, fused.
inline void batch_product_op(const BatchProductArgs& args, const Task& task) {
  const Tensor &a = args.a, &b = args.b, &out = args.out;
  for_each_pixel(out, task, [&](uint32_t y, uint32_t x) {
    const float* left = pixel_of(a, y, x);
    float* to = pixel_of(out, y, x);
    for (uint32_t o = 0; o < out.c; ++o) {
      float sum = 0;
      for (uint32_t k = 0; k < a.c; ++k) {
        sum = fma_f32(left[k], args.b_is_transposed ? pixel_of(b, y, o)[k] : pixel_of(b, y, k)[o], sum);
      }
      to[o] = sum;
    }
  });
}

// TensorFlow's LRN: in / (bias + alpha * sum of squares of channels c - radius ... c + radius) ^ beta.
inline void local_response_norm_op(const LocalResponseNormArgs& args, const Task& task) {
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const float* in = pixel_of(args.in, y, x);
    float* out = pixel_of(args.out, y, x);
    for (uint32_t c = 0; c < args.out.c; ++c) {
      const uint32_t first = c < args.radius ? 0 : c - args.radius;
      const uint32_t last = min_u32(args.out.c - 1, c + args.radius);
      float sum = 0;
      for (uint32_t i = first; i <= last; ++i) sum = fma_f32(in[i], in[i], sum);
      out[c] = in[c] * pow_f32(fma_f32(args.alpha, sum, args.bias), -args.beta);
    }
  });
}

constexpr Kernel<ReduceArgs> reduce = reduce_op;
constexpr Kernel<BatchProductArgs> batch_product = batch_product_op;
constexpr Kernel<LocalResponseNormArgs> local_response_norm = local_response_norm_op;

}  // namespace
}  // namespace posy
