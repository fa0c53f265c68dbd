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

// The pixels of one window that lie inside the input.
struct PoolWindow {
  const Tensor* in;
  Range rows;    // of the input
  size_t first;  // floats from the start of a row
  uint32_t columns;
};

inline PoolWindow pool_window(const PoolArgs& args, uint32_t y, uint32_t x) {
  const Window& w = args.window;
  const int64_t in_y = window_origin(y, w.stride_h, w.pad_top), in_x = window_origin(x, w.stride_w, w.pad_left);
  const Range rows = valid_taps(in_y, w.k_h, 1, args.in.h), columns = valid_taps(in_x, w.k_w, 1, args.in.w);
  const Range in_rows = {(uint32_t)(in_y + rows.begin), (uint32_t)(in_y + rows.end)};
  return {&args.in, in_rows, (size_t)(in_x + columns.begin) * args.in.pixel_stride, columns.end - columns.begin};
}

// kVectors vectors of channels of one output, from `channel` on; the last has `lanes` channels if kFull is false.
template <class Reduce, uint32_t kVectors, bool kFull>
inline void pool_vectors(const PoolWindow& window, Clamp limits, uint32_t channel, uint32_t lanes, float* out) {
  V value[kVectors];
  POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) value[v] = splat(Reduce::kStart);
  const size_t step = window.in->pixel_stride;
  for (uint32_t y = window.rows.begin; y < window.rows.end; ++y) {
    const float* pixel = window.in->row(y) + window.first + channel;
    for (uint32_t j = 0; j < window.columns; ++j, pixel += step) {
      POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) {
        value[v] = Reduce::add(value[v], load_lanes<kFull>(pixel + v * kLanes, lanes));
      }
    }
  }
  const float count = (float)((window.rows.end - window.rows.begin) * window.columns);
  POSY_UNROLL for (uint32_t v = 0; v < kVectors; ++v) {
    store_lanes<kFull>(out + channel + v * kLanes, clamp(limits, Reduce::finish(value[v], count)), lanes);
  }
}

// As many vectors at a time as it takes for sums that wait for each other to overlap.
template <class Reduce>
inline void pool_pixel(const PoolWindow& window, Clamp limits, Range channels, float* out) {
  constexpr uint32_t kVectors = 4;
  uint32_t c = channels.begin;
  for (; c + kVectors * kLanes <= channels.end; c += kVectors * kLanes) {
    pool_vectors<Reduce, kVectors, true>(window, limits, c, kLanes, out);
  }
  for (; c + kLanes <= channels.end; c += kLanes) pool_vectors<Reduce, 1, true>(window, limits, c, kLanes, out);
  if (c < channels.end) pool_vectors<Reduce, 1, false>(window, limits, c, channels.end - c, out);
}

template <class Reduce>
inline void pool_simd(const PoolArgs& args, const Task& task) {
  const Region part = region(task, args.out, divide_up(args.out.c, kPanelLanes));
  const Range channels = {part.groups.begin * kPanelLanes, min_u32(args.out.c, part.groups.end * kPanelLanes)};
  for (uint32_t y = part.rows.begin; y < part.rows.end; ++y) {
    for (uint32_t x = part.columns.begin; x < part.columns.end; ++x) {
      float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      pool_pixel<Reduce>(pool_window(args, y, x), args.clamp, channels, out);
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
