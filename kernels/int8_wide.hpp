// Output channels with weights that no byte holds: made after the others and in their place. There are few of them: of
// a graph whose 8 bits go from -160 to 95, those with a weight below -127.
#pragma once
#include "kernels/int8_ending.hpp"

namespace posy {
namespace {

// Calls make(channel) for those of `channels` that are wide. Others are of another thread.
template <class Args, class Make>
inline void for_each_wide(const Args& args, Range channels, Make make) {
  for (uint32_t i = 0; i < args.weights.wide_count; ++i) {
    const Int8WideChannel wide(args.weights, args.out.c, i);
    if (wide.channel() >= channels.begin && wide.channel() < channels.end) make(wide);
  }
}

inline uint32_t wide_sum(const uint8_t* codes, const int16_t* weights, uint32_t count) {
  uint32_t sum = 0;
  for (uint32_t c = 0; c < count; ++c) sum += (uint32_t)((int32_t)codes[c] * weights[c]);
  return sum;
}

inline uint32_t wide_sum_of_padding(uint8_t code, const int16_t* weights, uint32_t count) {
  uint32_t sum = 0;
  for (uint32_t c = 0; c < count; ++c) sum += (uint32_t)((int32_t)code * weights[c]);
  return sum;
}

// tap(i, j, pixel) for every tap of the window of output (y, x); pixel is null outside of the input.
template <class Args, class Tap>
inline void for_each_tap(const Args& args, uint32_t y, uint32_t x, Tap tap) {
  const Window& w = args.window;
  const int64_t in_y = window_origin(y, w.stride_h, w.pad_top), in_x = window_origin(x, w.stride_w, w.pad_left);
  for (uint32_t i = 0; i < w.k_h; ++i) {
    const int64_t at_y = in_y + (int64_t)i * w.dilation_h;
    for (uint32_t j = 0; j < w.k_w; ++j) {
      const int64_t at_x = in_x + (int64_t)j * w.dilation_w;
      const bool inside = at_y >= 0 && at_y < args.in.h && at_x >= 0 && at_x < args.in.w;
      tap(i, j, inside ? args.in.row((uint32_t)at_y) + (size_t)at_x * args.in.pixel_stride : nullptr);
    }
  }
}

POSY_SHARED void int8_conv_wide(const Int8Conv2dArgs& args, Range rows, Range columns, Range channels) {
  const uint32_t tap_rows = whole_groups(args.in.c), k_w = args.window.k_w;
  for_each_wide(args, channels, [&](const Int8WideChannel& wide) {
    for (uint32_t y = rows.begin; y < rows.end; ++y) {
      for (uint32_t x = columns.begin; x < columns.end; ++x) {
        uint32_t sum = wide.start();
        for_each_tap(args, y, x, [&](uint32_t i, uint32_t j, const uint8_t* pixel) {
          const int16_t* weights = wide.weights() + (size_t)(i * k_w + j) * tap_rows;
          sum +=
              pixel ? wide_sum(pixel, weights, args.in.c) : wide_sum_of_padding(args.in.zero_point, weights, args.in.c);
        });
        put_output(args, y, x, wide.channel(), int8_sum(sum) * wide.multiplier());
      }
    }
  });
}

POSY_SHARED void int8_depthwise_wide(const Int8DepthwiseConv2dArgs& args, Range rows, Range columns, Range channels) {
  for_each_wide(args, channels, [&](const Int8WideChannel& wide) {
    for (uint32_t y = rows.begin; y < rows.end; ++y) {
      for (uint32_t x = columns.begin; x < columns.end; ++x) {
        uint32_t sum = wide.start();
        for_each_tap(args, y, x, [&](uint32_t i, uint32_t j, const uint8_t* pixel) {
          const int32_t code = pixel ? pixel[wide.channel()] : args.in.zero_point;
          sum += (uint32_t)(code * wide.weights()[depthwise_row(args.window.k_h, i, j)]);
        });
        args.out.row(y)[(size_t)x * args.out.pixel_stride + wide.channel()] =
            int8_code(args.ending, int8_sum(sum) * wide.multiplier());
      }
    }
  });
}

}  // namespace
}  // namespace posy
