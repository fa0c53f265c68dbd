// What the windows of neighbouring outputs of a convolution cover, of floats or of bytes.
#pragma once
#include "kernels/int8_weights.hpp"
#include "kernels/math.hpp"

namespace posy {
namespace {

// `rows` input rows, in each of them `segments` runs of `length` elements that lie together. The window of the next
// output is pixel_step elements further. Weights follow in the same order.
template <class T>
struct PatchOf {
  const T* start;  // the first segment of the first output, if its row were the first in memory
  size_t row_stride;
  uint32_t ring_h, place,
      place_step;  // the first row's place in memory, and from there to the next one's, modulo ring_h
  uint32_t rows;
  uint32_t segments;
  size_t segment_step;
  uint32_t length;  // 1 or more where there are segments
  size_t pixel_step;
  uint32_t first_weight;  // row of the panel that belongs to the first element of the first segment
  uint32_t weights_per_row;

  // Rows first, first + step ... of `in`, from `column` on.
  void set_rows(const TensorOf<T>& in, uint32_t first, uint32_t step, uint32_t count, size_t column) {
    start = in.data + column * in.pixel_stride;
    row_stride = in.row_stride();
    ring_h = in.ring_h;
    place = first % in.ring_h;
    place_step = step % in.ring_h;
    rows = count;
  }
};

// Neighbouring pixels of a tile, kPerPointer of them reached from one pointer.
template <class T, uint32_t kRows, uint32_t kPerPointer>
struct TilePixels {
  static constexpr uint32_t kPointers = (kRows + kPerPointer - 1) / kPerPointer;
  const T* pointers[kPointers];
  size_t step;

  POSY_INLINE TilePixels(const T* first, size_t pixel_step) : step(pixel_step) {
    POSY_UNROLL for (uint32_t p = 0; p < kPointers; ++p) pointers[p] = first + kPerPointer * p * step;
  }
  POSY_INLINE const T* at(uint32_t m) const { return pointers[m / kPerPointer] + m % kPerPointer * step; }
  POSY_INLINE void advance(uint32_t values) {
    POSY_UNROLL for (uint32_t p = 0; p < kPointers; ++p) pointers[p] += values;
  }
};

// Rows of weights that a pixel has: of bytes, whole groups.
inline uint32_t weights_per_pixel(const TensorOf<float>& in) {
  return in.c;
}
inline uint32_t weights_per_pixel(const TensorOf<uint8_t>& in) {
  return whole_groups(in.c);
}

// Outputs whose windows cover the same taps, `pixels` of them from (y, x) on: side by side, or below each other.
struct ConvRun {
  uint32_t y, x, pixels;
  bool is_down;
  Range rows, columns;  // taps inside the input
};

// From (y, x) to the right: a single one at the edges, one long run between them.
template <class Args>
inline ConvRun run_across(const Args& args, uint32_t y, uint32_t x, uint32_t x_end) {
  const Window& w = args.window;
  const Range rows = valid_taps(window_origin(y, w.stride_h, w.pad_top), w.k_h, w.dilation_h, args.in.h);
  const Range columns = valid_taps(window_origin(x, w.stride_w, w.pad_left), w.k_w, w.dilation_w, args.in.w);
  uint32_t end = x + 1;
  if (columns.begin == 0 && columns.end == w.k_w) {
    const uint32_t last_origin = args.in.w - 1 - (w.k_w - 1) * w.dilation_w + w.pad_left;
    end = min_u32(x_end, last_origin / w.stride_w + 1);
  }
  return {y, x, end - x, false, rows, columns};
}

// How many rows from y on have windows with the same rows of taps, and lie in memory one after the other like their
// inputs.
template <class Args>
inline uint32_t rows_alike(const Args& args, uint32_t y, uint32_t y_end, uint32_t out_ring_h) {
  const Window& w = args.window;
  const int64_t origin = window_origin(y, w.stride_h, w.pad_top);
  const Range taps = valid_taps(origin, w.k_h, w.dilation_h, args.in.h);
  if (taps.begin == taps.end) return 1;
  const uint32_t first = (uint32_t)(origin + (int64_t)taps.begin * w.dilation_h) % args.in.ring_h;
  const uint32_t reach = first + (taps.end - taps.begin - 1) * w.dilation_h;
  const uint32_t most = min_u32(y_end - y, out_ring_h - y % out_ring_h);
  uint32_t rows = 1;
  for (; rows < most && reach + rows * w.stride_h < args.in.ring_h; ++rows) {
    const Range next = valid_taps(window_origin(y + rows, w.stride_h, w.pad_top), w.k_h, w.dilation_h, args.in.h);
    if (next.begin != taps.begin || next.end != taps.end) break;
  }
  return rows;
}

// Rows y ... that a 1x1 window without stride can treat as one long run, or 0 if the window is another. out_ring_h: of
// the output.
template <class Args>
inline uint32_t joined_rows(const Args& args, uint32_t y, uint32_t end, Range columns, uint32_t out_ring_h) {
  const Window& w = args.window;
  const bool pointwise = w.k_h == 1 && w.k_w == 1 && w.stride_h == 1 && w.stride_w == 1 && w.pad_top == 0 &&
                         w.pad_left == 0 && args.in.w == args.out.w && end <= args.in.h;
  if (!pointwise || columns.end - columns.begin < args.out.w) return 0;
  return min_u32(end - y, min_u32(args.in.ring_h - y % args.in.ring_h, out_ring_h - y % out_ring_h));
}

// Calls make(run) for runs that together are these outputs, as long ones as there are: outputs at the left and right
// edge are taken together down the rows.
template <class Args, class Make>
inline void for_each_run(const Args& args, Range rows, Range columns, uint32_t out_ring_h, Make make) {
  for (uint32_t y = rows.begin; y < rows.end;) {
    if (const uint32_t joined = joined_rows(args, y, rows.end, columns, out_ring_h)) {
      make(ConvRun{y, 0, joined * args.out.w, false, {0, 1}, {0, 1}});
      y += joined;
      continue;
    }
    const uint32_t alike = rows_alike(args, y, rows.end, out_ring_h);
    for (uint32_t x = columns.begin; x < columns.end;) {
      ConvRun run = run_across(args, y, x, columns.end);
      x += run.pixels;
      if (run.pixels < alike) {
        const uint32_t width = run.pixels;
        run.pixels = alike;
        run.is_down = true;
        for (uint32_t i = 0; i < width; ++i, ++run.x) make(run);
        continue;
      }
      for (uint32_t i = 0; i < alike; ++i, ++run.y) make(run);
    }
    y += alike;
  }
}

template <class T, class Args>
inline PatchOf<T> conv_patch(const Args& args, const ConvRun& run) {
  const Window& w = args.window;
  const TensorOf<T>& in = args.in;
  const int64_t in_y = window_origin(run.y, w.stride_h, w.pad_top);
  const int64_t in_x = window_origin(run.x, w.stride_w, w.pad_left) + (int64_t)run.columns.begin * w.dilation_w;
  const uint32_t columns = run.columns.end - run.columns.begin, weights = weights_per_pixel(in);
  const bool joined = w.dilation_w == 1 && in.pixel_stride == weights;  // nothing lies between the channels of two taps

  PatchOf<T> patch;
  const uint32_t row_count = run.rows.end - run.rows.begin;
  const uint32_t first_row = row_count > 0 ? (uint32_t)(in_y + (int64_t)run.rows.begin * w.dilation_h) : 0;
  patch.set_rows(in, first_row, w.dilation_h, row_count, columns > 0 ? (size_t)in_x : 0);
  patch.segments = joined ? min_u32(columns, 1) : columns;
  patch.segment_step = (size_t)w.dilation_w * in.pixel_stride;
  patch.length = joined ? columns * weights : weights;
  patch.pixel_step = run.is_down ? w.stride_h * in.row_stride() : (size_t)w.stride_w * in.pixel_stride;
  patch.first_weight = (run.rows.begin * w.k_w + run.columns.begin) * weights;
  patch.weights_per_row = w.k_w * weights;
  return patch;
}

}  // namespace
}  // namespace posy
