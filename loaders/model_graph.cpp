#include "loaders/model_graph.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "loaders/inspect.h"
#include "loaders/lowering.h"

namespace posy {
namespace {

// Names beyond a tensor's first one. The engine does not look at this section, so nothing in it has been checked.
std::vector<NodeNameRecord> more_names(const Model& model) {
  const auto* table = (const SectionEntry*)(model.bytes + sizeof(FileHeader));
  const uint64_t file_bytes = model.header->file_bytes;
  for (uint32_t i = 0; i < model.header->section_count; ++i) {
    const SectionEntry& entry = table[i];
    if (entry.kind != (uint32_t)SectionKind::kNodeNames) continue;
    const uint64_t bytes = (uint64_t)entry.count * sizeof(NodeNameRecord);
    if (entry.offset % sizeof(uint32_t) != 0 || entry.offset > file_bytes || bytes > file_bytes - entry.offset)
      return {};
    const auto* records = (const NodeNameRecord*)(model.bytes + entry.offset);
    std::vector<NodeNameRecord> names(records, records + entry.count);
    std::erase_if(names, [&](const NodeNameRecord& name) {
      return name.tensor >= model.tensor_count || name.name >= model.strings_bytes;
    });
    return names;
  }
  return {};
}

std::vector<std::vector<std::string>> names_of_tensors(const Model& model) {
  std::vector<std::vector<std::string>> names(model.tensor_count);
  const auto add = [&](uint32_t tensor, const std::string& name) {
    if (!name.empty()) names[tensor].push_back(name);
  };
  for (uint32_t i = 0; i < model.tensor_count; ++i) add(i, model.string(model.tensors[i].name));
  for (const NodeNameRecord& record : more_names(model)) add(record.tensor, model.string(record.name));
  return names;
}

// Where a tensor lies, in bytes.
struct Place {
  uint64_t begin, end, pixel_end;  // the channels of the first pixel end there

  explicit Place(const TensorRecord& t) {
    const uint64_t size = element_bytes((ElementType)t.type);
    begin = t.arena_offset;
    pixel_end = begin + t.c * size;
    end = begin + (((uint64_t)t.ring_h * t.w - 1) * t.pixel_stride + t.c) * size;
  }
};

bool same_grid(const TensorRecord& a, const TensorRecord& b) {
  return a.h == b.h && a.w == b.w && a.pixel_stride == b.pixel_stride && a.ring_h == b.ring_h && a.type == b.type;
}

uint64_t elements(const TensorRecord& t) {
  return (uint64_t)t.h * t.w * t.c;
}

// The file says where tensors lie, not whose views they are: a view is of what was last written to its place.
class Builder {
 public:
  explicit Builder(const Model& model) : model_(model), node_of_(model.tensor_count, -1) {}

  std::vector<ModelNode> build() {
    names_ = names_of_tensors(model_);
    add(ModelNode::Kind::kInput, model_.record->input_tensor, {});
    for (uint32_t i = 0; i < model_.op_count; ++i) {
      const OpRecord& op = model_.ops[i];
      std::vector<int> inputs;
      for (const uint32_t in : op.in) {
        if (in != kNoIndex) inputs.push_back(maker_of(in));
      }
      add(ModelNode::Kind::kOp, op.out, inputs);
      nodes_.back().op = i;
    }
    return std::move(nodes_);
  }

 private:
  int add(ModelNode::Kind kind, uint32_t tensor, const std::vector<int>& inputs) {
    node_of_[tensor] = (int)nodes_.size();
    nodes_.push_back({kind, kNoIndex, tensor, inputs, names_[tensor]});
    return node_of_[tensor];
  }

  const TensorRecord& tensor_of(const ModelNode& node) const { return model_.tensors[node.tensor]; }

  int maker_of(uint32_t tensor) {
    if (node_of_[tensor] >= 0) return node_of_[tensor];
    const TensorRecord& view = model_.tensors[tensor];
    std::vector<int> makers = on_grid(view);
    if (makers.empty()) makers = inside(view);
    if (makers.empty()) makers = around(view);
    std::sort(makers.begin(), makers.end());
    const bool is_part = makers.size() == 1 && elements(tensor_of(nodes_[(size_t)makers[0]])) > elements(view);
    return add(makers.size() > 1 ? ModelNode::Kind::kConcat
               : is_part         ? ModelNode::Kind::kSlice
                                 : ModelNode::Kind::kReshape,
               tensor, makers);
  }

  // Tensors of the same rows and columns, whose channels cover those of the view.
  std::vector<int> on_grid(const TensorRecord& view) const {
    const Place place(view);
    std::vector<int> makers;
    std::vector<bool> covered(view.c, false);
    uint32_t left = view.c;
    const uint64_t size = element_bytes((ElementType)view.type);
    for (int i = (int)nodes_.size() - 1; i >= 0 && left > 0; --i) {
      const TensorRecord& made = tensor_of(nodes_[(size_t)i]);
      const Place other(made);
      if (!same_grid(view, made) || nodes_[(size_t)i].op == kNoIndex) continue;
      bool adds = false;
      for (uint64_t at = std::max(place.begin, other.begin); at < std::min(place.pixel_end, other.pixel_end);
           at += size) {
        const size_t channel = (at - place.begin) / size;
        if (covered[channel]) continue;
        covered[channel] = adds = true;
        --left;
      }
      if (adds) makers.push_back(i);
    }
    return left == 0 ? makers : std::vector<int>{};
  }

  // Tensors that lie within the view and fill it: it has another shape.
  std::vector<int> inside(const TensorRecord& view) const {
    const Place place(view);
    std::vector<int> makers;
    uint64_t covered = 0;
    for (int i = (int)nodes_.size() - 1; i >= 0 && covered < elements(view); --i) {
      const TensorRecord& made = tensor_of(nodes_[(size_t)i]);
      const Place other(made);
      const bool fits = other.begin >= place.begin && other.end <= place.end && made.type == view.type;
      if (!fits || nodes_[(size_t)i].op == kNoIndex) continue;
      covered += elements(made);
      makers.push_back(i);
    }
    return covered == elements(view) ? makers : std::vector<int>{};
  }

  // The last tensor that the view lies in.
  std::vector<int> around(const TensorRecord& view) const {
    const Place place(view);
    for (int i = (int)nodes_.size() - 1; i >= 0; --i) {
      const Place other(tensor_of(nodes_[(size_t)i]));
      if (other.begin <= place.begin && other.end >= place.end) return {i};
    }
    return {};
  }

  const Model& model_;
  std::vector<int> node_of_;  // per tensor; -1: none yet
  std::vector<ModelNode> nodes_;
  std::vector<std::vector<std::string>> names_;
};

// ---- Origins ----

using Fate = Origins::Fate;

// Per node the nodes that its data comes from.
std::vector<std::vector<int>> data_inputs(const Graph& graph, const GraphIndex& index) {
  std::vector<std::vector<int>> inputs(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& input : graph.nodes[i].inputs) {
      const GraphEdge edge = parse_edge(input);
      const int from = edge.is_control ? -1 : index.find(edge.name);
      if (from >= 0) inputs[i].push_back(from);
    }
  }
  return inputs;
}

// Inputs first. Loops, which only graphs in training have, are entered anywhere.
std::vector<int> inputs_first(const std::vector<std::vector<int>>& inputs) {
  std::vector<int> order;
  std::vector<uint8_t> seen(inputs.size(), 0);
  std::vector<std::pair<int, size_t>> open;
  for (int start = 0; start < (int)inputs.size(); ++start) {
    if (seen[(size_t)start]) continue;
    seen[(size_t)start] = 1;
    open.push_back({start, 0});
    while (!open.empty()) {
      auto& [node, next] = open.back();
      if (next == inputs[(size_t)node].size()) {
        order.push_back(node);
        open.pop_back();
        continue;
      }
      const int from = inputs[(size_t)node][next++];
      if (seen[(size_t)from]) continue;
      seen[(size_t)from] = 1;
      open.push_back({from, 0});
    }
  }
  return order;
}

bool draws_numbers(const GraphNode& node) {
  return node.op.starts_with("Random") || node.op.starts_with("StatelessRandom") || node.op == "TruncatedNormal";
}

// What is needed only for random numbers, from the constants of their shape to the mask: all that depends on no other
// input. The node that puts the mask on an activation is no part of it.
void find_dropouts(const Graph& graph, const std::vector<std::vector<int>>& inputs, std::vector<Fate>* fates) {
  enum class Source { kConstant, kRandom, kData };
  std::vector<Source> sources(graph.nodes.size(), Source::kConstant);
  const std::vector<int> order = inputs_first(inputs);
  for (const int i : order) {
    Source& source = sources[(size_t)i];
    if (draws_numbers(graph.nodes[(size_t)i])) {
      source = Source::kRandom;
    } else if (inputs[(size_t)i].empty()) {
      const GraphNode& node = graph.nodes[(size_t)i];
      source = node.op == "Const" || inference_setting(node) ? Source::kConstant : Source::kData;
    } else {
      for (const int from : inputs[(size_t)i]) source = std::max(source, sources[(size_t)from]);
    }
  }
  std::vector<bool> feeds_other(graph.nodes.size(), false), feeds_random(graph.nodes.size(), false);
  for (auto node = order.rbegin(); node != order.rend(); ++node) {
    const auto i = (size_t)*node;
    if ((*fates)[i] != Fate::kNeeded) continue;
    const bool is_mask = sources[i] == Source::kRandom || (feeds_random[i] && !feeds_other[i]);
    if (is_mask) (*fates)[i] = Fate::kDropout;
    for (const int from : inputs[i]) (is_mask ? feeds_random : feeds_other)[(size_t)from] = true;
  }
}

std::vector<Fate> fates_of(const Graph& graph, const std::vector<std::vector<int>>& inputs,
                           const std::vector<bool>& needed) {
  std::vector<Fate> fates;
  for (const bool is_needed : needed) fates.push_back(is_needed ? Fate::kNeeded : Fate::kUnneeded);
  find_dropouts(graph, inputs, &fates);
  return fates;
}

// A set of model nodes, kept sorted; those of one graph node are few.
void join(std::vector<int>* into, const std::vector<int>& more) {
  std::vector<int> both;
  std::set_union(into->begin(), into->end(), more.begin(), more.end(), std::back_inserter(both));
  *into = std::move(both);
}

// Per graph node the model nodes that it belongs to.
struct Owners {
  std::vector<std::vector<int>> of;
  std::vector<bool> is_named;
};

// Of several tensors with one name, the last is the node's.
Owners owners_by_name(const GraphIndex& index, const std::vector<ModelNode>& nodes, size_t count, Origins* origins) {
  Owners owners = {std::vector<std::vector<int>>(count), std::vector<bool>(count, false)};
  std::set<std::string> names;
  for (size_t m = 0; m < nodes.size(); ++m) {
    for (const std::string& name : nodes[m].names) {
      const int at = index.find(name);
      const bool is_new = names.insert(name).second;
      origins->names += is_new;
      origins->found += is_new && at >= 0;
      if (at < 0) continue;
      owners.is_named[(size_t)at] = true;
      owners.of[(size_t)at] = {(int)m};
    }
  }
  return owners;
}

// Needed nodes whose names an op or its output carries.
std::vector<int> nodes_named_as(const Model& model, const ModelNode& node, const GraphIndex& index,
                                const std::vector<Fate>& fates) {
  std::set<int> found;
  std::vector<std::string> names = node.names;
  if (node.op != kNoIndex) names.push_back(model.string(model.ops[node.op].name));
  for (const std::string& name : names) {
    const int at = index.find(name);
    if (at >= 0 && fates[(size_t)at] == Fate::kNeeded) found.insert(at);
  }
  return {found.begin(), found.end()};
}

}  // namespace

const char* view_name(ModelNode::Kind kind) {
  switch (kind) {
    case ModelNode::Kind::kConcat:
      return "concat";
    case ModelNode::Kind::kSlice:
      return "slice";
    case ModelNode::Kind::kReshape:
      return "reshape";
    case ModelNode::Kind::kInput:
    case ModelNode::Kind::kOp:
      break;
  }
  return nullptr;
}

std::vector<ModelNode> model_graph(const Model& model) {
  return Builder(model).build();
}

std::vector<Fate> find_fates(const Graph& graph, const LowerOptions& options) {
  const GraphIndex index(graph);
  const bool is_detector = !refusal_of_detector(graph, index, options).empty();  // all of its outputs count
  return fates_of(
      graph, data_inputs(graph, index),
      is_detector ? needed_by(graph, index, loose_ends(graph, index)) : find_ends(graph, index, options).needed);
}

Origins find_origins(const Graph& graph, const Model& model, const std::vector<ModelNode>& nodes) {
  const GraphIndex index(graph);
  const auto inputs = data_inputs(graph, index);
  Origins origins;
  Owners owners = owners_by_name(index, nodes, graph.nodes.size(), &origins);
  const int output = index.find(model.string(model.record->output_name));
  const int input = index.find(model.string(model.record->input_name));
  origins.fates =
      fates_of(graph, inputs,
               output < 0 ? std::vector<bool>(graph.nodes.size(), false) : needed_by(graph, index, {output}, input));
  origins.of_model.resize(nodes.size());
  const std::vector<int> order = inputs_first(inputs);
  for (auto node = order.rbegin(); node != order.rend(); ++node) {
    const auto i = (size_t)*node;
    if (origins.fates[i] != Fate::kNeeded) continue;
    for (const int m : owners.of[i]) origins.of_model[(size_t)m].push_back((int)i);
    for (const int from : inputs[i]) {
      if (!owners.is_named[(size_t)from]) join(&owners.of[(size_t)from], owners.of[i]);
    }
  }
  for (size_t m = 0; m < nodes.size(); ++m) {
    std::vector<int>& of = origins.of_model[m];
    if (of.empty()) of = nodes_named_as(model, nodes[m], index, origins.fates);
    std::sort(of.begin(), of.end());
  }
  return origins;
}

}  // namespace posy
