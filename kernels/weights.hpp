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
  u8_affine = 2,  // weight = q + offset[channel]; so are the next four, with as many bits as their number says
  s8 = 3,         // of the products of bytes: int8_weights.hpp
  u4 = 4,
  u5 = 5,
  u6 = 6,
  u7 = 7,
};
// What the kernels above floats read.
constexpr WeightType kWeightTypes[] = {WeightType::f32, WeightType::u8_table, WeightType::u8_affine, WeightType::u4,
                                       WeightType::u5,  WeightType::u6,       WeightType::u7};
constexpr uint32_t kTableBytes = 256 * sizeof(float);  // in front of the first panel, u8_table only

struct Weights {
  const uint8_t* panels;  // divide_up(channels, 16) of them
  const float* table;     // u8_table only
  uint32_t rows;          // weights per channel
  WeightType type;
};

// Vectors of 16 floats in front of the rows: bias, scale, and center. Of affine types the third is the offset: their
// weights are rounded, so that a center folded into the bias costs nothing that is not lost already.
constexpr uint32_t kHeaderVectors = 3;

POSY_INLINE constexpr bool is_affine(WeightType type) {
  return type >= WeightType::u8_affine && type != WeightType::s8;
}

POSY_INLINE constexpr uint32_t weight_bits(WeightType type) {
  return type == WeightType::f32 ? 32 : type < WeightType::u4 ? 8 : (uint32_t)type;
}

POSY_INLINE constexpr uint32_t row_bytes(WeightType type) {
  return kPanelLanes / 8 * weight_bits(type);
}

POSY_INLINE constexpr uint64_t panel_bytes(WeightType type, uint64_t rows) {
  const uint64_t bytes = kHeaderVectors * kPanelLanes * sizeof(float) + rows * row_bytes(type);
  return (bytes + 63) / 64 * 64;
}

POSY_INLINE constexpr uint64_t weight_bytes(WeightType type, uint64_t rows, uint64_t channels) {
  return (type == WeightType::u8_table ? kTableBytes : 0) +
         (channels + kPanelLanes - 1) / kPanelLanes * panel_bytes(type, rows);
}

namespace {

// Code `lane` of a row of fewer than 8 bits: 8 bytes with bits 0 to 3, of even lanes the first four, of odd lanes the
// others, from low bits to high; of u6 and u7 4 bytes with bits 4 and 5; of u5 and u7 2 bytes with the highest bit.
// Every lane of a vector then finds its bits in a copy of the same word, so many bits from its end as its number says.
inline uint32_t packed_code(const uint8_t* row, uint32_t bits, uint32_t lane) {
  uint32_t code = row[lane % 2 * 4 + lane / 4] >> lane / 2 % 2 * 4 & 15;
  if (bits & 2) code |= (uint32_t)(row[8 + lane / 4] >> lane % 4 * 2 & 3) << 4;
  if (bits & 1) code |= (uint32_t)(row[bits * 2 - 2 + lane / 8] >> lane % 8 & 1) << (bits - 1);
  return code;
}

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
    const float center = is_affine(weights.type) ? 0.0f : header[2 * kPanelLanes + lane];
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
      default:
        break;
    }
    const uint8_t* packed = rows + (size_t)row * row_bytes(weights.type);
    return (float)packed_code(packed, weight_bits(weights.type), lane) + header[2 * kPanelLanes + lane];
  }
};

}  // namespace
}  // namespace posy
