// Ops that move pixels: padding and cropping, resizing, changing the order of axes. Every table has the same code.
#pragma once
#include "kernels/args.hpp"
#include "kernels/element_loops.hpp"
#include "kernels/elementary.hpp"

namespace posy {
namespace {

// Where output position `out` of a padded axis reads: -1 in the constant border.
inline int64_t padded_source(PadMode mode, int64_t at, uint32_t size) {
  if (at >= 0 && at < (int64_t)size) return at;
  if (mode == PadMode::constant) return -1;
  const int64_t edge = mode == PadMode::reflect ? 0 : 1;  // reflect does not repeat the edge, symmetric does
  return at < 0 ? -at - edge : 2 * (int64_t)size - 2 + edge - at;
}

inline void pad_op(const PadArgs& args, const Task& task) {
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const int64_t in_y = padded_source(args.mode, (int64_t)y * args.stride_h - args.top, args.in.h);
    const int64_t in_x = padded_source(args.mode, (int64_t)x * args.stride_w - args.left, args.in.w);
    float* out = pixel_of(args.out, y, x);
    if (in_y < 0 || in_x < 0) {
      for (uint32_t c = 0; c < args.out.c; ++c) out[c] = args.value;
    } else {
      const float* in = pixel_of(args.in, (uint32_t)in_y, (uint32_t)in_x);
      for (uint32_t c = 0; c < args.out.c; ++c) out[c] = in[c];
    }
  });
}

// One axis of a resize, as TensorFlow's image_resizer_state.h and resize_bilinear_op.cc have it.
struct ResizeTaps {
  uint32_t lower, upper;
  float lerp;
};

inline ResizeTaps resize_axis(const ResizeArgs& args, uint32_t out, uint32_t in_size, uint32_t out_size) {
  const float scale = args.align_corners && out_size > 1 ? (float)(in_size - 1) / (float)(out_size - 1)
                                                         : (float)in_size / (float)out_size;
  const float at =
      args.half_pixel_centers ? ((float)out + 0.5f) * scale - (args.nearest ? 0.0f : 0.5f) : (float)out * scale;
  const float down = floor_f32(at);
  const float low = args.nearest && args.align_corners && at - down >= 0.5f ? down + 1.0f : down;  // roundf
  const uint32_t lower = low < 0 ? 0 : min_u32((uint32_t)low, in_size - 1);
  const uint32_t upper = low < -1 ? 0 : min_u32((uint32_t)(low + 1), in_size - 1);
  return {lower, upper, at - low};
}

inline void resize_op(const ResizeArgs& args, const Task& task) {
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const ResizeTaps v = resize_axis(args, y, args.in.h, args.out.h), h = resize_axis(args, x, args.in.w, args.out.w);
    const float *top_left = pixel_of(args.in, v.lower, h.lower), *top_right = pixel_of(args.in, v.lower, h.upper);
    const float *low_left = pixel_of(args.in, v.upper, h.lower), *low_right = pixel_of(args.in, v.upper, h.upper);
    float* out = pixel_of(args.out, y, x);
    if (args.nearest) {  // not 0 times the neighbours: one may be infinite
      for (uint32_t c = 0; c < args.out.c; ++c) out[c] = top_left[c];
      return;
    }
    for (uint32_t c = 0; c < args.out.c; ++c) {
      const float top = top_left[c] + (top_right[c] - top_left[c]) * h.lerp;
      const float low = low_left[c] + (low_right[c] - low_left[c]) * h.lerp;
      out[c] = top + (low - top) * v.lerp;
    }
  });
}

inline void transpose_op(const TransposeArgs& args, const Task& task) {
  size_t in_stride[4], stride[4], size[4];
  in_stride[3] = 1;
  for (int i = 2; i >= 0; --i) in_stride[i] = in_stride[i + 1] * args.dims[i + 1];
  for (int i = 0; i < 4; ++i) {
    stride[i] = in_stride[args.order[i]];
    size[i] = args.dims[args.order[i]];
  }
  // The output's elements in order, this part's share of the rows: `at` counts along the four axes like an odometer.
  const Range rows = share(task.rows, 1, task.part, task.parts);
  const size_t first = rows.begin * args.out.row_stride(), last = rows.end * args.out.row_stride();
  size_t at[4], rest = first;
  for (int i = 3; i >= 0; --i) {
    at[i] = rest % size[i];
    rest /= size[i];
  }
  for (size_t i = first; i < last;) {
    const float* from = args.in.data + at[0] * stride[0] + at[1] * stride[1] + at[2] * stride[2];
    for (; at[3] < size[3] && i < last; ++at[3]) args.out.data[i++] = from[at[3] * stride[3]];
    for (int axis = 3; axis > 0 && at[axis] == size[axis]; --axis) {
      at[axis] = 0;
      ++at[axis - 1];
    }
  }
}

constexpr Kernel<PadArgs> pad = pad_op;
constexpr Kernel<ResizeArgs> resize = resize_op;
constexpr Kernel<TransposeArgs> transpose = transpose_op;

}  // namespace
}  // namespace posy
