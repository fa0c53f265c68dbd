// Small models made in memory, and the means to damage their bytes in one place.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "engine/checksum.h"
#include "engine/format.h"
#include "engine/posy.h"
#include "kernels/winograd_transforms.hpp"
#include "loaders/lower.h"
#include "loaders/plan.h"
#include "loaders/write_posy.h"

namespace posy {

class NetworkBuilder {
 public:
  NetworkBuilder(Shape input, uint32_t seed) : random_(seed) {
    network_.input_name = "input";
    network_.output_name = "final_result";
    network_.input = value(input, "input");
  }

  Network& network() { return network_; }
  ValueId input() const { return network_.input; }

  // SAME padding, as TensorFlow has it.
  ValueId conv(ValueId in, uint32_t k, uint32_t stride, uint32_t out_c, Clamp clamp) {
    NetworkNode& n = windowed(NodeKind::kConv2d, "conv", in, k, stride, out_c);
    n.clamp = clamp;
    n.weights = weights(k * k * shape(in).c, out_c);
    return n.output;
  }
  // Stride 1, a window of any two sides.
  ValueId oblong_conv(ValueId in, uint32_t k_h, uint32_t k_w, uint32_t out_c) {
    const Shape s = shape(in);
    NetworkNode& n = node(NodeKind::kConv2d, "conv", {in}, {s.h, s.w, out_c});
    n.window = {k_h, k_w, 1, 1, 1, 1, (k_h - 1) / 2, (k_w - 1) / 2};
    n.weights = weights(k_h * k_w * s.c, out_c);
    return n.output;
  }
  ValueId depthwise(ValueId in, uint32_t k, uint32_t stride, Clamp clamp) {
    NetworkNode& n = windowed(NodeKind::kDepthwiseConv2d, "depthwise", in, k, stride, shape(in).c);
    n.clamp = clamp;
    n.weights = weights(k * k, shape(in).c);
    return n.output;
  }
  // 3x3 in tiles of 2x4, a row of tiles in each band.
  ValueId winograd(ValueId in, uint32_t out_c, Clamp clamp) {
    const Shape s = shape(in);
    NetworkNode& first = node(NodeKind::kWinogradInput, "transform", {in}, {(s.h + 1) / 2 * 24, (s.w + 3) / 4, s.c});
    first.window = {3, 3, 0, 0, 0, 0, 1, 1};
    first.params.dims[0] = 2;
    first.params.dims[1] = 4;
    first.params.dims[2] = 1;
    const FunctionParams params = first.params;
    NetworkNode& n = node(NodeKind::kWinogradProduct, "winograd", {first.output}, {s.h, s.w, out_c});
    n.window = {3, 3, 0, 0, 0, 0, 0, 0};
    n.params = params;
    n.clamp = clamp;
    n.weights = weights(9 * s.c, out_c);
    return n.output;
  }
  ValueId max_pool(ValueId in, uint32_t k, uint32_t stride) {
    return windowed(NodeKind::kMaxPool, "max_pool", in, k, stride, shape(in).c).output;
  }
  ValueId average_all(ValueId in) {
    const Shape s = shape(in);
    NetworkNode& n = node(NodeKind::kAveragePool, "average", {in}, {1, 1, s.c});
    n.window = {s.h, s.w, 1, 1, 1, 1, 0, 0};
    return n.output;
  }
  // `b` may have size 1 along an axis.
  ValueId binary(BinaryFunction function, ValueId a, ValueId b) {
    NetworkNode& n = node(NodeKind::kBinary, "binary", {a, b}, shape(a));
    n.params.function = (uint8_t)function;
    return n.output;
  }
  ValueId unary(UnaryFunction function, ValueId in, float parameter = 0) {
    NetworkNode& n = node(NodeKind::kUnary, "unary", {in}, shape(in));
    n.params.function = (uint8_t)function;
    n.params.param[0] = parameter;
    return n.output;
  }
  // `size` pixels more on every side, every step-th of them kept.
  ValueId pad(ValueId in, PadMode mode, uint32_t size, uint32_t step) {
    const Shape s = shape(in);
    NetworkNode& n = node(NodeKind::kPad, "pad", {in},
                          {(s.h + 2 * size + step - 1) / step, (s.w + 2 * size + step - 1) / step, s.c});
    n.window = {0, 0, step, step, 0, 0, size, size};
    n.params.function = (uint8_t)mode;
    return n.output;
  }
  // Rows cut off at the top, columns at the left.
  ValueId crop(ValueId in, uint16_t top, uint16_t left) {
    const Shape s = shape(in);
    NetworkNode& n = node(NodeKind::kPad, "crop", {in}, {s.h - top, s.w - left, s.c});
    n.window = {0, 0, 1, 1, 0, 0, 0, 0};
    n.params.dims[0] = top;
    n.params.dims[1] = left;
    return n.output;
  }
  ValueId resize(ValueId in, ValueId like, bool half_pixel_centers) {
    NetworkNode& n = node(NodeKind::kResize, "resize", {in}, {shape(like).h, shape(like).w, shape(in).c});
    n.params.function = half_pixel_centers ? 4 : 0;
    return n.output;
  }
  // Columns become channels and channels columns.
  ValueId transpose(ValueId in) {
    const Shape s = shape(in);
    NetworkNode& n = node(NodeKind::kTranspose, "transpose", {in}, {s.h, s.c, s.w});
    const uint8_t order[4] = {0, 1, 3, 2};
    const uint16_t dims[4] = {1, (uint16_t)s.h, (uint16_t)s.w, (uint16_t)s.c};
    std::copy(order, order + 4, n.params.order);
    std::copy(dims, dims + 4, n.params.dims);
    return n.output;
  }
  // Over rows and columns.
  ValueId reduce(ValueId in, ReduceFunction function) {
    NetworkNode& n = node(NodeKind::kReduce, "reduce", {in}, {1, 1, shape(in).c});
    n.params.function = (uint8_t)function;
    return n.output;
  }
  // Row by row a and b transposed.
  ValueId batch_product(ValueId a, ValueId b) {
    NetworkNode& n = node(NodeKind::kBatchProduct, "product", {a, b}, {shape(a).h, shape(a).w, shape(b).w});
    n.params.function = 1;
    return n.output;
  }
  // With the range of another value.
  ValueId quantize(ValueId in, ValueId range_of) {
    return node(NodeKind::kQuantize, "quantize", {in, range_of}, shape(in)).output;
  }
  ValueId local_response_norm(ValueId in) {
    NetworkNode& n = node(NodeKind::kLocalResponseNorm, "norm", {in}, shape(in));
    n.params.dims[0] = 1;
    n.params.param[0] = 1;
    n.params.param[1] = 0.5f;
    n.params.param[2] = 0.75f;
    return n.output;
  }
  ValueId concat(ValueId a, ValueId b) {
    Shape s = shape(a);
    s.c += shape(b).c;
    return node(NodeKind::kConcat, "concat", {a, b}, s).output;
  }
  // What follows takes codes of 8 bits where its input is codes, and makes such.
  ValueId as_codes(ValueId id, float scale, uint8_t zero_point) {
    Value& v = network_.values[(size_t)id];
    v.is_u8 = true;
    v.scale = scale;
    v.zero_point = zero_point;
    return id;
  }
  ValueId encode(ValueId in) { return as_codes(node(NodeKind::kEncode, "encode", {in}, shape(in)).output, 0.03f, 90); }
  ValueId decode(ValueId in) { return node(NodeKind::kDecode, "decode", {in}, shape(in)).output; }
  ValueId code_conv(ValueId in, uint32_t k, uint32_t out_c) {
    NetworkNode& n = windowed(NodeKind::kConv2d, "code_conv", in, k, 1, out_c);
    n.int8 = int8_layer(k * k * shape(in).c, out_c, network_.values[(size_t)in].zero_point);
    return n.output;
  }
  ValueId code_depthwise(ValueId in, uint32_t k) {
    NetworkNode& n = windowed(NodeKind::kDepthwiseConv2d, "code_depthwise", in, k, 1, shape(in).c);
    n.int8 = int8_layer(k * k, shape(in).c, network_.values[(size_t)in].zero_point);
    return n.output;
  }
  ValueId average_pool(ValueId in, uint32_t k) {
    return windowed(NodeKind::kAveragePool, "average", in, k, 1, shape(in).c).output;
  }
  void softmax(ValueId in) { network_.output = node(NodeKind::kSoftmax, "softmax", {in}, shape(in)).output; }

 private:
  Shape shape(ValueId id) const { return network_.values[(size_t)id].shape; }
  ValueId value(Shape shape, const std::string& name) { return network_.add_value({shape, {name}}); }

  NetworkNode& node(NodeKind kind, const std::string& name, std::vector<ValueId> inputs, Shape out) {
    const std::string numbered = name + std::to_string(network_.nodes.size());
    network_.nodes.push_back({kind, numbered, std::move(inputs), value(out, numbered)});
    return network_.nodes.back();
  }
  NetworkNode& windowed(NodeKind kind, const std::string& name, ValueId in, uint32_t k, uint32_t stride,
                        uint32_t out_c) {
    const Shape s = shape(in);
    const Shape out = {(s.h + stride - 1) / stride, (s.w + stride - 1) / stride, out_c};
    const auto pad = [&](uint32_t size, uint32_t made) {
      const int all = (int)((made - 1) * stride + k) - (int)size;
      return (uint32_t)(all > 0 ? all / 2 : 0);
    };
    NetworkNode& n = node(kind, name, {in}, out);
    n.window = {k, k, stride, stride, 1, 1, pad(s.h, out.h), pad(s.w, out.w)};
    return n;
  }

  float random_float() { return (float)(random_() >> 8) / (float)(1 << 23) - 1; }
  // At most 201 distinct values: every encoding of the file can be asked for.
  ConvWeights weights(uint32_t rows, uint32_t channels) {
    std::vector<float> values((size_t)rows * channels);
    for (float& x : values) x = (float)((int)(random_() % 201) - 100) / 100;
    ConvWeights w;
    w.values = std::make_shared<Array>(float_array({rows, channels}, std::move(values)));
    for (uint32_t c = 0; c < channels; ++c) {
      w.line.center.push_back(random_float() / 4);
      w.line.scale.push_back(2 * random_float() / std::sqrt((float)rows));
      w.line.bias.push_back(random_float() / 4);
    }
    return w;
  }

  // Pairs are small.
  std::shared_ptr<const Int8Layer> int8_layer(uint32_t rows, uint32_t channels, uint8_t zero_point) {
    auto layer = std::make_shared<Int8Layer>();
    for (uint32_t i = 0; i < rows * channels; ++i) layer->weights.push_back((int8_t)((int)(random_() % 129) - 64));
    for (uint32_t c = 0; c < channels; ++c) {
      int32_t sum = 0;
      for (uint32_t row = 0; row < rows; ++row) sum += layer->weights[row * channels + c];
      layer->start.push_back((int)(random_() % 2000) - 1000 - zero_point * sum);
      layer->multiplier.push_back(0.02f / std::sqrt((float)rows));
    }
    return layer;
  }

  Network network_;
  std::mt19937 random_;
};

struct ModelOptions {
  Shape input = {9, 7, 3};
  uint32_t channels = 4, classes = 5;
  bool labels = true;
  WeightChoice weights = WeightChoice::kF32;
  uint32_t band_rows = 0;  // 0: a step makes all rows of an op
  bool input_is_codes = false;
  Preprocessing preprocessing = {};
};

// Every op of ops.def, by its shortest way from the input to the scores.
inline std::vector<uint8_t> build_model(const ModelOptions& options) {
  constexpr float kInfinity = __builtin_inff();
  constexpr Clamp kNone = {-kInfinity, kInfinity}, kRelu6 = {0, 6};
  NetworkBuilder b(options.input, 42);
  const uint32_t c = options.channels;
  ValueId image = b.input();
  if (options.input_is_codes) image = b.decode(b.as_codes(image, 1 / 127.0f, 127));
  const ValueId first = b.conv(image, 3, 2, c, kRelu6);
  const ValueId wide = b.depthwise(first, 3, 1, kRelu6);
  const ValueId point = b.conv(wide, 1, 1, c, kNone);
  const ValueId sum = b.binary(BinaryFunction::add, first, point);
  const ValueId gate = b.unary(UnaryFunction::sigmoid, b.reduce(sum, ReduceFunction::mean));
  const ValueId gated = b.unary(UnaryFunction::leaky_relu, b.binary(BinaryFunction::mul, sum, gate), 0.125f);
  const ValueId padded = b.crop(b.pad(b.quantize(gated, wide), PadMode::symmetric, 2, 2), 1, 0);
  const ValueId normed = b.local_response_norm(b.resize(padded, first, true));
  const ValueId turned = b.transpose(b.transpose(b.batch_product(normed, point)));
  const ValueId tiled = b.winograd(wide, c, kRelu6);
  const ValueId coded = b.as_codes(b.code_conv(b.encode(sum), 3, c), 0.05f, 110);
  const ValueId deep = b.as_codes(b.code_depthwise(coded, 3), 0.04f, 128);
  const ValueId pooled = b.as_codes(b.max_pool(b.as_codes(b.average_pool(deep, 3), 0.04f, 128), 3, 1), 0.04f, 128);
  const ValueId mapped =
      b.as_codes(b.unary(UnaryFunction::sigmoid, b.as_codes(b.binary(BinaryFunction::add, pooled, coded), 0.06f, 120)),
                 1 / 256.0f, 0);
  const ValueId codes = b.concat(b.decode(mapped), b.code_conv(pooled, 1, c));
  const ValueId floats = b.concat(b.concat(sum, b.max_pool(tiled, 3, 1)), point);
  const ValueId joined = b.concat(b.concat(floats, turned), codes);
  b.softmax(b.conv(b.average_all(joined), 1, 1, options.classes, kNone));
  Network& network = b.network();
  network.preprocessing = options.preprocessing;
  for (uint32_t i = 0; options.labels && i < options.classes; ++i) {
    network.labels.push_back("class " + std::to_string(i));
  }
  Plan plan = make_plan(&network);
  if (options.band_rows > 0) {
    std::vector<StepRecord> steps;
    for (const StepRecord& step : plan.steps) {
      const PlannedOp& op = plan.ops[step.op];
      uint32_t rows = options.band_rows;
      if (op.kind == OpKind::winograd_input) {  // whole bands of tiles
        rows *= winograd_alphas(op.params.dims[0], op.window.k_h) * winograd_alphas(op.params.dims[1], op.window.k_w);
      }
      for (uint32_t y = step.row_begin; y < step.row_end; y += rows) {
        steps.push_back({step.op, y, std::min(step.row_end, y + rows), 0});
      }
    }
    plan.steps = steps;
  }
  return write_posy(network, plan, options.weights);
}

// A model that is an average pool and a softmax: what preprocessing made of the image is in its input.
inline std::vector<uint8_t> build_image_model(Shape input, const Preprocessing& preprocessing) {
  NetworkBuilder b(input, 1);
  b.softmax(b.average_all(b.input()));
  b.network().preprocessing = preprocessing;
  const Plan plan = make_plan(&b.network());
  return write_posy(b.network(), plan, WeightChoice::kF32);
}

// The same of codes: what preprocessing made of the image is in its input, a pixel every four bytes.
inline std::vector<uint8_t> build_code_image_model(Shape input, const Preprocessing& preprocessing, float scale,
                                                   uint8_t zero_point) {
  NetworkBuilder b(input, 1);
  b.as_codes(b.input(), scale, zero_point);
  b.softmax(b.decode(b.as_codes(b.average_all(b.input()), scale, zero_point)));
  b.network().preprocessing = preprocessing;
  const Plan plan = make_plan(&b.network());
  return write_posy(b.network(), plan, WeightChoice::kF32);
}

// ---- Bytes ----

template <class T>
T get(const std::vector<uint8_t>& file, size_t at) {
  T value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}
template <class T>
void set(std::vector<uint8_t>* file, size_t at, T value) {
  std::memcpy(file->data() + at, &value, sizeof value);
}

inline void fix_checksum(std::vector<uint8_t>* file) {
  const size_t first = offsetof(FileHeader, version_major);
  set(file, offsetof(FileHeader, checksum), checksum(file->data() + first, file->size() - first));
}

inline uint32_t section_count(const std::vector<uint8_t>& file) {
  return get<uint32_t>(file, offsetof(FileHeader, section_count));
}
inline size_t entry_at(uint32_t index) {
  return sizeof(FileHeader) + index * sizeof(SectionEntry);
}
// The table's entry; kind - 1 is the index in files that have the required sections only.
inline SectionEntry section(const std::vector<uint8_t>& file, SectionKind kind) {
  for (uint32_t i = 0; i < section_count(file); ++i) {
    const SectionEntry entry = get<SectionEntry>(file, entry_at(i));
    if (entry.kind == (uint32_t)kind) return entry;
  }
  return {};
}
inline size_t record_at(const std::vector<uint8_t>& file, SectionKind kind, uint32_t index) {
  const SectionEntry entry = section(file, kind);
  return entry.offset + (size_t)index * (entry.count ? entry.bytes / entry.count : 0);
}
// The first op of that kind.
inline size_t op_at(const std::vector<uint8_t>& file, OpKind kind) {
  for (uint32_t i = 0;; ++i) {
    const size_t at = record_at(file, SectionKind::kOps, i);
    if (get<uint16_t>(file, at) == (uint16_t)kind) return at;
  }
}

}  // namespace posy
