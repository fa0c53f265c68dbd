// Constant folding of StridedSlice, which is Python's x[1:3, ..., None, -1, ::-2]. The rules are those of TensorFlow's
// tensorflow/core/util/strided_slice_op.cc.
#include <algorithm>

#include "loaders/folding.h"

namespace posy {
namespace {

// The five masks have a bit per entry of begin, end and strides.
struct Slicing {
  const FoldNode& f;
  const Array& in;
  const Strided strides;
  const Dims &begin, &end, &step;

  size_t axis = 0;  // of the input: the next to be cut
  Strided at;       // the walk along the input
  Dims dims;        // of the walk, and of the result
  bool has(const char* mask, size_t entry) const { return f.attribute(mask, int64_t{0}) >> entry & 1; }
};

void keep_axes(Slicing* s, size_t count) {
  for (; count > 0; --count, ++s->axis) {
    s->dims.push_back(s->in.dims[s->axis]);
    s->at.strides.push_back(s->strides.strides[s->axis]);
  }
}

void add_new_axis(Slicing* s) {
  s->dims.push_back(1);
  s->at.strides.push_back(0);
}

// One element of an axis, which is gone then. The masks of begin and end do not count here.
void take_one(Slicing* s, size_t entry) {
  const int64_t size = s->in.dims[s->axis], begin = s->begin[entry];
  const int64_t place = begin < 0 ? begin + size : begin;
  s->f.require(s->step[entry] > 0, "an index has a stride that is not positive");
  s->f.require(place >= 0 && place < size, "an index is outside of its input");
  s->at.offset += place * s->strides.strides[s->axis++];
}

// Limits beyond the axis are no error: they are moved to its ends, which for steps backwards are size - 1 and -1.
void take_range(Slicing* s, size_t entry) {
  const int64_t size = s->in.dims[s->axis], step = s->step[entry];
  s->f.require(step != 0, "it has a stride of 0");
  const int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
  const auto limit = [&](int64_t x) { return std::clamp(x < 0 ? x + size : x, lowest, highest); };
  const int64_t begin = s->has("begin_mask", entry) ? (step > 0 ? lowest : highest) : limit(s->begin[entry]);
  const int64_t end = s->has("end_mask", entry) ? (step > 0 ? highest : lowest) : limit(s->end[entry]);
  const int64_t way = end - begin;
  const int64_t count = way == 0 || (way < 0) != (step < 0) ? 0 : way / step + (way % step != 0);
  const int64_t stride = s->strides.strides[s->axis++];
  s->dims.push_back(count);
  // From two elements on, a step is shorter than the axis; of one or none it does not matter and might overflow.
  s->at.strides.push_back(count > 1 ? stride * step : 0);
  if (count > 0) s->at.offset += begin * stride;
}

FoldOutputs strided_slice(const FoldNode& f) {
  const Array& in = f.input(0);
  Slicing s = {f, in, row_major(in.dims), f.list(1), f.list(2), f.list(3), 0, {}, {}};
  const size_t entries = s.begin.size();
  f.require(s.end.size() == entries && s.step.size() == entries && entries < 32, "its limits do not fit each other");
  size_t named = 0, ellipses = 0;  // axes of the input that entries name
  for (size_t i = 0; i < entries; ++i) {
    const bool is_ellipsis = s.has("ellipsis_mask", i);
    ellipses += is_ellipsis;
    named += !is_ellipsis && !s.has("new_axis_mask", i);
  }
  f.require(named <= in.dims.size() && ellipses <= 1, "it names more axes than its input has");
  for (size_t i = 0; i < entries; ++i) {
    if (s.has("ellipsis_mask", i)) {
      keep_axes(&s, in.dims.size() - named);
    } else if (s.has("new_axis_mask", i)) {
      add_new_axis(&s);
    } else if (s.has("shrink_axis_mask", i)) {
      take_one(&s, i);
    } else {
      take_range(&s, i);
    }
  }
  keep_axes(&s, in.dims.size() - s.axis);
  return view(f, in, s.dims, s.at, s.dims);
}

}  // namespace

void add_strided_slice_folds(FoldTable* table) {
  table->insert({{"StridedSlice", strided_slice}});
}

}  // namespace posy
