// Constant tensors: what constant folding works on, and what weights are made from.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loaders/graph.h"

namespace posy {

// Row-major. Floats of any width become float32, integers and bools int64; exactly one of the two vectors is used.
struct Array {
  std::vector<int64_t> dims;
  bool is_float = true;
  std::vector<float> floats;
  std::vector<int64_t> integers;

  size_t size() const { return is_float ? floats.size() : integers.size(); }
};
using ArrayPtr = std::shared_ptr<const Array>;

bool is_float_type(DataType type);
// Null for strings.
ArrayPtr array_of(const GraphTensor& tensor);
Array float_array(std::vector<int64_t> dims, std::vector<float> values);

// Product of dims; InputError if it is negative or does not fit.
size_t element_count(const std::vector<int64_t>& dims);

// The levels of a FakeQuant op: `scale` apart, between limits that are nudged so that 0 is a level, as TensorFlow does
// (fake_quant_ops_functor.h, Nudge).
struct FakeQuant {
  float low, high, scale, inverse_scale;

  // The same as codes of 8 bits; none if there are more levels, or fewer.
  std::optional<CodeScale> codes() const;
};
FakeQuant fake_quant_of(const GraphNode& node, float min, float max);

}  // namespace posy
