#include "loaders/int8_network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "loaders/int8_codes.h"
#include "loaders/int8_layer.h"

namespace posy {
namespace {

// How much wider a channel's range is taken to be than what was seen of it, and by how much it may be widened.
constexpr float kHeadroom = 1.05f, kMostFactor = 64;
constexpr double kOutermost = 1e-4;

struct FloatRange {
  float low, high;
};

FloatRange percentile(std::vector<float> samples, double outermost) {
  std::sort(samples.begin(), samples.end());
  const size_t last = samples.size() - 1, out = (size_t)std::floor((double)last * outermost);
  return {samples[out], samples[last - out]};
}

// Mean squared error of codes of a range.
double range_error(const std::vector<float>& samples, FloatRange range) {
  const CodeScale codes = scale_of_range(range.low, range.high);
  double error = 0;
  for (const float x : samples) {
    const float code = std::clamp(std::nearbyint(x / codes.scale) + codes.zero_point, 0.0f, 255.0f);
    const double e = x - (double)(code - codes.zero_point) * codes.scale;
    error += e * e;
  }
  return error;
}

FloatRange least_error(const ValueStatistics& value) {
  std::vector<float> some;  // enough for a choice among a few dozen
  for (size_t i = 0; i < value.samples.size(); i += 1 + value.samples.size() / 8192) some.push_back(value.samples[i]);
  FloatRange best = {value.low, value.high};
  double least = range_error(some, best);
  for (float part = 0.98f; part > 0.2f; part -= 0.02f) {
    const FloatRange range = {value.low * part, value.high * part};
    const double error = range_error(some, range);
    if (error >= least) continue;
    least = error;
    best = range;
  }
  return best;
}

FloatRange range_of(const ValueStatistics& value, RangeRule rule) {
  switch (rule) {
    case RangeRule::kMinMax:
      break;
    case RangeRule::kPercentile:
      return percentile(value.samples, kOutermost);
    case RangeRule::kLeastError:
      return least_error(value);
  }
  return {value.low, value.high};
}

bool is_convolution(const NetworkNode& node) {
  return node.kind == NodeKind::kConv2d || node.kind == NodeKind::kDepthwiseConv2d;
}

InputStatistics statistics_of(const Calibration& calibration, ValueId id) {
  if ((size_t)id >= calibration.values.size()) return {};
  const ValueStatistics& value = calibration.values[(size_t)id];
  return {value.channel_mean, value.channel_mean_square};
}

class Quantizer {
 public:
  Quantizer(const Network& network, const Calibration& calibration, const std::vector<SteppedWeights>& weights,
            RangeRule rule, const std::set<size_t>& floats)
      : from_(network), calibration_(calibration), weights_(weights), rule_(rule), to_(network) {
    group_.resize(network.values.size());
    std::iota(group_.begin(), group_.end(), 0);
    find_integer_nodes(floats);
  }

  Network make() {
    choose_scales();
    std::vector<NetworkNode> nodes;
    std::swap(nodes, to_.nodes);
    size_t layers = 0;
    if (wanted_[(size_t)to_.input]) {  // pixels become codes at once
      set_codes(&to_.values[(size_t)to_.input], to_.input);
      is_codes_[(size_t)to_.input] = true;
    }
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (is_convolution(nodes[i])) weights_of_layer_ = &weights_[layers++];
      is_integer_[i] ? add_integer(std::move(nodes[i])) : add_float(std::move(nodes[i]));
    }
    return std::move(to_);
  }

 private:
  const Shape& shape(ValueId id) const { return from_.values[(size_t)id].shape; }

  // Convolutions are worth it to make codes of floats first. Other ops are integer ops only between such.
  bool has_integer_form(const NetworkNode& node) const {
    const auto made_of_codes = [&](ValueId id) { return is_made_of_codes_[(size_t)id]; };
    const bool whole_groups_only = shape(node.inputs[0]).c % kGroupRows == 0 && shape(node.output).c % kGroupRows == 0;
    switch (node.kind) {
      case NodeKind::kConv2d:
        return true;
      case NodeKind::kDepthwiseConv2d:
        return node.output != from_.output;
      case NodeKind::kReshape:
        return whole_groups_only && node.output != from_.output && made_of_codes(node.inputs[0]);
      case NodeKind::kBinary: {
        const auto function = (Int8BinaryFunction)node.params.function;
        if (function != Int8BinaryFunction::add && function != Int8BinaryFunction::mul) return false;
        break;
      }
      case NodeKind::kAveragePool:
      case NodeKind::kMaxPool:
      case NodeKind::kUnary:
      case NodeKind::kClamp:
      case NodeKind::kConcat:
      case NodeKind::kSlice:
        break;
      default:
        return false;
    }
    return std::all_of(node.inputs.begin(), node.inputs.end(), made_of_codes);
  }

  void find_integer_nodes(const std::set<size_t>& floats) {
    is_made_of_codes_.assign(from_.values.size(), false);
    is_codes_.assign(from_.values.size(), false);
    for (size_t i = 0; i < from_.nodes.size(); ++i) {
      const NetworkNode& node = from_.nodes[i];
      is_integer_.push_back(floats.count(i) == 0 && has_integer_form(node));
      is_made_of_codes_[(size_t)node.output] = is_integer_[i];
    }
    wanted_.assign(from_.values.size(), false);
    for (size_t i = 0; i < from_.nodes.size(); ++i) {
      if (!is_integer_[i]) continue;
      for (const ValueId input : from_.nodes[i].inputs) wanted_[(size_t)input] = true;
      if (!is_convolution(from_.nodes[i])) wanted_[(size_t)from_.nodes[i].output] = true;
      join_scales(from_.nodes[i]);
    }
  }

  int group(ValueId id) {
    while (group_[(size_t)id] != id) id = group_[(size_t)id];
    return id;
  }
  void join(ValueId a, ValueId b) { group_[(size_t)group(a)] = group(b); }

  // Ops that move codes as they are have one scale for all.
  void join_scales(const NetworkNode& node) {
    const bool moves = node.kind == NodeKind::kMaxPool || node.kind == NodeKind::kConcat ||
                       node.kind == NodeKind::kReshape || node.kind == NodeKind::kSlice;
    for (const ValueId input : node.inputs) {
      if (moves) join(input, node.output);
    }
  }

  void choose_scales() {
    const std::vector<FloatRange> seen = value_ranges();
    std::vector<FloatRange> ranges(from_.values.size(), {0, 0});
    for (ValueId id = 0; id < (ValueId)from_.values.size(); ++id) {
      FloatRange& all = ranges[(size_t)group(id)];
      all = both(all, seen[(size_t)id]);
    }
    for (ValueId id = 0; id < (ValueId)from_.values.size(); ++id) {
      const FloatRange range = ranges[(size_t)group(id)];
      scales_.push_back(scale_of_range(range.low, range.high));
    }
  }

  static FloatRange both(FloatRange a, FloatRange b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

  // Values that no op makes, such as concatenations, have the range of what they are made of.
  std::vector<FloatRange> value_ranges() const {
    std::vector<FloatRange> ranges(from_.values.size(), {0, 0});
    ranges[(size_t)from_.input] = input_range();
    for (const NetworkNode& node : from_.nodes) {
      const ValueStatistics& value = calibration_.values[(size_t)node.output];
      FloatRange& range = ranges[(size_t)node.output];
      if (value.is_seen()) {
        range = range_of(value, rule_);
      } else {
        for (const ValueId input : node.inputs) range = both(range, ranges[(size_t)input]);
      }
    }
    return ranges;
  }

  // Of a photo's pixels, from 0 to 255.
  FloatRange input_range() const {
    FloatRange range = {0, 0};
    for (uint32_t c = 0; c < std::min(shape(from_.input).c, 4u); ++c) {
      const Preprocessing& p = from_.preprocessing;
      const float a = (0 - p.mean[c]) / p.std[c], b = (255 - p.mean[c]) / p.std[c];
      range = {std::min({range.low, a, b}), std::max({range.high, a, b})};
    }
    return range;
  }

  void set_codes(Value* value, ValueId like) const {
    value->is_u8 = true;
    value->scale = scales_[(size_t)like].scale;
    value->zero_point = scales_[(size_t)like].zero_point;
  }

  // The value as codes, or as floats: the one that there is, or a new one made from it.
  ValueId as_codes(ValueId id) {
    if (is_codes_[(size_t)id]) return id;
    if (codes_of_.count(id)) return codes_of_[id];
    Value value = from_.values[(size_t)id];
    value.names.resize(1);
    set_codes(&value, id);
    return codes_of_[id] = add_conversion(NodeKind::kEncode, id, std::move(value));
  }
  ValueId as_floats(ValueId id) {
    if (!is_codes_[(size_t)id]) return id;
    if (floats_of_.count(id)) return floats_of_[id];
    Value value = from_.values[(size_t)id];
    value.names.resize(1);
    return floats_of_[id] = add_conversion(NodeKind::kDecode, id, std::move(value));
  }
  ValueId add_conversion(NodeKind kind, ValueId from, Value value) {
    NetworkNode node = {kind, value.names[0], {from}};
    node.output = to_.add_value(std::move(value));
    is_codes_.push_back(kind == NodeKind::kEncode);
    const ValueId made = node.output;
    to_.nodes.push_back(std::move(node));
    return made;
  }

  void add_float(NetworkNode node) {
    for (ValueId& input : node.inputs) input = as_floats(input);
    to_.nodes.push_back(std::move(node));
  }

  void add_integer(NetworkNode node) {
    const InputStatistics statistics = statistics_of(calibration_, node.inputs[0]);
    for (ValueId& input : node.inputs) input = as_codes(input);
    const ValueId output = node.output;
    const bool to_codes = wanted_[(size_t)output] && output != to_.output;
    // Only the sums of a convolution can become floats at once.
    const bool is_decoded = !to_codes && node.kind != NodeKind::kConv2d;
    if (to_codes) {
      set_codes(&to_.values[(size_t)output], output);
      is_codes_[(size_t)output] = true;
    } else if (is_decoded) {
      Value value = from_.values[(size_t)output];
      value.names.resize(1);
      set_codes(&value, output);
      node.output = to_.add_value(std::move(value));
      is_codes_.push_back(true);
    }
    if (is_convolution(node)) {
      node.int8 = make_int8_layer(node, to_.values[(size_t)node.inputs[0]], to_.values[(size_t)node.output], statistics,
                                  *weights_of_layer_);
    }
    NetworkNode decode = {NodeKind::kDecode, node.name, {node.output}};
    decode.output = output;
    to_.nodes.push_back(std::move(node));
    if (is_decoded) to_.nodes.push_back(std::move(decode));
  }

  const Network& from_;
  const Calibration& calibration_;
  const std::vector<SteppedWeights>& weights_;
  RangeRule rule_;
  Network to_;
  std::vector<bool> is_integer_;        // per node
  std::vector<bool> is_made_of_codes_;  // per value of from_: an integer node makes it
  std::vector<bool> wanted_;            // per value of from_: as codes
  std::vector<bool> is_codes_;          // per value of to_, as it is made
  std::vector<ValueId> group_;          // of values with one scale
  std::vector<CodeScale> scales_;       // per value of from_
  const SteppedWeights* weights_of_layer_ = nullptr;
  std::map<ValueId, ValueId> codes_of_, floats_of_;
};

}  // namespace

const char* range_rule_name(RangeRule rule) {
  switch (rule) {
    case RangeRule::kMinMax:
      return "least and greatest";
    case RangeRule::kPercentile:
      return "99.98 percent";
    case RangeRule::kLeastError:
      return "least squared error";
  }
  return "";
}

int equalize_channels(Network* network, const Calibration& calibration) {
  std::map<ValueId, int> uses;
  std::map<ValueId, NetworkNode*> makers;
  for (NetworkNode& node : network->nodes) {
    for (const ValueId input : node.inputs) ++uses[input];
    makers[node.output] = &node;
  }
  int scaled = 0;
  for (NetworkNode& node : network->nodes) {
    const ValueId between = node.inputs[0];
    if (node.kind != NodeKind::kDepthwiseConv2d || uses[between] != 1 || !makers.count(between)) continue;
    NetworkNode& first = *makers[between];
    if (!is_convolution(first) || first.clamp.low != 0 || between == network->output) continue;
    const ValueStatistics& value = calibration.values[(size_t)between];
    const float most = std::isfinite(first.clamp.high) ? first.clamp.high : value.high;
    for (size_t c = 0; c < value.channel_high.size(); ++c) {
      const float seen = value.channel_high[c] * kHeadroom;
      const float factor = seen > 0 ? std::clamp(most / seen, 1.0f, kMostFactor) : 1.0f;
      first.weights.line.scale[c] *= factor;
      first.weights.line.bias[c] *= factor;
      node.weights.line.center[c] *= factor;
      node.weights.line.scale[c] /= factor;
    }
    ++scaled;
  }
  return scaled;
}

std::vector<SteppedWeights> weights_in_steps(const Network& network, const Calibration& calibration) {
  std::vector<SteppedWeights> weights;
  for (const NetworkNode& node : network.nodes) {
    if (!is_convolution(node)) continue;
    InputStatistics statistics = statistics_of(calibration, node.inputs[0]);
    if (weights.size() < calibration.layers.size()) statistics.together = &calibration.layers[weights.size()];
    weights.push_back(in_steps(node, network.values[(size_t)node.inputs[0]].shape.c, statistics));
  }
  return weights;
}

Network quantized(const Network& network, const Calibration& calibration, const std::vector<SteppedWeights>& weights,
                  RangeRule rule, const std::set<size_t>& floats) {
  return Quantizer(network, calibration, weights, rule, floats).make();
}

}  // namespace posy
