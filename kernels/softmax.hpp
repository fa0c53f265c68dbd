// Softmax and its logarithm over the channels of each pixel. A handful to a thousand exponentials per image: not worth
// vectors, so every table has the oracle.
#pragma once
#include "kernels/args.hpp"
#include "kernels/elementary.hpp"

namespace posy {
namespace {

inline void softmax_pixel(const float* in, float* out, uint32_t c, bool is_log) {
  float most = in[0], sum = 0;
  for (uint32_t i = 1; i < c; ++i) most = most > in[i] ? most : in[i];
  for (uint32_t i = 0; i < c; ++i) {
    const float e = exp_f32(in[i] - most);
    sum += e;
    out[i] = is_log ? in[i] - most : e;
  }
  const float log_sum = is_log ? log_f32(sum) : 0;
  for (uint32_t i = 0; i < c; ++i) out[i] = is_log ? out[i] - log_sum : out[i] / sum;
}

inline void softmax_oracle(const SoftmaxArgs& args, const Task& task) {
  const Range rows = share(task.rows, 1, task.part, task.parts);
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    for (uint32_t x = 0; x < args.out.w; ++x) {
      softmax_pixel(args.in.row(y) + (size_t)x * args.in.pixel_stride,
                    args.out.row(y) + (size_t)x * args.out.pixel_stride, args.out.c, args.is_log);
    }
  }
}

constexpr Kernel<SoftmaxArgs> softmax = softmax_oracle;

}  // namespace
}  // namespace posy
