#include "loaders/lower.h"

#include <algorithm>

#include "loaders/lowering.h"

namespace posy {

GraphEdge parse_edge(const std::string& input) {
  GraphEdge edge;
  edge.name = input;
  if (!edge.name.empty() && edge.name[0] == '^') {
    edge.is_control = true;
    edge.name.remove_prefix(1);
    return edge;
  }
  const size_t colon = edge.name.rfind(':');
  if (colon != std::string_view::npos) {
    for (const char c : edge.name.substr(colon + 1)) {
      if (c < '0' || c > '9' || edge.output > 99999) return edge;  // a colon that belongs to the name
      edge.output = edge.output * 10 + (c - '0');
    }
    edge.name = edge.name.substr(0, colon);
  }
  return edge;
}

GraphIndex::GraphIndex(const Graph& graph) {
  by_name_.reserve(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) by_name_.emplace(graph.nodes[i].name, (int)i);
}

int GraphIndex::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? -1 : found->second;
}

std::string join_names(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

namespace {

// The nodes that `output` needs, each after what it needs itself. Depth first with a stack of its own: graphs may be
// deeper than the machine's stack.
std::vector<int> execution_order(const Graph& graph, const GraphIndex& index, int output) {
  enum : char { kNew, kOpen, kDone };
  std::vector<char> state(graph.nodes.size(), kNew);
  std::vector<int> order, stack = {output};
  while (!stack.empty()) {
    const int at = stack.back();
    if (state[(size_t)at] != kNew) {
      stack.pop_back();
      if (state[(size_t)at] == kOpen) order.push_back(at);
      state[(size_t)at] = kDone;
      continue;
    }
    state[(size_t)at] = kOpen;
    const GraphNode& node = graph.nodes[(size_t)at];
    for (auto input = node.inputs.rbegin(); input != node.inputs.rend(); ++input) {
      const GraphEdge edge = parse_edge(*input);
      if (edge.is_control) continue;
      const int from = index.find(edge.name);
      if (from < 0) {
        throw InputError(graph.file_name + ": node '" + node.name + "' (" + node.op + ") wants an input '" + *input +
                         "' that is not in the graph");
      }
      if (state[(size_t)from] == kOpen) {
        throw InputError(graph.file_name + ": node '" + node.name + "' (" + node.op +
                         ") is part of a loop; graphs with control flow are not supported");
      }
      if (state[(size_t)from] == kNew) stack.push_back(from);
    }
  }
  return order;
}

struct InputSize {
  int64_t h = -1, w = -1, c = -1;
};

InputSize placeholder_size(const Graph& graph, const GraphNode& node) {
  InputSize size;
  const GraphAttribute* shape = node.attribute("shape");
  if (!shape || !shape->shape.known_rank || shape->shape.dims.empty()) return size;
  const std::vector<int64_t>& dims = shape->shape.dims;
  if (dims.size() != 4) {
    throw InputError(graph.file_name + ": input '" + node.name + "' has " + std::to_string(dims.size()) +
                     " dimensions; an image is [batch, height, width, channels]");
  }
  if (dims[0] > 1) {
    throw InputError(graph.file_name + ": input '" + node.name + "' has a batch of " + std::to_string(dims[0]) +
                     "; freeze the graph with a batch of 1 or unknown");
  }
  return {dims[1], dims[2], dims[3]};
}

// Sizes to try where the placeholder does not say: those of the retrain scripts first, then every multiple of 32 (a
// classifier's usual total stride), then the rest.
std::vector<uint32_t> likely_sizes() {
  std::vector<uint32_t> sizes = {224, 192, 160, 128, 299, 96};
  for (uint32_t s = 32; s <= 640; s += 32) sizes.push_back(s);
  for (uint32_t s = 16; s <= 640; ++s) sizes.push_back(s);
  return sizes;
}

uint32_t checked_dimension(const Graph& graph, const GraphNode& node, int64_t size) {
  if (size < 1 || size > 4096) {
    throw InputError(graph.file_name + ": input '" + node.name + "' has a side of " + std::to_string(size) +
                     "; sides of 1 to 4096 are supported");
  }
  return (uint32_t)size;
}

// The placeholder does not give the size: the one at which every average pool at the end covers its whole map and all
// shapes fit.
Network lower_at_likely_size(Lowering* lowering, const Graph& graph, const GraphNode& input, uint32_t channels,
                             int output) {
  std::string first_error;
  for (const uint32_t size : likely_sizes()) {
    try {
      Network network = lowering->run({size, size, channels}, output);
      if (!lowering->pools_are_global()) continue;
      ++network.rewrites["input size found from the last pool"];
      return network;
    } catch (const InputError& error) {
      if (first_error.empty()) first_error = error.what();
    }
  }
  if (!first_error.empty()) throw InputError(first_error);
  throw InputError(graph.file_name + ": input '" + input.name + "' does not say its size; give it with --input-size");
}

}  // namespace

Network lower(const Graph& graph, const LowerOptions& options) {
  const GraphIndex index(graph);
  const int output =
      find_output_node(graph, index, options.output_node.empty() ? graph.suggested_output : options.output_node);
  const std::vector<int> order = execution_order(graph, index, output);
  const int input =
      find_input_node(graph, order, options.input_node.empty() ? graph.suggested_input : options.input_node);
  const GraphNode& input_node = graph.nodes[(size_t)input];

  InputSize size = placeholder_size(graph, input_node);
  if (options.input_h > 0) size.h = options.input_h;
  if (options.input_w > 0) size.w = options.input_w;
  const uint32_t channels = size.c < 0 ? 3 : checked_dimension(graph, input_node, size.c);
  if (channels != 1 && channels != 3) {
    throw InputError(graph.file_name + ": input '" + input_node.name + "' has " + std::to_string(channels) +
                     " channels; an image has 1 or 3");
  }
  Lowering lowering(graph, index, order, input);
  Network network;
  if (size.h < 0 || size.w < 0) {
    network = lower_at_likely_size(&lowering, graph, input_node, channels, output);
  } else {
    const Shape shape = {checked_dimension(graph, input_node, size.h), checked_dimension(graph, input_node, size.w),
                         channels};
    network = lowering.run(shape, output);
  }
  network.input_name = input_node.name;
  network.output_name = graph.nodes[(size_t)output].name;
  network.preprocessing = guess_preprocessing(graph, input_node);
  if (graph.suggested_mean && graph.suggested_std) {
    std::fill(std::begin(network.preprocessing.mean), std::end(network.preprocessing.mean), *graph.suggested_mean);
    std::fill(std::begin(network.preprocessing.std), std::end(network.preprocessing.std), *graph.suggested_std);
    network.preprocessing.reason = "the model says so";
  }
  if (options.mean || options.std) network.preprocessing.reason = "given";
  for (int c = 0; c < 4; ++c) {
    if (options.mean) network.preprocessing.mean[c] = *options.mean;
    if (options.std) network.preprocessing.std[c] = *options.std;
  }
  return network;
}

Lowering::Lowering(const Graph& graph, const GraphIndex& index, const std::vector<int>& order, int input)
    : graph_(graph), index_(index), order_(order), input_(input) {}

void Lowering::refuse(const GraphNode& node, const std::string& why) const {
  throw InputError(graph_.file_name + ": node '" + node.name + "' (" + node.op + "): " + why);
}

void Lowering::refuse_op(const GraphNode& node) const {
  std::vector<std::string> feeds;
  for (const std::string& input : node.inputs) {
    const GraphEdge edge = parse_edge(input);
    const int from = edge.is_control ? -1 : index_.find(edge.name);
    if (from >= 0) feeds.push_back("'" + std::string(edge.name) + "' (" + graph_.nodes[(size_t)from].op + ")");
  }
  refuse(node, "this op cannot be converted; it is fed by " + (feeds.empty() ? "nothing" : join_names(feeds)));
}

ValueId Lowering::value_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) const {
  if (i >= inputs.size()) refuse(node, "input " + std::to_string(i) + " is missing");
  if (inputs[i].kind != Fact::Kind::kValue) {
    refuse(node, "input " + std::to_string(i) + " ('" + node.inputs[i] + "') must depend on the image, and does not");
  }
  return inputs[i].value;
}

ArrayPtr Lowering::constant_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) const {
  if (i >= inputs.size()) refuse(node, "input " + std::to_string(i) + " is missing");
  if (inputs[i].kind != Fact::Kind::kConstant) {
    refuse(node, "input " + std::to_string(i) + " ('" + node.inputs[i] +
                     "') must be constant: a graph that was not frozen? Its variables have to become constants first "
                     "(freeze_graph, or convert_variables_to_constants)");
  }
  return inputs[i].constant;
}

Fact Lowering::add_node(NetworkNode node, Shape shape, std::vector<int64_t> dims) {
  Value value;
  value.shape = shape;
  value.names = {node.name};
  node.output = network_.add_value(std::move(value));
  network_.nodes.push_back(std::move(node));
  return {Fact::Kind::kValue, nullptr, network_.nodes.back().output, std::move(dims)};
}

Fact Lowering::same_value(const GraphNode& node, ValueId id, std::vector<int64_t> dims) {
  network_.values[(size_t)id].names.push_back(node.name);
  return {Fact::Kind::kValue, nullptr, id, std::move(dims)};
}

// A dropout's factor, for example, once the dropout is gone.
void Lowering::drop_unused_nodes() {
  std::vector<bool> used(network_.values.size(), false);
  used[(size_t)network_.output] = true;
  std::vector<NetworkNode> kept;
  for (auto node = network_.nodes.rbegin(); node != network_.nodes.rend(); ++node) {
    if (!used[(size_t)node->output]) continue;
    for (const ValueId input : node->inputs) used[(size_t)input] = true;
    kept.push_back(std::move(*node));
  }
  std::reverse(kept.begin(), kept.end());
  network_.nodes = std::move(kept);
}

Network Lowering::run(Shape input_shape, int output) {
  network_ = Network();
  pools_are_global_ = true;
  std::unordered_map<int, Fact> facts;
  for (const int at : order_) {
    const GraphNode& node = graph_.nodes[(size_t)at];
    if (at == input_) {
      const int64_t h = input_shape.h, w = input_shape.w, c = input_shape.c;
      network_.input = network_.add_value({input_shape, {node.name}});
      facts[at] = {Fact::Kind::kValue, nullptr, network_.input, {1, h, w, c}};
      continue;
    }
    if (const auto known = constants_.find(at); known != constants_.end()) {
      facts[at] = {Fact::Kind::kConstant, known->second};
      continue;
    }
    std::vector<Fact> inputs;
    for (const std::string& input : node.inputs) {
      const GraphEdge edge = parse_edge(input);
      if (edge.is_control) continue;
      if (edge.output != 0)
        refuse(node, "its input '" + input + "' is an output that is not supported, only the first is");
      inputs.push_back(facts[index_.find(edge.name)]);
    }
    const Fact fact = lower_node(node, inputs);
    if (fact.kind == Fact::Kind::kConstant) constants_[at] = fact.constant;
    facts[at] = fact;
  }
  const GraphNode& last = graph_.nodes[(size_t)output];
  if (facts[output].kind != Fact::Kind::kValue) refuse(last, "the output does not depend on the image");
  network_.output = facts[output].value;
  for (const auto& [what, count] : constant_rewrites_) network_.rewrites[what] += count;
  if (network_.output == network_.input) refuse(last, "nothing happens to the image on the way to the output");
  drop_unused_nodes();
  const Shape scores = value(network_.output).shape;
  if (scores.h != 1 || scores.w != 1) {
    refuse(last, "the output is a map of " + std::to_string(scores.h) + " x " + std::to_string(scores.w) +
                     ", not one score per class: not a classifier, or another node is the output (--output-node)");
  }
  return std::move(network_);
}

}  // namespace posy
