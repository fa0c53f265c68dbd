// One function per TensorFlow op: checks its attributes and operands, works out its shape, adds what it means to the
// network.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "loaders/lowering.h"

namespace posy {

using Facts = std::vector<Fact>;

struct OpLowerings {
  using Function = Fact (*)(Lowering&, const GraphNode&, const Facts&);

  // ---- Attributes ----

  static void require_nhwc(const Lowering& lowering, const GraphNode& node) {
    const GraphAttribute* format = node.attribute("data_format");
    if (format && !format->text.empty() && format->text != "NHWC") {
      lowering.refuse(node, "data_format " + format->text + " is not supported, only NHWC");
    }
  }

  // A list of four numbers in NHWC order, for example strides: [1, h, w, 1].
  static std::pair<uint32_t, uint32_t> h_and_w(const Lowering& lowering, const GraphNode& node, const char* key) {
    const GraphAttribute* list = node.attribute(key);
    if (!list || list->integers.empty()) return {1, 1};
    const std::vector<int64_t>& v = list->integers;
    if (v.size() != 4 || v[0] != 1 || v[3] != 1 || v[1] < 1 || v[2] < 1 || v[1] > kMaxSide || v[2] > kMaxSide) {
      lowering.refuse(node, std::string(key) + " must be [1, h, w, 1] with h and w from 1 to 4096");
    }
    return {(uint32_t)v[1], (uint32_t)v[2]};
  }
  static constexpr int64_t kMaxSide = 4096;

  // The shape of input 0, which has to be an activation of four dimensions.
  static Shape map_shape(const Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    if (in[0].dims.size() != 4) lowering.refuse(node, "its input is not a map of height, width and channels");
    return lowering.value(input).shape;
  }

  // One axis of TensorFlow's SAME and VALID: the number of outputs and the padding in front.
  struct Axis {
    uint32_t out, pad;
  };
  static Axis pad_axis(const Lowering& lowering, const GraphNode& node, const std::string& padding, uint32_t in,
                       uint32_t k, uint32_t stride, uint32_t dilation) {
    const uint32_t extent = (k - 1) * dilation + 1;
    if (padding == "SAME") {
      const uint32_t out = (in + stride - 1) / stride;
      const uint32_t covered = (out - 1) * stride + extent;
      return {out, covered > in ? (covered - in) / 2 : 0};
    }
    if (padding != "VALID") lowering.refuse(node, "padding '" + padding + "' is not supported, only SAME and VALID");
    if (extent > in) {
      lowering.refuse(node,
                      "its window of " + std::to_string(extent) + " does not fit into a side of " + std::to_string(in));
    }
    return {(in - extent) / stride + 1, 0};
  }

  // Fills window and output shape from the attributes; channels are the caller's.
  static Shape place_window(const Lowering& lowering, const GraphNode& node, Shape in, uint32_t k_h, uint32_t k_w,
                            Window* window) {
    require_nhwc(lowering, node);
    const auto [stride_h, stride_w] = h_and_w(lowering, node, "strides");
    const auto [dilation_h, dilation_w] = h_and_w(lowering, node, "dilations");
    const GraphAttribute* padding = node.attribute("padding");
    const std::string how = padding ? padding->text : "";
    const Axis h = pad_axis(lowering, node, how, in.h, k_h, stride_h, dilation_h);
    const Axis w = pad_axis(lowering, node, how, in.w, k_w, stride_w, dilation_w);
    *window = {k_h, k_w, stride_h, stride_w, dilation_h, dilation_w, h.pad, w.pad};
    return {h.out, w.out, in.c};
  }

  static std::vector<int64_t> map_dims(Shape s) { return {1, (int64_t)s.h, (int64_t)s.w, (int64_t)s.c}; }

  // ---- Convolutions ----

  static ConvWeights plain_weights(ArrayPtr values, size_t channels) {
    return {std::move(values), std::vector<float>(channels, 1.0f), std::vector<float>(channels, 0.0f)};
  }

  static ArrayPtr filter(const Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ArrayPtr w = lowering.constant_input(node, in, 1);
    const bool sides_fit = w->dims.size() == 4 &&
                           std::all_of(w->dims.begin(), w->dims.end(), [](int64_t d) { return d > 0; }) &&
                           w->dims[0] <= kMaxSide && w->dims[1] <= kMaxSide;
    if (!w->is_float || !sides_fit) lowering.refuse(node, "its filter is not a 4-dimensional float tensor");
    return w;
  }

  static Fact conv_2d(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    const Shape shape = map_shape(lowering, node, in);
    const ArrayPtr w = filter(lowering, node, in);
    if (w->dims[2] != shape.c) {
      lowering.refuse(node, "its filter wants " + std::to_string(w->dims[2]) + " channels, its input has " +
                                std::to_string(shape.c) + (shape.c % w->dims[2] == 0 ? " (grouped convolution)" : ""));
    }
    NetworkNode conv = {NodeKind::kConv2d, node.name, {input}};
    Shape out = place_window(lowering, node, shape, (uint32_t)w->dims[0], (uint32_t)w->dims[1], &conv.window);
    out.c = (uint32_t)w->dims[3];
    conv.weights = plain_weights(w, out.c);
    return lowering.add_node(std::move(conv), out, map_dims(out));
  }

  static Fact depthwise_conv_2d(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    const Shape shape = map_shape(lowering, node, in);
    const ArrayPtr w = filter(lowering, node, in);
    if (w->dims[2] != shape.c) lowering.refuse(node, "its filter and its input differ in channels");
    if (w->dims[3] != 1) lowering.refuse(node, "a depth multiplier other than 1 is not supported");
    NetworkNode conv = {NodeKind::kDepthwiseConv2d, node.name, {input}};
    const Shape out = place_window(lowering, node, shape, (uint32_t)w->dims[0], (uint32_t)w->dims[1], &conv.window);
    conv.weights = plain_weights(w, out.c);
    return lowering.add_node(std::move(conv), out, map_dims(out));
  }

  static Fact mat_mul(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    const Value& x = lowering.value(input);
    ArrayPtr w = lowering.constant_input(node, in, 1);
    const GraphAttribute *transpose_a = node.attribute("transpose_a"), *transpose_b = node.attribute("transpose_b");
    if (transpose_a && transpose_a->integer) lowering.refuse(node, "transpose_a is not supported");
    if (!w->is_float || w->dims.size() != 2 || w->size() == 0)
      lowering.refuse(node, "its weights are not a float matrix");
    if (transpose_b && transpose_b->integer) w = transposed(*w);
    if (in[0].dims.size() != 2 || w->dims[0] != x.shape.c) {
      lowering.refuse(node, "its weights have " + std::to_string(w->dims[0]) + " rows, its input " +
                                std::to_string(x.shape.elements()) + " features");
    }
    const Shape out = {1, 1, (uint32_t)w->dims[1]};
    NetworkNode full = {NodeKind::kConv2d, node.name, {input}};
    full.weights = plain_weights(w, out.c);
    return lowering.add_node(std::move(full), out, {1, (int64_t)out.c});
  }

  static ArrayPtr transposed(const Array& a) {
    auto t = std::make_shared<Array>(float_array({a.dims[1], a.dims[0]}, std::vector<float>(a.floats.size())));
    for (int64_t i = 0; i < a.dims[0]; ++i) {
      for (int64_t j = 0; j < a.dims[1]; ++j) {
        t->floats[(size_t)(j * a.dims[0] + i)] = a.floats[(size_t)(i * a.dims[1] + j)];
      }
    }
    return t;
  }

  // ---- Pools ----

  static Fact pool(Lowering& lowering, const GraphNode& node, const Facts& in, NodeKind kind) {
    const ValueId input = lowering.value_input(node, in, 0);
    const Shape shape = map_shape(lowering, node, in);
    const auto [k_h, k_w] = h_and_w(lowering, node, "ksize");
    NetworkNode pool = {kind, node.name, {input}};
    const Shape out = place_window(lowering, node, shape, k_h, k_w, &pool.window);
    if (kind == NodeKind::kAveragePool && out.h == 1 && out.w == 1 && (k_h != shape.h || k_w != shape.w)) {
      lowering.pools_are_global_ = false;
    }
    return lowering.add_node(std::move(pool), out, map_dims(out));
  }
  static Fact average_pool(Lowering& lowering, const GraphNode& node, const Facts& in) {
    return pool(lowering, node, in, NodeKind::kAveragePool);
  }
  static Fact max_pool(Lowering& lowering, const GraphNode& node, const Facts& in) {
    return pool(lowering, node, in, NodeKind::kMaxPool);
  }

  // Mean over height and width.
  static Fact mean(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    const Shape shape = map_shape(lowering, node, in);
    std::vector<int64_t> axes = lowering.constant_input(node, in, 1)->integers;
    for (int64_t& axis : axes) axis = axis < 0 ? axis + 4 : axis;
    std::sort(axes.begin(), axes.end());
    if (axes != std::vector<int64_t>{1, 2}) lowering.refuse(node, "only a mean over height and width is supported");
    NetworkNode pool = {NodeKind::kAveragePool, node.name, {input}};
    pool.window = {shape.h, shape.w, 1, 1, 1, 1, 0, 0};
    const GraphAttribute* keep = node.attribute("keep_dims");
    const Shape out = {1, 1, shape.c};
    return lowering.add_node(std::move(pool), out,
                             keep && keep->integer ? map_dims(out) : std::vector<int64_t>{1, (int64_t)out.c});
  }

  // ---- Factors, sums, activations ----

  // A constant with one value per channel, or one for all.
  static std::vector<float> per_channel(const Lowering& lowering, const GraphNode& node, const Array& a, uint32_t c) {
    const bool last_dim_only = a.size() == 1 || (!a.dims.empty() && a.dims.back() == (int64_t)a.size());
    if (!a.is_float || !last_dim_only || (a.size() != 1 && a.size() != c)) {
      lowering.refuse(node, "its constant has " + std::to_string(a.size()) + " values, its input " + std::to_string(c) +
                                " channels; one per channel or one for all is supported");
    }
    return a.size() == 1 ? std::vector<float>(c, a.floats[0]) : a.floats;
  }

  static Fact affine(Lowering& lowering, const GraphNode& node, const Fact& input, std::vector<float> scale,
                     std::vector<float> bias) {
    NetworkNode op = {NodeKind::kAffine, node.name, {input.value}};
    op.weights.scale = std::move(scale);
    op.weights.bias = std::move(bias);
    return lowering.add_node(std::move(op), lowering.value(input.value).shape, input.dims);
  }

  static Fact clamp(Lowering& lowering, const GraphNode& node, const Facts& in, Clamp limits) {
    const ValueId input = lowering.value_input(node, in, 0);
    NetworkNode op = {NodeKind::kClamp, node.name, {input}};
    op.clamp = limits;
    return lowering.add_node(std::move(op), lowering.value(input).shape, in[0].dims);
  }
  static Fact relu(Lowering& lowering, const GraphNode& node, const Facts& in) {
    return clamp(lowering, node, in, {0, __builtin_inff()});
  }
  static Fact relu6(Lowering& lowering, const GraphNode& node, const Facts& in) {
    return clamp(lowering, node, in, {0, 6});
  }

  static Fact add(Lowering& lowering, const GraphNode& node, const Facts& in) {
    if (in.size() < 2) lowering.refuse(node, "it needs two inputs");
    if (in[0].kind == Fact::Kind::kValue && in[1].kind == Fact::Kind::kValue) {
      if (in[0].dims != in[1].dims) lowering.refuse(node, "its inputs differ in shape");
      return lowering.add_node({NodeKind::kAdd, node.name, {in[0].value, in[1].value}},
                               lowering.value(in[0].value).shape, in[0].dims);
    }
    const size_t at = in[0].kind == Fact::Kind::kValue ? 0 : 1;
    const ValueId input = lowering.value_input(node, in, at);
    const uint32_t c = lowering.value(input).shape.c;
    const ArrayPtr constant = lowering.constant_input(node, in, 1 - at);
    return affine(lowering, node, in[at], std::vector<float>(c, 1), per_channel(lowering, node, *constant, c));
  }

  static Fact bias_add(Lowering& lowering, const GraphNode& node, const Facts& in) {
    require_nhwc(lowering, node);
    return add(lowering, node, in);
  }

  static Fact sub(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const bool value_first = !in.empty() && in[0].kind == Fact::Kind::kValue;
    const ValueId input = lowering.value_input(node, in, value_first ? 0 : 1);
    const uint32_t c = lowering.value(input).shape.c;
    std::vector<float> constant =
        per_channel(lowering, node, *lowering.constant_input(node, in, value_first ? 1 : 0), c);
    if (value_first) {
      for (float& x : constant) x = -x;
    }
    return affine(lowering, node, in[value_first ? 0 : 1], std::vector<float>(c, value_first ? 1.0f : -1.0f),
                  std::move(constant));
  }

  static Fact mul(Lowering& lowering, const GraphNode& node, const Facts& in) {
    if (in.size() < 2) lowering.refuse(node, "it needs two inputs");
    if (in[0].kind == Fact::Kind::kRandom || in[1].kind == Fact::Kind::kRandom) return drop_dropout(lowering, node, in);
    const size_t at = in[0].kind == Fact::Kind::kValue ? 0 : 1;
    const ValueId input = lowering.value_input(node, in, at);
    if (in[1 - at].kind == Fact::Kind::kValue) lowering.refuse(node, "a product of two activations is not supported");
    const uint32_t c = lowering.value(input).shape.c;
    const ArrayPtr constant = lowering.constant_input(node, in, 1 - at);
    return affine(lowering, node, in[at], per_channel(lowering, node, *constant, c), std::vector<float>(c, 0));
  }

  static Fact real_div(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    const uint32_t c = lowering.value(input).shape.c;
    std::vector<float> scale = per_channel(lowering, node, *lowering.constant_input(node, in, 1), c);
    for (float& x : scale) x = 1 / x;
    return affine(lowering, node, in[0], std::move(scale), std::vector<float>(c, 0));
  }

  // x / keep_prob * mask, the mask drawn at random: dropout that was left in. Without it x is x, so the factor goes
  // too.
  static Fact drop_dropout(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const Fact& scaled = in[in[0].kind == Fact::Kind::kRandom ? 1 : 0];
    lowering.value_input(node, {scaled}, 0);
    lowering.count("dropout removed");
    std::vector<NetworkNode>& nodes = lowering.network_.nodes;
    const bool is_scaled = !nodes.empty() && nodes.back().output == scaled.value && is_keep_factor(nodes.back());
    if (!is_scaled) return lowering.same_value(node, scaled.value, scaled.dims);
    return lowering.same_value(node, nodes.back().inputs[0], scaled.dims);
  }

  // A factor 1 / keep_prob, the same for all channels.
  static bool is_keep_factor(const NetworkNode& node) {
    if (node.kind != NodeKind::kAffine) return false;
    const std::vector<float>&scale = node.weights.scale, &bias = node.weights.bias;
    return scale[0] >= 1 && std::all_of(scale.begin(), scale.end(), [&](float x) { return x == scale[0]; }) &&
           std::all_of(bias.begin(), bias.end(), [](float x) { return x == 0; });
  }

  // tf.nn.batch_normalization as one op: inputs x, scale, offset, mean, variance.
  static Fact fused_batch_norm(Lowering& lowering, const GraphNode& node, const Facts& in) {
    require_nhwc(lowering, node);
    const GraphAttribute *training = node.attribute("is_training"), *epsilon = node.attribute("epsilon");
    if (training && training->integer) {
      lowering.refuse(node,
                      "it normalises with the batch's own statistics (is_training): freeze the graph for inference");
    }
    const ValueId input = lowering.value_input(node, in, 0);
    const uint32_t c = lowering.value(input).shape.c;
    const auto constant = [&](size_t i) {
      return per_channel(lowering, node, *lowering.constant_input(node, in, i), c);
    };
    const std::vector<float> gamma = constant(1), beta = constant(2), mean = constant(3), variance = constant(4);
    return batch_norm(lowering, node, in[0], {gamma, beta, mean, variance}, epsilon ? epsilon->number : 1e-4f);
  }

  struct BatchNorm {
    std::vector<float> gamma, beta, mean, variance;
  };
  static Fact batch_norm(Lowering& lowering, const GraphNode& node, const Fact& input, const BatchNorm& norm,
                         float epsilon) {
    std::vector<float> scale(norm.gamma.size()), bias(norm.gamma.size());
    for (size_t i = 0; i < scale.size(); ++i) {
      const double factor = norm.gamma[i] / std::sqrt((double)norm.variance[i] + epsilon);
      scale[i] = (float)factor;
      bias[i] = (float)(norm.beta[i] - norm.mean[i] * factor);
    }
    return affine(lowering, node, input, std::move(scale), std::move(bias));
  }

  // ---- Shapes ----

  static Fact identity(Lowering& lowering, const GraphNode& node, const Facts& in) {
    if (in.empty()) lowering.refuse(node, "it needs an input");
    return in[0].kind == Fact::Kind::kValue ? lowering.same_value(node, in[0].value, in[0].dims) : in[0];
  }

  // Gives the same floats other dims: a map can only become a list of features (flatten).
  static Fact reshaped(Lowering& lowering, const GraphNode& node, ValueId input, std::vector<int64_t> dims) {
    const Shape from = lowering.value(input).shape;
    if (dims.empty() || dims[0] != 1) lowering.refuse(node, "it changes the batch, or has no batch left");
    const Shape out = dims.size() == 4   ? Shape{(uint32_t)dims[1], (uint32_t)dims[2], (uint32_t)dims[3]}
                      : dims.size() == 2 ? Shape{1, 1, (uint32_t)dims[1]}
                                         : Shape{0, 0, 0};
    const bool fits =
        std::all_of(dims.begin(), dims.end(), [&](int64_t d) { return d >= 1 && d <= (int64_t)from.elements(); });
    if (!fits || out.elements() != from.elements() || (!(out == from) && (out.h != 1 || out.w != 1))) {
      lowering.refuse(node, "this change of shape is not supported; a flatten or a squeeze is");
    }
    if (!(out == from)) return lowering.add_node({NodeKind::kFlatten, node.name, {input}}, out, dims);
    return lowering.same_value(node, input, std::move(dims));
  }

  static Fact reshape(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    std::vector<int64_t> dims = lowering.constant_input(node, in, 1)->integers;
    const int64_t elements = (int64_t)lowering.value(input).shape.elements();
    int64_t known = 1, unknowns = 0;
    for (const int64_t d : dims) {
      if (d > 0) known = d > elements / known ? elements + 1 : known * d;
      unknowns += d < 0;
    }
    // The batch is 1 here, whether the graph says so, leaves it open (-1), or leaves another dimension open.
    for (int64_t& d : dims) {
      if (d < 0 && unknowns == 1) d = elements / std::max<int64_t>(known, 1);
      if (d < 0 && unknowns > 1 && &d == &dims[0]) d = 1;
    }
    return reshaped(lowering, node, input, std::move(dims));
  }

  static Fact squeeze(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    const std::vector<int64_t>& dims = in[0].dims;
    const GraphAttribute* list = node.attribute("squeeze_dims");
    std::vector<int64_t> axes = list ? list->integers : std::vector<int64_t>();
    if (axes.empty()) {
      for (size_t i = 1; i < dims.size(); ++i) {
        if (dims[i] == 1) axes.push_back((int64_t)i);
      }
    }
    std::vector<int64_t> out;
    for (size_t i = 0; i < dims.size(); ++i) {
      const bool cut = std::any_of(axes.begin(), axes.end(),
                                   [&](int64_t a) { return (a < 0 ? a + (int64_t)dims.size() : a) == (int64_t)i; });
      if (cut && dims[i] != 1) lowering.refuse(node, "it squeezes a dimension of " + std::to_string(dims[i]));
      if (!cut) out.push_back(dims[i]);
    }
    return reshaped(lowering, node, input, std::move(out));
  }

  static Fact concat(Lowering& lowering, const GraphNode& node, const Facts& in) {
    if (in.size() < 2) lowering.refuse(node, "it needs an axis and inputs");
    const ArrayPtr axis = lowering.constant_input(node, in, in.size() - 1);
    NetworkNode op = {NodeKind::kConcat, node.name, {}};
    Shape out = {0, 0, 0};
    std::vector<int64_t> dims;
    for (size_t i = 0; i + 1 < in.size(); ++i) {
      const Shape x = lowering.value(lowering.value_input(node, in, i)).shape;
      if (i > 0 && (x.h != out.h || x.w != out.w)) lowering.refuse(node, "its inputs differ in height or width");
      out = {x.h, x.w, out.c + x.c};
      dims = in[i].dims;
      op.inputs.push_back(in[i].value);
    }
    const int64_t last = (int64_t)dims.size() - 1;
    if (axis->integers.size() != 1 || (axis->integers[0] != last && axis->integers[0] != -1)) {
      lowering.refuse(node, "it does not join along the channels, which is the only axis supported");
    }
    dims.back() = out.c;
    return lowering.add_node(std::move(op), out, std::move(dims));
  }

  static Fact softmax(Lowering& lowering, const GraphNode& node, const Facts& in) {
    const ValueId input = lowering.value_input(node, in, 0);
    return lowering.add_node({NodeKind::kSoftmax, node.name, {input}}, lowering.value(input).shape, in[0].dims);
  }

  static Fact random(Lowering&, const GraphNode&, const Facts&) { return {Fact::Kind::kRandom}; }
  static Fact shape_of(Lowering&, const GraphNode&, const Facts&) { return {}; }

  static const std::unordered_map<std::string, Function>& table() {
    static const std::unordered_map<std::string, Function> functions = {
        {"Add", add},
        {"AddV2", add},
        {"AvgPool", average_pool},
        {"BiasAdd", bias_add},
        {"CheckNumerics", identity},
        {"ConcatV2", concat},
        {"Conv2D", conv_2d},
        {"DepthwiseConv2dNative", depthwise_conv_2d},
        {"FusedBatchNorm", fused_batch_norm},
        {"FusedBatchNormV2", fused_batch_norm},
        {"FusedBatchNormV3", fused_batch_norm},
        {"Identity", identity},
        {"MatMul", mat_mul},
        {"MaxPool", max_pool},
        {"Mean", mean},
        {"Mul", mul},
        {"PlaceholderWithDefault", identity},
        {"RandomUniform", random},
        {"RealDiv", real_div},
        {"Relu", relu},
        {"Relu6", relu6},
        {"Reshape", reshape},
        {"Shape", shape_of},
        {"Softmax", softmax},
        {"Squeeze", squeeze},
        {"StopGradient", identity},
        {"Sub", sub},
    };
    return functions;
  }
};

Fact Lowering::lower_node(const GraphNode& node, const std::vector<Fact>& inputs) {
  if (node.op == "Const") {
    const GraphAttribute* value = node.attribute("value");
    if (!value || value->kind != GraphAttribute::Kind::kTensor) refuse(node, "it has no value");
    const ArrayPtr array = array_of(value->tensor);
    return array ? Fact{Fact::Kind::kConstant, array} : Fact{};
  }
  const auto is = [](Fact::Kind kind) { return [kind](const Fact& fact) { return fact.kind == kind; }; };
  if (!inputs.empty() && std::all_of(inputs.begin(), inputs.end(), is(Fact::Kind::kConstant))) {
    std::vector<ArrayPtr> constants;
    for (const Fact& fact : inputs) constants.push_back(fact.constant);
    if (const ArrayPtr folded = fold_constant(node, constants)) {
      if (node.op == "Dequantize") ++constant_rewrites_["8-bit weights read"];
      return {Fact::Kind::kConstant, folded};
    }
  }
  // Whatever is computed from a random number alone is random too, whatever the op.
  const bool is_value = std::any_of(inputs.begin(), inputs.end(), is(Fact::Kind::kValue));
  if (!is_value && std::any_of(inputs.begin(), inputs.end(), is(Fact::Kind::kRandom))) {
    return {Fact::Kind::kRandom};
  }
  const auto function = OpLowerings::table().find(node.op);
  if (function == OpLowerings::table().end()) refuse_op(node);
  return function->second(*this, node, inputs);
}

}  // namespace posy
