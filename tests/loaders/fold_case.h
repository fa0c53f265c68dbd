// For tests of constant folding: arrays to fold, and what comes out as text.
#pragma once
#include <doctest/doctest.h>

#include <cstdio>
#include <limits>
#include <map>
#include <numeric>

#include "loaders/fold.h"
#include "tests/loaders/engine_runner.h"

namespace posy {

using Attributes = std::map<std::string, int64_t>;
using Dims = std::vector<int64_t>;

inline ArrayPtr floats(Dims dims, std::vector<float> values) {
  return std::make_shared<Array>(float_array(std::move(dims), std::move(values)));
}

inline ArrayPtr integers(Dims dims, std::vector<int64_t> values) {
  Array array;
  array.dims = std::move(dims);
  array.is_float = false;
  array.integers = std::move(values);
  return std::make_shared<Array>(std::move(array));
}
inline ArrayPtr list(std::vector<int64_t> values) {
  const int64_t count = (int64_t)values.size();
  return integers({count}, std::move(values));
}
inline ArrayPtr scalar(int64_t value) {
  return integers({}, {value});
}
// 0, 1, 2, ...
inline ArrayPtr counting(Dims dims) {
  std::vector<int64_t> values(element_count(dims));
  std::iota(values.begin(), values.end(), 0);
  return integers(std::move(dims), std::move(values));
}
inline ArrayPtr as_floats(const ArrayPtr& a) {
  return floats(a->dims, {a->integers.begin(), a->integers.end()});
}

inline GraphNode node_of(const std::string& op, const Attributes& attributes = {}) {
  GraphNode node;
  node.name = "n";
  node.op = op;
  for (const auto& [name, value] : attributes) node.attributes[name].integer = value;
  return node;
}

// The one output, or null.
inline ArrayPtr fold(const std::string& op, const std::vector<ArrayPtr>& inputs, const Attributes& attributes = {}) {
  const std::vector<ArrayPtr> outputs = fold_constant(node_of(op, attributes), inputs);
  CHECK(outputs.size() <= 1);
  return outputs.empty() ? nullptr : outputs[0];
}

// "[2,2] 1 2 3 4", for several outputs joined by "; ".
inline std::string text(const std::vector<ArrayPtr>& arrays) {
  std::string out;
  for (const ArrayPtr& a : arrays) {
    out += (out.empty() ? "" : "; ") + shape_text(a->dims);
    for (size_t i = 0; i < a->size(); ++i) {
      char number[32];
      std::snprintf(number, sizeof number, " %.9g", a->is_float ? (double)a->floats[i] : 0);
      out += a->is_float ? number : " " + std::to_string(a->integers[i]);
    }
  }
  return out;
}
inline std::string folded(const std::string& op, const std::vector<ArrayPtr>& inputs,
                          const Attributes& attributes = {}) {
  return text(fold_constant(node_of(op, attributes), inputs));
}

// Of an op that moves the elements of input `at`: the same for floats.
inline std::string moved(const std::string& op, size_t at, std::vector<ArrayPtr> inputs,
                         const Attributes& attributes = {}) {
  const std::string out = folded(op, inputs, attributes);
  inputs.at(at) = as_floats(inputs[at]);
  const std::vector<ArrayPtr> as_float = fold_constant(node_of(op, attributes), inputs);
  CHECK(text(as_float) == out);
  for (const ArrayPtr& a : as_float) CHECK(a->is_float);
  return out;
}

// The reason why a node is refused, without the node that it starts with.
inline std::string refused(const std::string& op, const std::vector<ArrayPtr>& inputs,
                           const Attributes& attributes = {}) {
  const std::string message = refusal([&] { fold_constant(node_of(op, attributes), inputs); });
  const std::string start = "node 'n' (" + op + "): ";
  CHECK(message.rfind(start, 0) == 0);
  return message.substr(std::min(message.size(), start.size()));
}

inline std::vector<float> folded_floats(const std::string& op, const std::vector<ArrayPtr>& inputs) {
  const ArrayPtr out = fold(op, inputs);
  REQUIRE(out);
  REQUIRE(out->is_float);
  return out->floats;
}

inline std::vector<int64_t> folded_integers(const std::string& op, const std::vector<ArrayPtr>& inputs) {
  const ArrayPtr out = fold(op, inputs);
  REQUIRE(out);
  REQUIRE_FALSE(out->is_float);
  return out->integers;
}

constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min(), kMax64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin32 = std::numeric_limits<int32_t>::min(), kMax32 = std::numeric_limits<int32_t>::max();
constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
const inline Attributes kIsInt32 = {{"T", (int64_t)DataType::kInt32}};

}  // namespace posy
