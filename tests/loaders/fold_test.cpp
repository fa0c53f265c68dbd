#include "loaders/fold.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/elementary.hpp"
#include "loaders/function_names.h"
#include "tests/loaders/fold_case.h"

using namespace posy;

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

TEST_CASE("what cannot be evaluated gives nothing, and what does not fit its op is refused by name") {
  const ArrayPtr f = floats({1}, {1}), i = list({1});
  CHECK(fold_constant(node_of("Conv2D"), {f, f}).empty());
  CHECK_FALSE(can_fold("Conv2D"));
  CHECK_FALSE(fold("Sqrt", {i}));
  CHECK_FALSE(fold("Add", {f, nullptr}));  // a string
  CHECK_FALSE(fold("Cast", {f}));
  CHECK_FALSE(fold("Cast", {f}, {{"DstT", (int64_t)DataType::kString}}));
  CHECK(refused("Add", {f, i}) != "");
  CHECK(refused("Add", {f}) != "");
  CHECK(refused("Identity", {}) != "");
  CHECK(refused("Reshape", {f, f}) != "");
  CHECK(refused("Abs", {floats({1, 1, 1, 1, 1, 1, 1, 1, 1}, {1})}) != "");
  CHECK(refused("Abs", {floats({2}, {1})}) != "");
  for (const char* op : {"Add", "Sigmoid", "StridedSlice", "Dequantize", "Mean", "Unpack"}) CHECK(can_fold(op));
}

TEST_CASE("functions of one element are those of the kernels, to the bit") {
  const std::vector<float> x = {-3, -0.5f, 0, 0.25f, 7};
  const auto same = [&](const char* op, float (*function)(float)) {
    std::vector<float> expected;
    for (const float value : x) expected.push_back(function(value));
    CHECK_MESSAGE(folded_floats(op, {floats({5}, x)}) == expected, op);
  };
  same("Sigmoid", sigmoid_f32);
  same("Tanh", tanh_f32);
  same("Softplus", softplus_f32);
  same("Exp", exp_f32);
  same("Expm1", exp_minus_1_f32);
  same("Erf", erf_f32);
  same("Floor", floor_f32);
  CHECK(folded_floats("Elu", {floats({2}, {2, -1})}) == std::vector<float>{2, exp_minus_1_f32(-1)});
  CHECK(folded("Selu", {floats({1}, {2})}) == "[1] 2.10140204");
  CHECK(folded("Softsign", {floats({2}, {1, -3})}) == "[2] 0.5 -0.75");
  CHECK(folded("Reciprocal", {floats({2}, {4, -2})}) == "[2] 0.25 -0.5");
  CHECK(folded("Inv", {floats({1}, {8})}) == "[1] 0.125");
  CHECK(folded("Log", {floats({1}, {1})}) == "[1] 0");
  CHECK(folded("Log1p", {floats({1}, {0})}) == "[1] 0");
  CHECK(folded("Ceil", {floats({3}, {1.5f, -1.5f, 2})}) == "[3] 2 -1 2");
  CHECK(folded("Relu", {floats({2}, {-1, 9})}) == "[2] 0 9");
  CHECK(folded("Relu6", {floats({3}, {-1, 3, 9})}) == "[3] 0 3 6");
  CHECK(folded("LeakyRelu", {floats({2}, {-1, 2})}) == "[2] -0.200000003 2");
  CHECK(unary_function_of("Sigmoid") == UnaryFunction::sigmoid);
  CHECK(binary_function_of("AddV2") == BinaryFunction::add);
  CHECK_FALSE(unary_function_of("Add"));
}

TEST_CASE("functions of one element are defined for every float") {
  const std::vector<float> x = {kNan, kInfinity, -kInfinity, 3.4e38f, -3.4e38f, 1e-45f, -0.0f};
  for (const char* op : {"Abs",   "Elu",    "Erf",        "Exp",   "Expm1",     "Floor",   "Inv",      "Log",
                         "Log1p", "Neg",    "Reciprocal", "Rsqrt", "Selu",      "Sigmoid", "Softplus", "Softsign",
                         "Sqrt",  "Square", "Tanh",       "Ceil",  "LeakyRelu", "Relu"}) {
    INFO(op);
    CHECK(std::isnan(folded_floats(op, {floats({7}, x)})[0]));
  }
}

TEST_CASE("functions of one integer") {
  CHECK(folded_integers("Abs", {list({-3, 4, kMin64})}) == Dims{3, 4, kMin64});
  CHECK(folded_integers("Neg", {list({-3, kMin64})}) == Dims{3, kMin64});
  CHECK(folded("Square", {list({-3, 65536})}, kIsInt32) == "[2] 9 0");
  CHECK(folded("Relu", {list({-3, 7})}) == "[2] 0 7");
  CHECK(folded("Relu6", {list({-3, 5, 7})}) == "[3] 0 5 6");
  CHECK(folded("LogicalNot", {list({0, 1})}) == "[2] 1 0");
}

TEST_CASE("integers wrap at the bits of the node's type") {
  CHECK(folded("Add", {list({kMax32}), list({1})}, kIsInt32) == "[1] -2147483648");
  CHECK(folded("Mul", {list({65536}), list({65536})}, kIsInt32) == "[1] 0");
  CHECK(folded("Div", {list({kMin32}), list({-1})}, kIsInt32) == "[1] -2147483648");
  CHECK(folded("Sub", {list({3}), list({5})}, {{"T", (int64_t)DataType::kUint8}}) == "[1] 254");
  CHECK(folded("Add", {list({100}), list({100})}, {{"T", (int64_t)DataType::kInt8}}) == "[1] -56");
  CHECK(folded("Add", {list({kMax32}), list({1})}, {{"T", kMax64}}) == "[1] 2147483648");
  CHECK(folded("Sum", {list({kMax32, 1}), scalar(0)}, kIsInt32) == "[] -2147483648");
  CHECK(folded("SquaredDifference", {list({-2}), list({3})}) == "[1] 25");
  CHECK(folded("AddN", {list({1, 2}), list({3, 4}), list({5, 6})}) == "[2] 9 12");
}

// TensorFlow: 7, -7, 7, -7 by 3, 3, -3, -3.
TEST_CASE("FloorDiv rounds down, and FloorMod has the sign of the divisor") {
  const ArrayPtr a = list({7, -7, 7, -7}), b = list({3, 3, -3, -3});
  CHECK(folded("FloorDiv", {a, b}) == "[4] 2 -3 -3 2");
  CHECK(folded("FloorMod", {a, b}) == "[4] 1 2 -2 -1");
  CHECK(folded_integers("FloorDiv", {list({kMin64, 5, -6}), list({-1, 0, 3})}) == Dims{kMin64, 0, -2});
  CHECK(folded_integers("FloorMod", {list({kMin64, 5, -6}), list({-1, 0, 3})}) == Dims{0, 0, 0});
  const ArrayPtr x = floats({4}, {7, -7, 7, -7.5f}), y = floats({4}, {2, 2, -2, 2});
  CHECK(folded("FloorDiv", {x, y}) == "[4] 3 -4 -4 -4");
  CHECK(folded("FloorMod", {x, y}) == "[4] 1 1 -1 0.5");
}

TEST_CASE("Pow of floats and integers") {
  CHECK(folded("Pow", {floats({3}, {2, 9, 4}), floats({3}, {10, 0.5f, -1})}) == "[3] 1024 3 0.25");
  CHECK(folded("Pow", {list({2, -3, 0}), list({31, 3, 0})}, kIsInt32) == "[3] -2147483648 -27 1");
  CHECK(folded_integers("Pow", {list({-1}), list({kMax64})}) == Dims{-1});
  CHECK(contains(refused("Pow", {list({2}), list({-1})}), "negative exponent"));
}

TEST_CASE("comparisons and logic give bools, and broadcast") {
  const ArrayPtr column = integers({2, 1}, {1, 2}), row = list({1, 2, 3});
  CHECK(folded("Equal", {column, row}) == "[2,3] 1 0 0 0 1 0");
  CHECK(folded("NotEqual", {column, row}) == "[2,3] 0 1 1 1 0 1");
  CHECK(folded("Less", {column, row}) == "[2,3] 0 1 1 0 0 1");
  CHECK(folded("LessEqual", {column, row}) == "[2,3] 1 1 1 0 1 1");
  CHECK(folded("Greater", {column, row}) == "[2,3] 0 0 0 1 0 0");
  CHECK(folded("GreaterEqual", {column, row}) == "[2,3] 1 0 0 1 1 0");
  const ArrayPtr unordered = fold("Less", {floats({3}, {1, kNan, 1}), floats({3}, {2, 2, kNan})});
  CHECK_FALSE(unordered->is_float);
  CHECK(unordered->integers == Dims{1, 0, 0});
  CHECK(folded("LogicalAnd", {list({0, 0, 1, 1}), list({0, 1, 0, 1})}) == "[4] 0 0 0 1");
  CHECK(folded("LogicalOr", {list({0, 0, 1, 1}), list({0, 1, 0, 1})}) == "[4] 0 1 1 1");
}

TEST_CASE("Select chooses rows by a list, SelectV2 broadcasts") {
  const ArrayPtr yes = integers({2, 2}, {1, 2, 3, 4}), no = integers({2, 2}, {5, 6, 7, 8});
  CHECK(folded("Select", {list({1, 0}), yes, no}) == "[2,2] 1 2 7 8");
  CHECK(folded("SelectV2", {list({1, 0}), yes, no}) == "[2,2] 1 6 3 8");
  CHECK(folded("Select", {scalar(0), yes, no}) == "[2,2] 5 6 7 8");
  CHECK(folded("SelectV2", {scalar(1), floats({1}, {3}), floats({2, 1}, {4, 5})}) == "[2,1] 3 3");
  CHECK(refused("Select", {list({1, 0}), yes, list({1, 2})}) != "");
  CHECK(refused("Select", {list({1, 0, 1}), yes, no}) != "");
  CHECK(refused("SelectV2", {floats({}, {1}), yes, no}) != "");
}

TEST_CASE("BiasAdd knows where the channels are") {
  const ArrayPtr in = as_floats(counting({1, 2, 1, 2})), bias = floats({2}, {10, 20});
  CHECK(folded("BiasAdd", {in, bias}) == "[1,2,1,2] 10 21 12 23");
  GraphNode node = node_of("BiasAdd");
  node.attributes["data_format"].text = "NCHW";
  CHECK(text(fold_constant(node, {in, bias})) == "[1,2,1,2] 10 11 22 23");
  CHECK(refused("BiasAdd", {in, floats({3}, {1, 2, 3})}) != "");
  CHECK(refused("BiasAdd", {in, in}) != "");
}

TEST_CASE("Cast cuts off fractions, and numbers that do not fit are never undefined") {
  const auto cast = [](const ArrayPtr& a, DataType type) { return folded("Cast", {a}, {{"DstT", (int64_t)type}}); };
  const ArrayPtr f = floats({6}, {1.9f, -1.9f, 3e9f, -3e9f, kNan, kInfinity});
  CHECK(cast(f, DataType::kInt32) == "[6] 1 -1 2147483647 -2147483648 0 2147483647");
  CHECK(fold("Cast", {f}, {{"DstT", (int64_t)DataType::kInt64}})->integers ==
        Dims{1, -1, 3000000000, -3000000000, 0, kMax64});
  CHECK(cast(floats({2}, {300, -1}), DataType::kUint8) == "[2] 44 255");
  CHECK(cast(list({300, -1}), DataType::kUint8) == "[2] 44 255");
  CHECK(cast(list({(int64_t{1} << 32) + 7}), DataType::kInt32) == "[1] 7");
  CHECK(cast(floats({3}, {0, 0.5f, kNan}), DataType::kBool) == "[3] 0 1 1");
  CHECK(fold("Cast", {list({3})}, {{"DstT", (int64_t)DataType::kHalf}})->is_float);
  CHECK(cast(list({16777217}), DataType::kFloat) == "[1] 16777216");
}

// What Python's x[...] gives, computed with TensorFlow 2.21.
TEST_CASE("reductions over any axes") {
  const ArrayPtr a = counting({2, 3, 2});
  CHECK(moved("Sum", 0, {a, list({0, 2})}) == "[3] 14 22 30");
  CHECK(moved("Sum", 0, {a, list({-1})}, {{"keep_dims", 1}}) == "[2,3,1] 1 5 9 13 17 21");
  CHECK(moved("Sum", 0, {list({1, 2}), list({})}) == "[2] 1 2");
  CHECK(moved("Prod", 0, {list({2, 3, 4}), scalar(0)}) == "[] 24");
  CHECK(moved("Max", 0, {a, list({1})}) == "[2,2] 4 5 10 11");
  CHECK(moved("Min", 0, {a, list({1, 2})}) == "[2] 0 6");
  CHECK(folded("Mean", {as_floats(a), list({1, 2})}) == "[2] 2.5 8.5");
  CHECK(folded("Mean", {list({-1, -2, -4}), scalar(0)}) == "[] -2");
  CHECK(folded("All", {integers({2, 2}, {1, 1, 1, 0}), list({1})}) == "[2] 1 0");
  CHECK(folded("Any", {integers({2, 2}, {0, 1, 0, 0}), list({1})}) == "[2] 1 0");
  CHECK(refused("Sum", {a, list({0, 0})}) != "");
  CHECK(refused("Sum", {a, list({0, -3})}) != "");
  CHECK(refused("Sum", {a, scalar(3)}) != "");
  CHECK(refused("All", {floats({1}, {1}), scalar(0)}) != "");
}

TEST_CASE("reductions of nothing") {
  const ArrayPtr none = list({}), nothing = floats({0}, {});
  CHECK(moved("Sum", 0, {none, scalar(0)}) == "[] 0");
  CHECK(moved("Prod", 0, {none, scalar(0)}) == "[] 1");
  CHECK(folded("Max", {none, scalar(0)}, kIsInt32) == "[] -2147483648");
  CHECK(folded("Min", {none, scalar(0)}, kIsInt32) == "[] 2147483647");
  CHECK(folded_floats("Max", {nothing, scalar(0)}) == std::vector<float>{-kInfinity});
  CHECK(std::isnan(folded_floats("Mean", {nothing, scalar(0)})[0]));
  CHECK(folded("Mean", {none, scalar(0)}) == "[] 0");
  CHECK(folded("All", {none, scalar(0)}) == "[] 1");
  CHECK(folded("Any", {none, scalar(0)}) == "[] 0");
}

TEST_CASE("ArgMax and ArgMin give the first place") {
  const ArrayPtr a = integers({2, 3}, {1, 5, 5, 7, 0, 7});
  for (const ArrayPtr& in : {a, as_floats(a)}) {
    CHECK(folded("ArgMax", {in, scalar(1)}) == "[2] 1 0");
    CHECK(folded("ArgMax", {in, scalar(-2)}) == "[3] 1 0 1");
    CHECK(folded("ArgMin", {in, scalar(1)}) == "[2] 0 1");
  }
  CHECK(refused("ArgMax", {list({}), scalar(0)}) != "");
  CHECK(refused("ArgMax", {scalar(1), scalar(0)}) != "");
}

TEST_CASE("MatMul, also of transposed matrices") {
  const ArrayPtr a = integers({2, 3}, {1, 2, 3, 4, 5, 6}), b = integers({3, 2}, {1, 0, 0, 1, 2, 2});
  CHECK(folded("MatMul", {a, b}) == "[2,2] 7 8 16 17");
  CHECK(folded("MatMul", {as_floats(a), as_floats(b)}) == "[2,2] 7 8 16 17");
  CHECK(folded("MatMul", {a, a}, {{"transpose_b", 1}}) == "[2,2] 14 32 32 77");
  CHECK(folded("MatMul", {b, b}, {{"transpose_a", 1}}) == "[2,2] 5 4 4 5");
  CHECK(folded("MatMul", {b, a}, {{"transpose_a", 1}, {"transpose_b", 1}}) == "[2,2] 7 16 8 17");
  CHECK(folded("MatMul", {floats({2, 0}, {}), floats({0, 1}, {})}) == "[2,1] 0 0");
  CHECK(folded("MatMul", {integers({1, 2}, {65536, 1}), integers({2, 1}, {65536, 3})}, kIsInt32) == "[1,1] 3");
  CHECK(refused("MatMul", {a, a}) != "");
  CHECK(refused("MatMul", {a, list({1, 2, 3})}) != "");
  CHECK(refused("MatMul", {a, as_floats(b)}) != "");
}

namespace {

// The bytes 0, 1, 2, ... or the codes given, as the quantized type, through Dequantize.
struct DequantizeCase {
  const char* mode;
  float low, high;
  std::vector<float> expected;
};

std::vector<float> dequantized(DataType type, const DequantizeCase& c, const std::vector<int64_t>& codes) {
  GraphNode node = node_of("Dequantize", {{"T", (int64_t)type}});
  node.attributes["mode"].kind = GraphAttribute::Kind::kString;
  node.attributes["mode"].text = c.mode;
  const std::vector<ArrayPtr> out =
      fold_constant(node, {integers({(int64_t)codes.size()}, codes), floats({}, {c.low}), floats({}, {c.high})});
  return out.empty() ? std::vector<float>() : out.at(0)->floats;
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
  CHECK(dequantized(DataType::kQuint8, {"OTHER", -1, 1, {}}, codes).empty());
  CHECK(dequantized(DataType::kQint32, {"MIN_FIRST", -1, 1, {}}, codes).empty());
}

// The expected numbers are what TensorFlow 2.21 computed.
TEST_CASE("Dequantize in the SCALED mode keeps 0 at 0") {
  const auto scaled = [](DataType type, float low, float high, const std::vector<int64_t>& codes) {
    return dequantized(type, {"SCALED", low, high, {}}, codes);
  };
  CHECK(scaled(DataType::kQuint8, -1.5f, 2.5f, {0, 1, 100, 128, 255}) ==
        std::vector<float>{0, 0.00980392192f, 0.980392218f, 1.25490201f, 2.5f});
  CHECK(scaled(DataType::kQint8, -1.5f, 2.5f, {-128, -127, -1, 0, 64, 127}) ==
        std::vector<float>{-2.51968503f, -2.5f, -0.0196850393f, 0, 1.25984251f, 2.5f});
  CHECK(scaled(DataType::kQint8, -3, 1, {-128, -127, -1, 0, 64, 127}) ==
        std::vector<float>{-3, -2.9765625f, -0.0234375f, 0, 1.5f, 2.9765625f});
  GraphNode node = node_of("Dequantize", {{"T", (int64_t)DataType::kQint8}, {"narrow_range", 1}});
  node.attributes["mode"].text = "SCALED";
  CHECK(text(fold_constant(node, {list({-127, 64}), floats({}, {-3}), floats({}, {1})})) == "[2] -3 1.51181102");
  node.attributes["axis"].integer = 0;
  CHECK(fold_constant(node, {list({-127, 64}), floats({2}, {-3, -2}), floats({2}, {1, 2})}).empty());
}

// FakeQuantWithMinMaxArgs of TensorFlow 2.21 from -6 to 6: 0 is a level, so the limits become -6.02 and 5.98.
TEST_CASE("FakeQuant of constants: one range, ranges per channel, ranges as attributes") {
  const std::vector<float> x = {-7, -6, -0.02f, 0, 0.03f, 2.51f, 5.9f, 7};
  const std::vector<float> expected = {-6.0235295f, -5.9764705f, 0, 0, 0.047058824f, 2.4941177f, 5.882353f, 5.9764705f};
  const ArrayPtr in = floats({8, 1}, x), low = floats({}, {-6}), high = floats({}, {6});
  CHECK(largest_difference(folded_floats("FakeQuantWithMinMaxArgs", {in}), expected) < 1e-6f);
  CHECK(largest_difference(folded_floats("FakeQuantWithMinMaxVars", {in, low, high}), expected) < 1e-6f);
  const std::string per_channel = "FakeQuantWithMinMaxVarsPerChannel";
  CHECK(largest_difference(folded_floats(per_channel, {in, floats({1}, {-6}), floats({1}, {6})}), expected) < 1e-6f);
  CHECK(folded(per_channel, {floats({1, 2}, {3, 300}), floats({2}, {0, 0}), floats({2}, {0, 255})}) == "[1,2] 0 255");
  CHECK(refused("FakeQuantWithMinMaxVars", {in, floats({2}, {0, 0}), high}) != "");
  CHECK(refused("FakeQuantWithMinMaxVars", {list({1}), low, high}) != "");
  CHECK(refused(per_channel, {in, floats({2}, {0, 0}), floats({2}, {1, 1})}) != "");
  CHECK(refused(per_channel, {in, low, high}) != "");
}
