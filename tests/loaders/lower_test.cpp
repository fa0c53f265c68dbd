// What a graph's ops mean: converted, run in the engine, and compared with numbers that TensorFlow 2.21 computed.
#include "loaders/lower.h"

#include <doctest/doctest.h>

#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

// Small whole numbers: sums of their products are exact in float32, whatever the order.
std::vector<float> pixels(size_t count) {
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i) x[i] = (float)((i * 7 + i / 11 * 3) % 11) - 5;
  return x;
}
std::vector<float> weights(size_t count) {
  std::vector<float> w(count);
  for (size_t i = 0; i < count; ++i) w[i] = (float)((i * 5 + i / 7 * 2) % 7) - 3;
  return w;
}

// One number for a whole map, that notices when any two values change places (but for those 13 apart).
double fingerprint(const std::vector<float>& map) {
  double sum = 0;
  for (size_t i = 0; i < map.size(); ++i) sum += (double)map[i] * (double)(i % 13 + 1);
  return sum;
}

// `x` -> the writer's nodes up to `last` -> a flatten, so that maps can be scores.
std::vector<float> run_flat(GraphWriter& g, const std::string& last, const std::vector<float>& x,
                            Network* network = nullptr) {
  g.constant_ints("flat/shape", {2}, {1, -1});
  g.node("flat", "Reshape", {last, "flat/shape"});
  const Network made = lowered(g);
  if (network) *network = made;
  return run_network(made, x);
}

const Value& value_named(const Network& network, const std::string& name) {
  for (const Value& value : network.values) {
    for (const std::string& n : value.names) {
      if (n == name) return value;
    }
  }
  FAIL("no value '", name, "'");
  return network.values[0];
}

void check_close(const std::vector<float>& got, const std::vector<float>& expected) {
  CHECK(relative_difference(got, expected) < 1e-6);
}

struct WindowCase {
  const char* op;
  int64_t h, w, k_h, k_w, stride, dilation_h, dilation_w;
  const char* padding;
  uint32_t out_h, out_w;
  double expected;
};

// Input [1, h, w, 3]; Conv2D has 4 output channels. Dilated depthwise convolutions, which TensorFlow's kernel lacks,
// were computed there with zeros between the weights.
const WindowCase kWindowCases[] = {
    // clang-format off
    {"Conv2D", 5, 5, 3, 3, 1, 1, 1, "SAME", 5, 5, -1552},
    {"Conv2D", 5, 5, 3, 3, 1, 1, 1, "VALID", 3, 3, -2043},
    {"Conv2D", 6, 6, 3, 3, 1, 1, 1, "SAME", 6, 6, -356},
    {"Conv2D", 6, 6, 3, 3, 1, 1, 1, "VALID", 4, 4, -178},
    {"Conv2D", 5, 5, 3, 3, 2, 1, 1, "SAME", 3, 3, 1},
    {"Conv2D", 5, 5, 3, 3, 2, 1, 1, "VALID", 2, 2, -299},
    {"Conv2D", 6, 6, 3, 3, 2, 1, 1, "SAME", 3, 3, 390},
    {"Conv2D", 6, 6, 3, 3, 2, 1, 1, "VALID", 2, 2, -97},
    {"Conv2D", 6, 7, 2, 2, 2, 1, 1, "SAME", 3, 4, 237},
    {"Conv2D", 6, 7, 2, 2, 2, 1, 1, "VALID", 3, 3, 513},
    {"Conv2D", 7, 7, 2, 2, 2, 1, 1, "SAME", 4, 4, 192},
    {"Conv2D", 7, 7, 2, 2, 2, 1, 1, "VALID", 3, 3, 513},
    {"Conv2D", 7, 8, 5, 5, 2, 1, 1, "SAME", 4, 4, -539},
    {"Conv2D", 7, 8, 5, 5, 2, 1, 1, "VALID", 2, 2, -204},
    {"Conv2D", 9, 8, 1, 7, 1, 1, 1, "SAME", 9, 8, -720},
    {"Conv2D", 9, 8, 1, 7, 1, 1, 1, "VALID", 9, 2, 878},
    {"Conv2D", 9, 8, 7, 1, 1, 1, 1, "SAME", 9, 8, 13},
    {"Conv2D", 9, 8, 7, 1, 1, 1, 1, "VALID", 3, 8, 2123},
    {"Conv2D", 7, 6, 1, 1, 1, 1, 1, "SAME", 7, 6, -1387},
    {"Conv2D", 7, 6, 1, 1, 2, 1, 1, "SAME", 4, 3, -370},
    {"Conv2D", 7, 6, 1, 1, 2, 1, 1, "VALID", 4, 3, -370},
    {"Conv2D", 10, 7, 3, 2, 3, 1, 1, "SAME", 4, 3, -213},
    {"Conv2D", 10, 7, 3, 2, 3, 1, 1, "VALID", 3, 2, 178},
    {"Conv2D", 9, 10, 3, 3, 1, 2, 2, "SAME", 9, 10, -274},
    {"Conv2D", 9, 10, 3, 3, 1, 2, 2, "VALID", 5, 6, 275},
    {"Conv2D", 8, 9, 3, 3, 1, 2, 1, "SAME", 8, 9, -16},
    {"Conv2D", 8, 9, 3, 3, 1, 2, 1, "VALID", 4, 7, 968},
    {"Conv2D", 8, 9, 2, 3, 1, 3, 2, "SAME", 8, 9, -359},
    {"Conv2D", 8, 9, 2, 3, 1, 3, 2, "VALID", 5, 5, -1853},
    {"Conv2D", 4, 4, 4, 4, 1, 1, 1, "SAME", 4, 4, -3645},
    {"Conv2D", 4, 4, 4, 4, 1, 1, 1, "VALID", 1, 1, 14},
    {"DepthwiseConv2dNative", 5, 5, 3, 3, 1, 1, 1, "SAME", 5, 5, 153},
    {"DepthwiseConv2dNative", 5, 5, 3, 3, 1, 1, 1, "VALID", 3, 3, -985},
    {"DepthwiseConv2dNative", 6, 6, 3, 3, 1, 1, 1, "SAME", 6, 6, -785},
    {"DepthwiseConv2dNative", 6, 6, 3, 3, 1, 1, 1, "VALID", 4, 4, -74},
    {"DepthwiseConv2dNative", 5, 5, 3, 3, 2, 1, 1, "SAME", 3, 3, -26},
    {"DepthwiseConv2dNative", 5, 5, 3, 3, 2, 1, 1, "VALID", 2, 2, 347},
    {"DepthwiseConv2dNative", 6, 6, 3, 3, 2, 1, 1, "SAME", 3, 3, -426},
    {"DepthwiseConv2dNative", 6, 6, 3, 3, 2, 1, 1, "VALID", 2, 2, 36},
    {"DepthwiseConv2dNative", 6, 7, 2, 2, 2, 1, 1, "SAME", 3, 4, -1350},
    {"DepthwiseConv2dNative", 6, 7, 2, 2, 2, 1, 1, "VALID", 3, 3, -1129},
    {"DepthwiseConv2dNative", 7, 7, 2, 2, 2, 1, 1, "SAME", 4, 4, -635},
    {"DepthwiseConv2dNative", 7, 7, 2, 2, 2, 1, 1, "VALID", 3, 3, -1129},
    {"DepthwiseConv2dNative", 7, 8, 5, 5, 2, 1, 1, "SAME", 4, 4, 588},
    {"DepthwiseConv2dNative", 7, 8, 5, 5, 2, 1, 1, "VALID", 2, 2, 430},
    {"DepthwiseConv2dNative", 9, 8, 1, 7, 1, 1, 1, "SAME", 9, 8, 768},
    {"DepthwiseConv2dNative", 9, 8, 1, 7, 1, 1, 1, "VALID", 9, 2, -368},
    {"DepthwiseConv2dNative", 10, 7, 3, 2, 3, 1, 1, "SAME", 4, 3, 455},
    {"DepthwiseConv2dNative", 10, 7, 3, 2, 3, 1, 1, "VALID", 3, 2, -746},
    {"DepthwiseConv2dNative", 9, 10, 3, 3, 1, 2, 2, "SAME", 9, 10, 1664},
    {"DepthwiseConv2dNative", 9, 10, 3, 3, 1, 2, 2, "VALID", 5, 6, -1634},
    {"DepthwiseConv2dNative", 8, 9, 3, 3, 1, 2, 1, "SAME", 8, 9, 418},
    {"DepthwiseConv2dNative", 8, 9, 3, 3, 1, 2, 1, "VALID", 4, 7, -4627},
    {"DepthwiseConv2dNative", 8, 9, 2, 3, 1, 3, 2, "SAME", 8, 9, -1830},
    {"DepthwiseConv2dNative", 8, 9, 2, 3, 1, 3, 2, "VALID", 5, 5, -2394},
    {"DepthwiseConv2dNative", 4, 4, 4, 4, 1, 1, 1, "SAME", 4, 4, -1953},
    {"DepthwiseConv2dNative", 4, 4, 4, 4, 1, 1, 1, "VALID", 1, 1, -13},
    {"AvgPool", 5, 5, 3, 3, 1, 1, 1, "SAME", 5, 5, 53.4444456},
    {"AvgPool", 5, 5, 3, 3, 1, 1, 1, "VALID", 3, 3, 5.44444659},
    {"AvgPool", 6, 6, 3, 3, 1, 1, 1, "SAME", 6, 6, 29.7499992},
    {"AvgPool", 6, 6, 3, 3, 1, 1, 1, "VALID", 4, 4, 21.777779},
    {"AvgPool", 5, 5, 3, 3, 2, 1, 1, "SAME", 3, 3, -1.91666758},
    {"AvgPool", 5, 5, 3, 3, 2, 1, 1, "VALID", 2, 2, -0.222219288},
    {"AvgPool", 6, 6, 3, 3, 2, 1, 1, "SAME", 3, 3, -16.8611123},
    {"AvgPool", 6, 6, 3, 3, 2, 1, 1, "VALID", 2, 2, -13.8888891},
    {"AvgPool", 6, 7, 2, 2, 2, 1, 1, "SAME", 3, 4, 13.5},
    {"AvgPool", 6, 7, 2, 2, 2, 1, 1, "VALID", 3, 3, -36.5},
    {"AvgPool", 7, 7, 2, 2, 2, 1, 1, "SAME", 4, 4, 24},
    {"AvgPool", 7, 7, 2, 2, 2, 1, 1, "VALID", 3, 3, -36.5},
    {"AvgPool", 7, 8, 5, 5, 2, 1, 1, "SAME", 4, 4, 10.7411119},
    {"AvgPool", 7, 8, 5, 5, 2, 1, 1, "VALID", 2, 2, 11.9999997},
    {"AvgPool", 9, 8, 1, 7, 1, 1, 1, "SAME", 9, 8, 10.1547686},
    {"AvgPool", 9, 8, 1, 7, 1, 1, 1, "VALID", 9, 2, 9.57142811},
    {"AvgPool", 10, 7, 3, 2, 3, 1, 1, "SAME", 4, 3, -14.5833337},
    {"AvgPool", 10, 7, 3, 2, 3, 1, 1, "VALID", 3, 2, -27.1666677},
    {"AvgPool", 4, 4, 4, 4, 1, 1, 1, "SAME", 4, 4, -58.7500044},
    {"AvgPool", 4, 4, 4, 4, 1, 1, 1, "VALID", 1, 1, -6.25},
    {"MaxPool", 5, 5, 3, 3, 1, 1, 1, "SAME", 5, 5, 1359},
    {"MaxPool", 5, 5, 3, 3, 1, 1, 1, "VALID", 3, 3, 565},
    {"MaxPool", 6, 6, 3, 3, 1, 1, 1, "SAME", 6, 6, 2285},
    {"MaxPool", 6, 6, 3, 3, 1, 1, 1, "VALID", 4, 4, 1043},
    {"MaxPool", 5, 5, 3, 3, 2, 1, 1, "SAME", 3, 3, 371},
    {"MaxPool", 5, 5, 3, 3, 2, 1, 1, "VALID", 2, 2, 231},
    {"MaxPool", 6, 6, 3, 3, 2, 1, 1, "SAME", 3, 3, 558},
    {"MaxPool", 6, 6, 3, 3, 2, 1, 1, "VALID", 2, 2, 216},
    {"MaxPool", 6, 7, 2, 2, 2, 1, 1, "SAME", 3, 4, 475},
    {"MaxPool", 6, 7, 2, 2, 2, 1, 1, "VALID", 3, 3, 417},
    {"MaxPool", 7, 7, 2, 2, 2, 1, 1, "SAME", 4, 4, 517},
    {"MaxPool", 7, 7, 2, 2, 2, 1, 1, "VALID", 3, 3, 417},
    {"MaxPool", 7, 8, 5, 5, 2, 1, 1, "SAME", 4, 4, 1398},
    {"MaxPool", 7, 8, 5, 5, 2, 1, 1, "VALID", 2, 2, 390},
    {"MaxPool", 9, 8, 1, 7, 1, 1, 1, "SAME", 9, 8, 2752},
    {"MaxPool", 9, 8, 1, 7, 1, 1, 1, "VALID", 9, 2, 745},
    {"MaxPool", 10, 7, 3, 2, 3, 1, 1, "SAME", 4, 3, 419},
    {"MaxPool", 10, 7, 3, 2, 3, 1, 1, "VALID", 3, 2, 372},
    {"MaxPool", 4, 4, 4, 4, 1, 1, 1, "SAME", 4, 4, 1096},
    {"MaxPool", 4, 4, 4, 4, 1, 1, 1, "VALID", 1, 1, 24},
    // clang-format on
};

void add_window_op(GraphWriter& g, const WindowCase& c) {
  const std::string op = c.op;
  const bool is_pool = op == "AvgPool" || op == "MaxPool";
  const int64_t out_c = op == "Conv2D" ? 4 : 1;
  g.placeholder("x", {1, c.h, c.w, 3});
  if (!is_pool) g.constant("w", {c.k_h, c.k_w, 3, out_c}, weights((size_t)(c.k_h * c.k_w * 3 * out_c)));
  NodeWriter& node = g.node("op", op, is_pool ? std::vector<std::string>{"x"} : std::vector<std::string>{"x", "w"});
  node.ints("strides", {1, c.stride, c.stride, 1}).text("padding", c.padding).text("data_format", "NHWC");
  if (is_pool) node.ints("ksize", {1, c.k_h, c.k_w, 1});
  if (!is_pool) node.ints("dilations", {1, c.dilation_h, c.dilation_w, 1});
}

// x -> op(x, 3-vector) on a [1, 2, 2, 3] map.
std::vector<float> with_constant(const std::string& op, bool constant_first,
                                 std::vector<float> constant = {2, -4, 0.5f}) {
  GraphWriter g;
  g.placeholder("x", {1, 2, 2, 3});
  g.constant("c", {(int64_t)constant.size()}, constant);
  g.node("op", op, constant_first ? std::vector<std::string>{"c", "x"} : std::vector<std::string>{"x", "c"});
  return run_flat(g, "op", pixels(12));
}

template <class Op>
std::vector<float> each(Op op) {
  std::vector<float> values = pixels(12);
  const float c[] = {2, -4, 0.5f};
  for (size_t i = 0; i < values.size(); ++i) values[i] = op(values[i], c[i % 3]);
  return values;
}

std::vector<float> unary(const std::string& op) {
  GraphWriter g;
  g.placeholder("x", {1, 2, 2, 3});
  g.node("op", op, {"x"});
  std::vector<float> x = pixels(12);
  for (float& v : x) v *= 2;
  return run_flat(g, "op", x);
}

const std::vector<float> kGamma = {1.5f, 0.5f, -2}, kBeta = {0.25f, -1, 3}, kMean = {0.5f, -0.75f, 2},
                         kVariance = {0.3f, 4, 0.01f};
const std::vector<float> kNormalised = {-14.7873287f,  -0.31258589f, 79.2770081f,  12.5532694f,
                                        -0.562554657f, 98.3462601f,  9.8192091f,   -0.812523425f,
                                        117.415512f,   7.08514977f,  -1.06249213f, 79.2770081f};

}  // namespace

TEST_CASE("convolutions and pools: shapes and values of SAME and VALID, strides and dilations are TensorFlow's") {
  for (const WindowCase& c : kWindowCases) {
    INFO(c.op, " ", c.h, "x", c.w, " window ", c.k_h, "x", c.k_w, " stride ", c.stride, " dilation ", c.dilation_h, ",",
         c.dilation_w, " ", c.padding);
    GraphWriter g;
    add_window_op(g, c);
    Network network;
    const std::vector<float> out = run_flat(g, "op", pixels((size_t)(c.h * c.w * 3)), &network);
    const Shape shape = value_named(network, "op").shape;
    CHECK(shape == Shape{c.out_h, c.out_w, std::string(c.op) == "Conv2D" ? 4u : 3u});
    CHECK(fingerprint(out) == doctest::Approx(c.expected).epsilon(1e-5));
  }
}

TEST_CASE("a stride may differ between height and width") {
  GraphWriter g;
  g.placeholder("x", {1, 5, 6, 3});
  g.node("op", "MaxPool", {"x"}).ints("strides", {1, 2, 3, 1}).ints("ksize", {1, 1, 1, 1}).text("padding", "VALID");
  const std::vector<float> x = pixels(5 * 6 * 3), out = run_flat(g, "op", x);
  REQUIRE(out.size() == 3 * 2 * 3);
  for (size_t i = 0; i < out.size(); ++i) {
    CHECK(out[i] == x[(i / 6 * 2 * 6 + i / 3 % 2 * 3) * 3 + i % 3]);
  }
}

TEST_CASE("batch norm spelled out as retrain.py's graphs do: Rsqrt, Mul, Sub, Add") {
  GraphWriter g;
  g.placeholder("x", {1, 2, 2, 3});
  g.constant("gamma", {3}, kGamma);
  g.constant("beta", {3}, kBeta);
  g.constant("moving_mean", {3}, kMean);
  g.constant("moving_variance", {3}, kVariance);
  g.scalar("epsilon", 0.001f);
  g.node("gamma/read", "Identity", {"gamma"});
  g.node("add", "Add", {"moving_variance", "epsilon"});
  g.node("Rsqrt", "Rsqrt", {"add"});
  g.node("mul", "Mul", {"Rsqrt", "gamma/read"});
  g.node("mul_1", "Mul", {"x", "mul"});
  g.node("mul_2", "Mul", {"moving_mean", "mul"});
  g.node("sub", "Sub", {"beta", "mul_2"});
  g.node("add_1", "AddV2", {"mul_1", "sub"});
  check_close(run_flat(g, "add_1", pixels(12)), kNormalised);
}

TEST_CASE("FusedBatchNorm of every version") {
  for (const char* op : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}) {
    for (const bool default_epsilon : {false, true}) {
      GraphWriter g;
      g.placeholder("x", {1, 2, 2, 3});
      g.constant("gamma", {3}, kGamma);
      g.constant("beta", {3}, kBeta);
      g.constant("mean", {3}, kMean);
      g.constant("variance", {3}, kVariance);
      NodeWriter& norm = g.node("bn", op, {"x", "gamma", "beta", "mean", "variance"}).flag("is_training", false);
      if (!default_epsilon) norm.number("epsilon", 0.001f);
      const std::vector<float> with_1e_4 = {-14.8098612f,  -0.312508583f, 82.6029816f,  12.5717049f,
                                            -0.562505484f, 102.503723f,   9.83354759f,  -0.812502384f,
                                            122.404472f,   7.09539127f,   -1.06249917f, 82.6029816f};
      INFO(op);
      check_close(run_flat(g, "bn", pixels(12)), default_epsilon ? with_1e_4 : kNormalised);
    }
  }
}

TEST_CASE("a factor or sum per channel, on either side") {
  check_close(with_constant("Add", false), each([](float x, float c) { return x + c; }));
  check_close(with_constant("AddV2", true), each([](float x, float c) { return x + c; }));
  check_close(with_constant("BiasAdd", false), each([](float x, float c) { return x + c; }));
  check_close(with_constant("Mul", false), each([](float x, float c) { return x * c; }));
  check_close(with_constant("Mul", true), each([](float x, float c) { return x * c; }));
  check_close(with_constant("Sub", false), each([](float x, float c) { return x - c; }));
  check_close(with_constant("Sub", true), each([](float x, float c) { return c - x; }));
  check_close(with_constant("RealDiv", false), each([](float x, float c) { return x / c; }));
  check_close(with_constant("Mul", false, {3}), each([](float x, float) { return x * 3; }));
}

TEST_CASE("activations") {
  std::vector<float> relu = pixels(12), relu6 = relu;
  for (float& x : relu) x = std::max(0.0f, 2 * x);
  for (float& x : relu6) x = std::min(6.0f, std::max(0.0f, 2 * x));
  CHECK(unary("Relu") == relu);
  CHECK(unary("Relu6") == relu6);
}

TEST_CASE("Softmax over the classes") {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 1});
  g.constant("w", {1, 5}, {-2, 0.5f, 3, 1, 0});
  g.constant_ints("shape", {2}, {1, 1});
  g.node("features", "Reshape", {"x", "shape"});
  g.node("logits", "MatMul", {"features", "w"});
  g.node("final_result", "Softmax", {"logits"});
  check_close(run_network(lowered(g), {1}), {0.00528903911f, 0.0644336864f, 0.784963012f, 0.106233187f, 0.0390810072f});
}

TEST_CASE("MatMul, also with its weights transposed") {
  for (const bool transpose : {false, true}) {
    GraphWriter g;
    g.placeholder("x", {1, 1, 1, 3});
    g.constant("w", transpose ? std::vector<int64_t>{4, 3} : std::vector<int64_t>{3, 4}, weights(12));
    g.node("features", "Squeeze", {"x"}).ints("squeeze_dims", {1, 2});
    g.node("out", "MatMul", {"features", "w"}).flag("transpose_b", transpose).flag("transpose_a", false);
    CHECK(run_network(lowered(g), {-5, 2, -2}) ==
          (transpose ? std::vector<float>{19, 14, 9, -6} : std::vector<float>{27, -12, -2, 12}));
  }
}

TEST_CASE("Mean over height and width, with and without its dimensions kept") {
  for (const bool keep : {false, true}) {
    for (const std::vector<int32_t>& axes : {std::vector<int32_t>{1, 2}, {2, 1}, {-3, -2}}) {
      GraphWriter g;
      g.placeholder("x", {1, 3, 2, 3});
      g.constant_ints("axes", {2}, axes);
      g.node("out", "Mean", {"x", "axes"}).flag("keep_dims", keep);
      check_close(run_network(lowered(g), pixels(18)), {2.6666667f, 0.5f, -3});
    }
  }
}

TEST_CASE("Squeeze and Reshape in the forms that graphs have") {
  const std::vector<float> x = pixels(3);
  for (const std::vector<int64_t>& axes : {std::vector<int64_t>{1, 2}, {-3, -2}, {}}) {
    GraphWriter g;
    g.placeholder("x", {1, 1, 1, 3});
    g.node("squeezed", "Squeeze", {"x"}).ints("squeeze_dims", axes);
    g.node("out", "Relu", {"squeezed"});
    CHECK(run_network(lowered(g), x) == std::vector<float>{0, 2, 0});
  }
  // A pixel, and a map of 2 x 1 x 3 that is flattened; [-1, -1] leaves nothing to work out and is refused.
  for (const std::vector<int32_t>& shape : {std::vector<int32_t>{-1, 6}, {1, 6}, {1, -1}, {-1, 1, 1, 6}}) {
    GraphWriter g;
    g.placeholder("x", {-1, 2, 1, 3});
    g.constant_ints("shape", {(int64_t)shape.size()}, shape);
    g.node("flat", "Reshape", {"x", "shape"});
    g.node("out", "Relu", {"flat"});
    CHECK(run_network(lowered(g), pixels(6)) == std::vector<float>{0, 2, 0, 5, 1, 0});
  }
}

TEST_CASE("a residual Add of two activations") {
  GraphWriter g;
  g.placeholder("x", {1, 2, 2, 3});
  g.node("relu", "Relu", {"x"});
  g.node("op", "AddV2", {"relu", "x"});
  CHECK(run_flat(g, "op", pixels(12)) == each([](float x, float) { return x > 0 ? 2 * x : x; }));
}

TEST_CASE("ConcatV2 along the channels, the axis from either end") {
  for (const int32_t axis : {3, -1}) {
    GraphWriter g;
    g.placeholder("x", {1, 1, 2, 3});
    g.node("relu", "Relu", {"x"});
    g.node("relu6", "Relu6", {"x"});
    g.constant_ints("axis", {}, {axis});
    g.node("op", "ConcatV2", {"relu", "x", "relu6", "axis"}).integer("N", 3);
    CHECK(run_flat(g, "op", {1, -2, 9, 4, 5, -6}) ==
          std::vector<float>{1, 0, 9, 1, -2, 9, 1, 0, 6, 4, 5, 0, 4, 5, -6, 4, 5, 0});
  }
}
