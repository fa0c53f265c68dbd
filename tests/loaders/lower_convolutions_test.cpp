// Convolutions of every kind, each alone in a graph, run in the engine and compared with plain loops.
#include <doctest/doctest.h>

#include <functional>

#include "tests/loaders/lower_case.h"

using namespace posy;

namespace {

const Map kMap = random_map(5, 6, 4);

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("explicit padding, different on every side") {
  const std::vector<float> w = random_floats(3 * 3 * 4 * 2, 5);
  for (const int64_t stride : {1, 2}) {
    GraphWriter g = with_image(kMap);
    g.constant("w", {3, 3, 4, 2}, w);
    g.node("op", "Conv2D", {"x", "w"})
        .text("padding", "EXPLICIT")
        .ints("explicit_paddings", {0, 0, 2, 1, 0, 2, 0, 0})
        .ints("strides", {1, stride, stride, 1});
    CHECK(near(run_to(g, "op", kMap), convolved(kMap, w, 3, 2, {2, 1, 0, 2}, stride), 5e-6));
  }
}

TEST_CASE("a grouped convolution") {
  for (const int64_t groups : {2, 4}) {
    const std::vector<float> w = random_floats((size_t)(9 * 4 / groups * 8), 6);
    GraphWriter g = with_image(kMap);
    g.constant("w", {3, 3, 4 / groups, 8}, w);
    g.node("op", "Conv2D", {"x", "w"}).text("padding", "SAME");
    Network network;
    const std::vector<float> got = run_to(g, "op", kMap.v, &network);
    CHECK(near(got, convolved(kMap, w, 3, 8, {1, 1, 1, 1}, 1, 1, groups).v, 5e-6));
    CHECK(network.rewrites.at("grouped convolution made a full one") == 1);
  }
}

TEST_CASE("a depthwise convolution that makes several channels of each") {
  for (const int64_t multiplier : {2, 3}) {
    const std::vector<float> w = random_floats((size_t)(9 * 4 * multiplier), 7);
    GraphWriter g = with_image(kMap);
    g.constant("w", {3, 3, 4, multiplier}, w);
    g.node("op", "DepthwiseConv2dNative", {"x", "w"}).text("padding", "SAME");
    CHECK(near(run_to(g, "op", kMap), depthwise(kMap, w, 3, multiplier, {1, 1, 1, 1})));
  }
}

TEST_CASE("SpaceToBatchND, a convolution and BatchToSpaceND are a dilated convolution") {
  const Map x = random_map(7, 8, 4);
  const std::vector<float> full = random_floats(9 * 4 * 3, 8), each = random_floats(9 * 4, 9);
  for (const bool is_depthwise : {false, true}) {
    // Padded as Keras does for SAME: two around, to a multiple of the block, and what is too much is cut off.
    GraphWriter g = with_image(x);
    g.constant_ints("block", {2}, {2, 2});
    g.constant_ints("paddings", {2, 2}, {2, 3, 2, 2});
    g.constant_ints("crops", {2, 2}, {0, 1, 0, 0});
    g.node("apart", "SpaceToBatchND", {"x", "block", "paddings"});
    g.constant("w", {3, 3, 4, is_depthwise ? 1 : 3}, is_depthwise ? each : full);
    g.node("conv", is_depthwise ? "DepthwiseConv2dNative" : "Conv2D", {"apart", "w"}).text("padding", "VALID");
    g.node("op", "BatchToSpaceND", {"conv", "block", "crops"});
    Network network;
    const std::vector<float> got = run_to(g, "op", x.v, &network);
    const Padding around = {2, 2, 2, 2};
    CHECK(near(got, is_depthwise ? depthwise(x, each, 3, 1, around, 2).v : convolved(x, full, 3, 3, around, 1, 2).v,
               5e-6));
    CHECK(network.rewrites.at("SpaceToBatchND and BatchToSpaceND became a dilation") == 1);
  }
}

TEST_CASE("refused: SpaceToBatchND without a convolution, and one with a stride") {
  for (const char* op : {"Relu", "Conv2D"}) {
    GraphWriter g = with_image(kMap);
    g.constant_ints("block", {2}, {2, 2});
    g.constant_ints("paddings", {2, 2}, {1, 2, 1, 1});
    g.constant("w", {1, 1, 4, 3}, random_floats(12, 1));
    g.node("apart", "SpaceToBatchND", {"x", "block", "paddings"});
    g.node("middle", op, std::string(op) == "Relu" ? Strings{"apart"} : Strings{"apart", "w"})
        .text("padding", "VALID")
        .ints("strides", {1, 2, 2, 1});
    g.node("op", "BatchToSpaceND", {"middle", "block", "paddings"});
    CHECK(contains(refusal([&] { run_to(g, "op", kMap); }), "SpaceToBatchND"));
  }
}

namespace {

// SpaceToBatchND in front of `middle`, BatchToSpaceND behind its last node.
std::vector<float> apart(const Map& x, std::function<std::string(GraphWriter&)> middle,
                         std::vector<int32_t> crops = {0, 1, 0, 0}) {
  GraphWriter g = with_image(x);
  g.constant_ints("block", {2}, {2, 2});
  g.constant_ints("paddings", {2, 2}, {2, 3, 2, 2});
  g.constant_ints("crops", {2, 2}, crops);
  g.constant("w", {3, 3, 4, 4}, random_floats(9 * 4 * 4, 8));
  g.constant("bias", {4}, {1, -1, 2, 0.5f});
  g.node("apart", "SpaceToBatchND", {"x", "block", "paddings"});
  g.node("op", "BatchToSpaceND", {middle(g), "block", "crops"});
  return run_to(g, "op", x);
}

std::string conv(GraphWriter& g, const std::string& name, const std::string& input) {
  g.node(name, "Conv2D", {input, "w"}).text("padding", "VALID");
  return name;
}

}  // namespace

TEST_CASE("a bias and an activation may stand between the convolution and its BatchToSpaceND") {
  const Map x = random_map(7, 8, 4);
  const float bias[4] = {1, -1, 2, 0.5f};
  const std::vector<float> got = apart(x, [](GraphWriter& g) {
    g.node("biased", "BiasAdd", {conv(g, "conv", "apart"), "bias"});
    g.node("relu", "Relu", {"biased"});
    return "relu";
  });
  const Map sums = convolved(x, random_floats(9 * 4 * 4, 8), 3, 4, {2, 2, 2, 2}, 1, 2);
  CHECK(near(got, each_channel(sums, [&](float v, int64_t c) { return std::max(v + bias[c], 0.0f); }), 5e-6));
}

TEST_CASE("refused: what SpaceToBatchND takes apart may meet one convolution, its bias and its activation only") {
  const Map x = random_map(7, 8, 4);
  const std::string cases[] = {
      refusal([&] {  // an activation in front of it
        apart(x, [](GraphWriter& g) {
          g.node("relu", "Relu", {"apart"});
          return conv(g, "conv", "relu");
        });
      }),
      refusal([&] {  // two of them
        apart(x, [](GraphWriter& g) { return conv(g, "two", conv(g, "one", "apart")); });
      }),
      refusal([&] {  // what looks at neighbours
        apart(x, [](GraphWriter& g) {
          g.node("pool", "MaxPool", {conv(g, "conv", "apart")})
              .text("padding", "VALID")
              .ints("ksize", {1, 2, 2, 1})
              .ints("strides", {1, 1, 1, 1});
          return "pool";
        });
      }),
      refusal([&] {  // crops that leave nothing, or more than 2^63 rows
        apart(x, [](GraphWriter& g) { return conv(g, "conv", "apart"); }, {2, 2147483647, 0, 0});
      }),
  };
  for (const std::string& message : cases) CHECK(contains(message, "SpaceToBatchND"));
}
