// What the fold_*.cpp files share: a node with its constant inputs, walks over arrays of any rank, integers that wrap.
// Private to this room.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loaders/array.h"
#include "loaders/fold.h"
#include "loaders/graph.h"

namespace posy {

using Dims = std::vector<int64_t>;
using FoldOutputs = std::vector<ArrayPtr>;

constexpr size_t kMaxRank = 8;
// Sizes of an input, which an empty array may have as it likes: sums and products of two stay far from overflow.
constexpr int64_t kMaxInputDim = int64_t{1} << 32;

// One node to evaluate. Everything that is asked of it is checked, and refused by the node's name.
struct FoldNode {
  const GraphNode& node;
  const std::vector<ArrayPtr>& inputs;

  [[noreturn]] void refuse(const std::string& why) const;
  void require(bool holds, const char* otherwise) const {
    if (!holds) refuse(otherwise);
  }

  const Array& input(size_t i) const;
  const Dims& list(size_t i) const;                     // an input that is a list of integers, or one of them
  int64_t integer(size_t i) const;                      // an input that is one integer
  float number(size_t i) const;                         // an input that is one float
  size_t axis(int64_t value, size_t rank) const;        // counted from the end if negative
  std::vector<bool> axes(size_t i, size_t rank) const;  // which axes an input names, each at most once

  int64_t attribute(const char* name, int64_t otherwise) const;
  float attribute(const char* name, float otherwise) const;
  DataType type(const char* name = "T") const;  // kInvalid if the node does not say

  // All zeros; refused if there are too many of them or too many axes.
  Array result(Dims dims, bool is_float) const;
  Dims broadcast(const Dims& a, const Dims& b) const;  // NumPy's rule
};

using Fold = FoldOutputs (*)(const FoldNode&);
using FoldTable = std::unordered_map<std::string, Fold>;
FoldOutputs fold_unary(const FoldNode& f);       // any op of unary_function_of
FoldOutputs fold_binary(const FoldNode& f);      // any op of binary_function_of
void add_arithmetic_folds(FoldTable* table);     // fold_arithmetic.cpp
void add_movement_folds(FoldTable* table);       // fold_movement.cpp
void add_quantization_folds(FoldTable* table);   // fold_quantization.cpp
void add_reduction_folds(FoldTable* table);      // fold_reductions.cpp
void add_shape_folds(FoldTable* table);          // fold_shapes.cpp
void add_strided_slice_folds(FoldTable* table);  // fold_strided_slice.cpp

inline FoldOutputs one_output(Array array) {
  return {std::make_shared<Array>(std::move(array))};
}

// ---- Walks ----

// Element [i, j, ...] of an operand lies at offset + i * strides[0] + j * strides[1] + ... A stride of 0 repeats an
// element, a negative one goes backwards.
struct Strided {
  int64_t offset = 0;
  Dims strides;
};

Strided row_major(const Dims& dims);
// An array of shape `from` seen in a shape that it broadcasts to.
Strided broadcast_from(const Dims& from, const Dims& dims);
bool is_empty(const Dims& dims);

// Calls visit(at) for every index of `dims` in row-major order; at[n] is where it lies in operand n.
template <size_t kOperands, class Visit>
void walk(const Dims& dims, const Strided (&operands)[kOperands], Visit visit) {
  if (is_empty(dims)) return;
  std::array<size_t, kOperands> at;  // unsigned, and back in range whenever it is visited
  for (size_t n = 0; n < kOperands; ++n) at[n] = (size_t)operands[n].offset;
  Dims index(dims.size(), 0);
  for (;;) {
    visit(at);
    size_t axis = dims.size();
    for (; axis > 0 && ++index[axis - 1] == dims[axis - 1]; --axis) {  // wheels of the odometer that turn over
      index[axis - 1] = 0;
      for (size_t n = 0; n < kOperands; ++n) at[n] -= (size_t)(operands[n].strides[axis - 1] * (dims[axis - 1] - 1));
    }
    if (axis == 0) return;
    for (size_t n = 0; n < kOperands; ++n) at[n] += (size_t)operands[n].strides[axis - 1];
  }
}

// Element by element of `dims`; both arrays of the same type.
void copy_elements(const Dims& dims, const Array& from, const Strided& from_at, Array* to, const Strided& to_at);
// The elements of a view in row-major order, as an array of shape `out_dims`.
FoldOutputs view(const FoldNode& f, const Array& from, const Dims& dims, const Strided& at, Dims out_dims);

// ---- Integers ----

// TensorFlow's integers wrap around; in C++ that is undefined. A division by zero gives 0 where TensorFlow stops with
// an error.
struct Wrapping {
  int64_t value = 0;
};
inline Wrapping operator+(Wrapping a, Wrapping b) {
  return {(int64_t)((uint64_t)a.value + (uint64_t)b.value)};
}
inline Wrapping operator-(Wrapping a, Wrapping b) {
  return {(int64_t)((uint64_t)a.value - (uint64_t)b.value)};
}
inline Wrapping operator*(Wrapping a, Wrapping b) {
  return {(int64_t)((uint64_t)a.value * (uint64_t)b.value)};
}
inline Wrapping operator/(Wrapping a, Wrapping b) {
  if (b.value == 0) return {0};
  return b.value == -1 ? Wrapping{0} - a : Wrapping{a.value / b.value};
}
inline bool operator<(Wrapping a, Wrapping b) {
  return a.value < b.value;
}
inline bool operator>(Wrapping a, Wrapping b) {
  return a.value > b.value;
}

struct IntegerLimits {
  int64_t low, high;
};
// Of int64 for types that are not integers.
IntegerLimits integer_limits(DataType type);
// What is left of an integer in a type of fewer bits.
int64_t wrap_to(DataType type, int64_t x);
void wrap_integers(DataType type, Array* array);

}  // namespace posy
