// Convolution of each channel with a window of its own.
#pragma once
#include "kernels/args.hpp"

namespace posy {
namespace {

inline void depthwise_conv_2d_oracle(const DepthwiseConv2dArgs& args, const Task& task) {
  const Window& w = args.window;
  const Range channels = share({0, args.out.c}, kPanelLanes, task.part, task.parts);
  for (uint32_t y = task.rows.begin; y < task.rows.end; ++y) {
    const int64_t in_y = window_origin(y, w.stride_h, w.pad_top);
    const Range rows = valid_taps(in_y, w.k_h, w.dilation_h, args.in.h);
    for (uint32_t x = 0; x < args.out.w; ++x) {
      const int64_t in_x = window_origin(x, w.stride_w, w.pad_left);
      const Range columns = valid_taps(in_x, w.k_w, w.dilation_w, args.in.w);
      float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      for (uint32_t c = channels.begin; c < channels.end; ++c) {
        const WeightLane weight(args.weights, c);
        float sum = 0;
        for (uint32_t i = rows.begin; i < rows.end; ++i) {
          for (uint32_t j = columns.begin; j < columns.end; ++j) {
            const float* in = args.in.row((uint32_t)(in_y + (int64_t)i * w.dilation_h)) +
                              (size_t)(in_x + (int64_t)j * w.dilation_w) * args.in.pixel_stride;
            sum = fma_f32(in[c], weight.at(i * w.k_w + j), sum);
          }
        }
        out[c] = clamp_f32(args.clamp, weight.finish(sum));
      }
    }
  }
}

}  // namespace
}  // namespace posy

#ifdef POSY_SIMD
#include "kernels/panels.hpp"

namespace posy {
namespace {

// One vector of channels of one output row.
struct DepthwiseRow {
  const DepthwiseConv2dArgs* args;
  int64_t in_y;
  Range rows;        // valid taps down the window
  const float* w;    // this vector's column of the panel: three rows of the header, then one per tap
  uint32_t channel;  // first of the vector
  uint32_t lanes;    // kLanes, or the channels that are left
  float* out;        // channel `channel` of pixel 0

  const float* in_row(uint32_t i) const {
    return args->in.row((uint32_t)(in_y + (int64_t)i * args->window.dilation_h)) + channel;
  }
  const float* weights(uint32_t i, uint32_t j) const {
    return w + (size_t)(kHeaderVectors + i * args->window.k_w + j) * kPanelLanes;
  }
  V finish(V sum) const {
    return clamp(args->clamp, fma(sum - load(w + 2 * kPanelLanes), load(w + kPanelLanes), load(w)));
  }
};

// One output pixel of any window, at the edges too.
template <bool kFull>
inline void depthwise_pixel(const DepthwiseRow& row, uint32_t x) {
  const DepthwiseConv2dArgs& args = *row.args;
  const Window& w = args.window;
  const int64_t in_x = window_origin(x, w.stride_w, w.pad_left);
  const Range columns = valid_taps(in_x, w.k_w, w.dilation_w, args.in.w);
  V sum = splat(0);
  for (uint32_t i = row.rows.begin; i < row.rows.end; ++i) {
    const float* in = row.in_row(i);
    for (uint32_t j = columns.begin; j < columns.end; ++j) {
      const float* tap = in + (size_t)(in_x + (int64_t)j * w.dilation_w) * args.in.pixel_stride;
      sum = fma(load_lanes<kFull>(tap, row.lanes), load(row.weights(i, j)), sum);
    }
  }
  store_lanes<kFull>(row.out + (size_t)x * args.out.pixel_stride, row.finish(sum), row.lanes);
}

// kPixels neighbouring outputs of a window kTaps wide, all of it inside the row: an input column is loaded once for
// all the outputs that see it.
template <uint32_t kTaps, uint32_t kStride, uint32_t kPixels, bool kFull>
inline void depthwise_pixels(const DepthwiseRow& row, uint32_t x) {
  const DepthwiseConv2dArgs& args = *row.args;
  const size_t stride = args.in.pixel_stride;
  V sum[kPixels];
  POSY_UNROLL for (uint32_t p = 0; p < kPixels; ++p) sum[p] = splat(0);
  for (uint32_t i = row.rows.begin; i < row.rows.end; ++i) {
    const float* in = row.in_row(i) + (size_t)(x * kStride - args.window.pad_left) * stride;
    V w[kTaps];
    POSY_UNROLL for (uint32_t j = 0; j < kTaps; ++j) w[j] = load(row.weights(i, j));
    POSY_UNROLL for (uint32_t column = 0; column < (kPixels - 1) * kStride + kTaps; ++column) {
      const V v = load_lanes<kFull>(in + column * stride, row.lanes);
      POSY_UNROLL for (uint32_t j = 0; j < kTaps; ++j) {
        const bool seen = column >= j && (column - j) % kStride == 0 && (column - j) / kStride < kPixels;
        if (seen) sum[(column - j) / kStride] = fma(v, w[j], sum[(column - j) / kStride]);
      }
    }
  }
  POSY_UNROLL for (uint32_t p = 0; p < kPixels; ++p) {
    store_lanes<kFull>(row.out + (x + p) * (size_t)args.out.pixel_stride, row.finish(sum[p]), row.lanes);
  }
}

template <uint32_t kTaps, uint32_t kStride, bool kFull>
inline void depthwise_row_inner(const DepthwiseRow& row, Range inner) {
  constexpr uint32_t kPixels = 4;
  uint32_t x = inner.begin;
  for (; x + kPixels <= inner.end; x += kPixels) depthwise_pixels<kTaps, kStride, kPixels, kFull>(row, x);
  for (; x < inner.end; ++x) depthwise_pixels<kTaps, kStride, 1, kFull>(row, x);
}

template <bool kFull>
inline void depthwise_row(const DepthwiseRow& row) {
  const DepthwiseConv2dArgs& args = *row.args;
  const Window& w = args.window;
  const uint32_t extent = (w.k_w - 1) * w.dilation_w + 1, out_w = args.out.w;
  // Outputs whose whole window lies inside the row.
  Range inner = {min_u32(divide_up(w.pad_left, w.stride_w), out_w), 0};
  if (args.in.w + w.pad_left >= extent) inner.end = min_u32(out_w, (args.in.w + w.pad_left - extent) / w.stride_w + 1);
  if (w.dilation_w == 1 && w.k_w == 3 && w.stride_w == 1 && inner.end > inner.begin) {
    depthwise_row_inner<3, 1, kFull>(row, inner);
  } else if (w.dilation_w == 1 && w.k_w == 3 && w.stride_w == 2 && inner.end > inner.begin) {
    depthwise_row_inner<3, 2, kFull>(row, inner);
  } else {
    inner = {0, 0};
  }
  for (uint32_t x = 0; x < inner.begin; ++x) depthwise_pixel<kFull>(row, x);
  for (uint32_t x = inner.end; x < out_w; ++x) depthwise_pixel<kFull>(row, x);
}

inline void depthwise_conv_2d_simd(const DepthwiseConv2dArgs& args, const Task& task) {
  Range rows = task.rows, panels = {0, divide_up(args.out.c, kPanelLanes)};
  if (rows.end - rows.begin >= 8 * task.parts) {
    rows = share(rows, 1, task.part, task.parts);
  } else {
    panels = share(panels, 1, task.part, task.parts);
  }
  for (uint32_t p = panels.begin; p < panels.end; ++p) {
    const Panels panel = expand_panels(args.weights, p, 1, task.scratch);
    for (uint32_t y = rows.begin; y < rows.end; ++y) {
      DepthwiseRow row;
      row.args = &args;
      row.in_y = window_origin(y, args.window.stride_h, args.window.pad_top);
      row.rows = valid_taps(row.in_y, args.window.k_h, args.window.dilation_h, args.in.h);
      for (uint32_t lane = 0; lane < kPanelLanes && p * kPanelLanes + lane < args.out.c; lane += kLanes) {
        row.w = panel.data + lane;
        row.channel = p * kPanelLanes + lane;
        row.lanes = min_u32(kLanes, args.out.c - row.channel);
        row.out = args.out.row(y) + row.channel;
        if (row.lanes == kLanes) {
          depthwise_row<true>(row);
        } else {
          depthwise_row<false>(row);
        }
      }
    }
  }
}

}  // namespace
}  // namespace posy
#endif

namespace posy {
namespace {

#ifdef POSY_SIMD
constexpr Kernel<DepthwiseConv2dArgs> depthwise_conv_2d = depthwise_conv_2d_simd;
#else
constexpr Kernel<DepthwiseConv2dArgs> depthwise_conv_2d = depthwise_conv_2d_oracle;
#endif

}  // namespace
}  // namespace posy
