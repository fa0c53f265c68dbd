// int8_depthwise_conv_2d.hpp for the processors of int8_blocks.hpp.
#pragma once
#include "kernels/int8_blocks.hpp"
#include "kernels/int8_depthwise_conv_2d.hpp"

namespace posy {
namespace {

// Taps of a window that are kept expanded: up to 8 x 8 of them.
constexpr uint32_t kMostTaps = 64;

// Some channels' windows.
struct DepthwiseFilter {
  TapWeights weights[kMostTaps];
  TapWeights inside[kMostTaps];  // those of a run
  uint32_t offsets[kMostTaps];
  int32_t sums[kTapChannels];  // of all weights
  DepthwiseRun run;
};

POSY_SHARED void load_filter(const Int8DepthwiseConv2dArgs& args, uint32_t channel, DepthwiseFilter* filter) {
  const Window& w = args.window;
  const uint32_t channels = min_u32(kTapChannels, args.out.c - channel);
  filter->run.channels = channels;
  for (uint32_t c = 0; c < kTapChannels; ++c) filter->sums[c] = 0;
  for (uint32_t i = 0; i < w.k_h; ++i) {
    for (uint32_t j = 0; j < w.k_w; ++j) {
      int8_t tap[kTapChannels] = {};
      for (uint32_t c = 0; c < channels; ++c) {
        tap[c] = Int8Lane(args.weights, channel + c).at(depthwise_row(w.k_h, i, j));
        filter->sums[c] += tap[c];
      }
      filter->weights[i * w.k_w + j] = tap_weights(tap);
    }
  }
}

// Taps inside of the input.
POSY_SHARED void place_taps(const Int8DepthwiseConv2dArgs& args, const ConvRun& run, DepthwiseFilter* filter) {
  const Window& w = args.window;
  const int64_t in_y = window_origin(run.y, w.stride_h, w.pad_top), in_x = window_origin(run.x, w.stride_w, w.pad_left);
  const uint32_t columns = run.columns.end - run.columns.begin, column_step = w.dilation_w * args.in.pixel_stride;
  const bool is_whole = (run.rows.end - run.rows.begin) * columns == w.k_h * w.k_w;
  uint32_t count = 0;
  for (uint32_t i = run.rows.begin; i < run.rows.end && columns > 0; ++i) {
    const uint32_t place = (uint32_t)(in_y + (int64_t)i * w.dilation_h) % args.in.ring_h;
    uint32_t offset = (uint32_t)(in_x + (int64_t)run.columns.begin * w.dilation_w) * args.in.pixel_stride;
    offset += place * (uint32_t)args.in.row_stride();
    for (uint32_t j = 0; j < columns; ++j, ++count, offset += column_step) {
      filter->offsets[count] = offset;
      if (!is_whole) filter->inside[count] = filter->weights[i * w.k_w + run.columns.begin + j];
    }
  }
  filter->run.taps = count;
  filter->run.offsets = filter->offsets;
  filter->run.weights = is_whole ? filter->weights : filter->inside;
}

// What the sums of a run begin with: taps outside of the input see the zero point.
POSY_SHARED void start_run(const Int8DepthwiseConv2dArgs& args, uint32_t channel, DepthwiseFilter* filter) {
  DepthwiseRun& run = filter->run;
  const bool is_padded = run.taps < args.window.k_h * args.window.k_w && args.in.zero_point != 0;
  for (uint32_t c = 0; c < run.channels; ++c) {
    const Int8Lane lane(args.weights, channel + c);
    uint32_t start = lane.start();
    if (is_padded) {
      int32_t outside = filter->sums[c];
      for (uint32_t t = 0; t < run.taps; ++t) outside -= weight_of(run.weights[t], c);
      start += (uint32_t)(outside * args.in.zero_point);
    }
    run.starts[c] = (int32_t)start;
    run.multipliers[c] = lane.multiplier();
  }
}

inline void int8_depthwise_conv_2d_blocks(const Int8DepthwiseConv2dArgs& args, const Task& task) {
  if (args.window.k_h * args.window.k_w > kMostTaps) return int8_depthwise_conv_2d_oracle(args, task);
  const Region part = region(task, args.out, divide_up(args.out.c, kPanelLanes));
  const uint32_t end = min_u32(args.out.c, part.groups.end * kPanelLanes);
  DepthwiseFilter filter = {};
  for (uint32_t channel = part.groups.begin * kPanelLanes; channel < end; channel += kTapChannels) {
    load_filter(args, channel, &filter);
    for_each_run(args, part.rows, part.columns, args.out.ring_h, [&](const ConvRun& run) {
      place_taps(args, run, &filter);
      start_run(args, channel, &filter);
      DepthwiseRun& to = filter.run;
      to.in = args.in.data + channel;
      to.in_step = run.is_down ? args.window.stride_h * args.in.row_stride()
                               : (size_t)args.window.stride_w * args.in.pixel_stride;
      to.out = args.out.row(run.y) + (size_t)run.x * args.out.pixel_stride + channel;
      to.out_step = out_stride(args.out, run);
      to.pixels = run.pixels;
      depthwise_run(to, args.ending);
    });
  }
  int8_depthwise_wide(args, part.rows, part.columns, {part.groups.begin * kPanelLanes, end});
}

}  // namespace
}  // namespace posy
