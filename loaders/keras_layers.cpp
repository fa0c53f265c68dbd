// Keras models as TensorFlow.js stores them, in TensorFlow's ops: one function per kind of layer. What a layer computes
// is in keras.io/api/layers and in tfjs-layers.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "loaders/error.h"
#include "loaders/keras_model.h"

namespace posy {

struct KerasOps {
  using Emitter = KerasEmitter;
  using Build = GraphBuilder;
  using Layer = KerasLayer;
  using Values = std::vector<KerasValue>;
  using Function = KerasValue (*)(Emitter&, const Layer&, const Values&);

  // ---- What several share ----

  static const KerasValue& map_input(Emitter& e, const Layer& layer, const Values& in) {
    if (in.size() != 1) e.refuse(layer, "it needs one input, it has " + std::to_string(in.size()));
    if (in[0].rank != 4) e.refuse(layer, "its input is not a map of height, width and channels");
    if (json_text(layer.config, "data_format", "channels_last") != "channels_last") {
      e.refuse(layer, "data_format channels_first is not supported: save the model with channels_last");
    }
    return in[0];
  }
  static const KerasValue& one_input(Emitter& e, const Layer& layer, const Values& in) {
    if (in.size() != 1) e.refuse(layer, "it needs one input, it has " + std::to_string(in.size()));
    return in[0];
  }

  // [h, w] or one number for both.
  static std::pair<int64_t, int64_t> pair_of(Emitter& e, const Layer& layer, const char* key, int64_t fallback) {
    const Json& value = json_member(layer.config, key);
    if (value.is_null()) return {fallback, fallback};
    if (value.is_number()) return {json_integer(value), json_integer(value)};
    if (!value.is_array() || value.size() != 2) e.refuse(layer, std::string(key) + " is not one or two numbers");
    return {json_integer(value[0]), json_integer(value[1])};
  }
  static GraphAttribute window(std::pair<int64_t, int64_t> h_and_w) {
    return Build::integers({1, h_and_w.first, h_and_w.second, 1});
  }
  static GraphAttribute padding(Emitter& e, const Layer& layer) {
    const std::string how = json_text(layer.config, "padding", "valid");
    if (how != "valid" && how != "same") e.refuse(layer, "padding '" + printable_name(how) + "' is not supported");
    return Build::text(how == "same" ? "SAME" : "VALID");
  }
  static Emitter::Attributes conv_attributes(Emitter& e, const Layer& layer) {
    return {{"strides", window(pair_of(e, layer, "strides", 1))},
            {"dilations", window(pair_of(e, layer, "dilation_rate", 1))},
            {"padding", padding(e, layer)}};
  }

  static std::string clamp(Emitter& e, const std::string& x, float low, float high) {
    return e.node("Minimum", {e.node("Maximum", {x, e.scalar("low", low)}), e.scalar("high", high)});
  }

  static std::string activation(Emitter& e, const Layer& layer, const std::string& function, const std::string& x) {
    static const std::unordered_map<std::string, const char*> kOps = {{"relu", "Relu"},
                                                                      {"relu6", "Relu6"},
                                                                      {"softmax", "Softmax"},
                                                                      {"sigmoid", "Sigmoid"},
                                                                      {"tanh", "Tanh"},
                                                                      {"elu", "Elu"},
                                                                      {"selu", "Selu"},
                                                                      {"softplus", "Softplus"},
                                                                      {"exponential", "Exp"},
                                                                      {"softsign", "Softsign"},
                                                                      {"log_softmax", "LogSoftmax"}};
    if (function.empty() || function == "linear") return x;
    if (const auto op = kOps.find(function); op != kOps.end()) return e.node(op->second, {x});
    if (function == "swish" || function == "silu") return e.node("Mul", {x, e.node("Sigmoid", {x})});
    if (function == "hard_swish" || function == "hard_silu") {  // x * relu6(x + 3) / 6
      const std::string gate = e.node("Relu6", {e.node("AddV2", {x, e.scalar("three", 3)})});
      return e.node("Mul", {x, e.node("Mul", {gate, e.scalar("sixth", 1.0f / 6)})});
    }
    if (function == "mish") return e.node("Mul", {x, e.node("Tanh", {e.node("Softplus", {x})})});
    if (function == "leaky_relu") return e.node("LeakyRelu", {x}, {{"alpha", Build::number(0.2f)}});
    if (function == "gelu") {  // x / 2 * (1 + erf(x / sqrt 2))
      const std::string erf = e.node("Erf", {e.node("Mul", {x, e.scalar("slope", 0.7071067812f)})});
      return e.node("Mul", {e.node("Mul", {x, e.scalar("half", 0.5f)}), e.node("AddV2", {erf, e.scalar("one", 1)})});
    }
    if (function == "hard_sigmoid") {
      const std::string line = e.node("AddV2", {e.node("Mul", {x, e.scalar("slope", 0.2f)}), e.scalar("half", 0.5f)});
      return clamp(e, line, 0, 1);
    }
    e.refuse(layer, "its activation '" + printable_name(function) + "' is not supported");
  }
  static std::string own_activation(Emitter& e, const Layer& layer, const std::string& x) {
    const Json& function = json_member(layer.config, "activation");
    return activation(
        e, layer, function.is_object() ? json_text(function, "class_name") : json_text(layer.config, "activation"), x);
  }
  static std::string bias_and_activation(Emitter& e, const Layer& layer, std::string x) {
    if (json_flag(layer.config, "use_bias", true)) x = e.node("BiasAdd", {x, e.weight(layer, "bias", 1)});
    return own_activation(e, layer, x);
  }

  // ---- Convolutions ----

  static KerasValue conv_2d(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = map_input(e, layer, in);
    const std::string conv = e.node("Conv2D", {x.node, e.weight(layer, "kernel", 4)}, conv_attributes(e, layer));
    return {bias_and_activation(e, layer, conv), 4};
  }
  static KerasValue depthwise_conv_2d(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = map_input(e, layer, in);
    const char* kernel = e.has_weight(layer, "depthwise_kernel") ? "depthwise_kernel" : "kernel";
    const std::string conv =
        e.node("DepthwiseConv2dNative", {x.node, e.weight(layer, kernel, 4)}, conv_attributes(e, layer));
    return {bias_and_activation(e, layer, conv), 4};
  }
  static KerasValue separable_conv_2d(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = map_input(e, layer, in);
    const std::string depthwise =
        e.node("DepthwiseConv2dNative", {x.node, e.weight(layer, "depthwise_kernel", 4)}, conv_attributes(e, layer));
    const std::string pointwise =
        e.node("Conv2D", {depthwise, e.weight(layer, "pointwise_kernel", 4)},
               {{"strides", window({1, 1})}, {"dilations", window({1, 1})}, {"padding", Build::text("VALID")}});
    return {bias_and_activation(e, layer, pointwise), 4};
  }
  // On a map, Dense works on the channels of each pixel: a convolution of 1 x 1.
  static KerasValue dense(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    if (x.rank != 2 && x.rank != 4) e.refuse(layer, "its input has " + std::to_string(x.rank) + " dimensions");
    std::string product;
    if (x.rank == 2) {
      product = e.node("MatMul", {x.node, e.weight(layer, "kernel", 2)});
    } else {
      GraphTensor kernel = e.weight_tensor(layer, "kernel", 2);
      kernel.dims.insert(kernel.dims.begin(), {1, 1});
      const std::string weights = e.constant("kernel", std::move(kernel));
      product = e.node("Conv2D", {x.node, weights}, {{"strides", window({1, 1})}, {"padding", Build::text("VALID")}});
    }
    return {bias_and_activation(e, layer, product), x.rank};
  }

  // ---- Normalisation and activations ----

  static void check_last_axis(Emitter& e, const Layer& layer, int rank) {
    const Json& axis = json_member(layer.config, "axis");
    if (axis.is_null()) return;
    if (axis.is_array() && axis.size() != 1) e.refuse(layer, "only one axis is supported, the last");
    const int64_t at = json_integer(axis.is_array() ? axis[0] : axis);
    if (at != -1 && at != rank - 1) e.refuse(layer, "only the last axis, the channels, is supported");
  }

  static KerasValue batch_normalization(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    check_last_axis(e, layer, x.rank);
    const GraphTensor mean = e.weight_tensor(layer, "moving_mean", 1);
    const GraphTensor variance = e.weight_tensor(layer, "moving_variance", 1);
    const size_t channels = mean.element_count();
    const float epsilon = (float)json_number(layer.config, "epsilon", 1e-3);
    const auto or_else = [&](const char* name, bool is_there, float value) {
      if (is_there) return e.weight_tensor(layer, name, 1);
      return Build::owned_tensor(DataType::kFloat, {(int64_t)channels}, std::vector<float>(channels, value));
    };
    const GraphTensor gamma = or_else("gamma", json_flag(layer.config, "scale", true), 1);
    const GraphTensor beta = or_else("beta", json_flag(layer.config, "center", true), 0);
    if (gamma.dims != mean.dims || beta.dims != mean.dims || variance.dims != mean.dims) {
      e.refuse(layer, "its weights differ in length");
    }
    if (x.rank == 4) {
      const std::vector<std::string> inputs = {x.node, e.constant("gamma", gamma), e.constant("beta", beta),
                                               e.constant("moving_mean", mean),
                                               e.constant("moving_variance", variance)};
      return {e.node("FusedBatchNormV3", inputs,
                     {{"epsilon", Build::number(epsilon)}, {"is_training", Build::flag(false)}}),
              4};
    }
    std::vector<float> scale(channels), offset(channels);
    for (size_t i = 0; i < channels; ++i) {
      const double factor = gamma.number(i) / std::sqrt(variance.number(i) + epsilon);
      scale[i] = (float)factor;
      offset[i] = (float)(beta.number(i) - mean.number(i) * factor);
    }
    const std::string scaled = e.node("Mul", {x.node, e.floats("scale", {(int64_t)channels}, scale)});
    return {e.node("AddV2", {scaled, e.floats("offset", {(int64_t)channels}, offset)}), x.rank};
  }

  static KerasValue activation_layer(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    return {own_activation(e, layer, x.node), x.rank};
  }
  static KerasValue relu(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    const Json& max_value = json_member(layer.config, "max_value");
    const double slope = json_number(layer.config, "negative_slope", json_number(layer.config, "negativeSlope", 0));
    if (json_number(layer.config, "threshold", 0) != 0) e.refuse(layer, "a threshold other than 0 is not supported");
    if (slope != 0 && !max_value.is_null())
      e.refuse(layer, "a negative slope together with a maximum is not supported");
    if (slope != 0) return {e.node("LeakyRelu", {x.node}, {{"alpha", Build::number((float)slope)}}), x.rank};
    if (!max_value.is_number()) return {e.node("Relu", {x.node}), x.rank};
    if (max_value.get<double>() == 6) return {e.node("Relu6", {x.node}), x.rank};
    return {clamp(e, x.node, 0, (float)max_value.get<double>()), x.rank};
  }
  static KerasValue leaky_relu(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    const double alpha = json_number(layer.config, "alpha", json_number(layer.config, "negative_slope", 0.3));
    return {e.node("LeakyRelu", {x.node}, {{"alpha", Build::number((float)alpha)}}), x.rank};
  }
  static KerasValue elu(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    const double alpha = json_number(layer.config, "alpha", 1);
    if (alpha == 1) return {e.node("Elu", {x.node}), x.rank};
    const std::string below = e.node("Elu", {e.node("Minimum", {x.node, e.scalar("zero", 0)})});
    const std::string scaled = e.node("Mul", {below, e.scalar("alpha", (float)alpha)});
    return {e.node("AddV2", {e.node("Relu", {x.node}), scaled}), x.rank};
  }
  // x where positive, alpha * x elsewhere; an alpha for each channel, or for each number.
  static KerasValue prelu(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    const std::string below = e.node("Relu", {e.node("Neg", {x.node})});
    const std::string scaled = e.node("Mul", {below, e.weight(layer, "alpha", (size_t)x.rank - 1)});
    return {e.node("Sub", {e.node("Relu", {x.node}), scaled}), x.rank};
  }
  static KerasValue softmax(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    check_last_axis(e, layer, x.rank);
    return {e.node("Softmax", {x.node}), x.rank};
  }
  static KerasValue rescaling(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    const std::string scaled = e.node("Mul", {x.node, e.scalar("scale", (float)json_number(layer.config, "scale", 1))});
    return {e.node("AddV2", {scaled, e.scalar("offset", (float)json_number(layer.config, "offset", 0))}), x.rank};
  }
  // Layers that only do something in training.
  static KerasValue dropped(Emitter& e, const Layer& layer, const Values& in) {
    return {e.node("Identity", {one_input(e, layer, in).node}), in[0].rank};
  }

  // ---- Pools and shapes ----

  static KerasValue pool(Emitter& e, const Layer& layer, const Values& in, const char* op) {
    const KerasValue& x = map_input(e, layer, in);
    const auto size = pair_of(e, layer, "pool_size", 2);
    const bool has_strides = !json_member(layer.config, "strides").is_null();
    return {e.node(op, {x.node},
                   {{"ksize", window(size)},
                    {"strides", window(has_strides ? pair_of(e, layer, "strides", 1) : size)},
                    {"padding", padding(e, layer)}}),
            4};
  }
  static KerasValue max_pool(Emitter& e, const Layer& layer, const Values& in) { return pool(e, layer, in, "MaxPool"); }
  static KerasValue average_pool(Emitter& e, const Layer& layer, const Values& in) {
    return pool(e, layer, in, "AvgPool");
  }
  static KerasValue global_pool(Emitter& e, const Layer& layer, const Values& in, const char* op) {
    const KerasValue& x = map_input(e, layer, in);
    const bool keep = json_flag(layer.config, "keepdims", false);
    return {e.node(op, {x.node, e.ints("axes", {1, 2})}, {{"keep_dims", Build::flag(keep)}}), keep ? 4 : 2};
  }
  static KerasValue global_average(Emitter& e, const Layer& layer, const Values& in) {
    return global_pool(e, layer, in, "Mean");
  }
  static KerasValue global_max(Emitter& e, const Layer& layer, const Values& in) {
    return global_pool(e, layer, in, "Max");
  }
  static KerasValue zero_padding(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = map_input(e, layer, in);
    const Json& padding = json_member(layer.config, "padding");
    int64_t sides[4] = {1, 1, 1, 1};  // top, bottom, left, right
    for (size_t i = 0; i < 4 && !padding.is_null(); ++i) {
      const Json& axis = padding.is_array() ? padding.at(i / 2) : padding;
      sides[i] = json_integer(axis.is_array() ? axis.at(i % 2) : axis);
    }
    std::vector<int32_t> flat = {0, 0};
    for (const int64_t side : sides) flat.push_back((int32_t)side);
    flat.insert(flat.end(), {0, 0});
    return {e.node("Pad", {x.node, e.ints("paddings", flat, {4, 2})}), 4};
  }
  static KerasValue cropping(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = map_input(e, layer, in);
    const Json& cropping = json_member(layer.config, "cropping");
    std::vector<int32_t> begin = {0, 0, 0, 0}, end = {0, 0, 0, 0};
    int64_t whole = 0b1001;  // axes whose end is the input's
    for (size_t axis = 1; axis < 3; ++axis) {
      const Json& sides = cropping.is_array() ? cropping.at(axis - 1) : cropping;
      const auto side = [&](size_t i) { return (int32_t)json_integer(sides.is_array() ? sides.at(i) : sides); };
      if (side(0) < 0 || side(1) < 0) e.refuse(layer, "its cropping is negative");
      begin[axis] = side(0);
      end[axis] = -side(1);
      if (end[axis] == 0) whole |= 1 << axis;
    }
    const std::vector<std::string> inputs = {x.node, e.ints("begin", begin), e.ints("end", end),
                                             e.ints("strides", {1, 1, 1, 1})};
    return {
        e.node("StridedSlice", inputs, {{"begin_mask", Build::integer(0b1001)}, {"end_mask", Build::integer(whole)}}),
        4};
  }
  // Each pixel becomes h x w of them.
  static KerasValue up_sampling(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = map_input(e, layer, in);
    if (json_text(layer.config, "interpolation", "nearest") != "nearest") {
      e.refuse(layer, "only the interpolation 'nearest' is supported: Keras and TensorFlow.js differ in the others");
    }
    const auto [h, w] = pair_of(e, layer, "size", 2);
    const std::vector<std::string> middle = {e.node("Shape", {x.node}), e.ints("begin", {1}), e.ints("end", {3}),
                                             e.ints("strides", {1})};
    const std::string size = e.node("Mul", {e.node("StridedSlice", middle), e.ints("size", {(int32_t)h, (int32_t)w})});
    return {e.node("ResizeNearestNeighbor", {x.node, size}), 4};
  }
  static KerasValue permute(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue& x = one_input(e, layer, in);
    std::vector<int32_t> order = {0};  // the batch
    for (const Json& dim : json_member(layer.config, "dims")) order.push_back((int32_t)json_integer(dim));
    return {e.node("Transpose", {x.node, e.ints("order", order)}), x.rank};
  }
  static KerasValue flatten(Emitter& e, const Layer& layer, const Values& in) {
    return {e.node("Reshape", {one_input(e, layer, in).node, e.ints("shape", {1, -1})}), 2};
  }
  static KerasValue reshape(Emitter& e, const Layer& layer, const Values& in) {
    std::vector<int32_t> shape = {1};  // the batch
    for (const Json& dim : json_member(layer.config, "target_shape")) shape.push_back((int32_t)json_integer(dim));
    return {e.node("Reshape", {one_input(e, layer, in).node, e.ints("shape", shape)}), (int)shape.size()};
  }

  // ---- Several inputs ----

  static KerasValue merge(Emitter& e, const Layer& layer, const Values& in, const char* op) {
    if (in.size() < 2) e.refuse(layer, "it needs two inputs or more");
    KerasValue out = in[0];
    for (size_t i = 1; i < in.size(); ++i) {
      out = {e.node(op, {out.node, in[i].node}), std::max(out.rank, in[i].rank)};
    }
    return out;
  }
  static KerasValue add(Emitter& e, const Layer& layer, const Values& in) { return merge(e, layer, in, "AddV2"); }
  static KerasValue subtract(Emitter& e, const Layer& layer, const Values& in) { return merge(e, layer, in, "Sub"); }
  static KerasValue multiply(Emitter& e, const Layer& layer, const Values& in) { return merge(e, layer, in, "Mul"); }
  static KerasValue maximum(Emitter& e, const Layer& layer, const Values& in) { return merge(e, layer, in, "Maximum"); }
  static KerasValue minimum(Emitter& e, const Layer& layer, const Values& in) { return merge(e, layer, in, "Minimum"); }
  static KerasValue average(Emitter& e, const Layer& layer, const Values& in) {
    const KerasValue sum = add(e, layer, in);
    return {e.node("Mul", {sum.node, e.scalar("part", 1 / (float)in.size())}), sum.rank};
  }
  static KerasValue concatenate(Emitter& e, const Layer& layer, const Values& in) {
    if (in.size() < 2) e.refuse(layer, "it needs two inputs or more");
    std::vector<std::string> inputs;
    for (const KerasValue& x : in) inputs.push_back(x.node);
    const Json& axis = json_member(layer.config, "axis");
    inputs.push_back(e.ints("axis", {axis.is_null() ? -1 : (int32_t)json_integer(axis)}, {}));
    return {e.node("ConcatV2", inputs, {{"N", Build::integer((int64_t)in.size())}}), in[0].rank};
  }

  static const std::unordered_map<std::string, Function>& table() {
    static const std::unordered_map<std::string, Function> functions = {
        {"Activation", activation_layer},
        {"ActivityRegularization", dropped},
        {"Add", add},
        {"AlphaDropout", dropped},
        {"Average", average},
        {"AveragePooling2D", average_pool},
        {"BatchNormalization", batch_normalization},
        {"BatchNormalizationV1", batch_normalization},
        {"Concatenate", concatenate},
        {"Conv2D", conv_2d},
        {"Cropping2D", cropping},
        {"Dense", dense},
        {"DepthwiseConv2D", depthwise_conv_2d},
        {"Dropout", dropped},
        {"ELU", elu},
        {"Flatten", flatten},
        {"GaussianDropout", dropped},
        {"GaussianNoise", dropped},
        {"GlobalAveragePooling2D", global_average},
        {"GlobalMaxPooling2D", global_max},
        {"LeakyReLU", leaky_relu},
        {"MaxPooling2D", max_pool},
        {"Maximum", maximum},
        {"Minimum", minimum},
        {"Multiply", multiply},
        {"PReLU", prelu},
        {"Permute", permute},
        {"RandomBrightness", dropped},
        {"RandomContrast", dropped},
        {"RandomFlip", dropped},
        {"RandomRotation", dropped},
        {"RandomTranslation", dropped},
        {"RandomZoom", dropped},
        {"ReLU", relu},
        {"Rescaling", rescaling},
        {"Reshape", reshape},
        {"SeparableConv2D", separable_conv_2d},
        {"Softmax", softmax},
        {"SpatialDropout2D", dropped},
        {"Subtract", subtract},
        {"UpSampling2D", up_sampling},
        {"ZeroPadding2D", zero_padding},
    };
    return functions;
  }
};

KerasValue KerasEmitter::run_plain_layer(const KerasLayer& layer, const std::vector<KerasValue>& inputs) {
  const auto function = KerasOps::table().find(layer.kind);
  if (function == KerasOps::table().end()) {
    refuse(layer, "this kind of layer cannot be converted: export the model without it, or as a frozen graph");
  }
  name_ = layer.name;
  KerasValue value = function->second(*this, layer, inputs);
  if (graph_.nodes.back().name == value.node) value.node = build_.rename_last(name_);
  return value;
}

}  // namespace posy
