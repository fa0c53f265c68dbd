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

// kPixels neighbouring outputs of a window three wide, undilated: an input column is loaded once for all the outputs
// that see it. kLeft: the first column lies left of the input; kRight: the last one lies right of it.
template <uint32_t kStride, uint32_t kPixels, bool kLeft, bool kRight>
void depthwise_pixels(const DepthwiseRow& row, uint32_t x) {
  constexpr uint32_t kTaps = 3, kColumns = (kPixels - 1) * kStride + kTaps;
  const DepthwiseConv2dArgs& args = *row.args;
  const size_t stride = args.in.pixel_stride;
  const LaneMask lanes = lane_mask(row.lanes);
  V sum[kPixels];
  POSY_UNROLL for (uint32_t p = 0; p < kPixels; ++p) sum[p] = splat(0);
  for (uint32_t i = row.rows.begin; i < row.rows.end; ++i) {
    const float* in = row.in_row(i) + ((ptrdiff_t)(x * kStride) - args.window.pad_left) * (ptrdiff_t)stride;
    V w[kTaps];
    POSY_UNROLL for (uint32_t j = 0; j < kTaps; ++j) w[j] = load(row.weights(i, j));
    POSY_UNROLL for (uint32_t column = kLeft ? 1 : 0; column < kColumns - (kRight ? 1 : 0); ++column) {
      const V v = load_masked(in + column * stride, lanes);
      POSY_UNROLL for (uint32_t j = 0; j < kTaps; ++j) {
        const bool seen = column >= j && (column - j) % kStride == 0 && (column - j) / kStride < kPixels;
        if (seen) sum[(column - j) / kStride] = fma(v, w[j], sum[(column - j) / kStride]);
      }
    }
  }
  float* out = row.out + (size_t)x * args.out.pixel_stride;
  POSY_UNROLL for (uint32_t p = 0; p < kPixels; ++p, out += args.out.pixel_stride) {
    store_masked(out, row.finish(sum[p]), lanes);
  }
}

// The last `pixels` <= kPixels outputs of a row.
template <uint32_t kStride, uint32_t kPixels, bool kRight>
inline void depthwise_last_pixels(const DepthwiseRow& row, uint32_t x, uint32_t pixels) {
  if constexpr (kPixels > 1) {
    if (pixels != kPixels) return depthwise_last_pixels<kStride, kPixels - 1, kRight>(row, x, pixels);
  }
  depthwise_pixels<kStride, kPixels, false, kRight>(row, x);
}

// More than kPixels outputs of a row. left, right: the first and the last window reach one column beyond the input.
template <uint32_t kStride, uint32_t kPixels>
inline void depthwise_row_3(const DepthwiseRow& row, Range columns, bool left, bool right) {
  uint32_t x = columns.begin;
  left ? depthwise_pixels<kStride, kPixels, true, false>(row, x)
       : depthwise_pixels<kStride, kPixels, false, false>(row, x);
  for (x += kPixels; x + kPixels < columns.end; x += kPixels) depthwise_pixels<kStride, kPixels, false, false>(row, x);
  right ? depthwise_last_pixels<kStride, kPixels, true>(row, x, columns.end - x)
        : depthwise_last_pixels<kStride, kPixels, false>(row, x, columns.end - x);
}

inline void depthwise_row(const DepthwiseRow& row, Range columns) {
  constexpr uint32_t kPixels = 4;
  const DepthwiseConv2dArgs& args = *row.args;
  const Window& w = args.window;
  // How far the windows of the first and the last output reach beyond the input.
  const int64_t left = -window_origin(columns.begin, w.stride_w, w.pad_left);
  const int64_t right = window_origin(columns.end - 1, w.stride_w, w.pad_left) + w.k_w - (int64_t)args.in.w;
  const bool is_simple = w.k_w == 3 && w.dilation_w == 1 && left <= 1 && right <= 1;
  if (is_simple && columns.end - columns.begin > kPixels && lane_mask_works(row.lanes)) {
    if (w.stride_w == 1) return depthwise_row_3<1, kPixels>(row, columns, left == 1, right == 1);
    if (w.stride_w == 2) return depthwise_row_3<2, kPixels>(row, columns, left == 1, right == 1);
  }
  for (uint32_t x = columns.begin; x < columns.end; ++x) {
    row.lanes == kLanes ? depthwise_pixel<true>(row, x) : depthwise_pixel<false>(row, x);
  }
}

// Columns of one output row, channels `channel` on.
inline void depthwise_panels(const DepthwiseConv2dArgs& args, uint32_t y, Range columns, const Panels& panels,
                             uint32_t channel) {
  DepthwiseRow row;
  row.args = &args;
  row.in_y = window_origin(y, args.window.stride_h, args.window.pad_top);
  row.rows = valid_taps(row.in_y, args.window.k_h, args.window.dilation_h, args.in.h);
  for (uint32_t p = 0; p < panels.count; ++p) {
    for (uint32_t lane = 0; lane < kPanelLanes && channel + lane < args.out.c; lane += kLanes) {
      row.w = panels.data + p * panels.stride + lane;
      row.channel = channel + lane;
      row.lanes = min_u32(kLanes, args.out.c - row.channel);
      row.out = args.out.row(y) + row.channel;
      depthwise_row(row, columns);
    }
    channel += kPanelLanes;
  }
}

inline void depthwise_conv_2d_simd(const DepthwiseConv2dArgs& args, const Task& task) {
  const Region part = region(task, args.out, divide_up(args.out.c, kPanelLanes));
  // Row by row, all channels of it: a column of one panel alone would touch a page of memory for every pixel or two.
  const uint32_t fit = panels_that_fit(args.weights, task);
  for (uint32_t first = part.groups.begin; first < part.groups.end; first += fit) {
    const Panels panels = expand_panels(args.weights, first, min_u32(fit, part.groups.end - first), task.scratch);
    for (uint32_t y = part.rows.begin; y < part.rows.end; ++y) {
      depthwise_panels(args, y, part.columns, panels, first * kPanelLanes);
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
