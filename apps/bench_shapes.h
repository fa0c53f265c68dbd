// Arguments of kernels by the sizes that a network's diagram has: what the rows of bench_shapes.def are written with.
// Tensors are dense and have no memory yet.
#pragma once
#include <algorithm>
#include <limits>

#include "kernels/kernels.h"

namespace posy::bench {

struct Size {
  uint32_t h, w, c;
};

inline Tensor tensor(Size size) {
  return {nullptr, size.h, size.w, size.c, size.c, size.h};
}

constexpr Clamp kNoClamp = {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity()};
constexpr Clamp kRelu6 = {0, 6};

// A window on an input and the size of what comes of it, without its channels.
struct Windowed {
  Size in;
  Window window;
  uint32_t out_h, out_w;
};

// TensorFlow's two paddings.
inline Windowed valid(uint32_t h, uint32_t w, uint32_t c, uint32_t k_h, uint32_t k_w, uint32_t stride) {
  return {{h, w, c}, {k_h, k_w, stride, stride, 1, 1, 0, 0}, (h - k_h) / stride + 1, (w - k_w) / stride + 1};
}
inline Windowed same(uint32_t h, uint32_t w, uint32_t c, uint32_t k_h, uint32_t k_w, uint32_t stride) {
  Windowed windowed = {{h, w, c}, {k_h, k_w, stride, stride, 1, 1, 0, 0}, (h - 1) / stride + 1, (w - 1) / stride + 1};
  const auto before = [&](uint32_t in, uint32_t k, uint32_t out) {
    return (std::max((out - 1) * stride + k, in) - in) / 2;
  };
  windowed.window.pad_top = before(h, k_h, windowed.out_h);
  windowed.window.pad_left = before(w, k_w, windowed.out_w);
  return windowed;
}

inline Conv2dArgs conv(const Windowed& windowed, uint32_t out_c) {
  Conv2dArgs args = {};
  args.in = tensor(windowed.in);
  args.out = tensor({windowed.out_h, windowed.out_w, out_c});
  args.weights.rows = windowed.window.k_h * windowed.window.k_w * windowed.in.c;
  args.window = windowed.window;
  args.clamp = kRelu6;
  return args;
}

// The halves of a Winograd convolution in tiles of m_h x m_w outputs, `rows` rows of tiles in a band. All bands are
// kept, which a model does not do.
inline WinogradTiles tiles(const Windowed& windowed, uint32_t m_h, uint32_t m_w, uint32_t rows) {
  const Window& w = windowed.window;
  return {m_h, m_w, w.k_h, w.k_w, m_h + w.k_h - 1, m_w + w.k_w - 1, rows, (windowed.out_w + m_w - 1) / m_w};
}
inline Tensor transformed(const Windowed& windowed, const WinogradTiles& t) {
  const uint32_t outputs = t.m_h * t.band_rows, bands = (windowed.out_h + outputs - 1) / outputs;
  return tensor({bands * t.alphas(), t.band_tiles(), windowed.in.c});
}
inline WinogradInputArgs winograd_input(const Windowed& windowed, uint32_t m_h, uint32_t m_w, uint32_t rows) {
  const WinogradTiles t = tiles(windowed, m_h, m_w, rows);
  return {tensor(windowed.in), transformed(windowed, t), t, windowed.window.pad_top, windowed.window.pad_left};
}
inline WinogradProductArgs winograd_product(const Windowed& windowed, uint32_t out_c, uint32_t m_h, uint32_t m_w,
                                            uint32_t rows) {
  WinogradProductArgs args = {};
  args.tiles = tiles(windowed, m_h, m_w, rows);
  args.in = transformed(windowed, args.tiles);
  args.out = tensor({windowed.out_h, windowed.out_w, out_c});
  args.weights.rows = windowed.window.k_h * windowed.window.k_w * windowed.in.c;
  args.clamp = kRelu6;
  return args;
}

inline DepthwiseConv2dArgs depthwise(const Windowed& windowed) {
  DepthwiseConv2dArgs args = {};
  args.in = tensor(windowed.in);
  args.out = tensor({windowed.out_h, windowed.out_w, windowed.in.c});
  args.weights.rows = windowed.window.k_h * windowed.window.k_w;
  args.window = windowed.window;
  args.clamp = kRelu6;
  return args;
}

inline PoolArgs pool(const Windowed& windowed) {
  return {tensor(windowed.in), tensor({windowed.out_h, windowed.out_w, windowed.in.c}), windowed.window, kNoClamp};
}

inline BinaryArgs binary(BinaryFunction function, Size a, Size b) {
  return {tensor(a), tensor(b), tensor(a), kNoClamp, function};
}

// Parameters are fake_quant's: 256 steps from 0 to 6.
inline UnaryArgs unary(UnaryFunction function, Size size) {
  return {tensor(size), tensor(size), kNoClamp, function, {0, 6, 6.0f / 255, 255.0f / 6}};
}

// The input's channels become the first of a pixel that has more.
inline CopyArgs slice(Size size, uint32_t pixel_stride) {
  CopyArgs args = {tensor(size), tensor(size), kNoClamp};
  args.out.pixel_stride = pixel_stride;
  return args;
}

inline SoftmaxArgs softmax(uint32_t classes) {
  return {tensor({1, 1, classes}), tensor({1, 1, classes}), false};
}

inline PadArgs pad(Size in, Size out) {
  return {tensor(in), tensor(out), PadMode::constant, 0, 0, 0, 1, 1};
}

inline ResizeArgs resize(Size in, Size out) {
  return {tensor(in), tensor(out), false, false, false};
}

inline TransposeArgs channels_last(uint32_t c, uint32_t h, uint32_t w) {
  return {tensor({c, h, w}), tensor({h, w, c}), {1, c, h, w}, {0, 2, 3, 1}};
}

inline ReduceArgs mean(Size size) {
  return {tensor(size), tensor({1, 1, size.c}), kNoClamp, ReduceFunction::mean};
}

inline BatchProductArgs batch_product(uint32_t n, uint32_t k, uint32_t m) {
  return {tensor({1, n, k}), tensor({1, k, m}), tensor({1, n, m}), false};
}

inline LocalResponseNormArgs local_response_norm(Size size, uint32_t radius) {
  return {tensor(size), tensor(size), radius, 1, 1e-4f, 0.75f};
}

inline QuantizeArgs requantize(Size size) {
  return {tensor(size), tensor(size), tensor(size), kNoClamp, QuantizeFunction::requantize, 0};
}

// Codes of 8 bits, whose pixels lie whole groups apart.
inline ByteTensor codes(Size size) {
  ByteTensor tensor = {};
  (TensorOf<uint8_t>&)tensor = {nullptr, size.h, size.w, size.c, whole_groups(size.c), size.h};
  return tensor;
}

constexpr Int8Ending kAllCodes = {{0, 255}, 0};

inline Int8Conv2dArgs int8_conv(const Windowed& windowed, uint32_t out_c, bool pairs_are_small = true) {
  Int8Conv2dArgs args = {};
  args.in = codes(windowed.in);
  args.out = codes({windowed.out_h, windowed.out_w, out_c});
  args.weights.rows = windowed.window.k_h * windowed.window.k_w * whole_groups(windowed.in.c);
  args.weights.pairs_are_small = pairs_are_small;
  args.window = windowed.window;
  args.ending = kAllCodes;
  return args;
}

inline Int8DepthwiseConv2dArgs int8_depthwise(const Windowed& windowed) {
  Int8DepthwiseConv2dArgs args = {};
  args.in = codes(windowed.in);
  args.out = codes({windowed.out_h, windowed.out_w, windowed.in.c});
  args.weights.rows = windowed.window.k_w * whole_groups(windowed.window.k_h);
  args.weights.pairs_are_small = true;
  args.window = windowed.window;
  args.ending = kAllCodes;
  return args;
}

inline Int8PoolArgs int8_pool(const Windowed& windowed) {
  return {codes(windowed.in), codes({windowed.out_h, windowed.out_w, windowed.in.c}), windowed.window, kAllCodes, 1};
}

inline Int8BinaryArgs int8_binary(Int8BinaryFunction function, Size a, Size b) {
  return {codes(a), codes(b), codes(a), function, {0.5f, 0.5f}, kAllCodes};
}

inline Int8MapArgs int8_map(Size size) {
  return {codes(size), codes(size), nullptr};
}

inline Int8EncodeArgs int8_encode(Size size) {
  return {tensor(size), codes(size), 127, kAllCodes};
}

inline Int8DecodeArgs int8_decode(Size size) {
  return {codes(size), tensor(size), 1.0f / 128};
}

}  // namespace posy::bench
