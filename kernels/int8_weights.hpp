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

// Rows of a convolution: window row, window column, channels up to whole groups. Of a depthwise one: window column,
// window rows up to whole groups.
struct Int8Weights {
  const uint8_t* panels;
  uint32_t rows;
  // No two products of neighbouring weights (rows 2i and 2i + 1) add up to more than 255 * 128, so that vpmaddubsw,
  // which saturates at 2^15 - 1, does not.
  bool pairs_are_small;

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

}  // namespace
}  // namespace posy
