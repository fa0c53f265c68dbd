// From floats to 8-bit codes: scales, weights in steps, and whole networks.
#include <doctest/doctest.h>

#include <unistd.h>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "loaders/choose_int8.h"
#include "loaders/int8_codes.h"
#include "loaders/int8_panels.h"
#include "loaders/network_runner.h"
#include "tests/engine/model_builder.h"
#include "tests/loaders/engine_runner.h"
#include "tests/loaders/image_writer.h"

using namespace posy;

namespace {

constexpr Clamp kRelu6 = {0, 6};
constexpr float kInfinity = __builtin_inff();

// A folder of small pictures.
struct Photos {
  std::filesystem::path folder;

  explicit Photos(int count)
      : folder(std::filesystem::temp_directory_path() / ("posy_int8_test" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    for (int i = 0; i < count; ++i) add("photo" + std::to_string(i) + ".png", png_bytes(i));
  }
  ~Photos() { std::filesystem::remove_all(folder); }

  void add(const std::string& name, const std::vector<uint8_t>& bytes) const {
    std::ofstream file(folder / name, std::ios::binary);
    file.write((const char*)bytes.data(), (std::streamsize)bytes.size());
  }
  std::vector<std::string> paths() const { return photos_of_folder(folder.string(), 100); }

  static std::vector<uint8_t> png_bytes(int seed) {
    posy_test::PngOptions png;
    png.width = png.height = 12;
    for (uint32_t i = 0; i < 12 * (12 * 3 + 1); ++i) {
      png.rows.push_back(i % (12 * 3 + 1) == 0 ? 0 : (uint8_t)(i * ((uint32_t)seed + 3) * 7 + (uint32_t)seed * 31));
    }
    return posy_test::make_png(png);
  }
};

// Layers of every kind that has an integer form, and a softmax, which has none.
Network small_network() {
  NetworkBuilder b({12, 12, 3}, 5);
  const ValueId first = b.conv(b.input(), 3, 1, 8, kRelu6);
  const ValueId narrow = b.conv(b.depthwise(first, 3, 1, kRelu6), 1, 1, 8, {-kInfinity, kInfinity});
  const ValueId sum = b.binary(BinaryFunction::add, narrow, first);
  const ValueId both = b.concat(b.conv(sum, 1, 1, 12, kRelu6), b.max_pool(sum, 3, 1));
  b.softmax(b.conv(b.average_all(b.unary(UnaryFunction::tanh, both)), 1, 1, 5, {-kInfinity, kInfinity}));
  Network network = b.network();
  for (float& x : network.preprocessing.std) x = 128;
  return network;
}

size_t count_of(const Network& network, NodeKind kind) {
  size_t count = 0;
  for (const NetworkNode& node : network.nodes) count += node.kind == kind;
  return count;
}

// One convolution of [rows, channels] with an identity line.
NetworkNode layer(std::vector<float> weights, size_t channels) {
  NetworkNode node = {NodeKind::kConv2d, "layer", {0}};
  node.weights.line = ChannelLine::identity(channels);
  const int64_t rows = (int64_t)(weights.size() / channels);
  node.weights.values = std::make_shared<Array>(float_array({rows, (int64_t)channels}, std::move(weights)));
  return node;
}

Value codes(uint32_t c, float scale, uint8_t zero_point) {
  Value value;
  value.shape = {1, 1, c};
  value.is_u8 = true;
  value.scale = scale;
  value.zero_point = zero_point;
  return value;
}

}  // namespace

TEST_CASE("int8: zero is a code of every range, and the middle one of a symmetric range") {
  for (const float low : {-3.0f, -0.01f, 0.0f, 2.0f}) {
    for (const float high : {0.0f, 0.5f, 6.0f}) {
      const CodeScale made = scale_of_range(low, high);
      Value value = codes(1, made.scale, made.zero_point);
      CHECK(nearest_code(0, value) == made.zero_point);
      CHECK(made.scale > 0);
    }
  }
  CHECK(scale_of_range(-1, 1).zero_point == 127);
  CHECK(scale_of_range(0, 6).zero_point == 0);
  CHECK(scale_of_range(0, 6).scale == doctest::Approx(6.0 / 255));
  CHECK(scale_of_range(0, 0).scale == 1);
}

TEST_CASE("int8: codes of what is beyond the range are the outermost ones") {
  const Value value = codes(1, 0.5f, 10);
  CHECK(nearest_code(1e9f, value) == 255);
  CHECK(nearest_code(-1e9f, value) == 0);
  CHECK(nearest_code(0.74f, value) == 11);
  const Clamp clamp = clamp_codes({0, kInfinity}, value);
  CHECK(clamp.low == 10);
  CHECK(clamp.high == 255);
}

TEST_CASE("int8: rows of channels that make no whole group are filled up, window rows change places") {
  CHECK(int8_row_order({1, 2, 1, 1, 1, 1, 0, 0}, 3) == std::vector<int>{0, 1, 2, -1, 3, 4, 5, -1});
  CHECK(int8_row_order({3, 2, 1, 1, 1, 1, 0, 0}, 0) == std::vector<int>{0, 4, 2, -1, 1, 5, 3, -1});
}

TEST_CASE("int8: weights in steps have small pairs, and are as near as a step allows") {
  std::vector<float> weights = random_floats(64 * 5, 9);
  weights[0] = weights[5] = 1;  // a pair of the two greatest
  const NetworkNode node = layer(weights, 5);
  const SteppedWeights stepped = in_steps(node, 64, {});
  REQUIRE(stepped.steps.size() == 5);
  for (size_t c = 0; c < 5; ++c) {
    double error = 0, size = 0;
    for (size_t row = 0; row < 64; row += 2) {
      const int a = stepped.codes[row * 5 + c], b = stepped.codes[(row + 1) * 5 + c];
      CHECK(std::abs(a) + std::abs(b) <= 128);
      error += std::pow(weights[row * 5 + c] - a * stepped.steps[c], 2);
      size += std::pow(weights[row * 5 + c], 2);
    }
    CHECK(error < 1e-4 * size);
  }
}

TEST_CASE("int8: a channel without weights keeps its bias; signs and factors of the line are in the weights") {
  NetworkNode node = layer({0, 1, 0, -0.5f, 0, 0.25f, 0, 0}, 2);
  node.weights.line.bias = {1000, 0.5f};
  node.weights.line.scale = {1, -2};
  const Value in = codes(4, 0.01f, 3), out = codes(2, 8, 0);
  const auto made = make_int8_layer(node, in, out, {}, in_steps(node, 4, {}));
  CHECK(made->start[0] * made->multiplier[0] == doctest::Approx(1000.0 / 8).epsilon(1e-6));
  CHECK(made->weights[0 * 2 + 1] < 0);
  CHECK(made->weights[1 * 2 + 1] > 0);
  const float step = made->multiplier[1] * 8 / 0.01f;
  CHECK(made->weights[0 * 2 + 1] * step == doctest::Approx(-2).epsilon(0.01));
}

TEST_CASE("int8: weights that are not finite are refused by name") {
  const NetworkNode node = layer({1, NAN, 0, 0}, 1);
  CHECK(contains(refusal([&] { in_steps(node, 4, {}); }), "node 'layer' has weights that are not finite"));
}

TEST_CASE("int8: what rounding adds to the mean of the outputs is taken from the bias") {
  const NetworkNode node = layer({1, 0.3371f, 0.3337f, 0.3391f}, 1);
  const Value in = codes(4, 0.01f, 0);
  Value out;
  const InputStatistics statistics = {{1, 2, 3, 4}, {1, 4, 9, 16}};
  const auto made = make_int8_layer(node, in, out, statistics, in_steps(node, 4, statistics));
  double mean = made->start[0] * made->multiplier[0], right = 0;
  for (size_t row = 0; row < 4; ++row) {
    mean += made->weights[row] * made->multiplier[0] / in.scale * statistics.mean[row];
    right += node.weights.value(row, 0) * statistics.mean[row];
  }
  CHECK(mean == doctest::Approx(right).epsilon(1e-4));
}

TEST_CASE("int8: channels in front of a depthwise layer are scaled, and the scores stay") {
  Network network = small_network();
  const Photos photos(3);
  const Calibration calibration = calibrate(network, photos.paths());
  Network scaled = network;
  CHECK(equalize_channels(&scaled, calibration) == 0);  // what it reads goes elsewhere, too
  NetworkBuilder b({12, 12, 3}, 6);
  b.softmax(b.average_all(b.depthwise(b.conv(b.input(), 3, 1, 8, kRelu6), 3, 1, kRelu6)));
  network = b.network();
  for (float& x : network.preprocessing.std) x = 128;
  const Calibration seen = calibrate(network, photos.paths());
  scaled = network;
  CHECK(equalize_channels(&scaled, seen) == 1);
  NetworkRunner before(network, WeightChoice::kF32), after(scaled, WeightChoice::kF32);
  for (const std::vector<float>& input : seen.inputs) {
    CHECK(relative_difference(after.run(input), before.run(input)) < 1e-5);
  }
}

TEST_CASE("int8: a network in codes has the scores of the float one, nearly, and one scale for a concatenation") {
  const Network network = small_network();
  const Photos photos(4);
  const Calibration calibration = calibrate(network, photos.paths());
  const auto weights = weights_in_steps(network, calibration);
  for (const RangeRule rule : kRangeRules) {
    const Network made = quantized(network, calibration, weights, rule, {});
    CHECK(made.values[(size_t)made.input].is_u8);
    CHECK_FALSE(made.values[(size_t)made.output].is_u8);
    CHECK(count_of(made, NodeKind::kEncode) == 0);
    CHECK(count_of(made, NodeKind::kDecode) == 0);
    for (const NetworkNode& node : made.nodes) {
      if (node.kind != NodeKind::kConcat) continue;
      for (const ValueId in : node.inputs) {
        CHECK(made.values[(size_t)in].scale == made.values[(size_t)node.output].scale);
      }
    }
    NetworkRunner runner(made, WeightChoice::kF32);
    for (size_t i = 0; i < calibration.inputs.size(); ++i) {
      CHECK(relative_difference(runner.run(calibration.inputs[i]), calibration.scores[i]) < 0.05);
    }
  }
}

TEST_CASE("int8: layers that stay float are between decoded and encoded values") {
  const Network network = small_network();
  const Photos photos(2);
  const Calibration calibration = calibrate(network, photos.paths());
  const auto weights = weights_in_steps(network, calibration);
  size_t depthwise = 0;
  while (network.nodes[depthwise].kind != NodeKind::kDepthwiseConv2d) ++depthwise;
  const Network made = quantized(network, calibration, weights, RangeRule::kMinMax, {depthwise});
  CHECK(count_of(made, NodeKind::kEncode) == 1);
  CHECK(count_of(made, NodeKind::kDecode) == 1);
  for (const NetworkNode& node : made.nodes) {
    if (node.kind == NodeKind::kDepthwiseConv2d) CHECK_FALSE(node.int8);
  }
  NetworkRunner runner(made, WeightChoice::kF32);
  CHECK(relative_difference(runner.run(calibration.inputs[0]), calibration.scores[0]) < 0.05);
}

TEST_CASE("int8: what stays float and is joined or reshaped has a range for the convolution behind it") {
  NetworkBuilder b({12, 12, 3}, 8);
  const ValueId first = b.conv(b.input(), 3, 1, 8, kRelu6);
  const ValueId turned = b.unary(UnaryFunction::tanh, b.resize(first, first, false));
  b.softmax(b.conv(b.average_all(b.conv(b.concat(turned, b.resize(first, first, false)), 1, 1, 8, kRelu6)), 1, 1, 4,
                   {-kInfinity, kInfinity}));
  Network network = b.network();
  for (float& x : network.preprocessing.std) x = 128;
  const Photos photos(3);
  const Calibration calibration = calibrate(network, photos.paths());
  const Network made = quantized(network, calibration, weights_in_steps(network, calibration), RangeRule::kMinMax, {});
  NetworkRunner runner(made, WeightChoice::kF32);
  for (size_t i = 0; i < calibration.inputs.size(); ++i) {
    CHECK(relative_difference(runner.run(calibration.inputs[i]), calibration.scores[i]) < 0.05);
  }
}

TEST_CASE("int8: the rule with the least divergence is chosen, always the same") {
  const Photos photos(4);
  const Int8Choice choice = choose_int8(small_network(), photos.paths(), 1);
  CHECK(choice.floats.empty());
  CHECK(choice.divergence >= 0);
  CHECK(choice.divergence < 0.01);
  const Int8Choice again = choose_int8(small_network(), photos.paths(), 1);
  CHECK(posy_bytes(choice.network) == posy_bytes(again.network));
}

TEST_CASE("int8: with no photo that may change its label, layers go back to floats until none does") {
  const Photos photos(4);
  const Int8Choice choice = choose_int8(small_network(), photos.paths(), 0);
  CHECK(choice.changed_labels == 0);
}

TEST_CASE("int8: photos that cannot be read are left out, and a folder without any is refused") {
  const Photos photos(2);
  photos.add("text.jpg", {'t', 'e', 'x', 't'});
  const Calibration calibration = calibrate(small_network(), photos.paths());
  CHECK(calibration.inputs.size() == 2);
  REQUIRE(calibration.notes.size() == 1);
  CHECK(contains(calibration.notes[0], "text.jpg"));
  const std::string empty = (photos.folder / "empty").string();
  CHECK(contains(refusal([&] { photos_of_folder(empty, 9); }), empty));
  std::filesystem::create_directories(empty);
  CHECK(contains(refusal([&] { photos_of_folder(empty, 9); }), empty + ": no photos in this folder"));
}

TEST_CASE("int8: divergence is 0 of equal scores, and of logits that of their probabilities") {
  CHECK(divergence({0.25f, 0.75f}, {0.25f, 0.75f}) == 0);
  CHECK(divergence({0.25f, 0.75f}, {0.5f, 0.5f}) == doctest::Approx(0.25 * std::log(0.5) + 0.75 * std::log(1.5)));
  CHECK(divergence({2, 5}, {12, 15}) == doctest::Approx(0));
  CHECK(divergence({0.5f, 0.9f}, {0.5f, 0.8f}) == doctest::Approx(0.01));
}
