// Constant tensors, and their arithmetic as TensorFlow does it: what constant folding works on.
#pragma once
#include <cstdint>
#include <memory>
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

ArrayPtr array_of(const GraphTensor& tensor);
Array float_array(std::vector<int64_t> dims, std::vector<float> values);

// Product of dims; InputError if it is negative or does not fit.
size_t element_count(const std::vector<int64_t>& dims);

// The value of a node whose inputs are all constant, or null if the op is not one that can be folded. Throws
// InputError, naming the node, where the shapes of the inputs do not fit the op.
ArrayPtr fold_constant(const GraphNode& node, const std::vector<ArrayPtr>& inputs);

}  // namespace posy
