#include "loaders/array.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

ArrayPtr floats(std::vector<int64_t> dims, std::vector<float> values) {
  return std::make_shared<Array>(float_array(std::move(dims), std::move(values)));
}

ArrayPtr integers(std::vector<int64_t> dims, std::vector<int64_t> values) {
  Array array;
  array.dims = std::move(dims);
  array.is_float = false;
  array.integers = std::move(values);
  return std::make_shared<Array>(std::move(array));
}

GraphNode node_of(const std::string& op) {
  GraphNode node;
  node.name = "n";
  node.op = op;
  return node;
}

ArrayPtr fold(const std::string& op, const std::vector<ArrayPtr>& inputs) {
  return fold_constant(node_of(op), inputs);
}

std::vector<float> folded_floats(const std::string& op, const std::vector<ArrayPtr>& inputs) {
  const ArrayPtr out = fold(op, inputs);
  REQUIRE(out);
  REQUIRE(out->is_float);
  return out->floats;
}

std::vector<int64_t> folded_integers(const std::string& op, const std::vector<ArrayPtr>& inputs) {
  const ArrayPtr out = fold(op, inputs);
  REQUIRE(out);
  REQUIRE_FALSE(out->is_float);
  return out->integers;
}

constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min(), kMax64 = std::numeric_limits<int64_t>::max();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("element-wise ops compute float32") {
  const ArrayPtr a = floats({4}, {1, -2, 0.1f, 1e30f}), b = floats({4}, {3, 4, 0.2f, 1e30f});
  CHECK(folded_floats("Add", {a, b}) == std::vector<float>{4, 2, 0.1f + 0.2f, 2e30f});
  CHECK(folded_floats("AddV2", {a, b}) == folded_floats("Add", {a, b}));
  CHECK(folded_floats("Sub", {a, b}) == std::vector<float>{-2, -6, 0.1f - 0.2f, 0});
  CHECK(folded_floats("Mul", {a, b}) == std::vector<float>{3, -8, 0.1f * 0.2f, kInfinity});
  CHECK(folded_floats("RealDiv", {a, b}) == std::vector<float>{1.0f / 3, -0.5f, 0.1f / 0.2f, 1});
  CHECK(folded_floats("Maximum", {a, b}) == std::vector<float>{3, 4, 0.2f, 1e30f});
  CHECK(folded_floats("Minimum", {a, b}) == std::vector<float>{1, -2, 0.1f, 1e30f});
  CHECK(folded_floats("Neg", {a}) == std::vector<float>{-1, 2, -0.1f, -1e30f});
}

TEST_CASE("a division by zero is what IEEE 754 says, and for integers zero instead of a trap") {
  CHECK(folded_floats("RealDiv", {floats({2}, {1, -1}), floats({}, {0})}) == std::vector<float>{kInfinity, -kInfinity});
  CHECK(folded_integers("RealDiv", {integers({3}, {7, -7, 0}), integers({3}, {0, 2, 0})}) ==
        std::vector<int64_t>{0, -3, 0});
}

// TensorFlow: rsqrt([4, 0.3, 1e-3, 2]) and sqrt([4, 0.3, 2]).
TEST_CASE("Rsqrt and Sqrt are those of TensorFlow to the last bit but one") {
  const std::vector<float> rsqrt = folded_floats("Rsqrt", {floats({4}, {4, 0.3f, 1e-3f, 2})});
  CHECK(relative_difference(rsqrt, {0.5f, 1.82574177f, 31.6227741f, 0.707106769f}) < 1.2e-7);
  CHECK(folded_floats("Sqrt", {floats({3}, {4, 0.3f, 2})}) == std::vector<float>{2, 0.547722578f, 1.41421354f});
  CHECK(folded_floats("Rsqrt", {floats({1}, {0})})[0] == kInfinity);
  CHECK(std::isnan(folded_floats("Sqrt", {floats({1}, {-1})})[0]));
}

TEST_CASE("shapes broadcast as in NumPy") {
  const ArrayPtr column = floats({2, 1}, {10, 20}), row = floats({3}, {1, 2, 3});
  const ArrayPtr sum = fold("Add", {column, row});
  REQUIRE(sum);
  CHECK(sum->dims == std::vector<int64_t>{2, 3});
  CHECK(sum->floats == std::vector<float>{11, 12, 13, 21, 22, 23});
  CHECK(folded_floats("Sub", {row, column}) == std::vector<float>{-9, -8, -7, -19, -18, -17});

  const ArrayPtr middle = fold("Mul", {floats({2, 1, 2}, {1, 2, 3, 4}), floats({1, 2, 1}, {10, 100})});
  REQUIRE(middle);
  CHECK(middle->dims == std::vector<int64_t>{2, 2, 2});
  CHECK(middle->floats == std::vector<float>{10, 20, 100, 200, 30, 40, 300, 400});

  CHECK(fold("Add", {floats({}, {1}), floats({}, {2})})->dims.empty());
  const ArrayPtr none = fold("Add", {floats({0, 3}, {}), row});
  REQUIRE(none);
  CHECK(none->dims == std::vector<int64_t>{0, 3});
  CHECK(none->floats.empty());
}

TEST_CASE("shapes that do not fit are refused, and the node is named") {
  const std::string message = refusal([] { fold("Mul", {floats({2}, {1, 2}), floats({3}, {1, 2, 3})}); });
  CHECK(contains(message, "'n' (Mul)"));
}

TEST_CASE("integers wrap around and never trap") {
  CHECK(folded_integers("Add", {integers({2}, {kMax64, kMin64}), integers({2}, {1, -1})}) ==
        std::vector<int64_t>{kMin64, kMax64});
  CHECK(folded_integers("Sub", {integers({2}, {kMin64, 5}), integers({}, {1})}) == std::vector<int64_t>{kMax64, 4});
  CHECK(folded_integers("Mul", {integers({2}, {kMax64, -3}), integers({2}, {2, 4})}) == std::vector<int64_t>{-2, -12});
  CHECK(folded_integers("RealDiv", {integers({1}, {kMin64}), integers({1}, {-1})}) == std::vector<int64_t>{kMin64});
  CHECK(folded_integers("Maximum", {integers({2}, {-1, 7}), integers({2}, {3, 2})}) == std::vector<int64_t>{3, 7});
  CHECK(folded_integers("Minimum", {integers({2}, {-1, 7}), integers({2}, {3, 2})}) == std::vector<int64_t>{-1, 2});
}

TEST_CASE("Reshape, also with an open dimension") {
  const ArrayPtr six = floats({6}, {1, 2, 3, 4, 5, 6});
  CHECK(fold("Reshape", {six, integers({2}, {2, 3})})->dims == std::vector<int64_t>{2, 3});
  CHECK(fold("Reshape", {six, integers({2}, {-1, 2})})->dims == std::vector<int64_t>{3, 2});
  CHECK(fold("Reshape", {six, integers({4}, {1, 1, 1, -1})})->floats == six->floats);
  CHECK(fold("Reshape", {floats({1}, {4}), integers({0}, {})})->dims.empty());
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{4}, {-1, 4}, {-1, -1}, {0, -1}, {0}, {6, 2}}) {
    INFO(shape_text(dims));
    CHECK(refusal([&] { fold("Reshape", {six, integers({(int64_t)dims.size()}, dims)}); }) != "");
  }
}

TEST_CASE("a Reshape to more elements than can be counted is refused") {
  const ArrayPtr six = floats({6}, {1, 2, 3, 4, 5, 6});
  CHECK(refusal([&] { fold("Reshape", {six, integers({3}, {int64_t{1} << 40, int64_t{1} << 40, 3})}); }) != "");
  CHECK(refusal([&] { fold("Reshape", {six, integers({3}, {int64_t{1} << 62, 4, -1})}); }) != "");
}

TEST_CASE("what only passes its input on gives the same array") {
  const ArrayPtr a = floats({2}, {1, 2});
  for (const char* op : {"Identity", "StopGradient", "CheckNumerics", "Snapshot"}) CHECK(fold(op, {a}) == a);
  CHECK(folded_floats("BiasAdd", {floats({2, 2}, {1, 2, 3, 4}), a}) == std::vector<float>{2, 4, 4, 6});
}

TEST_CASE("what cannot be folded gives null, not a guess") {
  const ArrayPtr f = floats({1}, {1}), i = integers({1}, {1});
  CHECK_FALSE(fold("Conv2D", {f, f}));
  CHECK_FALSE(fold("Add", {f, i}));
  CHECK_FALSE(fold("Add", {f}));
  CHECK_FALSE(fold("Identity", {}));
  CHECK_FALSE(fold("Sqrt", {i}));
  CHECK_FALSE(fold("Reshape", {f, f}));
}

namespace {

// The bytes 0, 1, 2, ... or the codes given, as the quantized type, through Dequantize.
struct DequantizeCase {
  const char* mode;
  float low, high;
  std::vector<float> expected;
};

std::vector<float> dequantized(DataType type, const DequantizeCase& c, const std::vector<int64_t>& codes) {
  GraphNode node = node_of("Dequantize");
  node.attributes["T"].kind = GraphAttribute::Kind::kType;
  node.attributes["T"].integer = (int64_t)type;
  node.attributes["mode"].kind = GraphAttribute::Kind::kString;
  node.attributes["mode"].text = c.mode;
  const ArrayPtr out =
      fold_constant(node, {integers({(int64_t)codes.size()}, codes), floats({}, {c.low}), floats({}, {c.high})});
  return out ? out->floats : std::vector<float>();
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

}  // namespace

// The expected numbers of the next two tests are what TensorFlow 2.21 computed.
TEST_CASE("Dequantize of quint8 gives TensorFlow's floats") {
  const std::vector<int64_t> codes = {0, 1, 2, 100, 127, 128, 200, 254, 255};
  const DequantizeCase cases[] = {
      {"MIN_COMBINED",
       -1.5f,
       2.5f,
       {-1.5f, -1.48431373f, -1.46862745f, 0.0686275959f, 0.492156982f, 0.507843256f, 1.63725519f, 2.48431396f, 2.5f}},
      {"MIN_FIRST",
       -1.5f,
       2.5f,
       {-1.5058825f, -1.49019623f, -1.47450995f, 0.0627450943f, 0.486274481f, 0.501960754f, 1.63137269f, 2.47843146f,
        2.4941175f}},
      {"MIN_COMBINED",
       -0.37254f,
       0.6132f,
       {-0.372539997f, -0.368674338f, -0.364808708f, 0.0140247047f, 0.118397176f, 0.122262836f, 0.400589406f,
        0.60933435f, 0.613200009f}},
      {"MIN_FIRST",
       -0.37254f,
       0.6132f,
       {-0.371102124f, -0.367236465f, -0.363370836f, 0.0154625773f, 0.119835049f, 0.123700708f, 0.402027279f,
        0.610772252f, 0.614637852f}},
      {"MIN_FIRST",
       1,
       5,
       {1.00392163f, 1.0196079f, 1.03529418f, 2.57254934f, 2.99607849f, 3.011765f, 4.1411767f, 4.98823547f,
        5.00392151f}},
      {"MIN_FIRST", 0.5f, 0.5f, std::vector<float>(9, 0.5f)},
      {"MIN_COMBINED", 0.5f, 0.5f, std::vector<float>(9, 0.5f)},
  };
  for (const DequantizeCase& c : cases) {
    INFO(c.mode, " ", c.low, " ", c.high);
    CHECK(largest_difference(dequantized(DataType::kQuint8, c, codes), c.expected) <= 2.4e-7f * (c.high - c.low));
  }
}

// For qint8 TensorFlow's own MIN_FIRST is off by up to 1.2e-7 of the range (it multiplies before it subtracts), which
// is why 0 to 6 gives 0.02352953 for one step and not 0.02352941.
TEST_CASE("Dequantize of qint8 gives TensorFlow's floats") {
  const std::vector<int64_t> codes = {-128, -127, -1, 0, 1, 64, 126, 127};
  const DequantizeCase cases[] = {
      {"MIN_COMBINED",
       -1.5f,
       2.5f,
       {-1.5f, -1.48431373f, 0.492156982f, 0.507843256f, 0.52352953f, 1.511765f, 2.48431396f, 2.5f}},
      {"MIN_FIRST",
       -1.5f,
       2.5f,
       {-1.5058825f, -1.49019623f, 0.486274481f, 0.501960754f, 0.517647028f, 1.50588238f, 2.47843146f, 2.49411774f}},
      {"MIN_FIRST", 0, 6, {0, 0.0235295296f, 2.98823524f, 3.01176476f, 3.03529429f, 4.51764727f, 5.97647095f, 6}},
      {"MIN_COMBINED",
       -3,
       0,
       {-3, -2.98823524f, -1.50588238f, -1.49411762f, -1.48235285f, -0.741176367f, -0.0117647648f, 0}},
  };
  for (const DequantizeCase& c : cases) {
    INFO(c.mode, " ", c.low, " ", c.high);
    CHECK(largest_difference(dequantized(DataType::kQint8, c, codes), c.expected) <= 2.4e-7f * (c.high - c.low));
  }
}

TEST_CASE("Dequantize: 256 codes stay 256 values, and what is not known is not folded") {
  std::vector<int64_t> codes;
  for (int64_t q = 0; q < 256; ++q) codes.push_back(q);
  const std::vector<float> values = dequantized(DataType::kQuint8, {"MIN_FIRST", -1, 1, {}}, codes);
  REQUIRE(values.size() == 256);
  for (size_t i = 1; i < values.size(); ++i) CHECK(values[i - 1] < values[i]);
  CHECK(dequantized(DataType::kQuint8, {"SCALED", -1, 1, {}}, codes).empty());
  CHECK(dequantized(DataType::kQint32, {"MIN_FIRST", -1, 1, {}}, codes).empty());
}

TEST_CASE("constants of every type become float32 or int64") {
  GraphWriter g;
  g.constant("double", TensorWriter(DataType::kDouble, {2}).doubles({0.1, -2}));
  g.constant("half", TensorWriter(DataType::kHalf, {2}).halves({0x3c00, 0xc000}));  // 1 and -2
  g.constant("bool", TensorWriter(DataType::kBool, {2}).bools({1, 0}));
  g.constant("qint8", TensorWriter(DataType::kQint8, {2}).content(std::vector<int8_t>{-128, 127}));
  g.constant("string", TensorWriter(DataType::kString, {1}).strings({"a"}));
  const Graph graph = parse_frozen_graph(g.bytes(), "g.pb");
  const auto array = [&](size_t i) { return array_of(graph.nodes.at(i).attribute("value")->tensor); };
  CHECK(array(0)->floats == std::vector<float>{0.1f, -2});
  CHECK(array(1)->floats == std::vector<float>{1, -2});
  CHECK(array(2)->integers == std::vector<int64_t>{1, 0});
  CHECK(array(3)->integers == std::vector<int64_t>{-128, 127});
  CHECK_FALSE(array(4));
}

TEST_CASE("element_count refuses what is negative or does not fit") {
  CHECK(element_count({}) == 1);
  CHECK(element_count({3, 4}) == 12);
  CHECK(element_count({int64_t{1} << 40, 0}) == 0);
  CHECK(refusal([] { element_count({-1}); }) != "");
  CHECK(refusal([] { element_count({int64_t{1} << 40, int64_t{1} << 40}); }) != "");
}
