// Constant folding of the ops that undo or imitate quantization: how the weights of an 8-bit graph are read.
#include <algorithm>
#include <cmath>

#include "kernels/elementary.hpp"
#include "loaders/folding.h"

namespace posy {
namespace {

// ---- Dequantize: TensorFlow's array_ops documentation gives the formulas; types as its kernel computes them ----

struct CodeRange {
  float low, high;  // of the integer type
};

// x = (q + offset) * step + shift
struct Decoding {
  float offset, step, shift;
};

Decoding min_combined(CodeRange codes, float low, float high) {
  const float half_range = codes.low < 0 ? (codes.high - codes.low + 1) / 2 : 0;
  return {half_range, (high - low) / (codes.high - codes.low), low};
}

// Moves the minimum to a multiple of the step, so that 0 has a code of its own.
Decoding min_first(CodeRange codes, float low, float high) {
  const float step = (high - low) / (codes.high - codes.low);
  return {-codes.low, step, high == low ? low : std::round(low / step) * step};
}

// 0 is code 0. Of the two limits, the one that asks for the larger step counts; unsigned codes have no lower one.
Decoding scaled(const FoldNode& f, CodeRange codes, float low, float high) {
  const float lowest = codes.low + (f.attribute("narrow_range", int64_t{0}) != 0 ? 1.0f : 0.0f);
  return {0, codes.low < 0 ? std::max(low / lowest, high / codes.high) : high / codes.high, 0};
}

FoldOutputs dequantize(const FoldNode& f) {
  const Array& in = f.input(0);
  const DataType type = f.type();
  const bool is_known = type == DataType::kQuint8 || type == DataType::kQint8;
  if (!is_known || f.attribute("axis", int64_t{-1}) != -1) return {};  // an axis: limits per channel
  f.require(!in.is_float, "its input is a float");
  const IntegerLimits limits = integer_limits(type);
  const CodeRange codes = {(float)limits.low, (float)limits.high};
  const float low = f.number(1), high = f.number(2);
  const GraphAttribute* mode = f.node.attribute("mode");
  const std::string how = mode ? mode->text : "MIN_COMBINED";
  Decoding d;
  if (how == "MIN_COMBINED") {
    d = min_combined(codes, low, high);
  } else if (how == "MIN_FIRST") {
    d = min_first(codes, low, high);
  } else if (how == "SCALED") {
    d = scaled(f, codes, low, high);
  } else {
    return {};
  }
  Array out = f.result(in.dims, true);
  for (size_t i = 0; i < in.size(); ++i) out.floats[i] = ((float)in.integers[i] + d.offset) * d.step + d.shift;
  return one_output(std::move(out));
}

// ---- FakeQuant: weights as the graph's fake quantization leaves them ----

float fake_quant(const FakeQuant& q, float x) {
  const float p[4] = {q.low, q.high, q.scale, q.inverse_scale};
  return fake_quant_f32(p, x);
}

FoldOutputs fake_quant_all(const FoldNode& f, float min, float max) {
  f.require(f.input(0).is_float, "its input is not a float");
  const FakeQuant q = fake_quant_of(f.node, min, max);
  Array out = f.input(0);
  for (float& x : out.floats) x = fake_quant(q, x);
  return one_output(std::move(out));
}

FoldOutputs fake_quant_args(const FoldNode& f) {
  return fake_quant_all(f, f.attribute("min", -6.0f), f.attribute("max", 6.0f));
}

FoldOutputs fake_quant_vars(const FoldNode& f) {
  return fake_quant_all(f, f.number(1), f.number(2));
}

// Channels are the last axis.
FoldOutputs fake_quant_channels(const FoldNode& f) {
  const Array &in = f.input(0), &low = f.input(1), &high = f.input(2);
  f.require(in.is_float && low.is_float && high.is_float, "an input is not a float");
  f.require(!in.dims.empty() && low.dims == Dims{in.dims.back()} && high.dims == low.dims,
            "its limits are not one per channel");
  std::vector<FakeQuant> channels;
  for (size_t c = 0; c < low.size(); ++c) channels.push_back(fake_quant_of(f.node, low.floats[c], high.floats[c]));
  Array out = in;
  for (size_t i = 0; i < out.floats.size(); ++i)
    out.floats[i] = fake_quant(channels[i % channels.size()], in.floats[i]);
  return one_output(std::move(out));
}

}  // namespace

void add_quantization_folds(FoldTable* table) {
  table->insert({
      {"Dequantize", dequantize},
      {"FakeQuantWithMinMaxArgs", fake_quant_args},
      {"FakeQuantWithMinMaxVars", fake_quant_vars},
      {"FakeQuantWithMinMaxVarsPerChannel", fake_quant_channels},
  });
}

}  // namespace posy
