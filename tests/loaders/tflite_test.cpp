#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>
#include <set>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/tflite.h"
#include "tests/loaders/tflite_writer.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

const GraphNode& node(const Graph& graph, const std::string& name) {
  for (const GraphNode& node : graph.nodes) {
    if (node.name == name) return node;
  }
  INFO(name);
  REQUIRE(false);
  return graph.nodes[0];
}

std::vector<float> values(const Graph& graph, const std::string& name) {
  const GraphTensor& tensor = node(graph, name).attribute("value")->tensor;
  std::vector<float> out;
  for (size_t i = 0; i < tensor.element_count(); ++i) out.push_back((float)tensor.number(i));
  return out;
}

// Ops but constants, in order, joined by blanks.
std::string ops(const Graph& graph) {
  std::string out;
  for (const GraphNode& node : graph.nodes) {
    if (node.op != "Const") out += (out.empty() ? "" : " ") + node.op;
  }
  return out;
}

std::string refusal(const Bytes& bytes) {
  try {
    parse_tflite(bytes, "m.tflite");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

// Two output channels of 1 x 2 pixels of 2 channels each: [o, h, w, i].
const std::vector<float> kFilter = {1, 2, 3, 4, 5, 6, 7, 8};

Bytes float_model() {
  TfliteWriter m;
  const int32_t x = m.tensor("input", {1, 4, 4, 2}), y = m.tensor("scores;joined", {1, 4, 3, 2});
  const int32_t w = m.tensor("w", {2, 1, 2, 2}, kFloat32, raw(kFilter));
  const int32_t b = m.tensor("b", {2}, kFloat32, raw<float>({0.5f, -0.5f}));
  m.op(kConv2d, {x, w, b}, {y}, window(3, 3));
  return m.bytes({x}, {y});
}

Bytes zip_of(const std::string& name, const std::string& text, uint32_t crc) {
  Bytes out;
  const auto put = [&](uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(i < 8 ? (uint8_t)(value >> 8 * i) : 0);
  };
  const auto sizes = [&] {
    put(crc, 4);
    put(text.size(), 4);
    put(text.size(), 4);
    put(name.size(), 2);
    put(0, 2);
  };
  put(0x04034b50, 4);
  put(0, 10);
  sizes();
  out.insert(out.end(), name.begin(), name.end());
  out.insert(out.end(), text.begin(), text.end());
  const size_t list = out.size();
  put(0x02014b50, 4);
  put(0, 12);
  sizes();
  put(0, 14);
  out.insert(out.end(), name.begin(), name.end());
  const size_t list_bytes = out.size() - list;
  put(0x06054b50, 4);
  put(0, 4);
  put(1, 2);
  put(1, 2);
  put(list_bytes, 4);
  put(list, 4);
  put(0, 2);
  return out;
}

Bytes metadata_bytes() {
  FlatWriter normalization, unit, input, file, output, subgraph, metadata;
  normalization.numbers<float>(0, {127.5f}).numbers<float>(1, {127.5f});
  unit.number<uint8_t>(0, 1).table(1, normalization);
  input.tables(4, {unit});
  file.text(0, "flowers.txt").number<int8_t>(2, 2);
  output.tables(6, {file});
  subgraph.tables(2, {input}).tables(3, {output});
  metadata.tables(3, {subgraph});
  return metadata.file("M001");
}

std::string data_folder() {
  return std::string(POSY_SOURCE_DIR) + "/../shared/data/";
}

}  // namespace

TEST_CASE("tflite: a float convolution becomes Conv2D, BiasAdd and its activation, the filter as TensorFlow has it") {
  const Graph graph = parse_tflite(float_model(), "m.tflite");
  CHECK(ops(graph) == "Placeholder Conv2D BiasAdd Relu6");
  CHECK(graph.suggested_input == "input");
  CHECK(graph.suggested_output == "scores");
  CHECK(!graph.suggested_mean);
  const GraphNode& conv = node(graph, "scores/Conv2D");
  CHECK(conv.attribute("padding")->text == "VALID");
  CHECK(conv.attribute("strides")->integers == std::vector<int64_t>{1, 1, 1, 1});
  // [h, w, i, o]
  CHECK(node(graph, conv.inputs[1]).attribute("value")->tensor.dims == std::vector<int64_t>{1, 2, 2, 2});
  CHECK(values(graph, conv.inputs[1]) == std::vector<float>{1, 5, 2, 6, 3, 7, 4, 8});
}

TEST_CASE("tflite: per-tensor weights become scale * (q - zero_point)") {
  TfliteWriter m;
  const int32_t x = m.quantized("input", {1, 4, 4, 2}, kUint8, {}, {0.5f}, {10});
  const int32_t w = m.quantized("w", {1, 1, 2, 2}, kUint8, {0, 3, 4, 255}, {0.25f}, {3});
  const int32_t b = m.tensor("b", {2}, kInt32, raw<int32_t>({8, -8}));
  const int32_t y = m.quantized("y", {1, 4, 3, 2}, kUint8, {}, {0.1f}, {7});
  m.op(kDepthwise, {x, w, b}, {y}, window(4, 1));
  const Graph graph = parse_tflite(m.bytes({x}, {y}), "m.tflite");
  CHECK(ops(graph) == "Placeholder DepthwiseConv2dNative BiasAdd Relu");
  CHECK(values(graph, node(graph, "y/DepthwiseConv2dNative").inputs[1]) == std::vector<float>{-0.75f, 0, 0.25f, 63});
  // A bias that does not say its scale has that of input times weights.
  CHECK(values(graph, node(graph, "y/BiasAdd").inputs[1]) == std::vector<float>{1, -1});
  CHECK(*graph.suggested_mean == 10);
  CHECK(*graph.suggested_std == 2);
}

TEST_CASE("tflite: per-channel weights stay whole numbers, their scales become a factor behind") {
  TfliteWriter m;
  const int32_t x = m.tensor("input", {1, 3});
  const int32_t w = m.quantized("w", {2, 3}, kInt8, {1, 2, 253, 127, 129, 0}, {0.5f, 0.125f}, {0, 0});
  const int32_t y = m.tensor("y", {1, 2}), z = m.tensor("z", {1, 2});
  m.op(kFullyConnected, {x, w, -1}, {y});
  m.op(kSoftmax, {y}, {z}, FlatWriter().number<float>(0, 1));
  const Graph graph = parse_tflite(m.bytes({x}, {z}), "m.tflite");
  CHECK(ops(graph) == "Placeholder MatMul Mul Softmax");
  CHECK(node(graph, "y/MatMul").attribute("transpose_b")->integer == 1);
  CHECK(values(graph, node(graph, "y/MatMul").inputs[1]) == std::vector<float>{1, 2, -3, 127, -127, 0});
  CHECK(values(graph, node(graph, "y").inputs[1]) == std::vector<float>{0.5f, 0.125f});
}

TEST_CASE("tflite: weights of halves behind DEQUANTIZE are read as floats") {
  TfliteWriter m;
  const int32_t x = m.tensor("input", {1, 2});
  const int32_t half = m.tensor("half", {1, 2}, kFloat16, raw<uint16_t>({0x3c00, 0xc100})), w = m.tensor("w", {1, 2});
  const int32_t y = m.tensor("y", {1, 1});
  m.op(kDequantize, {half}, {w});
  m.op(kFullyConnected, {x, w}, {y});
  const Graph graph = parse_tflite(m.bytes({x}, {y}), "m.tflite");
  CHECK(ops(graph) == "Placeholder MatMul");
  CHECK(values(graph, node(graph, "y").inputs[1]) == std::vector<float>{1, -2.5f});
}

TEST_CASE("tflite: a ReLU that the converter left to the 8 bits of the output comes back") {
  for (const float scale : {6 / 255.0f, 0.1f}) {
    TfliteWriter m;
    const int32_t x = m.quantized("x", {1, 2, 2, 2}, kInt8, {}, {1}, {0}),
                  y = m.quantized("y", {1, 2, 2, 2}, kInt8, {}, {scale}, {-128});
    m.op(kAdd, {x, x}, {y});
    CHECK(ops(parse_tflite(m.bytes({x}, {y}), "m.tflite")) ==
          (scale < 0.05f ? "Placeholder AddV2 Relu6" : "Placeholder AddV2 Relu"));
  }
}

TEST_CASE("tflite: axes stay whole numbers") {
  TfliteWriter m;
  const int32_t x = m.tensor("x", {1, 2, 2, 2}), axes = m.tensor("axes", {2}, kInt32, raw<int32_t>({1, 2}));
  const int32_t y = m.tensor("y", {1, 2});
  m.op(kMean, {x, axes}, {y}, FlatWriter().number<uint8_t>(0, 1));
  const Graph graph = parse_tflite(m.bytes({x}, {y}), "m.tflite");
  CHECK(node(graph, "y").attribute("keep_dims")->integer == 1);
  CHECK(node(graph, node(graph, "y").inputs[1]).attribute("value")->tensor.type == DataType::kInt32);
}

TEST_CASE("tflite: GELU and L2_NORMALIZATION are spelled out") {
  for (const uint8_t is_approximate : {0, 1}) {
    TfliteWriter m;
    const int32_t x = m.tensor("x", {1, 3, 2}), y = m.tensor("y", {1, 3, 2});
    m.op(kGelu, {x}, {y}, FlatWriter().number<uint8_t>(0, is_approximate));
    const Graph graph = parse_tflite(m.bytes({x}, {y}), "m.tflite");
    CHECK(ops(graph) == (is_approximate ? "Placeholder Square Mul Mul AddV2 Mul Tanh Mul AddV2 Mul"
                                        : "Placeholder Mul Erf Mul AddV2 Mul"));
    CHECK(graph.suggested_output == "y");
  }
  TfliteWriter m;
  const int32_t x = m.tensor("x", {1, 3, 2}), y = m.tensor("y", {1, 3, 2});
  m.op(kL2Normalization, {x}, {y});
  const Graph graph = parse_tflite(m.bytes({x}, {y}), "m.tflite");
  CHECK(ops(graph) == "Placeholder Square Sum Sqrt Maximum RealDiv");
  CHECK(values(graph, node(graph, "y/Sum").inputs[1]) == std::vector<float>{2});
}

TEST_CASE("tflite: labels and normalisation come from the metadata") {
  TfliteWriter m;
  const int32_t x = m.tensor("x", {1, 2}), y = m.tensor("y", {1, 2});
  m.op(kSoftmax, {x}, {y});
  m.metadata(metadata_bytes());
  Bytes bytes = m.bytes({x}, {y});
  const Bytes zip = zip_of("flowers.txt", "daisy\r\ntulip\n\n", 0x38a86ec3);
  bytes.insert(bytes.end(), zip.begin(), zip.end());
  const Graph graph = parse_tflite(bytes, "m.tflite");
  CHECK(graph.suggested_labels == std::vector<std::string>{"daisy", "tulip"});
  CHECK(*graph.suggested_mean == 127.5f);
  CHECK(*graph.suggested_std == 127.5f);

  bytes[bytes.size() - zip.size() + 45] ^= 1;  // a letter of a label
  const Graph damaged = parse_tflite(bytes, "m.tflite");
  CHECK(damaged.suggested_labels.empty());
  REQUIRE(damaged.notes.size() == 1);
  CHECK(contains(damaged.notes[0], "'flowers.txt' inside the file are missing or damaged"));
}

TEST_CASE("tflite: what cannot be converted is refused by name") {
  TfliteWriter m;
  const int32_t x = m.tensor("x", {1, 2}), y = m.tensor("y", {1, 2});
  m.op(kSoftmax, {x}, {y});
  m.op(kLstm, {y}, {m.tensor("memory", {1, 2})});
  CHECK(
      contains(refusal(m.bytes({x}, {2})), "m.tflite: operator 1 (LSTM, 'memory'): this operator cannot be converted"));

  TfliteWriter custom;
  custom.tensor("x", {1, 2});
  custom.op(kCustom, {0}, {custom.tensor("boxes", {1, 4})}, {}, "TFLite_Detection_PostProcess");
  CHECK(contains(refusal(custom.bytes({0}, {1})), "custom operator TFLite_Detection_PostProcess"));

  TfliteWriter order;
  order.tensor("x", {1, 2});
  order.op(kSoftmax, {order.tensor("late", {1, 2})}, {order.tensor("y", {1, 2})});
  CHECK(contains(refusal(order.bytes({0}, {2})), "nothing before it makes its input 0 ('late')"));

  TfliteWriter small;
  small.tensor("x", {1, 2});
  small.tensor("w", {3, 2}, kFloat32, raw<float>({1, 2}));
  CHECK(contains(refusal(small.bytes({0}, {0})), "tensor 1: a constant of shape [3,2] needs 24 bytes but has 8"));
}

TEST_CASE("tflite: another kind of file is named") {
  const std::string html = "<!DOCTYPE html><html></html>";
  CHECK(contains(refusal(Bytes(html.begin(), html.end())), "not a TFLite model"));
  CHECK(contains(refusal(Bytes(html.begin(), html.end())), "an HTML page"));
  CHECK(contains(refusal({}), "an empty file"));
}

TEST_CASE("tflite: every truncation is refused, in one sentence") {
  const Bytes bytes = float_model();
  for (size_t size = 0; size < bytes.size(); ++size) {
    INFO(size);
    const std::string message = refusal(Bytes(bytes.begin(), bytes.begin() + (std::ptrdiff_t)size));
    // The last bytes belong to whatever was written last; without them nothing else may be missed.
    if (message.empty()) CHECK(size + 8 >= bytes.size());
    if (!message.empty()) CHECK(message.starts_with("m.tflite: "));
  }
}

TEST_CASE("tflite: damaged bytes are refused or read, never more") {
  TfliteWriter m;
  const int32_t x = m.quantized("input", {1, 4, 4, 2}, kInt8, {}, {0.5f}, {10});
  const int32_t w = m.quantized("w", {2, 1, 2, 2}, kInt8, {0, 3, 4, 255, 1, 2, 3, 4}, {0.25f, 2}, {0, 0});
  const int32_t b = m.quantized("b", {2}, kInt32, raw<int32_t>({8, -8}), {1, 2}, {0, 0});
  const int32_t y = m.quantized("y", {1, 4, 3, 2}, kInt8, {}, {0.1f}, {7});
  m.op(kConv2d, {x, w, b}, {y}, window(3, 1));
  m.metadata(metadata_bytes());
  Bytes bytes = m.bytes({x}, {y});
  const Bytes zip = zip_of("flowers.txt", "daisy\ntulip\n", 0);
  bytes.insert(bytes.end(), zip.begin(), zip.end());
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    Bytes damaged = bytes;
    for (uint32_t flips = 1 + random() % 4; flips > 0; --flips) damaged[random() % damaged.size()] = (uint8_t)random();
    refusal(damaged);
  }
}

TEST_CASE("tflite: real models") {
  struct Real {
    const char* path;
    const char* output;
    size_t convolutions, labels;
    float mean;
  };
  const Real reals[] = {
      {"tflite/coral/mobilenet_v1_0.25_128_quant.tflite", "MobilenetV1/Predictions/Reshape_1", 28, 1001, 128},
      {"tflite/coral/mobilenet_v2_1.0_224_quant.tflite", "MobilenetV2/Predictions/Softmax", 53, 1001, 128},
      {"tflite/TFLClassify/FlowerModel.tflite", "Identity", 49, 5, 0},
      {"pb/abislam_plates/retrained_graph.tflite", "final_result", 28, 0, -1},
  };
  for (const Real& real : reals) {
    const std::string path = data_folder() + real.path;
    if (!fs::exists(path)) {
      std::printf("skipped: %s is not there\n", path.c_str());
      continue;
    }
    INFO(path);
    const Graph graph = read_tflite(path);
    CHECK(graph.suggested_output == real.output);
    CHECK(graph.suggested_labels.size() == real.labels);
    CHECK(graph.suggested_mean.value_or(-1) == real.mean);
    size_t convolutions = 0;
    for (const GraphNode& n : graph.nodes) {
      if (n.op != "Conv2D" && n.op != "DepthwiseConv2dNative") continue;
      ++convolutions;
      const std::vector<float> weights = values(graph, n.inputs[1]);
      if (real.mean >= 0) CHECK(std::set<float>(weights.begin(), weights.end()).size() <= 256);
    }
    CHECK(convolutions == real.convolutions);
  }
}
