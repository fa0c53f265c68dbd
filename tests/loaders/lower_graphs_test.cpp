// What lower() finds in a graph, what it leaves out, and what it refuses and how it says so.
#include <doctest/doctest.h>

#include "loaders/lower.h"
#include "loaders/lowering.h"
#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

// x, [1, 1, 1, 3], the least that is an image.
GraphWriter with_pixel() {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 3});
  return g;
}

std::string refusal_of(const GraphWriter& g, const LowerOptions& options = {}) {
  return refusal([&] { lowered(g, options); });
}

LowerOptions named(const std::string& input_node, const std::string& output_node) {
  LowerOptions options;
  options.input_node = input_node;
  options.output_node = output_node;
  return options;
}

// The tutorial's shape in small: convolutions of stride 2, a pool over what is left, a classifier.
GraphWriter small_mobilenet(int64_t pool_side) {
  GraphWriter g;
  g.node("input", "Placeholder").type("dtype", DataType::kFloat);
  g.constant("w", {3, 3, 3, 4}, random_floats(108, 1));
  g.node("MobilenetV1/conv", "Conv2D", {"input", "w"}).ints("strides", {1, 32, 32, 1}).text("padding", "SAME");
  g.node("pool", "AvgPool", {"MobilenetV1/conv"})
      .ints("ksize", {1, pool_side, pool_side, 1})
      .ints("strides", {1, 2, 2, 1})
      .text("padding", "VALID");
  g.constant("head", {4, 2}, random_floats(8, 2));
  g.node("features", "Squeeze", {"pool"}).ints("squeeze_dims", {1, 2});
  g.node("logits", "MatMul", {"features", "head"});
  g.node("final_result", "Softmax", {"logits"});
  return g;
}

Shape input_shape(const Network& network) {
  return network.values[(size_t)network.input].shape;
}

}  // namespace

TEST_CASE("dropout that was left in is dropped with its factor: both ways in which TensorFlow writes it") {
  for (const bool is_division : {true, false}) {
    GraphWriter g;
    g.placeholder("x", {1, 1, 1, 3});
    g.scalar("keep_prob", 0.5f);
    g.scalar("factor", is_division ? 0.5f : 2.0f);
    g.scalar("min", 0);
    g.scalar("range", 1);
    g.node("dropout/Shape", "Shape", {"x"});
    g.node("dropout/uniform", "RandomUniform", {"dropout/Shape"});
    g.node("dropout/scaled", "Mul", {"dropout/uniform", "range"});
    g.node("dropout/random", "Add", {"dropout/scaled", "min"});
    if (is_division) {
      g.node("dropout/add", "Add", {"keep_prob", "dropout/random"});
      g.node("dropout/mask", "Floor", {"dropout/add"});
    } else {
      g.node("dropout/at_least", "GreaterEqual", {"dropout/random", "keep_prob"});
      g.node("dropout/mask", "Cast", {"dropout/at_least"});
    }
    g.node("dropout/div", is_division ? "RealDiv" : "Mul", {"x", "factor"});
    g.node("dropout/mul", "Mul", {"dropout/div", "dropout/mask"});
    g.node("out", "Relu", {"dropout/mul"});
    const Network network = lowered(g);
    CHECK(network.rewrites.at("dropout removed") == 1);
    CHECK(run_network(network, {1, -2, 3}) == std::vector<float>{1, 0, 3});
  }
}

TEST_CASE("a factor in front of a dropout that something else uses too is kept") {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 3});
  g.scalar("keep_prob", 0.5f);
  g.node("shape", "Shape", {"x"});
  g.node("mask", "RandomUniform", {"shape"});
  g.node("div", "RealDiv", {"x", "keep_prob"});
  g.node("drop", "Mul", {"div", "mask"});
  g.node("out", "Add", {"drop", "div"});
  CHECK(run_network(lowered(g), {1, -2, 3}) == std::vector<float>{3, -6, 9});
}

TEST_CASE("an input without a shape gets the size at which the last pool covers its whole map") {
  for (const uint32_t side : {3u, 4u, 5u, 6u, 7u, 9u}) {
    const Network network = lowered(small_mobilenet(side));
    CHECK(input_shape(network) == Shape{side * 32, side * 32, 3});
    const std::string text = std::to_string(side * 32);
    REQUIRE(network.notes.size() == 1);
    CHECK(network.notes[0] ==
          "the graph does not say its input size; " + text + " x " + text + " fits its last layers");
  }
  LowerOptions options;
  options.input_h = options.input_w = 160;
  CHECK(input_shape(lowered(small_mobilenet(5), options)) == Shape{160, 160, 3});
  options.input_h = 321;
  CHECK(refusal_of(small_mobilenet(5), options) != "");
}

TEST_CASE("a Placeholder's own shape counts, and what it leaves open may be given") {
  GraphWriter g;
  g.placeholder("x", {-1, 2, 3, 1});
  g.constant_ints("shape", {2}, {-1, 6});
  g.node("out", "Reshape", {"x", "shape"});
  CHECK(input_shape(lowered(g)) == Shape{2, 3, 1});
  GraphWriter open;
  open.placeholder("x", {-1, -1, -1, 3});
  open.constant_ints("axes", {2}, {1, 2});
  open.node("out", "Mean", {"x", "axes"});
  LowerOptions options;
  options.input_h = 20;
  options.input_w = 30;
  CHECK(input_shape(lowered(open, options)) == Shape{20, 30, 3});
}

TEST_CASE("a PlaceholderWithDefault between base and head, as retrain.py leaves it, passes its default on") {
  GraphWriter g = with_pixel();
  g.constant_ints("shape", {2}, {-1, 3});
  g.node("features", "Reshape", {"x", "shape"});
  g.node("input_1/BottleneckInputPlaceholder", "PlaceholderWithDefault", {"features"}).shape("shape", {-1, 3});
  g.node("final_result", "Relu", {"input_1/BottleneckInputPlaceholder"});
  const Network network = lowered(g);
  CHECK(network.input_name == "x");
  CHECK(run_network(network, {1, -1, 2}) == std::vector<float>{1, 0, 2});
}

TEST_CASE("mean and std follow from the names of the retrain scripts, unless they are given") {
  Preprocessing found = lowered(small_mobilenet(4)).preprocessing;
  CHECK(found.mean[2] == 127.5f);
  CHECK(found.std[0] == 127.5f);
  LowerOptions options;
  options.mean = 10.0f;
  found = lowered(small_mobilenet(4), options).preprocessing;
  CHECK(found.mean[0] == 10);
  CHECK(found.std[0] == 127.5f);
  GraphWriter other = with_pixel();
  other.node("out", "Relu", {"x"});
  CHECK(lowered(other).preprocessing.std[0] == 255);
}

TEST_CASE("nodes may be named as the tutorial's scripts name them") {
  GraphWriter g = with_pixel();
  g.node("first", "Relu", {"x:0", "^x"});
  g.node("second", "Relu6", {"first:0"});
  CHECK(lowered(g).output_name == "second");
  for (const char* name : {"first", "first:0", "import/first", "import/first:0"}) {
    LowerOptions options;
    options.output_node = name;
    options.input_node = std::string(name).find("import/") == 0 ? "import/x" : "x:0";
    CHECK(lowered(g, options).output_name == "first");
  }
}

TEST_CASE("a control edge orders and does not feed: it may come from anywhere, also from what cannot be converted") {
  GraphWriter g = with_pixel();
  g.node("summary", "WriteSummary", {"x"});
  g.node("out", "Relu", {"x", "^summary", "^nowhere"});
  CHECK(run_network(lowered(g, named("", "out")), {1, -1, 2}) == std::vector<float>{1, 0, 2});
}

TEST_CASE("a node before the input is not looked at when another node is named as the input") {
  GraphWriter g;
  g.placeholder("contents", {}, DataType::kString);
  g.node("decoded", "DecodeJpeg", {"contents"});
  g.placeholder("x", {1, 1, 1, 3});
  g.node("out", "Relu", {"x"});
  CHECK(lowered(g, named("x", "out")).nodes.size() == 1);
}

TEST_CASE("a chain of 100,000 nodes does not use up the stack") {
  GraphWriter g = with_pixel();
  std::string last = "x";
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = "i" + std::to_string(i);
    g.node(name, "Identity", {last});
    last = name;
  }
  g.node("out", "Relu", {last});
  CHECK(lowered(g).nodes.size() == 1);
}

TEST_CASE("refused: an op that cannot be converted, with its node, its op and what feeds it") {
  GraphWriter g = with_pixel();
  g.node("tanh", "Relu", {"x"});
  g.scalar("c", 1);
  g.node("sorted", "TopKV2", {"tanh", "c:0", "^x"});
  const std::string message = refusal_of(g);
  CHECK(contains(message, "made.pb: node 'sorted' (TopKV2)"));
  CHECK(contains(message, "'tanh' (Relu) and 'c' (Const)"));
}

TEST_CASE("refused: a loop") {
  GraphWriter g = with_pixel();
  g.node("a", "Add", {"x", "c"});
  g.node("b", "Relu", {"a"});
  g.node("c", "Relu", {"b"});
  g.node("out", "Relu", {"c"});
  CHECK(contains(refusal_of(g), "is part of a loop"));
  GraphWriter self = with_pixel();
  self.node("a", "Add", {"x", "a"});
  self.node("out", "Relu", {"a"});
  CHECK(contains(refusal_of(self), "'a' (Add) is part of a loop"));
}

TEST_CASE("refused: an input that is not in the graph") {
  GraphWriter g = with_pixel();
  g.node("out", "Add", {"x", "bias:0"});
  const std::string message = refusal_of(g);
  CHECK(contains(message, "'out' (Add)"));
  CHECK(contains(message, "'bias:0'"));
}

TEST_CASE("refused: several outputs or inputs, with all of them named") {
  GraphWriter g = with_pixel();
  g.node("age", "Softmax", {"x"});
  g.node("kind", "Softmax", {"x"});
  const std::string outputs = refusal_of(g);
  CHECK(contains(outputs, "'age' (Softmax) and 'kind' (Softmax)"));
  CHECK(contains(outputs, "--output-node"));
  g.placeholder("y", {1, 1, 1, 3});
  g.node("final_result", "Add", {"x", "y"});
  const std::string inputs = refusal_of(g);
  CHECK(contains(inputs, "'x' (Placeholder) and 'y' (Placeholder)"));
  CHECK(contains(inputs, "--input-node"));
}

TEST_CASE("refused: no input, no output, no such node") {
  GraphWriter none;
  none.scalar("c", 1);
  CHECK(contains(refusal_of(none), "no Placeholder"));
  GraphWriter lonely = with_pixel();
  CHECK(contains(refusal_of(lonely), "nothing in the graph depends on"));
  lonely.node("scores", "Softmax", {"x"});
  CHECK(contains(refusal_of(lonely, named("", "score")), "did you mean 'scores' (Softmax)?"));
  CHECK(contains(refusal_of(lonely, named("y", "")), "no node 'y'"));
}

TEST_CASE("refused: an order of axes that is neither NHWC nor NCHW") {
  for (const char* op : {"Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool", "BiasAdd", "FusedBatchNorm"}) {
    GraphWriter g = with_pixel();
    g.constant("w", {1, 1, 3, 1}, {1, 2, 3});
    g.node("op", op, {"x", "w"}).text("data_format", "NCHW_VECT_C").text("padding", "SAME");
    INFO(std::string(op));
    CHECK(contains(refusal_of(g), "NCHW_VECT_C"));
  }
}

TEST_CASE("refused: blocks of pixels as channels, channels first") {
  for (const char* op : {"SpaceToDepth", "DepthToSpace"}) {
    GraphWriter g;
    g.placeholder("x", {1, 3, 16, 4});
    g.node("op", op, {"x"}).text("data_format", "NCHW").integer("block_size", 2);
    INFO(std::string(op));
    CHECK(contains(refusal_of(g), "NCHW"));
  }
}

TEST_CASE("refused: a batch norm of a graph that is still in training") {
  GraphWriter g = with_pixel();
  g.constant("c", {3}, {1, 1, 1});
  g.node("bn", "FusedBatchNormV3", {"x", "c", "c", "c", "c"}).flag("is_training", true);
  CHECK(contains(refusal_of(g), "is_training"));
}

TEST_CASE("refused: any output of a node but its first") {
  GraphWriter g = with_pixel();
  g.constant("c", {3}, {1, 2, 3});
  g.node("bn", "FusedBatchNormV3", {"x", "c", "c", "c", "c"}).flag("is_training", false);
  g.node("out", "Relu", {"bn:1"});
  CHECK(contains(refusal_of(g), "output 1 of 'bn'"));
}

TEST_CASE("refused: an output that is a map, or that does not depend on the image") {
  GraphWriter g;
  g.placeholder("x", {1, 2, 3, 3});
  g.node("out", "Relu", {"x"});
  CHECK(contains(refusal_of(g), "a map of 2 x 3"));
  GraphWriter constant = with_pixel();
  constant.scalar("c", 1);
  constant.node("out", "Relu", {"x"});
  CHECK(refusal_of(constant, named("", "c")) != "");
}

TEST_CASE("refused: a graph in which nothing happens to the image") {
  GraphWriter g = with_pixel();
  g.node("out", "Identity", {"x"});
  CHECK(refusal_of(g) != "");
}

TEST_CASE("refused: weights that are not constant, with the advice to freeze the graph") {
  GraphWriter g = with_pixel();
  g.node("w", "VariableV2");
  g.node("out", "Conv2D", {"x", "w"}).text("padding", "SAME");
  CHECK(contains(refusal_of(g), "'w' (VariableV2)"));
}

TEST_CASE("refused: attributes and shapes that mean something else than what is supported") {
  const auto conv = [](std::vector<int64_t> dims, const char* padding, std::vector<int64_t> strides) {
    GraphWriter g;
    g.placeholder("x", {1, 4, 4, 3});
    size_t count = 1;
    for (const int64_t d : dims) count *= (size_t)d;
    g.constant("w", dims, random_floats(count, 1));
    g.node("op", "Conv2D", {"x", "w"}).text("padding", padding).ints("strides", strides);
    return refusal_of(g);
  };
  CHECK(contains(conv({3, 3, 2, 4}, "SAME", {1, 1, 1, 1}), "wants 2 channels"));
  CHECK(contains(conv({3, 3, 1, 4}, "SAME", {1, 1, 1, 1}), "do not divide into 3 groups"));
  CHECK(contains(conv({3, 3, 3, 4}, "EXPLICIT", {1, 1, 1, 1}), "explicit_paddings"));
  CHECK(contains(conv({3, 3, 3, 4}, "CAUSAL", {1, 1, 1, 1}), "padding 'CAUSAL'"));
  CHECK(contains(conv({5, 5, 3, 4}, "VALID", {1, 1, 1, 1}), "does not fit"));
  CHECK(contains(conv({3, 3, 3, 4}, "SAME", {1, 0, 1, 1}), "strides"));
  CHECK(contains(conv({3, 3, 3, 4}, "SAME", {2, 1, 1, 1}), "strides"));
  CHECK(contains(conv({9, 12}, "SAME", {1, 1, 1, 1}), "filter"));
}

TEST_CASE("refused: a Reshape to sizes that only fit after they overflow") {
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{1, (int64_t{1} << 32) + 3}, {3, int64_t{1} << 62}}) {
    GraphWriter g = with_pixel();
    g.constant("shape", TensorWriter(DataType::kInt64, {2}).content(dims));
    g.node("flat", "Reshape", {"x", "shape"});
    g.node("out", "Relu", {"flat"});
    CHECK(contains(refusal_of(g), "'flat' (Reshape)"));
  }
}

// Nothing but InputError may come out, and an engine must be able to open what converts.
TEST_CASE("no op comes to harm for want of operands or attributes, or with operands of another kind") {
  const char* ops[] = {"Abs",
                       "Add",
                       "AddN",
                       "ArgMax",
                       "AvgPool",
                       "BatchMatMul",
                       "BatchMatMulV2",
                       "BatchNormWithGlobalNormalization",
                       "BatchToSpaceND",
                       "BiasAdd",
                       "Cast",
                       "CheckNumerics",
                       "Concat",
                       "ConcatV2",
                       "Conv2D",
                       "DepthToSpace",
                       "DepthwiseConv2dNative",
                       "Dequantize",
                       "Div",
                       "Elu",
                       "Erf",
                       "Exp",
                       "ExpandDims",
                       "Expm1",
                       "FakeQuantWithMinMaxArgs",
                       "FakeQuantWithMinMaxVars",
                       "Floor",
                       "FusedBatchNorm",
                       "FusedBatchNormV3",
                       "Identity",
                       "IdentityN",
                       "LRN",
                       "LeakyRelu",
                       "Log",
                       "Log1p",
                       "LogSoftmax",
                       "MatMul",
                       "Max",
                       "MaxPool",
                       "Maximum",
                       "Mean",
                       "Merge",
                       "Min",
                       "Minimum",
                       "MirrorPad",
                       "Mul",
                       "Neg",
                       "Pad",
                       "PadV2",
                       "PlaceholderWithDefault",
                       "Pow",
                       "QuantizeDownAndShrinkRange",
                       "QuantizeV2",
                       "QuantizedAvgPool",
                       "QuantizedBiasAdd",
                       "QuantizedConcat",
                       "QuantizedConv2D",
                       "QuantizedMatMul",
                       "QuantizedMaxPool",
                       "QuantizedRelu",
                       "QuantizedReshape",
                       "RandomUniform",
                       "RealDiv",
                       "Reciprocal",
                       "Relu",
                       "Relu6",
                       "RequantizationRange",
                       "Requantize",
                       "Reshape",
                       "ResizeBilinear",
                       "ResizeNearestNeighbor",
                       "ReverseV2",
                       "Rsqrt",
                       "Select",
                       "SelectV2",
                       "Selu",
                       "Shape",
                       "Sigmoid",
                       "Slice",
                       "Softmax",
                       "Softplus",
                       "Softsign",
                       "SpaceToBatchND",
                       "SpaceToDepth",
                       "Split",
                       "SplitV",
                       "Sqrt",
                       "Square",
                       "SquaredDifference",
                       "Squeeze",
                       "StopGradient",
                       "StridedSlice",
                       "Sub",
                       "Sum",
                       "Switch",
                       "Tanh",
                       "Transpose"};
  const char* operands[] = {"x",    "map",    "vector", "half", "floats", "number",
                            "list", "matrix", "huge",   "none", "random"};
  std::minstd_rand random(7);
  size_t converted = 0;
  for (const char* op : ops) {
    CHECK(can_lower(op));
    for (int round = 0; round < 60; ++round) {
      GraphWriter g;
      g.placeholder("x", {1, 4, 6, 3});
      g.constant_ints("axes", {2}, {1, 2});
      g.node("map", "Square", {"x"});
      g.node("vector", "Mean", {"x", "axes"});
      g.scalar("half", 0.5f);
      g.constant("floats", {3}, {1, 2, 3});
      g.constant_ints("number", {}, {(int32_t)(random() % 6) - 2});
      g.constant_ints("list", {4}, {0, 1, 2, 1});
      g.constant_ints("matrix", {4, 2}, {0, 0, 1, 1, 2, 0, 0, 0});
      g.constant("huge", TensorWriter(DataType::kInt64, {4}).content(std::vector<int64_t>{1, INT64_MAX, INT64_MIN, 3}));
      g.constant("none", {0}, {});
      g.node("random", "RandomUniform", {"list"});
      std::vector<std::string> inputs;
      for (size_t i = random() % 6; i > 0; --i) inputs.push_back(operands[random() % std::size(operands)]);
      NodeWriter& node = g.node("odd", op, inputs);
      if (random() % 2) {
        node.text("padding", random() % 2 ? "SAME" : "VALID").integer("num_split", (int)(random() % 5) - 1);
        node.integer("block_size", (int)(random() % 4)).ints("ksize", {1, 2, 2, 1}).ints("strides", {1, 1, 2, 1});
      }
      if (random() % 4 == 0) node.text("data_format", "NCHW");
      g.constant_ints("flat/shape", {2}, {1, -1});
      g.node("flat", "Reshape", {"odd", "flat/shape"});
      g.node("scores", "Softmax", {"flat"});
      std::string text = op;
      for (const std::string& input : inputs) text += " " + input;
      INFO(text);
      Network network;
      const std::string message = refusal([&] { network = lowered(g, named("x", "scores")); });
      if (!message.empty()) continue;
      ++converted;
      for (const Network& each : {network, simplified(network)}) {
        const std::vector<uint8_t> posy = posy_bytes(unfolded(each));
        Model model;
        CHECK_FALSE(open_model(posy.data(), posy.size(), false, &model));
      }
    }
  }
  CHECK(converted > 200);
}
