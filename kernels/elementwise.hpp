// Ops that look at one element, or one pair of elements, at a time. The loops over channels are plain and the functions
// without branches, so that compilers make vectors of them: every table has the same code, and the same bits.
#pragma once
#include "kernels/args.hpp"
#include "kernels/elementary.hpp"

namespace posy {
namespace {

// Calls pixel(y, x) for this part's share.
template <class Pixel>
inline void for_each_pixel(const Tensor& out, const Task& task, Pixel pixel) {
  const Region part = region(task, out, 1);
  if (part.groups.begin == part.groups.end) return;
  for (uint32_t y = part.rows.begin; y < part.rows.end; ++y) {
    for (uint32_t x = part.columns.begin; x < part.columns.end; ++x) pixel(y, x);
  }
}

inline float* pixel_of(const Tensor& t, uint32_t y, uint32_t x) {
  return t.row(y) + (size_t)x * t.pixel_stride;
}

template <class Function>
inline void unary_with(const UnaryArgs& args, const Task& task, Function function) {
  const Clamp clamp = args.clamp;
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const float* in = pixel_of(args.in, y, x);
    float* out = pixel_of(args.out, y, x);
    for (uint32_t c = 0; c < args.out.c; ++c) out[c] = clamp_f32(clamp, function(in[c]));
  });
}

inline void unary_op(const UnaryArgs& args, const Task& task) {
  const float p[4] = {args.p[0], args.p[1], args.p[2], args.p[3]};
  (void)p;
  switch (args.function) {
#define POSY_UNARY(number, name, parameters, expression)                     \
  case UnaryFunction::name:                                                  \
    unary_with(args, task, [&p](float x) { return (void)p, (expression); }); \
    break;
#define POSY_BINARY(number, name, expression)
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  }
}

// An operand of size 1 along an axis is used for all of the output's.
inline const float* broadcast_pixel(const Tensor& t, uint32_t y, uint32_t x) {
  return pixel_of(t, t.h == 1 ? 0 : y, t.w == 1 ? 0 : x);
}

template <class Function>
inline void binary_with(const BinaryArgs& args, const Task& task, Function function) {
  const Clamp clamp = args.clamp;
  const bool wide_a = args.a.c == args.out.c, wide_b = args.b.c == args.out.c;
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const float *a = broadcast_pixel(args.a, y, x), *b = broadcast_pixel(args.b, y, x);
    float* out = pixel_of(args.out, y, x);
    const uint32_t c = args.out.c;
    if (wide_a && wide_b) {
      for (uint32_t i = 0; i < c; ++i) out[i] = clamp_f32(clamp, function(a[i], b[i]));
    } else if (wide_a) {
      for (uint32_t i = 0; i < c; ++i) out[i] = clamp_f32(clamp, function(a[i], b[0]));
    } else {  // not both narrow: then the output would have one channel, and both would be wide
      for (uint32_t i = 0; i < c; ++i) out[i] = clamp_f32(clamp, function(a[0], b[i]));
    }
  });
}

inline void binary_op(const BinaryArgs& args, const Task& task) {
  switch (args.function) {
#define POSY_UNARY(number, name, parameters, expression)
#define POSY_BINARY(number, name, expression)                             \
  case BinaryFunction::name:                                              \
    binary_with(args, task, [](float a, float b) { return expression; }); \
    break;
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  }
}

inline void copy_op(const CopyArgs& args, const Task& task) {
  const Clamp clamp = args.clamp;
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const float* in = pixel_of(args.in, y, x);
    float* out = pixel_of(args.out, y, x);
    for (uint32_t c = 0; c < args.out.c; ++c) out[c] = clamp_f32(clamp, in[c]);
  });
}

constexpr Kernel<UnaryArgs> unary = unary_op;
constexpr Kernel<BinaryArgs> binary = binary_op;
constexpr Kernel<CopyArgs> copy = copy_op;

}  // namespace
}  // namespace posy
