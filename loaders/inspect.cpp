#include "loaders/inspect.h"

#include <algorithm>
#include <map>

#include "loaders/container.h"
#include "loaders/fold.h"
#include "loaders/lowering.h"

namespace posy {
namespace {

// More would be read by nobody.
constexpr size_t kShownNodes = 3, kShownInputs = 4;

bool is_supported(const GraphNode& node) {
  return can_lower(node.op) || can_fold(node.op) || inference_setting(node);
}

std::string format_of(const Graph& graph) {
  const std::string_view head(reinterpret_cast<const char*>(graph.bytes.data()),
                              std::min<size_t>(graph.bytes.size(), 8));
  if (head.size() == 8 && head.substr(4) == "TFL3") return "TFLite";
  const Container container = wire_container(graph.bytes);
  if (container == Container::kSavedModel) return "SavedModel";
  if (container == Container::kMetaGraphDef) return "MetaGraphDef";
  // What read_tfjs() keeps is weights, without a GraphDef around them.
  const bool is_tfjs =
      graph.file_name.ends_with(".json") || (graph.producer == 0 && !head.empty() && head[0] != '\x0a');
  return is_tfjs ? "TensorFlow.js" : "GraphDef";
}

InputSummary summary_of_input(const GraphNode& node) {
  InputSummary input;
  input.node = node.name;
  if (is_image_decoder(node)) {
    input.type = DataType::kString;
    return input;
  }
  if (const GraphAttribute* type = node.attribute("dtype")) input.type = (DataType)type->integer;
  if (const GraphAttribute* shape = node.attribute("shape")) input.shape = shape->shape;
  input.is_setting = inference_setting(node) != nullptr;
  return input;
}

UnsupportedOp::Node summary_of_node(const Graph& graph, const GraphIndex& index, const GraphNode& node) {
  UnsupportedOp::Node summary;
  summary.name = node.name;
  std::vector<int> feeds;
  for (const std::string& input : node.inputs) {
    const GraphEdge edge = parse_edge(input);
    const int from = edge.is_control ? -1 : index.find(edge.name);
    if (from >= 0 && std::find(feeds.begin(), feeds.end(), from) == feeds.end()) feeds.push_back(from);
  }
  for (size_t i = 0; i < feeds.size() && i < kShownInputs; ++i) summary.fed_by.push_back(list_nodes(graph, {feeds[i]}));
  summary.more = feeds.size() - summary.fed_by.size();
  return summary;
}

void count_ops(const Graph& graph, const GraphIndex& index, const GraphEnds& ends, GraphSummary* summary) {
  std::map<std::string, OpSummary> by_op;
  std::map<std::string, UnsupportedOp> unsupported;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    OpSummary& op = by_op[node.op];
    ++op.count;
    if (!ends.needed[i]) {
      ++summary->unneeded;
      continue;
    }
    ++op.needed;
    const bool is_input = std::find(ends.inputs.begin(), ends.inputs.end(), (int)i) != ends.inputs.end();
    if (is_input || is_supported(node)) continue;
    op.supported = false;
    UnsupportedOp& row = unsupported[node.op];
    ++row.count;
    if (row.first.size() < kShownNodes) row.first.push_back(summary_of_node(graph, index, node));
  }
  for (auto& [name, op] : by_op) {
    op.op = name;
    summary->ops.push_back(std::move(op));
  }
  std::stable_sort(summary->ops.begin(), summary->ops.end(),
                   [](const OpSummary& a, const OpSummary& b) { return a.count > b.count; });
  for (const OpSummary& op : summary->ops) {
    if (op.supported) continue;
    summary->unsupported.push_back(std::move(unsupported[op.op]));
    summary->unsupported.back().op = op.op;
  }
}

}  // namespace

std::vector<bool> needed_by(const Graph& graph, const GraphIndex& index, const std::vector<int>& outputs, int leaf) {
  std::vector<bool> needed(graph.nodes.size(), false);
  std::vector<int> open = outputs;
  while (!open.empty()) {
    const int at = open.back();
    open.pop_back();
    if (needed[(size_t)at]) continue;
    needed[(size_t)at] = true;
    if (at == leaf) continue;
    for (const std::string& input : graph.nodes[(size_t)at].inputs) {
      const GraphEdge edge = parse_edge(input);
      const int from = edge.is_control ? -1 : index.find(edge.name);
      if (from >= 0) open.push_back(from);
    }
  }
  return needed;
}

GraphEnds find_ends(const Graph& graph, const GraphIndex& index, const LowerOptions& options) {
  const auto named = [&](const std::string& by_user, const std::string& by_file) {
    const int found = find_named_node(index, by_user.empty() ? by_file : by_user);
    return found < 0 ? std::vector<int>{} : std::vector<int>{found};
  };
  GraphEnds ends;
  ends.outputs = named(options.output_node, graph.suggested_output);
  if (ends.outputs.empty()) ends.outputs = output_candidates(graph, index);
  ends.needed =
      ends.outputs.empty() ? std::vector<bool>(graph.nodes.size(), true) : needed_by(graph, index, ends.outputs);
  ends.inputs = named(options.input_node, graph.suggested_input);
  if (ends.inputs.empty()) {
    std::vector<int> ancestors;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (ends.needed[i]) ancestors.push_back((int)i);
    }
    ends.inputs = input_candidates(graph, index, ancestors);
  }
  if (ends.inputs.size() == 1 && !ends.outputs.empty()) {
    ends.needed = needed_by(graph, index, ends.outputs, ends.inputs[0]);
  }
  return ends;
}

GraphSummary inspect(const Graph& graph, const LowerOptions& options) {
  const GraphIndex index(graph);
  GraphEnds ends = find_ends(graph, index, options);
  if (!refusal_of_detector(graph, index, options).empty()) {
    ends.outputs = loose_ends(graph, index);
    ends.needed = needed_by(graph, index, ends.outputs);
  }
  GraphSummary summary;
  summary.format = format_of(graph);
  summary.nodes = graph.nodes.size();
  for (const int at : ends.outputs) {
    const GraphNode& node = graph.nodes[(size_t)at];
    summary.outputs.push_back({node.name, node.op});
  }
  for (const int at : ends.inputs) summary.inputs.push_back(summary_of_input(graph.nodes[(size_t)at]));
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    if (ends.needed[i] && node.op == "Placeholder" && inference_setting(node)) {
      summary.inputs.push_back(summary_of_input(node));
    }
  }
  count_ops(graph, index, ends, &summary);
  return summary;
}

}  // namespace posy
