// Ops of one element or of two, normalisations, reductions, products: each alone in a graph, run in the engine and
// compared with plain loops.
#include <doctest/doctest.h>

#include <functional>

#include "tests/loaders/lower_case.h"

using namespace posy;

namespace {

const Map kMap = random_map(3, 4, 5);
const std::vector<float> kPerChannel = {2, -4, 0.5f, 3, -1.5f};

using Binary = std::function<double(double, double)>;
const std::pair<const char*, Binary> kBinaries[] = {
    {"Add", [](double a, double b) { return a + b; }},
    {"AddV2", [](double a, double b) { return a + b; }},
    {"Div", [](double a, double b) { return a / b; }},
    {"Maximum", [](double a, double b) { return std::max(a, b); }},
    {"Minimum", [](double a, double b) { return std::min(a, b); }},
    {"Mul", [](double a, double b) { return a * b; }},
    {"RealDiv", [](double a, double b) { return a / b; }},
    {"SquaredDifference", [](double a, double b) { return (a - b) * (a - b); }},
    {"Sub", [](double a, double b) { return a - b; }},
};

std::vector<float> unary(const std::string& op, const Map& x) {
  GraphWriter g = with_image(x);
  g.node("op", op, {"x"});
  return run_to(g, "op", x);
}

// Axes 1, 2, 3 of [1, h, w, c] that are reduced.
struct Axes {
  bool h, w, c;
};
Map reduced(const Map& x, Axes axes, const std::string& op) {
  return make_map(axes.h ? 1 : x.h, axes.w ? 1 : x.w, axes.c ? 1 : x.c, [&](int64_t y0, int64_t x0, int64_t c0) {
    double sum = 0, most = -INFINITY, least = INFINITY, count = 0;
    for (int64_t i = 0; i < x.h * x.w * x.c; ++i) {
      const int64_t y = i / x.c / x.w, column = i / x.c % x.w, c = i % x.c;
      if ((!axes.h && y != y0) || (!axes.w && column != x0) || (!axes.c && c != c0)) continue;
      sum += x.v[(size_t)i];
      most = std::max(most, (double)x.v[(size_t)i]);
      least = std::min(least, (double)x.v[(size_t)i]);
      ++count;
    }
    return op == "Sum" ? sum : op == "Mean" ? sum / count : op == "Max" ? most : least;
  });
}

}  // namespace

// ---- One element ----

TEST_CASE("functions of one element") {
  const Map positive = random_map(3, 4, 5, 0.1f, 4);
  const std::tuple<const char*, Map, std::function<double(double)>> cases[] = {
      {"Abs", kMap, [](double x) { return std::fabs(x); }},
      {"Elu", kMap, [](double x) { return x < 0 ? std::expm1(x) : x; }},
      {"Erf", kMap, [](double x) { return std::erf(x); }},
      {"Exp", kMap, [](double x) { return std::exp(x); }},
      {"Expm1", kMap, [](double x) { return std::expm1(x); }},
      {"Floor", kMap, [](double x) { return std::floor(x); }},
      {"Inv", positive, [](double x) { return 1 / x; }},
      {"Log", positive, [](double x) { return std::log(x); }},
      {"Log1p", positive, [](double x) { return std::log1p(x); }},
      {"Neg", kMap, [](double x) { return -x; }},
      {"Reciprocal", positive, [](double x) { return 1 / x; }},
      {"Relu", kMap, [](double x) { return std::max(x, 0.0); }},
      {"Relu6", random_map(3, 4, 5, -9, 9), [](double x) { return std::clamp(x, 0.0, 6.0); }},
      {"Rsqrt", positive, [](double x) { return 1 / std::sqrt(x); }},
      {"Selu", kMap, [](double x) { return 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * std::expm1(x) : x); }},
      {"Sigmoid", kMap, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"Softplus", kMap, [](double x) { return std::log1p(std::exp(x)); }},
      {"Softsign", kMap, [](double x) { return x / (1 + std::fabs(x)); }},
      {"Sqrt", positive, [](double x) { return std::sqrt(x); }},
      {"Square", kMap, [](double x) { return x * x; }},
      {"Tanh", kMap, [](double x) { return std::tanh(x); }},
  };
  for (const auto& [op, x, function] : cases) {
    INFO(std::string(op));
    CHECK(near(unary(op, x), each(x, function)));
  }
}

TEST_CASE("LeakyRelu with its slope, and with TensorFlow's default of 0.2") {
  for (const bool given : {false, true}) {
    GraphWriter g = with_image(kMap);
    NodeWriter& node = g.node("op", "LeakyRelu", {"x"});
    if (given) node.number("alpha", 0.05f);
    const float slope = given ? 0.05f : 0.2f;
    CHECK(near(run_to(g, "op", kMap), each(kMap, [&](float x) { return x < 0 ? slope * x : x; })));
  }
}

TEST_CASE("what does nothing at inference does nothing") {
  for (const char* op : {"Identity", "IdentityN", "CheckNumerics", "PreventGradient", "Snapshot", "StopGradient",
                         "PlaceholderWithDefault"}) {
    INFO(std::string(op));
    CHECK(unary(op, kMap) == kMap.v);
  }
}

TEST_CASE("each output of an IdentityN is one of its inputs") {
  GraphWriter g = with_image(kMap);
  g.scalar("two", 2);
  g.node("doubled", "Mul", {"x", "two"});
  g.node("both", "IdentityN", {"x", "doubled", "two"});
  g.node("op", "Mul", {"both:1", "both:2"});
  CHECK(near(run_to(g, "op", kMap), each(kMap, [](float x) { return 4 * x; })));
}

TEST_CASE("powers that are an op of their own; others are refused") {
  const Map x = random_map(3, 4, 5, 0.2f, 3);
  for (const float exponent : {1.0f, 2.0f, 3.0f, 0.5f, -0.5f, -1.0f, 1.7f}) {
    INFO(exponent);
    GraphWriter g = with_image(x);
    g.scalar("y", exponent);
    g.node("op", "Pow", {"x", "y"});
    if (exponent == 1.7f) {
      CHECK(contains(refusal([&] { run_to(g, "op", x); }), "powers"));
    } else {
      CHECK(near(run_to(g, "op", x), each(x, [&](float v) { return std::pow((double)v, exponent); })));
    }
  }
}

// ---- Two elements ----

TEST_CASE("functions of two activations of one shape") {
  for (const auto& [op, function] : kBinaries) {
    INFO(std::string(op));
    GraphWriter g = with_image(kMap);
    g.scalar("four", 4);
    g.node("square", "Square", {"x"});
    g.node("other", "Add", {"square", "four"});
    g.node("op", op, {"x", "other"});
    CHECK(near(run_to(g, "op", kMap), each(kMap, [&, f = function](float x) { return f(x, (double)x * x + 4); })));
  }
}

TEST_CASE("a smaller activation is repeated along the axes in which it has one element, on either side") {
  const Axes kinds[] = {{true, true, false}, {false, false, true}, {true, false, false}, {false, true, true}};
  for (const Axes& axes : kinds) {
    std::vector<int32_t> list;
    for (const auto& [is, axis] : {std::pair<bool, int32_t>{axes.h, 1}, {axes.w, 2}, {axes.c, 3}}) {
      if (is) list.push_back(axis);
    }
    const Map small = reduced(kMap, axes, "Max");
    const auto other = [&](int64_t y, int64_t x, int64_t c) {
      return small.at(axes.h ? 0 : y, axes.w ? 0 : x, axes.c ? 0 : c);
    };
    for (const auto& [op, function] : kBinaries) {
      for (const bool is_first : {false, true}) {
        INFO(std::string(op), " with ", small.h, " x ", small.w, " x ", small.c, ", first: ", is_first);
        GraphWriter g = with_image(kMap);
        g.constant_ints("axes", {(int64_t)list.size()}, list);
        g.node("small", "Max", {"x", "axes"}).flag("keep_dims", true);
        g.node("op", op, is_first ? std::vector<std::string>{"small", "x"} : std::vector<std::string>{"x", "small"});
        const Map expected = make_map(kMap.h, kMap.w, kMap.c, [&, f = function](int64_t y, int64_t x, int64_t c) {
          const double a = kMap.at(y, x, c), b = other(y, x, c);
          return is_first ? f(b, a) : f(a, b);
        });
        CHECK(near(run_to(g, "op", kMap), expected));
      }
    }
  }
}

TEST_CASE("a vector of the channels meets a map of the channels") {
  GraphWriter g = with_image(kMap);
  g.constant_ints("axes", {2}, {1, 2});
  g.node("mean", "Mean", {"x", "axes"});
  g.node("op", "Mul", {"mean", "x"});
  const Map mean = reduced(kMap, {true, true, false}, "Mean");
  CHECK(near(run_to(g, "op", kMap), each_channel(kMap, [&](float x, int64_t c) { return x * mean.at(0, 0, c); })));
}

TEST_CASE("a constant per channel, or one for all, of any rank and on either side") {
  const std::vector<int64_t> shapes[] = {{5}, {1, 5}, {1, 1, 5}, {1, 1, 1, 5}, {}, {1}, {1, 1, 1, 1}};
  for (const auto& [op, function] : kBinaries) {
    for (const std::vector<int64_t>& shape : shapes) {
      for (const bool is_first : {false, true}) {
        INFO(std::string(op), " ", shape_text(shape), ", first: ", is_first);
        const Map x = std::string(op).find("Div") == std::string::npos ? kMap : random_map(3, 4, 5, 0.5f, 3);
        const bool is_one = shape.empty() || shape.back() == 1;
        GraphWriter g = with_image(x);
        g.constant("c", shape, is_one ? std::vector<float>{-1.5f} : kPerChannel);
        g.node("op", op, is_first ? std::vector<std::string>{"c", "x"} : std::vector<std::string>{"x", "c"});
        const Map expected = each_channel(x, [&, f = function](float a, int64_t channel) {
          const double c = is_one ? -1.5 : kPerChannel[(size_t)channel];
          return is_first ? f(c, a) : f(a, c);
        });
        CHECK(near(run_to(g, "op", x), expected));
      }
    }
  }
}

TEST_CASE("one channel against several constants becomes several channels") {
  const Map x = random_map(3, 4, 1, 0.5f, 2);
  for (const auto& [op, function] : kBinaries) {
    for (const bool is_first : {false, true}) {
      INFO(std::string(op), ", first: ", is_first);
      GraphWriter g = with_image(x);
      g.constant("c", {5}, kPerChannel);
      g.node("op", op, is_first ? std::vector<std::string>{"c", "x"} : std::vector<std::string>{"x", "c"});
      const Map expected = make_map(3, 4, 5, [&, f = function](int64_t row, int64_t column, int64_t channel) {
        const double a = x.at(row, column, 0), c = kPerChannel[(size_t)channel];
        return is_first ? f(c, a) : f(a, c);
      });
      CHECK(near(run_to(g, "op", x), expected));
    }
  }
}

TEST_CASE("a constant with more axes than the activation gives it leading ones") {
  GraphWriter g = with_image(kMap);
  g.constant_ints("axes", {2}, {1, 2});
  g.node("sum", "Sum", {"x", "axes"});
  g.constant("c", {1, 1, 1, 5}, kPerChannel);
  g.node("scaled", "Mul", {"sum", "c"});
  g.node("op", "Add", {"x", "scaled"});
  const Map sum = reduced(kMap, {true, true, false}, "Sum");
  CHECK(near(run_to(g, "op", kMap),
             each_channel(kMap, [&](float x, int64_t c) { return x + sum.at(0, 0, c) * kPerChannel[(size_t)c]; })));
}

TEST_CASE("a constant that varies along height or width, in a graph of either order") {
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{3, 1, 1}, {4, 1}, {1, 4, 5}, {3, 4, 5}, {1, 3, 4, 1}}) {
    for (const auto& [op, function] : kBinaries) {
      INFO(std::string(op), " ", shape_text(shape));
      const Map x = std::string(op).find("Div") == std::string::npos ? kMap : random_map(3, 4, 5, 0.5f, 3);
      size_t count = 1;
      for (const int64_t d : shape) count *= (size_t)d;
      const std::vector<float> c = random_floats(count, 1, 0.5f, 2);
      // The constant's axes from the end: channels, columns, rows.
      const auto size = [&](size_t from_end) {
        return from_end < shape.size() ? shape[shape.size() - 1 - from_end] : 1;
      };
      const auto constant_at = [&](int64_t row, int64_t column, int64_t channel) {
        const int64_t in_row = size(0) == 1 ? 0 : channel, in_map = size(1) == 1 ? 0 : column;
        return c[(size_t)(((size(2) == 1 ? 0 : row) * size(1) + in_map) * size(0) + in_row)];
      };
      const Map expected = make_map(3, 4, 5, [&, f = function](int64_t row, int64_t column, int64_t channel) {
        return f(x.at(row, column, channel), constant_at(row, column, channel));
      });
      GraphWriter g = with_image(x);
      g.constant("c", shape, c);
      g.node("op", op, {"x", "c"});
      CHECK(near(run_to(g, "op", x), expected));

      // The same between a transposition to NCHW and one back.
      GraphWriter turned = with_image(x);
      turned.constant_ints("to", {4}, {0, 3, 1, 2});
      turned.constant_ints("back", {4}, {0, 2, 3, 1});
      turned.constant("c", {1, size(2), size(1), size(0)}, c);
      turned.node("c/turned", "Transpose", {"c", "to"});
      turned.node("x/turned", "Transpose", {"x", "to"});
      turned.node("y", op, {"x/turned", "c/turned"});
      turned.node("op", "Transpose", {"y", "back"});
      CHECK(near(run_to(turned, "op", x), expected));
    }
  }
}

TEST_CASE("refused: a constant whose shape does not fit") {
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{4}, {2}, {2, 1, 1}, {2, 4, 5}, {2, 1, 1, 5}}) {
    GraphWriter g = with_image(kMap);
    size_t count = 1;
    for (const int64_t d : shape) count *= (size_t)d;
    g.constant("c", shape, random_floats(count, 1));
    g.node("op", "Add", {"x", "c"});
    INFO(shape_text(shape));
    CHECK(contains(refusal([&] { run_to(g, "op", kMap); }), "does not fit"));
  }
}

TEST_CASE("AddN adds any number of activations, and constants") {
  GraphWriter g = with_image(kMap);
  g.constant("c", {5}, kPerChannel);
  g.node("square", "Square", {"x"});
  g.node("op", "AddN", {"x", "square", "c", "x"});
  CHECK(near(run_to(g, "op", kMap),
             each_channel(kMap, [](float x, int64_t c) { return 2 * x + x * x + kPerChannel[(size_t)c]; })));
}

TEST_CASE("BiasAdd on a map and on a vector") {
  GraphWriter g = with_image(kMap);
  g.constant("b", {5}, kPerChannel);
  g.node("biased", "BiasAdd", {"x", "b"});
  g.constant_ints("axes", {2}, {1, 2});
  g.node("mean", "Mean", {"biased", "axes"});
  g.node("op", "BiasAdd", {"mean", "b"});
  const Map mean = reduced(kMap, {true, true, false}, "Mean");
  CHECK(near(run_to(g, "op", kMap),
             each_channel(mean, [](float x, int64_t c) { return x + 2 * kPerChannel[(size_t)c]; })));
}

// ---- Normalisations ----

TEST_CASE("BatchNormWithGlobalNormalization, with and without its factor") {
  const std::vector<float> mean = {0.5f, -1, 2, 0, 1}, variance = {1, 4, 0.25f, 0.01f, 9}, beta = {1, 2, 3, 4, 5};
  for (const bool scales : {false, true}) {
    GraphWriter g = with_image(kMap);
    g.constant("mean", {5}, mean);
    g.constant("variance", {5}, variance);
    g.constant("beta", {5}, beta);
    g.constant("gamma", {5}, kPerChannel);
    g.node("op", "BatchNormWithGlobalNormalization", {"x", "mean", "variance", "beta", "gamma"})
        .number("variance_epsilon", 0.001f)
        .flag("scale_after_normalization", scales);
    CHECK(near(run_to(g, "op", kMap), each_channel(kMap, [&](float x, int64_t i) {
                 const size_t c = (size_t)i;
                 const double gamma = scales ? kPerChannel[c] : 1;
                 return (x - (double)mean[c]) / std::sqrt(variance[c] + 0.001) * gamma + beta[c];
               })));
  }
}

TEST_CASE("LRN over neighbouring channels, with its attributes and with TensorFlow's defaults") {
  const Map x = random_map(2, 3, 13);
  for (const bool given : {false, true}) {
    GraphWriter g = with_image(x);
    NodeWriter& node = g.node("op", "LRN", {"x"});
    if (given) node.integer("depth_radius", 2).number("bias", 2).number("alpha", 0.1f).number("beta", 0.75f);
    const int64_t radius = given ? 2 : 5;
    const double bias = given ? 2 : 1, alpha = given ? 0.1f : 1, beta = given ? 0.75 : 0.5;
    const Map expected = make_map(x.h, x.w, x.c, [&](int64_t row, int64_t column, int64_t c) {
      double sum = 0;
      for (int64_t n = std::max<int64_t>(0, c - radius); n <= std::min(x.c - 1, c + radius); ++n) {
        sum += (double)x.at(row, column, n) * x.at(row, column, n);
      }
      return x.at(row, column, c) / std::pow(bias + alpha * sum, beta);
    });
    CHECK(near(run_to(g, "op", x), expected));
  }
}

TEST_CASE("Softmax and LogSoftmax of every pixel over its channels") {
  for (const bool is_log : {false, true}) {
    GraphWriter g = with_image(kMap);
    g.node("op", is_log ? "LogSoftmax" : "Softmax", {"x"});
    const Map expected = make_map(kMap.h, kMap.w, kMap.c, [&](int64_t row, int64_t column, int64_t c) {
      double sum = 0;
      for (int64_t n = 0; n < kMap.c; ++n) sum += std::exp((double)kMap.at(row, column, n));
      const double log = kMap.at(row, column, c) - std::log(sum);
      return is_log ? log : std::exp(log);
    });
    CHECK(near(run_to(g, "op", kMap), expected));
  }
}

TEST_CASE("fake quantization rounds to the nudged levels of its range") {
  for (const bool as_vars : {false, true}) {
    GraphWriter g = with_image(kMap);
    if (as_vars) {
      g.scalar("min", -1.02f);
      g.scalar("max", 1.53f);
      g.node("op", "FakeQuantWithMinMaxVars", {"x", "min", "max"});
    } else {
      g.node("op", "FakeQuantWithMinMaxArgs", {"x"}).number("min", -1.02f).number("max", 1.53f);
    }
    // 255 steps of 0.01: 0 is level 102, so nothing has to be nudged.
    const std::vector<float> got = run_to(g, "op", kMap);
    CHECK(near(got, each(kMap, [](float x) { return std::round(std::clamp(x, -1.02f, 1.53f) / 0.01) * 0.01; })));
  }
  GraphWriter g = with_image(kMap);
  g.node("op", "FakeQuantWithMinMaxArgs", {"x"});  // -6 to 6
  const double step = 12.0 / 255;
  CHECK(near(run_to(g, "op", kMap), each(kMap, [&](float x) { return std::round(x / step) * step; })));
}

// ---- Reductions ----

TEST_CASE("reductions over any of height, width and channels, with and without the dimensions kept") {
  const std::vector<int32_t> lists[] = {{1, 2}, {3}, {1}, {2}, {1, 2, 3}, {-1}, {-2, 1}, {2, 3}, {3, 1}};
  for (const char* op : {"Mean", "Sum", "Max", "Min"}) {
    for (const std::vector<int32_t>& list : lists) {
      for (const bool keep : {false, true}) {
        INFO(std::string(op), " over ", list.size(), " axes, first ", list[0], ", kept: ", keep);
        Axes axes = {};
        for (const int32_t axis : list) (axis % 4 == 1 ? axes.h : (axis + 4) % 4 == 2 ? axes.w : axes.c) = true;
        GraphWriter g = with_image(kMap);
        g.constant_ints("axes", {(int64_t)list.size()}, list);
        g.node("reduced", op, {"x", "axes"}).flag("keep_dims", keep);
        // Something behind it sees the shape.
        g.node("op", "Abs", {"reduced"});
        CHECK(near(run_to(g, "op", kMap), each(reduced(kMap, axes, op), [](float x) { return std::fabs(x); })));
      }
    }
  }
}

TEST_CASE("a reduction of a vector") {
  GraphWriter g = with_image(kMap);
  g.constant_ints("axes", {2}, {1, 2});
  g.constant_ints("last", {}, {1});
  g.node("vector", "Mean", {"x", "axes"});
  g.node("max", "Max", {"vector", "last"}).flag("keep_dims", true);
  g.node("op", "Sub", {"vector", "max"});
  const Map mean = reduced(kMap, {true, true, false}, "Mean");
  const float most = *std::max_element(mean.v.begin(), mean.v.end());
  CHECK(near(run_to(g, "op", kMap), each(mean, [&](float x) { return x - most; })));
}

TEST_CASE("refused: a reduction over the batch, or over an axis that is not there") {
  for (const int32_t axis : {0, 4, -4, -5}) {
    GraphWriter g = with_image(kMap);
    g.constant_ints("axes", {1}, {axis});
    g.node("op", "Sum", {"x", "axes"});
    CHECK(contains(refusal([&] { run_to(g, "op", kMap); }), "reduces over the batch"));
  }
}

// ---- Products ----

TEST_CASE("products of two activations, the second also transposed: attention") {
  const Map x = random_map(6, 1, 5);  // six tokens of five features
  for (const char* op : {"BatchMatMul", "BatchMatMulV2", "MatMul"}) {
    INFO(std::string(op));
    GraphWriter g = with_image(x);
    const bool is_plain = std::string(op) == "MatMul";
    if (is_plain) {
      // The rows of a matrix without a batch are the batch itself, so there is one.
      g.constant_ints("shape", {2}, {1, 30});
    } else {
      g.constant_ints("shape", {3}, {1, 6, 5});
    }
    g.node("tokens", "Reshape", {"x", "shape"});
    g.node("double", "AddV2", {"tokens", "tokens"});
    g.node("op", op, {"tokens", "double"}).flag(is_plain ? "transpose_b" : "adj_y", true);
    const Map y = is_plain ? Map{1, 1, 30, x.v} : Map{1, 6, 5, x.v};
    const Map products = make_map(1, y.w, y.w, [&](int64_t, int64_t row, int64_t column) {
      double sum = 0;
      for (int64_t i = 0; i < y.c; ++i) sum += 2.0 * y.at(0, row, i) * y.at(0, column, i);
      return sum;
    });
    CHECK(near(run_to(g, "op", x), products));
  }
  GraphWriter g = with_image(x);
  g.constant_ints("shape", {3}, {1, 6, 5});
  g.node("tokens", "Reshape", {"x", "shape"});
  g.node("weights", "BatchMatMulV2", {"tokens", "tokens"}).flag("adj_y", true);
  g.node("op", "BatchMatMulV2", {"weights", "tokens"});
  const Map expected = make_map(1, 6, 5, [&](int64_t, int64_t row, int64_t c) {
    double sum = 0;
    for (int64_t k = 0; k < 6; ++k) {
      double weight = 0;
      for (int64_t i = 0; i < 5; ++i) weight += (double)x.at(row, 0, i) * x.at(k, 0, i);
      sum += weight * x.at(k, 0, c);
    }
    return sum;
  });
  CHECK(near(run_to(g, "op", x), expected));
}

TEST_CASE("a product of every token with constant weights of rank two or three") {
  const Map x = random_map(6, 1, 5);
  const std::vector<float> w = random_floats(15, 3);
  for (const bool has_batch : {false, true}) {
    for (const bool transposed : {false, true}) {
      INFO(has_batch, " ", transposed);
      GraphWriter g = with_image(x);
      g.constant_ints("shape", {3}, {1, 6, 5});
      g.node("tokens", "Reshape", {"x", "shape"});
      std::vector<int64_t> dims = transposed ? std::vector<int64_t>{3, 5} : std::vector<int64_t>{5, 3};
      if (has_batch) dims.insert(dims.begin(), 1);
      g.constant("w", dims, w);
      g.node("op", "BatchMatMulV2", {"tokens", "w"}).flag("adj_y", transposed);
      const Map expected = make_map(1, 6, 3, [&](int64_t, int64_t row, int64_t o) {
        double sum = 0;
        for (int64_t i = 0; i < 5; ++i)
          sum += (double)x.at(row, 0, i) * w[(size_t)(transposed ? o * 5 + i : i * 3 + o)];
        return sum;
      });
      CHECK(near(run_to(g, "op", x), expected));
    }
  }
}

TEST_CASE("refused: a product whose first operand is transposed, or whose sizes do not fit") {
  const Map x = random_map(1, 1, 5);
  GraphWriter g = with_image(x);
  g.constant("w", {4, 3}, random_floats(12, 1));
  g.node("features", "Squeeze", {"x"}).ints("squeeze_dims", {1, 2});
  g.node("a", "MatMul", {"features", "w"});
  g.node("b", "MatMul", {"features", "w"}).flag("transpose_a", true);
  LowerOptions options;
  options.output_node = "a";
  CHECK(contains(refusal([&] { lowered(g, options); }), "4 rows, its input 5 features"));
  options.output_node = "b";
  CHECK(contains(refusal([&] { lowered(g, options); }), "transposed is not supported"));
}

TEST_CASE("a constant divided by something infinite is zero") {
  const Map x = {1, 1, 3, {100, -100, 0}};
  GraphWriter g = with_image(x);
  g.scalar("one", 1);
  g.node("exp", "Exp", {"x"});
  g.node("sum", "Add", {"exp", "one"});
  g.node("op", "RealDiv", {"one", "sum"});
  CHECK(near(run_to(g, "op", x), std::vector<float>{0, 1, 0.5f}));
}

TEST_CASE("a mean over more positions than a window may have") {
  const Map x = random_map(100, 100, 1);
  GraphWriter g = with_image(x);
  g.constant_ints("list/shape", {3}, {1, 10000, 1});
  g.constant_ints("axis", {}, {1});
  g.node("list", "Reshape", {"x", "list/shape"});
  g.node("op", "Mean", {"list", "axis"});
  double sum = 0;
  for (const float v : x.v) sum += v;
  CHECK(near(run_to(g, "op", x), std::vector<float>{(float)(sum / 10000)}, 5e-5));
}
