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

// kPixels neighbouring outputs: an input column is loaded once for all that see it. kLeft: the first column lies left
// of the input; kRight: the last one lies right of it.
template <uint32_t kStride, uint32_t kPixels, bool kLeft, bool kRight>
POSY_INLINE inline void depthwise_pixels(const DepthwiseLine& line, const DepthwiseChannels& channels, uint32_t x) {
  constexpr uint32_t kTaps = 3, kColumns = (kPixels - 1) * kStride + kTaps;
  V sum[kPixels];
  POSY_UNROLL for (uint32_t p = 0; p < kPixels; ++p) sum[p] = splat(0);
  const float* weights = channels.tap(line.first_tap);
  const LaneMask lanes = lane_mask(channels.lanes);
  for (uint32_t i = 0; i < line.rows; ++i, weights += kTaps * kPanelLanes) {
    const float* in = line.in[i] + channels.first + x * kStride * line.in_stride;
    V w[kTaps];
    POSY_UNROLL for (uint32_t j = 0; j < kTaps; ++j) w[j] = load(weights + j * kPanelLanes);
    POSY_UNROLL for (uint32_t column = kLeft ? 1 : 0; column < kColumns - (kRight ? 1 : 0); ++column) {
      const V v = load_masked(in + column * line.in_stride, lanes);
      POSY_UNROLL for (uint32_t j = 0; j < kTaps; ++j) {
        const bool seen = column >= j && (column - j) % kStride == 0 && (column - j) / kStride < kPixels;
        if (seen) sum[(column - j) / kStride] = fma(v, w[j], sum[(column - j) / kStride]);
      }
    }
  }
  float* out = line.out + channels.first + x * line.out_stride;
  POSY_UNROLL for (uint32_t p = 0; p < kPixels; ++p, out += line.out_stride) {
    store_masked(out, clamp(line.limits, fma(sum[p] - channels.header(2), channels.header(1), channels.header(0))),
                 lanes);
  }
}

// The last `pixels` <= kPixels outputs of a row.
template <uint32_t kStride, uint32_t kPixels, bool kRight>
POSY_INLINE inline void depthwise_last_pixels(const DepthwiseLine& line, const DepthwiseChannels& channels, uint32_t x,
                                              uint32_t pixels) {
  if constexpr (kPixels > 1) {
    if (pixels != kPixels) return depthwise_last_pixels<kStride, kPixels - 1, kRight>(line, channels, x, pixels);
  }
  depthwise_pixels<kStride, kPixels, false, kRight>(line, channels, x);
}

constexpr uint32_t kDepthwisePixels = 4;

// More than kDepthwisePixels outputs. left, right: the first and the last window reach one column beyond the input.
template <uint32_t kStride>
void depthwise_line(const DepthwiseLine& line, const DepthwiseChannels& channels, Range columns, bool left,
                    bool right) {
  constexpr uint32_t kPixels = kDepthwisePixels;
  uint32_t x = columns.begin;
  if (left) {
    depthwise_pixels<kStride, kPixels, true, false>(line, channels, x);
    x += kPixels;
  }
  for (; x + kPixels < columns.end; x += kPixels) depthwise_pixels<kStride, kPixels, false, false>(line, channels, x);
  right ? depthwise_last_pixels<kStride, kPixels, true>(line, channels, x, columns.end - x)
        : depthwise_last_pixels<kStride, kPixels, false>(line, channels, x, columns.end - x);
}

}  // namespace
}  // namespace posy
