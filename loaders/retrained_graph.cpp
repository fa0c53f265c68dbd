#include "loaders/retrained_graph.h"

#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/graph_def_writer.h"
#include "loaders/protobuf.h"

namespace posy {
namespace {

constexpr int64_t kFloat = (int64_t)DataType::kFloat, kInt32 = (int64_t)DataType::kInt32;

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
      if (graph.field() == graph_def::kVersions) versions = graph.bytes();
      if (graph.field() != graph_def::kNode) continue;
      RawNode node;
      node.bytes = graph.bytes();
      for (WireReader field = graph.message(); field.next();) {
        if (field.field() == node_def::kName) node.name = field.text();
        if (field.field() == node_def::kInput) node.inputs.push_back(node_of_input(field.text()));
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

template <class T>
WireWriter constant_value(int64_t type, const std::vector<int64_t>& dims, const std::vector<T>& values) {
  WireWriter tensor, value;
  tensor.varint(tensor_proto::kType, type);
  tensor.message(tensor_proto::kShape, shape_message(dims));
  tensor.bytes(tensor_proto::kContent, {(const uint8_t*)values.data(), values.size() * sizeof(T)});
  value.message(attr_value::kTensor, tensor);
  return value;
}

class LayerWriter {
 public:
  explicit LayerWriter(WireWriter* graph) : graph_(*graph) {}

  template <class T>
  void constant(const std::string& name, int64_t type, const std::vector<int64_t>& dims, const std::vector<T>& values) {
    NodeDefWriter node(name, "Const");
    add(node.integer("dtype", attr_value::kType, type).attribute("value", constant_value(type, dims, values)));
  }
  // The node's T is float.
  static NodeDefWriter of_floats(const std::string& name, const std::string& op,
                                 const std::vector<std::string>& inputs) {
    return NodeDefWriter(name, op, inputs).integer("T", attr_value::kType, kFloat);
  }
  void add(const NodeDefWriter& node) { graph_.message(graph_def::kNode, node.proto()); }

 private:
  WireWriter& graph_;
};

// Names and ops of retrain.py's add_final_training_ops(), as freezing leaves them.
void add_layer(const std::string& bottleneck, const LinearLayer& layer, WireWriter* graph) {
  const auto inputs = (int64_t)layer.inputs, outputs = (int64_t)layer.outputs;
  const std::string scope = "final_training_ops/", weights = scope + "weights/final_weights",
                    biases = scope + "biases/final_biases", product = scope + "Wx_plus_b/MatMul",
                    sum = scope + "Wx_plus_b/add", placeholder = "input_1/BottleneckInputPlaceholder";
  LayerWriter to(graph);
  to.constant<int32_t>("bottleneck/shape", kInt32, {2}, {-1, (int32_t)inputs});
  to.add(to.of_floats("bottleneck/reshape", "Reshape", {bottleneck, "bottleneck/shape"})
             .integer("Tshape", attr_value::kType, kInt32));
  to.add(NodeDefWriter(placeholder, "PlaceholderWithDefault", {"bottleneck/reshape"})
             .integer("dtype", attr_value::kType, kFloat)
             .shape("shape", {-1, inputs}));
  to.constant(weights, kFloat, {inputs, outputs}, layer.weights);
  to.add(to.of_floats(weights + "/read", "Identity", {weights}));
  to.constant(biases, kFloat, {outputs}, layer.biases);
  to.add(to.of_floats(biases + "/read", "Identity", {biases}));
  to.add(to.of_floats(product, "MatMul", {placeholder, weights + "/read"})
             .integer("transpose_a", attr_value::kBool, 0)
             .integer("transpose_b", attr_value::kBool, 0));
  to.add(to.of_floats(sum, "Add", {product, biases + "/read"}));
  to.add(to.of_floats("final_result", "Softmax", {sum}));
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
      if (needed.count(node.name)) graph.bytes(graph_def::kNode, node.bytes);
    }
    add_layer(bottleneck, layer, &graph);
    if (!raw.versions.empty()) graph.bytes(graph_def::kVersions, raw.versions);
    return graph.bytes();
  } catch (const WireError&) {
    throw InputError(base + ": no binary GraphDef, which --graph-out needs as BASE");
  }
}

}  // namespace posy
