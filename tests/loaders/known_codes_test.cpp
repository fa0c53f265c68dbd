// Graphs that are quantized already: the integers that they compute, worked out by hand.
#include "loaders/known_codes.h"

#include "loaders/tflite.h"
#include "tests/engine/changes.h"
#include "tests/loaders/engine_runner.h"
#include "tests/loaders/tflite_writer.h"

using namespace posy;

namespace {

using Floats = std::vector<float>;

Network in_codes(const Graph& graph) {
  return in_known_codes(simplified(lower(graph, {}))).network;
}

std::string op_names(const EngineRunner& runner) {
  std::string names;
  for (uint32_t i = 0; i < runner.model().op_count; ++i) {
    names += (i > 0 ? " " : "") + std::string(op_name((OpKind)runner.model().ops[i].kind));
  }
  return names;
}

Floats run_codes(EngineRunner& runner, const std::vector<uint8_t>& input) {
  posy_codes codes;
  uint8_t* to = posy_input_codes(runner.engine(), &codes);
  REQUIRE(to);
  const uint32_t c = posy_input_shape(runner.engine()).c;
  for (size_t i = 0; i < input.size(); ++i) to[i / c * codes.pixel_stride + i % c] = input[i];
  return runner.run();
}

// A TFLite model: its ops, and its scores for these codes of the input (int8 counted from -128: here from 0).
struct Outcome {
  std::string ops;
  Floats scores;
};
Outcome outcome(const TfliteWriter& m, int32_t output, const std::vector<uint8_t>& input) {
  EngineRunner runner(posy_bytes(in_codes(parse_tflite(m.bytes({0}, {output}), "m.tflite"))));
  return {op_names(runner), run_codes(runner, input)};
}

FlatWriter pool_options(int32_t size) {
  FlatWriter options = window(5, 0);
  return options.number<int32_t>(3, size).number<int32_t>(4, size);
}

Bytes signed_bytes(const std::vector<int>& values) {
  Bytes out;
  for (const int x : values) out.push_back((uint8_t)(int8_t)x);
  return out;
}

}  // namespace

namespace {

TfliteWriter wide_convolution() {
  TfliteWriter m;
  const int32_t x = m.quantized("x", {1, 1, 1, 3}, kUint8, {}, {0.5f}, {10});
  const int32_t w = m.quantized("w", {3, 1, 1, 3}, kUint8, {3, 4, 255, 3, 130, 0, 4, 4, 4}, {0.25f}, {3});
  const int32_t b = m.tensor("b", {3}, kInt32, raw<int32_t>({8, -173, 2000000}));
  const int32_t y = m.quantized("y", {1, 1, 1, 3}, kUint8, {}, {50}, {7});
  m.op(kConv2d, {x, w, b}, {y}, window(3, 0));
  return m;
}
constexpr int32_t kWideOutput = 3;

}  // namespace

TEST_CASE("a convolution of uint8 keeps its weights, also those that no signed byte holds, and its bias") {
  // x is 0, 4, 245 steps; the weights are 0, 1, 252 and 0, 127, -3 and 1, 1, 1; a step of the product is 0.0025 of y:
  // (4 + 252 * 245 + 8) * 0.0025 = 154.4, (508 - 735 - 173) * 0.0025 = -1, and the third is cut off at 255 - 7.
  const Outcome o = outcome(wide_convolution(), kWideOutput, {10, 14, 255});
  CHECK(o.ops == "int8_conv_2d int8_decode");
  CHECK(o.scores == Floats{154 * 50, -50, 248 * 50});
}

TEST_CASE("open: a wide channel is one of the output's, with a multiplier like others, and there are as many as said") {
  const Bytes good = posy_bytes(in_codes(parse_tflite(wide_convolution().bytes({0}, {kWideOutput}), "m.tflite")));
  const size_t op = op_at(good, OpKind::int8_conv_2d);
  const size_t panel =
      section(good, SectionKind::kWeights).offset + get<uint32_t>(good, op + offsetof(OpRecord, weights_offset));
  const size_t wide = panel + int8_weight_bytes(4, 3);
  const auto status_with = [&](size_t at, uint16_t value) {
    Bytes file = good;
    set(&file, at, value);
    fix_checksum(&file);
    return GuardedEngine(file.size()).open(file);
  };
  CHECK(get<uint32_t>(good, wide) == 0);
  CHECK(status_with(wide, 2) == POSY_OK);
  CHECK(status_with(wide, 3) == POSY_BAD_WEIGHTS);
  CHECK(status_with(wide + 10, 0x7f80) == POSY_BAD_WEIGHTS);  // an infinite multiplier
  for (const uint16_t count : {0, 2, 65535}) {
    CHECK(status_with(op + offsetof(OpRecord, dims), count) == POSY_BAD_WEIGHTS);
  }
}

TEST_CASE("a depthwise convolution of int8 has a step for each channel, and is padded with the code of 0") {
  TfliteWriter m;
  const int32_t x = m.quantized("x", {1, 1, 1, 3}, kInt8, {}, {1}, {-118});
  const int32_t p = m.quantized("p", {1, 3, 3, 3}, kInt8, {}, {1}, {-118});
  const int32_t borders = m.tensor("borders", {4, 2}, kInt32, raw<int32_t>({0, 0, 1, 1, 1, 1, 0, 0}));
  std::vector<int> weights(27, 100);
  weights[12] = 3, weights[13] = -5, weights[14] = 127;  // those of the middle
  const int32_t w = m.quantized("w", {1, 3, 3, 3}, kInt8, signed_bytes(weights), {1, 0.5f, 0.25f}, {0, 0, 0}, 3);
  const int32_t y = m.quantized("y", {1, 1, 1, 3}, kInt8, {}, {2}, {-28});
  m.op(kPad, {x, borders}, {p});
  m.op(kDepthwise, {p, w, -1}, {y}, window(4, 0));
  // x is 10, 20, -10: 30 / 2, -50 / 2, -317.5 / 2, of which -158.75 is cut off at code 0, -100.
  const Outcome o = outcome(m, y, {20, 30, 0});
  CHECK(o.ops == "int8_depthwise_conv_2d int8_decode");
  CHECK(o.scores == Floats{30, -50, -200});
}

TEST_CASE("pools keep codes, a sum and a concatenation bring its operands to its own scale") {
  TfliteWriter m;
  const int32_t x = m.quantized("x", {1, 2, 2, 1}, kUint8, {}, {1}, {0});
  const int32_t average = m.quantized("average", {1, 1, 1, 1}, kUint8, {}, {1}, {0});
  const int32_t most = m.quantized("most", {1, 1, 1, 1}, kUint8, {}, {1}, {0});
  const int32_t sum = m.quantized("sum", {1, 1, 1, 1}, kUint8, {}, {4}, {3});
  const int32_t difference = m.quantized("difference", {1, 1, 1, 1}, kUint8, {}, {0.5f}, {200});
  const int32_t y = m.quantized("y", {1, 1, 1, 4}, kUint8, {}, {2}, {50});
  m.op(kAveragePool, {x}, {average}, pool_options(2));
  m.op(kMaxPool, {x}, {most}, pool_options(2));
  m.op(kAdd, {average, most}, {sum});
  m.op(kSub, {average, most}, {difference});
  m.op(kConcatenation, {average, most, sum, difference}, {y}, FlatWriter().number<int32_t>(0, 3));
  // The average of 5, 6, 20, 100 is 32.75: 33, and the most 100. Their sum is 33.25 fours: 132, their difference -67.
  // In twos: 16.5 is rounded to the even 16.
  const Outcome o = outcome(m, y, {5, 6, 20, 100});
  CHECK(o.ops.find("float") == std::string::npos);
  CHECK(o.scores == Floats{32, 100, 132, -68});
}

TEST_CASE("MEAN and FULLY_CONNECTED of int8 are integers, a softmax at the end is not rounded") {
  TfliteWriter m;
  const int32_t x = m.quantized("x", {1, 2, 1, 3}, kInt8, {}, {1}, {-128});
  const int32_t axes = m.tensor("axes", {2}, kInt32, raw<int32_t>({1, 2}));
  const int32_t mean = m.quantized("mean", {1, 3}, kInt8, {}, {0.5f}, {-128});
  const int32_t w = m.quantized("w", {2, 3}, kInt8, signed_bytes({1, 2, 3, -1, 0, 1}), {0.5f}, {0});
  const int32_t logits = m.quantized("logits", {1, 2}, kInt8, {}, {0.25f}, {-28});
  const int32_t y = m.quantized("y", {1, 2}, kInt8, {}, {1 / 256.0f}, {-128});
  m.op(kMean, {x, axes}, {mean});
  m.op(kFullyConnected, {mean, w, -1}, {logits});
  m.op(kSoftmax, {logits}, {y}, FlatWriter().number<float>(0, 1));
  // Means 1.5, 3, 0: logits 0.5 * 7.5 = 3.75 and -0.75.
  const Outcome o = outcome(m, y, {1, 2, 0, 2, 4, 0});
  CHECK(o.ops == "int8_average_pool int8_conv_2d int8_decode softmax");
  const float first = 1 / (1 + std::exp(-4.5f));
  CHECK(std::fabs(o.scores[0] - first) < 1e-6f);
  CHECK(std::fabs(o.scores[1] - (1 - first)) < 1e-6f);
}

TEST_CASE("QUANTIZE from floats makes the input's codes, between codes it makes others") {
  TfliteWriter m;
  const int32_t x = m.tensor("x", {1, 1, 1, 3});
  const int32_t codes = m.quantized("codes", {1, 1, 1, 3}, kInt8, {}, {0.5f}, {-128});
  const int32_t w = m.quantized("w", {3, 1, 1, 3}, kInt8, signed_bytes({1, 0, 0, 0, 1, 0, 0, 0, 1}), {1}, {0});
  const int32_t z = m.quantized("z", {1, 1, 1, 3}, kInt8, {}, {0.5f}, {-128});
  const int32_t other = m.quantized("other", {1, 1, 1, 3}, kUint8, {}, {2}, {100});
  const int32_t curve = m.quantized("curve", {1, 1, 1, 3}, kUint8, {}, {1 / 256.0f}, {0});
  m.op(kQuantize, {x}, {codes});
  m.op(kConv2d, {codes, w, -1}, {z}, window(3, 0));
  m.op(kQuantize, {z}, {other});
  m.op(kLogistic, {other}, {curve});
  // 0, 5 and 127.5 become 0, 4 (the even one of 2.5 twos) and 128; 1 of the logistic function is no code.
  const Outcome o = outcome(m, curve, {0, 10, 255});
  CHECK(o.ops == "int8_conv_2d int8_map int8_map int8_decode");
  CHECK(o.scores == Floats{0.5f, 251 / 256.0f, 255 / 256.0f});
}

TEST_CASE("pixels of a uint8 model are the codes, where scale and normalisation say so") {
  TfliteWriter m;
  const int32_t x = m.quantized("x", {1, 1, 1, 3}, kUint8, {}, {0.0078125f}, {128});
  const int32_t w = m.quantized("w", {1, 1, 1, 3}, kUint8, {1, 1, 1}, {1}, {0});
  const int32_t y = m.quantized("y", {1, 1, 1, 1}, kUint8, {}, {0.0625f}, {128});
  m.op(kConv2d, {x, w, -1}, {y}, window(3, 0));
  EngineRunner runner(posy_bytes(in_codes(parse_tflite(m.bytes({x}, {y}), "m.tflite"))));
  for (int pixel = 0; pixel < 256; ++pixel) {
    const uint8_t rgb[3] = {(uint8_t)pixel, (uint8_t)(255 - pixel), 7};
    posy_image image = {};
    image.format = POSY_RGB;
    image.width = image.height = 1;
    image.plane[0] = rgb;
    image.stride[0] = 3;
    REQUIRE(posy_set_image(runner.engine(), &image) == POSY_OK);
    posy_codes codes;
    const uint8_t* made = posy_input_codes(runner.engine(), &codes);
    CHECK(std::vector<int>(made, made + 3) == std::vector<int>{pixel, 255 - pixel, 7});
  }
}

TEST_CASE("a value that is rounded to codes is not folded away, without codes it is") {
  TfliteWriter m;
  const int32_t x = m.quantized("x", {1, 1, 1, 3}, kUint8, {}, {1}, {0});
  const int32_t two = m.quantized("two", {}, kUint8, {2}, {1}, {0});
  const int32_t w = m.quantized("w", {3, 1, 1, 3}, kUint8, {2, 1, 1, 1, 2, 1, 1, 1, 2}, {1}, {1});
  const int32_t z = m.quantized("z", {1, 1, 1, 3}, kUint8, {}, {4}, {0});
  const int32_t y = m.quantized("y", {1, 1, 1, 3}, kUint8, {}, {8}, {0});
  m.op(kConv2d, {x, w, -1}, {z}, window(3, 0));
  m.op(18, {z, two}, {y});  // MUL
  // 10, 11 and 13 are 2 (2.5), 3 and 3 fours; twice that is as many eights.
  CHECK(outcome(m, y, {10, 11, 13}).scores == Floats{16, 24, 24});
  Network plain = lower(parse_tflite(m.bytes({x}, {y}), "m.tflite"), {});
  forget_known_codes(&plain);
  CHECK(run_network(simplified(plain), {10, 11, 13}) == Floats{20, 22, 26});
}

namespace {

GraphWriter fake_quant_graph(bool quantized_weights) {
  GraphWriter g;
  g.placeholder("x", {1, 2, 2, 3});
  g.node("codes", "FakeQuantWithMinMaxArgs", {"x"}).number("min", 0).number("max", 255);
  // Of 255 steps from -1 to 1.55 each is 0.01: the second weight of the second channel is 155 of them.
  g.constant("w", {1, 1, 3, 2}, {0.1013f, 0.5003f, -0.2071f, 1.5497f, 0.0317f, -0.9871f});
  g.constant("low", {}, {-1.0f});
  g.constant("high", {}, {1.55f});
  g.node("levels", "FakeQuantWithMinMaxVars", {"w", "low", "high"});
  g.node("conv", "Conv2D", {"codes", quantized_weights ? "levels" : "w"})
      .ints("strides", {1, 1, 1, 1})
      .text("padding", "VALID");
  g.constant("b", {2}, {3.0f, -4.0f});
  g.node("sum", "BiasAdd", {"conv", "b"});
  g.node("relu", "Relu6", {"sum"});
  g.node("act", "FakeQuantWithMinMaxArgs", {"relu"}).number("min", 0).number("max", 7.65f);  // no sum is half way
  g.node("pool", "MaxPool", {"act"}).ints("ksize", {1, 2, 2, 1}).ints("strides", {1, 1, 1, 1}).text("padding", "VALID");
  return g;
}

}  // namespace

TEST_CASE("FakeQuant: activations and weights become the integers that TensorFlow simulates") {
  const Network floats = lowered(fake_quant_graph(true));
  EngineRunner runner(posy_bytes(in_known_codes(simplified(floats)).network));
  CHECK(op_names(runner) == "int8_conv_2d int8_max_pool int8_decode");
  Network simulated = floats;
  forget_known_codes(&simulated);
  EngineRunner simulation(posy_bytes(simplified(simulated)));
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const Floats pixels = random_floats(12, seed, 0, 10);
    Floats whole;
    std::vector<uint8_t> codes;
    for (const float x : pixels) {
      codes.push_back((uint8_t)std::floor(x + 0.5f));
      whole.push_back(codes.back());
    }
    CHECK(relative_difference(run_codes(runner, codes), simulation.run(whole)) < 1e-6);
  }
}

TEST_CASE("FakeQuant: weights that the graph does not round stay floats") {
  const KnownCodes known = in_known_codes(simplified(lowered(fake_quant_graph(false))));
  CHECK(known.layers == 0);
  CHECK(known.float_layers == 1);
}
