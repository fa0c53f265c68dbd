#include "loaders/array.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "loaders/error.h"

namespace posy {

bool is_float_type(DataType type) {
  return type == DataType::kFloat || type == DataType::kDouble || type == DataType::kHalf ||
         type == DataType::kBfloat16;
}

FakeQuant fake_quant_of(const GraphNode& node, float min, float max) {
  if (min == 0 && max == 0) return {0, 0, 0, 0};  // everything is 0; the formulas would say 0 / 0
  const GraphAttribute *bits = node.attribute("num_bits"), *narrow = node.attribute("narrow_range");
  const float q_low = narrow && narrow->integer ? 1.0f : 0.0f;
  const float q_high = (float)((1 << std::clamp<int64_t>(bits ? bits->integer : 8, 2, 16)) - 1);
  const float scale = (max - min) / (q_high - q_low);
  const float zero = q_low - min / scale;
  const float nudged = zero < q_low ? q_low : zero > q_high ? q_high : std::round(zero);
  return {(q_low - nudged) * scale, (q_high - nudged) * scale, scale, 1.0f / scale};
}

std::optional<CodeScale> FakeQuant::codes() const {
  if (!(scale > 0) || std::round((high - low) * inverse_scale) != 255) return {};
  return code_scale(scale, std::round(-low * inverse_scale));
}

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

}  // namespace posy
