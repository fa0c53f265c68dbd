// The second half of a Winograd convolution: products with transformed weights, and the sums transformed back.
//
// The weights stay in the file as conv_2d reads them, so that a file is as small as without, and are transformed for a
// few panels at a time; all tiles of a band share the cost.
#pragma once
#include "kernels/args.hpp"
#include "kernels/winograd_transforms.hpp"

namespace posy {
namespace {

// Tiles of a band that have an output among `rows`.
inline Range winograd_tiles_of(const WinogradTiles& tiles, uint32_t band, Range rows) {
  const uint32_t first = band * tiles.band_rows, last = first + tiles.band_rows;
  const uint32_t begin = max_u32(first, rows.begin / tiles.m_h), end = min_u32(last, divide_up(rows.end, tiles.m_h));
  return {(begin - first) * tiles.columns, (end - first) * tiles.columns};
}

inline Range winograd_bands_of_outputs(const WinogradTiles& tiles, Range rows) {
  const uint32_t outputs = tiles.m_h * tiles.band_rows;
  return {rows.begin / outputs, divide_up(rows.end, outputs)};
}

// Calls visit(i, j, out) for each output of a tile that is among `rows` and inside the map.
template <class Visit>
inline void for_each_output(const WinogradProductArgs& args, uint32_t band, uint32_t tile, Range rows, Visit visit) {
  const WinogradTiles& t = args.tiles;
  const uint32_t y = (band * t.band_rows + tile / t.columns) * t.m_h, x = tile % t.columns * t.m_w;
  for (uint32_t i = 0; i < t.m_h; ++i) {
    if (y + i < rows.begin || y + i >= rows.end) continue;
    float* row = args.out.row(y + i);
    for (uint32_t j = 0; j < t.m_w && x + j < args.out.w; ++j) {
      visit(i, j, row + (size_t)(x + j) * args.out.pixel_stride);
    }
  }
}

// ---- The oracle: tiles in runs, so that the weights of a channel are transformed once for several ----

constexpr uint32_t kOracleTiles = 4;
constexpr uint32_t kMostAlphasOfTile = kMostAlphas * kMostAlphas;

inline void winograd_expand_weights(const WinogradTiles& t, const WeightLane& weight, uint32_t in_c, uint32_t channel,
                                    float* values) {
  const WinogradAxis axis_h = winograd_axis(t.m_h, t.k_h), axis_w = winograd_axis(t.m_w, t.k_w);
  for (uint32_t i = 0; i < t.k_h; ++i) {
    float* line = values + i * t.alphas_w;
    for (uint32_t j = 0; j < t.k_w; ++j) line[j] = weight.at((i * t.k_w + j) * in_c + channel);
    if (axis_w.weights) winograd_expand(t.alphas_w, axis_w.weights, t.k_w, line, 1);
  }
  for (uint32_t j = 0; axis_h.weights && j < t.alphas_w; ++j) {
    winograd_expand(t.alphas_h, axis_h.weights, t.k_h, values + j, t.alphas_w);
  }
}

inline void winograd_contract_sums(const WinogradTiles& t, float* sums) {
  const WinogradAxis axis_h = winograd_axis(t.m_h, t.k_h), axis_w = winograd_axis(t.m_w, t.k_w);
  for (uint32_t i = 0; axis_w.output && i < t.alphas_h; ++i) {
    winograd_contract(t.alphas_w, axis_w.output, t.m_w, sums + i * t.alphas_w, 1);
  }
  for (uint32_t j = 0; axis_h.output && j < t.m_w; ++j) {
    winograd_contract(t.alphas_h, axis_h.output, t.m_h, sums + j, t.alphas_w);
  }
}

inline void winograd_run_oracle(const WinogradProductArgs& args, uint32_t band, Range tiles, uint32_t channel,
                                Range rows) {
  const WinogradTiles& t = args.tiles;
  const WeightLane weight(args.weights, channel);
  float sums[kOracleTiles][kMostAlphasOfTile] = {}, weights[kMostAlphasOfTile];
  for (uint32_t c = 0; c < args.in.c; ++c) {
    winograd_expand_weights(t, weight, args.in.c, c, weights);
    for (uint32_t a = 0; a < t.alphas(); ++a) {
      const float* in = args.in.row(band * t.alphas() + a) + c;
      for (uint32_t i = tiles.begin; i < tiles.end; ++i) {
        float& sum = sums[i - tiles.begin][a];
        sum = fma_f32(in[(size_t)i * args.in.pixel_stride], weights[a], sum);
      }
    }
  }
  for (uint32_t tile = tiles.begin; tile < tiles.end; ++tile) {
    float* of_tile = sums[tile - tiles.begin];
    winograd_contract_sums(t, of_tile);
    for_each_output(args, band, tile, rows, [&](uint32_t i, uint32_t j, float* out) {
      out[channel] = clamp_f32(args.clamp, weight.finish(of_tile[i * t.alphas_w + j]));
    });
  }
}

inline void winograd_product_oracle(const WinogradProductArgs& args, const Task& task) {
  const Range channels = share({0, args.out.c}, kPanelLanes, task.part, task.parts);
  const Range bands = winograd_bands_of_outputs(args.tiles, task.rows);
  for (uint32_t band = bands.begin; band < bands.end; ++band) {
    const Range tiles = winograd_tiles_of(args.tiles, band, task.rows);
    for (uint32_t tile = tiles.begin; tile < tiles.end; tile += kOracleTiles) {
      const Range run = {tile, min_u32(tiles.end, tile + kOracleTiles)};
      for (uint32_t o = channels.begin; o < channels.end; ++o) winograd_run_oracle(args, band, run, o, task.rows);
    }
  }
}

}  // namespace
}  // namespace posy

#ifdef POSY_SIMD
#include "kernels/product_tile.hpp"

namespace posy {
namespace {

// Input channels whose weights are transformed at a time: few enough to stay in the first level cache between the
// passes along the two axes.
constexpr uint32_t kWinogradWeightChannels = 4;
constexpr uint32_t kMostWinogradWindow = 7 * 7;

// Transformed weights of a group of panels, laid out as panels: each is the header and then, alpha by alpha, one row
// for each input channel and one that is not used (winograd_scratch_rows()).
inline size_t winograd_panel_stride(const WinogradProductArgs& args) {
  return ((size_t)args.tiles.alphas() * (args.in.c + 1) + kHeaderVectors) * kPanelLanes;
}

// Weights of window position (i, j), input channels channel ..., as floats: where they lie, or expanded into `space`.
struct WinogradWindow {
  const float* data;
  size_t step;  // from position to position
};

inline WinogradWindow winograd_window(const WinogradProductArgs& args, const uint8_t* panel, uint32_t channel,
                                      uint32_t channels, float* space) {
  const uint32_t in_c = args.in.c;
  if (args.weights.type == WeightType::f32) {
    return {(const float*)panel + (kHeaderVectors + (size_t)channel) * kPanelLanes, (size_t)in_c * kPanelLanes};
  }
  constexpr size_t kStep = kWinogradWeightChannels * kPanelLanes;
  for (uint32_t position = 0; position < args.tiles.k_h * args.tiles.k_w; ++position) {
    expand_rows(args.weights, panel, position * in_c + channel, channels, space + position * kStep);
  }
  return {space, kStep};
}

inline void winograd_transform_panel(const WinogradProductArgs& args, const uint8_t* panel, float* to) {
  const WinogradTiles& t = args.tiles;
  const WinogradPass along_h = winograd_passes(t.m_h, t.k_h).weights, along_w = winograd_passes(t.m_w, t.k_w).weights;
  const size_t alpha_step = ((size_t)args.in.c + 1) * kPanelLanes;
  alignas(64) float space[kMostWinogradWindow * kWinogradWeightChannels * kPanelLanes];
  expand_header(panel, args.weights.type, to);
  to += kHeaderVectors * kPanelLanes;
  for (uint32_t c = 0; c < args.in.c; c += kWinogradWeightChannels, to += kWinogradWeightChannels * kPanelLanes) {
    const uint32_t channels = min_u32(kWinogradWeightChannels, args.in.c - c), floats = channels * kPanelLanes;
    const WinogradWindow from = winograd_window(args, panel, c, channels, space);
    if (!along_w) {
      along_h(from.data, from.step, to, alpha_step, floats);
      continue;
    }
    for (uint32_t i = 0; i < t.k_h; ++i) {
      along_w(from.data + i * t.k_w * from.step, from.step, to + i * t.alphas_w * alpha_step, alpha_step, floats);
    }
    for (uint32_t j = 0; along_h && j < t.alphas_w; ++j) {
      float* line = to + j * alpha_step;
      along_h(line, t.alphas_w * alpha_step, line, t.alphas_w * alpha_step, floats);
    }
  }
}

inline Panels winograd_transform_panels(const WinogradProductArgs& args, uint32_t first, uint32_t count,
                                        float* scratch) {
  const size_t bytes = (size_t)panel_bytes(args.weights.type, args.weights.rows), stride = winograd_panel_stride(args);
  for (uint32_t p = 0; p < count; ++p) {
    winograd_transform_panel(args, args.weights.panels + (first + p) * bytes, scratch + p * stride);
  }
  const uint8_t* next = args.weights.panels + (first + count) * bytes;
  return {scratch, stride, count, (const float*)next, count * bytes / sizeof(float)};
}

// Sums of a block of tiles. Those of one value along the height, [alphas_w, tiles, lanes], are made first and then
// transformed along the width while they are in the first level cache: [alphas_h, m_w, tiles, lanes].
struct WinogradSums {
  float *of_line, *of_tile;
  size_t step;     // floats from value to value
  uint32_t lanes;  // of the group: all, 16 for each panel
};

// As many tiles as the scratch has room for, in full heights of product_tile.
inline uint32_t winograd_block_tiles(const WinogradTiles& t) {
  const uint32_t most = kWinogradSumRows / (t.alphas_w + t.alphas_h * t.m_w) - 1;
  return most < kTileRows ? most : most / kTileRows * kTileRows;
}

inline void winograd_sum_tiles(const WinogradProductArgs& args, uint32_t band, Range tiles, const Panels& group,
                               const WinogradSums& sums) {
  const WinogradTiles& t = args.tiles;
  const WinogradPass along_w = winograd_passes(t.m_w, t.k_w).output;
  const bool two_axes = along_w && t.alphas_h > 1;
  const uint32_t count = tiles.end - tiles.begin;
  Panels panels = group;  // each value's products call for their share of the next group
  panels.next_floats = group.next_floats / t.alphas() / kPanelLanes * kPanelLanes;
  PatchOf<float> patch = {};
  patch.segments = 1;
  patch.length = args.in.c;
  patch.pixel_step = args.in.pixel_stride;
  for (uint32_t i = 0; i < t.alphas_h; ++i) {
    float* of_tile = sums.of_tile + i * t.m_w * sums.step;
    float* line = two_axes ? sums.of_line : of_tile;
    for (uint32_t j = 0; j < t.alphas_w; ++j) {
      const uint32_t alpha = i * t.alphas_w + j;
      patch.set_rows(args.in, band * t.alphas() + alpha, 0, 1, tiles.begin);
      patch.first_weight = alpha * (args.in.c + 1);
      product(patch, panels, count, {line + j * sums.step, sums.lanes, sums.lanes, {}, true});
      panels.next += panels.next_floats;
    }
    if (two_axes) along_w(line, sums.step, of_tile, sums.step, count * sums.lanes);
  }
}

// The last transform and the end of the layer, for the outputs of a tile that are among `rows` and inside the map.
inline void winograd_finish_tile(const WinogradProductArgs& args, uint32_t band, uint32_t tile, Range rows,
                                 const float* sums, size_t step, const WinogradEnd& end, uint32_t channel) {
  const WinogradTiles& t = args.tiles;
  float* out[kMostOutputs][kMostOutputs] = {};  // by column, then row
  for_each_output(args, band, tile, rows, [&](uint32_t i, uint32_t j, float* pixel) { out[j][i] = pixel + channel; });
  if (const WinogradLastPass along_h = winograd_passes(t.m_h, t.k_h).last) {
    for (uint32_t j = 0; j < t.m_w; ++j) along_h(sums + j * step, t.m_w * step, end, out[j]);
    return;
  }
  float* row[kMostOutputs];
  for (uint32_t j = 0; j < t.m_w; ++j) row[j] = out[j][0];
  winograd_passes(t.m_w, t.k_w).last(sums, step, end, row);
}

// A block of tiles and a group of panels.
inline void winograd_block(const WinogradProductArgs& args, uint32_t band, Range tiles, const Panels& panels,
                           uint32_t channel, const WinogradSums& sums, Range rows) {
  winograd_sum_tiles(args, band, tiles, panels, sums);
  const WinogradEnd end = {panels, min_u32(args.out.c - channel, sums.lanes), args.clamp};
  for (uint32_t tile = tiles.begin; tile < tiles.end; ++tile) {
    const float* of_tile = sums.of_tile + (size_t)(tile - tiles.begin) * sums.lanes;
    winograd_finish_tile(args, band, tile, rows, of_tile, sums.step, end, channel);
  }
}

// The work of a band is groups of panels times runs of tiles, and a part takes its share of their product, group by
// group: no part waits for another, and at most one group is transformed by two neighbours.
inline void winograd_product_simd(const WinogradProductArgs& args, const Task& task) {
  const WinogradTiles& t = args.tiles;
  const uint32_t panel_count = divide_up(args.out.c, kPanelLanes), block_tiles = winograd_block_tiles(t);
  const Range bands = winograd_bands_of_outputs(t, task.rows);
  float* sum_data = task.scratch + kTilePanels * winograd_panel_stride(args);
  for (uint32_t band = bands.begin; band < bands.end; ++band) {
    const Range tiles = winograd_tiles_of(t, band, task.rows);
    const uint32_t runs = divide_up(tiles.end - tiles.begin, kTileRows);
    const Range mine = share({0, divide_up(panel_count, kTilePanels) * runs}, 1, task.part, task.parts);
    for (uint32_t at = mine.begin; at < mine.end;) {
      const uint32_t panel = at / runs * kTilePanels, count = min_u32(kTilePanels, panel_count - panel);
      const uint32_t first_run = at % runs, last_run = min_u32(runs, first_run + mine.end - at);
      const Panels panels = winograd_transform_panels(args, panel, count, task.scratch);
      const size_t step = ((size_t)block_tiles * count + 1) * kPanelLanes;
      const WinogradSums sums = {sum_data, sum_data + (t.alphas_h > 1 ? t.alphas_w * step : 0), step,
                                 count * kPanelLanes};
      const Range all = {tiles.begin + first_run * kTileRows, min_u32(tiles.end, tiles.begin + last_run * kTileRows)};
      const uint32_t blocks = divide_up(all.end - all.begin, block_tiles);
      for (uint32_t b = 0; b < blocks; ++b) {
        winograd_block(args, band, share(all, 1, b, blocks), panels, panel * kPanelLanes, sums, task.rows);
      }
      at += last_run - first_run;
    }
  }
}

}  // namespace
}  // namespace posy
#endif

namespace posy {
namespace {

#ifdef POSY_SIMD
constexpr Kernel<WinogradProductArgs> winograd_product = winograd_product_simd;
#else
constexpr Kernel<WinogradProductArgs> winograd_product = winograd_product_oracle;
#endif

}  // namespace
}  // namespace posy
