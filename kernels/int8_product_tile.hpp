// The inner loop of the integer convolutions: a tile of outputs, neighbouring pixels x panels of channels, in registers.
#pragma once
#include "kernels/int8_args.hpp"
#include "kernels/int8_simd.hpp"
#include "kernels/patch.hpp"

namespace posy {
namespace {

// `count` panels, `stride` bytes apart.
struct Int8Panels {
  const uint8_t* data;
  size_t stride;
  uint32_t count;
  bool pairs_are_small;
};

// Where a run of pixels goes, pixel m's outputs out_stride elements behind those of m - 1: as codes, or as floats if
// `codes` is null. Of their channels there are `lanes`, maybe ending inside the last panel.
struct Int8End {
  uint8_t* codes;
  float* floats;
  size_t out_stride;
  uint32_t lanes;
  Int8Ending ending;
};

// A lane has four bytes of everything: a group, a start value, a multiplier.
constexpr uint32_t kLaneBytes = 4;

// The first n of kTileLanes codes.
POSY_INLINE inline void copy_lanes(uint8_t* to, const uint8_t* from, uint32_t n) {
  constexpr uint32_t kAll = kTilePanels * kTileVectors * kLanes;
  if (n == kAll) {
    memcpy(to, from, kAll);
  } else {
    for (uint32_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

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
    W b[kVectors];
    POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) b[v] = load_w(w + vector_offset(panel_stride, v));
    POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m) {
      if (i == 0) x[m] = kGroups == kOperandGroups ? load_operand(pixels.at(m)) : load_group(pixels.at(m));
      POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) sum[m][v] = dot<kSmall>(sum[m][v], x[m], i, b[v]);
    }
  }
}

// The sums of a tile, rows of kMostTileVectors vectors: the one way from them to outputs, for tiles of all heights.
constexpr uint32_t kMostTileVectors = kTilePanels * kTileVectors;
constexpr uint32_t kTileLanes = kMostTileVectors * kLanes;
// Rows whose codes make one vector of bytes.
constexpr uint32_t kRowsPerBytes = 4 / kMostTileVectors;

POSY_SHARED void end_in_codes(const int32_t* sums, uint32_t rows, const F (&multiplier)[kMostTileVectors], uint8_t* out,
                              const Int8End& end) {
  const CodeLimits limits(end.ending);
  const uint32_t lanes = min_u32(end.lanes, kTileLanes);
  F factors[4];
  POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) factors[q] = multiplier[q % kMostTileVectors];
  alignas(64) uint8_t codes[kByteLanes];
  for (uint32_t m = 0; m < rows; m += kRowsPerBytes, sums += kRowsPerBytes * kTileLanes) {
    I sum[4];
    POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) sum[q] = load_i32(sums + q * kLanes);
    store_bytes(codes, in_order(codes_of(sum, factors, limits)), kByteLanes);
    POSY_UNROLL for (uint32_t r = 0; r < kRowsPerBytes; ++r, out += end.out_stride) {
      if (m + r < rows) copy_lanes(out, codes + r * kTileLanes, lanes);
    }
  }
}

POSY_SHARED void end_in_floats(const int32_t* sums, uint32_t rows, const F (&multiplier)[kMostTileVectors], float* out,
                               const Int8End& end) {
  const F low = splat_f32(end.ending.clamp.low), high = splat_f32(end.ending.clamp.high);
  for (uint32_t m = 0; m < rows; ++m, out += end.out_stride, sums += kTileLanes) {
    for (uint32_t v = 0; v < kMostTileVectors && v * kLanes < end.lanes; ++v) {
      const F x = clamped(scaled(load_i32(sums + v * kLanes), multiplier[v]), low, high);
      store_floats(out + v * kLanes, x, min_u32(end.lanes - v * kLanes, kLanes));
    }
  }
}

POSY_SHARED void end_tile(const int32_t* sums, uint32_t rows, const F (&multiplier)[kMostTileVectors],
                          size_t first_pixel, const Int8End& end) {
  const size_t at = first_pixel * end.out_stride;
  if (end.codes) {
    end_in_codes(sums, rows, multiplier, end.codes + at, end);
  } else {
    end_in_floats(sums, rows, multiplier, end.floats + at, end);
  }
}

// The most frequent tile's codes, all lanes of all rows, without a detour through memory.
template <uint32_t kRows, uint32_t kVectors>
POSY_INLINE inline void store_tile(const I (&sum)[kRows][kVectors], const F (&multiplier)[kMostTileVectors],
                                   size_t first_pixel, const Int8End& end) {
  const CodeLimits limits(end.ending);
  uint8_t* out = end.codes + first_pixel * end.out_stride;
  F factors[4];
  POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) factors[q] = multiplier[q % kMostTileVectors];
  POSY_UNROLL for (uint32_t m = 0; m < kRows; m += kRowsPerBytes) {
    I four[4];
    POSY_UNROLL for (uint32_t q = 0; q < 4; ++q) {
      const uint32_t row = m + q / kMostTileVectors;
      four[q] = sum[row < kRows ? row : m][q % kMostTileVectors];
    }
    const B codes = in_order(codes_of(four, factors, limits));
    store_row<0>(out, codes);
    out += end.out_stride;
    if constexpr (kRowsPerBytes == 2) {
      if (m + 1 == kRows) break;
      store_row<1>(out, codes);
      out += end.out_stride;
    }
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
  const uint8_t* header = panels.data + kPanelLanes * kLaneBytes;
  F multiplier[kMostTileVectors];
  POSY_UNROLL for (uint32_t v = 0; v < kMostTileVectors; ++v) {
    multiplier[v] = v < kVectors ? load_f32((const float*)(header + vector_offset(panel_stride, v))) : splat_f32(0);
  }
  if constexpr (kRows == kTileRows && kVectors == kMostTileVectors) {
    if (end.codes && end.lanes >= kTileLanes) {
      store_tile(sum, multiplier, first_pixel, end);
      return;
    }
  }
  // Room for whole vectors of bytes; what a narrower tile has not is 0.
  constexpr uint32_t kRowsWithRoom = (kRows + kRowsPerBytes - 1) / kRowsPerBytes * kRowsPerBytes;
  alignas(64) int32_t sums[kRowsWithRoom * kTileLanes];
  POSY_UNROLL for (uint32_t m = 0; m < kRowsWithRoom; ++m) {
    POSY_UNROLL for (uint32_t v = 0; v < kMostTileVectors; ++v) {
      const bool is_there = m < kRows && v < kVectors;
      store_i32(sums + (m * kMostTileVectors + v) * kLanes,
                is_there ? sum[m < kRows ? m : 0][v < kVectors ? v : 0] : splat_i32(0));
    }
  }
  end_tile(sums, kRows, multiplier, first_pixel, end);
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
