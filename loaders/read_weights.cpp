#include "loaders/read_weights.h"

namespace posy {
namespace {

struct Numbers {
  std::vector<float> values, bias;
};

Numbers floats_of(const Weights& weights, size_t channels) {
  Numbers numbers = {std::vector<float>(weights.rows * channels), std::vector<float>(channels)};
  for (size_t c = 0; c < channels; ++c) {
    const WeightLane lane(weights, (uint32_t)c);
    const float scale = lane.header[kPanelLanes + lane.lane];
    for (uint32_t row = 0; row < weights.rows; ++row) numbers.values[row * channels + c] = lane.at(row) * scale;
    numbers.bias[c] = lane.finish(0);
  }
  return numbers;
}

// What a product of bytes leaves to be known of its codes.
struct CodeScales {
  float in, out;  // of a code; 1 where the output is floats
  int32_t in_zero;
};

CodeScales scales_of(const Model& model, const OpRecord& op) {
  const TensorRecord &in = model.tensors[op.in[0]], &out = model.tensors[op.out];
  return {in.scale, is_u8(out) ? out.scale : 1.0f, in.zero_point};
}

// `place` is the row in the panel of a row in order.
template <class Place>
Numbers bytes_of(const Int8Weights& weights, size_t rows, size_t channels, const CodeScales& scales, Place place) {
  Numbers numbers = {std::vector<float>(rows * channels), std::vector<float>(channels)};
  const auto take = [&](size_t c, int32_t start, float multiplier, auto weight_at) {
    int64_t sum = 0;
    for (uint32_t row = 0; row < rows; ++row) {
      const int32_t weight = weight_at(place(row));
      sum += weight;
      numbers.values[row * channels + c] = (float)weight * multiplier * (scales.out / scales.in);
    }
    // A zero is the code in_zero, whose products `start` takes away beforehand.
    numbers.bias[c] = (float)(start + scales.in_zero * sum) * multiplier * scales.out;
  };
  for (size_t c = 0; c < channels; ++c) {
    const Int8Lane lane(weights, (uint32_t)c);
    take(c, (int32_t)lane.start(), lane.multiplier(), [&](uint32_t row) { return (int32_t)lane.at(row); });
  }
  // Channels that no byte holds stand behind the panels, for those in them.
  for (uint32_t i = 0; i < weights.wide_count; ++i) {
    const Int8WideChannel wide(weights, (uint32_t)channels, i);
    take(wide.channel() % channels, (int32_t)wide.start(), wide.multiplier(),
         [&](uint32_t row) { return (int32_t)wide.weights()[row]; });
  }
  return numbers;
}

template <class Args>
Numbers numbers_of(const Model&, const OpRecord&, const Args&) {
  return {};
}
Numbers numbers_of(const Model&, const OpRecord&, const Conv2dArgs& args) {
  return floats_of(args.weights, args.out.c);
}
Numbers numbers_of(const Model&, const OpRecord&, const DepthwiseConv2dArgs& args) {
  return floats_of(args.weights, args.out.c);
}
Numbers numbers_of(const Model&, const OpRecord&, const WinogradProductArgs& args) {
  return floats_of(args.weights, args.out.c);
}
Numbers numbers_of(const Model& model, const OpRecord& op, const Int8Conv2dArgs& args) {
  const uint32_t c = args.in.c, taps = args.window.k_h * args.window.k_w;
  return bytes_of(args.weights, (size_t)taps * c, args.out.c, scales_of(model, op),
                  [&](uint32_t row) { return row / c * whole_groups(c) + row % c; });
}
Numbers numbers_of(const Model& model, const OpRecord& op, const Int8DepthwiseConv2dArgs& args) {
  const uint32_t k_h = args.window.k_h, k_w = args.window.k_w;
  return bytes_of(args.weights, (size_t)k_h * k_w, args.out.c, scales_of(model, op),
                  [&](uint32_t row) { return depthwise_row(k_h, row / k_w, row % k_w); });
}

}  // namespace

bool has_weights(const OpRecord& op) {
  return op.weights_bytes > 0 && (OpKind)op.kind != OpKind::int8_map;
}

OpWeights read_weights(const Model& model, uint32_t index) {
  const OpRecord& op = model.ops[index];
  Numbers numbers;
  switch ((OpKind)op.kind) {
#define POSY_OP(number, name, Args)                    \
  case OpKind::name: {                                 \
    Args args;                                         \
    if (bind_##name(model, op, nullptr, &args)) break; \
    numbers = numbers_of(model, op, args);             \
    break;                                             \
  }
#include "kernels/ops.def"
#undef POSY_OP
  }
  return {index, model.string(op.name), model.tensors[op.out].c, std::move(numbers.values), std::move(numbers.bias)};
}

std::vector<OpWeights> read_weights(const Model& model) {
  std::vector<OpWeights> all;
  for (uint32_t i = 0; i < model.op_count; ++i) {
    OpWeights weights = read_weights(model, i);
    if (!weights.values.empty()) all.push_back(std::move(weights));
  }
  return all;
}

}  // namespace posy
