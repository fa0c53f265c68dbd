// Graphs in NCHW order (channels first) against the same graph in NHWC order: the scores are the same floats.
#include <doctest/doctest.h>

#include <functional>

#include "tests/loaders/lower_case.h"

using namespace posy;

namespace {

const Map kMap = random_map(6, 7, 4);
using Strings = std::vector<std::string>;

// The four numbers of an attribute, or four pairs, in the order of the graph.
template <class T>
std::vector<T> ordered(bool nchw, std::vector<T> list) {
  if (!nchw) return list;
  const size_t n = list.size() / 4;
  std::vector<T> turned;
  for (const size_t axis : {0, 3, 1, 2}) {
    turned.insert(turned.end(), list.begin() + (std::ptrdiff_t)(axis * n),
                  list.begin() + (std::ptrdiff_t)(axis * n + n));
  }
  return turned;
}

// What `add` makes of "in", a map of the graph's order, as "op". The graph is fed NHWC, transposes, and transposes back
// if asked to.
using Add = std::function<void(GraphWriter&, bool nchw)>;
std::vector<float> run_in_order(bool nchw, const Add& add, bool back = true) {
  GraphWriter g = with_image(kMap);
  if (!nchw) {
    g.node("in", "Identity", {"x"});
    add(g, false);
    return run_to(g, "op", kMap);
  }
  g.constant_ints("to_first", {4}, {0, 3, 1, 2});
  g.constant_ints("to_last", {4}, {0, 2, 3, 1});
  g.node("in", "Transpose", {"x", "to_first"});
  add(g, true);
  if (back) g.node("back", "Transpose", {"op", "to_last"});
  return run_to(g, back ? "back" : "op", kMap);
}

void check_orders(const char* name, const Add& add) {
  INFO(std::string(name));
  CHECK(run_in_order(true, add) == run_in_order(false, add));
}

}  // namespace

TEST_CASE("an op with a data_format does the same in both orders") {
  const auto format = [](NodeWriter& node, bool nchw) { node.text("data_format", nchw ? "NCHW" : "NHWC"); };
  for (const char* padding : {"SAME", "VALID", "EXPLICIT"}) {
    check_orders("Conv2D", [&](GraphWriter& g, bool nchw) {
      g.constant("w", {3, 2, 4, 5}, random_floats(120, 2));
      NodeWriter& node = g.node("op", "Conv2D", {"in", "w"}).text("padding", padding);
      format(node.ints("strides", ordered<int64_t>(nchw, {1, 2, 1, 1})), nchw);
      if (std::string(padding) == "EXPLICIT") {
        node.ints("explicit_paddings", ordered<int64_t>(nchw, {0, 0, 1, 2, 0, 1, 0, 0}));
      } else {
        node.ints("dilations", ordered<int64_t>(nchw, {1, 1, 2, 1}));
      }
    });
    if (std::string(padding) == "EXPLICIT") continue;
    check_orders("DepthwiseConv2dNative", [&](GraphWriter& g, bool nchw) {
      g.constant("w", {3, 3, 4, 1}, random_floats(36, 3));
      format(g.node("op", "DepthwiseConv2dNative", {"in", "w"})
                 .text("padding", padding)
                 .ints("strides", ordered<int64_t>(nchw, {1, 2, 2, 1})),
             nchw);
    });
    for (const char* op : {"MaxPool", "AvgPool"}) {
      check_orders(op, [&](GraphWriter& g, bool nchw) {
        format(g.node("op", op, {"in"})
                   .text("padding", padding)
                   .ints("ksize", ordered<int64_t>(nchw, {1, 3, 2, 1}))
                   .ints("strides", ordered<int64_t>(nchw, {1, 2, 3, 1})),
               nchw);
      });
    }
  }
  check_orders("BiasAdd", [&](GraphWriter& g, bool nchw) {
    g.constant("b", {4}, {1, -2, 3, -4});
    format(g.node("op", "BiasAdd", {"in", "b"}), nchw);
  });
  for (const char* op : {"FusedBatchNorm", "FusedBatchNormV3"}) {
    check_orders(op, [&](GraphWriter& g, bool nchw) {
      for (const char* name : {"gamma", "beta", "mean"}) g.constant(name, {4}, random_floats(4, (uint32_t)name[0]));
      g.constant("variance", {4}, {1, 2, 0.5f, 3});
      format(g.node("op", op, {"in", "gamma", "beta", "mean", "variance"}).flag("is_training", false), nchw);
    });
  }
}

TEST_CASE("an op with axes or shapes does the same in both orders") {
  check_orders("ConcatV2", [](GraphWriter& g, bool nchw) {
    g.node("square", "Square", {"in"});
    g.constant_ints("axis", {}, {nchw ? 1 : 3});
    g.node("op", "ConcatV2", {"in", "square", "axis"});
  });
  check_orders("Split", [](GraphWriter& g, bool nchw) {
    g.constant_ints("axis", {}, {nchw ? -3 : -1});
    g.node("split", "Split", {"axis", "in"}).integer("num_split", 2);
    g.node("op", "Tanh", {"split:1"});
  });
  check_orders("Slice", [](GraphWriter& g, bool nchw) {
    g.constant_ints("begin", {4}, ordered<int32_t>(nchw, {0, 1, 2, 1}));
    g.constant_ints("size", {4}, ordered<int32_t>(nchw, {1, 3, -1, 2}));
    g.node("op", "Slice", {"in", "begin", "size"});
  });
  check_orders("StridedSlice", [](GraphWriter& g, bool nchw) {
    g.constant_ints("begin", {4}, ordered<int32_t>(nchw, {0, 1, 0, 1}));
    g.constant_ints("end", {4}, ordered<int32_t>(nchw, {1, 6, 7, 3}));
    g.constant_ints("strides", {4}, ordered<int32_t>(nchw, {1, 2, 3, 1}));
    g.node("op", "StridedSlice", {"in", "begin", "end", "strides"});
  });
  for (const char* op : {"Pad", "MirrorPad"}) {
    check_orders(op, [&](GraphWriter& g, bool nchw) {
      g.constant_ints("paddings", {4, 2}, ordered<int32_t>(nchw, {0, 0, 1, 2, 3, 0, 0, 0}));
      g.node("op", op, {"in", "paddings"}).text("mode", "REFLECT");
    });
  }
  for (const char* op : {"Mean", "Max"}) {
    for (const bool spatial : {false, true}) {
      check_orders(op, [&](GraphWriter& g, bool nchw) {
        const std::vector<int32_t> axes =
            spatial ? std::vector<int32_t>{nchw ? 2 : 1, nchw ? 3 : 2} : std::vector<int32_t>{nchw ? 1 : 3};
        g.constant_ints("axes", {(int64_t)axes.size()}, axes);
        g.node("op", op, {"in", "axes"}).flag("keep_dims", true);
      });
    }
  }
  check_orders("Mul", [](GraphWriter& g, bool nchw) {
    g.constant("c", nchw ? std::vector<int64_t>{4, 1, 1} : std::vector<int64_t>{4}, {1, -2, 0.5f, 3});
    g.node("op", "Mul", {"in", "c"});
  });
  check_orders("squeeze and excite", [](GraphWriter& g, bool nchw) {
    g.constant_ints("axes", {2}, nchw ? std::vector<int32_t>{2, 3} : std::vector<int32_t>{1, 2});
    g.node("mean", "Mean", {"in", "axes"}).flag("keep_dims", true);
    g.node("gate", "Sigmoid", {"mean"});
    g.node("op", "Mul", {"gate", "in"});
  });
  check_orders("Reshape of a pixel", [](GraphWriter& g, bool nchw) {
    g.constant_ints("axes", {2}, nchw ? std::vector<int32_t>{2, 3} : std::vector<int32_t>{1, 2});
    g.node("mean", "Mean", {"in", "axes"});
    g.constant_ints("shape", {4}, ordered<int32_t>(nchw, {1, 1, 1, 4}));
    g.node("pixel", "Reshape", {"mean", "shape"});
    g.node("op", "Add", {"pixel", "in"});
  });
}

TEST_CASE("what is flattened without a transposition has the graph's own order") {
  const Map relu = each(kMap, [](float x) { return std::max(x, 0.0f); });
  const Add add = [](GraphWriter& g, bool) { g.node("op", "Relu", {"in"}); };
  CHECK(run_in_order(true, add, false) == channels_first(relu));
  CHECK(run_in_order(false, add, false) == relu.v);
}

TEST_CASE("Mean over height and width without its dimensions kept gives the channels") {
  for (const char* op : {"Mean", "Sum", "Max", "Min"}) {
    const Add add = [&](GraphWriter& g, bool nchw) {
      g.constant_ints("axes", {2}, nchw ? std::vector<int32_t>{2, 3} : std::vector<int32_t>{1, 2});
      g.node("op", op, {"in", "axes"});
    };
    INFO(std::string(op));
    CHECK(run_in_order(true, add, false) == run_in_order(false, add, false));
  }
}

TEST_CASE("a reduction without its dimensions kept, over one axis of a graph in NCHW order") {
  const auto sum_over = [](int32_t axis) {
    return run_in_order(
        true,
        [=](GraphWriter& g, bool) {
          g.constant_ints("axes", {1}, {axis});
          g.node("sum", "Sum", {"in", "axes"});
          g.node("op", "Abs", {"sum"});
        },
        false);
  };
  std::vector<float> over_c, over_h, over_w;
  const auto sum = [](int64_t count, auto at) {
    double total = 0;
    for (int64_t i = 0; i < count; ++i) total += at(i);
    return (float)std::fabs(total);
  };
  for (int64_t y = 0; y < 6; ++y) {
    for (int64_t x = 0; x < 7; ++x) over_c.push_back(sum(4, [&](int64_t i) { return kMap.at(y, x, i); }));
  }
  for (int64_t c = 0; c < 4; ++c) {
    for (int64_t x = 0; x < 7; ++x) over_h.push_back(sum(6, [&](int64_t i) { return kMap.at(i, x, c); }));
    for (int64_t y = 0; y < 6; ++y) over_w.push_back(sum(7, [&](int64_t i) { return kMap.at(y, i, c); }));
  }
  CHECK(near(sum_over(1), over_c));
  CHECK(near(sum_over(2), over_h));
  CHECK(near(sum_over(3), over_w));
}

TEST_CASE("Softmax goes over the last axis, which are the columns of a graph in NCHW order") {
  const std::vector<float> got = run_in_order(
      true, [](GraphWriter& g, bool) { g.node("op", "Softmax", {"in"}); }, false);
  std::vector<float> expected;
  for (int64_t c = 0; c < 4; ++c) {
    for (int64_t y = 0; y < 6; ++y) {
      double sum = 0;
      for (int64_t x = 0; x < 7; ++x) sum += std::exp((double)kMap.at(y, x, c));
      for (int64_t x = 0; x < 7; ++x) expected.push_back((float)(std::exp((double)kMap.at(y, x, c)) / sum));
    }
  }
  CHECK(near(got, expected));
}

TEST_CASE("activations of both orders meet: one of them is turned") {
  for (const bool first : {false, true}) {
    GraphWriter g = with_image(random_map(4, 4, 4));
    const Map x = random_map(4, 4, 4);
    g.constant_ints("to_first", {4}, {0, 3, 1, 2});
    g.node("turned", "Transpose", {"x", "to_first"});
    g.node("square", "Square", {"turned"});
    // The graph adds [1, c, h, w] to [1, h, w, c], whose sizes happen to fit.
    g.node("op", "Sub", first ? Strings{"square", "x"} : Strings{"x", "square"});
    std::vector<float> expected;
    for (int64_t a = 0; a < 4; ++a) {
      for (int64_t b = 0; b < 4; ++b) {
        for (int64_t c = 0; c < 4; ++c) {
          const float square = x.at(b, c, a) * x.at(b, c, a), plain = x.at(a, b, c);
          expected.push_back(first ? square - plain : plain - square);
        }
      }
    }
    CHECK(near(run_to(g, "op", x), expected));
  }
}

TEST_CASE("a whole network in NCHW order, its placeholder too, scores what it scores in NHWC order") {
  const Map x = random_map(12, 10, 3);
  std::vector<float> scores[2];
  for (const bool nchw : {false, true}) {
    const auto format = [&](NodeWriter& node) { node.text("data_format", nchw ? "NCHW" : "NHWC"); };
    GraphWriter g;
    g.placeholder("x", nchw ? std::vector<int64_t>{-1, 3, 12, 10} : std::vector<int64_t>{-1, 12, 10, 3});
    g.constant("w1", {3, 3, 3, 6}, random_floats(162, 1));
    format(g.node("conv", "Conv2D", {"x", "w1"})
               .text("padding", "SAME")
               .ints("strides", ordered<int64_t>(nchw, {1, 2, 2, 1})));
    g.constant("b", {6}, random_floats(6, 2));
    format(g.node("bias", "BiasAdd", {"conv", "b"}));
    g.node("relu", "Relu", {"bias"});
    g.constant("w2", {1, 1, 6, 4}, random_floats(24, 3));
    format(g.node("narrow", "Conv2D", {"relu", "w2"}).text("padding", "SAME"));
    g.constant_ints("axis", {}, {nchw ? 1 : 3});
    g.node("joined", "ConcatV2", {"relu", "narrow", "axis"});
    g.constant_ints("axes", {2}, nchw ? std::vector<int32_t>{2, 3} : std::vector<int32_t>{1, 2});
    g.node("mean", "Mean", {"joined", "axes"});
    g.constant("head", {10, 3}, random_floats(30, 4));
    g.node("logits", "MatMul", {"mean", "head"});
    g.node("prob", "Softmax", {"logits"});
    const Network network = simplified(lowered(g));
    CHECK(network.values[(size_t)network.input].shape == Shape{12, 10, 3});
    for (const NetworkNode& node : network.nodes) CHECK(node.kind != NodeKind::kTranspose);
    // Photos are fed in rows of pixels, whatever the graph's order.
    scores[nchw] = run_network(network, x.v);
  }
  CHECK(scores[0] == scores[1]);
}

TEST_CASE("a classifier that flattens a map in NCHW order sees its own order") {
  const Map x = random_map(2, 5, 3);
  GraphWriter g;
  g.placeholder("x", {1, 3, 2, 5});
  g.constant_ints("shape", {2}, {-1, 30});
  g.node("flat", "Reshape", {"x", "shape"});
  const std::vector<float> w = random_floats(60, 8);
  g.constant("w", {30, 2}, w);
  g.node("out", "MatMul", {"flat", "w"});
  const std::vector<float> in = channels_first(x);
  std::vector<float> expected;
  for (size_t o = 0; o < 2; ++o) {
    double sum = 0;
    for (size_t i = 0; i < 30; ++i) sum += (double)in[i] * w[i * 2 + o];
    expected.push_back((float)sum);
  }
  CHECK(near(run_network(lowered(g), x.v), expected));
}
