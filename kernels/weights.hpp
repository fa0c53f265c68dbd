// How weights lie in the file and in memory (loaders/FORMAT.md, "Weights").
//
// Output channels are grouped into panels of 16 lanes. A panel is one stream in the order in which the inner loop reads
// it: bias, scale and center of its 16 channels, what the encoding needs to expand them, then `rows` rows of 16
// weights. Lanes past the last channel are zero. Panels are multiples of 64 bytes long, so that each one starts a cache
// line.
//
// What a channel makes is (sum(x * weight) - center) * scale + bias: what was folded into the convolution (batch norm)
// is applied once, at the end, in the way TensorFlow does. Weights stay as the graph has them, so a graph of at most
// 256 distinct ones keeps them. With the mean folded into the bias instead, deep networks lose a digit to its rounding.
#pragma once
#include "kernels/math.hpp"

namespace posy {

enum class WeightType : uint8_t {
  f32 = 0,        // weight = w
  u8_table = 1,   // weight = table[q]: at most 256 distinct values, kept exactly
  u8_affine = 2,  // weight = q + offset[channel]
};
constexpr uint32_t kWeightTypes = 3;
constexpr uint32_t kTableBytes = 256 * sizeof(float);  // in front of the first panel, u8_table only

struct Weights {
  const uint8_t* panels;  // divide_up(channels, 16) of them
  const float* table;     // u8_table only
  uint32_t rows;          // weights per channel
  WeightType type;
};

// Vectors of 16 floats in front of the rows: bias, scale, and center. Of u8_affine the third is the offset: its weights
// are rounded, so that a center folded into the bias costs nothing that is not lost already.
constexpr uint32_t kHeaderVectors = 3;

POSY_INLINE constexpr uint64_t panel_bytes(WeightType type, uint64_t rows) {
  const uint64_t row_bytes = type == WeightType::f32 ? kPanelLanes * sizeof(float) : kPanelLanes;
  const uint64_t bytes = kHeaderVectors * kPanelLanes * sizeof(float) + rows * row_bytes;
  return (bytes + 63) / 64 * 64;
}

POSY_INLINE constexpr uint64_t weight_bytes(WeightType type, uint64_t rows, uint64_t channels) {
  return (type == WeightType::u8_table ? kTableBytes : 0) +
         (channels + kPanelLanes - 1) / kPanelLanes * panel_bytes(type, rows);
}

namespace {

// One value at a time: what the oracles read, and the definition that every faster reader must equal.
struct WeightLane {
  const Weights& weights;
  const uint8_t* panel;
  const float* header;
  uint32_t lane;

  WeightLane(const Weights& w, uint32_t channel)
      : weights(w),
        panel(w.panels + channel / kPanelLanes * panel_bytes(w.type, w.rows)),
        header((const float*)panel),
        lane(channel % kPanelLanes) {}

  // What the channel makes of its sum of products.
  float finish(float sum) const {
    const float center = weights.type == WeightType::u8_affine ? 0.0f : header[2 * kPanelLanes + lane];
    return fma_f32(sum - center, header[kPanelLanes + lane], header[lane]);
  }

  float at(uint32_t row) const {
    const uint8_t* rows = panel + kHeaderVectors * kPanelLanes * sizeof(float);
    const size_t i = (size_t)row * kPanelLanes + lane;
    switch (weights.type) {
      case WeightType::f32:
        return ((const float*)rows)[i];
      case WeightType::u8_table:
        return weights.table[rows[i]];
      case WeightType::u8_affine:
        return (float)rows[i] + header[2 * kPanelLanes + lane];
    }
    return 0;
  }
};

}  // namespace
}  // namespace posy
