// Ops of one element or of two, normalisations, reductions: one lowering function per TensorFlow op.
#include <algorithm>
#include <cmath>

#include "engine/format.h"
#include "loaders/function_names.h"
#include "loaders/lowering.h"

namespace posy {

Fact lower_affine(Lowering& lowering, const GraphNode& node, const Fact& input, ChannelLine line) {
  if (line.is_identity()) {
    lowering.count("factors of 1 and sums with 0 left out");
    return lowering.same_value(node, input);
  }
  NetworkNode op = {NodeKind::kAffine, node.name, {lowering.shaped(node, input)}};
  op.weights.line = std::move(line);
  return lowering.add_node_like(std::move(op), input);
}

Fact lower_clamp(Lowering& lowering, const GraphNode& node, const Fact& input, Clamp limits) {
  NetworkNode op = {NodeKind::kClamp, node.name, {lowering.shaped(node, input)}};
  op.clamp = limits;
  return lowering.add_node_like(std::move(op), input);
}

namespace {

// Channels are the last axis in memory.
uint32_t channels_of(const Fact& fact) {
  return fact.dims.empty() ? 1 : (uint32_t)fact.dims.back();
}

std::vector<float> all(uint32_t count, float value) {
  return std::vector<float>(count, value);
}

// ---- One element ----

Fact relu(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  return lower_clamp(lowering, node, in[0], {0, __builtin_inff()});
}
Fact relu6(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  return lower_clamp(lowering, node, in[0], {0, 6});
}

Fact function_of(Lowering& lowering, const GraphNode& node, const Fact& in, UnaryFunction function,
                 std::vector<float> params = {}) {
  NetworkNode op = {NodeKind::kUnary, node.name, {lowering.shaped(node, in)}};
  op.params.function = (uint8_t)function;
  std::copy(params.begin(), params.end(), op.params.param);
  return lowering.add_node_like(std::move(op), in);
}

}  // namespace

Fact lower_unary(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  return function_of(lowering, node, in[0], *unary_function_of(node.op));
}

namespace {

Fact leaky_relu(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const GraphAttribute* alpha = node.attribute("alpha");
  return function_of(lowering, node, in[0], UnaryFunction::leaky_relu, {alpha ? alpha->number : 0.2f});
}

Fact negative(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const uint32_t c = channels_of(in[0]);
  return lower_affine(lowering, node, in[0], ChannelLine::scaled(all(c, -1)));
}

// 1 - erf(x): Keras 3 writes gelu with it.
Fact erfc(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const Fact erf = function_of(lowering, node, in[0], UnaryFunction::erf);
  ChannelLine line = ChannelLine::scaled(all(channels_of(erf), -1));
  line.bias = all(channels_of(erf), 1);
  return lower_affine(lowering, node, erf, std::move(line));
}

// ---- Two elements ----

// Both operands in one order of axes.
void bring_together(Lowering& lowering, const GraphNode& node, Fact* a, Fact* b) {
  if (a->channels_first == b->channels_first) return;
  Fact* other = a->channels_first ? b : a;
  if (other->dims.size() == 4) {
    *other = lowering.as_channels_first(node, *other);
  } else if (lowering.value(other->value).shape.elements() != 1) {
    *a = lowering.in_graph_order(node, *a);
    *b = lowering.in_graph_order(node, *b);
  }
}

Fact two_values(Lowering& lowering, const GraphNode& node, Fact left, Fact right, BinaryFunction function) {
  bring_together(lowering, node, &left, &right);
  const ValueId a = lowering.shaped(node, left), b = lowering.shaped(node, right);
  const Shape sa = lowering.value(a).shape, sb = lowering.value(b).shape;
  const auto fits = [](uint32_t x, uint32_t y) { return x == y || x == 1 || y == 1; };
  if (!fits(sa.h, sb.h) || !fits(sa.w, sb.w) || !fits(sa.c, sb.c)) lowering.refuse(node, "its inputs differ in shape");
  NetworkNode op = {NodeKind::kBinary, node.name, {a, b}};
  op.params.function = (uint8_t)function;
  const Shape out = {std::max(sa.h, sb.h), std::max(sa.w, sb.w), std::max(sa.c, sb.c)};
  std::vector<int64_t> dims(std::max(left.dims.size(), right.dims.size()), 1);
  for (size_t i = 0; i < dims.size(); ++i) {
    for (const std::vector<int64_t>* d : {&left.dims, &right.dims}) {
      if (i < d->size()) dims[dims.size() - 1 - i] = std::max(dims[dims.size() - 1 - i], (*d)[d->size() - 1 - i]);
    }
  }
  Fact fact = lowering.add_node(std::move(op), out, std::move(dims));
  fact.channels_first = left.channels_first || right.channels_first;
  return fact;
}

// What an op of a value and a constant has: which is which, and one number for each channel of the value.
struct Mixed {
  Fact value;
  bool value_is_first;
  std::vector<float> constant;
  std::vector<int64_t> dims = {};  // what the value had before it was made flat; empty if it was not

  // The op's result in the shape that the graph expects.
  Fact restored(Fact result) const {
    if (!dims.empty()) result.dims = dims;
    return result;
  }
};

// The constant's only axis longer than 1, counted in the value's memory; -1 if all are 1, -2 if there are several.
int64_t long_axis(const Array& constant, const Fact& value) {
  const int64_t shift = (int64_t)value.dims.size() - (int64_t)constant.dims.size();
  int64_t axis = -1;
  for (int64_t i = 0; i < (int64_t)constant.dims.size(); ++i) {
    if (constant.dims[(size_t)i] == 1) continue;
    if (axis != -1 || i + shift < 0) return -2;
    axis = value.axis_in_memory(i + shift);
  }
  return axis;
}

// The constant repeated to the shape of the value; empty where NumPy would refuse it or widen the value.
std::vector<float> repeated(const Array& constant, const std::vector<int64_t>& dims) {
  const size_t shift = dims.size() - constant.dims.size();
  std::vector<float> full;
  size_t count = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i >= shift && constant.dims[i - shift] != 1 && constant.dims[i - shift] != dims[i]) return {};
    count *= (size_t)dims[i];
  }
  full.reserve(count);
  for (size_t at = 0; at < count; ++at) {
    size_t rest = at, from = 0, stride = 1;
    for (size_t i = dims.size(); i-- > 0; rest /= (size_t)dims[i]) {
      if (i < shift || constant.dims[i - shift] == 1) continue;
      from += rest % (size_t)dims[i] * stride;
      stride *= (size_t)dims[i];
    }
    full.push_back(constant.floats[from]);
  }
  return full;
}

// One number for each position: the value is seen as one pixel of that many channels.
Mixed flat_mixed(Lowering& lowering, const GraphNode& node, const Fact& value, const Array& constant, bool first) {
  if (value.is_apart) lowering.refuse(node, "its constant varies along the map that SpaceToBatchND took apart");
  const Fact in_order = lowering.in_graph_order(node, value);
  const int64_t elements = (int64_t)lowering.value(value.value).shape.elements();
  const bool fits = constant.is_float && constant.size() > 0 && constant.dims.size() <= in_order.dims.size() &&
                    elements <= (int64_t)kMaxDimension;
  std::vector<float> full = fits ? repeated(constant, in_order.dims) : std::vector<float>();
  if (full.empty()) {
    lowering.refuse(node, "its constant of shape " + shape_text(constant.dims) + " does not fit its input of shape " +
                              shape_text(value.graph_dims()));
  }
  return {Fact::of_value(in_order.value, {1, elements}), first, std::move(full), in_order.dims};
}

Mixed mixed(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.size() < 2) lowering.refuse(node, "it needs two inputs");
  const bool first = in[0].is_value();
  lowering.value_input(node, in, first ? 0 : 1);
  const ArrayPtr constant = lowering.constant_input(node, in, first ? 1 : 0);
  Fact value = in[first ? 0 : 1];
  // A constant with more axes than the value gives it leading ones.
  while (!value.channels_first && value.dims.size() < constant->dims.size() && value.dims.size() < 4) {
    value.dims.insert(value.dims.begin(), 1);
  }
  const uint32_t c = channels_of(value);
  const int64_t axis = long_axis(*constant, value), last = (int64_t)value.dims.size() - 1;
  const bool widens = axis == last && c == 1;
  const bool fits = axis == -1 || widens || (axis == last && constant->size() == c);
  if (!constant->is_float || constant->size() == 0 || !fits) return flat_mixed(lowering, node, value, *constant, first);
  if (widens && constant->size() > 1) {
    // One channel against several numbers: the channel is repeated first, by a convolution of one pixel.
    NetworkNode op = {NodeKind::kConv2d, node.name, {lowering.shaped(node, value)}};
    const size_t n = constant->size();
    op.weights = {std::make_shared<Array>(float_array({1, (int64_t)n}, all((uint32_t)n, 1))), ChannelLine::identity(n)};
    Shape shape = lowering.value(op.inputs[0]).shape;
    shape.c = (uint32_t)n;
    std::vector<int64_t> dims = value.dims;
    dims.back() = (int64_t)n;
    const bool channels_first = value.channels_first;
    value = lowering.add_node(std::move(op), shape, std::move(dims));
    value.channels_first = channels_first;
  }
  const uint32_t channels = channels_of(value);
  return {value, first, constant->size() == 1 ? all(channels, constant->floats[0]) : constant->floats};
}

bool are_values(const Facts& in) {
  return in.size() >= 2 && in[0].is_value() && in[1].is_value();
}

// The constant as an activation of the shape of the value: 0 * value + constant.
Fact constant_like(Lowering& lowering, const GraphNode& node, const Mixed& m) {
  ChannelLine line = ChannelLine::scaled(all((uint32_t)m.constant.size(), 0));
  line.bias = m.constant;
  return lower_affine(lowering, node, m.value, std::move(line));
}

Fact add(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (are_values(in)) return two_values(lowering, node, in[0], in[1], BinaryFunction::add);
  Mixed m = mixed(lowering, node, in);
  return m.restored(lower_affine(lowering, node, m.value, ChannelLine::added(std::move(m.constant))));
}

Fact add_n(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  Fact sum = in[0];
  for (size_t i = 1; i < in.size(); ++i) sum = add(lowering, node, {sum, in[i]});
  return sum;
}

Fact bias_add(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const GraphAttribute* format = node.attribute("data_format");
  if (in[0].dims.size() == 3 && format && format->text == "NCHW") {
    lowering.refuse(node, "data_format NCHW is supported for maps only");
  }
  // Of a map its bias goes to the channels of its data_format; of a vector there is only one place for it.
  const Fact value = in[0].dims.size() == 4 ? map_input(lowering, node, in) : in[0];
  const ArrayPtr bias = lowering.constant_input(node, in, 1);
  const uint32_t c = channels_of(value);
  if (!bias->is_float || bias->size() != c) {
    lowering.refuse(
        node, "its bias has " + std::to_string(bias->size()) + " values, its input " + std::to_string(c) + " channels");
  }
  return lower_affine(lowering, node, value, ChannelLine::added(bias->floats));
}

Fact sub(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (are_values(in)) return two_values(lowering, node, in[0], in[1], BinaryFunction::sub);
  Mixed m = mixed(lowering, node, in);
  ChannelLine line = ChannelLine::identity(m.constant.size());
  if (m.value_is_first) {
    line.center = std::move(m.constant);
  } else {
    line.scale = all((uint32_t)m.constant.size(), -1);
    line.bias = std::move(m.constant);
  }
  return m.restored(lower_affine(lowering, node, m.value, std::move(line)));
}

// A factor 1 / keep_prob, the same for all channels.
bool is_keep_factor(const NetworkNode& node) {
  if (node.kind != NodeKind::kAffine) return false;
  ChannelLine line = node.weights.line;
  const float factor = line.scale[0];
  for (float& x : line.scale) x /= factor;
  return factor >= 1 && line.is_identity();
}

// The node that makes a value; null for the input.
const NetworkNode* producer_of(const Network& network, ValueId id) {
  for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
    if (node->output == id) return &*node;
  }
  return nullptr;
}

// x / keep_prob * mask, the mask drawn at random: dropout that was left in. Without it x is x, so the factor goes too.
Fact drop_dropout(Lowering& lowering, const GraphNode& node, const Fact& scaled, bool mask_is_scaled) {
  if (!scaled.is_value()) lowering.refuse(node, "it drops out something that does not depend on the image");
  lowering.count("dropout removed");
  Fact plain = scaled;
  const NetworkNode* factor = producer_of(lowering.network(), scaled.value);
  // With keep_prob = 1 that division was left out, and what makes the value is the network's own.
  const bool is_last = factor && factor->name == lowering.value(scaled.value).names.back();
  if (!mask_is_scaled && is_last && is_keep_factor(*factor)) plain.value = factor->inputs[0];
  return lowering.same_value(node, std::move(plain));
}

bool is_random(const Fact& fact) {
  return fact.kind == Fact::Kind::kRandom;
}

// Where the mask is true x / keep_prob, elsewhere 0: dropout as newer versions write it.
Fact select(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.size() < 3 || !is_random(in[0])) lowering.refuse(node, "a choice that depends on the image is not supported");
  return drop_dropout(lowering, node, in[1], false);
}

Fact mul(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.size() < 2) lowering.refuse(node, "it needs two inputs");
  for (const size_t mask : {0u, 1u}) {
    if (is_random(in[mask])) return drop_dropout(lowering, node, in[1 - mask], in[mask].is_scaled);
  }
  if (are_values(in)) return two_values(lowering, node, in[0], in[1], BinaryFunction::mul);
  Mixed m = mixed(lowering, node, in);
  return m.restored(lower_affine(lowering, node, m.value, ChannelLine::scaled(std::move(m.constant))));
}

Fact real_div(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (are_values(in)) return two_values(lowering, node, in[0], in[1], BinaryFunction::div);
  Mixed m = mixed(lowering, node, in);
  if (!m.value_is_first) {
    const Fact inverse = function_of(lowering, node, m.value, UnaryFunction::reciprocal);
    return m.restored(lower_affine(lowering, node, inverse, ChannelLine::scaled(std::move(m.constant))));
  }
  for (float& x : m.constant) x = 1 / x;
  return m.restored(lower_affine(lowering, node, m.value, ChannelLine::scaled(std::move(m.constant))));
}

template <BinaryFunction kFunction>
Fact extreme(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (are_values(in)) return two_values(lowering, node, in[0], in[1], kFunction);
  const Mixed m = mixed(lowering, node, in);
  const float limit = m.constant[0], infinity = __builtin_inff();
  if (std::all_of(m.constant.begin(), m.constant.end(), [&](float x) { return x == limit; })) {
    const Clamp limits = kFunction == BinaryFunction::maximum ? Clamp{limit, infinity} : Clamp{-infinity, limit};
    return m.restored(lower_clamp(lowering, node, m.value, limits));
  }
  return m.restored(two_values(lowering, node, m.value, constant_like(lowering, node, m), kFunction));
}

// x^y for the constant y of one number that has an op of its own.
Fact power(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const ArrayPtr y = lowering.constant_input(node, in, 1);
  const float exponent = y->is_float && y->size() == 1 ? y->floats[0] : 0;
  if (exponent == 1) return lowering.same_value(node, in[0]);
  if (exponent == 2) return function_of(lowering, node, in[0], UnaryFunction::square);
  if (exponent == 0.5f) return function_of(lowering, node, in[0], UnaryFunction::sqrt);
  if (exponent == -0.5f) return function_of(lowering, node, in[0], UnaryFunction::rsqrt);
  if (exponent == -1) return function_of(lowering, node, in[0], UnaryFunction::reciprocal);
  if (exponent == 3) {
    const Fact squared = function_of(lowering, node, in[0], UnaryFunction::square);
    return two_values(lowering, node, squared, in[0], BinaryFunction::mul);
  }
  lowering.refuse(node, "only the powers 1, 2, 3, 1/2, -1/2 and -1 are supported");
}

Fact squared_difference(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (are_values(in)) return two_values(lowering, node, in[0], in[1], BinaryFunction::squared_difference);
  return function_of(lowering, node, sub(lowering, node, in), UnaryFunction::square);
}

// ---- Normalisations ----

// tf.nn.batch_normalization as one op. FusedBatchNorm*: inputs x, scale, offset, mean, variance.
// BatchNormWithGlobalNormalization: x, mean, variance, offset, scale.
struct BatchNorm {
  std::vector<float> gamma, beta, mean, variance;
};
std::vector<float> channel_constant(const Lowering& lowering, const GraphNode& node, const Facts& in, size_t i,
                                    uint32_t channels) {
  const ArrayPtr a = lowering.constant_input(node, in, i);
  if (!a->is_float || a->size() != channels) {
    lowering.refuse(node, "input " + std::to_string(i) + " has " + std::to_string(a->size()) + " values for " +
                              std::to_string(channels) + " channels");
  }
  return a->floats;
}

Fact batch_norm(Lowering& lowering, const GraphNode& node, const Fact& input, const BatchNorm& norm, float epsilon) {
  std::vector<float> scale = norm.gamma;
  for (size_t c = 0; c < scale.size(); ++c) scale[c] *= 1.0f / std::sqrt(norm.variance[c] + epsilon);
  return lower_affine(lowering, node, input, {norm.mean, std::move(scale), norm.beta});
}

Fact fused_batch_norm(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const GraphAttribute *training = node.attribute("is_training"), *epsilon = node.attribute("epsilon");
  if (training && training->integer) {
    lowering.refuse(node,
                    "it normalises with the batch's own statistics (is_training): freeze the graph for inference");
  }
  const Fact map = map_input(lowering, node, in);
  const auto constant = [&](size_t i) { return channel_constant(lowering, node, in, i, channels_of(map)); };
  return batch_norm(lowering, node, map, {constant(1), constant(2), constant(3), constant(4)},
                    epsilon ? epsilon->number : 1e-4f);
}

Fact global_batch_norm(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const GraphAttribute* epsilon = node.attribute("variance_epsilon");
  lowering.value_input(node, in, 0);
  const uint32_t c = channels_of(in[0]);
  const auto constant = [&](size_t i) { return channel_constant(lowering, node, in, i, c); };
  const std::vector<float> gamma = flag(node, "scale_after_normalization") ? constant(4) : std::vector<float>(c, 1.0f);
  return batch_norm(lowering, node, in[0], {gamma, constant(3), constant(1), constant(2)},
                    epsilon ? epsilon->number : 1e-3f);
}

Fact local_response_norm(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const Fact map = lowering.in_graph_order(node, in[0]);
  const ValueId input = lowering.shaped(node, map);
  const GraphAttribute *radius = node.attribute("depth_radius"), *bias = node.attribute("bias");
  const GraphAttribute *alpha = node.attribute("alpha"), *beta = node.attribute("beta");
  NetworkNode op = {NodeKind::kLocalResponseNorm, node.name, {input}};
  op.params.dims[0] = (uint16_t)std::clamp<int64_t>(radius ? radius->integer : 5, 0, 65535);
  op.params.param[0] = bias ? bias->number : 1;
  op.params.param[1] = alpha ? alpha->number : 1;
  op.params.param[2] = beta ? beta->number : 0.5f;
  return lowering.add_node_like(std::move(op), map);
}

Fact softmax(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const Fact scores = lowering.in_graph_order(node, in[0]);
  NetworkNode op = {NodeKind::kSoftmax, node.name, {lowering.shaped(node, scores)}};
  op.params.function = node.op == "LogSoftmax";
  return lowering.add_node_like(std::move(op), scores);
}

// Activations as the graph's fake quantization leaves them; one range for all of them.
Fact fake_quant(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  float min, max;
  if (node.op == "FakeQuantWithMinMaxArgs") {
    const GraphAttribute *low = node.attribute("min"), *high = node.attribute("max");
    min = low ? low->number : -6;
    max = high ? high->number : 6;
  } else {
    const ArrayPtr low = lowering.constant_input(node, in, 1), high = lowering.constant_input(node, in, 2);
    const bool one = low->is_float && high->is_float && low->size() == 1 && high->size() == 1;
    if (!one) lowering.refuse(node, "ranges per channel are supported for weights only");
    min = low->floats[0];
    max = high->floats[0];
  }
  const FakeQuant q = fake_quant_of(node, min, max);
  const Fact fact =
      function_of(lowering, node, in[0], UnaryFunction::fake_quant, {q.low, q.high, q.scale, q.inverse_scale});
  if (const std::optional<CodeScale> codes = q.codes()) lowering.set_known(fact.value, *codes);
  return fact;
}

// ---- Reductions ----

template <ReduceFunction kFunction>
Fact reduce(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const ArrayPtr axes = lowering.constant_input(node, in, 1);
  const bool keep = flag(node, "keep_dims");
  // Without its reduced axes a map of a graph in NCHW order is still in order only if they were height and width.
  const bool is_spatial = axes->integers.size() == 2 && in[0].channels_first;
  const Fact value = keep || is_spatial ? in[0] : lowering.in_graph_order(node, in[0]);
  const ValueId input = lowering.shaped(node, value);
  const Shape shape = lowering.value(input).shape;
  const size_t rank = value.dims.size();
  std::vector<bool> is_reduced(rank, false);
  for (const int64_t axis : axes->integers) {
    const int64_t at = value.axis_in_memory(axis);
    if (at < 0 || (at == 0 && rank > 1))
      lowering.refuse(node, "it reduces over the batch, or an axis that is not there");
    is_reduced[(size_t)at] = true;
  }
  std::vector<int64_t> dims;
  Shape out = shape;
  for (size_t i = 0; i < rank; ++i) {
    const size_t from_end = rank - 1 - i;
    if (is_reduced[i]) (from_end == 0 ? out.c : from_end == 1 ? out.w : out.h) = 1;
    if (!is_reduced[i] || keep) dims.push_back(is_reduced[i] ? 1 : value.dims[i]);
  }
  const bool is_global_mean = kFunction == ReduceFunction::mean && out.h == 1 && out.w == 1 && out.c == shape.c &&
                              shape.h <= kMaxSide && shape.w <= kMaxSide;
  NetworkNode op = {is_global_mean ? NodeKind::kAveragePool : NodeKind::kReduce, node.name, {input}};
  if (is_global_mean) {
    op.window = {shape.h, shape.w, 1, 1, 1, 1, 0, 0};
  } else {
    op.params.function = (uint8_t)kFunction;
  }
  Fact fact = lowering.add_node(std::move(op), out, std::move(dims));
  fact.channels_first = keep && value.channels_first;
  return fact;
}

// ---- What is not there at inference ----

Fact identity(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.empty()) lowering.refuse(node, "it needs an input");
  Fact fact = in[0].is_value() ? lowering.same_value(node, in[0]) : in[0];
  if (in.size() > 1 && node.op == "IdentityN") fact.outputs = in;
  return fact;
}

// Both outputs of a Switch whose condition is known: the one that is taken and the one that is not.
Fact switch_op(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.size() < 2 || in[1].kind != Fact::Kind::kConstant || in[1].constant->size() != 1) {
    lowering.refuse(node, "a condition that depends on the image (control flow) is not supported");
  }
  const Array& condition = *in[1].constant;
  const bool taken = condition.is_float ? condition.floats[0] != 0 : condition.integers[0] != 0;
  lowering.count("branch for training left out (Switch, Merge)");
  Fact dead = {Fact::Kind::kDead};
  Fact fact = taken ? dead : in[0];
  fact.outputs = {taken ? dead : in[0], taken ? in[0] : dead};
  return fact;
}

Fact merge(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const auto is_live = [](const Fact& branch) { return branch.kind != Fact::Kind::kDead; };
  if (std::count_if(in.begin(), in.end(), is_live) > 1)
    lowering.refuse(node, "more than one of its branches may be taken");
  for (const Fact& branch : in) {
    if (is_live(branch)) return branch.is_value() ? lowering.same_value(node, branch) : branch;
  }
  lowering.refuse(node, "none of its branches is taken");
}

Fact random(Lowering&, const GraphNode&, const Facts&) {
  return {Fact::Kind::kRandom};
}

}  // namespace

void add_function_ops(LowerTable* table) {
  const LowerTable ops = {
      {"Add", add},
      {"AddN", add_n},
      {"AddV2", add},
      {"BatchNormWithGlobalNormalization", global_batch_norm},
      {"BiasAdd", bias_add},
      {"CheckNumerics", identity},
      {"Div", real_div},
      {"FakeQuantWithMinMaxArgs", fake_quant},
      {"FakeQuantWithMinMaxVars", fake_quant},
      {"FusedBatchNorm", fused_batch_norm},
      {"FusedBatchNormV2", fused_batch_norm},
      {"FusedBatchNormV3", fused_batch_norm},
      {"Erfc", erfc},
      {"Identity", identity},
      {"IdentityN", identity},
      {"LRN", local_response_norm},
      {"LeakyRelu", leaky_relu},
      {"LogSoftmax", softmax},
      {"Max", reduce<ReduceFunction::maximum>},
      {"Maximum", extreme<BinaryFunction::maximum>},
      {"Mean", reduce<ReduceFunction::mean>},
      {"Merge", merge},
      {"Min", reduce<ReduceFunction::minimum>},
      {"Minimum", extreme<BinaryFunction::minimum>},
      {"Mul", mul},
      {"Neg", negative},
      {"PlaceholderWithDefault", identity},
      {"Pow", power},
      {"PreventGradient", identity},
      {"RandomUniform", random},
      {"RealDiv", real_div},
      {"Relu", relu},
      {"Relu6", relu6},
      {"Select", select},
      {"SelectV2", select},
      {"Snapshot", identity},
      {"Softmax", softmax},
      {"SquaredDifference", squared_difference},
      {"StatelessRandomUniform", random},
      {"StatelessRandomUniformV2", random},
      {"StopGradient", identity},
      {"Sub", sub},
      {"Sum", reduce<ReduceFunction::sum>},
      {"Switch", switch_op},
  };
  table->insert(ops.begin(), ops.end());
}

}  // namespace posy
