// tensorflow/core/framework: graph.proto, node_def.proto, attr_value.proto, tensor.proto, tensor_shape.proto.
#include "loaders/tensorboard_graph.h"

#include <map>
#include <set>

#include "loaders/protobuf_writer.h"

namespace posy {
namespace {

WireWriter shape_message(const std::vector<int64_t>& dims) {
  WireWriter shape;
  for (const int64_t size : dims) {
    WireWriter dim;
    dim.varint(1, size);
    shape.message(2, dim);
  }
  return shape;
}

WireWriter shape_message(const GraphShape& shape) {
  if (shape.known_rank) return shape_message(shape.dims);
  WireWriter unknown;
  unknown.varint(3, 1);
  return unknown;
}

WireWriter tensor_message(const GraphTensor& tensor, size_t most_bytes) {
  WireWriter message;
  message.varint(1, (int64_t)tensor.type);
  message.message(2, shape_message(tensor.dims));
  size_t bytes = tensor.bytes.size();
  for (const std::string& text : tensor.strings) bytes += text.size();
  if (bytes > most_bytes) return message;
  if (!tensor.bytes.empty()) message.bytes(4, tensor.bytes);
  for (const std::string& text : tensor.strings) message.text(8, text);
  return message;
}

WireWriter list_message(const GraphAttribute& attribute) {
  WireWriter list, run;
  for (const std::string& text : attribute.texts) list.text(2, text);
  for (const int64_t number : attribute.integers) run.raw_varint((uint64_t)number);
  if (!attribute.integers.empty()) list.message(3, run);
  for (const float number : attribute.numbers) run.raw_fixed(number);
  if (!attribute.numbers.empty()) list.message(4, run);
  return list;
}

WireWriter value_message(const GraphAttribute& attribute, size_t most_bytes) {
  using Kind = GraphAttribute::Kind;
  WireWriter value, function;
  switch (attribute.kind) {
    case Kind::kString:
      value.text(2, attribute.text);
      break;
    case Kind::kInt:
      value.varint(3, attribute.integer);
      break;
    case Kind::kFloat:
      value.float32(4, attribute.number);
      break;
    case Kind::kBool:
      value.varint(5, attribute.integer);
      break;
    case Kind::kType:
      value.varint(6, attribute.integer);
      break;
    case Kind::kShape:
      value.message(7, shape_message(attribute.shape));
      break;
    case Kind::kTensor:
      value.message(8, tensor_message(attribute.tensor, most_bytes));
      break;
    case Kind::kList:
      value.message(1, list_message(attribute));
      break;
    case Kind::kFunction:
      function.text(1, attribute.text);
      value.message(10, function);
      break;
    case Kind::kNone:
      break;
  }
  return value;
}

// A NodeDef under construction.
class Node {
 public:
  Node(const std::string& name, const std::string& op) {
    proto_.text(1, name);
    proto_.text(2, op);
  }
  void input(const std::string& name) { proto_.text(3, name); }
  void attribute(const std::string& key, const WireWriter& value) {
    WireWriter entry;
    entry.text(1, key);
    entry.message(2, value);
    proto_.message(5, entry);
  }
  void text(const std::string& key, const std::string& text) {
    WireWriter value;
    value.text(2, text);
    attribute(key, value);
  }
  void integer(const std::string& key, uint64_t number) {
    WireWriter value;
    value.varint(3, (int64_t)number);
    attribute(key, value);
  }
  // What TensorBoard writes beside edges.
  void output_shape(const Shape& shape) {
    WireWriter list, value;
    list.message(7, shape_message(std::vector<int64_t>{1, shape.h, shape.w, shape.c}));
    value.message(1, list);
    attribute("_output_shapes", value);
  }
  const WireWriter& proto() const { return proto_; }

 private:
  WireWriter proto_;
};

std::vector<uint8_t> finished(WireWriter graph, int producer) {
  WireWriter versions;
  versions.varint(1, producer);
  graph.message(4, versions);
  return graph.bytes();
}

// One name for each node; the second op of a name gets a number.
std::vector<std::string> node_names(const Model& model, const std::vector<ModelNode>& nodes) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const ModelNode& node : nodes) {
    std::string name = node.op != kNoIndex  ? model.string(model.ops[node.op].name)
                       : node.names.empty() ? "view"
                                            : node.names[0];
    const std::string first = name;
    for (int n = 1; !taken.insert(name).second; ++n) name = first + "_" + std::to_string(n);
    names.push_back(name);
  }
  return names;
}

std::string kind_name(const Model& model, const ModelNode& node) {
  switch (node.kind) {
    case ModelNode::Kind::kInput:
      return "Placeholder";
    case ModelNode::Kind::kConcat:
      return "concat";
    case ModelNode::Kind::kSlice:
      return "slice";
    case ModelNode::Kind::kReshape:
      return "reshape";
    case ModelNode::Kind::kOp:
      break;
  }
  return op_name((OpKind)model.ops[node.op].kind);
}

void add_op(const Model& model, const OpRecord& op, Node* node) {
  const auto kind = (OpKind)op.kind;
  if (kind == OpKind::unary) node->text("function", unary_name(op.function));
  if (kind == OpKind::binary || kind == OpKind::int8_binary) node->text("function", binary_name(op.function));
  if (op.k_h > 0) {
    node->text("window", std::to_string(op.k_h) + "x" + std::to_string(op.k_w));
    node->text("stride", std::to_string(op.stride_h) + "x" + std::to_string(op.stride_w));
  }
  node->integer("multiply_adds", op_macs(model, op, model.tensors[op.out].h));
  if (op.weights_bytes > 0) node->integer("weight_bytes", op.weights_bytes);
}

}  // namespace

std::vector<uint8_t> graph_def_of(const Graph& graph, const Network* lowered, size_t most_constant_bytes) {
  std::unordered_map<std::string, Shape> shapes;
  if (lowered) {
    for (const Value& value : lowered->values) {
      for (const std::string& name : value.names) shapes[name] = value.shape;
    }
  }
  WireWriter proto;
  for (const GraphNode& from : graph.nodes) {
    Node node(from.name, from.op);
    for (const std::string& input : from.inputs) node.input(input);
    const std::map<std::string, const GraphAttribute*> sorted = [&] {
      std::map<std::string, const GraphAttribute*> all;
      for (const auto& [key, attribute] : from.attributes) all[key] = &attribute;
      return all;
    }();
    for (const auto& [key, attribute] : sorted) node.attribute(key, value_message(*attribute, most_constant_bytes));
    const auto shape = shapes.find(from.name);
    if (shape != shapes.end() && !from.attribute("_output_shapes")) node.output_shape(shape->second);
    proto.message(1, node.proto());
  }
  return finished(std::move(proto), graph.producer);
}

std::vector<uint8_t> graph_def_of(const Model& model, const std::vector<ModelNode>& nodes) {
  const std::vector<std::string> names = node_names(model, nodes);
  WireWriter proto;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const TensorRecord& t = model.tensors[nodes[i].tensor];
    Node node(names[i], kind_name(model, nodes[i]));
    for (const int input : nodes[i].inputs) node.input(names[(size_t)input]);
    if (nodes[i].op != kNoIndex) add_op(model, model.ops[nodes[i].op], &node);
    node.output_shape({t.h, t.w, t.c});
    proto.message(1, node.proto());
  }
  return finished(std::move(proto), 0);
}

}  // namespace posy
