// Convolution of 8-bit codes, each channel with a window of its own.
#pragma once
#include "kernels/int8_ending.hpp"
#include "kernels/int8_wide.hpp"

namespace posy {
namespace {

inline void int8_depthwise_conv_2d_oracle(const Int8DepthwiseConv2dArgs& args, const Task& task) {
  const Range channels = share({0, args.out.c}, kPanelLanes, task.part, task.parts);
  for (uint32_t y = task.rows.begin; y < task.rows.end; ++y) {
    for (uint32_t x = 0; x < args.out.w; ++x) {
      uint8_t* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      for (uint32_t c = channels.begin; c < channels.end; ++c) {
        const Int8Lane weight(args.weights, c);
        uint32_t sum = weight.start();
        for_each_tap(args, y, x, [&](uint32_t i, uint32_t j, const uint8_t* in) {
          const int32_t code = in ? in[c] : args.in.zero_point;
          sum += (uint32_t)(code * weight.at(depthwise_row(args.window.k_h, i, j)));
        });
        out[c] = int8_code(args.ending, int8_sum(sum) * weight.multiplier());
      }
    }
  }
  int8_depthwise_wide(args, task.rows, {0, args.out.w}, channels);
}

}  // namespace
}  // namespace posy

#ifdef POSY_INT8_SIMD
#include "kernels/int8_simd.hpp"

namespace posy {
namespace {

// Window columns times groups of window rows that the SIMD version takes: up to 8 x 8.
constexpr uint32_t kMostDepthwiseGroups = 16;

// kByteLanes channels' weights, laid out for vectors: a vector of a group has the channels that interleave() puts
// together. `next` are those of a window one row further down, for windows of three rows.
struct DepthwiseFilter {
  alignas(64) uint8_t weights[kMostDepthwiseGroups][4][kLanes * kGroupRows];
  alignas(64) uint8_t next[3][4][kLanes * kGroupRows];
  alignas(64) int32_t start[4][kLanes];
  alignas(64) float multiplier[4][kLanes];
};

// The channels of a vector of bytes: so many from the first on, and, where these are fewer than the vector has bytes,
// the same ones again.
struct DepthwiseChannels {
  uint32_t first, count;
};

// Of channels 4 * quarter ... of each block of 16 bytes, 16 bytes from `offset` on in the channel's panel.
POSY_SHARED void gather_lanes(const Int8Weights& weights, DepthwiseChannels channels, uint32_t quarter, size_t offset,
                              void* to) {
  for (uint32_t block = 0; block < kBlocks; ++block) {
    const uint32_t place = block * 16 + quarter * 4;
    const bool repeats = kByteLanes % channels.count == 0;
    uint8_t* part = (uint8_t*)to + block * 16;
    if (place >= channels.count && !repeats) {
      memset(part, 0, 16);
    } else {
      const uint32_t channel = channels.first + place % channels.count;
      memcpy(part, weights.panel(channel / kPanelLanes) + offset + channel % kPanelLanes * 4, 16);
    }
  }
}

POSY_SHARED void load_filter(const Int8DepthwiseConv2dArgs& args, DepthwiseChannels channels, DepthwiseFilter* filter) {
  constexpr size_t kVectorBytes = kPanelLanes * 4;
  const uint32_t groups = args.weights.rows / kGroupRows;
  for (uint32_t quarter = 0; quarter < 4; ++quarter) {
    const auto gather = [&](size_t offset, void* to) { gather_lanes(args.weights, channels, quarter, offset, to); };
    int32_t sums[kLanes];
    gather(0, filter->start[quarter]);
    gather(kVectorBytes, filter->multiplier[quarter]);
    gather(2 * kVectorBytes, sums);
    store_i32(filter->start[quarter], start_of(load_i32(filter->start[quarter]), load_i32(sums)));
    for (uint32_t g = 0; g < groups; ++g) gather(kInt8HeaderBytes + g * kGroupBytes, filter->weights[g][quarter]);
    if (args.window.k_h != 3 || groups > 3) continue;
    for (uint32_t g = 0; g < groups; ++g) {
      for (uint32_t lane = 0; lane < kLanes; ++lane) {
        // Rows 0, 2, 1, - of the window are rows 1, 3, 2 of the one above.
        const uint8_t* from = filter->weights[g][quarter] + lane * kGroupRows;
        uint8_t* to = filter->next[g][quarter] + lane * kGroupRows;
        to[0] = 0;
        to[1] = from[2];
        to[2] = from[0];
        to[3] = from[1];
      }
    }
  }
}

// What the outputs of kByteLanes channels of a row have in common.
struct DepthwiseBytes {
  const Int8DepthwiseConv2dArgs* args;
  const DepthwiseFilter* filter;
  uint32_t channel, lanes;

  // Input row y from the first of the channels on; null outside.
  const uint8_t* in_row(int64_t y) const {
    return y >= 0 && y < args->in.h ? args->in.row((uint32_t)y) + channel : nullptr;
  }
};

inline B bytes_or_padding(const DepthwiseBytes& d, const uint8_t* row, size_t at) {
  return row ? load_bytes(row + at, d.lanes) : splat_u8(d.args->in.zero_point);
}

inline B end_depthwise(const DepthwiseBytes& d, const I (&sum)[4], const CodeLimits& limits) {
  F multiplier[4];
  POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) multiplier[q] = load_f32(d.filter->multiplier[q]);
  return codes_of(sum, multiplier, limits);
}

// Sums of three columns of taps.
template <bool kSmall>
POSY_INLINE inline B depthwise_codes(const DepthwiseBytes& d, const W (&taps)[3][4],
                                     const uint8_t (*weights)[4][kLanes * kGroupRows], const CodeLimits& limits) {
  I sum[4];
  POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) {
    sum[q] = load_i32(d.filter->start[q]);
    POSY_UNROLL for (uint32_t j = 0; j < 3; ++j) sum[q] = dot_each<kSmall>(sum[q], taps[j][q], load_w(weights[j][q]));
  }
  return end_depthwise(d, sum, limits);
}

// One output pixel of any window.
template <bool kSmall>
POSY_SHARED void int8_depthwise_pixel(const DepthwiseBytes& d, uint32_t y, uint32_t x) {
  const Window& w = d.args->window;
  const int64_t in_y = window_origin(y, w.stride_h, w.pad_top), in_x = window_origin(x, w.stride_w, w.pad_left);
  const uint32_t groups = whole_groups(w.k_h) / kGroupRows;
  I sum[4];
  for (uint32_t q = 0; q < 4; ++q) sum[q] = load_i32(d.filter->start[q]);
  for (uint32_t j = 0; j < w.k_w; ++j) {
    const int64_t at_x = in_x + (int64_t)j * w.dilation_w;
    const bool inside = at_x >= 0 && at_x < d.args->in.w;
    const size_t at = inside ? (size_t)at_x * d.args->in.pixel_stride : 0;
    for (uint32_t g = 0; g < groups; ++g) {
      B rows[4];
      for (uint32_t i = 0; i < 4; ++i) {
        const uint32_t tap = g * kGroupRows + (i == 1 ? 2 : i == 2 ? 1 : i);
        rows[i] =
            bytes_or_padding(d, inside && tap < w.k_h ? d.in_row(in_y + (int64_t)tap * w.dilation_h) : nullptr, at);
      }
      W x4[4];
      interleave(rows, x4);
      for (uint32_t q = 0; q < 4; ++q)
        sum[q] = dot_each<kSmall>(sum[q], x4[q], load_w(d.filter->weights[j * groups + g][q]));
    }
  }
  uint8_t* out = d.args->out.row(y) + (size_t)x * d.args->out.pixel_stride + d.channel;
  store_bytes(out, end_depthwise(d, sum, CodeLimits(d.args->ending)), d.lanes);
}

// Columns of one output row, or of two that follow each other, of a 3x3 window.
template <uint32_t kStride, uint32_t kOutRows, bool kSmall>
void int8_depthwise_line(const DepthwiseBytes& d, uint32_t y, Range columns) {
  const Window& w = d.args->window;
  const int64_t in_y = window_origin(y, w.stride_h, w.pad_top);
  const uint8_t* rows[4] = {d.in_row(in_y), d.in_row(in_y + 2), d.in_row(in_y + 1),
                            kOutRows == 2 ? d.in_row(in_y + 3) : nullptr};
  const size_t step = d.args->in.pixel_stride, out_step = d.args->out.pixel_stride;
  const CodeLimits limits(d.args->ending);
  const B padding = splat_u8(d.args->in.zero_point);
  int64_t in_x = window_origin(columns.begin, kStride, w.pad_left);
  const auto load_column = [&](W(&to)[4]) {
    if (in_x < 0 || in_x >= d.args->in.w) {
      POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) to[q] = padding;
    } else {
      B bytes[4];
      POSY_UNROLL for (uint32_t i = 0; i < 4; ++i) {
        bytes[i] = rows[i] ? load_bytes(rows[i] + (size_t)in_x * step, d.lanes) : padding;
      }
      interleave(bytes, to);
    }
    ++in_x;
  };
  W taps[3][4];
  POSY_UNROLL for (uint32_t j = 0; j < 3 - kStride; ++j) load_column(taps[j]);
  uint8_t* out[kOutRows];
  POSY_UNROLL for (uint32_t r = 0; r < kOutRows; ++r) {
    out[r] = d.args->out.row(y + r) + columns.begin * out_step + d.channel;
  }
  for (uint32_t x = columns.begin; x < columns.end; ++x) {
    POSY_UNROLL for (uint32_t j = 3 - kStride; j < 3; ++j) load_column(taps[j]);
    POSY_UNROLL for (uint32_t r = 0; r < kOutRows; ++r) {
      const auto* weights = r == 0 ? d.filter->weights : d.filter->next;
      store_bytes(out[r], depthwise_codes<kSmall>(d, taps, weights, limits), d.lanes);
      out[r] += out_step;
    }
    POSY_UNROLL for (uint32_t j = 0; j < 3 - kStride; ++j) {
      POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) taps[j][q] = taps[j + kStride][q];
    }
  }
}

template <bool kSmall>
inline void int8_depthwise_rows(const DepthwiseBytes& d, Range rows, Range columns) {
  const Window& w = d.args->window;
  if (w.k_h != 3 || w.k_w != 3 || w.dilation_h != 1 || w.dilation_w != 1 || w.stride_w > 2) {
    for (uint32_t y = rows.begin; y < rows.end; ++y) {
      for (uint32_t x = columns.begin; x < columns.end; ++x) int8_depthwise_pixel<kSmall>(d, y, x);
    }
    return;
  }
  constexpr uint32_t kMostRows = kSmall ? 2 : 1;
  for (uint32_t y = rows.begin; y < rows.end;) {
    // Two rows that follow each other share two of their three rows of input.
    const bool two = kSmall && w.stride_h == 1 && w.stride_w == 1 && y + 1 < rows.end;
    if (two) {
      int8_depthwise_line<1, kMostRows, kSmall>(d, y, columns);
    } else if (w.stride_w == 1) {
      int8_depthwise_line<1, 1, kSmall>(d, y, columns);
    } else {
      int8_depthwise_line<2, 1, kSmall>(d, y, columns);
    }
    y += two ? 2 : 1;
  }
}

// How many lanes of a vector so many bytes are.
inline uint32_t lanes_of(int64_t bytes) {
  return bytes < 0 ? 0 : bytes < kByteLanes ? (uint32_t)bytes : kByteLanes;
}

// Few channels: a row of pixels is one run of bytes, and a vector has several pixels. Two rows of a 3x3 window.
template <bool kSmall>
void int8_depthwise_run(const DepthwiseBytes& d, uint32_t y, Range columns) {
  const Int8DepthwiseConv2dArgs& args = *d.args;
  const int64_t in_y = window_origin(y, 1, args.window.pad_top), row_bytes = (int64_t)args.in.row_stride();
  const uint8_t* rows[4] = {d.in_row(in_y), d.in_row(in_y + 2), d.in_row(in_y + 1), d.in_row(in_y + 3)};
  const CodeLimits limits(args.ending);
  const B padding = splat_u8(args.in.zero_point);
  const int64_t end = (int64_t)columns.end * args.in.c;
  for (int64_t i = (int64_t)columns.begin * args.in.c; i < end; i += kByteLanes) {
    W taps[3][4];
    POSY_UNROLL for (uint32_t j = 0; j < 3; ++j) {
      const int64_t at = i + ((int64_t)j - args.window.pad_left) * args.in.c;
      const Range inside = {lanes_of(-at), lanes_of(row_bytes - at)};
      B bytes[4];
      POSY_UNROLL for (uint32_t r = 0; r < 4; ++r) {
        bytes[r] = rows[r] && inside.begin < inside.end ? load_inside(rows[r] + at, inside, padding) : padding;
      }
      interleave(bytes, taps[j]);
    }
    const uint32_t lanes = lanes_of(end - i);
    POSY_UNROLL for (uint32_t r = 0; r < 2; ++r) {
      const auto* weights = r == 0 ? d.filter->weights : d.filter->next;
      store_bytes(args.out.row(y + r) + i, depthwise_codes<kSmall>(d, taps, weights, limits), lanes);
    }
  }
}

inline bool suits_depthwise_run(const Int8DepthwiseConv2dArgs& args) {
  const Window& w = args.window;
  const bool is_gapless = args.in.pixel_stride == args.in.c && args.out.pixel_stride == args.out.c;
  return is_gapless && args.in.c < kByteLanes && kByteLanes % args.in.c == 0 && args.in.c % 4 == 0 && w.k_h == 3 &&
         w.k_w == 3 && w.stride_h == 1 && w.stride_w == 1 && w.dilation_h == 1 && w.dilation_w == 1;
}

template <bool kSmall>
inline void int8_depthwise_runs(const DepthwiseBytes& d, Range rows, Range columns) {
  uint32_t y = rows.begin;
  for (; y + 1 < rows.end; y += 2) int8_depthwise_run<kSmall>(d, y, columns);
  if (y < rows.end) int8_depthwise_rows<kSmall>({d.args, d.filter, 0, d.args->out.c}, {y, y + 1}, columns);
}

template <bool kSmall>
inline void int8_depthwise_part(const Int8DepthwiseConv2dArgs& args, const Region& part) {
  DepthwiseFilter filter;
  if (kSmall && suits_depthwise_run(args) && part.groups.end * kPanelLanes >= args.out.c && part.groups.begin == 0) {
    load_filter(args, {0, args.out.c}, &filter);
    int8_depthwise_runs<kSmall>({&args, &filter, 0, kByteLanes}, part.rows, part.columns);
    return;
  }
  for (uint32_t panel = part.groups.begin; panel < part.groups.end; panel += kBlocks) {
    const uint32_t channel = panel * kPanelLanes;
    const uint32_t lanes = min_u32(args.out.c, min_u32(part.groups.end, panel + kBlocks) * kPanelLanes) - channel;
    load_filter(args, {channel, lanes}, &filter);
    int8_depthwise_rows<kSmall>({&args, &filter, channel, lanes}, part.rows, part.columns);
  }
}

inline void int8_depthwise_conv_2d_simd(const Int8DepthwiseConv2dArgs& args, const Task& task) {
  if (args.weights.rows > kMostDepthwiseGroups * kGroupRows) return int8_depthwise_conv_2d_oracle(args, task);
  const Region part = region(task, args.out, divide_up(args.out.c, kPanelLanes));
  if (args.weights.pairs_are_small || !kPairsMatter) {
    int8_depthwise_part<true>(args, part);
  } else {
    int8_depthwise_part<!kPairsMatter>(args, part);
  }
  int8_depthwise_wide(args, part.rows, part.columns, {part.groups.begin * kPanelLanes, part.groups.end * kPanelLanes});
}

}  // namespace
}  // namespace posy
#endif
