// Graph models of TensorFlow.js: a GraphDef as JSON (the names of node_def.proto and attr_value.proto) whose constants
// are weights, after TensorFlow's optimizer. The ops that it fused are taken apart again.
#include <algorithm>
#include <map>

#include "loaders/error.h"
#include "loaders/tfjs_model.h"

namespace posy {
namespace {

constexpr size_t kMaxNodes = 200'000;

// Bytes are written in base64.
std::string decoded(const std::string& base64) {
  std::string out;
  uint32_t bits = 0, count = 0;
  for (const char c : base64) {
    static const std::string kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t digit = kDigits.find(c == '-' ? '+' : c == '_' ? '/' : c);
    if (digit == std::string::npos) break;
    bits = bits << 6 | (uint32_t)digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += (char)(bits >> count & 255);
  }
  return out;
}

DataType type_of(const Json& name) {
  static const std::map<std::string, DataType> kTypes = {
      {"DT_FLOAT", DataType::kFloat}, {"DT_INT32", DataType::kInt32}, {"DT_BOOL", DataType::kBool},
      {"DT_INT64", DataType::kInt64}, {"DT_HALF", DataType::kHalf},   {"DT_STRING", DataType::kString},
      {"DT_UINT8", DataType::kUint8}};
  if (name.is_number()) return (DataType)json_integer(name);
  const auto found = name.is_string() ? kTypes.find(name.get<std::string>()) : kTypes.end();
  return found == kTypes.end() ? DataType::kInvalid : found->second;
}

GraphShape shape_of(const Json& shape) {
  GraphShape out;
  out.known_rank = !json_flag(shape, "unknownRank", false);
  for (const Json& dim : json_member(shape, "dim")) {
    const Json& size = json_member(dim, "size");
    out.dims.push_back(size.is_null() ? 0 : json_integer(size));
    if (out.dims.size() > 254 || out.dims.back() < -1) throw InputError("a shape in it is not possible");
  }
  return out;
}

GraphAttribute list_of(const Json& list) {
  GraphAttribute out = GraphBuilder::integers({});
  for (const Json& x : json_member(list, "i")) out.integers.push_back(json_integer(x));
  for (const Json& x : json_member(list, "f")) out.numbers.push_back(x.get<float>());
  for (const Json& x : json_member(list, "s")) out.texts.push_back(decoded(x.get<std::string>()));
  return out;
}

GraphAttribute attribute_of(const Json& value) {
  if (value.contains("s")) return GraphBuilder::text(decoded(value.at("s").get<std::string>()));
  if (value.contains("i")) return GraphBuilder::integer(json_integer(value.at("i")));
  if (value.contains("f")) return GraphBuilder::number(value.at("f").get<float>());
  if (value.contains("b")) return GraphBuilder::flag(value.at("b").get<bool>());
  if (value.contains("type")) return GraphBuilder::type(type_of(value.at("type")));
  if (value.contains("list")) return list_of(value.at("list"));
  GraphAttribute out;
  if (value.contains("shape")) {
    out.kind = GraphAttribute::Kind::kShape;
    out.shape = shape_of(value.at("shape"));
  }
  return out;
}

GraphNode node_of(const Json& json) {
  GraphNode node;
  node.name = json_text(json, "name");
  node.op = json_text(json, "op");
  if (node.name.empty() || node.op.empty()) throw InputError("a node in it has no name or no op");
  for (const Json& input : json_member(json, "input")) {
    node.inputs.push_back(input.get<std::string>());
    if (node.inputs.back().empty()) throw InputError("an input has no name");
  }
  for (const auto& [key, value] : json_member(json, "attr").items()) node.attributes.emplace(key, attribute_of(value));
  return node;
}

void give_value(const TfjsWeights& weights, GraphNode* node) {
  const GraphTensor* tensor = weights.find(node->name);
  if (!tensor) throw InputError("its value is not in weightsManifest");
  GraphAttribute value;
  value.kind = GraphAttribute::Kind::kTensor;
  value.tensor = *tensor;
  node->attributes["value"] = std::move(value);
  node->attributes["dtype"] = GraphBuilder::type(tensor->type);
}

// The ops of a fused node: first its own, then those of fused_ops, each with as many further inputs as it takes. The
// last one keeps the node's name.
void add_fused(GraphNode fused, const std::string& first_op, Graph* graph) {
  const GraphAttribute* list = fused.attribute("fused_ops");
  const std::vector<std::string> ops = list ? list->texts : std::vector<std::string>();
  const std::string name = fused.name;
  const std::vector<std::string> inputs = fused.inputs;
  if (inputs.size() < 2) throw InputError("it has fewer than two inputs");
  size_t next_input = 2;
  GraphNode node = std::move(fused);
  node.op = first_op;
  node.inputs.resize(2);
  for (const std::string& op : ops) {
    node.name = name + "/" + node.op;
    const std::string x = node.name;
    const GraphAttribute* alpha = node.attribute("leakyrelu_alpha");
    const GraphAttribute leaky_alpha = alpha ? *alpha : GraphBuilder::number(0.2f);
    graph->nodes.push_back(std::move(node));
    node = GraphNode();
    node.op = op;
    node.inputs = {x};
    const size_t further = op == "BiasAdd" ? 1 : op == "FusedBatchNorm" ? 4 : 0;
    const bool is_known =
        further || op == "Relu" || op == "Relu6" || op == "Elu" || op == "Sigmoid" || op == "Tanh" || op == "LeakyRelu";
    if (!is_known) throw InputError("it fuses " + printable_name(op) + ", which is not supported");
    for (size_t i = 0; i < further; ++i, ++next_input) {
      if (next_input >= inputs.size()) throw InputError("it has too few inputs for what it fuses");
      node.inputs.push_back(inputs[next_input]);
    }
    if (op == "LeakyRelu") node.attributes.emplace("alpha", leaky_alpha);
    if (op == "FusedBatchNorm") {
      const GraphAttribute* epsilon = graph->nodes.back().attribute("epsilon");
      node.attributes = {{"is_training", GraphBuilder::flag(false)}};
      if (epsilon) node.attributes.emplace("epsilon", *epsilon);
    }
  }
  node.name = name;
  graph->nodes.push_back(std::move(node));
}

void add_node(GraphNode node, const TfjsWeights& weights, Graph* graph) {
  static const std::map<std::string, const char*> kFused = {{"_FusedConv2D", "Conv2D"},
                                                            {"FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"},
                                                            {"_FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"},
                                                            {"_FusedMatMul", "MatMul"}};
  if (node.op == "Const") give_value(weights, &node);
  const auto fused = kFused.find(node.op);
  if (fused != kFused.end()) return add_fused(std::move(node), fused->second, graph);
  graph->nodes.push_back(std::move(node));
}

}  // namespace

void read_tfjs_graph(const Json& topology, const TfjsWeights& weights, Graph* graph) {
  const Json& nodes = json_member(topology, "node");
  for (size_t i = 0; i < nodes.size(); ++i) {
    const std::string label =
        "node " + std::to_string(i + 1) + " ('" + printable_name(json_text(nodes[i], "name")) + "'): ";
    if (graph->nodes.size() > kMaxNodes) throw InputError("more than " + std::to_string(kMaxNodes) + " nodes");
    try {
      add_node(node_of(nodes[i]), weights, graph);
    } catch (const InputError& error) {
      throw InputError(label + error.what());
    } catch (const Json::exception& error) {
      throw InputError(label + "its attributes are not understood (" + error.what() + ")");
    }
  }
  if (graph->nodes.empty()) throw InputError("there are no nodes in it");
}

}  // namespace posy
