// Ops on 8-bit codes, as quantize_graph --mode=eightbit writes them: each between QuantizeV2 and Dequantize, compared
// with its sibling on floats. Codes are steps of a range that is measured at run time, so they differ by a few steps.
#include <doctest/doctest.h>

#include <functional>

#include "tests/loaders/lower_case.h"

using namespace posy;

namespace {

const Map kMap = random_map(6, 5, 4, -1, 1);

using Strings = std::vector<std::string>;

// "codes" as operands 0, 1 and 2: the codes and their range.
Strings with_range(const std::string& codes) {
  return {codes, codes + ":1", codes + ":2"};
}

Strings operator+(Strings a, const Strings& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// name: the codes of a float node.
void quantize(GraphWriter& g, const std::string& name, const std::string& from) {
  g.constant_ints(name + "/all", {1}, {-1});
  g.constant_ints(name + "/axis", {1}, {0});
  g.node(name + "/flat", "Reshape", {from, name + "/all"});
  g.node(name + "/min", "Min", {name + "/flat", name + "/axis"});
  g.node(name + "/max", "Max", {name + "/flat", name + "/axis"});
  g.node(name, "QuantizeV2", {from, name + "/min", name + "/max"})
      .type("T", DataType::kQuint8)
      .text("mode", "MIN_FIRST");
}

// name: sums of products to 8 bits, in either generation's way.
void requantize(GraphWriter& g, const std::string& name, const std::string& from, bool older) {
  if (older) {
    g.node(name, "QuantizeDownAndShrinkRange", with_range(from));
    return;
  }
  g.node(name + "/range", "RequantizationRange", with_range(from));
  g.node(name, "Requantize", with_range(from) + Strings{name + "/range", name + "/range:1"});
}

void dequantize(GraphWriter& g, const std::string& name, const std::string& from) {
  g.node(name, "Dequantize", with_range(from)).type("T", DataType::kQuint8).text("mode", "MIN_FIRST");
}

// Weights of -1 to 1 as codes, w, and as floats.
std::vector<float> add_weights(GraphWriter& g, const std::vector<int64_t>& dims, uint32_t seed = 5) {
  size_t count = 1;
  for (const int64_t d : dims) count *= (size_t)d;
  std::vector<uint8_t> codes;
  std::vector<float> floats;
  for (const float x : random_floats(count, seed, 0, 255)) {
    codes.push_back((uint8_t)x);
    floats.push_back((float)codes.back() / 255 * 2 - 1);
  }
  g.constant("w", TensorWriter(DataType::kQuint8, dims).content(codes));
  g.scalar("w/min", -1);
  g.scalar("w/max", 1);
  return floats;
}

// Within `steps` 255ths of the range of what is expected.
bool within(const std::vector<float>& got, const std::vector<float>& expected, double steps) {
  const auto [low, high] = std::minmax_element(expected.begin(), expected.end());
  const double step = ((double)std::max(*high, 0.0f) - std::min(*low, 0.0f)) / 255;
  REQUIRE(got.size() == expected.size());
  double most = 0;
  for (size_t i = 0; i < got.size(); ++i) most = std::max(most, std::fabs((double)got[i] - expected[i]));
  if (most > steps * step) MESSAGE("off by ", most / step, " steps");
  return most <= steps * step;
}

// x -> codes -> `add` makes "codes" of them -> floats.
std::vector<float> run_codes(const std::function<void(GraphWriter&)>& add) {
  GraphWriter g = with_image(kMap);
  quantize(g, "q", "x");
  add(g);
  dequantize(g, "op", "codes");
  Network network;
  const std::vector<float> got = run_to(g, "op", kMap.v, &network);
  CHECK(network.rewrites.at("ops on 8-bit codes run on the floats they stand for") == 1);
  return got;
}

Map convolved(const Map& x, const std::vector<float>& w, int64_t out_c) {
  return make_map(x.h - 2, x.w - 2, out_c, [&](int64_t row, int64_t column, int64_t o) {
    double sum = 0;
    for (int64_t i = 0; i < 9 * x.c; ++i) {
      sum += (double)x.at(row + i / x.c / 3, column + i / x.c % 3, i % x.c) * w[(size_t)(i * out_c + o)];
    }
    return sum;
  });
}

}  // namespace

TEST_CASE("floats to codes and back: half a step lost at most, and 0 is a code") {
  const std::vector<float> got = run_codes([](GraphWriter& g) { g.node("codes", "QuantizedRelu", with_range("q")); });
  CHECK(within(got, each(kMap, [](float x) { return std::max(x, 0.0f); }).v, 2.1));
  CHECK(std::count(got.begin(), got.end(), 0.0f) >= 30);
}

TEST_CASE("QuantizedConv2D and QuantizedBiasAdd, requantized in both generations' ways") {
  for (const bool older : {false, true}) {
    std::vector<float> w;
    const std::vector<float> got = run_codes([&](GraphWriter& g) {
      w = add_weights(g, {3, 3, 4, 5});
      g.node("conv", "QuantizedConv2D", Strings{"q", "w", "q:1", "q:2", "w/min", "w/max"})
          .text("padding", "VALID")
          .ints("strides", {1, 1, 1, 1});
      requantize(g, "sums", "conv", older);
      g.constant("b", TensorWriter(DataType::kQuint8, {5}).content(std::vector<uint8_t>{0, 64, 128, 192, 255}));
      g.scalar("b/min", -2);
      g.scalar("b/max", 2);
      g.node("bias", "QuantizedBiasAdd", {"sums", "b", "sums:1", "sums:2", "b/min", "b/max"});
      requantize(g, "codes", "bias", older);
    });
    const float bias[] = {-2, -0.996f, 0.008f, 1.012f, 2};
    INFO("older: ", older);
    CHECK(within(got, each_channel(convolved(kMap, w, 5), [&](float x, int64_t c) { return x + bias[c]; }).v, 4));
  }
}

TEST_CASE("QuantizedMatMul behind a QuantizedReshape") {
  std::vector<float> w;
  const std::vector<float> got = run_codes([&](GraphWriter& g) {
    w = add_weights(g, {120, 7});
    g.constant_ints("shape", {2}, {1, 120});
    g.node("features", "QuantizedReshape", Strings{"q", "shape", "q:1", "q:2"});
    g.node("product", "QuantizedMatMul", {"features", "w", "features:1", "features:2", "w/min", "w/max"});
    requantize(g, "codes", "product", false);
  });
  std::vector<float> expected;
  for (size_t o = 0; o < 7; ++o) {
    double sum = 0;
    for (size_t i = 0; i < 120; ++i) sum += (double)kMap.v[i] * w[i * 7 + o];
    expected.push_back((float)sum);
  }
  CHECK(within(got, expected, 4));
}

TEST_CASE("pools of codes keep their range") {
  for (const bool is_max : {false, true}) {
    const std::vector<float> got = run_codes([&](GraphWriter& g) {
      g.node("codes", is_max ? "QuantizedMaxPool" : "QuantizedAvgPool", with_range("q"))
          .text("padding", "VALID")
          .ints("ksize", {1, 2, 2, 1})
          .ints("strides", {1, 2, 2, 1});
    });
    const Map expected = make_map(3, 2, 4, [&](int64_t row, int64_t column, int64_t c) {
      float most = -9, sum = 0;
      for (int64_t i = 0; i < 4; ++i) {
        const float x = kMap.at(row * 2 + i / 2, column * 2 + i % 2, c);
        most = std::max(most, x);
        sum += x;
      }
      return is_max ? most : sum / 4;
    });
    INFO("max: ", is_max);
    // Steps are those of the whole map's range, which the pool's own may be a third of.
    CHECK(within(got, expected.v, 8));
  }
}

TEST_CASE("QuantizedConcat brings its parts to one range") {
  const std::vector<float> got = run_codes([](GraphWriter& g) {
    g.scalar("three", 3);
    g.node("larger", "Mul", {"x", "three"});
    quantize(g, "p", "larger");
    g.constant_ints("axis", {}, {3});
    g.node("codes", "QuantizedConcat", {"axis", "q", "p", "q:1", "p:1", "q:2", "p:2"}).integer("N", 2);
  });
  const Map expected = make_map(
      6, 5, 8, [](int64_t row, int64_t column, int64_t c) { return kMap.at(row, column, c % 4) * (c < 4 ? 1 : 3); });
  CHECK(within(got, expected.v, 2.1));
}

TEST_CASE("weights behind a Dequantize are read once, at conversion") {
  GraphWriter g = with_image(kMap);
  const std::vector<float> w = add_weights(g, {3, 3, 4, 2});
  g.node("w/float", "Dequantize", {"w", "w/min", "w/max"}).type("T", DataType::kQuint8).text("mode", "MIN_FIRST");
  g.node("op", "Conv2D", {"x", "w/float"}).text("padding", "VALID");
  Network network;
  CHECK(within(run_to(g, "op", kMap.v, &network), convolved(kMap, w, 2).v, 1));
  CHECK(network.rewrites.at("8-bit weights read") == 1);
}

TEST_CASE("refused: ops on codes that lack operands") {
  for (const char* op : {"QuantizeV2", "Requantize", "QuantizedConv2D", "QuantizedMatMul", "QuantizedBiasAdd",
                         "QuantizedReshape", "QuantizedConcat", "QuantizedAvgPool", "QuantizedRelu"}) {
    for (const Strings& inputs : {Strings{}, Strings{"c"}}) {
      GraphWriter g = with_image(kMap);
      g.scalar("c", 1);
      g.node("odd", op, inputs);
      g.node("op", "Add", {"x", "odd"});
      INFO(std::string(op), " of ", inputs.size());
      CHECK(contains(refusal([&] { run_to(g, "op", kMap); }), "'odd'"));
    }
  }
}
