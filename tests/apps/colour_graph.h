// A classifier that can be checked by hand.
#pragma once
#include <string>

#include "tests/loaders/graph_writer.h"

namespace posy_test {

// Scores are softmax(mean colour of the picture), so a red picture is "red". Two linear layers like those of a
// retrained graph: "bottleneck" has four values (red, green, blue, their sum), "final_result" three classes.
inline posy::GraphWriter colour_graph(const std::string& unsupported_op = "") {
  using posy::DataType;
  posy::GraphWriter g;
  g.placeholder("input", {1, 8, 8, 3});
  std::string pooled_from = "input";
  if (!unsupported_op.empty()) {
    g.node("odd_one", unsupported_op, {"input"}).type("T", DataType::kFloat);
    pooled_from = "odd_one";
  }
  g.node("pool", "AvgPool", {pooled_from})
      .type("T", DataType::kFloat)
      .ints("ksize", {1, 8, 8, 1})
      .ints("strides", {1, 1, 1, 1})
      .text("padding", "VALID")
      .text("data_format", "NHWC");
  g.constant("logits/weights", {1, 1, 3, 4}, {1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1});
  g.node("logits", "Conv2D", {"pool", "logits/weights"})
      .type("T", DataType::kFloat)
      .ints("strides", {1, 1, 1, 1})
      .text("padding", "VALID")
      .text("data_format", "NHWC");
  g.constant_ints("bottleneck/shape", {2}, {1, 4});
  g.node("bottleneck", "Reshape", {"logits", "bottleneck/shape"}).type("T", DataType::kFloat);
  g.constant("final/weights", {4, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0});
  g.node("final/matmul", "MatMul", {"bottleneck", "final/weights"})
      .type("T", DataType::kFloat)
      .flag("transpose_a", false)
      .flag("transpose_b", false);
  g.constant("final/biases", {3}, {0, 0, 0});
  g.node("final/add", "Add", {"final/matmul", "final/biases"}).type("T", DataType::kFloat);
  g.node("final_result", "Softmax", {"final/add"}).type("T", DataType::kFloat);
  return g;
}

}  // namespace posy_test
