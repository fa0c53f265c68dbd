// One function per kind of TFLite operator: says it in TensorFlow's ops. Numbers of option fields are in the order of
// tensorflow/lite/schema/schema.fbs; how each operator computes is in its reference kernels.
#include <algorithm>
#include <cmath>

#include "loaders/error.h"
#include "loaders/tflite_model.h"

namespace posy {

struct TfliteOps {
  using Emitter = TfliteEmitter;
  using Build = GraphBuilder;
  // Returns the node that makes the operator's first output.
  using Function = std::string (*)(Emitter&, const TfliteOperator&, const char* tf_op);

  struct Row {
    const char* name;
    Function function = nullptr;  // null: not supported
    const char* tf_op = "";
  };

  // ---- What several share ----

  static std::vector<std::string> values(Emitter& e, const TfliteOperator& op) {
    std::vector<std::string> out;
    for (size_t i = 0; i < op.inputs.size(); ++i) out.push_back(e.value(i));
    return out;
  }

  static std::string clamp(Emitter& e, const std::string& x, float low, float high) {
    const std::string above = e.node("Maximum", {x, e.scalar("low", low)});
    return e.node("Minimum", {above, e.scalar("high", high)});
  }

  static std::string activation(Emitter& e, int8_t function, const std::string& x) {
    switch (function) {
      case 0:
        return x;
      case 1:
        return e.node("Relu", {x});
      case 2:
        return clamp(e, x, -1, 1);
      case 3:
        return e.node("Relu6", {x});
      case 4:
        return e.node("Tanh", {x});
      default:
        e.refuse("its activation function " + std::to_string(function) + " is not supported");
    }
  }

  // Converters leave out a ReLU where the 8 bits of the output already end at 0 (and at 6): the rounding did the work,
  // which in floats is a node.
  static std::string quantized_activation(Emitter& e, int8_t function, const std::string& x) {
    const TfliteTensor& out = e.output();
    const bool is_int8 = out.type == TfliteType::kInt8;
    const bool starts_at_0 = out.is_quantized() && out.scale.size() == 1 &&
                             (is_int8 || out.type == TfliteType::kUint8) &&
                             out.zero_point_at(0) == (is_int8 ? -128 : 0);
    if (function != 0 || !starts_at_0) return activation(e, function, x);
    const float highest = out.scale[0] * 255;
    return activation(e, std::abs(highest - 6) <= out.scale[0] ? 3 : 1, x);
  }

  static GraphAttribute in_h_and_w(int32_t h, int32_t w) { return Build::integers({1, h, w, 1}); }
  static GraphAttribute padding(Emitter& e, int8_t how) {
    if (how != 0 && how != 1) e.refuse("its padding is neither SAME nor VALID");
    return Build::text(how == 0 ? "SAME" : "VALID");
  }

  // ---- Convolutions ----

  // A filter's numbers, and what its channels have to be multiplied with afterwards (empty: nothing).
  struct Filter {
    std::vector<float> values;
    std::vector<float> scale;
  };

  static Filter filter_of(Emitter& e, int64_t channel_dim, size_t rank) {
    const TfliteTensor* w = e.constant_input(1);
    if (!w) e.refuse("its weights are not constant");
    if (w->dims.size() != rank) e.refuse("its weights have the shape " + shape_text(w->dims));
    e.take_budget(w->element_count() * 2 * sizeof(float));
    const bool per_channel = w->is_quantized() && w->scale.size() > 1 && w->quantized_dim == channel_dim;
    if (!per_channel) return {w->numbers(), {}};
    Filter filter;
    const size_t channels = w->scale.size(), count = w->element_count();
    for (size_t c = 0; c < channels; ++c) filter.scale.push_back(w->scale[c]);
    const size_t stride = channel_dim == 0 ? count / channels : 1;
    filter.values.resize(count);
    for (size_t i = 0; i < count; ++i) {
      filter.values[i] = (float)(w->stored(i) - (double)w->zero_point_at(i / stride % channels));
    }
    return filter;
  }

  // Rows become columns: [o, h * w * i] to [h * w * i, o].
  static std::vector<float> transposed(const std::vector<float>& values, size_t rows) {
    std::vector<float> out(values.size());
    const size_t columns = rows == 0 ? 0 : values.size() / rows;
    for (size_t row = 0; row < rows; ++row) {
      for (size_t column = 0; column < columns; ++column) out[column * rows + row] = values[row * columns + column];
    }
    return out;
  }

  static std::string weights_node(Emitter& e, std::vector<int64_t> dims, const std::vector<float>& values) {
    return e.floats("weights", std::move(dims), values);
  }

  // The bias of a quantized convolution counts in steps of input scale times weight scale, whether it says so or not.
  static std::string bias_node(Emitter& e) {
    const TfliteTensor* bias = e.constant_input(2);
    const TfliteTensor* w = e.constant_input(1);
    const TfliteTensor& x = e.input(0);
    const bool says_nothing =
        bias && bias->scale.empty() && (bias->type == TfliteType::kInt32 || bias->type == TfliteType::kInt64);
    if (!says_nothing || !w || !w->is_quantized() || !x.is_quantized()) return e.value(2);
    e.take_budget(bias->element_count() * sizeof(float));
    std::vector<float> values(bias->element_count());
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t channel = w->scale.size() > i ? i : 0;
      values[i] = (float)(bias->stored(i) * (double)x.scale[0] * (double)w->scale[channel]);
    }
    return e.floats("bias", bias->dims, values);
  }

  // What follows the product: the channels' scales, the bias, the activation.
  static std::string finish(Emitter& e, std::string x, const Filter& filter, int8_t function) {
    if (!filter.scale.empty()) {
      x = e.node("Mul", {x, e.floats("scale", {(int64_t)filter.scale.size()}, filter.scale)});
    }
    if (e.has_input(2)) x = e.node("BiasAdd", {x, bias_node(e)});
    return quantized_activation(e, function, x);
  }

  static std::string conv_2d(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    const FlatTable& o = op.options;
    const std::string x = e.value(0);
    const Filter filter = filter_of(e, 0, 4);
    const std::vector<int64_t>& dims = e.constant_input(1)->dims;  // [out, h, w, in]
    const std::string w =
        weights_node(e, {dims[1], dims[2], dims[3], dims[0]}, transposed(filter.values, (size_t)dims[0]));
    const std::string conv = e.node(tf_op, {x, w},
                                    {{"strides", in_h_and_w(o.number<int32_t>(2), o.number<int32_t>(1))},
                                     {"dilations", in_h_and_w(o.number<int32_t>(5, 1), o.number<int32_t>(4, 1))},
                                     {"padding", padding(e, o.number<int8_t>(0))}});
    return finish(e, conv, filter, o.number<int8_t>(3));
  }

  static std::string depthwise_conv_2d(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    const FlatTable& o = op.options;
    const std::string x = e.value(0);
    const Filter filter = filter_of(e, 3, 4);
    const std::vector<int64_t>& dims = e.constant_input(1)->dims;  // [1, h, w, in * multiplier]
    const TfliteTensor& in = e.input(0);
    const int64_t in_c = in.dims.size() == 4 ? in.dims[3] : 0;
    if (in_c < 1 || dims[3] % in_c != 0) e.refuse("its filter and its input differ in channels");
    const std::string w = weights_node(e, {dims[1], dims[2], in_c, dims[3] / in_c}, filter.values);
    const std::string conv = e.node(tf_op, {x, w},
                                    {{"strides", in_h_and_w(o.number<int32_t>(2), o.number<int32_t>(1))},
                                     {"dilations", in_h_and_w(o.number<int32_t>(6, 1), o.number<int32_t>(5, 1))},
                                     {"padding", padding(e, o.number<int8_t>(0))}});
    return finish(e, conv, filter, o.number<int8_t>(4));
  }

  static std::string fully_connected(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    if (op.options.number<int8_t>(1) != 0) e.refuse("its weights are shuffled: convert without that");
    std::string x = e.value(0);
    const Filter filter = filter_of(e, 0, 2);
    const std::vector<int64_t> dims = e.constant_input(1)->dims;  // [out, in]
    const std::vector<int64_t>& in_dims = e.input(0).dims;
    const std::string w = weights_node(e, dims, filter.values);
    if (in_dims.size() != 2 || in_dims[1] != dims[1]) {
      x = e.node("Reshape", {x, e.build_.ints(e.out_name_ + "/rows", {2}, {-1, (int32_t)dims[1]})});
    }
    x = finish(e, e.node(tf_op, {x, w}, {{"transpose_b", Build::flag(true)}}), filter, op.options.number<int8_t>(0));
    const std::vector<int64_t>& out = e.output().dims;
    if (out.size() == 2 || !op.options.number<uint8_t>(2)) return x;
    const std::vector<int32_t> shape(out.begin(), out.end());
    return e.node("Reshape", {x, e.build_.ints(e.out_name_ + "/shape", {(int64_t)shape.size()}, shape)});
  }

  static std::string batch_matmul(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(
        tf_op, {e.value(0), e.value(1)},
        {{"adj_x", Build::flag(op.options.number<uint8_t>(0))}, {"adj_y", Build::flag(op.options.number<uint8_t>(1))}});
  }

  // ---- Element by element ----

  static std::string elementwise(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, values(e, op));
  }
  static std::string arithmetic(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return quantized_activation(e, op.options.number<int8_t>(0), elementwise(e, op, tf_op));
  }
  static std::string identity(Emitter& e, const TfliteOperator&, const char*) {
    return e.node("Identity", {e.value(0)});
  }

  static std::string cast(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    const auto is_whole = [](TfliteType type) { return type == TfliteType::kInt32 || type == TfliteType::kInt64; };
    const auto to_tf = [](TfliteType type) {
      return type == TfliteType::kInt32   ? DataType::kInt32
             : type == TfliteType::kInt64 ? DataType::kInt64
                                          : DataType::kFloat;
    };
    const TfliteType from = e.input(0).type, to = e.output().type;
    if (!is_whole(from) && !is_whole(to)) return identity(e, op, tf_op);  // activations are floats here anyway
    return e.node(tf_op, {e.value(0)}, {{"SrcT", Build::type(to_tf(from))}, {"DstT", Build::type(to_tf(to))}});
  }

  static std::string relu_n1_to_1(Emitter& e, const TfliteOperator&, const char*) {
    return clamp(e, e.value(0), -1, 1);
  }
  static std::string relu_0_to_1(Emitter& e, const TfliteOperator&, const char*) { return clamp(e, e.value(0), 0, 1); }
  static std::string leaky_relu(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, {e.value(0)}, {{"alpha", Build::number(op.options.number<float>(0))}});
  }
  // x where positive, alpha * x elsewhere, spelled as Keras spells it.
  static std::string prelu(Emitter& e, const TfliteOperator&, const char*) {
    const std::string x = e.value(0), positive = e.node("Relu", {x});
    const std::string negative = e.node("Relu", {e.node("Neg", {x})});
    return e.node("Sub", {positive, e.node("Mul", {negative, e.value(1)})});
  }
  // x * relu6(x + 3) / 6.
  static std::string hard_swish(Emitter& e, const TfliteOperator&, const char*) {
    const std::string x = e.value(0);
    const std::string gate = e.node("Relu6", {e.node("AddV2", {x, e.scalar("three", 3)})});
    return e.node("Mul", {x, e.node("Mul", {gate, e.scalar("sixth", 1.0f / 6)})});
  }
  // x / 2 * (1 + erf(x / sqrt 2)), or with the tanh that is near it.
  static std::string gelu(Emitter& e, const TfliteOperator& op, const char*) {
    const std::string x = e.value(0);
    std::string inner = x;
    if (op.options.number<uint8_t>(0)) {
      const std::string cubed = e.node("Mul", {x, e.node("Square", {x})});
      inner = e.node("AddV2", {x, e.node("Mul", {cubed, e.scalar("cubic", 0.044715f)})});
      inner = e.node("Tanh", {e.node("Mul", {inner, e.scalar("slope", 0.7978845608f)})});
    } else {
      inner = e.node("Erf", {e.node("Mul", {x, e.scalar("slope", 0.7071067812f)})});
    }
    const std::string half = e.node("Mul", {x, e.scalar("half", 0.5f)});
    return e.node("Mul", {half, e.node("AddV2", {inner, e.scalar("one", 1)})});
  }
  // Each pixel's channels, or each row, made 1 long; nothing is divided by less than 1e-6.
  static std::string l2_normalization(Emitter& e, const TfliteOperator& op, const char*) {
    const std::string x = e.value(0), squares = e.node("Square", {x});
    const std::string axes = e.build_.ints(e.out_name_ + "/axes", {1}, {(int32_t)e.input(0).dims.size() - 1});
    const std::string sum = e.node("Sum", {squares, axes}, {{"keep_dims", Build::flag(true)}});
    const std::string length = e.node("Maximum", {e.node("Sqrt", {sum}), e.scalar("least", 1e-6f)});
    return activation(e, op.options.number<int8_t>(0), e.node("RealDiv", {x, length}));
  }
  static std::string softmax(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    const float beta = op.options.number<float>(0);
    std::string x = e.value(0);
    if (beta != 1 && op.options) x = e.node("Mul", {x, e.scalar("beta", beta)});
    return e.node(tf_op, {x});
  }

  // ---- Windows and sizes ----

  static std::string pool(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    const FlatTable& o = op.options;
    const std::string x = e.node(tf_op, {e.value(0)},
                                 {{"ksize", in_h_and_w(o.number<int32_t>(4), o.number<int32_t>(3))},
                                  {"strides", in_h_and_w(o.number<int32_t>(2), o.number<int32_t>(1))},
                                  {"padding", padding(e, o.number<int8_t>(0))}});
    return activation(e, o.number<int8_t>(5), x);
  }
  static std::string local_response_normalization(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    const FlatTable& o = op.options;
    return e.node(tf_op, {e.value(0)},
                  {{"depth_radius", Build::integer(o.number<int32_t>(0))},
                   {"bias", Build::number(o.number<float>(1))},
                   {"alpha", Build::number(o.number<float>(2))},
                   {"beta", Build::number(o.number<float>(3))}});
  }
  static std::string resize(Emitter& e, const TfliteOperator& op, const char* tf_op, uint32_t first_field) {
    return e.node(tf_op, {e.value(0), e.stored(1)},
                  {{"align_corners", Build::flag(op.options.number<uint8_t>(first_field))},
                   {"half_pixel_centers", Build::flag(op.options.number<uint8_t>(first_field + 1))}});
  }
  static std::string resize_bilinear(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return resize(e, op, tf_op, 2);  // behind the deprecated height and width
  }
  static std::string resize_nearest(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return resize(e, op, tf_op, 0);
  }
  static std::string block(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, {e.value(0)}, {{"block_size", Build::integer(op.options.number<int32_t>(0))}});
  }

  // ---- Shapes ----

  // x, and whole numbers: sizes, axes, begins.
  static std::vector<std::string> value_and_indices(Emitter& e, const TfliteOperator& op) {
    std::vector<std::string> out = {e.value(0)};
    for (size_t i = 1; i < op.inputs.size(); ++i) out.push_back(e.stored(i));
    return out;
  }
  static std::string with_indices(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, value_and_indices(e, op));
  }
  static std::string reduce(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, value_and_indices(e, op), {{"keep_dims", Build::flag(op.options.number<uint8_t>(0))}});
  }
  static std::string pad_v2(Emitter& e, const TfliteOperator&, const char* tf_op) {
    return e.node(tf_op, {e.value(0), e.stored(1), e.value(2)});
  }
  static std::string mirror_pad(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, value_and_indices(e, op),
                  {{"mode", Build::text(op.options.number<int8_t>(0) == 0 ? "REFLECT" : "SYMMETRIC")}});
  }
  static std::string reshape(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    if (e.has_input(1)) return e.node(tf_op, {e.value(0), e.stored(1)});
    std::vector<int32_t> shape;
    const FlatVector<int32_t> wanted = op.options.numbers<int32_t>(0);
    for (size_t i = 0; i < std::min<size_t>(wanted.size(), 8); ++i) shape.push_back(wanted[i]);
    return e.node(tf_op, {e.value(0), e.build_.ints(e.out_name_ + "/shape", {(int64_t)shape.size()}, shape)});
  }
  static std::string squeeze(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    std::vector<int64_t> axes;
    const FlatVector<int32_t> wanted = op.options.numbers<int32_t>(0);
    for (size_t i = 0; i < std::min<size_t>(wanted.size(), 8); ++i) axes.push_back(wanted[i]);
    return e.node(tf_op, {e.value(0)}, {{"squeeze_dims", Build::integers(axes)}});
  }
  static std::string axis_node(Emitter& e, int32_t axis) { return e.build_.ints(e.out_name_ + "/axis", {}, {axis}); }
  static std::string concat(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    std::vector<std::string> inputs = values(e, op);
    const int64_t count = (int64_t)inputs.size();
    inputs.push_back(axis_node(e, op.options.number<int32_t>(0)));
    return activation(e, op.options.number<int8_t>(1), e.node(tf_op, inputs, {{"N", Build::integer(count)}}));
  }
  static std::string pack(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(
        tf_op, values(e, op),
        {{"N", Build::integer((int64_t)op.inputs.size())}, {"axis", Build::integer(op.options.number<int32_t>(1))}});
  }
  static std::string unpack(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(
        tf_op, {e.value(0)},
        {{"num", Build::integer((int64_t)op.outputs.size())}, {"axis", Build::integer(op.options.number<int32_t>(1))}});
  }
  static std::string gather(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, {e.value(0), e.stored(1), axis_node(e, op.options.number<int32_t>(0))},
                  {{"batch_dims", Build::integer(op.options.number<int32_t>(1))}});
  }
  static std::string shape_of(Emitter& e, const TfliteOperator&, const char* tf_op) {
    const bool is_wide = e.output().type == TfliteType::kInt64;
    return e.node(tf_op, {e.value(0)}, {{"out_type", Build::type(is_wide ? DataType::kInt64 : DataType::kInt32)}});
  }
  static std::string split(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, {e.stored(0), e.value(1)}, {{"num_split", Build::integer((int64_t)op.outputs.size())}});
  }
  static std::string split_v(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    return e.node(tf_op, value_and_indices(e, op), {{"num_split", Build::integer((int64_t)op.outputs.size())}});
  }
  static std::string strided_slice(Emitter& e, const TfliteOperator& op, const char* tf_op) {
    static const char* const kMasks[] = {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask",
                                         "shrink_axis_mask"};
    if (op.options.number<uint8_t>(5)) e.refuse("an end that counts from the begin is not supported");
    Emitter::Attributes masks;
    for (uint32_t i = 0; i < 5; ++i) masks.emplace_back(kMasks[i], Build::integer(op.options.number<int32_t>(i)));
    return e.node(tf_op, value_and_indices(e, op), std::move(masks));
  }

  static const Row* row_of(int32_t code);
};

const TfliteOps::Row* TfliteOps::row_of(int32_t code) {
  static const Row kRows[] = {
#include "loaders/tflite_ops.def"
  };
  return code >= 0 && (size_t)code < std::size(kRows) ? &kRows[code] : nullptr;
}

std::string tflite_operator_name(const TfliteOperator& op) {
  if (!op.custom_code.empty()) return "custom operator " + printable_name(op.custom_code);
  const TfliteOps::Row* row = TfliteOps::row_of(op.code);
  return row ? row->name : "operator code " + std::to_string(op.code);
}

void TfliteEmitter::run_operator(const TfliteOperator& op) {
  const TfliteOps::Row* row = TfliteOps::row_of(op.code);
  if (!row || !row->function) {
    refuse("this operator cannot be converted: give the frozen graph or another export that does without it");
  }
  const std::string last = row->function(*this, op, row->tf_op);
  const bool is_own = graph_.nodes.back().name == last;
  const std::string made = is_own ? build_.rename_last(out_name_) : last;
  if (is_own) graph_.nodes.back().codes = output().codes();
  for (size_t i = 0; i < op.outputs.size(); ++i) {
    if (op.outputs[i] >= 0) made_[(size_t)op.outputs[i]] = i == 0 ? made : made + ":" + std::to_string(i);
  }
}

}  // namespace posy
