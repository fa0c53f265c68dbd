// One function per row of ops.def: random_<op>() makes a problem that the op's contract allows, edge sizes included.
#pragma once
#include "tests/kernels/trial.h"

namespace posy {

struct TrialOptions {
  uint64_t max_macs = 60000;
  bool odd_values = false;  // NaN, infinities, zeros of both signs and denormals among the inputs
};

inline std::vector<float> random_values(Random& random, size_t count, const TrialOptions& options) {
  constexpr float kOdd[] = {std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(),
                            0.0f,
                            -0.0f,
                            1e-41f};
  std::vector<float> values(count);
  for (float& value : values) {
    value = options.odd_values && random.one_in(40) ? kOdd[random.between(0, 5)] : random.real(-2, 2);
  }
  return values;
}

inline Clamp random_clamp(Random& random) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr Clamp kClamps[] = {{-kInfinity, kInfinity}, {0, kInfinity}, {0, 6}, {-0.25f, 0.5f}, {0, 0}};
  return kClamps[random.between(0, 4)];
}

inline Window random_window(Random& random, uint32_t most_dilation) {
  constexpr uint32_t kKernels[][2] = {{1, 1}, {3, 3}, {5, 5}, {1, 7}, {7, 1}, {2, 2}, {3, 3}, {1, 1}};
  const auto& k = kKernels[random.between(0, 7)];
  Window w = {k[0], k[1], 1, 1, 1, 1, 0, 0};
  if (!random.one_in(3)) w.stride_h = random.between(1, 3), w.stride_w = random.between(1, 3);
  if (random.one_in(2))
    w.dilation_h = random.between(1, most_dilation), w.dilation_w = random.between(1, most_dilation);
  // Every padding that a file may ask for: less than the window's extent.
  if (!random.one_in(3)) {
    w.pad_top = random.between(0, (w.k_h - 1) * w.dilation_h);
    w.pad_left = random.between(0, (w.k_w - 1) * w.dilation_w);
  }
  return w;
}

// As many outputs as windows that reach into the input, or fewer.
inline uint32_t random_out(Random& random, uint32_t in, uint32_t stride, uint32_t pad) {
  const uint32_t most = (in + pad - 1) / stride + 1;
  return random.one_in(4) ? random.between(1, most) : most;
}

// Sizes of in and out for args.window; macs_per_pixel bounds the size of the map.
template <class Args>
void random_map(Random& random, const TrialOptions& options, uint64_t macs_per_pixel, uint32_t in_c, uint32_t out_c,
                Args* args) {
  const Window& w = args->window;
  uint32_t h = random.between(1, 33), width = random.between(1, 33);
  if (random.one_in(4)) h = random.between(2, 8), width = random.between(28, 90);  // parts may share out the columns
  while ((uint64_t)h * width * macs_per_pixel > options.max_macs && h * width > 1) {
    (h > width ? h : width) /= 2;
  }
  args->in = dense_tensor(h, width, in_c);
  args->out = dense_tensor(random_out(random, h, w.stride_h, w.pad_top),
                           random_out(random, width, w.stride_w, w.pad_left), out_c);
}

// Writes a code of fewer than 8 bits into a row of zeros, as loaders/FORMAT.md lays it out.
inline void put_code(uint8_t* row, uint32_t bits, uint32_t lane, uint32_t code) {
  const auto put = [row](uint32_t bit, uint32_t value) { row[bit / 8] |= (uint8_t)(value << bit % 8); };
  put(lane % 2 * 32 + lane / 2 * 4, code % 16);
  if (bits >= 6) put(64 + lane * 2, code / 16 % 4);
  if (bits % 2 == 1) put((bits * 2 - 2) * 8 + lane, code >> (bits - 1));
}

// Fills panels as loaders/FORMAT.md lays them out, but with NaN where a panel has no channel and 0xff in the padding:
// neither may be seen in a result.
template <class Args>
void random_weights(Random& random, uint32_t rows, Trial<Args>* trial) {
  const uint32_t channels = trial->args.out.c;
  const WeightType type = kWeightTypes[random.between(0, std::size(kWeightTypes) - 1)];
  trial->args.weights = {nullptr, nullptr, rows, type};
  trial->weights.assign(weight_bytes(type, rows, channels), 0xff);
  trial->weight_values.resize((size_t)rows * channels);
  uint8_t* bytes = trial->weights.data();
  float* table = (float*)bytes;
  if (type == WeightType::u8_table) {
    for (int i = 0; i < 256; ++i) table[i] = random.real(-1, 1);
    bytes += kTableBytes;
  }
  for (uint32_t c = 0; c < (channels + kPanelLanes - 1) / kPanelLanes * kPanelLanes; ++c) {
    uint8_t* panel = bytes + c / kPanelLanes * panel_bytes(type, rows);
    float* header = (float*)panel + c % kPanelLanes;
    const bool used = c < channels;
    const float scale = random.real(-0.5f, 0.5f) / (is_affine(type) ? (float)(1 << weight_bits(type)) : 1.0f);
    // Bias, scale, center or offset.
    const uint32_t most = (1u << std::min(weight_bits(type), 8u)) - 1;
    const float third = is_affine(type) ? (float)-(int)random.between(0, most) : random.real(-1, 1);
    const float values[] = {random.real(-1, 1), scale, third};
    for (uint32_t v = 0; v < kHeaderVectors; ++v) header[v * kPanelLanes] = used ? values[v] : NAN;
    if (used) trial->channels.push_back({values[0], values[1], is_affine(type) ? 0.0f : third});
    uint8_t* cells = panel + kHeaderVectors * kPanelLanes * sizeof(float);
    for (uint32_t r = 0; r < rows; ++r) {
      const size_t i = (size_t)r * kPanelLanes + c % kPanelLanes;
      double value;
      if (type == WeightType::f32) {
        ((float*)cells)[i] = used ? random.real(-1, 1) : NAN;
        value = ((float*)cells)[i];
      } else if (type >= WeightType::u4) {
        const uint32_t code = random.between(0, most), bits = weight_bits(type);
        uint8_t* row = cells + (size_t)r * row_bytes(type);
        if (c % kPanelLanes == 0) memset(row, 0, row_bytes(type));
        put_code(row, bits, c % kPanelLanes, code);
        value = (double)code + third;
      } else {
        cells[i] = (uint8_t)random.between(0, 255);
        value = type == WeightType::u8_table ? (double)table[cells[i]] : (double)cells[i] + third;
      }
      if (used) trial->weight_values[(size_t)r * channels + c] = value;
    }
  }
}

template <class Args>
void random_inputs(Random& random, const TrialOptions& options, Trial<Args>* trial) {
  for (const Tensor* t : inputs_of(trial->args)) {
    trial->inputs.push_back(random_values(random, (size_t)t->h * t->w * t->c, options));
  }
}

inline Trial<Conv2dArgs> random_conv_2d(Random& random, const TrialOptions& options) {
  Trial<Conv2dArgs> trial;
  Conv2dArgs& args = trial.args;
  args.window = random_window(random, 3);
  const uint32_t in_c = random.between(1, 40), out_c = random.between(1, 40);
  const uint32_t rows = args.window.k_h * args.window.k_w * in_c;
  random_map(random, options, (uint64_t)rows * out_c, in_c, out_c, &args);
  random_weights(random, rows, &trial);
  args.clamp = random_clamp(random);
  random_inputs(random, options, &trial);
  return trial;
}

inline Trial<DepthwiseConv2dArgs> random_depthwise_conv_2d(Random& random, const TrialOptions& options) {
  Trial<DepthwiseConv2dArgs> trial;
  DepthwiseConv2dArgs& args = trial.args;
  args.window = random_window(random, 3);
  const uint32_t c = random.between(1, 40), rows = args.window.k_h * args.window.k_w;
  random_map(random, options, (uint64_t)rows * c, c, c, &args);
  random_weights(random, rows, &trial);
  args.clamp = random_clamp(random);
  random_inputs(random, options, &trial);
  return trial;
}

inline Trial<PoolArgs> random_pool(Random& random, const TrialOptions& options) {
  Trial<PoolArgs> trial;
  PoolArgs& args = trial.args;
  args.window = random_window(random, 1);
  const uint32_t c = random.between(1, 40);
  random_map(random, options, (uint64_t)args.window.k_h * args.window.k_w * c, c, c, &args);
  args.clamp = random_clamp(random);
  random_inputs(random, options, &trial);
  return trial;
}
inline Trial<PoolArgs> random_average_pool(Random& random, const TrialOptions& options) {
  return random_pool(random, options);
}
inline Trial<PoolArgs> random_max_pool(Random& random, const TrialOptions& options) {
  return random_pool(random, options);
}

// Ops that look at one pixel at a time: all tensors have one shape.
template <class Args>
Trial<Args> random_elementwise(Random& random, const TrialOptions& options) {
  Trial<Args> trial;
  trial.args.out = dense_tensor(random.between(1, 33), random.between(1, 33), random.between(1, 40));
  for (Tensor* t : inputs_of(trial.args)) *t = trial.args.out;
  if constexpr (requires { trial.args.clamp; }) trial.args.clamp = random_clamp(random);
  random_inputs(random, options, &trial);
  return trial;
}
inline Trial<CopyArgs> random_copy(Random& random, const TrialOptions& options) {
  return random_elementwise<CopyArgs>(random, options);
}
inline Trial<SoftmaxArgs> random_softmax(Random& random, const TrialOptions& options) {
  Trial<SoftmaxArgs> trial = random_elementwise<SoftmaxArgs>(random, options);
  trial.args.is_log = random.one_in(2);
  return trial;
}

// Every function, over a range where it is curved and one where it is flat or steep.
inline Trial<UnaryArgs> random_unary(Random& random, const TrialOptions& options) {
  Trial<UnaryArgs> trial = random_elementwise<UnaryArgs>(random, options);
  constexpr UnaryFunction kFunctions[] = {
#define POSY_UNARY(number, name, parameters, expression) UnaryFunction::name,
#define POSY_BINARY(number, name, expression)
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  };
  trial.args.function = kFunctions[random.between(0, std::size(kFunctions) - 1)];
  for (float& p : trial.args.p) p = random.real(-1, 1);
  if (trial.args.function == UnaryFunction::fake_quant) {
    const float low = random.real(-2, 0), high = low + random.real(0.5f, 3);
    const float scale = (high - low) / (random.one_in(2) ? 255.0f : 15.0f);
    const float p[] = {low, high, scale, 1 / scale};
    std::copy(p, p + 4, trial.args.p);
  }
  if (random.one_in(2)) {
    for (float& x : trial.inputs[0]) x *= 10;
  }
  return trial;
}

// Along each axis one operand may have size 1.
inline Trial<BinaryArgs> random_binary(Random& random, const TrialOptions& options) {
  Trial<BinaryArgs> trial;
  BinaryArgs& args = trial.args;
  args.out = dense_tensor(random.between(1, 33), random.between(1, 33), random.between(1, 40));
  uint32_t a[3] = {args.out.h, args.out.w, args.out.c}, b[3] = {args.out.h, args.out.w, args.out.c};
  for (int axis = 0; axis < 3; ++axis) {
    if (random.one_in(3)) (random.one_in(2) ? a : b)[axis] = 1;
  }
  args.a = dense_tensor(a[0], a[1], a[2]);
  args.b = dense_tensor(b[0], b[1], b[2]);
  constexpr BinaryFunction kFunctions[] = {
#define POSY_UNARY(number, name, parameters, expression)
#define POSY_BINARY(number, name, expression) BinaryFunction::name,
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  };
  args.function = kFunctions[random.between(0, std::size(kFunctions) - 1)];
  args.clamp = random_clamp(random);
  random_inputs(random, options, &trial);
  return trial;
}

// One axis of a padding: how much is put in front (negative: cut off), and the output's size.
inline void random_padded_axis(Random& random, PadMode mode, uint32_t size, uint32_t stride, int32_t* front,
                               uint32_t* out) {
  const int32_t n = (int32_t)size, edge = mode == PadMode::reflect ? 0 : 1;
  if (mode == PadMode::constant) {
    *front = (int32_t)random.between(0, 30) - 10;
    *out = random.between(1, 40);
  } else {
    *front = (int32_t)random.between(0, (uint32_t)(2 * n - 2 + edge)) - (n - 1);
    *out = random.between(1, (uint32_t)(2 * n - 2 + edge + *front) / stride + 1);
  }
}

inline Trial<PadArgs> random_pad(Random& random, const TrialOptions& options) {
  Trial<PadArgs> trial;
  PadArgs& args = trial.args;
  const uint32_t c = random.between(1, 40);
  args.in = dense_tensor(random.between(1, 20), random.between(1, 20), c);
  args.mode = (PadMode)random.between(0, 2);
  args.value = random.real(-2, 2);
  args.stride_h = random.one_in(3) ? random.between(1, 4) : 1;
  args.stride_w = random.one_in(3) ? random.between(1, 4) : 1;
  uint32_t out_h, out_w;
  random_padded_axis(random, args.mode, args.in.h, args.stride_h, &args.top, &out_h);
  random_padded_axis(random, args.mode, args.in.w, args.stride_w, &args.left, &out_w);
  args.out = dense_tensor(out_h, out_w, c);
  random_inputs(random, options, &trial);
  return trial;
}

inline Trial<ResizeArgs> random_resize(Random& random, const TrialOptions& options) {
  Trial<ResizeArgs> trial;
  ResizeArgs& args = trial.args;
  const uint32_t c = random.between(1, 40);
  args.in = dense_tensor(random.between(1, 20), random.between(1, 20), c);
  args.out = dense_tensor(random.between(1, 33), random.between(1, 33), c);
  if (random.one_in(4)) args.out.h = args.out.ring_h = 2 * args.in.h;  // positions half way between two pixels
  args.nearest = random.one_in(2);
  args.align_corners = random.one_in(2);
  args.half_pixel_centers = random.one_in(2);
  random_inputs(random, options, &trial);
  return trial;
}

// Four sizes as rows, columns and channels; which two axes become one is drawn.
inline Tensor random_grouping(Random& random, const uint32_t* d) {
  switch (random.between(0, 3)) {
    case 0:
      return dense_tensor(d[0] * d[1], d[2], d[3]);
    case 1:
      return dense_tensor(d[0], d[1] * d[2], d[3]);
    case 2:
      return dense_tensor(d[0], d[1], d[2] * d[3]);
    default:
      return dense_tensor(1, d[0] * d[1], d[2] * d[3]);
  }
}

inline Trial<TransposeArgs> random_transpose(Random& random, const TrialOptions& options) {
  Trial<TransposeArgs> trial;
  TransposeArgs& args = trial.args;
  uint32_t moved[4];
  for (int i = 0; i < 4; ++i) {
    args.dims[i] = random.one_in(4) ? 1 : random.between(1, 11);
    const uint32_t at = random.between(0, (uint32_t)i);  // a random order, one axis put in after the other
    args.order[i] = args.order[at];
    args.order[at] = (uint8_t)i;
  }
  for (int i = 0; i < 4; ++i) moved[i] = args.dims[args.order[i]];
  args.in = random_grouping(random, args.dims);
  args.out = random_grouping(random, moved);
  random_inputs(random, options, &trial);
  return trial;
}

inline Trial<ReduceArgs> random_reduce(Random& random, const TrialOptions& options) {
  Trial<ReduceArgs> trial;
  ReduceArgs& args = trial.args;
  args.in = dense_tensor(random.between(1, 20), random.between(1, 20), random.between(1, 40));
  args.out = dense_tensor(random.one_in(2) ? 1 : args.in.h, random.one_in(2) ? 1 : args.in.w,
                          random.one_in(2) ? 1 : args.in.c);
  args.function = (ReduceFunction)random.between(0, 3);
  args.clamp = random_clamp(random);
  random_inputs(random, options, &trial);
  return trial;
}

inline Trial<BatchProductArgs> random_batch_product(Random& random, const TrialOptions& options) {
  Trial<BatchProductArgs> trial;
  BatchProductArgs& args = trial.args;
  const uint32_t h = random.between(1, 5), n = random.between(1, 20), k = random.between(1, 40);
  const uint32_t m = random.between(1, 40);
  args.b_is_transposed = random.one_in(2);
  args.a = dense_tensor(h, n, k);
  args.b = args.b_is_transposed ? dense_tensor(h, m, k) : dense_tensor(h, k, m);
  args.out = dense_tensor(h, n, m);
  random_inputs(random, options, &trial);
  return trial;
}

inline Trial<LocalResponseNormArgs> random_local_response_norm(Random& random, const TrialOptions& options) {
  Trial<LocalResponseNormArgs> trial = random_elementwise<LocalResponseNormArgs>(random, options);
  LocalResponseNormArgs& args = trial.args;
  constexpr float kBetas[] = {0.5f, 0.75f, 1.0f};
  args.radius = random.between(0, 8);
  args.bias = random.real(0.5f, 2);
  args.alpha = random.real(0, 1);
  args.beta = kBetas[random.between(0, 2)];
  return trial;
}

inline Trial<QuantizeArgs> random_quantize(Random& random, const TrialOptions& options) {
  Trial<QuantizeArgs> trial;
  QuantizeArgs& args = trial.args;
  args.in = args.out = dense_tensor(random.between(1, 33), random.between(1, 33), random.between(1, 40));
  args.range_of = dense_tensor(random.between(1, 9), random.between(1, 9), random.between(1, 40));
  args.function = (QuantizeFunction)random.between(0, 4);
  args.bias_limit = args.function == QuantizeFunction::bias_add ? random.real(0, 3) : 0;
  args.clamp = random_clamp(random);
  random_inputs(random, options, &trial);
  // All codes on one side of 0, none at all, a narrow range.
  const uint32_t form = random.between(0, 7);
  for (float& x : trial.inputs[1]) {
    if (form == 0) x = 0;
    if (form == 1) x = std::fabs(x);
    if (form == 2) x = -std::fabs(x);
    if (form == 3) x *= 1e-3f;
  }
  return trial;
}

// Every window and tile that there is, along one axis or both, and bands of any height. `out` is the map that the tiles
// cover.
inline WinogradTiles random_tiles(Random& random, uint32_t out_h, uint32_t out_w) {
  constexpr uint32_t kAxes[][2] = {{2, 3}, {4, 3}, {2, 5}, {2, 7}, {3, 7}};  // m, k
  WinogradTiles t = {1, 1, 1, 1, 1, 1, 0, 0};
  const uint32_t which = random.between(1, 3);
  const auto draw = [&](uint32_t* m, uint32_t* k) {
    const auto& axis = kAxes[random.between(0, 4)];
    *m = axis[0];
    *k = axis[1];
  };
  if (which & 1) draw(&t.m_h, &t.k_h);
  if (which & 2) draw(&t.m_w, &t.k_w);
  t.alphas_h = t.m_h + t.k_h - 1;
  t.alphas_w = t.m_w + t.k_w - 1;
  const uint32_t rows = (out_h + t.m_h - 1) / t.m_h;
  t.band_rows = random.one_in(2) ? rows : random.between(1, rows);
  t.columns = (out_w + t.m_w - 1) / t.m_w;
  return t;
}

inline Tensor transformed_tensor(const WinogradTiles& t, uint32_t out_h, uint32_t c) {
  const uint32_t rows = (out_h + t.m_h - 1) / t.m_h, bands = (rows + t.band_rows - 1) / t.band_rows;
  return dense_tensor(bands * t.alphas(), t.band_tiles(), c);
}

inline Trial<WinogradInputArgs> random_winograd_input(Random& random, const TrialOptions& options) {
  Trial<WinogradInputArgs> trial;
  WinogradInputArgs& args = trial.args;
  const uint32_t c = random.one_in(8) ? random.between(33, 80) : random.between(1, 40);
  uint32_t h = random.between(1, 20), w = random.between(1, 20);
  while ((uint64_t)h * w * c * 10 > options.max_macs && h * w > 1) (h > w ? h : w) /= 2;
  args.tiles = random_tiles(random, h, w);
  args.pad_top = random.between(0, args.tiles.k_h - 1);
  args.pad_left = random.between(0, args.tiles.k_w - 1);
  // The input of a convolution that makes h x w, or one that is smaller than the tiles.
  const auto size = [&](uint32_t out, uint32_t k, uint32_t pad) {
    return random.one_in(4) ? random.between(1, out) : std::max(1, (int)(out + k - 1) - 2 * (int)pad);
  };
  args.in = dense_tensor(size(h, args.tiles.k_h, args.pad_top), size(w, args.tiles.k_w, args.pad_left), c);
  args.out = transformed_tensor(args.tiles, h, c);
  random_inputs(random, options, &trial);
  return trial;
}

inline Trial<WinogradProductArgs> random_winograd_product(Random& random, const TrialOptions& options) {
  Trial<WinogradProductArgs> trial;
  WinogradProductArgs& args = trial.args;
  const uint32_t in_c = random.between(1, 40), out_c = random.between(1, 40);
  uint32_t h = random.between(1, 33), w = random.between(1, 33);
  while ((uint64_t)h * w * in_c * out_c * 4 > options.max_macs && h * w > 1) (h > w ? h : w) /= 2;
  args.tiles = random_tiles(random, h, w);
  args.in = transformed_tensor(args.tiles, h, in_c);
  args.out = dense_tensor(h, w, out_c);
  random_weights(random, args.tiles.k_h * args.tiles.k_w * in_c, &trial);
  args.clamp = random_clamp(random);
  random_inputs(random, options, &trial);
  return trial;
}

}  // namespace posy
