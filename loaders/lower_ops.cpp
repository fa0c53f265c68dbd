// One function per TensorFlow op: checks its attributes and operands, works out its shape, adds what it means to the
// network.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "loaders/fold.h"
#include "loaders/function_names.h"
#include "loaders/lowering.h"

namespace posy {

// ---- Attributes ----

bool flag(const GraphNode& node, const char* attribute) {
  const GraphAttribute* found = node.attribute(attribute);
  return found && found->integer;
}

namespace {

bool is_nchw(const Lowering& lowering, const GraphNode& node) {
  const GraphAttribute* format = node.attribute("data_format");
  const std::string name = format ? format->text : "";
  if (name == "NCHW") return true;
  if (!name.empty() && name != "NHWC") lowering.refuse(node, "data_format " + name + " is not supported");
  return false;
}

}  // namespace

// A map made from another one, in its order.
Fact add_map(Lowering& lowering, NetworkNode node, Shape shape, const Fact& from) {
  Fact fact = lowering.add_node(std::move(node), shape, map_dims(shape));
  fact.channels_first = from.channels_first;
  return fact;
}

Fact map_input(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  if (in[0].dims.size() != 4) lowering.refuse(node, "its input is not a map of height, width and channels");
  return is_nchw(lowering, node) ? lowering.as_channels_first(node, in[0]) : lowering.in_graph_order(node, in[0]);
}

namespace {

// A list of four numbers, one for each axis in the order of the data_format, for example strides: [1, h, w, 1].
std::pair<uint32_t, uint32_t> h_and_w(const Lowering& lowering, const GraphNode& node, const char* key) {
  const GraphAttribute* list = node.attribute(key);
  if (!list || list->integers.empty()) return {1, 1};
  const std::vector<int64_t>& v = list->integers;
  const size_t h = is_nchw(lowering, node) ? 2 : 1, c = h == 2 ? 1 : 3;
  if (v.size() != 4 || v[0] != 1 || v[c] != 1 || v[h] < 1 || v[h + 1] < 1 || v[h] > kMaxSide || v[h + 1] > kMaxSide) {
    lowering.refuse(node,
                    std::string(key) + " must be 1 for batch and channels, and from 1 to 4096 for height and width");
  }
  return {(uint32_t)v[h], (uint32_t)v[h + 1]};
}

// One axis of TensorFlow's SAME and VALID: the number of outputs and the padding in front.
struct Axis {
  uint32_t out, pad;
};
Axis pad_axis(const Lowering& lowering, const GraphNode& node, const std::string& padding, uint32_t in, uint32_t k,
              uint32_t stride, uint32_t dilation) {
  const uint32_t extent = (k - 1) * dilation + 1;
  if (padding == "SAME") {
    const uint32_t out = (in + stride - 1) / stride;
    const uint32_t covered = (out - 1) * stride + extent;
    return {out, covered > in ? (covered - in) / 2 : 0};
  }
  if (padding != "VALID") lowering.refuse(node, "padding '" + padding + "' is not known");
  if (extent > in) {
    lowering.refuse(node,
                    "its window of " + std::to_string(extent) + " does not fit into a side of " + std::to_string(in));
  }
  return {(in - extent) / stride + 1, 0};
}

Axis explicit_axis(const Lowering& lowering, const GraphNode& node, int64_t before, int64_t after, uint32_t in,
                   uint32_t extent, uint32_t stride) {
  const int64_t whole = (int64_t)in + before + after;
  const bool fits = before >= 0 && after >= 0 && before < extent && after < extent && whole >= extent;
  if (!fits) lowering.refuse(node, "its explicit padding does not fit its window");
  return {(uint32_t)((whole - extent) / stride + 1), (uint32_t)before};
}

// Fills window and output shape from the attributes; channels are the caller's.
Shape place_window(const Lowering& lowering, const GraphNode& node, Shape in, uint32_t k_h, uint32_t k_w,
                   Window* window) {
  const auto [stride_h, stride_w] = h_and_w(lowering, node, "strides");
  const auto [dilation_h, dilation_w] = h_and_w(lowering, node, "dilations");
  const GraphAttribute* padding = node.attribute("padding");
  const std::string how = padding ? padding->text : "";
  if (how == "EXPLICIT") {
    const GraphAttribute* list = node.attribute("explicit_paddings");
    if (!list || list->integers.size() != 8) lowering.refuse(node, "explicit_paddings must have eight numbers");
    const int64_t* p = list->integers.data() + (is_nchw(lowering, node) ? 2 : 0);
    const Axis h = explicit_axis(lowering, node, p[2], p[3], in.h, (k_h - 1) * dilation_h + 1, stride_h);
    const Axis w = explicit_axis(lowering, node, p[4], p[5], in.w, (k_w - 1) * dilation_w + 1, stride_w);
    *window = {k_h, k_w, stride_h, stride_w, dilation_h, dilation_w, h.pad, w.pad};
    return {h.out, w.out, in.c};
  }
  const Axis h = pad_axis(lowering, node, how, in.h, k_h, stride_h, dilation_h);
  const Axis w = pad_axis(lowering, node, how, in.w, k_w, stride_w, dilation_w);
  *window = {k_h, k_w, stride_h, stride_w, dilation_h, dilation_w, h.pad, w.pad};
  return {h.out, w.out, in.c};
}

// ---- Convolutions ----

// SpaceToBatchND, a convolution without padding, BatchToSpaceND: a dilated convolution of the padded input.
Shape place_conv_window(Lowering& lowering, const GraphNode& node, const Fact& in, Shape shape, const Array& w,
                        Window* window) {
  const uint32_t k_h = (uint32_t)w.dims[0], k_w = (uint32_t)w.dims[1];
  if (!in.space_to_batch) return place_window(lowering, node, shape, k_h, k_w, window);
  const SpaceToBatch& s = *in.space_to_batch;
  const std::pair<uint32_t, uint32_t> one = {1, 1};
  const GraphAttribute* padding = node.attribute("padding");
  if (h_and_w(lowering, node, "strides") != one || h_and_w(lowering, node, "dilations") != one || !padding ||
      padding->text != "VALID") {
    lowering.refuse(node, "after SpaceToBatchND only stride 1, no dilation and VALID are supported");
  }
  const int64_t h = (int64_t)shape.h + s.top + s.bottom - (int64_t)(k_h - 1) * s.block_h;
  const int64_t w_out = (int64_t)shape.w + s.left + s.right - (int64_t)(k_w - 1) * s.block_w;
  if (h < 1 || w_out < 1) lowering.refuse(node, "its window does not fit into its input");
  *window = {k_h, k_w, 1, 1, s.block_h, s.block_w, (uint32_t)s.top, (uint32_t)s.left};
  return {(uint32_t)h, (uint32_t)w_out, shape.c};
}

Fact conv_2d(Lowering& lowering, const GraphNode& node, const Facts& in);

ConvWeights plain_weights(ArrayPtr values, size_t channels) {
  return {std::move(values), ChannelLine::identity(channels)};
}

ArrayPtr filter(const Lowering& lowering, const GraphNode& node, const Facts& in) {
  const ArrayPtr w = lowering.constant_input(node, in, 1);
  const bool sides_fit = w->dims.size() == 4 &&
                         std::all_of(w->dims.begin(), w->dims.end(), [](int64_t d) { return d > 0; }) &&
                         w->dims[0] <= kMaxSide && w->dims[1] <= kMaxSide;
  if (!w->is_float || !sides_fit) lowering.refuse(node, "its filter is not a 4-dimensional float tensor");
  return w;
}

// A grouped convolution: group g of the outputs looks at group g of the inputs. Runs as a full one whose other weights
// are zero.
Fact grouped_conv_2d(Lowering& lowering, const GraphNode& node, const Fact& map, const Array& w) {
  const size_t k = (size_t)(w.dims[0] * w.dims[1]), group_c = (size_t)w.dims[2], out_c = (size_t)w.dims[3];
  const size_t in_c = (size_t)map.dims[3], groups = in_c / group_c;
  if (out_c % groups != 0)
    lowering.refuse(node, "its filters do not divide into " + std::to_string(groups) + " groups");
  auto full = std::make_shared<Array>(
      float_array({w.dims[0], w.dims[1], (int64_t)in_c, w.dims[3]}, std::vector<float>(k * in_c * out_c)));
  for (size_t i = 0; i < k * group_c; ++i) {
    const size_t tap = i / group_c, c = i % group_c;
    for (size_t o = 0; o < out_c; ++o) {
      const size_t group = o / (out_c / groups);
      full->floats[(tap * in_c + group * group_c + c) * out_c + o] = w.floats[i * out_c + o];
    }
  }
  lowering.count("grouped convolution made a full one");
  return conv_2d(lowering, node, {map, Fact::of_constant(full)});
}

Fact conv_2d(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const Fact map = map_input(lowering, node, in);
  const ValueId input = lowering.shaped(node, map);
  const Shape shape = lowering.value(input).shape;
  const ArrayPtr w = filter(lowering, node, in);
  if (w->dims[2] != shape.c && shape.c % w->dims[2] == 0) return grouped_conv_2d(lowering, node, map, *w);
  if (w->dims[2] != shape.c) {
    lowering.refuse(
        node, "its filter wants " + std::to_string(w->dims[2]) + " channels, its input has " + std::to_string(shape.c));
  }
  NetworkNode conv = {NodeKind::kConv2d, node.name, {input}};
  Shape out = place_conv_window(lowering, node, map, shape, *w, &conv.window);
  out.c = (uint32_t)w->dims[3];
  conv.weights = plain_weights(w, out.c);
  return add_map(lowering, std::move(conv), out, map);
}

// A depth multiplier above 1 runs as a full convolution whose other weights are zero: rare, and small where it occurs.
Fact depthwise_as_conv_2d(Lowering& lowering, const GraphNode& node, const Fact& map, const Array& w) {
  const size_t k = (size_t)(w.dims[0] * w.dims[1]), c = (size_t)w.dims[2], m = (size_t)w.dims[3];
  auto full = std::make_shared<Array>(
      float_array({w.dims[0], w.dims[1], w.dims[2], (int64_t)(c * m)}, std::vector<float>(k * c * c * m)));
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = 0; j < c; ++j) {
      for (size_t n = 0; n < m; ++n) full->floats[(i * c + j) * c * m + j * m + n] = w.floats[(i * c + j) * m + n];
    }
  }
  return conv_2d(lowering, node, {map, Fact::of_constant(full)});
}

Fact depthwise_conv_2d(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const Fact map = map_input(lowering, node, in);
  const ValueId input = lowering.shaped(node, map);
  const Shape shape = lowering.value(input).shape;
  const ArrayPtr w = filter(lowering, node, in);
  if (w->dims[2] != shape.c) lowering.refuse(node, "its filter and its input differ in channels");
  if (w->dims[3] != 1) return depthwise_as_conv_2d(lowering, node, map, *w);
  NetworkNode conv = {NodeKind::kDepthwiseConv2d, node.name, {input}};
  const Shape out = place_conv_window(lowering, node, map, shape, *w, &conv.window);
  conv.weights = plain_weights(w, out.c);
  return add_map(lowering, std::move(conv), out, map);
}

ArrayPtr transposed(const Array& a) {
  auto t = std::make_shared<Array>(float_array({a.dims[1], a.dims[0]}, std::vector<float>(a.floats.size())));
  for (int64_t i = 0; i < a.dims[0]; ++i) {
    for (int64_t j = 0; j < a.dims[1]; ++j) {
      t->floats[(size_t)(j * a.dims[0] + i)] = a.floats[(size_t)(i * a.dims[1] + j)];
    }
  }
  return t;
}

Fact mat_mul_of_values(Lowering& lowering, const GraphNode& node, const Facts& in, bool transpose_b) {
  const ValueId a = lowering.shaped(node, lowering.in_graph_order(node, in[0]));
  const ValueId b = lowering.shaped(node, lowering.in_graph_order(node, in[1]));
  const Shape sa = lowering.value(a).shape, sb = lowering.value(b).shape;
  if (sa.h != sb.h || sa.c != (transpose_b ? sb.c : sb.w)) lowering.refuse(node, "its inputs do not fit each other");
  NetworkNode op = {NodeKind::kBatchProduct, node.name, {a, b}};
  op.params.function = transpose_b;
  const Shape out = {sa.h, sa.w, transpose_b ? sb.w : sb.c};
  std::vector<int64_t> dims = in[0].graph_dims();
  while (dims.size() < in[1].dims.size()) dims.insert(dims.begin(), 1);
  dims.back() = out.c;
  return lowering.add_node(std::move(op), out, std::move(dims));
}

Fact mat_mul(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  if (in[0].dims.empty() || (in.size() > 1 && in[1].is_value() && in[1].dims.empty())) {
    lowering.refuse(node, "an input of it is a single number");
  }
  const bool is_batch = node.op != "MatMul";
  if (flag(node, is_batch ? "adj_x" : "transpose_a"))
    lowering.refuse(node, "its first input transposed is not supported");
  const bool transpose_b = flag(node, is_batch ? "adj_y" : "transpose_b");
  if (in.size() > 1 && in[1].is_value()) return mat_mul_of_values(lowering, node, in, transpose_b);
  const Fact features = lowering.in_graph_order(node, in[0]);
  if (lowering.value(features.value).shape.h * lowering.value(features.value).shape.w > 1) lowering.set_size_matters();
  const ValueId input = lowering.shaped(node, features);
  const Shape x = lowering.value(input).shape;
  ArrayPtr w = lowering.constant_input(node, in, 1);
  while (w->dims.size() > 2 && w->dims[0] == 1) {
    auto matrix = std::make_shared<Array>(*w);
    matrix->dims.erase(matrix->dims.begin());
    w = matrix;
  }
  if (!w->is_float || w->dims.size() != 2 || w->size() == 0)
    lowering.refuse(node, "its weights are not a float matrix");
  if (transpose_b) w = transposed(*w);
  if (w->dims[0] != x.c) {
    lowering.refuse(node, "its weights have " + std::to_string(w->dims[0]) + " rows, its input " + std::to_string(x.c) +
                              " features");
  }
  const Shape out = {x.h, x.w, (uint32_t)w->dims[1]};
  NetworkNode full = {NodeKind::kConv2d, node.name, {input}};
  full.weights = plain_weights(w, out.c);
  std::vector<int64_t> dims = features.dims;
  while (dims.size() < in[1].constant->dims.size()) dims.insert(dims.begin(), 1);
  dims.back() = out.c;
  return lowering.add_node(std::move(full), out, std::move(dims));
}

// ---- Pools ----

Fact pool(Lowering& lowering, const GraphNode& node, const Facts& in, NodeKind kind) {
  const Fact map = map_input(lowering, node, in);
  const ValueId input = lowering.shaped(node, map);
  const Shape shape = lowering.value(input).shape;
  const auto [k_h, k_w] = h_and_w(lowering, node, "ksize");
  NetworkNode op = {kind, node.name, {input}};
  const Shape out = place_window(lowering, node, shape, k_h, k_w, &op.window);
  if (kind == NodeKind::kAveragePool && out.h == 1 && out.w == 1) {
    if (k_h != shape.h || k_w != shape.w) lowering.pool_is_not_global();
    lowering.set_size_matters();
  }
  return add_map(lowering, std::move(op), out, map);
}
Fact average_pool(Lowering& lowering, const GraphNode& node, const Facts& in) {
  return pool(lowering, node, in, NodeKind::kAveragePool);
}
Fact max_pool(Lowering& lowering, const GraphNode& node, const Facts& in) {
  return pool(lowering, node, in, NodeKind::kMaxPool);
}

const LowerTable& lower_table() {
  static const LowerTable functions = [] {
    LowerTable t = {
        {"AvgPool", average_pool},
        {"BatchMatMul", mat_mul},
        {"BatchMatMulV2", mat_mul},
        {"Conv2D", conv_2d},
        {"DepthwiseConv2dNative", depthwise_conv_2d},
        {"MatMul", mat_mul},
        {"MaxPool", max_pool},
    };
    add_eightbit_ops(&t);
    add_function_ops(&t);
    add_shape_ops(&t);
    return t;
  }();
  return functions;
}

// Null for an op that is not known.
LowerFunction lower_function_of(const std::string& op) {
  const auto found = lower_table().find(op);
  if (found != lower_table().end()) return found->second;
  return unary_function_of(op) ? lower_unary : nullptr;
}

}  // namespace

// The value of a node whose inputs are all constant; unknown if it cannot be computed.
Fact Lowering::fold(const GraphNode& node, const std::vector<Fact>& inputs) {
  std::vector<ArrayPtr> constants;
  for (const Fact& fact : inputs) constants.push_back(fact.constant);
  std::vector<ArrayPtr> folded;
  try {
    folded = fold_constant(node, constants);
  } catch (const InputError& error) {
    throw InputError(graph_.file_name + ": " + error.what());
  }
  if (folded.empty()) return {};
  if (node.op == "Dequantize") ++constant_rewrites_["8-bit weights read"];
  Fact fact = Fact::of_constant(folded[0]);
  if (folded.size() > 1) {
    for (const ArrayPtr& output : folded) fact.outputs.push_back(Fact::of_constant(output));
  }
  return fact;
}

Fact Lowering::lower_node(const GraphNode& node, const std::vector<Fact>& inputs) {
  if (node.op == "Const") {
    const GraphAttribute* value = node.attribute("value");
    if (!value || value->kind != GraphAttribute::Kind::kTensor) refuse(node, "it has no value");
    try {
      const ArrayPtr array = array_of(value->tensor);
      return array ? Fact::of_constant(array) : Fact{};
    } catch (const InputError& error) {
      refuse(node, error.what());
    }
  }
  if (const ArrayPtr setting = inference_setting(node)) return Fact::of_constant(setting);
  const auto all = [&](Fact::Kind kind) {
    return !inputs.empty() &&
           std::all_of(inputs.begin(), inputs.end(), [kind](const Fact& fact) { return fact.kind == kind; });
  };
  const auto any = [&](Fact::Kind kind) {
    return std::any_of(inputs.begin(), inputs.end(), [kind](const Fact& fact) { return fact.kind == kind; });
  };
  if (any(Fact::Kind::kDead) && node.op != "Merge") return {Fact::Kind::kDead};
  if (all(Fact::Kind::kConstant)) {
    if (const Fact folded = fold(node, inputs); folded.kind == Fact::Kind::kConstant) return folded;
  }
  // Whatever is computed from a random number alone is random too, whatever the op.
  if (!any(Fact::Kind::kValue) && any(Fact::Kind::kRandom)) {
    Fact mask = {Fact::Kind::kRandom};
    mask.is_scaled = node.op == "Mul" || node.op == "Div" || node.op == "RealDiv";
    return mask;
  }
  return lower_known(node, inputs);
}

// Calls the op's function, once it is certain that it understands what its inputs stand for.
Fact Lowering::lower_known(const GraphNode& node, const std::vector<Fact>& inputs) {
  const LowerFunction function = lower_function_of(node.op);
  if (!function) refuse_op(node);
  bool is_apart = false;
  for (const Fact& input : inputs) {
    const bool is_conv = is_one_of(node.op, {"Conv2D", "DepthwiseConv2dNative"});
    const bool is_per_channel = is_one_of(node.op, {"Add", "AddV2", "BiasAdd", "FusedBatchNorm", "FusedBatchNormV2",
                                                    "FusedBatchNormV3", "Mul", "Relu", "Relu6", "Sub"});
    const bool is_name = is_one_of(node.op, {"Identity", "Snapshot", "CheckNumerics"});
    const bool fits = (!input.space_to_batch || is_conv || is_name) &&
                      (!input.is_apart || is_per_channel || is_name || node.op == "BatchToSpaceND");
    if (!fits) {
      refuse(node,
             "between SpaceToBatchND and BatchToSpaceND only a convolution and its bias and activation are supported");
    }
    if (input.is_class && !is_one_of(node.op, {"Identity", "Cast", "Reshape", "Squeeze", "ExpandDims"})) {
      refuse(node,
             "it computes with the number of the best class, and Posy keeps the scores: name the node in front of "
             "ArgMax with --output-node");
    }
    is_apart |= (input.space_to_batch && is_conv) || (input.is_apart && node.op != "BatchToSpaceND");
  }
  Fact fact = function(*this, node, inputs);
  fact.is_apart = is_apart;
  return fact;
}

bool can_lower(const std::string& op) {
  return op == "Const" || op == "Placeholder" || lower_function_of(op);
}

}  // namespace posy
