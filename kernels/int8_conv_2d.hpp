// Convolution of 8-bit codes with 8-bit weights, and every fully connected layer of such.
#pragma once
#include "kernels/int8_ending.hpp"
#include "kernels/int8_wide.hpp"

namespace posy {
namespace {

inline void int8_conv_2d_oracle(const Int8Conv2dArgs& args, const Task& task) {
  const uint32_t k_w = args.window.k_w, tap_rows = whole_groups(args.in.c);
  const Range channels = share({0, args.out.c}, kPanelLanes, task.part, task.parts);
  for (uint32_t y = task.rows.begin; y < task.rows.end; ++y) {
    for (uint32_t x = 0; x < args.out.w; ++x) {
      for (uint32_t o = channels.begin; o < channels.end; ++o) {
        const Int8Lane weight(args.weights, o);
        uint32_t sum = weight.start();
        for_each_tap(args, y, x, [&](uint32_t i, uint32_t j, const uint8_t* in) {
          for (uint32_t c = 0; c < args.in.c; ++c) {
            const int32_t code = in ? in[c] : args.in.zero_point;
            sum += (uint32_t)(code * weight.at((i * k_w + j) * tap_rows + c));
          }
        });
        put_output(args, y, x, o, int8_sum(sum) * weight.multiplier());
      }
    }
  }
  int8_conv_wide(args, task.rows, {0, args.out.w}, channels);
}

}  // namespace
}  // namespace posy

#ifdef POSY_INT8_SIMD
#include "kernels/int8_product_tile.hpp"

namespace posy {
namespace {

// Bytes of input that a block of rows may take while the panels of weights pass over it: well inside any L2.
constexpr uint32_t kInt8BlockBytes = 256 * 1024;

// What the sums of a run begin with: the panels' start values and, of taps outside of the input, the products of the
// weights with what the padding is, unless that is 0.
struct Int8Starts {
  alignas(64) int32_t values[kTilePanels * kPanelLanes];
};

inline I padding_sum(const Int8Conv2dArgs& args, const uint8_t* panel, uint32_t lane, Range rows, Range columns,
                     I sum) {
  const Window& w = args.window;
  const uint32_t groups = whole_groups(args.in.c) / kGroupRows;
  const uint8_t z = args.in.zero_point, zeros[kGroupRows] = {z, z, z, z};
  const Operand padding = load_group(zeros);
  for (uint32_t tap = 0; tap < w.k_h * w.k_w; ++tap) {
    const uint32_t i = tap / w.k_w, j = tap % w.k_w;
    if (i >= rows.begin && i < rows.end && j >= columns.begin && j < columns.end) continue;
    const uint8_t* group = panel + kInt8HeaderBytes + (size_t)tap * groups * kGroupBytes + lane * kGroupRows;
    for (uint32_t g = 0; g < groups; ++g, group += kGroupBytes) sum = dot<false>(sum, padding, 0, load_w(group));
  }
  return sum;
}

POSY_SHARED void int8_starts(const Int8Conv2dArgs& args, const Int8Panels& panels, Range rows, Range columns,
                             Int8Starts* starts) {
  const Window& w = args.window;
  const bool is_cut = rows.end - rows.begin < w.k_h || columns.end - columns.begin < w.k_w;
  for (uint32_t p = 0; p < panels.count; ++p) {
    const uint8_t* panel = panels.data + p * panels.stride;
    for (uint32_t lane = 0; lane < kPanelLanes; lane += kLanes) {
      const uint8_t* header = panel + lane * sizeof(int32_t);
      I sum = start_of(load_i32(header), load_i32(header + 2 * kPanelLanes * sizeof(int32_t)));
      // Signed inputs are -128 where they are 0, and the start counts on that.
      if (is_cut && (kInputsAreSigned || args.in.zero_point != 0)) {
        sum = padding_sum(args, panel, lane, rows, columns, sum);
      }
      store_i32(starts->values + p * kPanelLanes + lane, sum);
    }
  }
}

inline void int8_conv_rows(const Int8Conv2dArgs& args, Range rows, Range columns, const Int8Panels& panels,
                           uint32_t channel) {
  const uint32_t lanes = min_u32(args.out.c - channel, panels.count * kPanelLanes);
  Int8Starts starts;
  for_each_run(args, rows, columns, args.out.data ? args.out.ring_h : args.floats.ring_h, [&](const ConvRun& run) {
    int8_starts(args, panels, run.rows, run.columns, &starts);
    int8_product(conv_patch<uint8_t>(args, run), panels, starts.values, run.pixels,
                 int8_end(args, run, channel, lanes));
  });
}

inline void int8_conv_2d_simd(const Int8Conv2dArgs& args, const Task& task) {
  const uint32_t panel_count = divide_up(args.out.c, kPanelLanes);
  const Region part = region(task, args.out, divide_up(panel_count, kTilePanels));
  const uint64_t row_bytes = (uint64_t)args.in.row_stride() * args.window.stride_h;
  const uint32_t block_rows = max_u32(1, (uint32_t)(kInt8BlockBytes / row_bytes));
  const size_t stride = (size_t)int8_panel_bytes(args.weights.rows);
  for (uint32_t y = part.rows.begin; y < part.rows.end; y += block_rows) {
    const Range block = {y, min_u32(part.rows.end, y + block_rows)};
    for (uint32_t group = part.groups.begin; group < part.groups.end; ++group) {
      const uint32_t first = group * kTilePanels, count = min_u32(kTilePanels, panel_count - first);
      const Int8Panels panels = {args.weights.panel(first), stride, count, args.weights.pairs_are_small};
      int8_conv_rows(args, block, part.columns, panels, first * kPanelLanes);
    }
  }
  constexpr uint32_t kGroupChannels = kTilePanels * kPanelLanes;
  int8_conv_wide(args, part.rows, part.columns, {part.groups.begin * kGroupChannels, part.groups.end * kGroupChannels});
}

}  // namespace
}  // namespace posy
#endif
