// An output row of a depthwise convolution with a window three wide: what MobileNets are made of.
#pragma once
#include "kernels/panels.hpp"

namespace posy {
namespace {

// One vector of channels: which, and its column of the panel.
struct DepthwiseChannels {
  uint32_t first, lanes;  // kLanes, or those that are left
  const float* w;         // three rows of the header, then one per tap

  V header(uint32_t vector) const { return load(w + vector * kPanelLanes); }
  const float* tap(uint32_t tap) const { return w + (size_t)(kHeaderVectors + tap) * kPanelLanes; }
};

// An output row of a window three wide, at most kMostRows high, not dilated across: all that does not change along it.
struct DepthwiseLine {
  static constexpr uint32_t kMostRows = 8;
  const float* in[kMostRows];  // of the rows that lie inside: where the window of column 0 starts, which is never read
                               // left of the input
  float* out;                  // of column 0
  uint32_t rows, first_tap;
  size_t in_stride, out_stride;  // floats from pixel to pixel
  Clamp limits;
};

// The same for one vector of channels. Copies, because the compiler can not know that no output is written over them.
struct DepthwiseVector {
  const float* const* in;
  const float* taps;
  float* out;
  uint32_t rows, channel;
  size_t in_stride, out_stride;
  LaneMask lanes;
  V bias, scale, center, low, high;

  DepthwiseVector(const DepthwiseLine& line, const DepthwiseChannels& channels)
      : in(line.in),
        taps(channels.tap(line.first_tap)),
        out(line.out + channels.first),
        rows(line.rows),
        channel(channels.first),
        in_stride(line.in_stride),
        out_stride(line.out_stride),
        lanes(lane_mask(channels.lanes)),
        bias(channels.header(0)),
        scale(channels.header(1)),
        center(channels.header(2)),
        low(splat(line.limits.low)),
        high(splat(line.limits.high)) {}
};

// kPixels neighbouring outputs: an input column is loaded once for all that see it. kLeft: the first column lies left
// of the input; kRight: the last one lies right of it.
template <uint32_t kStride, uint32_t kPixels, bool kLeft, bool kRight>
POSY_INLINE inline void depthwise_pixels(const DepthwiseVector& d, uint32_t x) {
  constexpr uint32_t kTaps = 3, kColumns = (kPixels - 1) * kStride + kTaps;
  V sum[kPixels];
  POSY_UNROLL for (uint32_t p = 0; p < kPixels; ++p) sum[p] = splat(0);
  const float* taps = d.taps;
  for (uint32_t i = 0; i < d.rows; ++i, taps += kTaps * kPanelLanes) {
    const float* in = d.in[i] + d.channel + x * kStride * d.in_stride;
    V w[kTaps];
    POSY_UNROLL for (uint32_t j = 0; j < kTaps; ++j) w[j] = load(taps + j * kPanelLanes);
    POSY_UNROLL for (uint32_t column = kLeft ? 1 : 0; column < kColumns - (kRight ? 1 : 0); ++column) {
      const V v = load_masked(in + column * d.in_stride, d.lanes);
      POSY_UNROLL for (uint32_t j = 0; j < kTaps; ++j) {
        const bool seen = column >= j && (column - j) % kStride == 0 && (column - j) / kStride < kPixels;
        if (seen) sum[(column - j) / kStride] = fma(v, w[j], sum[(column - j) / kStride]);
      }
    }
  }
  float* out = d.out + x * d.out_stride;
  POSY_UNROLL for (uint32_t p = 0; p < kPixels; ++p, out += d.out_stride) {
    store_masked(out, minimum(d.high, maximum(d.low, fma(sum[p] - d.center, d.scale, d.bias))), d.lanes);
  }
}

// The last `pixels` <= kPixels outputs of a row.
template <uint32_t kStride, uint32_t kPixels, bool kRight>
POSY_INLINE inline void depthwise_last_pixels(const DepthwiseVector& d, uint32_t x, uint32_t pixels) {
  if constexpr (kPixels > 1) {
    if (pixels != kPixels) return depthwise_last_pixels<kStride, kPixels - 1, kRight>(d, x, pixels);
  }
  depthwise_pixels<kStride, kPixels, false, kRight>(d, x);
}

constexpr uint32_t kDepthwisePixels = 4;

// More than kDepthwisePixels outputs. left, right: the first and the last window reach one column beyond the input.
template <uint32_t kStride>
void depthwise_line(const DepthwiseLine& line, const DepthwiseChannels& channels, Range columns, bool left,
                    bool right) {
  constexpr uint32_t kPixels = kDepthwisePixels;
  const DepthwiseVector d(line, channels);
  uint32_t x = columns.begin;
  if (left) {
    depthwise_pixels<kStride, kPixels, true, false>(d, x);
    x += kPixels;
  }
  for (; x + kPixels < columns.end; x += kPixels) depthwise_pixels<kStride, kPixels, false, false>(d, x);
  right ? depthwise_last_pixels<kStride, kPixels, true>(d, x, columns.end - x)
        : depthwise_last_pixels<kStride, kPixels, false>(d, x, columns.end - x);
}

}  // namespace
}  // namespace posy
