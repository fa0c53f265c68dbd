// Constant folding of shapes, of arrays made from them, and of what only passes its input on.
#include <algorithm>
#include <cmath>

#include "loaders/folding.h"

namespace posy {
namespace {

// ---- What is asked about an array ----

FoldOutputs integers(Dims dims, Dims values) {
  Array out;
  out.dims = std::move(dims);
  out.is_float = false;
  out.integers = std::move(values);
  return one_output(std::move(out));
}
FoldOutputs shape(const FoldNode& f) {
  const Dims& dims = f.input(0).dims;
  return integers({(int64_t)dims.size()}, dims);
}
FoldOutputs size(const FoldNode& f) {
  return integers({}, {(int64_t)f.input(0).size()});
}
FoldOutputs rank(const FoldNode& f) {
  return integers({}, {(int64_t)f.input(0).dims.size()});
}

// ---- The same elements in another shape ----

FoldOutputs with_dims(const FoldNode& f, const Array& in, Dims dims) {
  size_t rest = in.size();  // what the sizes that are still to come have to hold
  f.require(dims.size() <= kMaxRank, "its result has more than 8 dimensions");
  for (const int64_t d : dims) {
    const bool fits = d == 0 ? in.size() == 0 : d > 0 && rest % (uint64_t)d == 0;
    if (!fits) f.refuse(std::to_string(in.size()) + " elements do not fit the shape " + shape_text(dims));
    if (d > 0) rest /= (uint64_t)d;
  }
  if (in.size() ? rest != 1 : !is_empty(dims)) {
    f.refuse(std::to_string(in.size()) + " elements do not fit the shape " + shape_text(dims));
  }
  Array out = in;
  out.dims = std::move(dims);
  return one_output(std::move(out));
}

// The product of the sizes, without those of 0 if asked so.
int64_t product(const FoldNode& f, const Dims& dims, bool skip_zeros) {
  int64_t count = 1;
  for (const int64_t d : dims) {
    if (d < 0 || (d == 0 && skip_zeros)) continue;
    f.require(d == 0 || count <= (int64_t{1} << 62) / d, "its shape has too many elements");
    count *= d;
  }
  return count;
}

// One size may be -1. Beside a size of 0 it is what the other sizes leave of those of the input: [0,3] as [0,-1] is
// [0,3] again.
FoldOutputs reshape(const FoldNode& f) {
  const Array& in = f.input(0);
  Dims dims = f.list(1);
  f.require(std::count(dims.begin(), dims.end(), -1) <= 1, "more than one size of its shape is open");
  const auto open = std::find(dims.begin(), dims.end(), -1);
  if (open != dims.end()) {
    const bool has_zero = is_empty(dims);
    const int64_t known = product(f, dims, true), all = product(f, in.dims, has_zero);
    *open = all / known;
  }
  return with_dims(f, in, std::move(dims));
}

FoldOutputs squeeze(const FoldNode& f) {
  const Dims& dims = f.input(0).dims;
  const GraphAttribute* listed = f.node.attribute("squeeze_dims");
  std::vector<bool> is_dropped(dims.size(), false);
  if (listed) {
    for (const int64_t value : listed->integers) {
      const size_t axis = f.axis(value, dims.size());
      f.require(dims[axis] == 1, "it drops an axis whose size is not 1");
      is_dropped[axis] = true;
    }
  }
  const bool drops_all = !listed || listed->integers.empty();
  Dims kept;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (drops_all ? dims[i] != 1 : !is_dropped[i]) kept.push_back(dims[i]);
  }
  return with_dims(f, f.input(0), std::move(kept));
}

FoldOutputs expand_dims(const FoldNode& f) {
  Dims dims = f.input(0).dims;
  dims.insert(dims.begin() + (int64_t)f.axis(f.integer(1), dims.size() + 1), 1);
  return with_dims(f, f.input(0), std::move(dims));
}

// ---- Arrays from shapes ----

FoldOutputs constant_of(const FoldNode& f, const Dims& dims, bool is_float, float number, int64_t integer) {
  Array out = f.result(dims, is_float);
  std::fill(out.floats.begin(), out.floats.end(), number);
  std::fill(out.integers.begin(), out.integers.end(), integer);
  return one_output(std::move(out));
}

FoldOutputs fill(const FoldNode& f) {
  const Array& value = f.input(1);
  f.require(value.size() == 1, "its value is not one number");
  return constant_of(f, f.list(0), value.is_float, value.is_float ? value.floats[0] : 0,
                     value.is_float ? 0 : value.integers[0]);
}
FoldOutputs zeros_like(const FoldNode& f) {
  return constant_of(f, f.input(0).dims, f.input(0).is_float, 0, 0);
}
FoldOutputs ones_like(const FoldNode& f) {
  return constant_of(f, f.input(0).dims, f.input(0).is_float, 1, 1);
}

FoldOutputs float_range(const FoldNode& f) {
  const float start = f.number(0), limit = f.number(1), delta = f.number(2);
  const float count = std::ceil((limit - start) / delta);  // NaN and infinity are refused as well
  f.require(count >= 0 && count <= (float)kMaxFoldedElements, "it never arrives, or after too many steps");
  Array out = f.result({(int64_t)count}, true);
  for (size_t i = 0; i < out.size(); ++i) out.floats[i] = start + (float)i * delta;
  return one_output(std::move(out));
}

FoldOutputs range(const FoldNode& f) {
  if (f.input(0).is_float) return float_range(f);
  const int64_t start = f.integer(0), limit = f.integer(1), delta = f.integer(2);
  f.require(delta > 0 ? start <= limit : delta < 0 && start >= limit, "it never arrives");
  // Distances of int64 fit uint64.
  const uint64_t way = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
  const uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
  const uint64_t count = way / step + (way % step != 0);
  f.require(count <= (uint64_t)kMaxFoldedElements, "its result has more than 2^28 elements");
  Array out = f.result({(int64_t)count}, false);
  Wrapping value = {start};
  for (int64_t& x : out.integers) {
    x = value.value;
    value = value + Wrapping{delta};
  }
  return one_output(std::move(out));
}

// ---- Nothing to do ----

FoldOutputs identity(const FoldNode& f) {
  f.input(0);
  return {f.inputs[0]};
}
FoldOutputs identity_n(const FoldNode& f) {
  return f.inputs;
}

}  // namespace

void add_shape_folds(FoldTable* table) {
  table->insert({
      {"CheckNumerics", identity},
      {"ExpandDims", expand_dims},
      {"Fill", fill},
      {"Identity", identity},
      {"IdentityN", identity_n},
      {"OnesLike", ones_like},
      {"PlaceholderWithDefault", identity},
      {"PreventGradient", identity},
      {"Range", range},
      {"Rank", rank},
      {"Reshape", reshape},
      {"Shape", shape},
      {"Size", size},
      {"Snapshot", identity},
      {"Squeeze", squeeze},
      {"StopGradient", identity},
      {"ZerosLike", zeros_like},
  });
}

}  // namespace posy
