#include "loaders/tensorboard_graph.h"

#include <map>
#include <set>

#include "loaders/graph_def_writer.h"

namespace posy {
namespace {

WireWriter shape_message_of(const GraphShape& shape) {
  if (shape.known_rank) return shape_message(shape.dims);
  WireWriter unknown;
  unknown.varint(3, 1);
  return unknown;
}

WireWriter tensor_message(const GraphTensor& tensor, size_t most_bytes) {
  WireWriter message;
  message.varint(tensor_proto::kType, (int64_t)tensor.type);
  message.message(tensor_proto::kShape, shape_message(tensor.dims));
  size_t bytes = tensor.bytes.size();
  for (const std::string& text : tensor.strings) bytes += text.size();
  if (bytes > most_bytes) return message;
  if (!tensor.bytes.empty()) message.bytes(tensor_proto::kContent, tensor.bytes);
  for (const std::string& text : tensor.strings) message.text(tensor_proto::kStrings, text);
  return message;
}

// AttrValue.ListValue has the field numbers of AttrValue.
WireWriter list_message(const GraphAttribute& attribute) {
  WireWriter list, run;
  for (const std::string& text : attribute.texts) list.text(attr_value::kString, text);
  for (const int64_t number : attribute.integers) run.raw_varint((uint64_t)number);
  if (!attribute.integers.empty()) list.message(attr_value::kInt, run);
  for (const float number : attribute.numbers) run.raw_fixed(number);
  if (!attribute.numbers.empty()) list.message(attr_value::kFloat, run);
  return list;
}

WireWriter value_message(const GraphAttribute& attribute, size_t most_bytes) {
  using Kind = GraphAttribute::Kind;
  WireWriter value, function;
  switch (attribute.kind) {
    case Kind::kString:
      value.text(attr_value::kString, attribute.text);
      break;
    case Kind::kInt:
      value.varint(attr_value::kInt, attribute.integer);
      break;
    case Kind::kFloat:
      value.float32(attr_value::kFloat, attribute.number);
      break;
    case Kind::kBool:
      value.varint(attr_value::kBool, attribute.integer);
      break;
    case Kind::kType:
      value.varint(attr_value::kType, attribute.integer);
      break;
    case Kind::kShape:
      value.message(attr_value::kShape, shape_message_of(attribute.shape));
      break;
    case Kind::kTensor:
      value.message(attr_value::kTensor, tensor_message(attribute.tensor, most_bytes));
      break;
    case Kind::kList:
      value.message(attr_value::kList, list_message(attribute));
      break;
    case Kind::kFunction:
      function.text(1, attribute.text);
      value.message(attr_value::kFunction, function);
      break;
    case Kind::kNone:
      break;
  }
  return value;
}

// What TensorBoard writes beside edges.
void add_output_shape(const Shape& shape, NodeDefWriter* node) {
  WireWriter list, value;
  list.message(attr_value::kShape, shape_message(std::vector<int64_t>{1, shape.h, shape.w, shape.c}));
  value.message(attr_value::kList, list);
  node->attribute("_output_shapes", value);
}

std::vector<uint8_t> finished(WireWriter graph, int producer) {
  WireWriter versions;
  versions.varint(1, producer);
  graph.message(graph_def::kVersions, versions);
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
  if (node.kind == ModelNode::Kind::kInput) return "Placeholder";
  const char* const view = view_name(node.kind);
  return view ? view : op_name((OpKind)model.ops[node.op].kind);
}

void add_op(const Model& model, const OpRecord& op, NodeDefWriter* node) {
  const auto kind = (OpKind)op.kind;
  if (kind == OpKind::unary) node->text("function", unary_name(op.function));
  if (kind == OpKind::binary || kind == OpKind::int8_binary) node->text("function", binary_name(op.function));
  if (op.k_h > 0) {
    node->text("window", std::to_string(op.k_h) + "x" + std::to_string(op.k_w));
    node->text("stride", std::to_string(op.stride_h) + "x" + std::to_string(op.stride_w));
  }
  node->integer("multiply_adds", attr_value::kInt, (int64_t)op_macs(model, op, model.tensors[op.out].h));
  if (op.weights_bytes > 0) node->integer("weight_bytes", attr_value::kInt, op.weights_bytes);
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
    NodeDefWriter node(from.name, from.op, from.inputs);
    std::map<std::string, const GraphAttribute*> sorted;
    for (const auto& [key, attribute] : from.attributes) sorted[key] = &attribute;
    for (const auto& [key, attribute] : sorted) node.attribute(key, value_message(*attribute, most_constant_bytes));
    const auto shape = shapes.find(from.name);
    if (shape != shapes.end() && !from.attribute("_output_shapes")) add_output_shape(shape->second, &node);
    proto.message(graph_def::kNode, node.proto());
  }
  return finished(std::move(proto), graph.producer);
}

std::vector<uint8_t> graph_def_of(const Model& model, const std::vector<ModelNode>& nodes) {
  const std::vector<std::string> names = node_names(model, nodes);
  WireWriter proto;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const TensorRecord& t = model.tensors[nodes[i].tensor];
    NodeDefWriter node(names[i], kind_name(model, nodes[i]));
    for (const int input : nodes[i].inputs) node.input(names[(size_t)input]);
    if (nodes[i].op != kNoIndex) add_op(model, model.ops[nodes[i].op], &node);
    add_output_shape({t.h, t.w, t.c}, &node);
    proto.message(graph_def::kNode, node.proto());
  }
  return finished(std::move(proto), 0);
}

}  // namespace posy
