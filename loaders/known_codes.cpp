#include "loaders/known_codes.h"

#include <algorithm>
#include <tuple>

#include "loaders/int8_codes.h"
#include "loaders/int8_layer.h"

namespace posy {
namespace {

bool is_convolution(const NetworkNode& node) {
  return node.kind == NodeKind::kConv2d || node.kind == NodeKind::kDepthwiseConv2d;
}

// Its output's codes are its inputs' codes.
bool moves_codes(const NetworkNode& node) {
  switch (node.kind) {
    case NodeKind::kMaxPool:
    case NodeKind::kConcat:
    case NodeKind::kReshape:
    case NodeKind::kSlice:
      return true;
    default:
      return false;
  }
}

class KnownCodesMaker {
 public:
  explicit KnownCodesMaker(const Network& network) : from_(network) {
    result_.network = network;
    for (const Value& value : network.values) codes_.push_back(value.known);
    hand_codes_forward();
    hand_codes_backward();
  }

  KnownCodes make() {
    Network& to = result_.network;
    to.nodes.clear();
    for (Value& value : to.values) value.known.reset();
    if (codes(to.input)) set_codes(&to.values[(size_t)to.input], *codes(to.input));
    for (const NetworkNode& node : from_.nodes) add(node);
    return std::move(result_);
  }

 private:
  const Shape& shape(ValueId id) const { return from_.values[(size_t)id].shape; }
  const std::optional<CodeScale>& codes(ValueId id) const { return codes_[(size_t)id]; }

  // Codes of a pixel lie in whole groups: another shape is the same bytes only if there are no gaps.
  bool can_move(const NetworkNode& node) const {
    if (!moves_codes(node) || node.has_clamp()) return false;
    const bool has_gaps = shape(node.inputs[0]).c % kGroupRows != 0 || shape(node.output).c % kGroupRows != 0;
    return node.kind != NodeKind::kReshape || (!has_gaps && node.output != from_.output);
  }

  void hand_codes_forward() {
    for (const NetworkNode& node : from_.nodes) {
      if (codes(node.output) || !can_move(node)) continue;
      const std::optional<CodeScale> first = codes(node.inputs[0]);
      const auto is_same = [&](ValueId id) { return codes(id) == first; };
      if (std::all_of(node.inputs.begin(), node.inputs.end(), is_same)) codes_[(size_t)node.output] = first;
    }
  }

  // What is only moved before it is rounded may as well be rounded first.
  void hand_codes_backward() {
    std::vector<int> uses(from_.values.size(), 0);
    for (const NetworkNode& node : from_.nodes) {
      for (const ValueId input : node.inputs) ++uses[(size_t)input];
    }
    for (auto node = from_.nodes.rbegin(); node != from_.nodes.rend(); ++node) {
      if (!codes(node->output) || !can_move(*node)) continue;
      for (const ValueId input : node->inputs) {
        const bool is_free = !codes(input) && uses[(size_t)input] == 1 && input != from_.input;
        if (is_free) codes_[(size_t)input] = codes(node->output);
      }
    }
  }

  static void set_codes(Value* value, CodeScale codes) {
    value->is_u8 = true;
    value->scale = codes.scale;
    value->zero_point = codes.zero_point;
  }

  // ---- Between floats and codes, and from codes to others ----

  ValueId convert(NodeKind kind, ValueId from, std::optional<CodeScale> to) {
    const auto key = std::make_tuple(from, to ? to->scale : 0, to ? to->zero_point : 0);
    if (const auto found = converted_.find(key); found != converted_.end()) return found->second;
    NetworkNode node = {kind, from_.values[(size_t)from].names[0], {from}};
    node.output = new_value(from, to);
    result_.network.nodes.push_back(node);
    return converted_[key] = node.output;
  }
  ValueId as_codes(ValueId id, CodeScale wanted) {
    if (!codes(id)) return convert(NodeKind::kEncode, id, wanted);
    return codes(id) == wanted ? id : convert(NodeKind::kClamp, id, wanted);
  }
  ValueId as_floats(ValueId id) { return codes(id) ? convert(NodeKind::kDecode, id, {}) : id; }

  ValueId new_value(ValueId like, std::optional<CodeScale> codes) {
    Value value = from_.values[(size_t)like];
    value.known.reset();
    value.names.resize(1);
    if (codes) set_codes(&value, *codes);
    return result_.network.add_value(std::move(value));
  }

  // ---- Nodes ----

  void add(NetworkNode node) {
    const bool was_added = is_convolution(node) ? add_convolution(node) : add_codes(node);
    if (is_convolution(node)) ++(was_added ? result_.layers : result_.float_layers);
    if (!was_added) add_float(std::move(node));
  }

  bool add_convolution(const NetworkNode& node) {
    const ValueId input = node.inputs[0], output = node.output;
    if (!codes(input) || (!codes(output) && node.kind == NodeKind::kDepthwiseConv2d)) return false;
    Value in = from_.values[(size_t)input], out = from_.values[(size_t)output];
    set_codes(&in, *codes(input));
    if (codes(output)) set_codes(&out, *codes(output));
    NetworkNode integer = node;
    integer.int8 = make_known_layer(node, in, out);
    if (!integer.int8) return false;
    add_maker(std::move(integer));
    return true;
  }

  bool has_integer_form(const NetworkNode& node) const {
    const auto function = (BinaryFunction)node.params.function;
    switch (node.kind) {
      case NodeKind::kBinary:
        return function == BinaryFunction::add || function == BinaryFunction::sub || function == BinaryFunction::mul;
      case NodeKind::kAveragePool:
      case NodeKind::kUnary:
      case NodeKind::kClamp:
        return true;
      default:
        return can_move(node);
    }
  }

  bool add_codes(const NetworkNode& node) {
    const auto has_codes = [&](ValueId id) { return codes(id).has_value(); };
    const bool moves = moves_codes(node);
    if (!codes(node.output) || !has_integer_form(node)) return false;
    if (!moves && !std::all_of(node.inputs.begin(), node.inputs.end(), has_codes)) return false;
    NetworkNode integer = node;
    if (moves) {
      for (ValueId& input : integer.inputs) input = as_codes(input, *codes(node.output));
    }
    add_maker(std::move(integer));
    return true;
  }

  // The node makes its output's codes, if there are any. The network's output is floats.
  void add_maker(NetworkNode node) {
    Network& to = result_.network;
    const ValueId output = node.output;
    const std::optional<CodeScale>& made = codes(output);
    if (!made || output != to.output) {
      if (made) set_codes(&to.values[(size_t)output], *made);
      to.nodes.push_back(std::move(node));
      return;
    }
    node.output = new_value(output, made);
    NetworkNode decode = {NodeKind::kDecode, node.name, {node.output}};
    decode.output = output;
    to.nodes.push_back(std::move(node));
    to.nodes.push_back(std::move(decode));
  }

  void add_float(NetworkNode node) {
    Network& to = result_.network;
    for (ValueId& input : node.inputs) input = as_floats(input);
    const ValueId output = node.output;
    const bool becomes_codes = codes(output) && output != to.output;
    if (becomes_codes && node.kind == NodeKind::kClamp && !node.has_clamp()) {
      node.kind = NodeKind::kEncode;  // which clamps
    } else if (becomes_codes) {
      node.output = new_value(output, {});
      NetworkNode encode = {NodeKind::kEncode, node.name, {node.output}};
      encode.output = output;
      to.nodes.push_back(std::move(node));
      node = std::move(encode);
    }
    if (becomes_codes) set_codes(&to.values[(size_t)output], *codes(output));
    to.nodes.push_back(std::move(node));
  }

  const Network& from_;
  KnownCodes result_;
  std::vector<std::optional<CodeScale>> codes_;  // per value of from_
  std::map<std::tuple<ValueId, float, int>, ValueId> converted_;
};

}  // namespace

KnownCodes in_known_codes(const Network& network) {
  return KnownCodesMaker(network).make();
}

void forget_known_codes(Network* network) {
  for (Value& value : network->values) value.known.reset();
}

}  // namespace posy
