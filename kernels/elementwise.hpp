// Ops that look at one element at a time: sums of two tensors, copies.
#pragma once
#include "kernels/args.hpp"

namespace posy {
namespace {

inline void add_oracle(const AddArgs& args, const Task& task) {
  const Range rows = share(task.rows, 1, task.part, task.parts);
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    for (uint32_t x = 0; x < args.out.w; ++x) {
      const float* a = args.a.row(y) + (size_t)x * args.a.pixel_stride;
      const float* b = args.b.row(y) + (size_t)x * args.b.pixel_stride;
      float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      for (uint32_t c = 0; c < args.out.c; ++c) out[c] = clamp_f32(args.clamp, a[c] + b[c]);
    }
  }
}

inline void copy_oracle(const CopyArgs& args, const Task& task) {
  const Range rows = share(task.rows, 1, task.part, task.parts);
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    for (uint32_t x = 0; x < args.out.w; ++x) {
      const float* in = args.in.row(y) + (size_t)x * args.in.pixel_stride;
      float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      for (uint32_t c = 0; c < args.out.c; ++c) out[c] = clamp_f32(args.clamp, in[c]);
    }
  }
}

}  // namespace
}  // namespace posy

#ifdef POSY_SIMD
#include "kernels/simd.hpp"

namespace posy {
namespace {

// Calls pixel(y, x) for this part's share of the rows.
template <class Pixel>
inline void for_each_pixel(const Tensor& out, const Task& task, Pixel pixel) {
  const Range rows = share(task.rows, 1, task.part, task.parts);
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    for (uint32_t x = 0; x < out.w; ++x) pixel(y, x);
  }
}

inline void add_simd(const AddArgs& args, const Task& task) {
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const float* a = args.a.row(y) + (size_t)x * args.a.pixel_stride;
    const float* b = args.b.row(y) + (size_t)x * args.b.pixel_stride;
    float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
    uint32_t c = 0;
    for (; c + kLanes <= args.out.c; c += kLanes) store(out + c, clamp(args.clamp, load(a + c) + load(b + c)));
    for (; c < args.out.c; ++c) out[c] = clamp_f32(args.clamp, a[c] + b[c]);
  });
}

inline void copy_simd(const CopyArgs& args, const Task& task) {
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const float* in = args.in.row(y) + (size_t)x * args.in.pixel_stride;
    float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
    uint32_t c = 0;
    for (; c + kLanes <= args.out.c; c += kLanes) store(out + c, clamp(args.clamp, load(in + c)));
    for (; c < args.out.c; ++c) out[c] = clamp_f32(args.clamp, in[c]);
  });
}

}  // namespace
}  // namespace posy
#endif

namespace posy {
namespace {

#ifdef POSY_SIMD
constexpr Kernel<AddArgs> add = add_simd;
constexpr Kernel<CopyArgs> copy = copy_simd;
#else
constexpr Kernel<AddArgs> add = add_oracle;
constexpr Kernel<CopyArgs> copy = copy_oracle;
#endif

}  // namespace
}  // namespace posy
