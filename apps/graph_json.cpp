#include "apps/graph_json.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "apps/op_text.h"
#include "apps/session.h"
#include "loaders/array.h"
#include "loaders/lowering.h"
#include "loaders/read_weights.h"

namespace posy {
namespace {

constexpr size_t kBins = 41;
constexpr size_t kShownElements = 8;  // of a list or a constant

// Counts in bins from the least to the greatest, and what they say in numbers.
template <class Number>
Json histogram_of(const std::vector<Number>& values) {
  double low = HUGE_VAL, high = -HUGE_VAL, sum = 0, squares = 0;
  size_t count = 0;
  for (const Number value : values) {
    const double x = (double)value;
    if (!std::isfinite(x)) continue;
    low = std::min(low, x);
    high = std::max(high, x);
    sum += x;
    squares += x * x;
    ++count;
  }
  if (count == 0) return {};
  std::vector<uint32_t> bins(kBins, 0);
  for (const Number value : values) {
    const double x = (double)value;
    if (!std::isfinite(x)) continue;
    const double at = high > low ? (x - low) / (high - low) * (double)kBins : (double)(kBins / 2);
    ++bins[std::min((size_t)at, kBins - 1)];
  }
  const double mean = sum / (double)count;
  const double deviation = std::sqrt(std::max(0.0, squares / (double)count - mean * mean));
  return {{"n", values.size()},
          {"low", json_float((float)low)},
          {"high", json_float((float)high)},
          {"mean", json_float((float)mean)},
          {"std", json_float((float)deviation)},
          {"bins", bins}};
}

std::string number_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

template <class List, class Text>
std::string list_text(const List& list, Text text) {
  std::string all;
  for (size_t i = 0; i < list.size() && i < kShownElements; ++i) all += (i ? ", " : "") + text(list[i]);
  return list.size() > kShownElements ? all + ", ... (" + std::to_string(list.size()) + ")" : all;
}

std::string shape_of(const GraphShape& shape) {
  return shape.known_rank ? shape_text(shape.dims) : "unknown";
}

// ---- A graph ----

std::string attribute_text(const GraphAttribute& attribute) {
  using Kind = GraphAttribute::Kind;
  switch (attribute.kind) {
    case Kind::kString:
    case Kind::kFunction:
      return printable_name(attribute.text);
    case Kind::kInt:
      return std::to_string(attribute.integer);
    case Kind::kFloat:
      return number_text(attribute.number);
    case Kind::kBool:
      return attribute.integer ? "true" : "false";
    case Kind::kType:
      return data_type_name((DataType)attribute.integer);
    case Kind::kShape:
      return shape_of(attribute.shape);
    case Kind::kTensor:
      return data_type_name(attribute.tensor.type) + " " + shape_text(attribute.tensor.dims);
    case Kind::kList:
      if (!attribute.integers.empty())
        return list_text(attribute.integers, [](int64_t x) { return std::to_string(x); });
      if (!attribute.numbers.empty()) return list_text(attribute.numbers, [](float x) { return number_text(x); });
      return list_text(attribute.texts, [](const std::string& text) { return printable_name(text); });
    case Kind::kNone:
      break;
  }
  return "";
}

Json json_of_attributes(const GraphNode& node) {
  std::map<std::string, std::string> sorted;
  for (const auto& [key, attribute] : node.attributes) {
    const std::string text = attribute_text(attribute);
    const bool is_value = node.op == "Const" && attribute.kind == GraphAttribute::Kind::kTensor;
    if (!text.empty() && key[0] != '_' && !is_value) sorted[key] = text;
  }
  Json json = Json::array();
  for (const auto& [key, text] : sorted) json.push_back({printable_name(key), text});
  return json;
}

// What a constant holds: its type, shape and bytes; few numbers in full, many as a histogram.
Json json_of_constant(const GraphTensor& tensor) {
  const size_t count = tensor.element_count();
  Json json = {{"t", data_type_name(tensor.type)}, {"s", shape_text(tensor.dims)}};
  json["b"] = count * data_type_bytes(tensor.type);
  if (tensor.type == DataType::kString) {
    json["e"] = list_text(tensor.strings, [](const std::string& text) { return printable_name(text); });
    return json;
  }
  if (data_type_bytes(tensor.type) == 0) return json;
  const ArrayPtr array = array_of(tensor);
  if (!array) return json;
  if (count > kShownElements) {
    json["h"] = array->is_float ? histogram_of(array->floats) : histogram_of(array->integers);
  } else if (array->is_float) {
    json["e"] = list_text(array->floats, [](float x) { return number_text(x); });
  } else {
    json["e"] = list_text(array->integers, [](int64_t x) { return std::to_string(x); });
  }
  return json;
}

// Multiply-adds, where a node has any.
uint64_t macs_of(const Network& network, const NetworkNode& node) {
  const uint64_t out = network.values[(size_t)node.output].shape.elements();
  const uint64_t taps = (uint64_t)node.window.k_h * node.window.k_w;
  const Shape& in = network.values[(size_t)node.inputs[0]].shape;
  switch (node.kind) {
    case NodeKind::kConv2d:
      return out * taps * in.c;
    case NodeKind::kDepthwiseConv2d:
      return out * taps;
    case NodeKind::kBatchProduct:
      return out * in.c;
    default:
      return 0;
  }
}

struct Lowered {
  std::unordered_map<std::string, Shape> shapes;
  std::unordered_map<std::string, uint64_t> macs;
};

Lowered index_of(const Network* network) {
  Lowered lowered;
  if (!network) return lowered;
  for (const Value& value : network->values) {
    for (const std::string& name : value.names) lowered.shapes[name] = value.shape;
  }
  for (const NetworkNode& node : network->nodes) lowered.macs[node.name] += macs_of(*network, node);
  return lowered;
}

void add_inputs(const GraphNode& node, const GraphIndex& index, Json* json) {
  Json data = Json::array(), control = Json::array();
  for (const std::string& input : node.inputs) {
    const GraphEdge edge = parse_edge(input);
    const int from = index.find(edge.name);
    if (from >= 0) (edge.is_control ? control : data).push_back(from);
  }
  if (!data.empty()) (*json)["i"] = data;
  if (!control.empty()) (*json)["c"] = control;
}

// ---- A model ----

void add_facts(const Model& model, const OpRecord& op, Json* json) {
  Json facts = Json::array();
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) facts.push_back({name, text});
  };
  add("window", window_text(op));
  if (op.dilation_h > 1 || op.dilation_w > 1)
    add("dilation", std::to_string(op.dilation_h) + "x" + std::to_string(op.dilation_w));
  add("then", clamp_text(op, model.tensors[op.out]));
  const TensorRecord& out = model.tensors[op.out];
  if (is_u8(out)) add("codes", "(q - " + std::to_string(out.zero_point) + ") * " + number_text(out.scale));
  if (has_weights(op)) add("weights", weight_type_name((WeightType)op.weight_type));
  (*json)["f"] = facts;
}

Json json_of_node(const Model& model, const ModelNode& node) {
  const TensorRecord& t = model.tensors[node.tensor];
  Json json;
  if (node.op == kNoIndex) {
    json = {{"n", node.names.empty() ? "" : node.names[0]},
            {"k", node.kind == ModelNode::Kind::kInput ? "input" : view_name(node.kind)}};
  } else {
    json = {{"n", model.string(model.ops[node.op].name)}, {"k", op_text(model.ops[node.op])}};
  }
  if (!node.inputs.empty()) json["i"] = node.inputs;
  json["s"] = {t.h, t.w, t.c};
  if (is_u8(t)) json["u"] = true;
  if (!node.names.empty()) json["x"] = node.names;
  return json;
}

}  // namespace

Json json_of_graph(const Graph& graph, const std::vector<Origins::Fate>& fates, const Network* lowered) {
  const GraphIndex index(graph);
  const Lowered known = index_of(lowered);
  Json nodes = Json::array();
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    Json json = {{"n", node.name}, {"k", node.op}};
    add_inputs(node, index, &json);
    if (const auto shape = known.shapes.find(node.name); shape != known.shapes.end())
      json["s"] = {shape->second.h, shape->second.w, shape->second.c};
    if (const auto macs = known.macs.find(node.name); macs != known.macs.end() && macs->second > 0)
      json["m"] = macs->second;
    if (fates[i] != Origins::Fate::kNeeded) json["d"] = fates[i] == Origins::Fate::kDropout ? 2 : 1;
    if (const Json attributes = json_of_attributes(node); !attributes.empty()) json["a"] = attributes;
    const GraphAttribute* value = node.op == "Const" ? node.attribute("value") : nullptr;
    if (value && value->kind == GraphAttribute::Kind::kTensor) json["v"] = json_of_constant(value->tensor);
    nodes.push_back(std::move(json));
  }
  return nodes;
}

Json json_of_model(const Model& model, const std::vector<ModelNode>& nodes, const Origins* origins,
                   const OpTimes& times) {
  std::unordered_map<uint32_t, Json> histograms;
  for (const OpWeights& weights : read_weights(model)) histograms[weights.op] = histogram_of(weights.values);
  Json all = Json::array();
  for (size_t i = 0; i < nodes.size(); ++i) {
    Json json = json_of_node(model, nodes[i]);
    if (origins) json["o"] = origins->of_model[i];
    if (const uint32_t at = nodes[i].op; at != kNoIndex) {
      const OpRecord& op = model.ops[at];
      json["m"] = op_macs(model, op, model.tensors[op.out].h);
      json["b"] = op.weights_bytes;
      if (!times.ms.empty()) json["t"] = json_number(times.ms[at]);
      add_facts(model, op, &json);
      if (const auto found = histograms.find(at); found != histograms.end()) json["h"] = found->second;
    }
    all.push_back(std::move(json));
  }
  return all;
}

}  // namespace posy
