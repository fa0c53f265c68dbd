#include "loaders/quantize.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/weights.hpp"
#include "loaders/round_weights.h"
#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

struct EncodedWeights {
  WeightType type;
  std::vector<uint8_t> bytes;
};

EncodedWeights encoded_weights(const ConvWeights& weights, WeightChoice choice) {
  EncodedWeights encoded;
  encoded.type = encode_weights(weights, choice, &encoded.bytes);
  return encoded;
}

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

ConvWeights make_weights(size_t rows, size_t channels, std::vector<float> values, uint32_t seed = 7) {
  ConvWeights weights;
  weights.values = std::make_shared<Array>(float_array({(int64_t)rows, (int64_t)channels}, std::move(values)));
  weights.line.scale = random_floats(channels, seed, 0.1f, 3);
  weights.line.bias = random_floats(channels, seed + 1);
  weights.line.center = random_floats(channels, seed + 2);
  return weights;
}

// At most `distinct` values, at uneven steps and of both signs.
std::vector<float> few_values(size_t count, size_t distinct, uint32_t seed = 3) {
  std::vector<float> values(count);
  std::minstd_rand random(seed);
  for (size_t i = 0; i < count; ++i) {
    const size_t level = i < distinct ? i : random() % distinct;
    values[i] = std::sinh(((float)level - (float)distinct / 3) * 0.03f);
  }
  return values;
}

// The encoding as the kernels see it; the bytes are copied to where floats may be read.
struct Read {
  std::vector<float> storage;
  Weights weights;

  Read(const EncodedWeights& encoded, size_t rows) : storage(encoded.bytes.size() / sizeof(float)) {
    REQUIRE(encoded.bytes.size() % 64 == 0);
    std::memcpy(storage.data(), encoded.bytes.data(), encoded.bytes.size());
    const bool has_table = encoded.type == WeightType::u8_table;
    const uint8_t* bytes = (const uint8_t*)storage.data();
    weights = {bytes + (has_table ? kTableBytes : 0), has_table ? storage.data() : nullptr, (uint32_t)rows,
               encoded.type};
  }
  float at(size_t row, size_t channel) const { return WeightLane(weights, (uint32_t)channel).at((uint32_t)row); }
  // Vector 0, 1, 2 of the panel's header.
  float header(size_t vector, size_t channel) const {
    const WeightLane lane(weights, (uint32_t)channel);
    return lane.header[vector * kPanelLanes + lane.lane];
  }
  float bias(size_t channel) const { return header(0, channel); }
  float scale(size_t channel) const { return header(1, channel); }
  float center(size_t channel) const { return header(2, channel); }
};

bool same_bits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

// Every weight, bias, scale and center, as the kernels define them, equals the network's to the bit.
bool is_lossless(const ConvWeights& weights, const EncodedWeights& encoded) {
  const size_t channels = weights.line.size(), rows = weights.values->floats.size() / channels;
  const Read read(encoded, rows);
  for (size_t c = 0; c < channels; ++c) {
    if (!same_bits(read.bias(c), weights.line.bias[c]) || !same_bits(read.scale(c), weights.line.scale[c]) ||
        !same_bits(read.center(c), weights.line.center[c])) {
      return false;
    }
    for (size_t r = 0; r < rows; ++r) {
      if (!same_bits(read.at(r, c), weights.value(r, c))) return false;
    }
  }
  return true;
}

GraphWriter rounded_graph(size_t distinct) {
  GraphWriter g;
  g.placeholder("x", {1, 9, 9, 3});
  g.constant("w1", {3, 3, 3, 40}, few_values(9 * 3 * 40, distinct));
  g.node("conv1", "Conv2D", {"x", "w1"}).text("padding", "SAME").ints("strides", {1, 2, 2, 1});
  g.constant("scale", {40}, random_floats(40, 1, 0.5f, 2));
  g.constant("shift", {40}, random_floats(40, 2));
  g.node("mul", "Mul", {"conv1", "scale"});
  g.node("add", "Add", {"mul", "shift"});
  g.node("relu", "Relu6", {"add"});
  g.constant("w2", {1, 1, 40, 50}, few_values(2000, distinct, 5));
  g.node("conv2", "Conv2D", {"relu", "w2"}).text("padding", "SAME");
  g.constant_ints("axes", {2}, {1, 2});
  g.node("mean", "Mean", {"conv2", "axes"});
  g.node("final_result", "Softmax", {"mean"});
  return g;
}

}  // namespace

TEST_CASE("a tensor of at most 256 distinct values takes one byte for each and loses nothing") {
  for (const size_t distinct : {1, 2, 16, 255, 256}) {
    for (const auto& [rows, channels] : {std::pair<size_t, size_t>{300, 16}, {200, 17}, {64, 48}, {500, 5}}) {
      INFO(distinct, " values, ", rows, " x ", channels);
      const ConvWeights weights = make_weights(rows, channels, few_values(rows * channels, distinct));
      for (const WeightChoice choice : {WeightChoice::kAuto, WeightChoice::kU8}) {
        const EncodedWeights encoded = encoded_weights(weights, choice);
        CHECK(encoded.type == WeightType::u8_table);
        CHECK(is_lossless(weights, encoded));
      }
    }
  }
}

TEST_CASE("257 distinct values are one too many") {
  const ConvWeights weights = make_weights(500, 16, few_values(8000, 257));
  CHECK(encoded_weights(weights, WeightChoice::kAuto).type == WeightType::f32);
  CHECK(encoded_weights(weights, WeightChoice::kU8).type == WeightType::u8_affine);
}

TEST_CASE("zero and minus zero, and denormals, are values of their own") {
  std::vector<float> values = few_values(16 * 100, 40);
  for (size_t i = 0; i < values.size(); i += 3) values[i] = i % 2 ? -0.0f : 0.0f;
  values[5] = std::numeric_limits<float>::denorm_min();
  const ConvWeights weights = make_weights(100, 16, values);
  const EncodedWeights encoded = encoded_weights(weights, WeightChoice::kAuto);
  CHECK(encoded.type == WeightType::u8_table);
  CHECK(is_lossless(weights, encoded));
}

TEST_CASE("f32 is lossless, and is what float weights get unless asked otherwise") {
  const ConvWeights weights = make_weights(90, 33, random_floats(90 * 33, 1));
  for (const WeightChoice choice : {WeightChoice::kAuto, WeightChoice::kF32}) {
    const EncodedWeights encoded = encoded_weights(weights, choice);
    CHECK(encoded.type == WeightType::f32);
    CHECK(is_lossless(weights, encoded));
  }
  const ConvWeights few = make_weights(90, 33, few_values(90 * 33, 9));
  CHECK(encoded_weights(few, WeightChoice::kF32).type == WeightType::f32);
}

TEST_CASE("a graph with few distinct values scores the same bits at a quarter of the bytes") {
  const Network network = simplified(lowered(rounded_graph(256)));
  EngineRunner small(posy_bytes(network, WeightChoice::kAuto)), large(posy_bytes(network, WeightChoice::kF32));
  CHECK(small.model().weights_bytes < 0.45 * large.model().weights_bytes);  // tables and headers weigh in a small graph
  for (uint32_t seed = 0; seed < 5; ++seed) {
    const std::vector<float> x = random_floats(9 * 9 * 3, seed);
    const std::vector<float> a = small.run(x), b = large.run(x);
    REQUIRE(a.size() == 50);
    CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
  }
  const ConvWeights big = make_weights(1024, 256, few_values(1024 * 256, 256));
  CHECK((double)encoded_weights(big, WeightChoice::kAuto).bytes.size() <
        0.26 * (double)encoded_weights(big, WeightChoice::kF32).bytes.size());
}

TEST_CASE("u8 rounds every weight to the nearest of 256 steps of its channel") {
  for (const auto& [rows, channels] : {std::pair<size_t, size_t>{400, 16}, {1000, 33}, {37, 100}}) {
    const ConvWeights weights = make_weights(rows, channels, random_floats(rows * channels, 11));
    const EncodedWeights encoded = encoded_weights(weights, WeightChoice::kU8);
    REQUIRE(encoded.type == WeightType::u8_affine);
    const Read read(encoded, rows);
    for (size_t c = 0; c < channels; ++c) {
      float low = kInfinity, high = -kInfinity;
      for (size_t r = 0; r < rows; ++r) {
        low = std::min(low, weights.value(r, c));
        high = std::max(high, weights.value(r, c));
      }
      // What is stored are steps; the size of one is part of the channel's scale, and the center of its bias.
      const double step = ((double)high - low) / 255;
      double worst = 0;
      for (size_t r = 0; r < rows; ++r) {
        worst = std::max(worst, std::fabs(read.at(r, c) * step - weights.value(r, c)));
      }
      CHECK(worst <= 0.5001 * step);
      const double bias = weights.line.bias[c] - (double)weights.line.center[c] * weights.line.scale[c];
      CHECK(read.bias(c) == doctest::Approx(bias).epsilon(1e-6));
      CHECK(read.scale(c) == doctest::Approx(weights.line.scale[c] * step).epsilon(1e-6));
    }
  }
}

TEST_CASE("u8 of a channel whose weights are all the same is exact") {
  std::vector<float> values = random_floats(600 * 16, 2);
  for (size_t r = 0; r < 600; ++r) values[r * 16 + 3] = 0.7f;
  const ConvWeights weights = make_weights(600, 16, values);
  const EncodedWeights encoded = encoded_weights(weights, WeightChoice::kU8);
  REQUIRE(encoded.type == WeightType::u8_affine);
  const Read read(encoded, 600);
  CHECK(read.at(0, 3) == 1);
  CHECK(read.at(599, 3) == 1);
  CHECK(same_bits(read.scale(3), weights.weight(0, 3)));
}

// Channels that training has switched off have weights near or below the smallest normal float.
TEST_CASE("u8 of channels whose weights all but vanish stays finite and near") {
  for (const float size : {1e-30f, 1e-37f, 1e-40f, 1e-44f}) {
    std::vector<float> values = random_floats(600 * 16, 2);
    for (size_t r = 0; r < 600; ++r) {
      values[r * 16 + 3] = (r % 2 ? size : -size) * (float)(r % 7);
      values[r * 16 + 4] = size;
    }
    ConvWeights weights = make_weights(600, 16, values);
    weights.line.center[3] = weights.line.center[4] = 0.5f;
    const EncodedWeights encoded = encoded_weights(weights, WeightChoice::kU8);
    REQUIRE(encoded.type == WeightType::u8_affine);
    const Read read(encoded, 600);
    for (const size_t c : {3, 4}) {
      INFO("weights of ", size, ", channel ", c);
      // The channel's line at a sum of no products.
      const double empty = read.bias(c);
      CHECK(empty == doctest::Approx(-0.5 * weights.line.scale[c] + weights.line.bias[c]).epsilon(1e-4));
      for (size_t r = 0; r < 600; ++r) {
        REQUIRE(std::isfinite(read.at(r, c)));
        CHECK(std::fabs((double)read.at(r, c) * read.scale(c) - weights.weight(r, c)) <= 0.1 * size + 1e-29);
      }
    }
  }
}

// Sum of squares over all channels of what is lost, in units of the graph's weights.
double squared_error(const ConvWeights& weights, const RoundedWeights& rounded) {
  const size_t channels = weights.line.size(), rows = weights.values->floats.size() / channels;
  double sum = 0;
  for (size_t c = 0; c < channels; ++c) {
    for (size_t r = 0; r < rows; ++r) {
      const double error = (double)rounded.value(r, c) - weights.value(r, c);
      sum += error * error;
    }
  }
  return sum;
}

// Rounded to even steps from the least to the greatest weight of each channel.
double squared_error_of_whole_range(const ConvWeights& weights, uint32_t bits) {
  const size_t channels = weights.line.size(), rows = weights.values->floats.size() / channels;
  double sum = 0;
  for (size_t c = 0; c < channels; ++c) {
    float low = kInfinity, high = -kInfinity;
    for (size_t r = 0; r < rows; ++r) {
      low = std::min(low, weights.value(r, c));
      high = std::max(high, weights.value(r, c));
    }
    const double step = ((double)high - low) / (double)((1 << bits) - 1);
    for (size_t r = 0; r < rows && step > 0; ++r) {
      const double steps = ((double)weights.value(r, c) - low) / step, error = (steps - std::round(steps)) * step;
      sum += error * error;
    }
  }
  return sum;
}

// Most near zero, a few far away, as weights are.
std::vector<float> peaked_floats(size_t count, uint32_t seed) {
  std::vector<float> values = random_floats(count, seed);
  for (float& x : values) x = x * x * x + 0.1f * x;
  return values;
}

TEST_CASE("a range that is searched loses no more than the whole one, and of few bits much less") {
  for (uint32_t bits = 4; bits <= 7; ++bits) {
    for (const auto& [rows, channels] : {std::pair<size_t, size_t>{1024, 20}, {64, 16}, {9, 33}, {2, 3}, {1, 5}}) {
      INFO(bits, " bits, ", rows, " x ", channels);
      for (const bool is_peaked : {true, false}) {
        const std::vector<float> values =
            is_peaked ? peaked_floats(rows * channels, bits) : random_floats(rows * channels, bits);
        const ConvWeights weights = make_weights(rows, channels, values);
        const double whole = squared_error_of_whole_range(weights, bits);
        const double searched = squared_error(weights, round_weights(weights, bits));
        CHECK(searched <= whole * 1.0001 + 1e-10);
        if (is_peaked && bits == 4 && rows == 1024) CHECK(searched < 0.8 * whole);
      }
    }
  }
}

TEST_CASE("fewer bits: what is encoded is what was rounded, and every channel's line is as it was") {
  for (const auto& [choice, bits] : {std::pair<WeightChoice, uint32_t>{WeightChoice::kU7, 7},
                                     {WeightChoice::kU6, 6},
                                     {WeightChoice::kU5, 5},
                                     {WeightChoice::kU4, 4}}) {
    const size_t rows = 320, channels = 37;
    const ConvWeights weights = make_weights(rows, channels, peaked_floats(rows * channels, 5));
    const EncodedWeights encoded = encoded_weights(weights, choice);
    REQUIRE((uint32_t)encoded.type == bits);
    const RoundedWeights rounded = round_weights(weights, bits);
    const Read read(encoded, rows);
    size_t wrong = 0;
    for (size_t c = 0; c < channels; ++c) {
      for (size_t r = 0; r < rows; ++r) {
        wrong += !same_bits(read.at(r, c), (float)rounded.codes[r * channels + c] + rounded.offset[c]);
        wrong += rounded.codes[r * channels + c] >= 1 << bits;
      }
      wrong += !same_bits(read.scale(c), weights.line.scale[c] * rounded.step[c]);
      const double bias = weights.line.bias[c] - (double)weights.line.center[c] * weights.line.scale[c];
      CHECK(read.bias(c) == doctest::Approx(bias).epsilon(1e-6));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("fewer bits: channels of equal weights are exact, those that all but vanish stay near, the rest is finite") {
  for (uint32_t bits = 4; bits <= 7; ++bits) {
    std::vector<float> values = peaked_floats(600 * 16, 2);
    for (size_t r = 0; r < 600; ++r) {
      values[r * 16 + 3] = 0.7f;
      values[r * 16 + 4] = -3e-3f;
      values[r * 16 + 5] = 0;
      values[r * 16 + 6] = (r % 2 ? 1e-37f : -1e-40f) * (float)(r % 7);
      values[r * 16 + 7] = r == 5 ? 1.0f : 1e-20f;
      values[r * 16 + 8] = r % 2 ? 1e30f : -1e30f;
    }
    const ConvWeights weights = make_weights(600, 16, values);
    const RoundedWeights rounded = round_weights(weights, bits);
    for (size_t r = 0; r < 600; ++r) {
      for (const size_t c : {3, 4, 5}) REQUIRE(rounded.value(r, c) == weights.value(r, c));
      REQUIRE(std::fabs(rounded.value(r, 6)) < 1e-29f);
      REQUIRE(std::fabs(rounded.value(r, 7) - weights.value(r, 7)) <= 0.04f);
      REQUIRE(rounded.value(r, 8) == doctest::Approx(weights.value(r, 8)).epsilon(0.001));
    }
  }
}

TEST_CASE("a layer gets as many bits as cost no more bytes: a 3x3 depthwise one 7 for 4") {
  const ConvWeights depthwise = make_weights(9, 32, random_floats(9 * 32, 2));
  CHECK(encoded_weights(depthwise, WeightChoice::kU4).type == WeightType::u7);
  CHECK(encoded_weights(depthwise, WeightChoice::kU8).type == WeightType::u8_affine);
  CHECK(encoded_weights(make_weights(1, 32, random_floats(32, 2)), WeightChoice::kU4).type == WeightType::f32);
}

TEST_CASE("a tensor so small that its table would cost more stays float") {
  for (const auto& [rows, channels] : {std::pair<size_t, size_t>{9, 16}, {1, 4}, {20, 3}}) {
    const ConvWeights weights = make_weights(rows, channels, few_values(rows * channels, 4));
    for (const WeightChoice choice : {WeightChoice::kAuto, WeightChoice::kU8, WeightChoice::kF32}) {
      INFO(rows, " x ", channels);
      const EncodedWeights encoded = encoded_weights(weights, choice);
      CHECK(encoded.bytes.size() <= weight_bytes(WeightType::f32, rows, channels));
      if (encoded.type != WeightType::u8_affine) CHECK(is_lossless(weights, encoded));
    }
    CHECK(encoded_weights(weights, WeightChoice::kAuto).type == WeightType::f32);
  }
}

TEST_CASE("weights that are not finite are kept as they are, in float") {
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    for (const size_t distinct : {100, 5000}) {
      std::vector<float> values = few_values(400 * 16, distinct);
      values[77] = bad;
      const ConvWeights weights = make_weights(400, 16, values);
      for (const WeightChoice choice : {WeightChoice::kAuto, WeightChoice::kU8, WeightChoice::kU4}) {
        INFO(bad, " among ", distinct);
        const EncodedWeights encoded = encoded_weights(weights, choice);
        CHECK(encoded.type == WeightType::f32);
        if (!std::isnan(bad)) CHECK(is_lossless(weights, encoded));
      }
    }
  }
}

// Sorting floats with NaNs among them by < is undefined behaviour.
TEST_CASE("many different NaNs among few values do no harm") {
  std::vector<float> values = few_values(400 * 16, 200);
  for (uint32_t i = 0; i < 50; ++i) values[i * 7] = std::bit_cast<float>(0x7fc00001u + i);
  const ConvWeights weights = make_weights(400, 16, values);
  const EncodedWeights encoded = encoded_weights(weights, WeightChoice::kAuto);
  const Read read(encoded, 400);
  size_t wrong = 0;
  for (size_t c = 0; c < 16; ++c) {
    for (size_t r = 0; r < 400; ++r) wrong += std::isnan(read.at(r, c)) != std::isnan(weights.value(r, c));
  }
  CHECK(wrong == 0);
}

TEST_CASE("a factor that makes a channel's weights infinite stays so") {
  ConvWeights weights = make_weights(400, 16, random_floats(6400, 4));
  for (size_t r = 0; r < 400; ++r) REQUIRE(weights.values->floats[r * 16] != 0);
  weights.line.scale[0] = kInfinity;
  const Read read(encoded_weights(weights, WeightChoice::kU8), 400);
  size_t wrong = 0;
  for (size_t r = 0; r < 400; ++r) wrong += read.at(r, 0) * read.scale(0) != weights.weight(r, 0);
  CHECK(wrong == 0);
}

TEST_CASE("lanes past the last channel are zero, and every encoding has the length that the kernels expect") {
  const size_t rows = 300, channels = 21;
  const ConvWeights few = make_weights(rows, channels, few_values(rows * channels, 99));
  const ConvWeights many = make_weights(rows, channels, random_floats(rows * channels, 8, 1, 2));
  const EncodedWeights all[] = {encoded_weights(few, WeightChoice::kAuto), encoded_weights(many, WeightChoice::kF32),
                                encoded_weights(many, WeightChoice::kU8),  encoded_weights(many, WeightChoice::kU7),
                                encoded_weights(many, WeightChoice::kU6),  encoded_weights(many, WeightChoice::kU5),
                                encoded_weights(many, WeightChoice::kU4)};
  for (const EncodedWeights& encoded : all) {
    INFO((int)encoded.type);
    REQUIRE(encoded.bytes.size() == weight_bytes(encoded.type, rows, channels));
    // The second panel has 5 channels and 11 lanes of padding.
    const size_t panel = (encoded.type == WeightType::u8_table ? kTableBytes : 0) + panel_bytes(encoded.type, rows);
    const size_t header = kHeaderVectors;
    const auto all_zero = [&](size_t from, size_t until) {
      return std::all_of(encoded.bytes.begin() + (std::ptrdiff_t)from, encoded.bytes.begin() + (std::ptrdiff_t)until,
                         [](uint8_t b) { return b == 0; });
    };
    for (size_t vector = 0; vector < header; ++vector)
      CHECK(all_zero(panel + vector * 64 + 20, panel + vector * 64 + 64));
    const size_t first = panel + header * 64, row = row_bytes(encoded.type);
    if (encoded.type < WeightType::u4) {  // the others are interleaved
      for (size_t r = 0; r < rows; ++r) CHECK(all_zero(first + r * row + 5 * row / 16, first + (r + 1) * row));
    } else {
      Weights read = {encoded.bytes.data(), nullptr, (uint32_t)rows, encoded.type};
      for (uint32_t lane = 5; lane < 16; ++lane) {
        const WeightLane padding(read, 16 + lane);
        for (size_t r = 0; r < rows; ++r) CHECK(padding.at((uint32_t)r) == 0);
      }
    }
    CHECK(all_zero(first + rows * row, encoded.bytes.size()));
  }
}

TEST_CASE("the bytes of a table lie as the format says: table, then bias, scale, center and rows of each panel") {
  const size_t rows = 100, channels = 16;
  const ConvWeights weights = make_weights(rows, channels, few_values(rows * channels, 10));
  const EncodedWeights encoded = encoded_weights(weights, WeightChoice::kAuto);
  REQUIRE(encoded.type == WeightType::u8_table);
  const auto float_at = [&](size_t byte) {
    float x;
    std::memcpy(&x, encoded.bytes.data() + byte, sizeof x);
    return x;
  };
  for (size_t i = 1; i < 10; ++i) CHECK(float_at(4 * (i - 1)) < float_at(4 * i));
  for (size_t i = 10; i < 256; ++i) CHECK(float_at(4 * i) == 0);
  for (size_t c = 0; c < channels; ++c) {
    CHECK(float_at(1024 + 4 * c) == weights.line.bias[c]);
    CHECK(float_at(1024 + 64 + 4 * c) == weights.line.scale[c]);
    CHECK(float_at(1024 + 128 + 4 * c) == weights.line.center[c]);
    CHECK(float_at(4 * encoded.bytes[1024 + 192 + 3 * 16 + c]) == weights.values->floats[3 * channels + c]);
  }
}

TEST_CASE("equal weights are encoded to equal bytes") {
  const ConvWeights weights = make_weights(300, 20, few_values(6000, 200));
  CHECK(encoded_weights(weights, WeightChoice::kAuto).bytes == encoded_weights(weights, WeightChoice::kAuto).bytes);
}
