// random_trials.h for the ops of 8-bit codes.
#pragma once
#include "tests/kernels/random_trials.h"

namespace posy {

// Edges of groups, of panels and of the widest vectors of bytes, and what lies between them.
inline uint32_t random_byte_channels(Random& random) {
  constexpr uint32_t kEdges[] = {1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 96, 129};
  return random.one_in(3) ? kEdges[random.between(0, 15)] : random.between(1, 40);
}

inline uint8_t random_zero_point(Random& random) {
  constexpr uint8_t kUsual[] = {0, 0, 128, 255};
  return random.one_in(2) ? kUsual[random.between(0, 3)] : (uint8_t)random.between(0, 255);
}

inline std::vector<float> random_codes(Random& random, size_t count) {
  const bool extreme = random.one_in(4);
  std::vector<float> codes(count);
  for (float& code : codes) code = extreme ? 255.0f * (float)random.between(0, 1) : (float)random.between(0, 255);
  return codes;
}

template <class Args>
void random_code_inputs(Random& random, Trial<Args>* trial) {
  for (const ByteTensor* t : inputs_of(trial->args)) {
    trial->inputs.push_back(random_codes(random, (size_t)t->h * t->w * t->c));
  }
}

inline Int8Ending random_ending(Random& random, uint8_t zero) {
  uint32_t low = random.one_in(2) ? 0 : random.one_in(2) ? zero : random.between(0, 255);
  const uint32_t high = random.one_in(2) ? 255 : random.between(low, 255);
  return {{(float)low - (float)zero, (float)high - (float)zero}, zero};
}

// random_map() for codes.
template <class Args>
void random_code_map(Random& random, const TrialOptions& options, uint64_t macs_per_pixel, uint32_t in_c,
                     uint32_t out_c, Args* args) {
  struct {
    Window window;
    Tensor in, out;
  } sizes = {args->window, {}, {}};
  random_map(random, options, macs_per_pixel, in_c, out_c, &sizes);
  args->in = dense_codes(sizes.in.h, sizes.in.w, in_c, random_zero_point(random));
  args->out = dense_codes(sizes.out.h, sizes.out.w, out_c, random_zero_point(random));
}

// Weight `row` of a lane, as loaders/FORMAT.md has it: groups of four rows, of each lane its four together.
inline int8_t& int8_weight(uint8_t* panel, uint32_t lane, uint32_t row) {
  return ((int8_t*)panel)[192 + row / 4 * 64 + lane * 4 + row % 4];
}

// One lane's weights of a panel: real ones in `rows`, zeros elsewhere.
inline void random_lane(Random& random, const std::vector<uint32_t>& rows, uint32_t row_count, bool small, bool extreme,
                        uint8_t* panel, uint32_t lane) {
  for (const uint32_t row : rows) {
    const int32_t most = extreme && random.one_in(4) ? 127 : (int32_t)random.between(0, 127);
    int8_weight(panel, lane, row) = (int8_t)((extreme ? lane % 2 : random.between(0, 1)) ? most : -most);
  }
  for (uint32_t row = 0; small && row < row_count; row += 2) {
    int8_t &a = int8_weight(panel, lane, row), &b = int8_weight(panel, lane, row + 1);
    const int32_t rest = 128 - std::abs(a);
    if (std::abs(b) > rest) b = (int8_t)(b < 0 ? -rest : rest);
  }
}

// Start, multiplier and sum of a lane. Outputs are of all codes if the inputs are; sometimes the sums wrap around.
inline void random_header(Random& random, const std::vector<uint32_t>& rows, uint8_t in_zero, uint8_t* panel,
                          uint32_t lane, Trial<Int8Conv2dArgs>::Channel* channel) {
  int32_t sum = 0;
  for (const uint32_t row : rows) sum += int8_weight(panel, lane, row);
  const float spread = 9000 * std::sqrt((float)rows.size());
  int32_t start = (int32_t)random.real(-spread, spread) - in_zero * sum;
  if (random.one_in(8)) start = random.one_in(2) ? INT32_MAX - (int32_t)random.between(0, 9) : INT32_MIN;
  constexpr float kOdd[] = {0, 0x1p-64f, 0x1p64f};
  const float multiplier = random.one_in(10) ? kOdd[random.between(0, 2)] : random.real(10, 200) / spread;
  std::memcpy(panel + 4 * lane, &start, 4);
  std::memcpy(panel + 64 + 4 * lane, &multiplier, 4);
  std::memcpy(panel + 128 + 4 * lane, &sum, 4);
  *channel = {(double)start, multiplier, 0};
}

// Panels of `row_count` rows, of which `rows` are there, in the order in which a reference counts them; the others are
// zeros. Lanes behind the last channel have weights too, which nobody may see.
template <class Args>
void random_int8_weights(Random& random, const std::vector<uint32_t>& rows, uint32_t row_count, Trial<Args>* trial) {
  const uint32_t channels = trial->args.out.c, panels = (channels + 15) / 16;
  const bool small = random.one_in(2), extreme = random.one_in(3);
  trial->args.weights = {nullptr, row_count, small};
  const size_t panel_size = 192 + (size_t)row_count * 16;
  trial->weights.assign(panels * panel_size, 0);
  trial->weight_values.resize(rows.size() * channels);
  trial->channels.resize(channels);
  for (uint32_t c = 0; c < panels * 16; ++c) {
    uint8_t* panel = trial->weights.data() + c / 16 * panel_size;
    Trial<Int8Conv2dArgs>::Channel channel;
    random_lane(random, rows, row_count, small, extreme, panel, c % 16);
    random_header(random, rows, trial->args.in.zero_point, panel, c % 16, &channel);
    if (c >= channels) continue;
    trial->channels[c] = {channel.bias, channel.scale, 0};
    for (size_t r = 0; r < rows.size(); ++r) {
      trial->weight_values[r * channels + c] = int8_weight(panel, c % 16, rows[r]);
    }
  }
}

// A few channels of weights beyond a byte, behind the panels.
template <class Args>
void add_wide_channels(Random& random, const std::vector<uint32_t>& rows, uint32_t row_count, Trial<Args>* trial) {
  const uint32_t channels = trial->args.out.c;
  const uint32_t stride = (16 + 2 * row_count + 63) / 64 * 64;
  for (uint32_t c = random.between(0, 4); c < channels; c += random.between(1, 20)) {
    std::vector<uint8_t> wide(stride, 0);
    const auto start = (int32_t)random.between(0, 60000) - 30000;
    const float multiplier = random.real(1, 40) / 1e5f;
    std::memcpy(wide.data(), &c, 4);
    std::memcpy(wide.data() + 4, &start, 4);
    std::memcpy(wide.data() + 8, &multiplier, 4);
    for (size_t r = 0; r < rows.size(); ++r) {
      const auto weight = (int16_t)((int)random.between(0, 510) - 255);
      std::memcpy(wide.data() + 16 + 2 * rows[r], &weight, 2);
      trial->weight_values[r * channels + c] = weight;
    }
    trial->channels[c] = {(double)start, multiplier, 0};
    trial->weights.insert(trial->weights.end(), wide.begin(), wide.end());
    ++trial->args.weights.wide_count;
  }
}

inline Window random_byte_window(Random& random) {
  Window w = random_window(random, 3);
  constexpr uint32_t kMore[][2] = {{9, 9}, {4, 4}, {6, 3}};
  if (random.one_in(8)) {
    const auto& k = kMore[random.between(0, 2)];
    w.k_h = k[0], w.k_w = k[1];
  }
  return w;
}

inline Trial<Int8Conv2dArgs> random_int8_conv_2d(Random& random, const TrialOptions& options) {
  Trial<Int8Conv2dArgs> trial;
  Int8Conv2dArgs& args = trial.args;
  args.window = random_byte_window(random);
  const uint32_t in_c = random_byte_channels(random), out_c = random_byte_channels(random);
  const uint32_t taps = args.window.k_h * args.window.k_w, pixel_rows = (in_c + 3) / 4 * 4;
  random_code_map(random, options, (uint64_t)taps * in_c * out_c, in_c, out_c, &args);
  std::vector<uint32_t> rows;
  for (uint32_t tap = 0; tap < taps; ++tap) {
    for (uint32_t k = 0; k < in_c; ++k) rows.push_back(tap * pixel_rows + k);
  }
  random_int8_weights(random, rows, taps * pixel_rows, &trial);
  if (random.one_in(3)) add_wide_channels(random, rows, taps * pixel_rows, &trial);
  args.ending = random_ending(random, args.out.zero_point);
  if (random.one_in(4)) {
    args.floats = dense_tensor(args.out.h, args.out.w, out_c);
    args.ending = {random_clamp(random), 0};
  }
  random_code_inputs(random, &trial);
  return trial;
}

inline Trial<Int8DepthwiseConv2dArgs> random_int8_depthwise_conv_2d(Random& random, const TrialOptions& options) {
  Trial<Int8DepthwiseConv2dArgs> trial;
  Int8DepthwiseConv2dArgs& args = trial.args;
  args.window = random_byte_window(random);
  const uint32_t c = random_byte_channels(random), k_h = args.window.k_h, k_w = args.window.k_w;
  random_code_map(random, options, (uint64_t)k_h * k_w * c, c, c, &args);
  const uint32_t column_rows = (k_h + 3) / 4 * 4;
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < k_h; ++i) {
    const uint32_t place = i % 4 == 1 ? 2 : i % 4 == 2 ? 1 : i % 4;
    for (uint32_t j = 0; j < k_w; ++j) rows.push_back(j * column_rows + i / 4 * 4 + place);
  }
  random_int8_weights(random, rows, k_w * column_rows, &trial);
  if (random.one_in(3)) add_wide_channels(random, rows, k_w * column_rows, &trial);
  args.ending = random_ending(random, args.out.zero_point);
  random_code_inputs(random, &trial);
  return trial;
}

inline Trial<Int8PoolArgs> random_int8_average_pool(Random& random, const TrialOptions& options) {
  Trial<Int8PoolArgs> trial;
  Int8PoolArgs& args = trial.args;
  args.window = random_window(random, 1);
  const uint32_t c = random_byte_channels(random);
  random_code_map(random, options, (uint64_t)args.window.k_h * args.window.k_w * c, c, c, &args);
  args.ending = random_ending(random, args.out.zero_point);
  args.multiplier = random.real(-2, 2);
  random_code_inputs(random, &trial);
  return trial;
}
inline Trial<Int8PoolArgs> random_int8_max_pool(Random& random, const TrialOptions& options) {
  Trial<Int8PoolArgs> trial = random_int8_average_pool(random, options);
  trial.args.multiplier = 0;
  return trial;
}

inline Trial<Int8BinaryArgs> random_int8_binary(Random& random, const TrialOptions& options) {
  const Trial<BinaryArgs> shapes = random_binary(random, options);
  Trial<Int8BinaryArgs> trial;
  Int8BinaryArgs& args = trial.args;
  const auto codes = [&](const Tensor& t) { return dense_codes(t.h, t.w, t.c, random_zero_point(random)); };
  args.a = codes(shapes.args.a), args.b = codes(shapes.args.b), args.out = codes(shapes.args.out);
  args.function = random.one_in(2) ? Int8BinaryFunction::add : Int8BinaryFunction::mul;
  const float most = args.function == Int8BinaryFunction::add ? 1.5f : 0.02f;
  for (float& multiplier : args.multiplier) multiplier = random.real(-most, most);
  args.ending = random_ending(random, args.out.zero_point);
  random_code_inputs(random, &trial);
  return trial;
}

inline Trial<Int8MapArgs> random_int8_map(Random& random, const TrialOptions&) {
  Trial<Int8MapArgs> trial;
  const uint32_t h = random.between(1, 33), w = random.between(1, 33), c = random_byte_channels(random);
  trial.args.in = dense_codes(h, w, c, random_zero_point(random));
  trial.args.out = dense_codes(h, w, c, random_zero_point(random));
  for (int i = 0; i < 256; ++i) trial.weights.push_back((uint8_t)random.between(0, 255));
  random_code_inputs(random, &trial);
  return trial;
}

// Values on both sides of the codes' range, and half way between two codes.
inline Trial<Int8EncodeArgs> random_int8_encode(Random& random, const TrialOptions& options) {
  Trial<Int8EncodeArgs> trial;
  Int8EncodeArgs& args = trial.args;
  const uint32_t h = random.between(1, 33), w = random.between(1, 33), c = random_byte_channels(random);
  args.in = dense_tensor(h, w, c);
  args.out = dense_codes(h, w, c, random_zero_point(random));
  args.multiplier = random.one_in(4) ? 4 : random.one_in(10) ? 0 : random.real(-150, 150);
  args.ending = random_ending(random, args.out.zero_point);
  random_inputs(random, options, &trial);
  for (float& x : trial.inputs[0]) {
    if (random.one_in(3)) x = (float)((int)random.between(0, 64) - 32) / 8;
  }
  return trial;
}

inline Trial<Int8DecodeArgs> random_int8_decode(Random& random, const TrialOptions&) {
  Trial<Int8DecodeArgs> trial;
  const uint32_t h = random.between(1, 33), w = random.between(1, 33), c = random_byte_channels(random);
  trial.args.in = dense_codes(h, w, c, random_zero_point(random));
  trial.args.out = dense_tensor(h, w, c);
  trial.args.multiplier = random.real(-1, 1);
  random_code_inputs(random, &trial);
  return trial;
}

}  // namespace posy
