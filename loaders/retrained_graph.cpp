#include "loaders/retrained_graph.h"

#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/protobuf.h"
#include "loaders/protobuf_writer.h"

namespace posy {
namespace {

// Field numbers of GraphDef, NodeDef, AttrValue, TensorProto and TensorShapeProto (tensorflow/core/framework).
constexpr uint32_t kGraphNode = 1, kGraphVersions = 4;
constexpr uint32_t kNodeName = 1, kNodeOp = 2, kNodeInput = 3, kNodeAttr = 5;
constexpr uint32_t kMapKey = 1, kMapValue = 2;
constexpr uint32_t kAttrType = 6, kAttrBool = 5, kAttrShape = 7, kAttrTensor = 8;
constexpr int64_t kFloat = 1, kInt32 = 3;

struct RawNode {
  std::string name;
  std::vector<std::string> inputs;  // names alone
  std::span<const uint8_t> bytes;
};

// "^x" and "x:1" are x.
std::string node_of_input(std::string_view input) {
  if (!input.empty() && input[0] == '^') input.remove_prefix(1);
  return std::string(input.substr(0, input.find(':')));
}

struct RawGraph {
  std::vector<RawNode> nodes;
  std::span<const uint8_t> versions;

  explicit RawGraph(std::span<const uint8_t> bytes) {
    for (WireReader graph(bytes); graph.next();) {
      if (graph.field() == kGraphVersions) versions = graph.bytes();
      if (graph.field() != kGraphNode) continue;
      RawNode node;
      node.bytes = graph.bytes();
      for (WireReader field = graph.message(); field.next();) {
        if (field.field() == kNodeName) node.name = field.text();
        if (field.field() == kNodeInput) node.inputs.push_back(node_of_input(field.text()));
      }
      nodes.push_back(std::move(node));
    }
  }

  // Names of what `node` needs, itself included; empty if there is no such node.
  std::set<std::string> needed_by(const std::string& node) const {
    std::map<std::string, const RawNode*> by_name;
    for (const RawNode& each : nodes) by_name[each.name] = &each;
    std::set<std::string> needed;
    std::vector<std::string> open = {node};
    while (!open.empty()) {
      const std::string name = std::move(open.back());
      open.pop_back();
      const auto found = by_name.find(name);
      if (found == by_name.end() || !needed.insert(name).second) continue;
      open.insert(open.end(), found->second->inputs.begin(), found->second->inputs.end());
    }
    return needed;
  }
};

WireWriter shape_of(const std::vector<int64_t>& dims) {
  WireWriter shape;
  for (const int64_t size : dims) {
    WireWriter dim;
    dim.varint(1, size);
    shape.message(2, dim);
  }
  return shape;
}

class NodeWriter {
 public:
  NodeWriter(const std::string& name, const std::string& op, const std::vector<std::string>& inputs) {
    node_.text(kNodeName, name);
    node_.text(kNodeOp, op);
    for (const std::string& input : inputs) node_.text(kNodeInput, input);
  }
  NodeWriter& type(const char* name, int64_t type) {
    WireWriter value;
    value.varint(kAttrType, type);
    return attr(name, value);
  }
  NodeWriter& flag(const char* name, bool on) {
    WireWriter value;
    value.varint(kAttrBool, on);
    return attr(name, value);
  }
  NodeWriter& shape(const char* name, const std::vector<int64_t>& dims) {
    WireWriter value;
    value.message(kAttrShape, shape_of(dims));
    return attr(name, value);
  }
  template <class T>
  NodeWriter& tensor(int64_t type, const std::vector<int64_t>& dims, const std::vector<T>& values) {
    WireWriter tensor, value;
    tensor.varint(1, type);
    tensor.message(2, shape_of(dims));
    tensor.bytes(4, {(const uint8_t*)values.data(), values.size() * sizeof(T)});
    value.message(kAttrTensor, tensor);
    return this->type("dtype", type).attr("value", value);
  }
  void add_to(WireWriter* graph) const { graph->message(kGraphNode, node_); }

 private:
  NodeWriter& attr(const char* name, const WireWriter& value) {
    WireWriter entry;
    entry.text(kMapKey, name);
    entry.message(kMapValue, value);
    node_.message(kNodeAttr, entry);
    return *this;
  }

  WireWriter node_;
};

// Names and ops of retrain.py's add_final_training_ops(), as freezing leaves them.
void add_layer(const std::string& bottleneck, const LinearLayer& layer, WireWriter* graph) {
  const auto inputs = (int64_t)layer.inputs, outputs = (int64_t)layer.outputs;
  const std::string scope = "final_training_ops/", weights = scope + "weights/final_weights",
                    biases = scope + "biases/final_biases", product = scope + "Wx_plus_b/MatMul",
                    sum = scope + "Wx_plus_b/add", placeholder = "input_1/BottleneckInputPlaceholder";
  NodeWriter("bottleneck/shape", "Const", {}).tensor<int32_t>(kInt32, {2}, {-1, (int32_t)inputs}).add_to(graph);
  NodeWriter("bottleneck/reshape", "Reshape", {bottleneck, "bottleneck/shape"})
      .type("T", kFloat)
      .type("Tshape", kInt32)
      .add_to(graph);
  NodeWriter(placeholder, "PlaceholderWithDefault", {"bottleneck/reshape"})
      .type("dtype", kFloat)
      .shape("shape", {-1, inputs})
      .add_to(graph);
  NodeWriter(weights, "Const", {}).tensor(kFloat, {inputs, outputs}, layer.weights).add_to(graph);
  NodeWriter(weights + "/read", "Identity", {weights}).type("T", kFloat).add_to(graph);
  NodeWriter(biases, "Const", {}).tensor(kFloat, {outputs}, layer.biases).add_to(graph);
  NodeWriter(biases + "/read", "Identity", {biases}).type("T", kFloat).add_to(graph);
  NodeWriter(product, "MatMul", {placeholder, weights + "/read"})
      .type("T", kFloat)
      .flag("transpose_a", false)
      .flag("transpose_b", false)
      .add_to(graph);
  NodeWriter(sum, "Add", {product, biases + "/read"}).type("T", kFloat).add_to(graph);
  NodeWriter("final_result", "Softmax", {sum}).type("T", kFloat).add_to(graph);
}

}  // namespace

std::vector<uint8_t> retrained_graph(const std::string& base, const std::string& bottleneck, const LinearLayer& layer) {
  if (std::filesystem::is_directory(base))
    throw InputError(base + ": is a folder; --graph-out needs a frozen binary GraphDef as BASE");
  std::vector<uint8_t> bytes = read_file(base);
  if (is_gzip(bytes)) bytes = gunzip(bytes, base);
  try {
    const RawGraph raw(bytes);
    const std::set<std::string> needed = raw.needed_by(bottleneck);
    if (needed.empty()) {
      throw InputError(base + ": no graph of TensorFlow's with a node '" + printable_name(bottleneck) +
                       "': --graph-out needs a frozen binary GraphDef as BASE");
    }
    WireWriter graph;
    for (const RawNode& node : raw.nodes) {
      if (needed.count(node.name)) graph.bytes(kGraphNode, node.bytes);
    }
    add_layer(bottleneck, layer, &graph);
    if (!raw.versions.empty()) graph.bytes(kGraphVersions, raw.versions);
    return graph.bytes();
  } catch (const WireError&) {
    throw InputError(base + ": no binary GraphDef, which --graph-out needs as BASE");
  }
}

}  // namespace posy
