// int8_conv_2d.hpp for the processors of int8_blocks.hpp.
#pragma once
#include "kernels/int8_blocks.hpp"
#include "kernels/int8_conv_2d.hpp"

namespace posy {
namespace {

using AddLanes = void (*)(const uint8_t* w, uint32_t groups, uint32_t lanes, const Block&, const int32_t* starts,
                          int32_t* sums);

template <uint32_t kPixels>
inline AddLanes add_lanes_of(uint32_t pixels) {
  if constexpr (kPixels > 1) {
    if (pixels != kPixels) return add_lanes_of<kPixels - 1>(pixels);
  }
  return add_lanes<kPixels>;
}

// Bytes of a patch whose weights lie together: `first` is the row of the first one's in the panel.
struct Piece {
  uint32_t first, bytes;
};

// Puts the patches of `pixels` pixels into the block, piece by piece, and calls use(piece) for each.
template <class Use>
inline void for_each_piece(const PatchOf<uint8_t>& patch, size_t first_pixel, uint32_t pixels, Block* block, Use use) {
  Piece piece = {patch.first_weight, 0};
  const auto finish = [&](uint32_t next) {
    if (piece.bytes > 0) use(piece);
    piece = {next, 0};
  };
  uint32_t place = patch.place;
  for (uint32_t i = 0; i < patch.rows; ++i) {
    const uint8_t* in = patch.start + place * patch.row_stride + first_pixel * patch.pixel_step;
    uint32_t weight = patch.first_weight + i * patch.weights_per_row;
    place += patch.place_step;
    if (place >= patch.ring_h) place -= patch.ring_h;
    if (weight != piece.first + piece.bytes) finish(weight);
    for (uint32_t s = 0; s < patch.segments; ++s, in += patch.segment_step) {
      for (uint32_t done = 0; done < patch.length;) {
        const uint32_t bytes = min_u32(patch.length - done, kPieceBytes - piece.bytes);
        put_pixels(in + done, patch.pixel_step, pixels, bytes, piece.bytes, block);
        piece.bytes += bytes;
        weight += bytes;
        done += bytes;
        if (piece.bytes == kPieceBytes) finish(weight);
      }
    }
  }
  finish(0);
}

// All of it fits into the block.
inline bool is_one_piece(const PatchOf<uint8_t>& patch) {
  const uint32_t row_bytes = patch.segments * patch.length;
  return (uint64_t)patch.rows * row_bytes <= kPieceBytes && (patch.rows <= 1 || row_bytes == patch.weights_per_row);
}

// What lane `lane`'s products with taps outside of the input add up to.
inline uint32_t padding_of_lane(const Int8Conv2dArgs& args, const uint8_t* panel, uint32_t lane, const ConvRun& run) {
  const Window& w = args.window;
  const uint32_t groups = whole_groups(args.in.c) / kGroupRows;
  const int32_t code = (int32_t)args.in.zero_point - (kInputsAreSigned ? 128 : 0);
  int32_t weights = 0;
  for (uint32_t tap = 0; tap < w.k_h * w.k_w; ++tap) {
    const uint32_t i = tap / w.k_w, j = tap % w.k_w;
    if (i >= run.rows.begin && i < run.rows.end && j >= run.columns.begin && j < run.columns.end) continue;
    const int8_t* group =
        (const int8_t*)panel + kInt8HeaderBytes + (size_t)tap * groups * kGroupBytes + lane * kGroupRows;
    for (uint32_t g = 0; g < groups; ++g, group += kGroupBytes) weights += group[0] + group[1] + group[2] + group[3];
  }
  return (uint32_t)weights * (uint32_t)code;
}

POSY_SHARED void lane_starts(const Int8Conv2dArgs& args, const uint8_t* panel, const ConvRun& run, int32_t* starts) {
  const Window& w = args.window;
  const uint32_t* header = (const uint32_t*)panel;
  const bool is_cut = run.rows.end - run.rows.begin < w.k_h || run.columns.end - run.columns.begin < w.k_w;
  const bool is_padded = is_cut && (kInputsAreSigned || args.in.zero_point != 0);
  for (uint32_t lane = 0; lane < kPanelLanes; ++lane) {
    uint32_t start = header[lane];
    if (kInputsAreSigned) start += header[2 * kPanelLanes + lane] << 7;
    if (is_padded) start += padding_of_lane(args, panel, lane, run);
    starts[lane] = (int32_t)start;
  }
}

// Pixels first ... first + pixels of a run, all channels of some panels.
POSY_SHARED void int8_block(const Int8Conv2dArgs& args, const ConvRun& run, const PatchOf<uint8_t>& patch, size_t first,
                            uint32_t pixels, Range panels) {
  Block block;
  int32_t starts[kPanelLanes];
  alignas(16) int32_t sums[kPanelLanes * kBlockPixels];
  const AddLanes add = add_lanes_of<kBlockPixels>(pixels);
  const bool is_whole = is_one_piece(patch);
  Piece whole = {0, 0};
  if (is_whole) for_each_piece(patch, first, pixels, &block, [&](Piece piece) { whole = piece; });
  for (uint32_t p = panels.begin; p < panels.end; ++p) {
    const uint8_t* panel = args.weights.panel(p);
    const uint32_t channel = p * kPanelLanes, lanes = min_u32(args.out.c - channel, kPanelLanes);
    const int32_t* begin = starts;
    const auto add_piece = [&](Piece piece) {
      const uint8_t* groups = panel + kInt8HeaderBytes + (size_t)piece.first * kPanelLanes;
      add(groups, piece.bytes / kGroupRows, lanes, block, begin, sums);
      begin = nullptr;
    };
    lane_starts(args, panel, run, starts);
    if (is_whole) {
      add_piece(whole);
    } else {
      for_each_piece(patch, first, pixels, &block, add_piece);
    }
    Int8End end = int8_end(args, run, channel, lanes);
    if (end.codes) end.codes += first * end.out_stride;
    if (end.floats) end.floats += first * end.out_stride;
    end_sums(sums, (const float*)panel + kPanelLanes, pixels, end);
  }
}

inline void int8_conv_2d_blocks(const Int8Conv2dArgs& args, const Task& task) {
  const Region part = region(task, args.out, divide_up(args.out.c, kPanelLanes));
  const uint32_t out_ring_h = args.out.data ? args.out.ring_h : args.floats.ring_h;
  for_each_run(args, part.rows, part.columns, out_ring_h, [&](const ConvRun& run) {
    const PatchOf<uint8_t> patch = conv_patch<uint8_t>(args, run);
    // Blocks of nearly equal size.
    const uint32_t blocks = divide_up(run.pixels, kBlockPixels);
    uint32_t first = 0;
    for (uint32_t b = 0; b < blocks; ++b) {
      const uint32_t pixels = run.pixels / blocks + (b < run.pixels % blocks ? 1 : 0);
      int8_block(args, run, patch, first, pixels, part.groups);
      first += pixels;
    }
  });
  int8_conv_wide(args, part.rows, part.columns, {part.groups.begin * kPanelLanes, part.groups.end * kPanelLanes});
}

}  // namespace
}  // namespace posy
