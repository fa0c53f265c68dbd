// The first half of a Winograd convolution: tiles of the input, transformed.
#pragma once
#include "kernels/args.hpp"
#include "kernels/winograd_transforms.hpp"

namespace posy {
namespace {

// Bands that have a row among `rows` of winograd_input's output.
inline Range winograd_bands(const WinogradTiles& tiles, Range rows) {
  return {rows.begin / tiles.alphas(), divide_up(rows.end, tiles.alphas())};
}

// Of a band, the values that are among `rows`.
inline Range winograd_band_alphas(const WinogradTiles& tiles, uint32_t band, Range rows) {
  const uint32_t first = band * tiles.alphas();
  return {max_u32(rows.begin, first) - first, min_u32(rows.end - first, tiles.alphas())};
}

struct WinogradTile {
  int64_t y, x;  // of its first input
};

inline WinogradTile winograd_tile(const WinogradInputArgs& args, uint32_t band, uint32_t tile) {
  const WinogradTiles& t = args.tiles;
  const uint32_t row = band * t.band_rows + tile / t.columns, column = tile % t.columns;
  return {window_origin(row, t.m_h, args.pad_top), window_origin(column, t.m_w, args.pad_left)};
}

inline float winograd_input_at(const WinogradInputArgs& args, int64_t y, int64_t x, uint32_t channel) {
  if (y < 0 || x < 0 || y >= args.in.h || x >= args.in.w) return 0;
  return args.in.row((uint32_t)y)[(size_t)x * args.in.pixel_stride + channel];
}

inline void winograd_input_oracle(const WinogradInputArgs& args, const Task& task) {
  const WinogradTiles& t = args.tiles;
  const WinogradAxis axis_h = winograd_axis(t.m_h, t.k_h), axis_w = winograd_axis(t.m_w, t.k_w);
  const Range tiles = share({0, t.band_tiles()}, 1, task.part, task.parts), bands = winograd_bands(t, task.rows);
  for (uint32_t band = bands.begin; band < bands.end; ++band) {
    const Range alphas = winograd_band_alphas(t, band, task.rows);
    for (uint32_t tile = tiles.begin; tile < tiles.end; ++tile) {
      const WinogradTile at = winograd_tile(args, band, tile);
      for (uint32_t c = 0; c < args.in.c; ++c) {
        float values[kMostAlphas * kMostAlphas];
        for (uint32_t i = 0; i < t.alphas_h; ++i) {
          float* line = values + i * t.alphas_w;
          for (uint32_t j = 0; j < t.alphas_w; ++j) line[j] = winograd_input_at(args, at.y + i, at.x + j, c);
          if (axis_w.input) winograd_expand(t.alphas_w, axis_w.input, t.alphas_w, line, 1);
        }
        for (uint32_t j = 0; axis_h.input && j < t.alphas_w; ++j) {
          winograd_expand(t.alphas_h, axis_h.input, t.alphas_h, values + j, t.alphas_w);
        }
        for (uint32_t a = alphas.begin; a < alphas.end; ++a) {
          args.out.row(band * t.alphas() + a)[(size_t)tile * args.out.pixel_stride + c] = values[a];
        }
      }
    }
  }
}

}  // namespace
}  // namespace posy

#ifdef POSY_SIMD

namespace posy {
namespace {

// Channels that are transformed at a time: a tile of them stays in the first level cache between the two passes.
constexpr uint32_t kWinogradChannels = 32;
constexpr uint32_t kWinogradTileFloats = kMostAlphas * kMostAlphas * kWinogradChannels;

// Values of a tile: value (i, j) lies i * step_h + j * step_w floats behind the first.
struct WinogradValues {
  const float* data;
  size_t step_h, step_w;
};

// The inputs of a tile where they lie, or a copy of them if some lie outside of the input or if the ring has its end
// between them.
inline WinogradValues winograd_inputs(const WinogradInputArgs& args, WinogradTile at, uint32_t channel, uint32_t floats,
                                      float* space) {
  const WinogradTiles& t = args.tiles;
  const Tensor& in = args.in;
  const bool inside = at.y >= 0 && at.x >= 0 && at.y + t.alphas_h <= in.h && at.x + t.alphas_w <= in.w;
  if (inside && (uint32_t)at.y % in.ring_h + t.alphas_h <= in.ring_h) {
    return {in.row((uint32_t)at.y) + (size_t)at.x * in.pixel_stride + channel, in.row_stride(), in.pixel_stride};
  }
  float* to = space;
  for (uint32_t i = 0; i < t.alphas_h; ++i) {
    const int64_t y = at.y + i;
    const bool is_row = y >= 0 && y < in.h;
    const float* row = is_row ? in.row((uint32_t)y) + channel : nullptr;
    for (uint32_t j = 0; j < t.alphas_w; ++j, to += kWinogradChannels) {
      const int64_t x = at.x + j;
      const float* from = is_row && x >= 0 && x < in.w ? row + (size_t)x * in.pixel_stride : nullptr;
      for (uint32_t f = 0; f < floats; ++f) to[f] = from ? from[f] : 0;
    }
  }
  return {space, (size_t)t.alphas_w * kWinogradChannels, kWinogradChannels};
}

// One tile: along its rows from the inputs, then along its columns, to `out`.
inline void winograd_transform_tile(const WinogradTiles& t, WinogradValues in, uint32_t floats, float* between,
                                    float* out, size_t out_step) {
  const WinogradPass along_h = winograd_passes(t.m_h, t.k_h).input, along_w = winograd_passes(t.m_w, t.k_w).input;
  if (!along_h) {
    along_w(in.data, in.step_w, out, out_step, floats);
    return;
  }
  if (!along_w) {
    along_h(in.data, in.step_h, out, out_step, floats);
    return;
  }
  const size_t step_h = (size_t)t.alphas_w * kWinogradChannels;
  for (uint32_t i = 0; i < t.alphas_h; ++i) {
    along_w(in.data + i * in.step_h, in.step_w, between + i * step_h, kWinogradChannels, floats);
  }
  for (uint32_t j = 0; j < t.alphas_w; ++j) {
    along_h(between + j * kWinogradChannels, step_h, out + j * out_step, t.alphas_w * out_step, floats);
  }
}

inline void winograd_input_simd(const WinogradInputArgs& args, const Task& task) {
  const WinogradTiles& t = args.tiles;
  const Tensor& out = args.out;
  const Range tiles = share({0, t.band_tiles()}, 1, task.part, task.parts), bands = winograd_bands(t, task.rows);
  alignas(64) float space[kWinogradTileFloats], between[kWinogradTileFloats];
  for (uint32_t band = bands.begin; band < bands.end; ++band) {
    const Range alphas = winograd_band_alphas(t, band, task.rows);
    const uint32_t first_row = band * t.alphas();
    const bool whole = alphas.end - alphas.begin == t.alphas() && first_row % out.ring_h + t.alphas() <= out.ring_h;
    for (uint32_t tile = tiles.begin; tile < tiles.end; ++tile) {
      const WinogradTile at = winograd_tile(args, band, tile);
      for (uint32_t c = 0; c < args.in.c; c += kWinogradChannels) {
        const uint32_t floats = min_u32(kWinogradChannels, args.in.c - c);
        const WinogradValues in = winograd_inputs(args, at, c, floats, space);
        const size_t to = (size_t)tile * out.pixel_stride + c;
        if (whole) {
          winograd_transform_tile(t, in, floats, between, out.row(first_row) + to, out.row_stride());
          continue;
        }
        winograd_transform_tile(t, in, floats, between, space, kWinogradChannels);
        for (uint32_t a = alphas.begin; a < alphas.end; ++a) {
          float* row = out.row(first_row + a) + to;
          for (uint32_t f = 0; f < floats; ++f) row[f] = space[a * kWinogradChannels + f];
        }
      }
    }
  }
}

}  // namespace
}  // namespace posy
#endif

namespace posy {
namespace {

#ifdef POSY_SIMD
constexpr Kernel<WinogradInputArgs> winograd_input = winograd_input_simd;
#else
constexpr Kernel<WinogradInputArgs> winograd_input = winograd_input_oracle;
#endif

}  // namespace
}  // namespace posy
