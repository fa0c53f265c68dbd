#include "loaders/array.h"

#include <doctest/doctest.h>

#include "tests/loaders/engine_runner.h"

using namespace posy;

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

namespace {

GraphNode fake_quant_node(int64_t bits, int64_t narrow) {
  GraphNode node;
  node.attributes["num_bits"].integer = bits;
  node.attributes["narrow_range"].integer = narrow;
  return node;
}

}  // namespace

TEST_CASE("the limits of a FakeQuant are nudged until 0 is a level") {
  const FakeQuant wide = fake_quant_of(fake_quant_node(8, 0), -6, 6);  // 0 lies between levels 127 and 128
  CHECK(wide.scale == 12.0f / 255);
  CHECK(wide.low == -128 * wide.scale);
  CHECK(wide.high == 127 * wide.scale);
  const FakeQuant narrow = fake_quant_of(fake_quant_node(4, 1), 1, 15);  // 1 to 15 with 14 steps: 0 is below them
  CHECK(narrow.scale == 1);
  CHECK(narrow.low == 0);
  CHECK(narrow.high == 14);
  const FakeQuant nothing = fake_quant_of(fake_quant_node(8, 0), 0, 0);
  CHECK(nothing.low == 0);
  CHECK(nothing.high == 0);
  CHECK(nothing.scale == 0);
  CHECK(nothing.inverse_scale == 0);
}
