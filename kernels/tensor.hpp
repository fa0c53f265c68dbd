// What every kernel reads and writes, and how its work is cut.
//
// This room is arithmetic only: pointers and sizes in, numbers out. Whoever fills an Args (engine/bind.cpp) has checked
// every size; kernels check nothing.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Members of a struct that every instruction set uses: inlined in debug builds too, so that no copy compiled for one
// set can be linked into another's code.
#define POSY_INLINE __attribute__((always_inline))

namespace posy {

// Lanes of one panel of weights: the unit in which output channels are laid out in the file. Sixteen divide into 1x16
// (AVX-512), 2x8 (AVX2) and 4x4 (NEON, wasm), so one layout serves every instruction set.
constexpr uint32_t kPanelLanes = 16;

// A view of activations, rows x columns x channels (NHWC with one image). Pixels lie pixel_stride elements apart: more
// than c where the view is a slice of the channels of a wider tensor. Row y lies at place y % ring_h, so a tensor that
// is made and used up in bands needs no more memory than its live rows; ring_h == h where all of it is kept.
template <class T>
struct TensorOf {
  T* data;
  uint32_t h, w, c;
  uint32_t pixel_stride;
  uint32_t ring_h;

  POSY_INLINE size_t row_stride() const { return (size_t)w * pixel_stride; }
  POSY_INLINE T* row(uint32_t y) const { return data + (y % ring_h) * row_stride(); }
};
using Tensor = TensorOf<float>;

// Codes of 8 bits: code q of a tensor stands for (q - zero_point) * scale, where scale is the tensor's and for people
// only; what an op needs of it is in its multipliers.
struct ByteTensor : TensorOf<uint8_t> {
  uint8_t zero_point;
};

// A sliding window. Output (y, x) looks at input rows y * stride_h - pad_top + i * dilation_h for i < k_h, columns
// alike. What falls outside the input is left out: not multiplied by zero, not counted in an average.
struct Window {
  uint32_t k_h, k_w;
  uint32_t stride_h, stride_w;
  uint32_t dilation_h, dilation_w;
  uint32_t pad_top, pad_left;
};

// Half-open.
struct Range {
  uint32_t begin, end;
};

// A fused activation: ReLU is [0, inf), ReLU6 [0, 6], none (-inf, inf).
struct Clamp {
  float low, high;
};

// One call of a kernel: the output rows to make and this caller's share of them. Every output is computed by exactly
// one part, in the same way whatever `parts` is, so the number of threads never changes a bit.
struct Task {
  Range rows;
  uint32_t part, parts;
  float* scratch;         // this part's own
  size_t scratch_floats;  // at least the kernel table's scratch_floats() for the longest panel of the model
};

}  // namespace posy
