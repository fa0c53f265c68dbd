// The inner loop of Posy: a tile of outputs, neighbouring pixels x panels of channels, held in registers.
#pragma once
#include "kernels/panels.hpp"
#include "kernels/patch.hpp"

namespace posy {
namespace {

// Where the sums of a run of pixels go, pixel m's to out + m * out_stride: as outputs of a layer, clamp((sum - center)
// * scale + bias), of which there are `lanes`, maybe ending inside the last panel; or as they are, all lanes of all
// panels.
struct TileEnd {
  float* out;
  size_t out_stride;
  uint32_t lanes;
  Clamp limits;
  bool keeps_sums;
};

// Vector v of a row of weights of some panels, or of a slice of one.
POSY_INLINE inline V tile_weight(const float* row, size_t panel_stride, uint32_t v) {
  return load(row + v / kTileVectors * panel_stride + v % kTileVectors * kLanes);
}

// The next kValues values of all pixels, kOperandValues or 1, with as many rows of weights.
template <uint32_t kValues, uint32_t kRows, uint32_t kVectors>
POSY_INLINE inline void multiply_add(const TilePixels<float, kRows, kPixelsPerPointer>& pixels, const float* row,
                                     size_t panel_stride, V (&acc)[kRows][kVectors]) {
  V a[kRows];
  POSY_UNROLL for (uint32_t i = 0; i < kValues; ++i, row += kPanelLanes) {
    V b[kVectors];
    POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) b[v] = tile_weight(row, panel_stride, v);
    POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m) {
      if (i == 0) a[m] = kValues == kOperandValues ? load_operand(pixels.at(m)) : splat(*pixels.at(m));
      POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) acc[m][v] = fma_operand(a[m], i, b[v], acc[m][v]);
    }
  }
}

// The sums of patch * weights of the pixels first_pixel ... first_pixel + kRows. `ahead`: what is read after this
// group of panels, to be on its way when the time comes.
template <uint32_t kRows, uint32_t kPanels>
void product_tile(const PatchOf<float>& patch, size_t first_pixel, const Panels& panels, const float* ahead,
                  const TileEnd& end) {
  constexpr uint32_t kVectors = kPanels * kTileVectors;
  const float* const data = panels.data;
  const size_t panel_stride = panels.stride, step = patch.pixel_step;
  V acc[kRows][kVectors];
  POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m) {
    POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) acc[m][v] = splat(0);
  }
  uint32_t place = patch.place;
  for (uint32_t i = 0; i < patch.rows; ++i) {
    const float* in = patch.start + place * patch.row_stride + first_pixel * step;
    const float* w = data + ((size_t)patch.first_weight + i * patch.weights_per_row + kHeaderVectors) * kPanelLanes;
    place += patch.place_step;
    if (place >= patch.ring_h) place -= patch.ring_h;
    for (uint32_t s = 0; s < patch.segments; ++s, in += patch.segment_step) {
      TilePixels<float, kRows, kPixelsPerPointer> pixels(in, step);
      const float* const stop = w + (size_t)patch.length * kPanelLanes;
      if constexpr (kOperandValues > 1) {
        const float* const whole = w + (size_t)(patch.length / kOperandValues * kOperandValues) * kPanelLanes;
        while (w != whole) {
          multiply_add<kOperandValues>(pixels, w, panel_stride, acc);
          pixels.advance(kOperandValues);
          w += kOperandValues * kPanelLanes;
        }
        if (w == stop) continue;
      }
      do {
        multiply_add<1>(pixels, w, panel_stride, acc);
        pixels.advance(1);
        if constexpr (kTilePrefetches) {
          POSY_UNROLL for (uint32_t p = 0; p < kPanels; ++p)
              __builtin_prefetch(w + p * panel_stride + 16 * kPanelLanes);
          __builtin_prefetch(ahead, 0, 2);
          ahead += kPanelLanes;
        }
        w += kPanelLanes;
      } while (w != stop);
    }
  }
  const size_t out_stride = end.out_stride;
  float* out = end.out + first_pixel * out_stride;
  if (end.keeps_sums) {
    POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m) {
      POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) store(out + m * out_stride + v * kLanes, acc[m][v]);
    }
    return;
  }
  const uint32_t lanes = end.lanes;
  const Clamp limits = end.limits;
  POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v, out += kLanes) {
    const V bias = tile_weight(data, panel_stride, v), scale = tile_weight(data + kPanelLanes, panel_stride, v),
            center = tile_weight(data + 2 * kPanelLanes, panel_stride, v);
    const uint32_t left = lanes > v * kLanes ? min_u32(lanes - v * kLanes, kLanes) : 0;
    if (lane_mask_works(left)) {
      const LaneMask mask = lane_mask(left);
      POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m)
          store_masked(out + m * out_stride, clamp(limits, fma(acc[m][v] - center, scale, bias)), mask);
    } else if (left > 0) {
      POSY_UNROLL for (uint32_t m = 0; m < kRows; ++m)
          store_first(out + m * out_stride, clamp(limits, fma(acc[m][v] - center, scale, bias)), left);
    }
  }
}

using ProductTile = void (*)(const PatchOf<float>&, size_t, const Panels&, const float*, const TileEnd&);

// One function per height, so that a run that is no multiple of kTileRows is cut into tiles of nearly equal height.
template <uint32_t kPanels, uint32_t kRows>
inline ProductTile tile_of_height(uint32_t rows) {
  if constexpr (kRows > 1) {
    if (rows != kRows) return tile_of_height<kPanels, kRows - 1>(rows);
  }
  return product_tile<kRows, kPanels>;
}

// The product of a run of `pixels` outputs with a group of panels, or a slice of one. While the tiles pass over it,
// each calls for its share of the panels that follow in memory.
inline void product_of_slice(const PatchOf<float>& patch, const Panels& panels, uint32_t pixels, const TileEnd& end) {
  const uint32_t tiles = divide_up(pixels, kTileRows);
  const uint32_t height = pixels / tiles, taller = pixels % tiles;
  const size_t ahead_step = panels.next_floats / tiles / kPanelLanes * kPanelLanes;
  const float* ahead = panels.next;
  size_t first = 0;
  for (uint32_t t = 0; t < tiles; ++t, ahead += ahead_step) {
    const uint32_t rows = height + (t < taller ? 1 : 0);
    const ProductTile tile =
        panels.count == 1 ? tile_of_height<1, kTileRows>(rows) : tile_of_height<kTilePanels, kTileRows>(rows);
    tile(patch, first, panels, ahead, end);
    first += rows;
  }
}

// The product of a run of `pixels` outputs with at most kTilePanels panels: slice by slice where a tile is narrower
// than a panel.
POSY_SHARED void product(const PatchOf<float>& patch, const Panels& panels, uint32_t pixels, const TileEnd& end) {
  static_assert(kPanelVectors % kTileVectors == 0 && (kTileVectors == kPanelVectors || kTilePanels == 1));
  Panels slice = panels;
  TileEnd slice_end = end;
  for (uint32_t lane = 0; lane < kPanelLanes; lane += kTileVectors * kLanes) {
    if (lane > 0 && lane >= end.lanes && !end.keeps_sums) return;
    slice.data = panels.data + lane;
    slice_end.out = end.out + lane;
    slice_end.lanes = end.lanes - lane;
    product_of_slice(patch, slice, pixels, slice_end);
  }
}

}  // namespace
}  // namespace posy
