// Loops over elements. They are plain code, and compilers make vectors of them; every table has the same code, and the
// same bits.
#pragma once
#include <string.h>

#include "kernels/math.hpp"

// A loop whose iterations do not look at each other's results. Input and output may be the same memory, and have
// nothing else in common: so neither a check at run time nor a second version of the loop is needed. (clang's pragma
// for this warns about loops that do not become vectors, as with a fused multiply-add that is a call.)
#ifdef __clang__
#define POSY_INDEPENDENT
#else
#define POSY_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace posy {
namespace {

// Loops go over units of so many floats: one vector of this instruction set, or a few. That a loop ends with
// i != units * kUnit shows compilers that vectors divide it evenly: then it is one loop, and not also one for what the
// vectors leave, and one for what that leaves. With some 60 functions of elements that would be most of the runtime.
#ifdef POSY_ISA_AVX512
constexpr size_t kUnit = 16;
#else
constexpr size_t kUnit = 8;
#endif

// What one call of a loop goes over: `units` units of floats of each of `pixels` pixels, which lie so many floats
// apart.
struct Elements {
  const float *a, *b;  // the operands; the same if there is one
  float* out;
  size_t a_step, b_step, out_step;
  uint32_t pixels;
  size_t units;
  Clamp clamp;
  const void* constants;  // of the function
};

using Loop = void (*)(const Elements&);

// How operands lie along the rows of the output.
struct RowForm {
  bool joined;        // a row is one pixel to the loops: there are no gaps
  bool one_a, one_b;  // the operand has one float a pixel, for all of the output's
};

// The loops of an op: the one for its RowForm, and the one whose operands have as many floats as the output.
struct Loops {
  Loop loop, wide;
};

inline float* pixel_of(const Tensor& t, uint32_t y, uint32_t x) {
  return t.row(y) + (size_t)x * t.pixel_stride;
}

// Calls pixel(y, x) for this part's share of the rows.
template <class T, class Pixel>
inline void for_each_pixel(const TensorOf<T>& out, const Task& task, Pixel pixel) {
  const Range rows = share(task.rows, 1, task.part, task.parts);
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    for (uint32_t x = 0; x < out.w; ++x) pixel(y, x);
  }
}

// `count` floats of each of `pixels` pixels, or the first one that often, one after the other at `block`.
inline void gather(const float* from, size_t step, bool one, uint32_t pixels, size_t count, float* block) {
  for (uint32_t x = 0; x < pixels; ++x, from += step) {
    for (size_t i = 0; i < count; ++i) *block++ = from[one ? 0 : i];
  }
}

// The floats of `pixels` pixels one after the other: where they lie if they do, else at `block`.
POSY_SHARED const float* together(const float* from, size_t step, bool one, uint32_t pixels, size_t count,
                                  float* block) {
  if (step == count && !one && pixels == kUnit) return from;
  gather(from, step, one, pixels, count, block);
  return block;
}

// Fewer than kUnit floats of each pixel, of kUnit pixels at a time: they make whole units.
inline void loop_narrow(Loop wide, const RowForm& form, Elements row, size_t count) {
  float a[kUnit * kUnit] = {}, b[kUnit * kUnit] = {}, out[kUnit * kUnit];
  Elements block = row;
  block.pixels = 1;
  for (uint32_t x = 0; x < row.pixels; x += kUnit) {
    const uint32_t pixels = min_u32(kUnit, row.pixels - x);
    const bool direct = row.out_step == count && pixels == kUnit;
    block.a = together(row.a + x * row.a_step, row.a_step, form.one_a, pixels, count, a);
    if (x == 0 || row.b_step != 0) block.b = together(row.b + x * row.b_step, row.b_step, form.one_b, pixels, count, b);
    block.out = direct ? row.out + x * row.out_step : out;
    block.units = (pixels * count + kUnit - 1) / kUnit;
    wide(block);
    for (uint32_t i = 0; i < pixels && !direct; ++i) {
      memcpy(row.out + (x + i) * row.out_step, out + i * count, count * sizeof(float));
    }
  }
}

// `count` floats of each pixel.
inline void loop_row(const Loops& loops, const RowForm& form, Elements row, size_t count) {
  const size_t whole = count / kUnit * kUnit;
  row.units = whole / kUnit;
  if (whole > 0) loops.loop(row);
  if (whole == count) return;
  // The last floats as a whole unit, with some that are done already; not if the results lie over the operands.
  const bool again = whole > 0 && row.out != row.a && row.out != row.b;
  const size_t first = again ? count - kUnit : whole;
  if (!form.one_a) row.a += first;
  if (!form.one_b) row.b += first;
  row.out += first;
  row.units = 1;
  if (again) {
    loops.loop(row);
  } else {
    loop_narrow(loops.wide, form, row, count - whole);
  }
}

POSY_SHARED RowForm row_form(const Tensor& a, const Tensor& b, const Tensor& out) {
  const auto is_row = [&](const Tensor& t) { return t.w == out.w && t.c == out.c && t.pixel_stride == t.c; };
  const auto is_one = [](const Tensor& t) { return t.w == 1 && t.c == 1; };
  if (is_row(out) && (is_row(a) || is_one(a)) && (is_row(b) || is_one(b))) return {true, !is_row(a), !is_row(b)};
  return {false, a.c != out.c, b.c != out.c};
}

// This part's share of the rows. An operand of size 1 along an axis is used for all of the output's.
POSY_SHARED void loop_elements(const Loops& loops, const RowForm& form, const Tensor& a, const Tensor& b,
                               const Tensor& out, Clamp clamp, const void* constants, const Task& task) {
  const auto row_of = [](const Tensor& t, uint32_t y) { return t.row(t.h == 1 ? 0 : y); };
  const auto step_of = [](const Tensor& t) { return t.w == 1 ? 0 : t.pixel_stride; };
  const auto rows_join = [&](const Tensor& t, bool one) { return one ? t.h == 1 : t.h == out.h && t.ring_h == t.h; };
  const Range rows = share(task.rows, 1, task.part, task.parts);
  const bool one_run = form.joined && rows_join(a, form.one_a) && rows_join(b, form.one_b) && rows_join(out, false);
  const uint32_t at_once = one_run ? rows.end - rows.begin : 1;
  for (uint32_t y = rows.begin; y < rows.end; y += at_once) {
    Elements row;
    row.a = row_of(a, y);
    row.b = row_of(b, y);
    row.out = out.row(y);
    row.a_step = step_of(a);
    row.b_step = step_of(b);
    row.out_step = out.pixel_stride;
    row.pixels = form.joined ? 1 : out.w;
    row.clamp = clamp;
    row.constants = constants;
    loop_row(loops, form, row, form.joined ? at_once * out.row_stride() : out.c);
  }
}

// The same with one operand of the output's size.
inline void loop_elements(Loop loop, const Tensor& in, const Tensor& out, Clamp clamp, const void* constants,
                          const Task& task) {
  loop_elements({loop, loop}, row_form(in, in, out), in, in, out, clamp, constants, task);
}

}  // namespace
}  // namespace posy
