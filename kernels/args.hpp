// The arguments of every op. Shapes in comments: [h, w, c] rows, columns, channels.
#pragma once
#include "kernels/tensor.hpp"
#include "kernels/weights.hpp"

namespace posy {

// out[y, x, o] = clamp((s - center[o]) * scale[o] + bias[o]), where s is the sum over i, j, c of
// in[y * stride_h - pad_top + i, ..., c] * w[i, j, c, o], from zero in that order, each step one fused multiply-add,
// the end one more. A fully connected layer is this op on a [1, 1, c] input.
struct Conv2dArgs {
  Tensor in;        // [in_h, in_w, in_c]
  Tensor out;       // [out_h, out_w, out_c]
  Weights weights;  // rows k_h * k_w * in_c, lanes out_c
  Window window;
  Clamp clamp;
};

// The same with a window for each channel: s is the sum over i, j of in[y * stride_h - pad_top + i, ..., c] * w[i, j,
// c].
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

enum class UnaryFunction : uint8_t {
#define POSY_UNARY(number, name, parameters, expression) name = number,
#define POSY_BINARY(number, name, expression)
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
};

enum class BinaryFunction : uint8_t {
#define POSY_UNARY(number, name, parameters, expression)
#define POSY_BINARY(number, name, expression) name = number,
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
};

// out = clamp(function(in)), element by element.
struct UnaryArgs {
  Tensor in, out;  // [h, w, c]
  Clamp clamp;
  UnaryFunction function;
  float p[4];  // the function's parameters
};

// out = clamp(function(a, b)). A size of 1 of an operand is used along the whole axis; along each, one of them has the
// output's size.
struct BinaryArgs {
  Tensor a, b;  // [h or 1, w or 1, c or 1]
  Tensor out;   // [h, w, c]
  Clamp clamp;
  BinaryFunction function;
};

// out = clamp(in): a concatenation's slice, or an activation on its own.
struct CopyArgs {
  Tensor in, out;  // [h, w, c]
  Clamp clamp;
};

// Over the channels of each pixel: e = exp(in - max), out = e / sum of e, the sum in ascending order. Its logarithm:
// out = in - max - log(sum of e).
struct SoftmaxArgs {
  Tensor in, out;  // [h, w, c]
  bool is_log;
};

enum class PadMode : uint8_t { constant = 0, reflect = 1, symmetric = 2 };

// out[y, x] = in[y * stride_h - top, x * stride_w - left], outside of it the value or the mirrored pixel. Cropping is a
// negative top or left.
struct PadArgs {
  Tensor in, out;  // [in_h, in_w, c], [out_h, out_w, c]
  PadMode mode;
  float value;
  int32_t top, left;
  uint32_t stride_h, stride_w;
};

// TensorFlow's ResizeBilinear and ResizeNearestNeighbor.
struct ResizeArgs {
  Tensor in, out;  // [in_h, in_w, c], [out_h, out_w, c]
  bool nearest, align_corners, half_pixel_centers;
};

// The floats of `in` seen as a tensor of four axes; axis i of `out` is axis order[i]. Neither tensor has gaps or is a
// ring.
struct TransposeArgs {
  Tensor in, out;
  uint32_t dims[4];
  uint8_t order[4];
};

enum class ReduceFunction : uint8_t { sum = 0, mean = 1, maximum = 2, minimum = 3 };

// Over the axes along which `out` has size 1, in the order rows, columns, channels.
struct ReduceArgs {
  Tensor in;   // [h, w, c]
  Tensor out;  // [h or 1, w or 1, c or 1]
  Clamp clamp;
  ReduceFunction function;
};

// Row by row y, the matrix product of a[y] and b[y], or of a[y] and b[y] transposed.
struct BatchProductArgs {
  Tensor a;    // [h, n, k]
  Tensor b;    // [h, k, m], or transposed [h, m, k]
  Tensor out;  // [h, n, m]
  bool b_is_transposed;
};

// out[c] = in[c] / (bias + alpha * sum of the squares of channels c - radius ... c + radius) ^ beta.
struct LocalResponseNormArgs {
  Tensor in, out;  // [h, w, c]
  uint32_t radius;
  float bias, alpha, beta;
};

// How TensorFlow's 8-bit ops find the code of x among 256 even steps from `low` on.
enum class QuantizeFunction : uint8_t {
  requantize = 0,   // Requantize: (x - low) / step, rounded half up
  quantize_v2 = 1,  // QuantizeV2: x / step, rounded half away from zero, from the code of low; the range is at least
                    // max(1, |low|, |high|) / 100 wide
  concat = 2,       // QuantizedConcat: the same without a least width
  average = 3,      // QuantizedAvgPool: rounded down
  bias_add = 4,     // QuantizedBiasAdd: not a code, but what that op's 32-bit arithmetic makes of a sum
};

// `in` as the floats that 8-bit codes of it stand for, clamped to the codes nearest to the limits. The range of the
// codes is that of all elements of `range_of` and 0; a code stands for (code + round(low / step)) * step.
struct QuantizeArgs {
  Tensor in, out;   // [h, w, c]
  Tensor range_of;  // any shape
  Clamp clamp;
  QuantizeFunction function;
  float bias_limit;  // bias_add: the greatest magnitude of the bias's range
};

// How a convolution is cut into tiles of m_h x m_w outputs, for winograd_transforms.hpp. A band is some rows of tiles
// whose transformed values lie together.
struct WinogradTiles {
  uint32_t m_h, m_w, k_h, k_w;
  uint32_t alphas_h, alphas_w;  // transformed values of a tile: alphas_h x alphas_w
  uint32_t band_rows;           // rows of tiles
  uint32_t columns;             // of tiles

  POSY_INLINE uint32_t alphas() const { return alphas_h * alphas_w; }
  POSY_INLINE uint32_t band_tiles() const { return band_rows * columns; }
};

// out[band * alphas + a, tile] = value a of the transformed inputs of that tile, channel by channel. Row t of tiles
// begins at input row t * m_h - pad_top, columns alike; outside the input it is 0.
struct WinogradInputArgs {
  Tensor in;   // [in_h, in_w, c]
  Tensor out;  // [bands * alphas, band_rows * columns, c]
  WinogradTiles tiles;
  uint32_t pad_top, pad_left;
};

// The convolution whose input winograd_input has transformed: for each value of a tile the sum over channels of
// products with transformed weights, the sums transformed back, and then as in conv_2d, clamp((s - center) * scale +
// bias).
struct WinogradProductArgs {
  Tensor in;        // [bands * alphas, band_rows * columns, in_c]
  Tensor out;       // [out_h, out_w, out_c]; rows and columns that tiles have beyond are cut off
  Weights weights;  // rows k_h * k_w * in_c, lanes out_c: the weights of conv_2d
  WinogradTiles tiles;
  Clamp clamp;
};

// Rows of floats, as wide as the panels that are expanded at a time, that winograd_product asks of the scratch: the
// transformed weights, a row apart from alpha to alpha so that the same channel of all does not fall into the same set
// of a cache, and the sums of a block of tiles.
constexpr uint32_t kWinogradSumRows = 1056;
POSY_INLINE constexpr uint64_t winograd_scratch_rows(uint64_t alphas, uint64_t in_c) {
  return alphas * (in_c + 1) + kWinogradSumRows;
}

// The form of every kernel. Kernels of one table may run at the same time on different parts of the same Task.
template <class Args>
using Kernel = void (*)(const Args&, const Task&);

}  // namespace posy
