// What lower() finds about the input, and what it leaves out because it is for training: image heads, placeholders of
// every kind, dropout, Switch and Merge.
#include <doctest/doctest.h>

#include "tests/loaders/lower_case.h"

using namespace posy;

namespace {

using Strings = std::vector<std::string>;

Shape input_shape(const Network& network) {
  return network.values[(size_t)network.input].shape;
}

// [h * w * c] pixels, averaged per channel.
void add_mean(GraphWriter& g, const std::string& map) {
  g.constant_ints("axes", {2}, {1, 2});
  g.node("out", "Mean", {map, "axes"});
}

// A graph that decodes its photo: `resize_first` as retrain.py's Inception does, else as TF-Hub's order.
GraphWriter with_decoder(const char* decoder, bool resize_first) {
  GraphWriter g;
  g.placeholder("DecodeJpeg/contents", {}, DataType::kString);
  g.node("DecodeJpeg", decoder, {"DecodeJpeg/contents"}).integer("channels", 3);
  g.node("Cast", "Cast", {"DecodeJpeg"}).type("DstT", DataType::kFloat);
  g.constant_ints("ExpandDims/dim", {}, {0});
  g.constant_ints("size", {2}, {5, 7});
  g.scalar("Sub/y", 128);
  g.scalar("Mul/y", 0.0078125f);
  if (resize_first) {
    g.node("ExpandDims", "ExpandDims", {"Cast", "ExpandDims/dim"});
    g.node("ResizeBilinear", "ResizeBilinear", {"ExpandDims", "size"});
    g.node("Sub", "Sub", {"ResizeBilinear", "Sub/y"});
    g.node("Mul", "Mul", {"Sub", "Mul/y"});
    add_mean(g, "Mul");
  } else {
    g.node("Mul", "Mul", {"Cast", "Mul/y"});
    g.node("ExpandDims", "ExpandDims", {"Mul", "ExpandDims/dim"});
    g.node("ResizeBilinear", "ResizeBilinear", {"ExpandDims", "size"});
    add_mean(g, "ResizeBilinear");
  }
  return g;
}

// x -> dropout of rate 1/2, in the spelling of one of TensorFlow's times -> out.
enum class Dropout { kFloor, kGreaterEqual, kSelect };

}  // namespace

// ---- Heads ----

TEST_CASE("a graph that decodes its photo: size, mean and std are read from it, and its head is the engine's work") {
  for (const char* decoder : {"DecodeJpeg", "DecodePng", "DecodeImage", "DecodeBmp"}) {
    const Network network = lowered(with_decoder(decoder, true));
    INFO(std::string(decoder));
    CHECK(network.input_name == "DecodeJpeg/contents");
    CHECK(input_shape(network) == Shape{5, 7, 3});
    CHECK(network.preprocessing.mean[0] == 128);
    CHECK(network.preprocessing.std[0] == 128);
    CHECK(network.preprocessing.mean[2] == 128);
    CHECK_FALSE(network.preprocessing.normalize_first);
    CHECK(network.nodes.size() == 1);
  }
}

TEST_CASE("a head that scales its pixels before it resizes them is to be normalised first") {
  const Network network = lowered(with_decoder("DecodeJpeg", false));
  CHECK(network.preprocessing.mean[0] == 0);
  CHECK(network.preprocessing.std[0] == 128);
  CHECK(network.preprocessing.normalize_first);
  CHECK(input_shape(network) == Shape{5, 7, 3});
}

TEST_CASE("a head that divides before it subtracts: both are told in pixels") {
  GraphWriter g;
  g.placeholder("contents", {}, DataType::kString);
  g.node("decoded", "DecodeJpeg", {"contents"});
  g.node("float", "Cast", {"decoded"}).type("DstT", DataType::kFloat);
  g.constant_ints("zero", {}, {0});
  g.node("batch", "ExpandDims", {"float", "zero"});
  g.constant_ints("size", {2}, {4, 4});
  g.node("resized", "ResizeBilinear", {"batch", "size"});
  g.scalar("255", 255);
  g.scalar("half", 0.5f);
  g.scalar("two", 2);
  g.node("unit", "RealDiv", {"resized", "255"});
  g.node("centered", "Sub", {"unit", "half"});
  g.node("doubled", "Mul", {"centered", "two"});
  add_mean(g, "doubled");
  const Preprocessing p = lowered(g).preprocessing;
  CHECK(p.mean[0] == 127.5f);
  CHECK(p.std[0] == 127.5f);
  CHECK_FALSE(p.normalize_first);
}

TEST_CASE("mean, std and input node of a head may be given") {
  LowerOptions options;
  options.mean = 1.0f;
  Network network = lowered(with_decoder("DecodeJpeg", true), options);
  CHECK(network.preprocessing.mean[0] == 1);
  CHECK(network.preprocessing.std[0] == 128);
  options = {};
  options.input_node = "Mul";
  options.input_h = 3;
  options.input_w = 4;
  network = lowered(with_decoder("DecodeJpeg", true), options);
  CHECK(network.input_name == "Mul");
  CHECK(input_shape(network) == Shape{3, 4, 3});
}

TEST_CASE("refused: a decoder without a resize to a constant size, with the flag that helps") {
  GraphWriter g;
  g.placeholder("contents", {}, DataType::kString);
  g.node("decoded", "DecodeJpeg", {"contents"});
  g.node("float", "Cast", {"decoded"}).type("DstT", DataType::kFloat);
  add_mean(g, "float");
  CHECK(contains(refusal([&] { lowered(g); }), "--input-node"));
}

// ---- Placeholders ----

TEST_CASE("a placeholder of pixels in a row is a square image: MNIST's 784") {
  for (const auto& [count, side, c] : {std::tuple<int64_t, uint32_t, uint32_t>{784, 28, 1}, {3072, 32, 3}}) {
    for (const int64_t batch : {-1, 1}) {
      GraphWriter g;
      g.placeholder("x", {batch, count});
      g.constant("w", {count, 2}, random_floats((size_t)count * 2, 1));
      g.node("out", "MatMul", {"x", "w"});
      const Network network = lowered(g);
      CHECK(input_shape(network) == Shape{side, side, c});
      const std::vector<float> x = random_floats((size_t)count, 2), w = random_floats((size_t)count * 2, 1);
      double sum = 0;
      for (size_t i = 0; i < x.size(); ++i) sum += (double)x[i] * w[i * 2];
      CHECK(run_network(network, x)[0] == doctest::Approx(sum).epsilon(1e-4));
    }
  }
  GraphWriter g;
  g.placeholder("x", {-1, 783});
  g.node("out", "Softmax", {"x"});
  CHECK(contains(refusal([&] { lowered(g); }), "783 numbers, which is not a square image"));
}

TEST_CASE("a row of pixels that the graph makes a map of again") {
  GraphWriter g;
  g.placeholder("x", {-1, 16});
  g.constant_ints("shape", {4}, {-1, 4, 4, 1});
  g.node("map", "Reshape", {"x", "shape"});
  g.node("pool", "MaxPool", {"map"}).ints("ksize", {1, 2, 2, 1}).ints("strides", {1, 2, 2, 1}).text("padding", "VALID");
  g.constant_ints("flat", {2}, {-1, 4});
  g.node("out", "Reshape", {"pool", "flat"});
  std::vector<float> x(16);
  for (size_t i = 0; i < 16; ++i) x[i] = (float)i;
  CHECK(run_network(lowered(g), x) == std::vector<float>{5, 7, 13, 15});
}

TEST_CASE("a placeholder without a size whose graph fits any: what was assumed is in the notes") {
  for (const bool has_shape : {false, true}) {
    GraphWriter g;
    if (has_shape) {
      g.placeholder("x", {-1, -1, -1, 3});
    } else {
      g.node("x", "Placeholder").type("dtype", DataType::kFloat);
    }
    add_mean(g, "x");
    const Network network = lowered(g);
    CHECK(input_shape(network) == Shape{224, 224, 3});
    REQUIRE(network.notes.size() == 1);
    CHECK(network.notes[0] == "the graph fits any input size; 224 x 224 is assumed (--input-size)");
    LowerOptions options;
    options.input_h = options.input_w = 40;
    const Network given = lowered(g, options);
    CHECK(input_shape(given) == Shape{40, 40, 3});
    CHECK(given.notes.empty());
  }
}

TEST_CASE("a placeholder without a size is given the one that the weights behind a flatten fit") {
  GraphWriter g;
  g.placeholder("x", {-1, -1, -1, 3});
  g.node("pool", "MaxPool", {"x"}).ints("ksize", {1, 4, 4, 1}).ints("strides", {1, 4, 4, 1}).text("padding", "VALID");
  g.constant_ints("shape", {2}, {-1, 12 * 12 * 3});
  g.node("flat", "Reshape", {"pool", "shape"});
  g.constant("w", {12 * 12 * 3, 2}, random_floats(12 * 12 * 3 * 2, 1));
  g.node("out", "MatMul", {"flat", "w"});
  const Network network = lowered(g);
  CHECK(input_shape(network).h / 4 == 12);
  REQUIRE(network.notes.size() == 1);
  CHECK(contains(network.notes[0], "fits its last layers"));
}

TEST_CASE("refused: an input that is no image") {
  const auto refused = [](std::vector<int64_t> dims) {
    GraphWriter g;
    g.placeholder("x", dims);
    g.node("out", "Softmax", {"x"});
    return refusal([&] { lowered(g); });
  };
  CHECK(contains(refused({2, 8, 8, 3}), "batch of 2"));
  CHECK(contains(refused({1, 8, 8, 5}), "5 channels"));
  CHECK(contains(refused({1, 5000, 8, 3}), "5000"));
  CHECK(contains(refused({1, 8, 8, 3, 1}), "5 dimensions"));
}

// ---- For training only ----

TEST_CASE("placeholders that tell training and inference apart are set for inference") {
  for (const char* name :
       {"keep_prob", "dropout/keep_prob", "keep_probability", "dropout_keep_prob", "dropout_rate", "drop_rate"}) {
    for (const bool has_default : {false, true}) {
      INFO(std::string(name));
      GraphWriter g;
      g.placeholder("x", {1, 1, 1, 3});
      if (has_default) {
        g.scalar("half", 0.5f);
        g.node(name, "PlaceholderWithDefault", {"half"}).type("dtype", DataType::kFloat);
      } else {
        g.placeholder(name, {});
      }
      g.node("sum", "Add", {"x", name});
      g.node("out", "Relu", {"sum"});
      const Network network = lowered(g);
      CHECK(network.input_name == "x");
      const float set = std::string(name).find("rate") == std::string::npos ? 1 : 0;
      CHECK(run_network(network, {1, 2, 3}) == std::vector<float>{1 + set, 2 + set, 3 + set});
    }
  }
}

TEST_CASE("dropout in TensorFlow's three spellings leaves x as it is") {
  for (const Dropout spelling : {Dropout::kFloor, Dropout::kGreaterEqual, Dropout::kSelect}) {
    for (const bool is_placeholder : {false, true}) {
      GraphWriter g;
      g.placeholder("x", {1, 1, 1, 3});
      const char* rate = spelling == Dropout::kFloor ? "keep_prob" : "dropout_rate";
      if (is_placeholder) {
        g.placeholder(rate, {});
      } else {
        g.scalar(rate, 0.5f);
      }
      g.scalar("one", 1);
      g.scalar("zero", 0);
      g.scalar("two", 2);
      g.node("shape", "Shape", {"x"});
      g.node("uniform", "RandomUniform", {"shape"});
      g.node("random", "Add", {"uniform", "zero"});
      switch (spelling) {
        case Dropout::kFloor:  // to 1.12: x / keep_prob * floor(keep_prob + random)
          g.node("sum", "Add", {rate, "random"});
          g.node("mask", "Floor", {"sum"});
          g.node("scaled", "RealDiv", {"x", rate});
          g.node("drop", "Mul", {"scaled", "mask"});
          break;
        case Dropout::kGreaterEqual:  // from 1.13: x * (1 / (1 - rate)) * cast(random >= rate)
          g.node("keep", "GreaterEqual", {"random", rate});
          g.node("mask", "Cast", {"keep"}).type("DstT", DataType::kFloat);
          g.node("rest", "Sub", {"one", rate});
          g.node("factor", "RealDiv", {"one", "rest"});
          g.node("scaled", "Mul", {"x", "factor"});
          g.node("drop", "Mul", {"scaled", "mask"});
          break;
        case Dropout::kSelect:  // from 2.10: where(random >= rate, x * (1 / (1 - rate)), 0)
          g.node("keep", "GreaterEqual", {"random", rate});
          g.node("rest", "Sub", {"one", rate});
          g.node("factor", "RealDiv", {"one", "rest"});
          g.node("scaled", "Mul", {"x", "factor"});
          g.node("drop", "SelectV2", {"keep", "scaled", "zero"});
          break;
      }
      g.node("out", "Relu", {"drop"});
      INFO((int)spelling, " ", is_placeholder);
      Network network;
      CHECK(refusal([&] { network = lowered(g); }) == "");
      if (network.nodes.empty()) continue;
      CHECK(run_network(network, {1, -2, 3}) == std::vector<float>{1, 0, 3});
      CHECK(network.rewrites.at("dropout removed") == 1);
      CHECK(network.nodes.size() == 1);
    }
  }
}

// With keep_prob = 1 the division is gone before the mask is met; what stands before it is no part of the dropout.
TEST_CASE("a factor of the network in front of a dropout stays") {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 3});
  g.placeholder("keep_prob", {});
  g.scalar("two", 2);
  g.node("doubled", "Mul", {"x", "two"});
  g.node("shape", "Shape", {"doubled"});
  g.node("uniform", "RandomUniform", {"shape"});
  g.node("sum", "Add", {"keep_prob", "uniform"});
  g.node("mask", "Floor", {"sum"});
  g.node("scaled", "RealDiv", {"doubled", "keep_prob"});
  g.node("drop", "Mul", {"scaled", "mask"});
  g.node("out", "Relu", {"drop"});
  CHECK(run_network(lowered(g), {1, -2, 3}) == std::vector<float>{2, 0, 6});
}

TEST_CASE("dropout whose mask is scaled itself leaves the network's own factor alone") {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 3});
  g.scalar("two", 2);
  g.scalar("half", 0.5f);
  g.node("doubled", "Mul", {"x", "two"});
  g.node("shape", "Shape", {"doubled"});
  g.node("uniform", "RandomUniform", {"shape"});
  g.node("sum", "Add", {"half", "uniform"});
  g.node("floor", "Floor", {"sum"});
  g.node("mask", "RealDiv", {"floor", "half"});
  g.node("drop", "Mul", {"doubled", "mask"});
  g.node("out", "Relu", {"drop"});
  CHECK(run_network(lowered(g), {1, -2, 3}) == std::vector<float>{2, 0, 6});
}

TEST_CASE("a constant of a tf.cond belongs to the branch that its control edge names") {
  for (const bool taken : {false, true}) {
    GraphWriter g;
    g.placeholder("x", {1, 1, 1, 3});
    g.constant("condition", TensorWriter(DataType::kBool, {}).bools({taken}));
    g.node("cond/Switch", "Switch", {"condition", "condition"});
    g.node("cond/switch_t", "Identity", {"cond/Switch:1"});
    g.node("cond/switch_f", "Identity", {"cond/Switch"});
    const auto number = [&](const char* name, float value, const char* branch) {
      g.node(name, "Const", {branch})
          .tensor("value", TensorWriter(DataType::kFloat, {}).content(std::vector<float>{value}));
    };
    number("cond/one", 1, "^cond/switch_t");
    number("cond/half", 0.5f, "^cond/switch_f");
    g.node("cond/Merge", "Merge", {"cond/half", "cond/one"});
    g.node("negative", "Neg", {"x"});
    g.node("out", "Mul", {"negative", "cond/Merge"});
    const float factor = taken ? 1.0f : 0.5f;
    CHECK(run_network(lowered(g), {1, -2, 3}) == std::vector<float>{-factor, 2 * factor, -3 * factor});
  }
}

TEST_CASE("refused: an ArgMax whose class something computes with") {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 3});
  g.constant_ints("axis", {}, {3});
  g.scalar("one", 1);
  g.node("best", "ArgMax", {"x", "axis"});
  g.node("number", "Cast", {"best"}).type("DstT", DataType::kFloat);
  g.node("out", "Add", {"number", "one"});
  CHECK(contains(refusal([&] { lowered(g); }), "--output-node"));
}

TEST_CASE("Keras' learning phase: the branch for training is left out, whether it is a placeholder or has a default") {
  for (const bool has_default : {false, true}) {
    GraphWriter g;
    g.placeholder("x", {1, 1, 1, 3});
    if (has_default) {
      g.constant("phase/default", TensorWriter(DataType::kBool, {}).bools({1}));
      g.node("keras_learning_phase", "PlaceholderWithDefault", {"phase/default"}).type("dtype", DataType::kBool);
    } else {
      g.placeholder("keras_learning_phase", {}, DataType::kBool);
    }
    g.node("cond/Switch", "Switch", {"keras_learning_phase", "keras_learning_phase"});
    g.node("cond/switch_t", "Identity", {"cond/Switch:1"});
    g.node("cond/train", "Switch", {"x", "keras_learning_phase"});
    g.node("cond/test", "Switch", {"x", "keras_learning_phase"});
    g.node("cond/Shape", "Shape", {"cond/train:1"});
    g.node("cond/random", "RandomUniform", {"cond/Shape"});
    g.node("cond/drop", "Mul", {"cond/train:1", "cond/random"});
    g.node("cond/relu", "Relu", {"cond/test"});
    g.node("cond/Merge", "Merge", {"cond/relu", "cond/drop"});
    g.node("out", "Neg", {"cond/Merge"});
    const Network network = lowered(g);
    CHECK(network.input_name == "x");
    CHECK(run_network(network, {1, -2, 3}) == std::vector<float>{-1, 0, -3});
    CHECK(network.rewrites.at("branch for training left out (Switch, Merge)") >= 2);
  }
}

TEST_CASE("a Switch whose condition is true takes its second output") {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 3});
  g.constant("yes", TensorWriter(DataType::kBool, {}).bools({1}));
  g.node("switch", "Switch", {"x", "yes"});
  g.node("relu", "Relu", {"switch:0"});
  g.node("square", "Square", {"switch:1"});
  g.node("out", "Merge", {"relu", "square"});
  CHECK(run_network(lowered(g), {1, -2, 3}) == std::vector<float>{1, 4, 9});
}

TEST_CASE("refused: a Switch whose condition depends on the image") {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 3});
  g.node("switch", "Switch", {"x", "x"});
  g.node("relu", "Relu", {"switch:0"});
  g.node("out", "Merge", {"relu", "switch:1"});
  CHECK(contains(refusal([&] { lowered(g); }), "chooses a branch as the graph runs"));
}

TEST_CASE("preprocessing that the graph cannot say follows from the names of the retrain scripts") {
  const auto found = [](const char* input, const char* conv) {
    GraphWriter g;
    g.placeholder(input, {1, 4, 4, 3});
    g.node(conv, "Relu", {input});
    add_mean(g, conv);
    return lowered(g).preprocessing;
  };
  const Preprocessing mobilenet = found("input", "MobilenetV1/relu");
  CHECK(mobilenet.mean[0] == 127.5f);
  CHECK(mobilenet.std[0] == 127.5f);
  CHECK_FALSE(mobilenet.normalize_first);
  const Preprocessing hub = found("Placeholder", "module_apply_default/MobilenetV2/relu");
  CHECK(hub.mean[0] == 0);
  CHECK(hub.std[0] == 255);
  CHECK(hub.normalize_first);
  const Preprocessing inception = found("Mul", "conv/relu");
  CHECK(inception.mean[0] == 128);
  CHECK(inception.std[0] == 128);
  const Preprocessing other = found("x", "relu");
  CHECK(other.mean[0] == 0);
  CHECK(other.std[0] == 255);
  CHECK(contains(other.reason, "guess"));
}
