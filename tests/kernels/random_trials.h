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
  while ((uint64_t)h * width * macs_per_pixel > options.max_macs && h * width > 1) {
    (h > width ? h : width) /= 2;
  }
  args->in = dense_tensor(h, width, in_c);
  args->out = dense_tensor(random_out(random, h, w.stride_h, w.pad_top),
                           random_out(random, width, w.stride_w, w.pad_left), out_c);
}

// Fills panels as loaders/FORMAT.md lays them out, but with NaN where a panel has no channel and 0xff in the padding:
// neither may be seen in a result.
template <class Args>
void random_weights(Random& random, uint32_t rows, Trial<Args>* trial) {
  const uint32_t channels = trial->args.out.c;
  const WeightType type = (WeightType)random.between(0, kWeightTypes - 1);
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
    const float scale = random.real(-0.5f, 0.5f) / (type == WeightType::u8_affine ? 256.0f : 1.0f);
    const float values[] = {random.real(-1, 1), scale, random.real(-1, 1)};
    for (uint32_t v = 0; v < panel_header_vectors(type); ++v) header[v * kPanelLanes] = used ? values[v] : NAN;
    if (used) trial->bias.push_back(values[0]);
    uint8_t* cells = panel + panel_header_vectors(type) * kPanelLanes * sizeof(float);
    for (uint32_t r = 0; r < rows; ++r) {
      const size_t i = (size_t)r * kPanelLanes + c % kPanelLanes;
      double value;
      if (type == WeightType::f32) {
        ((float*)cells)[i] = used ? random.real(-1, 1) : NAN;
        value = ((float*)cells)[i];
      } else {
        cells[i] = (uint8_t)random.between(0, 255);
        value = type == WeightType::u8_table ? (double)table[cells[i]] * scale : (double)cells[i] * scale + values[2];
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
inline Trial<AddArgs> random_add(Random& random, const TrialOptions& options) {
  return random_elementwise<AddArgs>(random, options);
}
inline Trial<CopyArgs> random_copy(Random& random, const TrialOptions& options) {
  return random_elementwise<CopyArgs>(random, options);
}
inline Trial<SoftmaxArgs> random_softmax(Random& random, const TrialOptions& options) {
  return random_elementwise<SoftmaxArgs>(random, options);
}

}  // namespace posy
