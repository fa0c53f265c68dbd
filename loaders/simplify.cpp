// Rewrites of a network that leave its scores as they are: each is one function, counted under the name that convert
// reports.
#include <algorithm>
#include <cmath>

#include "loaders/lower.h"

namespace posy {
namespace {

class Simplifier {
 public:
  explicit Simplifier(Network* network)
      : network_(*network), uses_(network->values.size(), 0), producer_(network->values.size(), -1) {
    for (size_t i = 0; i < network_.nodes.size(); ++i) {
      producer_[(size_t)network_.nodes[i].output] = (int)i;
      for (const ValueId input : network_.nodes[i].inputs) ++uses_[(size_t)input];
    }
  }

  // Applies `rewrite` to every node, in order. A rewrite returns true if it made the node unnecessary.
  template <class Rewrite>
  void for_each_node(Rewrite rewrite) {
    std::vector<NetworkNode> kept;
    std::vector<bool> removed(network_.nodes.size(), false);
    for (size_t i = 0; i < network_.nodes.size(); ++i) {
      // What a rewrite left without a use goes as well.
      const bool unused = uses_[(size_t)node(i).output] == 0 && node(i).output != network_.output;
      removed[i] = unused || rewrite(i);
      if (unused) forget_inputs(i);
    }
    for (size_t i = removed.size(); i-- > 0;) {
      if (!removed[i] && uses_[(size_t)node(i).output] == 0 && node(i).output != network_.output) {
        forget_inputs(i);
        removed[i] = true;
      }
    }
    for (size_t i = 0; i < removed.size(); ++i) {
      if (removed[i]) continue;
      producer_[(size_t)node(i).output] = (int)kept.size();
      kept.push_back(std::move(node(i)));
    }
    network_.nodes = std::move(kept);
  }

  NetworkNode& node(size_t i) { return network_.nodes[i]; }
  Shape shape(ValueId id) const { return network_.values[(size_t)id].shape; }

  const std::optional<CodeScale>& known(ValueId id) const { return network_.values[(size_t)id].known; }

  // The node that makes `value`, if only one input of one node uses it; else null, also where the graph rounds the
  // value: what is made one op rounds once.
  NetworkNode* sole_producer(ValueId value) {
    if (value == network_.output || uses_[(size_t)value] != 1 || known(value)) return nullptr;
    return producer(value);
  }
  // Whoever else uses it.
  NetworkNode* producer(ValueId value) {
    const int at = producer_[(size_t)value];
    return at < 0 ? nullptr : &network_.nodes[(size_t)at];
  }

  // Node i goes; `into`, which makes its input, makes its output from now on.
  void merge(size_t i, NetworkNode* into) {
    forget_inputs(i);
    into->output = node(i).output;
    producer_[(size_t)into->output] = (int)(into - network_.nodes.data());
  }

  // Node i, which rounds the network's input and is alone in using it, goes: the input is made in its codes.
  bool round_input(size_t i) {
    const ValueId input = network_.input, output = node(i).output;
    if (node(i).inputs[0] != input || uses_[(size_t)input] != 1 || known(input) || output == network_.output)
      return false;
    network_.values[(size_t)input].known = known(output);
    uses_[(size_t)input] = uses_[(size_t)output];
    for (NetworkNode& node : network_.nodes) std::replace(node.inputs.begin(), node.inputs.end(), output, input);
    return true;
  }

  void replace_inputs(NetworkNode* of, std::vector<ValueId> inputs) {
    for (const ValueId input : of->inputs) --uses_[(size_t)input];
    for (const ValueId input : inputs) ++uses_[(size_t)input];
    of->inputs = std::move(inputs);
  }

  void count(const char* rewrite) { ++network_.rewrites[rewrite]; }

 private:
  void forget_inputs(size_t i) {
    for (const ValueId input : node(i).inputs) --uses_[(size_t)input];
  }

  Network& network_;
  std::vector<int> uses_;      // by value: inputs of nodes
  std::vector<int> producer_;  // by value: index of a node, -1 for the input
};

// Every window reaches into the map: the engine takes no others.
bool reaches_into(const Window& w, Shape in, Shape out) {
  const auto axis = [](uint32_t k, uint32_t stride, uint32_t dilation, uint32_t pad, uint32_t size, uint32_t count) {
    return pad <= (k - 1) * dilation && (uint64_t)(count - 1) * stride < (uint64_t)size + pad && pad <= 65535;
  };
  return axis(w.k_h, w.stride_h, w.dilation_h, w.pad_top, in.h, out.h) &&
         axis(w.k_w, w.stride_w, w.dilation_w, w.pad_left, in.w, out.w);
}

bool is_convolution(const NetworkNode& node) {
  return node.kind == NodeKind::kConv2d || node.kind == NodeKind::kDepthwiseConv2d;
}

// What `second` makes of what `first` makes.
ChannelLine joined(const ChannelLine& first, const ChannelLine& second) {
  ChannelLine line = first;
  for (size_t c = 0; c < line.size(); ++c) {
    if (first.scale[c] == 1) {
      line.center[c] = (float)((double)first.center[c] - first.bias[c] + second.center[c]);
      line.scale[c] = second.scale[c];
      line.bias[c] = second.bias[c];
    } else {
      line.scale[c] = first.scale[c] * second.scale[c];
      line.bias[c] = (float)(((double)first.bias[c] - second.center[c]) * second.scale[c] + second.bias[c]);
    }
  }
  return line;
}

// A line per channel after a convolution, or after another such line, becomes part of it.
bool fold_affine(Simplifier& s, size_t i) {
  NetworkNode& node = s.node(i);
  if (node.kind != NodeKind::kAffine) return false;
  NetworkNode* into = s.sole_producer(node.inputs[0]);
  if (!into || into->has_clamp() || (!is_convolution(*into) && into->kind != NodeKind::kAffine)) return false;
  into->weights.line = joined(into->weights.line, node.weights.line);
  s.merge(i, into);
  s.count(is_convolution(*into) ? "factor or sum per channel folded into a convolution (batch norm, bias)"
                                : "factors and sums per channel joined");
  return true;
}

// Kinds whose kernels clamp what they store.
bool has_clamp_field(NodeKind kind) {
  switch (kind) {
    case NodeKind::kConv2d:
    case NodeKind::kDepthwiseConv2d:
    case NodeKind::kAffine:
    case NodeKind::kAveragePool:
    case NodeKind::kMaxPool:
    case NodeKind::kBinary:
    case NodeKind::kUnary:
    case NodeKind::kReduce:
    case NodeKind::kQuantize:
      return true;
    default:
      return false;
  }
}

bool fold_clamp(Simplifier& s, size_t i) {
  NetworkNode& node = s.node(i);
  if (node.kind != NodeKind::kClamp) return false;
  NetworkNode* into = s.sole_producer(node.inputs[0]);
  if (!into || into->has_clamp() || !has_clamp_field(into->kind)) return false;
  into->clamp = node.clamp;
  s.merge(i, into);
  s.count("activation (Relu, Relu6) fused into the op before it");
  return true;
}

size_t rows_of(const ConvWeights& weights) {
  return weights.values->floats.size() / weights.line.size();
}

// What a line adds, once its factor is in the weights.
double constant_part(const ChannelLine& line, size_t c) {
  return line.bias[c] - (double)line.center[c] * line.scale[c];
}

// [rows, middle] times [middle, classes] in double, once, instead of both at every run.
ConvWeights join_linear(const ConvWeights& first, const ConvWeights& second) {
  const size_t rows = rows_of(first), middle = first.line.size(), classes = second.line.size();
  std::vector<double> product((rows + 1) * classes, 0.0);  // the last row is the bias
  for (size_t m = 0; m < middle; ++m) {
    for (size_t o = 0; o < classes; ++o) {
      const double w = second.weight(m, o);
      for (size_t r = 0; r < rows; ++r) product[r * classes + o] += first.weight(r, m) * w;
      product[rows * classes + o] += constant_part(first.line, m) * w;
    }
  }
  ConvWeights joined;
  joined.values = std::make_shared<Array>(
      float_array({(int64_t)rows, (int64_t)classes}, {product.begin(), product.end() - (std::ptrdiff_t)classes}));
  joined.line = ChannelLine::identity(classes);
  for (size_t o = 0; o < classes; ++o) {
    joined.line.bias[o] = (float)(product[rows * classes + o] + constant_part(second.line, o));
  }
  return joined;
}

// The end of a retrained MobileNet: features -> 1001 logits (the bottleneck) -> classes, with nothing in between.
bool join_tail(Simplifier& s, size_t i) {
  NetworkNode& node = s.node(i);
  if (node.kind != NodeKind::kConv2d) return false;
  const Shape in = s.shape(node.inputs[0]);
  if (in.elements() != in.c) return false;
  NetworkNode* first = s.sole_producer(node.inputs[0]);
  if (!first || first->kind != NodeKind::kConv2d || first->has_clamp()) return false;
  if (rows_of(node.weights) != in.c) return false;  // a window wider than the one pixel
  const size_t rows = rows_of(first->weights), middle = first->weights.line.size(), classes = node.weights.line.size();
  if (rows * classes >= (rows + classes) * middle) return false;  // would be larger
  first->weights = join_linear(first->weights, node.weights);
  first->clamp = node.clamp;
  s.merge(i, first);
  s.count("two linear maps at the end joined into one (--keep-bottleneck keeps both)");
  return true;
}

// A convolution of a map padded with zeros pads it itself.
bool fold_pad(Simplifier& s, size_t i) {
  NetworkNode& node = s.node(i);
  if (!is_convolution(node)) return false;
  NetworkNode* pad = s.producer(node.inputs[0]);
  if (!pad || pad->kind != NodeKind::kPad) return false;
  const FunctionParams& p = pad->params;
  const Window& border = pad->window;
  const bool is_zero_border = p.function == (uint8_t)PadMode::constant && p.param[0] == 0 && p.dims[0] == 0 &&
                              p.dims[1] == 0 && border.stride_h == 1 && border.stride_w == 1;
  Window window = node.window;
  window.pad_top += border.pad_top;
  window.pad_left += border.pad_left;
  const bool is_same = s.known(pad->inputs[0]) == s.known(pad->output);
  if (!is_same || !is_zero_border || !reaches_into(window, s.shape(pad->inputs[0]), s.shape(node.output))) return false;
  node.window = window;
  s.replace_inputs(&node, {pad->inputs[0]});
  s.count("zero padding folded into a convolution");
  return false;
}

bool is_product(const NetworkNode* node) {
  return node && node->kind == NodeKind::kBinary && node->params.function == (uint8_t)BinaryFunction::mul;
}

// x * sigmoid(x).
bool fuse_swish(Simplifier& s, size_t i) {
  NetworkNode& node = s.node(i);
  if (!is_product(&node)) return false;
  for (const size_t gate_at : {1u, 0u}) {
    NetworkNode* gate = s.sole_producer(node.inputs[gate_at]);
    const ValueId x = node.inputs[1 - gate_at];
    const bool is_sigmoid = gate && gate->kind == NodeKind::kUnary && !gate->has_clamp() &&
                            gate->params.function == (uint8_t)UnaryFunction::sigmoid;
    if (!is_sigmoid || gate->inputs[0] != x) continue;
    node.kind = NodeKind::kUnary;
    node.params.function = (uint8_t)UnaryFunction::swish;
    s.replace_inputs(&node, {x});
    s.count("x * sigmoid(x) made one op (swish)");
    return false;
  }
  return false;
}

// out = in * scale + bias, the same for all channels.
bool is_plain_line(const NetworkNode* node, float scale, float bias) {
  if (!node || node->kind != NodeKind::kAffine) return false;
  const ChannelLine& line = node->weights.line;
  const auto are = [](const std::vector<float>& v, float x) {
    return std::all_of(v.begin(), v.end(), [x](float each) { return std::abs(each - x) < 1e-6f; });
  };
  return are(line.center, 0) && are(line.scale, scale) && are(line.bias, bias);
}

// relu6(x + 3): the value x, or -1 if `value` is something else.
ValueId inside_relu6_of_x_plus_3(Simplifier& s, ValueId value) {
  const NetworkNode* node = s.sole_producer(value);
  const bool is_it = is_plain_line(node, 1, 3) && node->clamp.low == 0 && node->clamp.high == 6;
  return is_it ? node->inputs[0] : -1;
}

void become_hard_swish(Simplifier& s, NetworkNode* node, ValueId x) {
  node->kind = NodeKind::kUnary;
  node->params = {};
  node->params.function = (uint8_t)UnaryFunction::hard_swish;
  node->weights = {};
  s.replace_inputs(node, {x});
  s.count("x * relu6(x + 3) / 6 made one op (hard swish)");
}

// x * (relu6(x + 3) * (1 / 6)), or the factor at the end.
bool fuse_hard_swish(Simplifier& s, size_t i) {
  constexpr float kSixth = 1.0f / 6;
  NetworkNode& node = s.node(i);
  if (is_plain_line(&node, kSixth, 0)) {
    const NetworkNode* product = s.sole_producer(node.inputs[0]);
    if (!is_product(product) || product->has_clamp()) return false;
    for (const size_t at : {1u, 0u}) {
      const ValueId x = inside_relu6_of_x_plus_3(s, product->inputs[at]);
      if (x >= 0 && x == product->inputs[1 - at]) {
        become_hard_swish(s, &node, x);
        return false;
      }
    }
  }
  if (!is_product(&node)) return false;
  for (const size_t at : {1u, 0u}) {
    const NetworkNode* sixth = s.sole_producer(node.inputs[at]);
    if (!is_plain_line(sixth, kSixth, 0) || sixth->has_clamp()) continue;
    const ValueId x = inside_relu6_of_x_plus_3(s, sixth->inputs[0]);
    if (x >= 0 && x == node.inputs[1 - at]) {
      become_hard_swish(s, &node, x);
      return false;
    }
  }
  return false;
}

// Rounding to codes that are known: whatever makes its input makes these codes.
bool fold_codes(Simplifier& s, size_t i) {
  NetworkNode& node = s.node(i);
  const bool is_fake_quant =
      node.kind == NodeKind::kUnary && node.params.function == (uint8_t)UnaryFunction::fake_quant;
  const bool only_rounds = (is_fake_quant || node.kind == NodeKind::kClamp) && !node.has_clamp();
  if (!only_rounds || !s.known(node.output)) return false;
  node.kind = NodeKind::kClamp;
  node.params = {};
  if (s.round_input(i)) return true;
  NetworkNode* into = s.sole_producer(node.inputs[0]);
  if (!into) return false;
  s.merge(i, into);
  s.count("rounding to 8-bit codes (FakeQuant, QUANTIZE) made part of the op before it");
  return true;
}

// What could not be folded runs as a depthwise convolution of one pixel.
void affine_to_depthwise(NetworkNode* node) {
  if (node->kind != NodeKind::kAffine) return;
  const size_t channels = node->weights.line.size();
  node->kind = NodeKind::kDepthwiseConv2d;
  node->weights.values =
      std::make_shared<Array>(float_array({1, (int64_t)channels}, std::vector<float>(channels, 1.0f)));
}

}  // namespace

void simplify(Network* network, bool keep_bottleneck) {
  Simplifier s(network);
  s.for_each_node([&](size_t i) { return fold_affine(s, i); });
  s.for_each_node([&](size_t i) { return fold_pad(s, i); });
  s.for_each_node([&](size_t i) { return fuse_swish(s, i); });
  s.for_each_node([&](size_t i) { return fold_clamp(s, i); });
  s.for_each_node([&](size_t i) { return fuse_hard_swish(s, i); });
  s.for_each_node([&](size_t i) { return fold_codes(s, i); });
  if (!keep_bottleneck) s.for_each_node([&](size_t i) { return join_tail(s, i); });
  for (NetworkNode& node : network->nodes) affine_to_depthwise(&node);
}

}  // namespace posy
