// Scalar arithmetic that means the same on every target. std:: is avoided in this room: its inline functions become
// weak symbols, and one compiled for AVX2 could be the copy that a machine without AVX2 runs.
#pragma once
#include "kernels/tensor.hpp"

// What several kernels call: there is one of it in each table, whatever a compiler thinks of it.
#define POSY_SHARED __attribute__((noinline, unused))

// Full unrolling, so that an array of accumulators becomes registers.
#define POSY_UNROLL _Pragma("GCC unroll 32")

namespace posy {
namespace {  // one private copy in every translation unit, compiled for its instruction set

inline uint32_t min_u32(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}
inline uint32_t max_u32(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}
inline uint32_t divide_up(uint32_t a, uint32_t b) {
  return (a + b - 1) / b;
}

inline float fma_f32(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}

// A NaN in x comes through, as in TensorFlow and as in maxps(low, x), minps(high, t).
inline float clamp_f32(Clamp clamp, float x) {
  const float t = clamp.low > x ? clamp.low : x;
  return clamp.high < t ? clamp.high : t;
}

// Share `part` of [begin, end) cut into `parts` in steps of `unit`, as even as steps allow.
inline Range share(Range all, uint32_t unit, uint32_t part, uint32_t parts) {
  const uint64_t units = divide_up(all.end - all.begin, unit);
  const uint32_t first = (uint32_t)(units * part / parts) * unit;
  const uint32_t last = (uint32_t)(units * (part + 1) / parts) * unit;
  return {min_u32(all.begin + first, all.end), min_u32(all.begin + last, all.end)};
}

// What one part of a task makes.
struct Region {
  Range rows, columns;
  Range groups;  // of channels, as the kernel counts them
};

// Cuts a task in the direction that leaves the largest part the least work: rows before groups of channels. Bands are
// cut into columns: every part then comes back to the same columns of a ring in each band, and only those at the border
// travel from one processor to another.
template <class T>
inline Region region(const Task& task, const TensorOf<T>& out, uint32_t groups) {
  constexpr uint32_t kLeastColumns = 14;  // a tile of the widest instruction set
  Region r = {task.rows, {0, out.w}, {0, groups}};
  const uint32_t rows = task.rows.end - task.rows.begin;
  if (task.parts == 1) return r;
  if (rows < out.h && out.w / task.parts >= kLeastColumns) {
    r.columns = share(r.columns, 1, task.part, task.parts);
  } else if ((uint64_t)divide_up(rows, task.parts) * groups <= (uint64_t)divide_up(groups, task.parts) * rows) {
    r.rows = share(r.rows, 1, task.part, task.parts);
  } else {
    r.groups = share(r.groups, 1, task.part, task.parts);
  }
  return r;
}

// The taps i of a window along one axis for which origin + i * dilation lies in [0, size); origin may be negative.
inline Range valid_taps(int64_t origin, uint32_t taps, uint32_t dilation, uint32_t size) {
  uint32_t begin = 0, end = taps;
  if (origin < 0) begin = min_u32(taps, (uint32_t)((-origin + dilation - 1) / dilation));
  while (end > begin && origin + (int64_t)(end - 1) * dilation >= (int64_t)size) --end;
  return {begin, end};
}

inline int64_t window_origin(uint32_t out, uint32_t stride, uint32_t pad) {
  return (int64_t)out * stride - (int64_t)pad;
}

}  // namespace
}  // namespace posy
