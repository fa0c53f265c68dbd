// Convolution over all input channels; also every fully connected layer.
#pragma once
#include "kernels/args.hpp"

namespace posy {
namespace {

inline void conv_2d_oracle(const Conv2dArgs& args, const Task& task) {
  const Window& w = args.window;
  const Range channels = share({0, args.out.c}, kPanelLanes, task.part, task.parts);
  for (uint32_t y = task.rows.begin; y < task.rows.end; ++y) {
    const int64_t in_y = window_origin(y, w.stride_h, w.pad_top);
    const Range rows = valid_taps(in_y, w.k_h, w.dilation_h, args.in.h);
    for (uint32_t x = 0; x < args.out.w; ++x) {
      const int64_t in_x = window_origin(x, w.stride_w, w.pad_left);
      const Range columns = valid_taps(in_x, w.k_w, w.dilation_w, args.in.w);
      float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      for (uint32_t o = channels.begin; o < channels.end; ++o) {
        const WeightLane weight(args.weights, o);
        float sum = 0;
        for (uint32_t i = rows.begin; i < rows.end; ++i) {
          for (uint32_t j = columns.begin; j < columns.end; ++j) {
            const float* in = args.in.row((uint32_t)(in_y + (int64_t)i * w.dilation_h)) +
                              (size_t)(in_x + (int64_t)j * w.dilation_w) * args.in.pixel_stride;
            for (uint32_t c = 0; c < args.in.c; ++c) {
              sum = fma_f32(in[c], weight.at((i * w.k_w + j) * args.in.c + c), sum);
            }
          }
        }
        out[o] = clamp_f32(args.clamp, weight.finish(sum));
      }
    }
  }
}

}  // namespace
}  // namespace posy

#ifdef POSY_SIMD
#include "kernels/product_tile.hpp"

namespace posy {
namespace {

// Bytes of input that a block of rows may take while the panels of weights pass over it: well inside any L2.
constexpr uint32_t kBlockBytes = 512 * 1024;

inline void conv_rows(const Conv2dArgs& args, Range rows, Range columns, const Panels& panels, uint32_t channel) {
  const uint32_t lanes = min_u32(args.out.c - channel, panels.count * kPanelLanes);
  for_each_run(args, rows, columns, args.out.ring_h, [&](const ConvRun& run) {
    float* out = args.out.row(run.y) + (size_t)run.x * args.out.pixel_stride + channel;
    const size_t out_stride = run.is_down ? args.out.row_stride() : args.out.pixel_stride;
    product(conv_patch<float>(args, run), panels, run.pixels, {out, out_stride, lanes, args.clamp, false});
  });
}

inline void conv_2d_simd(const Conv2dArgs& args, const Task& task) {
  const uint32_t panel_count = divide_up(args.out.c, kPanelLanes);
  const Region part = region(task, args.out, divide_up(panel_count, kTilePanels));
  const uint64_t row_bytes = (uint64_t)args.in.row_stride() * args.window.stride_h * sizeof(float);
  const uint32_t block_rows = max_u32(1, (uint32_t)(kBlockBytes / row_bytes));
  for (uint32_t y = part.rows.begin; y < part.rows.end; y += block_rows) {
    const Range block = {y, min_u32(part.rows.end, y + block_rows)};
    for (uint32_t group = part.groups.begin; group < part.groups.end; ++group) {
      const uint32_t first = group * kTilePanels, count = min_u32(kTilePanels, panel_count - first);
      conv_rows(args, block, part.columns, expand_panels(args.weights, first, count, task.scratch),
                first * kPanelLanes);
    }
  }
}

}  // namespace
}  // namespace posy
#endif

namespace posy {
namespace {

#ifdef POSY_SIMD
constexpr Kernel<Conv2dArgs> conv_2d = conv_2d_simd;
#else
constexpr Kernel<Conv2dArgs> conv_2d = conv_2d_oracle;
#endif

}  // namespace
}  // namespace posy
