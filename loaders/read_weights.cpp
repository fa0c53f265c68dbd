#include "loaders/read_weights.h"

namespace posy {
namespace {

std::vector<float> floats_of(const Weights& weights, size_t channels) {
  std::vector<float> values(weights.rows * channels);
  for (size_t c = 0; c < channels; ++c) {
    const WeightLane lane(weights, (uint32_t)c);
    const float scale = lane.header[kPanelLanes + lane.lane];
    for (uint32_t row = 0; row < weights.rows; ++row) values[row * channels + c] = lane.at(row) * scale;
  }
  return values;
}

// `place` is the row in the panel of a row in order.
template <class Place>
std::vector<float> bytes_of(const Int8Weights& weights, size_t rows, size_t channels, float factor, Place place) {
  std::vector<float> values(rows * channels);
  for (size_t c = 0; c < channels; ++c) {
    const Int8Lane lane(weights, (uint32_t)c);
    for (uint32_t row = 0; row < rows; ++row) {
      values[row * channels + c] = (float)lane.at(place(row)) * lane.multiplier() * factor;
    }
  }
  return values;
}

// What a multiplier leaves out: codes come in with one scale and go out with another.
float scale_ratio(const Model& model, const OpRecord& op) {
  const TensorRecord& out = model.tensors[op.out];
  return (is_u8(out) ? out.scale : 1.0f) / model.tensors[op.in[0]].scale;
}

template <class Args>
std::vector<float> values_of(const Model&, const OpRecord&, const Args&) {
  return {};
}
std::vector<float> values_of(const Model&, const OpRecord&, const Conv2dArgs& args) {
  return floats_of(args.weights, args.out.c);
}
std::vector<float> values_of(const Model&, const OpRecord&, const DepthwiseConv2dArgs& args) {
  return floats_of(args.weights, args.out.c);
}
std::vector<float> values_of(const Model&, const OpRecord&, const WinogradProductArgs& args) {
  return floats_of(args.weights, args.out.c);
}
std::vector<float> values_of(const Model& model, const OpRecord& op, const Int8Conv2dArgs& args) {
  const uint32_t c = args.in.c, taps = args.window.k_h * args.window.k_w;
  return bytes_of(args.weights, (size_t)taps * c, args.out.c, scale_ratio(model, op),
                  [&](uint32_t row) { return row / c * whole_groups(c) + row % c; });
}
std::vector<float> values_of(const Model& model, const OpRecord& op, const Int8DepthwiseConv2dArgs& args) {
  const uint32_t k_h = args.window.k_h, k_w = args.window.k_w;
  return bytes_of(args.weights, (size_t)k_h * k_w, args.out.c, scale_ratio(model, op),
                  [&](uint32_t row) { return depthwise_row(k_h, row / k_w, row % k_w); });
}

}  // namespace

std::vector<OpWeights> read_weights(const Model& model) {
  std::vector<OpWeights> all;
  for (uint32_t i = 0; i < model.op_count; ++i) {
    const OpRecord& op = model.ops[i];
    std::vector<float> values;
    switch ((OpKind)op.kind) {
#define POSY_OP(number, name, Args)                    \
  case OpKind::name: {                                 \
    Args args;                                         \
    if (bind_##name(model, op, nullptr, &args)) break; \
    values = values_of(model, op, args);               \
    break;                                             \
  }
#include "kernels/ops.def"
#undef POSY_OP
    }
    if (values.empty()) continue;
    all.push_back({i, model.string(op.name), model.tensors[op.out].c, std::move(values)});
  }
  return all;
}

}  // namespace posy
