// The arguments of every op. Shapes in comments: [h, w, c] rows, columns, channels.
#pragma once
#include "kernels/tensor.hpp"
#include "kernels/weights.hpp"

namespace posy {

// out[y, x, o] = clamp(bias[o] + sum over i, j, c of in[y * stride_h - pad_top + i, ..., c] * w[i, j, c, o]), the sum
// in that order, each step one fused multiply-add. A fully connected layer is this op on a [1, 1, c] input.
struct Conv2dArgs {
  Tensor in;        // [in_h, in_w, in_c]
  Tensor out;       // [out_h, out_w, out_c]
  Weights weights;  // rows k_h * k_w * in_c, lanes out_c
  Window window;
  Clamp clamp;
};

// out[y, x, c] = clamp(bias[c] + sum over i, j of in[y * stride_h - pad_top + i, ..., c] * w[i, j, c]).
struct DepthwiseConv2dArgs {
  Tensor in;        // [in_h, in_w, c]
  Tensor out;       // [out_h, out_w, c]
  Weights weights;  // rows k_h * k_w, lanes c
  Window window;
  Clamp clamp;
};

// Average: the sum in window order, divided by the number of pixels inside the input. Maximum: likewise in that order.
struct PoolArgs {
  Tensor in;   // [in_h, in_w, c]
  Tensor out;  // [out_h, out_w, c]
  Window window;
  Clamp clamp;
};

// out = clamp(a + b), element by element.
struct AddArgs {
  Tensor a, b, out;  // [h, w, c]
  Clamp clamp;
};

// out = clamp(in): a concatenation's slice, or an activation on its own.
struct CopyArgs {
  Tensor in, out;  // [h, w, c]
  Clamp clamp;
};

// Over the channels of each pixel: e = exp(in - max), out = e / sum of e, the sum in ascending order.
struct SoftmaxArgs {
  Tensor in, out;  // [h, w, c]
};

// The form of every kernel. Kernels of one table may run at the same time on different parts of the same Task.
template <class Args>
using Kernel = void (*)(const Args&, const Task&);

}  // namespace posy
