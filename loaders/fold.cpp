#include "loaders/fold.h"

#include <algorithm>
#include <limits>

#include "loaders/error.h"
#include "loaders/folding.h"
#include "loaders/function_names.h"

namespace posy {

// ---- A node and its inputs ----

void FoldNode::refuse(const std::string& why) const {
  throw InputError("node '" + printable_name(node.name) + "' (" + node.op + "): " + why);
}

const Array& FoldNode::input(size_t i) const {
  if (i >= inputs.size()) refuse("it has " + std::to_string(inputs.size()) + " inputs and needs more");
  return *inputs[i];
}

const Dims& FoldNode::list(size_t i) const {
  const Array& a = input(i);
  require(!a.is_float && a.dims.size() <= 1, "an input is not the list of integers that it should be");
  return a.integers;
}

int64_t FoldNode::integer(size_t i) const {
  const Dims& values = list(i);
  require(values.size() == 1, "an input is not the one integer that it should be");
  return values[0];
}

float FoldNode::number(size_t i) const {
  const Array& a = input(i);
  require(a.is_float && a.size() == 1, "an input is not the one float that it should be");
  return a.floats[0];
}

size_t FoldNode::axis(int64_t value, size_t rank) const {
  const int64_t at = value < 0 ? value + (int64_t)rank : value;
  if (at < 0 || at >= (int64_t)rank) {
    refuse("there is no axis " + std::to_string(value) + " among " + std::to_string(rank));
  }
  return (size_t)at;
}

std::vector<bool> FoldNode::axes(size_t i, size_t rank) const {
  std::vector<bool> is_named(rank, false);
  for (const int64_t value : list(i)) {
    const size_t at = axis(value, rank);
    require(!is_named[at], "an axis is named twice");
    is_named[at] = true;
  }
  return is_named;
}

int64_t FoldNode::attribute(const char* name, int64_t otherwise) const {
  const GraphAttribute* a = node.attribute(name);
  return a ? a->integer : otherwise;
}

float FoldNode::attribute(const char* name, float otherwise) const {
  const GraphAttribute* a = node.attribute(name);
  return a ? a->number : otherwise;
}

DataType FoldNode::type(const char* name) const {
  const int64_t number = attribute(name, int64_t{0});
  return number < 0 || number > std::numeric_limits<int32_t>::max() ? DataType::kInvalid : (DataType)number;
}

Array FoldNode::result(Dims dims, bool is_float) const {
  require(dims.size() <= kMaxRank, "its result has more than 8 dimensions");
  int64_t count = 1;
  for (const int64_t d : dims) {
    require(d >= 0, "its result has a negative size");
    require(d <= kMaxFoldedElements && count * d <= kMaxFoldedElements, "its result has more than 2^28 elements");
    count *= d;
  }
  Array out;
  out.dims = std::move(dims);
  out.is_float = is_float;
  is_float ? out.floats.resize((size_t)count) : out.integers.resize((size_t)count);
  return out;
}

Dims FoldNode::broadcast(const Dims& a, const Dims& b) const {
  Dims dims(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1, db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1) {
      refuse("the shapes of its constants do not fit each other: " + shape_text(a) + " and " + shape_text(b));
    }
    dims[dims.size() - 1 - i] = da == 1 ? db : da;
  }
  return dims;
}

// ---- Walks ----

bool is_empty(const Dims& dims) {
  return std::find(dims.begin(), dims.end(), 0) != dims.end();
}

Strided row_major(const Dims& dims) {
  Strided at = {0, Dims(dims.size(), 0)};
  if (is_empty(dims)) return at;  // nothing is ever visited, and the product of the other sizes may not fit
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    at.strides[i] = stride;
    stride *= dims[i];
  }
  return at;
}

Strided broadcast_from(const Dims& from, const Dims& dims) {
  const Strided source = row_major(from);
  Strided at = {0, Dims(dims.size(), 0)};
  const size_t new_axes = dims.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) at.strides[new_axes + i] = from[i] == 1 ? 0 : source.strides[i];
  return at;
}

void copy_elements(const Dims& dims, const Array& from, const Strided& from_at, Array* to, const Strided& to_at) {
  if (from.is_float) {
    walk(dims, {from_at, to_at}, [&](const auto& at) { to->floats[at[1]] = from.floats[at[0]]; });
  } else {
    walk(dims, {from_at, to_at}, [&](const auto& at) { to->integers[at[1]] = from.integers[at[0]]; });
  }
}

FoldOutputs view(const FoldNode& f, const Array& from, const Dims& dims, const Strided& at, Dims out_dims) {
  Array out = f.result(std::move(out_dims), from.is_float);
  copy_elements(dims, from, at, &out, row_major(dims));
  return one_output(std::move(out));
}

// ---- Integers ----

IntegerLimits integer_limits(DataType type) {
  switch (type) {
    case DataType::kBool:
      return {0, 1};
    case DataType::kInt8:
    case DataType::kQint8:
      return {-128, 127};
    case DataType::kUint8:
    case DataType::kQuint8:
      return {0, 255};
    case DataType::kInt16:
      return {-32768, 32767};
    case DataType::kInt32:
    case DataType::kQint32:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    default:
      return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  }
}

int64_t wrap_to(DataType type, int64_t x) {
  if (type == DataType::kBool) return x != 0;
  const IntegerLimits limits = integer_limits(type);
  const uint64_t mask = (uint64_t)limits.high - (uint64_t)limits.low;  // one less than a power of two
  return (int64_t)((((uint64_t)x - (uint64_t)limits.low) & mask) + (uint64_t)limits.low);
}

void wrap_integers(DataType type, Array* array) {
  for (int64_t& x : array->integers) x = wrap_to(type, x);
}

// ---- Ops ----

namespace {

Fold find_fold(const std::string& op) {
  static const FoldTable table = [] {
    FoldTable all;
    add_arithmetic_folds(&all);
    add_movement_folds(&all);
    add_quantization_folds(&all);
    add_reduction_folds(&all);
    add_shape_folds(&all);
    add_strided_slice_folds(&all);
    return all;
  }();
  const auto found = table.find(op);
  if (found != table.end()) return found->second;
  if (unary_function_of(op)) return fold_unary;
  return binary_function_of(op) ? fold_binary : nullptr;
}

bool has_all_elements(const Array& a) {
  if (is_empty(a.dims)) return a.size() == 0;
  size_t count = 1;
  for (const int64_t d : a.dims) {
    if (count > a.size() / (size_t)d) return false;
    count *= (size_t)d;
  }
  return count == a.size();
}

void check_inputs(const FoldNode& f) {
  for (const ArrayPtr& a : f.inputs) {
    f.require(a->dims.size() <= kMaxRank, "an input has more than 8 dimensions");
    for (const int64_t d : a->dims) f.require(d >= 0 && d <= kMaxInputDim, "an input has an impossible shape");
    f.require(has_all_elements(*a), "an input does not have the elements that its shape says");
  }
}

}  // namespace

std::vector<ArrayPtr> fold_constant(const GraphNode& node, const std::vector<ArrayPtr>& inputs) {
  const Fold fold = find_fold(node.op);
  if (!fold || std::find(inputs.begin(), inputs.end(), nullptr) != inputs.end()) return {};
  const FoldNode f = {node, inputs};
  check_inputs(f);
  return fold(f);
}

bool can_fold(const std::string& op) {
  return find_fold(op) != nullptr;
}

}  // namespace posy
