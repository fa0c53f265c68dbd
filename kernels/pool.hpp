// Average and maximum over a window, channel by channel.
#pragma once
#include "kernels/args.hpp"

namespace posy {
namespace {

// Visits the pixels of the window of output (y, x) that lie inside the input, in window order.
template <class Visit>
inline uint32_t for_each_tap(const PoolArgs& args, uint32_t y, uint32_t x, Visit visit) {
  const Window& w = args.window;
  const int64_t in_y = window_origin(y, w.stride_h, w.pad_top), in_x = window_origin(x, w.stride_w, w.pad_left);
  const Range rows = valid_taps(in_y, w.k_h, 1, args.in.h), columns = valid_taps(in_x, w.k_w, 1, args.in.w);
  for (uint32_t i = rows.begin; i < rows.end; ++i) {
    const float* in = args.in.row((uint32_t)(in_y + i));
    for (uint32_t j = columns.begin; j < columns.end; ++j) visit(in + (size_t)(in_x + j) * args.in.pixel_stride);
  }
  return (rows.end - rows.begin) * (columns.end - columns.begin);
}

struct AverageOfWindow {
  static constexpr float kStart = 0;
  static float add(float sum, float x) { return sum + x; }
  static float finish(float sum, float count) { return sum / count; }
};

struct MaximumOfWindow {
  static constexpr float kStart = -__builtin_inff();
  static float add(float most, float x) { return most > x ? most : x; }
  static float finish(float most, float) { return most; }
};

template <class Reduce>
inline void pool_oracle(const PoolArgs& args, const Task& task) {
  const Range channels = share({0, args.out.c}, kPanelLanes, task.part, task.parts);
  for (uint32_t y = task.rows.begin; y < task.rows.end; ++y) {
    for (uint32_t x = 0; x < args.out.w; ++x) {
      float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      for (uint32_t c = channels.begin; c < channels.end; ++c) {
        float value = Reduce::kStart;
        const uint32_t count =
            for_each_tap(args, y, x, [&](const float* pixel) { value = Reduce::add(value, pixel[c]); });
        out[c] = clamp_f32(args.clamp, Reduce::finish(value, (float)count));
      }
    }
  }
}

}  // namespace
}  // namespace posy

#ifdef POSY_SIMD
#include "kernels/simd.hpp"

namespace posy {
namespace {

struct AverageOfVectors : AverageOfWindow {
  static V add(V sum, V x) { return sum + x; }
  static V finish(V sum, float count) { return sum / splat(count); }
};

struct MaximumOfVectors : MaximumOfWindow {
  static V add(V most, V x) { return maximum(most, x); }
  static V finish(V most, float) { return most; }
};

template <class Reduce, bool kFull>
inline void pool_channels(const PoolArgs& args, uint32_t y, Range columns, uint32_t channel, uint32_t lanes) {
  for (uint32_t x = columns.begin; x < columns.end; ++x) {
    V value = splat(Reduce::kStart);
    const uint32_t count = for_each_tap(
        args, y, x, [&](const float* pixel) { value = Reduce::add(value, load_lanes<kFull>(pixel + channel, lanes)); });
    float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride + channel;
    store_lanes<kFull>(out, clamp(args.clamp, Reduce::finish(value, (float)count)), lanes);
  }
}

template <class Reduce>
inline void pool_simd(const PoolArgs& args, const Task& task) {
  const Region part = region(task, args.out, divide_up(args.out.c, kPanelLanes));
  const uint32_t end = min_u32(args.out.c, part.groups.end * kPanelLanes);
  for (uint32_t y = part.rows.begin; y < part.rows.end; ++y) {
    for (uint32_t c = part.groups.begin * kPanelLanes; c < end; c += kLanes) {
      if (end - c >= kLanes) {
        pool_channels<Reduce, true>(args, y, part.columns, c, kLanes);
      } else {
        pool_channels<Reduce, false>(args, y, part.columns, c, end - c);
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
constexpr Kernel<PoolArgs> average_pool = pool_simd<AverageOfVectors>;
constexpr Kernel<PoolArgs> max_pool = pool_simd<MaximumOfVectors>;
#else
constexpr Kernel<PoolArgs> average_pool = pool_oracle<AverageOfWindow>;
constexpr Kernel<PoolArgs> max_pool = pool_oracle<MaximumOfWindow>;
#endif

}  // namespace
}  // namespace posy
