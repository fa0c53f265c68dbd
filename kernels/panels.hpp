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
    const bool is_affine = type == WeightType::u8_affine;  // its third vector is the offset
    store(to + 2 * kPanelLanes + lane, is_affine ? splat(0) : load(header + 2 * kPanelLanes + lane));
  }
}

// Rows first ... first + count of a panel of 8-bit weights.
template <WeightType kType>
inline void expand_rows(const uint8_t* panel, const float* table, uint32_t first, uint32_t count, float* to) {
  const uint8_t* q = panel + kHeaderVectors * kPanelLanes * sizeof(float) + (size_t)first * kPanelLanes;
  for (uint32_t lane = 0; lane < kPanelLanes; lane += kLanes) {
    const V offset = load((const float*)panel + 2 * kPanelLanes + lane);
    for (uint32_t row = 0; row < count; ++row) {
      const uint8_t* from = q + (size_t)row * kPanelLanes + lane;
      const V w = kType == WeightType::u8_table ? lookup(table, from) : load_u8(from) + offset;
      store(to + (size_t)row * kPanelLanes + lane, w);
    }
  }
}

inline void expand_rows(const Weights& weights, const uint8_t* panel, uint32_t first, uint32_t count, float* to) {
  if (weights.type == WeightType::u8_table) {
    expand_rows<WeightType::u8_table>(panel, weights.table, first, count, to);
  } else {
    expand_rows<WeightType::u8_affine>(panel, weights.table, first, count, to);
  }
}

// Float weights are read where they lie; 8-bit ones are expanded into scratch, a few panels at a time and never the
// whole model, in the way weights.hpp defines them.
POSY_SHARED Panels expand_panels(const Weights& weights, uint32_t first, uint32_t count, float* scratch) {
  const size_t bytes = panel_bytes(weights.type, weights.rows);
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
