// Which convolutions become Winograd's, and that their scores stay.
#include "loaders/winograd.h"

#include <doctest/doctest.h>

#include "tests/engine/model_builder.h"
#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

constexpr Clamp kRelu = {0, __builtin_inff()};

// A convolution that the last layer can be looked through: scores are its means.
struct Built {
  NetworkBuilder builder;
  explicit Built(Shape input) : builder(input, 3) {}

  Network& finish(ValueId last) {
    builder.softmax(builder.average_all(last));
    return builder.network();
  }
};

const NetworkNode* product_of(const Network& network) {
  for (const NetworkNode& node : network.nodes) {
    if (node.kind == NodeKind::kWinogradProduct) return &node;
  }
  return nullptr;
}

// The tiles that a convolution gets, "4x4", or "" if it stays as it is.
std::string tiles_of(Shape input, uint32_t k_h, uint32_t k_w, uint32_t out_c) {
  Built built(input);
  Network& network = built.finish(built.builder.oblong_conv(built.builder.input(), k_h, k_w, out_c));
  choose_winograd(&network);
  const NetworkNode* product = product_of(network);
  CHECK(network.rewrites.size() == (product ? 1 : 0));
  return product ? std::to_string(product->params.dims[0]) + "x" + std::to_string(product->params.dims[1]) : "";
}

std::vector<float> some_input(Shape shape) {
  std::vector<float> input(shape.elements());
  for (size_t i = 0; i < input.size(); ++i) input[i] = (float)(int)(i * 2654435761u >> 24) / 128 - 1;
  return input;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

}  // namespace

TEST_CASE("winograd: Inception's layers get tiles, and those get none in which transforms cost more than they save") {
  CHECK(tiles_of({147, 147, 32}, 3, 3, 64) == "4x4");
  CHECK(tiles_of({35, 35, 96}, 3, 3, 96) == "4x4");
  CHECK(tiles_of({17, 17, 160}, 1, 7, 160) == "1x3");
  CHECK(tiles_of({17, 17, 160}, 7, 1, 160) == "3x1");
  CHECK(tiles_of({35, 35, 48}, 5, 5, 64) == "2x2");
  CHECK(tiles_of({8, 8, 448}, 3, 3, 384) == "2x2");
  CHECK(tiles_of({8, 8, 384}, 1, 3, 384) == "1x4");
  CHECK(tiles_of({8, 8, 384}, 3, 1, 384) == "4x1");
  CHECK(tiles_of({224, 224, 3}, 3, 3, 64) == "");
  CHECK(tiles_of({35, 35, 8}, 3, 3, 8) == "");
  CHECK(tiles_of({1, 1, 512}, 3, 3, 512) == "");
  CHECK(tiles_of({35, 35, 64}, 1, 1, 64) == "");
  CHECK(tiles_of({35, 35, 64}, 2, 2, 64) == "");
  CHECK(tiles_of({35, 35, 64}, 3, 9, 64) == "");
}

TEST_CASE("winograd: strides, dilations and other paddings stay plain sums") {
  const auto changed = [](auto change) {
    Built built({35, 35, 64});
    Network& network = built.finish(built.builder.oblong_conv(built.builder.input(), 3, 3, 64));
    change(&network.nodes[0].window);
    choose_winograd(&network);
    return product_of(network) == nullptr;
  };
  CHECK_FALSE(changed([](Window*) {}));
  CHECK(changed([](Window* w) { w->stride_h = 2; }));
  CHECK(changed([](Window* w) { w->stride_w = 2; }));
  CHECK(changed([](Window* w) { w->dilation_h = 2; }));
  CHECK(changed([](Window* w) { w->dilation_w = 2; }));
  CHECK(changed([](Window* w) { w->pad_top = 3; }));
  CHECK(changed([](Window* w) { w->pad_left = 3; }));
}

TEST_CASE("winograd: scores stay, with every window, each type of weights, and bands that take turns") {
  const Shape input = {61, 47, 40};
  const auto build = [&](WeightChoice choice, bool winograd) {
    Built built(input);
    NetworkBuilder& b = built.builder;
    ValueId last = b.conv(b.input(), 3, 1, 72, kRelu);
    for (const auto& [k_h, k_w] : {std::pair{1, 7}, {7, 1}, {5, 5}, {1, 3}, {3, 1}}) {
      last = b.oblong_conv(last, (uint32_t)k_h, (uint32_t)k_w, 56);
    }
    Network& network = built.finish(last);
    if (winograd) {
      choose_winograd(&network);
      CHECK(network.rewrites["convolution with fewer products (Winograd)"] == 6);
    }
    return posy_bytes(network, choice);
  };
  for (const WeightChoice choice : {WeightChoice::kF32, WeightChoice::kAuto, WeightChoice::kU8, WeightChoice::kU7,
                                    WeightChoice::kU6, WeightChoice::kU5, WeightChoice::kU4}) {
    EngineRunner plain(build(choice, false)), fewer(build(choice, true));
    const std::vector<float> expected = plain.run(some_input(input)), scores = fewer.run(some_input(input));
    CHECK(largest_difference(expected, scores) < 3e-6f);
    // The file is as large, but for the records.
    CHECK(fewer.file_bytes() < plain.file_bytes() + 3000);
    const Model& model = fewer.model();
    uint32_t inputs = 0;
    for (uint32_t i = 0; i < model.step_count; ++i) {
      const StepRecord& step = model.steps[i];
      const OpRecord& op = model.ops[step.op];
      if ((OpKind)op.kind != OpKind::winograd_input) continue;
      ++inputs;
      const TensorRecord& between = model.tensors[op.out];
      CHECK(step.row_end - step.row_begin == between.ring_h);
      CHECK(model.steps[i + 1].op == step.op + 1);
      CHECK((uint64_t)between.ring_h * between.w * between.c * sizeof(float) <= 1 << 20);
    }
    CHECK(inputs > 6);
  }
}
