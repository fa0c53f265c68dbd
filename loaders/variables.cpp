#include "loaders/variables.h"

#include <algorithm>
#include <optional>

#include "loaders/checkpoint.h"
#include "loaders/error.h"

namespace posy {
namespace {

bool holds_variable(const GraphNode& node) {
  return node.op == "VariableV2" || node.op == "Variable" || node.op == "VarHandleOp";
}

// "name", "name:1" and "^name" are all the node name.
std::string node_of_input(std::string_view input) {
  if (input.starts_with("^")) input.remove_prefix(1);
  return std::string(input.substr(0, input.find(':')));
}

// For every node whether the suggested output needs it; all of them if there is none.
std::vector<bool> needed_nodes(const Graph& graph) {
  std::vector<bool> needed(graph.nodes.size(), graph.suggested_output.empty());
  if (graph.suggested_output.empty()) return needed;
  std::unordered_map<std::string_view, size_t> index;
  for (size_t i = 0; i < graph.nodes.size(); ++i) index.emplace(graph.nodes[i].name, i);
  std::vector<size_t> open;
  const auto visit = [&](const std::string& name) {
    const auto found = index.find(name);
    if (found == index.end() || needed[found->second]) return;
    needed[found->second] = true;
    open.push_back(found->second);
  };
  visit(graph.suggested_output);
  while (!open.empty()) {
    const GraphNode& node = graph.nodes[open.back()];
    open.pop_back();
    for (const std::string& input : node.inputs) visit(node_of_input(input));
  }
  return needed;
}

// Savers write a variable under the name of its node; a graph that was imported into another has the old name here.
std::string checkpoint_key(const Checkpoint& checkpoint, const GraphNode& node) {
  if (checkpoint.has(node.name)) return node.name;
  const GraphAttribute* shared_name = node.attribute("shared_name");
  return shared_name && checkpoint.has(shared_name->text) ? shared_name->text : "";
}

GraphAttribute type_attribute(DataType type) {
  GraphAttribute attribute;
  attribute.kind = GraphAttribute::Kind::kType;
  attribute.integer = static_cast<int32_t>(type);
  return attribute;
}

void become_constant(GraphNode& node, GraphTensor tensor) {
  node.op = "Const";
  node.inputs.clear();
  node.attributes.clear();
  node.attributes["dtype"] = type_attribute(tensor.type);
  GraphAttribute value;
  value.kind = GraphAttribute::Kind::kTensor;
  value.tensor = std::move(tensor);
  node.attributes["value"] = std::move(value);
}

// Through handles, variables are read by an op of their own.
void bind_reads(Graph& graph, const std::unordered_map<std::string, DataType>& type_of_bound) {
  for (GraphNode& node : graph.nodes) {
    if (node.op != "ReadVariableOp" || node.inputs.empty()) continue;
    const auto bound = type_of_bound.find(node_of_input(node.inputs[0]));
    if (bound == type_of_bound.end()) continue;
    node.op = "Identity";
    node.attributes.clear();
    node.attributes["T"] = type_attribute(bound->second);
  }
}

bool calls_function(const GraphNode& node) {
  return node.op == "PartitionedCall" || node.op == "StatefulPartitionedCall";
}

}  // namespace

void bind_variables(Graph& graph, const std::string& prefix, const std::string& freeze_advice) {
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), holds_variable)) return;
  std::optional<Checkpoint> checkpoint;
  if (Checkpoint::exists(prefix)) checkpoint.emplace(prefix);
  const std::vector<bool> needed = needed_nodes(graph);
  std::unordered_map<std::string, DataType> type_of_bound;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    GraphNode& node = graph.nodes[i];
    if (!holds_variable(node) || !needed[i]) continue;
    const std::string key = checkpoint ? checkpoint_key(*checkpoint, node) : "";
    if (!key.empty()) {
      GraphTensor tensor = checkpoint->read(key);
      type_of_bound.emplace(node.name, tensor.type);
      become_constant(node, std::move(tensor));
    } else if (!checkpoint || !graph.suggested_output.empty()) {
      const std::string variable =
          graph.file_name + ": the value of the variable '" + printable_name(node.name) + "' is ";
      throw InputError(variable + (checkpoint ? "not in " : "missing, as there is no ") + prefix +
                       ".index: " + freeze_advice);
    }
  }
  bind_reads(graph, type_of_bound);
  if (type_of_bound.empty()) return;
  graph.notes.push_back(std::to_string(type_of_bound.size()) + " variables read from " + prefix + ".index");
}

const GraphNode* find_function_call(const Graph& graph) {
  const std::vector<bool> needed = needed_nodes(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (needed[i] && calls_function(graph.nodes[i])) return &graph.nodes[i];
  }
  return nullptr;
}

}  // namespace posy
