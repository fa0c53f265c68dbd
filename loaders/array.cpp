#include "loaders/array.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>

#include "loaders/error.h"

namespace posy {
namespace {

bool is_float_type(DataType type) {
  return type == DataType::kFloat || type == DataType::kDouble || type == DataType::kHalf ||
         type == DataType::kBfloat16;
}

// ---- Element-wise ops with NumPy's broadcasting ----

std::vector<int64_t> broadcast_dims(const GraphNode& node, const std::vector<int64_t>& a,
                                    const std::vector<int64_t>& b) {
  std::vector<int64_t> dims(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1, db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1) {
      throw InputError("node '" + node.name + "' (" + node.op + "): the shapes of its constants do not fit each other");
    }
    dims[dims.size() - 1 - i] = da == 1 ? db : da;
  }
  return dims;
}

// Where element `index` of a tensor of shape `dims` comes from in an operand of shape `from`.
size_t broadcast_index(size_t index, const std::vector<int64_t>& dims, const std::vector<int64_t>& from) {
  size_t source = 0, stride = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    const size_t dim = (size_t)dims[dims.size() - 1 - i], at = index % dim;
    index /= dim;
    if (i >= from.size()) continue;
    const size_t from_dim = (size_t)from[from.size() - 1 - i];
    if (from_dim > 1) source += at * stride;
    stride *= from_dim;
  }
  return source;
}

template <class FloatOp, class IntegerOp>
ArrayPtr binary(const GraphNode& node, const Array& a, const Array& b, FloatOp on_floats, IntegerOp on_integers) {
  if (a.is_float != b.is_float) return nullptr;
  auto out = std::make_shared<Array>();
  out->dims = broadcast_dims(node, a.dims, b.dims);
  out->is_float = a.is_float;
  const size_t count = element_count(out->dims);
  out->is_float ? out->floats.resize(count) : out->integers.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t ia = broadcast_index(i, out->dims, a.dims), ib = broadcast_index(i, out->dims, b.dims);
    if (out->is_float) {
      out->floats[i] = on_floats(a.floats[ia], b.floats[ib]);
    } else {
      out->integers[i] = on_integers(a.integers[ia], b.integers[ib]);
    }
  }
  return out;
}

ArrayPtr unary(const Array& a, float (*op)(float)) {
  if (!a.is_float) return nullptr;
  auto out = std::make_shared<Array>(a);
  for (float& x : out->floats) x = op(x);
  return out;
}

// Wraps around like TensorFlow's int32 and int64 do on the host, without undefined behaviour.
int64_t wrap(uint64_t x) {
  return (int64_t)x;
}

using Inputs = std::vector<ArrayPtr>;
using Fold = ArrayPtr (*)(const GraphNode&, const Inputs&);

ArrayPtr fold_add(const GraphNode& node, const Inputs& in) {
  return binary(
      node, *in[0], *in[1], [](float a, float b) { return a + b; },
      [](int64_t a, int64_t b) { return wrap((uint64_t)a + (uint64_t)b); });
}
ArrayPtr fold_sub(const GraphNode& node, const Inputs& in) {
  return binary(
      node, *in[0], *in[1], [](float a, float b) { return a - b; },
      [](int64_t a, int64_t b) { return wrap((uint64_t)a - (uint64_t)b); });
}
ArrayPtr fold_mul(const GraphNode& node, const Inputs& in) {
  return binary(
      node, *in[0], *in[1], [](float a, float b) { return a * b; },
      [](int64_t a, int64_t b) { return wrap((uint64_t)a * (uint64_t)b); });
}
ArrayPtr fold_div(const GraphNode& node, const Inputs& in) {
  return binary(
      node, *in[0], *in[1], [](float a, float b) { return a / b; },
      [](int64_t a, int64_t b) { return b == 0    ? 0
                                        : b == -1 ? wrap(0 - (uint64_t)a)
                                                  : a / b; });
}
ArrayPtr fold_maximum(const GraphNode& node, const Inputs& in) {
  return binary(
      node, *in[0], *in[1], [](float a, float b) { return a > b ? a : b; },
      [](int64_t a, int64_t b) { return std::max(a, b); });
}
ArrayPtr fold_minimum(const GraphNode& node, const Inputs& in) {
  return binary(
      node, *in[0], *in[1], [](float a, float b) { return a < b ? a : b; },
      [](int64_t a, int64_t b) { return std::min(a, b); });
}

ArrayPtr fold_rsqrt(const GraphNode&, const Inputs& in) {
  return unary(*in[0], [](float x) { return 1.0f / std::sqrt(x); });
}
ArrayPtr fold_sqrt(const GraphNode&, const Inputs& in) {
  return unary(*in[0], [](float x) { return std::sqrt(x); });
}
ArrayPtr fold_neg(const GraphNode&, const Inputs& in) {
  return unary(*in[0], [](float x) { return -x; });
}

ArrayPtr fold_identity(const GraphNode&, const Inputs& in) {
  return in[0];
}

ArrayPtr fold_reshape(const GraphNode& node, const Inputs& in) {
  if (in[1]->is_float) return nullptr;
  auto out = std::make_shared<Array>(*in[0]);
  out->dims = in[1]->integers;
  int64_t known = 1;
  int64_t* unknown = nullptr;
  for (int64_t& d : out->dims) {
    if (d < 0) {
      unknown = &d;
    } else {
      known = wrap((uint64_t)known * (uint64_t)d);
    }
  }
  if (unknown) *unknown = known > 0 ? (int64_t)in[0]->size() / known : 0;
  if (element_count(out->dims) != in[0]->size()) {
    throw InputError("node '" + node.name + "' (Reshape): " + std::to_string(in[0]->size()) +
                     " elements do not fit the shape");
  }
  return out;
}

// ---- Dequantize: TensorFlow's array_ops documentation gives the formulas; types as its kernel computes them ----

struct QuantizedRange {
  float low, high;  // of the integer type
};

bool quantized_range(DataType type, QuantizedRange* range) {
  switch (type) {
    case DataType::kQuint8:
      *range = {0, 255};
      return true;
    case DataType::kQint8:
      *range = {-128, 127};
      return true;
    default:
      return false;
  }
}

ArrayPtr fold_dequantize(const GraphNode& node, const Inputs& in) {
  const GraphAttribute* type = node.attribute("T");
  const GraphAttribute* mode = node.attribute("mode");
  QuantizedRange range;
  if (in.size() < 3 || in[0]->is_float || !in[1]->is_float || in[1]->size() != 1 || in[2]->size() != 1) return nullptr;
  if (!type || !quantized_range((DataType)type->integer, &range)) return nullptr;
  const float low = in[1]->floats[0], high = in[2]->floats[0];
  const std::string how = mode ? mode->text : "MIN_COMBINED";
  auto out = std::make_shared<Array>();
  out->dims = in[0]->dims;
  out->floats.resize(in[0]->size());
  const float step = (high - low) / (range.high - range.low);
  // MIN_FIRST moves the minimum to a multiple of the step, so that 0 has a code of its own.
  const float rounded_low = high == low ? low : std::round(low / step) * step;
  for (size_t i = 0; i < out->floats.size(); ++i) {
    const float q = (float)in[0]->integers[i];
    if (how == "MIN_COMBINED") {
      const float half_range = range.low < 0 ? (range.high - range.low + 1) / 2 : 0;
      out->floats[i] = (q + half_range) * step + low;
    } else if (how == "MIN_FIRST") {
      out->floats[i] = (q - range.low) * step + rounded_low;
    } else {
      return nullptr;
    }
  }
  return out;
}

const std::unordered_map<std::string, Fold>& folds() {
  static const std::unordered_map<std::string, Fold> table = {
      {"Add", fold_add},
      {"AddV2", fold_add},
      {"BiasAdd", fold_add},
      {"CheckNumerics", fold_identity},
      {"Dequantize", fold_dequantize},
      {"Identity", fold_identity},
      {"Maximum", fold_maximum},
      {"Minimum", fold_minimum},
      {"Mul", fold_mul},
      {"Neg", fold_neg},
      {"RealDiv", fold_div},
      {"Reshape", fold_reshape},
      {"Rsqrt", fold_rsqrt},
      {"Snapshot", fold_identity},
      {"Sqrt", fold_sqrt},
      {"StopGradient", fold_identity},
      {"Sub", fold_sub},
  };
  return table;
}

// Inputs that an op of the table needs.
size_t least_inputs(const std::string& op) {
  static const char* const one[] = {"CheckNumerics", "Identity", "Neg", "Rsqrt", "Snapshot", "Sqrt", "StopGradient"};
  return std::find(std::begin(one), std::end(one), op) != std::end(one) ? 1 : 2;
}

}  // namespace

size_t element_count(const std::vector<int64_t>& dims) {
  uint64_t count = 1;
  for (const int64_t d : dims) {
    if (d < 0 || (d > 0 && count > std::numeric_limits<int64_t>::max() / (uint64_t)d)) {
      throw InputError("a constant has an impossible shape");
    }
    count *= (uint64_t)d;
  }
  return (size_t)count;
}

ArrayPtr array_of(const GraphTensor& tensor) {
  auto array = std::make_shared<Array>();
  array->dims = tensor.dims;
  array->is_float = is_float_type(tensor.type);
  const size_t count = tensor.element_count();
  if (tensor.type == DataType::kString) return nullptr;
  if (array->is_float) {
    array->floats.resize(count);
    for (size_t i = 0; i < count; ++i) array->floats[i] = (float)tensor.number(i);
  } else {
    array->integers.resize(count);
    for (size_t i = 0; i < count; ++i) array->integers[i] = tensor.integer(i);
  }
  return array;
}

Array float_array(std::vector<int64_t> dims, std::vector<float> values) {
  Array array;
  array.dims = std::move(dims);
  array.floats = std::move(values);
  return array;
}

ArrayPtr fold_constant(const GraphNode& node, const std::vector<ArrayPtr>& inputs) {
  const auto fold = folds().find(node.op);
  if (fold == folds().end() || inputs.size() < least_inputs(node.op)) return nullptr;
  return fold->second(node, inputs);
}

}  // namespace posy
