// simplify() must not change scores: every network here is run as it was lowered and again after folding.
#include <doctest/doctest.h>

#include "loaders/lower.h"
#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

constexpr const char* kFolded = "factor or sum per channel folded into a convolution (batch norm, bias)";
constexpr const char* kJoined = "factors and sums per channel joined";
constexpr const char* kFused = "activation (Relu, Relu6) fused into the op before it";
constexpr const char* kPadded = "zero padding folded into a convolution";
constexpr const char* kHardSwish = "x * relu6(x + 3) / 6 made one op (hard swish)";
constexpr const char* kSwish = "x * sigmoid(x) made one op (swish)";
constexpr const char* kTail = "two linear maps at the end joined into one (--keep-bottleneck keeps both)";

int count(const Network& network, const char* rewrite) {
  const auto found = network.rewrites.find(rewrite);
  return found == network.rewrites.end() ? 0 : found->second;
}

size_t input_floats(const Network& network) {
  return (size_t)network.values[(size_t)network.input].shape.elements();
}

// How far scores move, relative to the largest, over some random inputs.
double moved(const Network& network, bool keep_bottleneck = false) {
  const Network folded = simplified(network, keep_bottleneck);
  double most = 0;
  for (uint32_t seed = 0; seed < 3; ++seed) {
    const std::vector<float> x = random_floats(input_floats(network), seed, -2, 2);
    most = std::max(most, relative_difference(run_network(folded, x), run_network(network, x)));
  }
  return most;
}

// Builds graphs on a [1, 6, 6, 3] image; each function adds one node behind the last.
struct Chain {
  GraphWriter g;
  std::string last = "x";
  uint32_t nodes = 0;

  Chain() { g.placeholder("x", {1, 6, 6, 3}); }

  std::string next() { return "n" + std::to_string(nodes++); }
  Chain& conv(int64_t k, int64_t in_c, int64_t out_c) {
    const std::string name = next();
    g.constant(name + "/w", {k, k, in_c, out_c}, random_floats((size_t)(k * k * in_c * out_c), nodes));
    g.node(name, "Conv2D", {last, name + "/w"}).text("padding", "SAME").ints("strides", {1, 1, 1, 1});
    last = name;
    return *this;
  }
  Chain& depthwise(int64_t channels) {
    const std::string name = next();
    g.constant(name + "/w", {3, 3, channels, 1}, random_floats((size_t)(9 * channels), nodes));
    g.node(name, "DepthwiseConv2dNative", {last, name + "/w"}).text("padding", "SAME").ints("strides", {1, 1, 1, 1});
    last = name;
    return *this;
  }
  Chain& constant_op(const std::string& op, int64_t channels) {
    const std::string name = next();
    g.constant(name + "/c", {channels}, random_floats((size_t)channels, nodes, 0.25f, 2));
    g.node(name, op, {last, name + "/c"});
    last = name;
    return *this;
  }
  Chain& unary(const std::string& op) {
    const std::string name = next();
    g.node(name, op, {last});
    last = name;
    return *this;
  }
  Chain& norm_and_relu6(int64_t channels) {
    return constant_op("Mul", channels).constant_op("Add", channels).unary("Relu6");
  }
  // By one row and column in front and two behind, then `op` of 3 x 3, stride 2.
  Chain& pad(const std::string& op, std::vector<int32_t> paddings = {0, 0, 1, 2, 1, 2, 0, 0}) {
    const std::string name = next();
    g.constant_ints(name + "/paddings", {4, 2}, paddings);
    g.scalar(name + "/fill", 0.5f);
    if (op == "PadV2") {
      g.node(name, op, {last, name + "/paddings", name + "/fill"});
    } else {
      g.node(name, op, {last, name + "/paddings"}).text("mode", "REFLECT");
    }
    last = name;
    return *this;
  }
  Chain& windowed(const std::string& op, const char* padding) {
    const std::string name = next();
    const int64_t out_c = op == "Conv2D" ? 4 : 1;
    g.constant(name + "/w", {3, 3, 3, out_c}, random_floats((size_t)(27 * out_c), nodes));
    const bool is_pool = op == "MaxPool";
    NodeWriter& node =
        g.node(name, op, is_pool ? std::vector<std::string>{last} : std::vector<std::string>{last, name + "/w"});
    node.text("padding", padding).ints("strides", {1, 2, 2, 1}).ints("ksize", {1, 3, 3, 1});
    last = name;
    return *this;
  }
  Chain& mean() {
    g.constant_ints("axes", {2}, {1, 2});
    g.node("mean", "Mean", {last, "axes"});
    last = "mean";
    return *this;
  }
  Chain& mat_mul(int64_t in_c, int64_t out_c) {
    const std::string name = next();
    g.constant(name + "/w", {in_c, out_c}, random_floats((size_t)(in_c * out_c), nodes));
    g.node(name, "MatMul", {last, name + "/w"});
    last = name;
    return *this;
  }
  Network lower() const { return lowered(g); }
};

Chain mobilenet_tail(int64_t middle) {
  Chain chain;
  chain.conv(3, 3, 8).norm_and_relu6(8).mean().mat_mul(8, middle).constant_op("Add", middle);
  chain.mat_mul(middle, 3).constant_op("Add", 3).unary("Softmax");
  return chain;
}

}  // namespace

TEST_CASE("batch norms fold into convolutions, and scores stay") {
  Chain chain;
  chain.conv(3, 3, 20).norm_and_relu6(20).depthwise(20).norm_and_relu6(20).conv(1, 20, 5).norm_and_relu6(5);
  const Network network = chain.mean().unary("Softmax").lower(), folded = simplified(network);
  CHECK(count(folded, kFolded) == 6);
  CHECK(count(folded, kFused) == 3);
  CHECK(folded.nodes.size() == 5);  // three convolutions, mean, softmax
  CHECK(moved(network) < 1e-6);
}

TEST_CASE("every op per channel folds: Sub, RealDiv, BiasAdd, and a constant on the left") {
  Chain chain;
  chain.conv(3, 3, 4).constant_op("Sub", 4).constant_op("RealDiv", 4).constant_op("BiasAdd", 4);
  chain.g.constant("left", {4}, {1, -2, 3, 0.5f});
  chain.g.node("left_sub", "Sub", {"left", chain.last});
  chain.last = "left_sub";
  const Network network = chain.mean().lower();
  CHECK(count(simplified(network), kFolded) == 4);
  CHECK(moved(network) < 1e-6);
}

TEST_CASE("factors and sums that have no convolution before them become one op") {
  Chain chain;
  const Network network = chain.constant_op("Mul", 3).constant_op("Add", 3).constant_op("Mul", 3).mean().lower();
  const Network folded = simplified(network);
  CHECK(count(folded, kJoined) == 2);
  REQUIRE(folded.nodes.size() == 2);
  CHECK(folded.nodes[0].kind == NodeKind::kDepthwiseConv2d);
  CHECK(moved(network) < 1e-6);
}

TEST_CASE("a factor behind an activation stays behind it") {
  Chain chain;
  const Network network = chain.conv(1, 3, 4).unary("Relu").constant_op("Mul", 4).constant_op("Sub", 4).mean().lower();
  const Network folded = simplified(network);
  CHECK(count(folded, kFolded) == 0);
  CHECK(folded.nodes.size() == 3);
  CHECK(moved(network) < 1e-6);
}

TEST_CASE("nothing is folded into what something else uses too") {
  Chain chain;
  chain.conv(1, 3, 3);
  const std::string shared = chain.last;
  const std::string scaled = chain.constant_op("Mul", 3).last;
  chain.g.node("relu", "Relu", {shared});
  chain.g.node("sum", "Add", {scaled, "relu"});
  chain.last = "sum";
  const Network network = chain.mean().lower(), folded = simplified(network);
  CHECK(count(folded, kFolded) == 0);
  CHECK(count(folded, kFused) == 0);
  CHECK(moved(network) < 1e-6);
}

TEST_CASE("nothing is folded into the output") {
  Chain chain;
  Network network = chain.mean().mat_mul(3, 4).unary("Relu").lower();
  // The scores are taken in front of the activation.
  network.output = network.nodes[1].output;
  const Network folded = simplified(network);
  CHECK(count(folded, kFused) == 0);
  CHECK(folded.output == network.output);
  CHECK(moved(network) < 1e-6);
}

TEST_CASE("a clamp behind a clamp stays one of its own") {
  for (const auto& [first, second] : {std::pair{"Relu", "Relu6"}, {"Relu6", "Relu"}, {"Relu", "Relu"}}) {
    Chain chain;
    const Network network = chain.conv(3, 3, 4).unary(first).unary(second).mean().lower();
    INFO(first, " ", second);
    CHECK(count(simplified(network), kFused) >= 1);
    CHECK(moved(network) == 0);
  }
}

TEST_CASE(
    "an activation behind a pool, an addition or a factor fuses; behind a concatenation or a flatten it does not") {
  Chain pool;
  pool.g.node("pool", "MaxPool", {"x"})
      .text("padding", "SAME")
      .ints("ksize", {1, 2, 2, 1})
      .ints("strides", {1, 2, 2, 1});
  pool.last = "pool";
  const Network pooled = pool.unary("Relu6").mean().lower();
  CHECK(count(simplified(pooled), kFused) == 1);
  CHECK(moved(pooled) == 0);

  Chain add;
  add.conv(1, 3, 3);
  add.g.node("sum", "Add", {add.last, "x"});
  add.last = "sum";
  const Network added = add.unary("Relu").mean().lower();
  CHECK(count(simplified(added), kFused) == 1);
  CHECK(moved(added) == 0);

  Chain concat;
  concat.conv(1, 3, 3);
  concat.g.constant_ints("axis", {}, {3});
  concat.g.node("joined", "ConcatV2", {concat.last, "x", "axis"});
  concat.g.constant_ints("shape", {2}, {1, 216});
  concat.g.node("flat", "Reshape", {"joined", "shape"});
  concat.last = "flat";
  const Network joined = concat.unary("Relu").lower();
  CHECK(count(simplified(joined), kFused) == 0);
  CHECK(moved(joined) == 0);
}

TEST_CASE("zeros padded around a map become the padding of the convolution behind them") {
  for (const char* op : {"Conv2D", "DepthwiseConv2dNative"}) {
    for (const char* padding : {"VALID", "SAME"}) {
      Chain chain;
      const Network network = chain.pad("Pad", {0, 0, 1, 1, 1, 1, 0, 0}).windowed(op, padding).mean().lower(),
                    folded = simplified(network);
      INFO(std::string(op), " ", std::string(padding));
      CHECK(count(folded, kPadded) == 1);
      CHECK(folded.nodes.size() + 1 == network.nodes.size());
      CHECK(moved(network) == 0);
    }
  }
}

TEST_CASE("a padding that is no zeros, not in front of a convolution, or wider than its window stays") {
  const auto stays = [](Chain& chain) {
    const Network network = chain.mean().lower();
    CHECK(count(simplified(network), kPadded) == 0);
    CHECK(moved(network) < 1e-6);
  };
  Chain filled, mirrored, pooled, wide, between, beyond;
  stays(filled.pad("PadV2").windowed("Conv2D", "VALID"));
  stays(mirrored.pad("MirrorPad").windowed("Conv2D", "VALID"));
  stays(pooled.pad("Pad").windowed("MaxPool", "VALID"));
  stays(wide.pad("Pad", {0, 0, 3, 0, 0, 0, 0, 0}).windowed("Conv2D", "VALID"));
  // SAME adds a row that sees nothing but zeros, which no window of the engine does.
  stays(beyond.pad("Pad", {0, 0, 1, 2, 1, 2, 0, 0}).windowed("Conv2D", "SAME"));
  stays(between.pad("Pad").constant_op("Add", 3).windowed("Conv2D", "VALID"));
  Chain cut;
  cut.g.constant_ints("begin", {4}, {0, 1, 1, 0});
  cut.g.constant_ints("size", {4}, {1, 5, 5, 3});
  cut.g.node("cut", "Slice", {"x", "begin", "size"});
  cut.last = "cut";
  stays(cut.windowed("Conv2D", "VALID"));
}

TEST_CASE("padded zeros that two convolutions read are folded into both, and kept for what else reads them") {
  for (const bool is_read : {false, true}) {
    Chain chain;
    chain.pad("Pad");
    const std::string padded = chain.last;
    const std::string first = chain.windowed("Conv2D", "VALID").last;
    chain.last = padded;
    const std::string second = chain.windowed("Conv2D", "VALID").last;
    std::vector<std::string> sum = {first, second};
    if (is_read) {
      // [1, 9, 9, 3] by a window of 3 is [1, 4, 4, 3]; its maximum over channels is repeated.
      chain.last = padded;
      chain.windowed("MaxPool", "VALID");
      chain.g.constant_ints("channels", {1}, {3});
      chain.g.node("most", "Max", {chain.last, "channels"}).flag("keep_dims", true);
      sum.push_back("most");
    }
    chain.g.node("one", "Add", {sum[0], sum[1]});
    chain.g.node("two", "Add", {"one", sum.back()});
    chain.last = "two";
    const Network network = chain.mean().lower(), folded = simplified(network);
    CHECK(count(folded, kPadded) == 2);
    const auto pads = std::count_if(folded.nodes.begin(), folded.nodes.end(),
                                    [](const NetworkNode& node) { return node.kind == NodeKind::kPad; });
    CHECK(pads == (is_read ? 1 : 0));
    CHECK(moved(network) < 1e-6);
  }
}

TEST_CASE("x * sigmoid(x) becomes one op, whichever stands first, and takes an activation behind it") {
  for (const bool gate_is_first : {false, true}) {
    Chain chain;
    const std::string x = chain.conv(1, 3, 4).last, gate = chain.unary("Sigmoid").last;
    chain.g.node("swish", "Mul", gate_is_first ? std::vector<std::string>{gate, x} : std::vector<std::string>{x, gate});
    chain.last = "swish";
    const Network network = chain.unary("Relu6").mean().lower(), folded = simplified(network);
    CHECK(count(folded, kSwish) == 1);
    CHECK(count(folded, kFused) == 1);
    REQUIRE(folded.nodes.size() == 3);  // convolution, swish, mean
    CHECK(folded.nodes[1].kind == NodeKind::kUnary);
    CHECK(folded.nodes[1].params.function == (uint8_t)UnaryFunction::swish);
    CHECK(moved(network) < 1e-6);
  }
}

TEST_CASE("a sigmoid of something else, or one that something else uses too, is no swish") {
  Chain other;
  const std::string x = other.conv(1, 3, 3).last;
  other.g.node("gate", "Sigmoid", {"x"});
  other.g.node("gated", "Mul", {x, "gate"});
  other.last = "gated";
  const Network gated = other.mean().lower();
  CHECK(count(simplified(gated), kSwish) == 0);
  CHECK(moved(gated) < 1e-6);

  Chain used;
  const std::string y = used.conv(1, 3, 3).last, gate = used.unary("Sigmoid").last;
  used.g.node("swish", "Mul", {y, gate});
  used.g.node("sum", "Add", {"swish", gate});
  used.last = "sum";
  const Network shared = used.mean().lower();
  CHECK(count(simplified(shared), kSwish) == 0);
  CHECK(moved(shared) < 1e-6);

  Chain clamped;
  const std::string z = clamped.conv(1, 3, 3).last, half = clamped.unary("Sigmoid").unary("Relu").last;
  clamped.g.node("product", "Mul", {z, half});
  clamped.last = "product";
  CHECK(moved(clamped.mean().lower()) < 1e-6);
}

TEST_CASE("x * relu6(x + 3) / 6 becomes one op, wherever the sixth stands") {
  for (const bool sixth_is_last : {false, true}) {
    Chain chain;
    const std::string x = chain.conv(1, 3, 4).last;
    chain.g.constant("three", {}, {3});
    chain.g.constant("sixth", {}, {1.0f / 6});
    chain.g.node("shifted", "Add", {x, "three"});
    chain.g.node("gate", "Relu6", {"shifted"});
    if (sixth_is_last) {
      chain.g.node("product", "Mul", {x, "gate"});
      chain.g.node("swish", "Mul", {"product", "sixth"});
    } else {
      chain.g.node("gate6", "Mul", {"gate", "sixth"});
      chain.g.node("swish", "Mul", {"gate6", x});
    }
    chain.last = "swish";
    const Network network = chain.mean().lower(), folded = simplified(network);
    CHECK(count(folded, kHardSwish) == 1);
    REQUIRE(folded.nodes.size() == 3);  // convolution, hard swish, mean
    CHECK(folded.nodes[1].params.function == (uint8_t)UnaryFunction::hard_swish);
    CHECK(moved(network) < 1e-6);
  }
}

TEST_CASE("a gate of something else, or one that something else uses too, is no hard swish") {
  for (const bool is_shared : {false, true}) {
    Chain chain;
    const std::string x = chain.conv(1, 3, 3).last;
    chain.g.constant("three", {}, {3});
    chain.g.constant("sixth", {}, {1.0f / 6});
    chain.g.node("shifted", "Add", {is_shared ? x : "x", "three"});
    chain.g.node("gate", "Relu6", {"shifted"});
    chain.g.node("product", "Mul", {x, "gate"});
    chain.g.node("gated", "Mul", {"product", "sixth"});
    chain.last = "gated";
    if (is_shared) {
      chain.g.node("sum", "Add", {"gated", "gate"});
      chain.last = "sum";
    }
    const Network network = chain.mean().lower();
    CHECK(count(simplified(network), kHardSwish) == 0);
    CHECK(moved(network) < 1e-6);
  }
}

TEST_CASE("factors of 1 and sums with 0 are left out, in front of anything") {
  Chain chain;
  const std::vector<float> ones(3, 1), zeros(3, 0);
  chain.g.constant("ones", {3}, ones);
  chain.g.constant("zeros", {3}, zeros);
  chain.g.node("mul", "Mul", {"x", "ones"});
  chain.g.node("add", "Add", {"zeros", "mul"});
  chain.g.node("sub", "Sub", {"add", "zeros"});
  chain.g.node("div", "RealDiv", {"sub", "ones"});
  chain.last = "div";
  const Network network = chain.mean().lower();
  CHECK(count(network, "factors of 1 and sums with 0 left out") == 4);
  CHECK(network.nodes.size() == 1);
  const std::vector<float> x = random_floats(6 * 6 * 3, 1);
  Chain plain;
  CHECK(run_network(network, x) == run_network(plain.mean().lower(), x));
}

// The convolution in front has the center and the bias of a batch norm, the one behind the classifier's.
TEST_CASE("the tail's join takes centers, scales and biases of both maps into account") {
  Chain chain;
  chain.mean().mat_mul(3, 40).constant_op("Sub", 40).constant_op("Mul", 40).constant_op("Add", 40);
  const Network network =
      chain.mat_mul(40, 2).constant_op("Sub", 2).constant_op("Mul", 2).constant_op("Add", 2).lower();
  const Network folded = simplified(network);
  CHECK(count(folded, kTail) == 1);
  CHECK(count(folded, kFolded) == 6);
  CHECK(folded.nodes.size() == 2);
  CHECK(moved(network) < 1e-6);
}

TEST_CASE("the tail's two linear maps join where that is smaller, and scores stay") {
  const Network network = mobilenet_tail(50).lower(), joined = simplified(network), kept = simplified(network, true);
  CHECK(count(joined, kTail) == 1);
  CHECK(count(kept, kTail) == 0);
  CHECK(joined.nodes.size() + 1 == kept.nodes.size());
  CHECK(moved(network) < 1e-6);
  CHECK(moved(network, true) < 1e-6);
  // 8 features -> 2 -> 3 classes is 22 weights, joined it would be 24.
  const Network narrow = mobilenet_tail(2).lower();
  CHECK(count(simplified(narrow), kTail) == 0);
  CHECK(moved(narrow) < 1e-6);
}

TEST_CASE("the tail does not join where something lies between its maps or uses the bottleneck") {
  Chain between;
  between.mean().mat_mul(3, 50).unary("Relu").mat_mul(50, 2);
  CHECK(count(simplified(between.lower()), kTail) == 0);

  Chain used;
  const std::string bottleneck = used.mean().mat_mul(3, 4).last;
  const std::string logits = used.mat_mul(4, 4).last;
  used.g.node("sum", "Add", {logits, bottleneck});
  const Network network = used.lower();
  CHECK(count(simplified(network), kTail) == 0);
  CHECK(moved(network) < 1e-6);
}

TEST_CASE("an activation behind the tail survives the join") {
  Chain chain;
  const Network network = chain.mean().mat_mul(3, 60).mat_mul(60, 2).unary("Relu").lower();
  CHECK(count(simplified(network), kTail) == 1);
  CHECK(moved(network) < 1e-6);
}

// Only the middle of a 3 x 3 window meets a map of one pixel.
TEST_CASE("a wide convolution on a map of one pixel is not mistaken for a linear map of its first weights") {
  GraphWriter g;
  g.placeholder("x", {1, 1, 1, 3});
  g.constant("w1", {1, 1, 3, 40}, random_floats(120, 1));
  g.node("first", "Conv2D", {"x", "w1"}).text("padding", "SAME");
  g.constant("w2", {3, 3, 40, 2}, random_floats(720, 2));
  g.node("second", "Conv2D", {"first", "w2"}).text("padding", "SAME");
  CHECK(moved(lowered(g)) < 1e-6);
}

TEST_CASE("folding keeps a rounded graph's few values apart from the channels' factors") {
  Chain chain;
  const Network network = chain.conv(3, 3, 8).norm_and_relu6(8).mean().lower(), folded = simplified(network);
  CHECK(folded.nodes[0].weights.values->floats == network.nodes[0].weights.values->floats);
  CHECK(folded.nodes[0].weights.line.scale[0] != 1);
}

TEST_CASE("names survive: every node of the graph is still the name of a value or of an op that made it") {
  const Network folded = simplified(mobilenet_tail(50).lower());
  CHECK(folded.values[(size_t)folded.output].names[0] == "n8");
  CHECK(folded.nodes.front().name == "n0");
}
