// The inner loop of the integer convolutions: a tile of outputs, neighbouring pixels x panels of channels, in
// registers.
#pragma once
#include "kernels/int8_conv_end.hpp"
#include "kernels/int8_simd.hpp"

namespace posy {
namespace {

// `count` panels, `stride` bytes apart.
struct Int8Panels {
  const uint8_t* data;
  size_t stride;
  uint32_t count;
  bool pairs_are_small;
};

// A lane has four bytes of everything: a group, a start value, a multiplier.
constexpr uint32_t kLaneBytes = 4;

// Where vector v of the tile begins in a row of groups, or in a vector of the header.
POSY_INLINE inline size_t vector_offset(size_t panel_stride, uint32_t v) {
  return v / kTileVectors * panel_stride + v % kTileVectors * kLanes * kLaneBytes;
}

// kGroups groups of all pixels, kOperandGroups or 1.
template <bool kSmall, uint32_t kGroups, uint32_t kRows, uint32_t kVectors>
POSY_INLINE inline void add_products(const TilePixels<uint8_t, kRows, kPixelsPerPointer>& pixels, const uint8_t* w,
                                     size_t panel_stride, I (&sum)[kRows][kVectors]) {
  Operand x[kRows];
  POSY_UNROLL for (uint32_t i = 0; i < kGroups; ++i, w += kGroupBytes) {
    if constexpr (kOperandGroups > 1) {
      // Operands stay for several groups; of the weights one vector at a time is enough.
      if (i == 0) {
        POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m) {
          x[m] = kGroups == kOperandGroups ? load_operand(pixels.at(m)) : load_group(pixels.at(m));
        }
      }
      POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) {
        const W b = load_w(w + vector_offset(panel_stride, v));
        POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m) sum[m][v] = dot<kSmall>(sum[m][v], x[m], i, b);
      }
      continue;
    }
    W b[kVectors];
    POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) b[v] = load_w(w + vector_offset(panel_stride, v));
    POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m) {
      x[m] = load_operand(pixels.at(m));
      POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) sum[m][v] = dot<kSmall>(sum[m][v], x[m], i, b[v]);
    }
  }
}

// The sums of a tile, rows of kVectors vectors: one way from them to outputs for tiles of all heights. `multiplier` has
// 4 / kVectors times those of a row.
template <uint32_t kVectors>
POSY_SHARED void end_in_codes(const int32_t* sums, uint32_t rows, const F (&multiplier)[4], uint8_t* out,
                              const Int8End& end) {
  constexpr uint32_t kRows = 4 / kVectors;
  const CodeLimits limits(end.ending);
  const uint32_t lanes = min_u32(end.lanes, kVectors * kLanes);
  for (uint32_t m = 0; m < rows; m += kRows, sums += 4 * kLanes) {
    I sum[4];
    POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) sum[q] = load_i32(sums + q * kLanes);
    store_rows<kVectors>(out, end.out_stride, in_order(codes_of(sum, multiplier, limits)), min_u32(kRows, rows - m),
                         lanes);
    out += kRows * end.out_stride;
  }
}

template <uint32_t kVectors>
POSY_SHARED void end_in_floats(const int32_t* sums, uint32_t rows, const F (&multiplier)[4], float* out,
                               const Int8End& end) {
  const F low = splat_f32(end.ending.clamp.low), high = splat_f32(end.ending.clamp.high);
  for (uint32_t m = 0; m < rows; ++m, out += end.out_stride, sums += kVectors * kLanes) {
    for (uint32_t v = 0; v < kVectors && v * kLanes < end.lanes; ++v) {
      const F x = clamped(scaled(load_i32(sums + v * kLanes), multiplier[v]), low, high);
      store_floats(out + v * kLanes, x, min_u32(end.lanes - v * kLanes, kLanes));
    }
  }
}

// Codes of all rows of a tile, without a detour through memory.
template <uint32_t kRows, uint32_t kVectors>
POSY_INLINE inline void store_tile(const I (&sum)[kRows][kVectors], const F (&multiplier)[4], uint8_t* out,
                                   const Int8End& end) {
  constexpr uint32_t kRowsAtATime = 4 / kVectors;
  const CodeLimits limits(end.ending);
  const uint32_t lanes = min_u32(end.lanes, kVectors * kLanes);
  POSY_UNROLL for (uint32_t m = 0; m < kRows; m += kRowsAtATime) {
    I four[4];
    POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) {
      const uint32_t row = m + q / kVectors;
      four[q] = sum[min_u32(row, kRows - 1)][q % kVectors];
    }
    store_rows<kVectors>(out, end.out_stride, in_order(codes_of(four, multiplier, limits)),
                         kRows - m < kRowsAtATime ? kRows - m : kRowsAtATime, lanes);
    out += kRowsAtATime * end.out_stride;
  }
}

template <uint32_t kRows, uint32_t kVectors>
POSY_INLINE inline void end_tile(const I (&sum)[kRows][kVectors], size_t first_pixel, const Int8Panels& panels,
                                 const Int8End& end) {
  const uint8_t* header = panels.data + kPanelLanes * kLaneBytes;
  F multiplier[4];
  POSY_UNROLL for (uint32_t v = 0; v < 4; ++v) {
    multiplier[v] = load_f32((const float*)(header + vector_offset(panels.stride, v % kVectors)));
  }
  const size_t at = first_pixel * end.out_stride;
  if constexpr (kRows == kTileRows) {  // the most frequent height
    if (end.codes) {
      store_tile(sum, multiplier, end.codes + at, end);
      return;
    }
  }
  constexpr uint32_t kRowsWithRoom = (kRows * kVectors + 3) / 4 * 4 / kVectors;
  alignas(64) int32_t sums[kRowsWithRoom * kVectors * kLanes];
  POSY_UNROLL for (uint32_t m = 0; m < kRowsWithRoom; ++m) {
    POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) {
      store_i32(sums + (m * kVectors + v) * kLanes, m < kRows ? sum[m < kRows ? m : 0][v] : splat_i32(0));
    }
  }
  if (end.codes) {
    end_in_codes<kVectors>(sums, kRows, multiplier, end.codes + at, end);
  } else {
    end_in_floats<kVectors>(sums, kRows, multiplier, end.floats + at, end);
  }
}

template <uint32_t kRows, uint32_t kPanels, bool kSmall>
void int8_tile(const PatchOf<uint8_t>& patch, size_t first_pixel, const Int8Panels& panels, const int32_t* starts,
               const Int8End& end) {
  constexpr uint32_t kVectors = kPanels * kTileVectors;
  const size_t panel_stride = panels.stride, step = patch.pixel_step;
  I sum[kRows][kVectors];
  POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) {
    const I start = load_i32(starts + v / kTileVectors * kPanelLanes + v % kTileVectors * kLanes);
    POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m) sum[m][v] = start;
  }
  uint32_t place = patch.place;
  for (uint32_t i = 0; i < patch.rows; ++i) {
    const uint8_t* in = patch.start + place * patch.row_stride + first_pixel * step;
    const uint8_t* w =
        panels.data + kInt8HeaderBytes + ((size_t)patch.first_weight + i * patch.weights_per_row) * kPanelLanes;
    place += patch.place_step;
    if (place >= patch.ring_h) place -= patch.ring_h;
    for (uint32_t s = 0; s < patch.segments; ++s, in += patch.segment_step) {
      TilePixels<uint8_t, kRows, kPixelsPerPointer> pixels(in, step);
      const uint8_t* const stop = w + (size_t)patch.length * kPanelLanes;
      if constexpr (kOperandGroups > 1) {
        constexpr uint32_t kBytes = kOperandGroups * kGroupRows;
        const uint8_t* const whole = w + (size_t)(patch.length / kBytes) * kBytes * kPanelLanes;
        for (; w != whole; w += kBytes * kPanelLanes) {
          add_products<kSmall, kOperandGroups>(pixels, w, panel_stride, sum);
          pixels.advance(kBytes);
        }
      }
      for (; w != stop; w += kGroupBytes) {
        add_products<kSmall, 1>(pixels, w, panel_stride, sum);
        pixels.advance(kGroupRows);
        if constexpr (kTilePrefetches) {
          POSY_UNROLL for (uint32_t p = 0; p < kPanels; ++p)
              __builtin_prefetch(w + p * panel_stride + 16 * kGroupBytes);
        }
      }
    }
  }
  end_tile(sum, first_pixel, panels, end);
}

using Int8Tile = void (*)(const PatchOf<uint8_t>&, size_t, const Int8Panels&, const int32_t*, const Int8End&);

template <uint32_t kPanels, uint32_t kRows, bool kSmall>
inline Int8Tile int8_tile_of_height(uint32_t rows) {
  if constexpr (kRows > 1) {
    if (rows != kRows) return int8_tile_of_height<kPanels, kRows - 1, kSmall>(rows);
  }
  return int8_tile<kRows, kPanels, kSmall>;
}

template <bool kSmall>
inline Int8Tile int8_tile_for(const Int8Panels& panels, uint32_t rows) {
  return panels.count == 1 ? int8_tile_of_height<1, kTileRows, kSmall>(rows)
                           : int8_tile_of_height<kTilePanels, kTileRows, kSmall>(rows);
}

// The product of a run of `pixels` outputs with at most kTilePanels panels, cut into tiles of nearly equal height, and
// into slices where a tile is narrower than a panel. starts: 16 for each panel.
POSY_SHARED void int8_product(const PatchOf<uint8_t>& patch, const Int8Panels& panels, const int32_t* starts,
                              uint32_t pixels, const Int8End& end) {
  const uint32_t tiles = divide_up(pixels, kTileRows);
  const uint32_t height = pixels / tiles, taller = pixels % tiles;
  Int8Panels slice = panels;
  Int8End slice_end = end;
  for (uint32_t lane = 0; lane < kPanelLanes; lane += kTileVectors * kLanes) {
    if (lane >= end.lanes) return;
    size_t first = 0;
    for (uint32_t t = 0; t < tiles; ++t) {
      const uint32_t rows = height + (t < taller ? 1 : 0);
      const bool small = panels.pairs_are_small || !kPairsMatter;
      const Int8Tile tile = small ? int8_tile_for<true>(slice, rows) : int8_tile_for<!kPairsMatter>(slice, rows);
      tile(patch, first, slice, starts + lane, slice_end);
      first += rows;
    }
    slice.data += kTileVectors * kLanes * kLaneBytes;
    if (slice_end.codes) slice_end.codes += kTileVectors * kLanes;
    if (slice_end.floats) slice_end.floats += kTileVectors * kLanes;
    slice_end.lanes = end.lanes > lane + kTileVectors * kLanes ? end.lanes - lane - kTileVectors * kLanes : 0;
  }
}

}  // namespace
}  // namespace posy
