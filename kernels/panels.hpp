// Panels of weights as the SIMD kernels read them: float32, whatever the encoding in the file.
#pragma once
#include "kernels/simd.hpp"
#include "kernels/weights.hpp"

namespace posy {
namespace {

// `count` panels, `stride` floats apart; each is bias, scale and center of its 16 channels and then its rows of 16
// weights.
struct Panels {
  const float* data;
  size_t stride;
  uint32_t count;
  const float* next;  // the floats, or bytes, of the next ones in the file
  size_t next_floats;
};

constexpr uint32_t kAllPanels = 1u << 28;

// Bias, scale and center of a panel.
inline void expand_header(const uint8_t* panel, WeightType type, float* to) {
  const float* header = (const float*)panel;
  for (uint32_t lane = 0; lane < kPanelLanes; lane += kLanes) {
    store(to + lane, load(header + lane));
    store(to + kPanelLanes + lane, load(header + kPanelLanes + lane));
    // The third vector of affine types is the offset.
    store(to + 2 * kPanelLanes + lane, is_affine(type) ? splat(0) : load(header + 2 * kPanelLanes + lane));
  }
}

// Codes of a row, kLanes of them, as packed_code() has them; `lanes` are the numbers of these.
template <uint32_t kBits>
inline Words packed_codes(const uint8_t* row, Words lanes) {
  Words codes = repeat_pair(row) >> (lanes >> 1 << 2) & 15;
  if constexpr (kBits & 2) codes |= (repeat_word<uint32_t>(row + 8) >> (lanes << 1) & 3) << 4;
  if constexpr (kBits & 1) codes |= (repeat_word<uint16_t>(row + kBits * 2 - 2) >> lanes & 1) << (kBits - 1);
  return codes;
}

// Rows first ... first + count of a panel of weights that are not floats.
template <WeightType kType>
inline void expand_rows(const uint8_t* panel, const float* table, uint32_t first, uint32_t count, float* to) {
  const uint8_t* q = panel + kHeaderVectors * kPanelLanes * sizeof(float) + (size_t)first * row_bytes(kType);
  for (uint32_t lane = 0; lane < kPanelLanes; lane += kLanes) {
    const V offset = load((const float*)panel + 2 * kPanelLanes + lane);
    const Words lanes = lane_numbers(lane);
    for (uint32_t row = 0; row < count; ++row) {
      const uint8_t* from = q + (size_t)row * row_bytes(kType);
      V w;
      if constexpr (kType == WeightType::u8_table) {
        w = lookup(table, from + lane);
      } else if constexpr (kType == WeightType::u8_affine) {
        w = load_u8(from + lane) + offset;
      } else {
        w = to_floats(packed_codes<weight_bits(kType)>(from, lanes)) + offset;
      }
      store(to + (size_t)row * kPanelLanes + lane, w);
    }
  }
}

POSY_SHARED void expand_rows(const Weights& weights, const uint8_t* panel, uint32_t first, uint32_t count, float* to) {
  switch (weights.type) {
    case WeightType::f32:  // is never expanded
    case WeightType::s8:   // of other kernels
      break;
#define POSY_EXPAND(type) \
  case WeightType::type:  \
    return expand_rows<WeightType::type>(panel, weights.table, first, count, to);
      POSY_EXPAND(u8_table)
      POSY_EXPAND(u8_affine)
      POSY_EXPAND(u4)
      POSY_EXPAND(u5)
      POSY_EXPAND(u6)
      POSY_EXPAND(u7)
#undef POSY_EXPAND
  }
}

// Float weights are read where they lie; others are expanded into scratch, a few panels at a time and never the
// whole model, in the way weights.hpp defines them.
POSY_SHARED Panels expand_panels(const Weights& weights, uint32_t first, uint32_t count, float* scratch) {
  const size_t bytes = (size_t)panel_bytes(weights.type, weights.rows);
  const uint8_t* panel = weights.panels + first * bytes;
  const size_t stride = ((size_t)weights.rows + kHeaderVectors) * kPanelLanes;
  const float* const next = (const float*)(panel + count * bytes);
  const size_t next_floats = count * bytes / sizeof(float);
  if (weights.type == WeightType::f32) return {(const float*)panel, stride, count, next, next_floats};
  for (uint32_t p = 0; p < count; ++p, panel += bytes) {
    float* to = scratch + p * stride;
    expand_header(panel, weights.type, to);
    expand_rows(weights, panel, 0, weights.rows, to + kHeaderVectors * kPanelLanes);
  }
  return {scratch, stride, count, next, next_floats};
}

// How many panels can be expanded at once; any number of those that lie expanded in the file.
inline uint32_t panels_that_fit(const Weights& weights, const Task& task) {
  if (weights.type == WeightType::f32) return kAllPanels;
  return max_u32(1, (uint32_t)(task.scratch_floats / (((size_t)weights.rows + kHeaderVectors) * kPanelLanes)));
}

}  // namespace
}  // namespace posy
