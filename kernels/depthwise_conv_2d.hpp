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
#include "kernels/depthwise_line.hpp"

namespace posy {
namespace {

// One output row: what all its pixels and channels have in common.
struct DepthwiseRow {
  const DepthwiseConv2dArgs* args;
  int64_t in_y;
  Range rows;  // valid taps down the window

  DepthwiseRow(const DepthwiseConv2dArgs& a, uint32_t y)
      : args(&a),
        in_y(window_origin(y, a.window.stride_h, a.window.pad_top)),
        rows(valid_taps(in_y, a.window.k_h, a.window.dilation_h, a.in.h)) {}

  const float* in(uint32_t i) const { return args->in.row((uint32_t)(in_y + (int64_t)i * args->window.dilation_h)); }
};

// One output pixel of any window, at the edges too.
template <bool kFull>
inline void depthwise_pixel(const DepthwiseRow& row, const DepthwiseChannels& channels, uint32_t x, float* out) {
  const DepthwiseConv2dArgs& args = *row.args;
  const Window& w = args.window;
  const int64_t in_x = window_origin(x, w.stride_w, w.pad_left);
  const Range columns = valid_taps(in_x, w.k_w, w.dilation_w, args.in.w);
  V sum = splat(0);
  for (uint32_t i = row.rows.begin; i < row.rows.end; ++i) {
    const float* in = row.in(i) + channels.first;
    for (uint32_t j = columns.begin; j < columns.end; ++j) {
      const float* pixel = in + (size_t)(in_x + (int64_t)j * w.dilation_w) * args.in.pixel_stride;
      sum = fma(load_lanes<kFull>(pixel, channels.lanes), load(channels.tap(i * w.k_w + j)), sum);
    }
  }
  const V result = fma(sum - channels.header(2), channels.header(1), channels.header(0));
  store_lanes<kFull>(out + (size_t)x * args.out.pixel_stride + channels.first, clamp(args.clamp, result),
                     channels.lanes);
}

// How far the windows of columns reach beyond the input at either side.
struct Overhang {
  int64_t left, right;

  Overhang(const DepthwiseConv2dArgs& args, Range columns)
      : left(-window_origin(columns.begin, args.window.stride_w, args.window.pad_left)),
        right(window_origin(columns.end - 1, args.window.stride_w, args.window.pad_left) + args.window.k_w -
              (int64_t)args.in.w) {}
};

inline bool suits_depthwise_line(const Window& w, Overhang over, Range columns) {
  return w.k_w == 3 && w.dilation_w == 1 && w.stride_w <= 2 && w.k_h <= DepthwiseLine::kMostRows && over.left <= 1 &&
         over.right <= 1 && columns.end - columns.begin > kDepthwisePixels;
}

inline DepthwiseLine depthwise_line_of(const DepthwiseRow& row, float* out) {
  const DepthwiseConv2dArgs& args = *row.args;
  DepthwiseLine line;
  line.out = out;
  line.rows = row.rows.end - row.rows.begin;
  line.first_tap = row.rows.begin * args.window.k_w;
  line.in_stride = args.in.pixel_stride;
  line.out_stride = args.out.pixel_stride;
  line.limits = args.clamp;
  for (uint32_t i = 0; i < line.rows; ++i) {
    line.in[i] = row.in(row.rows.begin + i) - (ptrdiff_t)(args.window.pad_left * line.in_stride);
  }
  return line;
}

// Columns of one output row, channels `channel` on.
inline void depthwise_panels(const DepthwiseConv2dArgs& args, uint32_t y, Range columns, const Panels& panels,
                             uint32_t channel) {
  const DepthwiseRow row(args, y);
  const Overhang over(args, columns);
  const bool is_line = suits_depthwise_line(args.window, over, columns);
  float* out = args.out.row(y);
  DepthwiseLine line;
  if (is_line) line = depthwise_line_of(row, out);
  for (uint32_t p = 0; p < panels.count; ++p, channel += kPanelLanes) {
    for (uint32_t lane = 0; lane < kPanelLanes && channel + lane < args.out.c; lane += kLanes) {
      const DepthwiseChannels channels = {channel + lane, min_u32(kLanes, args.out.c - channel - lane),
                                          panels.data + p * panels.stride + lane};
      if (is_line && lane_mask_works(channels.lanes)) {
        const auto make_line = args.window.stride_w == 1 ? depthwise_line<1> : depthwise_line<2>;
        make_line(line, channels, columns, over.left == 1, over.right == 1);
        continue;
      }
      const auto make_pixel = channels.lanes == kLanes ? depthwise_pixel<true> : depthwise_pixel<false>;
      for (uint32_t x = columns.begin; x < columns.end; ++x) make_pixel(row, channels, x, out);
    }
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
