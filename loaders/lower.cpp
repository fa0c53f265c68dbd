#include "loaders/lower.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "loaders/inspect.h"
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

std::string quoted(const GraphNode& node) {
  return "'" + printable_name(node.name) + "' (" + printable_name(node.op) + ")";
}

std::string join_names(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

namespace {

// True if `from` tells on which branch of a tf.cond the constant `node` lies: it has no other input that would.
bool names_branch(const Graph& graph, const GraphNode& node, int from) {
  if (node.op != "Const" || from < 0) return false;
  const std::string& name = graph.nodes[(size_t)from].name;
  const std::string last = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
  return last == "switch_t" || last == "switch_f";
}

// The nodes that `output` needs, each after what it needs itself; what `leaf` needs is left out. Depth first with a
// stack of its own: graphs may be deeper than the machine's stack.
std::vector<int> execution_order(const Graph& graph, const GraphIndex& index, int output, int leaf = -1) {
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
    if (at == leaf) continue;
    const GraphNode& node = graph.nodes[(size_t)at];
    for (auto input = node.inputs.rbegin(); input != node.inputs.rend(); ++input) {
      const GraphEdge edge = parse_edge(*input);
      const int from = index.find(edge.name);
      if (edge.is_control && !names_branch(graph, node, from)) continue;
      if (from < 0) {
        throw InputError(graph.file_name + ": node " + quoted(node) + " wants an input '" + *input +
                         "' that is not in the graph");
      }
      if (state[(size_t)from] == kOpen) {
        throw InputError(graph.file_name + ": node " + quoted(node) +
                         " is part of a loop; graphs with control flow are not supported");
      }
      if (state[(size_t)from] == kNew) stack.push_back(from);
    }
  }
  return order;
}

// The image as the graph declares it; -1: it does not say.
struct InputSize {
  int64_t h = -1, w = -1, c = -1;
  InputOrder order = InputOrder::kChannelsLast;
};

bool is_channel_count(int64_t d) {
  return d == 1 || d == 3;
}

// An image as a list of pixels, [batch, h * w]: MNIST's tutorials. A square of one channel, or of three.
InputSize flat_size(const Graph& graph, const GraphNode& node, int64_t pixels) {
  for (const int64_t c : {1, 3}) {
    const int64_t side = (int64_t)std::lround(std::sqrt((double)pixels / (double)c));
    if (side <= 4096 && side * side * c == pixels) return {side, side, c, InputOrder::kFlat};
  }
  throw InputError(graph.file_name + ": input '" + node.name + "' takes " + std::to_string(pixels) +
                   " numbers, which is not a square image");
}

InputSize placeholder_size(const Graph& graph, const GraphNode& node) {
  InputSize size;
  const GraphAttribute* shape = node.attribute("shape");
  if (!shape || !shape->shape.known_rank || shape->shape.dims.empty()) return size;
  const std::vector<int64_t>& dims = shape->shape.dims;
  if (dims.size() == 2 && (dims[0] == 1 || dims[0] < 0) && dims[1] > 0) return flat_size(graph, node, dims[1]);
  if (dims.size() != 4) {
    throw InputError(graph.file_name + ": input '" + node.name + "' has " + std::to_string(dims.size()) +
                     " dimensions; an image is [batch, height, width, channels]");
  }
  if (dims[0] > 1) {
    throw InputError(graph.file_name + ": input '" + node.name + "' has a batch of " + std::to_string(dims[0]) +
                     "; freeze the graph with a batch of 1 or unknown");
  }
  if (is_channel_count(dims[1]) && !is_channel_count(dims[3]))
    return {dims[2], dims[3], dims[1], InputOrder::kChannelsFirst};
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
                             InputOrder order, int output) {
  std::string first_error;
  for (const uint32_t size : likely_sizes()) {
    try {
      Network network = lowering->run({size, size, channels}, order, output);
      if (!lowering->pools_are_global()) continue;
      const std::string text = std::to_string(size) + " x " + std::to_string(size);
      network.notes.push_back(lowering->size_matters()
                                  ? "the graph does not say its input size; " + text + " fits its last layers"
                                  : "the graph fits any input size; " + text + " is assumed (--input-size)");
      return network;
    } catch (const InputError& error) {
      if (first_error.empty()) first_error = error.what();
    }
  }
  if (!first_error.empty()) throw InputError(first_error);
  throw InputError(graph.file_name + ": input '" + input.name + "' does not say its size; give it with --input-size");
}

// True if the first thing that the graph does to its input is to scale it down as one does with pixels of 0 to 255, or
// to subtract a mean that only such pixels have.
bool takes_raw_pixels(const Network& network) {
  bool any = false;
  for (const NetworkNode& node : network.nodes) {
    if (std::find(node.inputs.begin(), node.inputs.end(), network.input) == node.inputs.end()) continue;
    if (node.kind != NodeKind::kAffine) return false;
    const float scale = std::abs(node.weights.line.scale[0]), center = node.weights.line.center[0];
    if (!(scale > 0 && scale < 1.0f / 40) && !(center > 2)) return false;
    any = true;
  }
  return any;
}

Network lower_graph(const Graph& graph, const GraphIndex& index, const LowerOptions& options) {
  const int output =
      find_output_node(graph, index, options.output_node.empty() ? graph.suggested_output : options.output_node);
  std::vector<int> order = execution_order(graph, index, output);
  int input = find_input_node(graph, order, options.input_node.empty() ? graph.suggested_input : options.input_node);
  const GraphNode& input_node = graph.nodes[(size_t)input];
  InputSize size;
  ImageHead head;
  if (is_image_decoder(input_node)) {
    head = find_image_head(graph, index, input);
    input = head.last;
    size = {head.h, head.w, 3};
  } else {
    size = placeholder_size(graph, input_node);
  }
  order = execution_order(graph, index, output, input);
  if (options.input_h > 0) size.h = options.input_h;
  if (options.input_w > 0) size.w = options.input_w;
  const uint32_t channels = size.c < 0 ? 3 : checked_dimension(graph, input_node, size.c);
  if (!is_channel_count(channels)) {
    throw InputError(graph.file_name + ": input '" + input_node.name + "' has " + std::to_string(channels) +
                     " channels; an image has 1 or 3");
  }
  Lowering lowering(graph, index, order, input);
  Network network;
  if (size.h < 0 || size.w < 0) {
    network = lower_at_likely_size(&lowering, graph, input_node, channels, size.order, output);
  } else {
    const Shape shape = {checked_dimension(graph, input_node, size.h), checked_dimension(graph, input_node, size.w),
                         channels};
    network = lowering.run(shape, size.order, output);
  }
  // A decoder's photo is fed to what holds its bytes.
  network.input_name = head.last >= 0 && !input_node.inputs.empty() ? input_node.inputs[0] : input_node.name;
  network.output_name = graph.nodes[(size_t)output].name;
  network.preprocessing = head.last >= 0 ? head.preprocessing : guess_preprocessing(graph, input_node);
  if (head.last < 0 && takes_raw_pixels(network)) {
    std::fill(std::begin(network.preprocessing.mean), std::end(network.preprocessing.mean), 0.0f);
    std::fill(std::begin(network.preprocessing.std), std::end(network.preprocessing.std), 1.0f);
    network.preprocessing.reason = "the graph scales pixels itself";
  }
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

}  // namespace

// What a graph is, is looked at once it cannot be lowered: leftovers of training, for example, do no harm elsewhere.
Network lower(const Graph& graph, const LowerOptions& options) {
  const GraphIndex index(graph);
  const std::string detector = refusal_of_detector(graph, index, options);
  if (!detector.empty()) throw InputError(detector);
  try {
    return lower_graph(graph, index, options);
  } catch (const InputError&) {
    const std::string kind = refusal_by_kind(graph, index, options);
    if (kind.empty()) throw;
    throw InputError(kind);
  }
}

Lowering::Lowering(const Graph& graph, const GraphIndex& index, const std::vector<int>& order, int input)
    : graph_(graph), index_(index), order_(order), input_(input) {}

void Lowering::refuse(const GraphNode& node, const std::string& why) const {
  throw InputError(graph_.file_name + ": node " + quoted(node) + ": " + why);
}

void Lowering::refuse_op(const GraphNode& node) const {
  std::vector<std::string> feeds;
  for (const std::string& input : node.inputs) {
    const GraphEdge edge = parse_edge(input);
    const int from = edge.is_control ? -1 : index_.find(edge.name);
    if (from < 0) continue;
    feeds.push_back(quoted(graph_.nodes[(size_t)from]));
  }
  refuse(node, "this op cannot be converted; it is fed by " + (feeds.empty() ? "nothing" : join_names(feeds)));
}

ValueId Lowering::value_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) const {
  if (i >= inputs.size()) refuse(node, "input " + std::to_string(i) + " is missing");
  if (inputs[i].kind != Fact::Kind::kValue) {
    refuse(node, "input " + std::to_string(i) + " must depend on the image, and does not");
  }
  return inputs[i].value;
}

ArrayPtr Lowering::constant_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) const {
  if (i >= inputs.size()) refuse(node, "input " + std::to_string(i) + " is missing");
  const std::string what = "input " + std::to_string(i);
  if (inputs[i].is_value()) refuse(node, what + " depends on the image, which is not supported for this op");
  if (inputs[i].kind == Fact::Kind::kRandom) refuse(node, what + " is random, which only the mask of a dropout may be");
  if (inputs[i].kind != Fact::Kind::kConstant) {
    refuse(node, what +
                     " must be constant: a graph that was not frozen? Its variables have to become constants first "
                     "(freeze_graph, or convert_variables_to_constants)");
  }
  return inputs[i].constant;
}

ValueId Lowering::shaped(const GraphNode& node, const Fact& fact) {
  const std::vector<int64_t>& d = fact.dims;
  const size_t n = d.size();
  if (n > 4) refuse(node, "a tensor of " + std::to_string(n) + " dimensions is not supported here");
  // Rows of a matrix are not images: Dense on a map or on tokens joins batch, height and width.
  if (n > 2 && d[0] != 1) refuse(node, "a batch of " + std::to_string(d[0]) + " is not supported, only one image");
  const Shape shape = {n > 3 ? (uint32_t)d[n - 3] : 1, n > 1 ? (uint32_t)d[n - 2] : 1, n > 0 ? (uint32_t)d[n - 1] : 1};
  if (value(fact.value).shape == shape) return fact.value;
  return add_node({NodeKind::kReshape, node.name, {fact.value}}, shape, d).value;
}

ValueId Lowering::shaped_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) {
  value_input(node, inputs, i);
  return shaped(node, inputs[i]);
}

// ---- Orders of axes ----

// Where axis i of a graph in NCHW order lies in memory.
constexpr int64_t kInMemory[4] = {0, 3, 1, 2};

std::vector<int64_t> Fact::graph_dims() const {
  return channels_first ? std::vector<int64_t>{dims[0], dims[3], dims[1], dims[2]} : dims;
}

int64_t Fact::axis_in_memory(int64_t axis) const {
  const int64_t rank = (int64_t)dims.size(), at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank) return -1;
  return channels_first ? kInMemory[at] : at;
}

std::vector<int64_t> Fact::axes_in_memory(std::vector<int64_t> per_axis) const {
  if (!channels_first || per_axis.size() != 4) return per_axis;
  return {per_axis[0], per_axis[2], per_axis[3], per_axis[1]};
}

Fact Lowering::in_graph_order(const GraphNode& node, const Fact& fact) {
  if (!fact.channels_first) return fact;
  Fact in_memory = fact;
  in_memory.channels_first = false;
  return transpose(node, in_memory, {0, 3, 1, 2});
}

Fact Lowering::as_channels_first(const GraphNode& node, const Fact& fact) {
  if (fact.channels_first) return fact;
  Fact turned = transpose(node, fact, {0, 2, 3, 1});
  turned.channels_first = true;
  return turned;
}

// Axes of size 1 are left out and axes that stay neighbours are joined, which leaves at most four in every case met.
Fact Lowering::transpose(const GraphNode& node, const Fact& fact, const std::vector<int64_t>& order) {
  const std::vector<int64_t>& dims = fact.dims;
  std::vector<int64_t> out_dims;
  std::vector<std::vector<int64_t>> groups;  // of axes, in the order of the output
  for (const int64_t axis : order) {
    const int64_t size = dims[(size_t)axis];
    out_dims.push_back(size);
    if (size == 1) continue;
    // The axis right before this one, not counting those of size 1.
    int64_t before = axis - 1;
    while (before >= 0 && dims[(size_t)before] == 1) --before;
    if (!groups.empty() && groups.back().back() == before) {
      groups.back().push_back(axis);
    } else {
      groups.push_back({axis});
    }
  }
  if (groups.size() < 2) return same_value(node, Fact::of_value(fact.value, std::move(out_dims)));
  std::vector<size_t> in_order(groups.size());  // groups in the order of the input
  std::iota(in_order.begin(), in_order.end(), 0);
  std::sort(in_order.begin(), in_order.end(), [&](size_t a, size_t b) { return groups[a][0] < groups[b][0]; });
  if (groups.size() > 4) refuse(node, "it moves more than four axes");
  NetworkNode op = {NodeKind::kTranspose, node.name, {fact.value}};
  const size_t missing = 4 - groups.size();
  for (size_t i = 0; i < 4; ++i) {
    op.params.dims[i] = 1;
    op.params.order[i] = (uint8_t)i;
    if (i < missing) continue;
    int64_t size = 1;
    for (const int64_t axis : groups[in_order[i - missing]]) size *= dims[(size_t)axis];
    if (size > 65535) refuse(node, "it moves an axis of more than 65535 elements");
    op.params.dims[i] = (uint16_t)size;
    const auto at = std::find(in_order.begin(), in_order.end(), i - missing);
    op.params.order[i] = (uint8_t)((size_t)(at - in_order.begin()) + missing);
  }
  // Two axes or more are left, so there are two dims or more.
  const uint32_t c = (uint32_t)out_dims[out_dims.size() - 1], w = (uint32_t)out_dims[out_dims.size() - 2];
  const uint64_t elements = value(fact.value).shape.elements();
  return add_node(std::move(op), {(uint32_t)(elements / c / w), w, c}, std::move(out_dims));
}

// ---- Results ----

Fact Lowering::add_node(NetworkNode node, Shape shape, std::vector<int64_t> dims) {
  Value made;
  made.shape = shape;
  made.names = {node.name};
  node.output = network_.add_value(std::move(made));
  network_.nodes.push_back(std::move(node));
  return Fact::of_value(network_.nodes.back().output, std::move(dims));
}

Fact Lowering::add_node_like(NetworkNode node, const Fact& like) {
  const Shape shape = value(node.inputs[0]).shape;
  Fact fact = add_node(std::move(node), shape, like.dims);
  fact.channels_first = like.channels_first;
  return fact;
}

Fact Lowering::same_value(const GraphNode& node, Fact fact) {
  network_.values[(size_t)fact.value].names.push_back(node.name);
  fact.outputs.clear();
  return fact;
}

// What the node made itself is rounded as it is made; what others made, by a node of its own.
void Lowering::round_to_codes(const GraphNode& node, ValueId first_new, Fact* fact) {
  for (Fact& output : fact->outputs) round_to_codes(node, first_new, &output);
  if (!fact->is_value() || value(fact->value).known == node.codes) return;
  if (fact->value < first_new || value(fact->value).known) {
    fact->value = add_node_like({NodeKind::kClamp, node.name, {fact->value}}, *fact).value;
  }
  set_known(fact->value, *node.codes);
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

// Operand `edge` of a node, one of the outputs of what makes it.
Fact Lowering::operand(const GraphNode& node, const GraphEdge& edge) const {
  const auto found = facts_.find(index_.find(edge.name));
  const Fact& fact = found->second;
  if (!fact.outputs.empty() && (size_t)edge.output < fact.outputs.size()) return fact.outputs[(size_t)edge.output];
  if (edge.output == 0 || (!fact.is_value() && fact.kind != Fact::Kind::kConstant)) return fact;
  refuse(node, "it wants output " + std::to_string(edge.output) + " of '" + std::string(edge.name) +
                   "', which is not supported");
}

Network Lowering::run(Shape input_shape, InputOrder input_order, int output) {
  network_ = Network();
  facts_.clear();
  pools_are_global_ = true;
  size_matters_ = false;
  for (const int at : order_) {
    const GraphNode& node = graph_.nodes[(size_t)at];
    if (at == input_) {
      network_.input = network_.add_value({input_shape, {node.name}});
      if (node.codes) set_known(network_.input, *node.codes);
      facts_[at] = Fact::of_value(network_.input, map_dims(input_shape));
      if (input_order == InputOrder::kFlat) facts_[at].dims = {1, (int64_t)input_shape.elements()};
      facts_[at].channels_first = input_order == InputOrder::kChannelsFirst;
      continue;
    }
    if (const auto known = constants_.find(at); known != constants_.end()) {
      facts_[at] = known->second;
      continue;
    }
    std::vector<Fact> inputs;
    bool depends_on_size = false, is_dead = false;
    for (const std::string& input : node.inputs) {
      const GraphEdge edge = parse_edge(input);
      if (edge.is_control) {
        const auto branch = facts_.find(index_.find(edge.name));
        is_dead |= node.op == "Const" && branch != facts_.end() && branch->second.kind == Fact::Kind::kDead;
        continue;
      }
      inputs.push_back(operand(node, edge));
      depends_on_size |= !constants_.contains(index_.find(edge.name));
    }
    const auto first_new = (ValueId)network_.values.size();
    Fact fact = is_dead ? Fact{Fact::Kind::kDead} : lower_node(node, inputs);
    if (node.codes) round_to_codes(node, first_new, &fact);
    if (fact.kind == Fact::Kind::kConstant && !depends_on_size) constants_[at] = fact;
    facts_[at] = fact;
  }
  const GraphNode& last = graph_.nodes[(size_t)output];
  const Fact& result = facts_[output];
  if (!result.is_value()) refuse(last, "the output does not depend on the image");
  if (result.is_apart || result.space_to_batch) refuse(last, "no BatchToSpaceND puts the output together again");
  network_.output = shaped(last, in_graph_order(last, result));
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
