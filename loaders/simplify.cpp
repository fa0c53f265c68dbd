// Rewrites of a network that leave its scores as they are: each is one function, counted under the name that convert
// reports.
#include <algorithm>

#include "loaders/lower.h"

namespace posy {
namespace {

class Simplifier {
 public:
  explicit Simplifier(Network* network) : network_(*network) {}

  // Applies `rewrite` to every node, in order, until nothing changes. A rewrite returns true if it removed the node.
  template <class Rewrite>
  void for_each_node(Rewrite rewrite) {
    for (size_t i = 0; i < network_.nodes.size();) {
      if (rewrite(i)) {
        network_.nodes.erase(network_.nodes.begin() + (std::ptrdiff_t)i);
      } else {
        ++i;
      }
    }
  }

  NetworkNode& node(size_t i) { return network_.nodes[i]; }

  // The node that makes the first input of node i, if nothing else uses what it makes; else null.
  NetworkNode* sole_producer(size_t i) {
    const ValueId input = node(i).inputs[0];
    if (input == network_.output || uses(input) != 1) return nullptr;
    for (NetworkNode& candidate : network_.nodes) {
      if (candidate.output == input) return &candidate;
    }
    return nullptr;
  }

  void count(const char* rewrite) { ++network_.rewrites[rewrite]; }

 private:
  size_t uses(ValueId value) const {
    size_t count = 0;
    for (const NetworkNode& n : network_.nodes) {
      count += (size_t)std::count(n.inputs.begin(), n.inputs.end(), value);
    }
    return count;
  }

  Network& network_;
};

bool is_convolution(const NetworkNode& node) {
  return node.kind == NodeKind::kConv2d || node.kind == NodeKind::kDepthwiseConv2d;
}

// y = x * scale + bias after a convolution, or after another such line, becomes part of it.
bool fold_affine(Simplifier& s, size_t i) {
  NetworkNode& node = s.node(i);
  if (node.kind != NodeKind::kAffine) return false;
  NetworkNode* into = s.sole_producer(i);
  if (!into || into->has_clamp() || (!is_convolution(*into) && into->kind != NodeKind::kAffine)) return false;
  const ConvWeights& line = node.weights;
  for (size_t c = 0; c < line.scale.size(); ++c) {
    into->weights.scale[c] *= line.scale[c];
    into->weights.bias[c] = (float)((double)into->weights.bias[c] * line.scale[c] + line.bias[c]);
  }
  into->output = node.output;
  s.count(is_convolution(*into) ? "factor or sum per channel folded into a convolution (batch norm, bias)"
                                : "factors and sums per channel joined");
  return true;
}

bool fold_clamp(Simplifier& s, size_t i) {
  NetworkNode& node = s.node(i);
  if (node.kind != NodeKind::kClamp) return false;
  NetworkNode* into = s.sole_producer(i);
  const bool can_clamp = into && !into->has_clamp() && into->kind != NodeKind::kConcat &&
                         into->kind != NodeKind::kFlatten && into->kind != NodeKind::kSoftmax;
  if (!can_clamp) return false;
  into->clamp = node.clamp;
  into->output = node.output;
  s.count("activation (Relu, Relu6) fused into the op before it");
  return true;
}

size_t rows_of(const ConvWeights& weights) {
  return weights.values->floats.size() / weights.scale.size();
}

// [rows, middle] times [middle, classes] in double, once, instead of both at every run.
ConvWeights join_linear(const ConvWeights& first, const ConvWeights& second) {
  const size_t rows = rows_of(first), middle = first.scale.size(), classes = second.scale.size();
  std::vector<double> product((rows + 1) * classes, 0.0);  // the last row is the bias
  for (size_t m = 0; m < middle; ++m) {
    for (size_t o = 0; o < classes; ++o) {
      const double w = second.weight(m, o);
      for (size_t r = 0; r < rows; ++r) product[r * classes + o] += first.weight(r, m) * w;
      product[rows * classes + o] += first.bias[m] * w;
    }
  }
  ConvWeights joined;
  joined.values = std::make_shared<Array>(
      float_array({(int64_t)rows, (int64_t)classes}, {product.begin(), product.end() - (std::ptrdiff_t)classes}));
  joined.scale.assign(classes, 1.0f);
  for (size_t o = 0; o < classes; ++o) {
    joined.bias.push_back((float)(product[rows * classes + o] + second.bias[o]));
  }
  return joined;
}

// The end of a retrained MobileNet: features -> 1001 logits (the bottleneck) -> classes, with nothing in between.
bool join_tail(Simplifier& s, size_t i, const Network& network) {
  NetworkNode& node = s.node(i);
  const auto shape = [&](ValueId id) { return network.values[(size_t)id].shape; };
  if (node.kind != NodeKind::kConv2d || shape(node.inputs[0]).elements() != shape(node.inputs[0]).c) return false;
  NetworkNode* first = s.sole_producer(i);
  if (!first || first->kind != NodeKind::kConv2d || first->has_clamp()) return false;
  if (rows_of(node.weights) != shape(node.inputs[0]).c) return false;  // a window wider than the one pixel
  const size_t rows = rows_of(first->weights), middle = first->weights.scale.size(),
               classes = node.weights.scale.size();
  if (rows * classes >= (rows + classes) * middle) return false;  // would be larger
  first->weights = join_linear(first->weights, node.weights);
  first->clamp = node.clamp;
  first->output = node.output;
  s.count("two linear maps at the end joined into one (--keep-bottleneck keeps both)");
  return true;
}

// What could not be folded runs as a depthwise convolution of one pixel.
void affine_to_depthwise(NetworkNode* node) {
  if (node->kind != NodeKind::kAffine) return;
  const size_t channels = node->weights.scale.size();
  node->kind = NodeKind::kDepthwiseConv2d;
  node->weights.values =
      std::make_shared<Array>(float_array({1, (int64_t)channels}, std::vector<float>(channels, 1.0f)));
}

}  // namespace

void simplify(Network* network, bool keep_bottleneck) {
  Simplifier s(network);
  s.for_each_node([&](size_t i) { return fold_affine(s, i); });
  s.for_each_node([&](size_t i) { return fold_clamp(s, i); });
  if (!keep_bottleneck) s.for_each_node([&](size_t i) { return join_tail(s, i, *network); });
  for (NetworkNode& node : network->nodes) affine_to_depthwise(&node);
}

}  // namespace posy
