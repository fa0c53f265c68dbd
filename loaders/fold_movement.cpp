// Constant folding of what moves elements without looking at them, floats and integers alike. Almost all of it is a
// walk along an array with other offsets and strides.
#include <algorithm>

#include "loaders/folding.h"

namespace posy {
namespace {

constexpr int64_t kMaxOutputs = 65536;  // empty arrays could be cut into any number of parts

// ---- Arrays put together ----

struct Part {
  const Array* array;
  Dims dims;
};

FoldOutputs joined(const FoldNode& f, const std::vector<Part>& parts, size_t axis) {
  Dims dims = parts[0].dims;
  dims[axis] = 0;
  for (const Part& part : parts) {
    Dims others = part.dims;
    f.require(others.size() == dims.size(), "its inputs differ in rank");
    dims[axis] += others[axis];
    others[axis] = dims[axis];
    f.require(others == dims, "its inputs differ in shape");
    f.require(part.array->is_float == parts[0].array->is_float, "its inputs are not of one type");
  }
  Array out = f.result(dims, parts[0].array->is_float);
  Strided to = row_major(dims);
  for (const Part& part : parts) {
    copy_elements(part.dims, *part.array, row_major(part.dims), &out, to);
    to.offset += part.dims[axis] * to.strides[axis];
  }
  return one_output(std::move(out));
}

FoldOutputs concat_inputs(const FoldNode& f, size_t first, size_t count, int64_t axis) {
  std::vector<Part> parts;
  for (size_t i = first; i < first + count; ++i) parts.push_back({&f.input(i), f.input(i).dims});
  return joined(f, parts, f.axis(axis, parts[0].dims.size()));
}

FoldOutputs concat(const FoldNode& f) {
  f.require(f.inputs.size() >= 2, "it has nothing to join");
  return concat_inputs(f, 1, f.inputs.size() - 1, f.integer(0));
}
FoldOutputs concat_v2(const FoldNode& f) {
  f.require(f.inputs.size() >= 2, "it has nothing to join");
  return concat_inputs(f, 0, f.inputs.size() - 1, f.integer(f.inputs.size() - 1));
}

FoldOutputs pack(const FoldNode& f) {
  const size_t axis = f.axis(f.attribute("axis", int64_t{0}), f.input(0).dims.size() + 1);
  std::vector<Part> parts;
  for (const ArrayPtr& in : f.inputs) {
    Dims dims = in->dims;
    f.require(dims == f.input(0).dims, "its inputs differ in shape");
    dims.insert(dims.begin() + (int64_t)axis, 1);
    parts.push_back({in.get(), std::move(dims)});
  }
  return joined(f, parts, axis);
}

FoldOutputs padded(const FoldNode& f, float value, int64_t integer) {
  const Array &in = f.input(0), &paddings = f.input(1);
  f.require(!paddings.is_float && paddings.dims == Dims{(int64_t)in.dims.size(), 2},
            "its paddings are not two per axis");
  Dims dims = in.dims, first(in.dims.size());
  for (size_t i = 0; i < dims.size(); ++i) {
    first[i] = paddings.integers[2 * i];
    const int64_t after = paddings.integers[2 * i + 1];
    f.require(first[i] >= 0 && after >= 0, "it has a negative padding");
    f.require(first[i] <= kMaxInputDim && after <= kMaxInputDim, "its result has more than 2^28 elements");
    dims[i] += first[i] + after;
  }
  Array out = f.result(dims, in.is_float);
  std::fill(out.floats.begin(), out.floats.end(), value);
  std::fill(out.integers.begin(), out.integers.end(), integer);
  Strided to = row_major(dims);
  for (size_t i = 0; i < dims.size(); ++i) to.offset += first[i] * to.strides[i];
  copy_elements(in.dims, in, row_major(in.dims), &out, to);
  return one_output(std::move(out));
}

FoldOutputs pad(const FoldNode& f) {
  return padded(f, 0, 0);
}
FoldOutputs pad_v2(const FoldNode& f) {
  return f.input(0).is_float ? padded(f, f.number(2), 0) : padded(f, 0, f.integer(2));
}

// ---- Arrays taken apart ----

// `dims` elements from `begin` on.
FoldOutputs cut(const FoldNode& f, const Array& in, const Dims& begin, const Dims& dims, Dims out_dims) {
  Strided from = row_major(in.dims);
  for (size_t i = 0; i < begin.size(); ++i) from.offset += begin[i] * from.strides[i];
  return view(f, in, dims, from, std::move(out_dims));
}

// One part after the other along an axis; `sizes` add up to its size.
FoldOutputs parts_of(const FoldNode& f, const Array& in, size_t axis, const Dims& sizes, bool drops_axis = false) {
  f.require(sizes.size() <= (size_t)kMaxOutputs, "it has more than 65536 outputs");
  FoldOutputs parts;
  Dims begin(in.dims.size(), 0), dims = in.dims;
  for (const int64_t size : sizes) {
    dims[axis] = size;
    Dims out_dims = dims;
    if (drops_axis) out_dims.erase(out_dims.begin() + (int64_t)axis);
    parts.push_back(cut(f, in, begin, dims, std::move(out_dims))[0]);
    begin[axis] += size;
  }
  return parts;
}

FoldOutputs unpack(const FoldNode& f) {
  const Array& in = f.input(0);
  const size_t axis = f.axis(f.attribute("axis", int64_t{0}), in.dims.size());
  const int64_t count = in.dims[axis];
  f.require(count == f.attribute("num", count), "its axis does not have the size that it says");
  f.require(count <= kMaxOutputs, "it has more than 65536 outputs");
  return parts_of(f, in, axis, Dims((size_t)count, 1), true);
}

FoldOutputs split(const FoldNode& f) {
  const Array& in = f.input(1);
  const size_t axis = f.axis(f.integer(0), in.dims.size());
  const int64_t count = f.attribute("num_split", int64_t{0});
  f.require(count > 0 && count <= kMaxOutputs && in.dims[axis] % count == 0, "its axis cannot be split so");
  return parts_of(f, in, axis, Dims((size_t)count, in.dims[axis] / count));
}

// One of the sizes may be -1: the rest.
FoldOutputs split_v(const FoldNode& f) {
  const Array& in = f.input(0);
  Dims sizes = f.list(1);
  const size_t axis = f.axis(f.integer(2), in.dims.size());
  const auto open = std::find(sizes.begin(), sizes.end(), -1);
  int64_t rest = in.dims[axis];
  for (auto size = sizes.begin(); size != sizes.end(); ++size) {
    if (size == open) continue;
    f.require(*size >= 0 && *size <= rest, "its sizes do not fit the axis");
    rest -= *size;
  }
  if (open != sizes.end()) {
    *open = rest;
  } else {
    f.require(rest == 0, "its sizes do not fit the axis");
  }
  return parts_of(f, in, axis, sizes);
}

FoldOutputs slice(const FoldNode& f) {
  const Array& in = f.input(0);
  const Dims& begin = f.list(1);
  Dims size = f.list(2);
  f.require(begin.size() == in.dims.size() && size.size() == begin.size(), "its limits are not one per axis");
  for (size_t i = 0; i < size.size(); ++i) {
    f.require(begin[i] >= 0 && begin[i] <= in.dims[i], "it begins outside of its input");
    const int64_t rest = in.dims[i] - begin[i];
    if (size[i] == -1) size[i] = rest;
    f.require(size[i] >= 0 && size[i] <= rest, "it ends outside of its input");
  }
  return cut(f, in, begin, size, size);
}

// ---- Axes in another order, backwards, repeated ----

FoldOutputs transpose(const FoldNode& f) {
  const Array& in = f.input(0);
  const Dims& order = f.list(1);
  f.require(order.size() == in.dims.size(), "its order does not name every axis");
  f.axes(1, in.dims.size());  // each once
  const Strided from = row_major(in.dims);
  Strided at;
  Dims dims;
  for (const int64_t value : order) {
    const size_t axis = f.axis(value, in.dims.size());
    dims.push_back(in.dims[axis]);
    at.strides.push_back(from.strides[axis]);
  }
  return view(f, in, dims, at, dims);
}

FoldOutputs reverse(const FoldNode& f) {
  const Array& in = f.input(0);
  const std::vector<bool> is_reversed = f.axes(1, in.dims.size());
  Strided at = row_major(in.dims);
  for (size_t i = 0; i < in.dims.size(); ++i) {
    if (!is_reversed[i]) continue;
    at.offset += (in.dims[i] - 1) * at.strides[i];
    at.strides[i] = -at.strides[i];
  }
  return view(f, in, in.dims, at, in.dims);
}

// Each axis is walked as two: its copies, and its elements.
FoldOutputs tile(const FoldNode& f) {
  const Array& in = f.input(0);
  const Dims& multiples = f.list(1);
  f.require(multiples.size() == in.dims.size(), "its multiples are not one per axis");
  const Strided from = row_major(in.dims);
  Strided at;
  Dims dims, out_dims;
  for (size_t i = 0; i < in.dims.size(); ++i) {
    f.require(multiples[i] >= 0, "it has a negative multiple");
    f.require(multiples[i] <= kMaxFoldedElements, "its result has more than 2^28 elements");
    dims.insert(dims.end(), {multiples[i], in.dims[i]});
    at.strides.insert(at.strides.end(), {0, from.strides[i]});
    out_dims.push_back(multiples[i] * in.dims[i]);
  }
  return view(f, in, dims, at, std::move(out_dims));
}

FoldOutputs broadcast_to(const FoldNode& f) {
  const Array& in = f.input(0);
  const Dims& dims = f.list(1);
  f.require(dims.size() >= in.dims.size() && f.broadcast(in.dims, dims) == dims, "its input does not fit its shape");
  return view(f, in, dims, broadcast_from(in.dims, dims), dims);
}

// ---- Elements by their place ----

// An axis of `params` is replaced by those of the indices: out[i, n, k] = in[i, indices[n], k].
FoldOutputs gathered(const FoldNode& f, int64_t axis_value) {
  const Array &in = f.input(0), &indices = f.input(1);
  f.require(!indices.is_float, "its indices are floats");
  const size_t axis = f.axis(axis_value, in.dims.size());
  for (const int64_t i : indices.integers) f.require(i >= 0 && i < in.dims[axis], "an index is outside of its input");
  const auto at = in.dims.begin() + (int64_t)axis;
  Dims dims(in.dims.begin(), at);
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), at + 1, in.dims.end());
  Array out = f.result(dims, in.is_float);
  if (out.size() == 0) return one_output(std::move(out));
  const Strided strides = row_major(in.dims);
  const int64_t inner = strides.strides[axis], count = (int64_t)indices.size();
  const int64_t outer = (int64_t)out.size() / (inner * count);
  size_t i = 0;
  walk({outer, count, inner}, {Strided{0, {in.dims[axis] * inner, 0, 1}}, Strided{0, {0, 1, 0}}},
       [&](const auto& from) {
         const size_t place = from[0] + (size_t)(indices.integers[from[1]] * inner);
         if (in.is_float) {
           out.floats[i++] = in.floats[place];
         } else {
           out.integers[i++] = in.integers[place];
         }
       });
  return one_output(std::move(out));
}

FoldOutputs gather(const FoldNode& f) {
  return gathered(f, 0);
}
FoldOutputs gather_v2(const FoldNode& f) {
  if (f.attribute("batch_dims", int64_t{0}) != 0) return {};
  return gathered(f, f.integer(2));
}

}  // namespace

void add_movement_folds(FoldTable* table) {
  table->insert({
      {"BroadcastTo", broadcast_to},
      {"Concat", concat},
      {"ConcatV2", concat_v2},
      {"Gather", gather},
      {"GatherV2", gather_v2},
      {"Pack", pack},
      {"Pad", pad},
      {"PadV2", pad_v2},
      {"ReverseV2", reverse},
      {"Slice", slice},
      {"Split", split},
      {"SplitV", split_v},
      {"Tile", tile},
      {"Transpose", transpose},
      {"Unpack", unpack},
  });
}

}  // namespace posy
