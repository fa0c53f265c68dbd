// How the weights of the integer convolutions lie in the file and in memory (loaders/FORMAT.md, "Weights").
//
// Panels of 16 lanes, as in weights.hpp: a header of 16 start values (i32), 16 multipliers (f32) and 16 sums of all
// weights of a lane (i32), then groups of four rows. A group is 64 bytes: of each lane its four weights, which belong
// to four neighbouring bytes of input. That is what the instructions for 8-bit dot products read (vpdpbusd, sdot), and
// what vpmaddubsw and smull can.
//
// A channel makes code = zero + round(clamp(f32(start + sum of in * weight) * multiplier)). All of it but the last
// steps is integers modulo 2^32, which have the same sum in any order.
#pragma once
#include "kernels/math.hpp"

namespace posy {

constexpr uint32_t kGroupRows = 4;
constexpr uint32_t kGroupBytes = kGroupRows * kPanelLanes;
constexpr uint32_t kInt8HeaderBytes = 3 * kPanelLanes * 4;

// Rows that `rows` neighbouring bytes of input become: whole groups, the weights of what they have more are 0.
POSY_INLINE constexpr uint32_t whole_groups(uint32_t rows) {
  return (rows + kGroupRows - 1) / kGroupRows * kGroupRows;
}

// `rows` is a multiple of 4.
POSY_INLINE constexpr uint64_t int8_panel_bytes(uint64_t rows) {
  return kInt8HeaderBytes + rows * kPanelLanes;
}

POSY_INLINE constexpr uint64_t int8_weight_bytes(uint64_t rows, uint64_t channels) {
  return (channels + kPanelLanes - 1) / kPanelLanes * int8_panel_bytes(rows);
}

// Behind the panels, channels with weights beyond -127 to 127, each at the next multiple of 64 bytes: its number (u32),
// start value (i32), multiplier (f32), 0, and the rows of a panel, of one lane and as i16. Its lane in the panels is
// made and replaced.
constexpr uint32_t kInt8WideHeaderBytes = 16;
POSY_INLINE constexpr uint64_t int8_wide_bytes(uint64_t rows) {
  return (kInt8WideHeaderBytes + rows * sizeof(int16_t) + 63) / 64 * 64;
}

// Rows of a convolution: window row, window column, channels up to whole groups. Of a depthwise one: window column,
// window rows up to whole groups.
struct Int8Weights {
  const uint8_t* panels;
  uint32_t rows;
  // No two products of neighbouring weights (rows 2i and 2i + 1) add up to more than 255 * 128, so that vpmaddubsw,
  // which saturates at 2^15 - 1, does not.
  bool pairs_are_small;
  uint32_t wide_count = 0;  // channels behind the panels

  POSY_INLINE const uint8_t* panel(uint32_t index) const { return panels + index * int8_panel_bytes(rows); }
};

namespace {

// One lane: what the oracles read.
struct Int8Lane {
  const uint8_t* panel;
  uint32_t lane;

  Int8Lane(const Int8Weights& w, uint32_t channel)
      : panel(w.panel(channel / kPanelLanes)), lane(channel % kPanelLanes) {}

  uint32_t start() const { return ((const uint32_t*)panel)[lane]; }
  float multiplier() const { return ((const float*)panel)[kPanelLanes + lane]; }
  int8_t at(uint32_t row) const {
    const uint8_t* group = panel + kInt8HeaderBytes + row / kGroupRows * kGroupBytes;
    return (int8_t)group[lane * kGroupRows + row % kGroupRows];
  }
};

// The row of weights of window row i, column j: a group holds rows i, i + 2, i + 1, i + 3, so that the strong ones in
// the middle are no pair (pairs_are_small).
POSY_INLINE inline uint32_t depthwise_row(uint32_t k_h, uint32_t i, uint32_t j) {
  constexpr uint32_t kPlace[kGroupRows] = {0, 2, 1, 3};
  return j * whole_groups(k_h) + i / kGroupRows * kGroupRows + kPlace[i % kGroupRows];
}

// Wide channel `index` of weights for `channels` channels.
struct Int8WideChannel {
  const uint8_t* bytes;

  Int8WideChannel(const Int8Weights& w, uint32_t channels, uint32_t index)
      : bytes(w.panels + int8_weight_bytes(w.rows, channels) + index * int8_wide_bytes(w.rows)) {}

  uint32_t channel() const { return ((const uint32_t*)bytes)[0]; }
  uint32_t start() const { return ((const uint32_t*)bytes)[1]; }
  const float& multiplier() const { return ((const float*)bytes)[2]; }
  const int16_t* weights() const { return (const int16_t*)(bytes + kInt8WideHeaderBytes); }
};

}  // namespace
}  // namespace posy
