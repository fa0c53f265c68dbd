// Constant folding of sums, products and extremes along axes, and of the matrix product. Floats are added in ascending
// order, one after the other, as the kernels do.
#include <algorithm>
#include <limits>

#include "kernels/math.hpp"
#include "loaders/folding.h"

namespace posy {
namespace {

// ---- Reductions over any axes ----

template <class T, class Stored, class Function>
void accumulate(const Array& in, const std::vector<Stored>& from, const Strided& to_at, std::vector<Stored>* to,
                Function function) {
  size_t i = 0;
  walk(in.dims, {to_at}, [&](const auto& at) {
    Stored& sum = (*to)[at[0]];
    sum = function(T{sum}, T{from[i++]});
  });
}

Dims reduced_dims(const Dims& dims, const std::vector<bool>& is_reduced, bool keep) {
  Dims out;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (!is_reduced[i] || keep) out.push_back(is_reduced[i] ? 1 : dims[i]);
  }
  return out;
}

// `start` is what nothing at all reduces to. The function works on float and on Wrapping alike.
template <class Function>
Array reduce(const FoldNode& f, float start, int64_t integer_start, Function function) {
  const Array& in = f.input(0);
  const std::vector<bool> is_reduced = f.axes(1, in.dims.size());
  Array out = f.result(reduced_dims(in.dims, is_reduced, f.attribute("keep_dims", int64_t{0}) != 0), in.is_float);
  std::fill(out.floats.begin(), out.floats.end(), start);
  std::fill(out.integers.begin(), out.integers.end(), integer_start);
  const Strided to_at = broadcast_from(reduced_dims(in.dims, is_reduced, true), in.dims);
  if (in.is_float) {
    accumulate<float>(in, in.floats, to_at, &out.floats, function);
  } else {
    accumulate<Wrapping>(in, in.integers, to_at, &out.integers,
                         [&](Wrapping a, Wrapping b) { return function(a, b).value; });
    wrap_integers(f.type(), &out);
  }
  return out;
}

constexpr auto kSum = [](auto a, auto b) { return a + b; };
constexpr auto kLarger = [](auto a, auto b) { return a > b ? a : b; };
constexpr auto kSmaller = [](auto a, auto b) { return a < b ? a : b; };

FoldOutputs sum(const FoldNode& f) {
  return one_output(reduce(f, 0, 0, kSum));
}
FoldOutputs product(const FoldNode& f) {
  return one_output(reduce(f, 1, 1, [](auto a, auto b) { return a * b; }));
}
FoldOutputs largest(const FoldNode& f) {
  return one_output(reduce(f, -std::numeric_limits<float>::infinity(), integer_limits(f.type()).low, kLarger));
}
FoldOutputs smallest(const FoldNode& f) {
  return one_output(reduce(f, std::numeric_limits<float>::infinity(), integer_limits(f.type()).high, kSmaller));
}

// Of integers it is an integer, cut off toward 0.
FoldOutputs mean(const FoldNode& f) {
  Array out = reduce(f, 0, 0, kSum);
  const size_t count = out.size() ? f.input(0).size() / out.size() : 0;
  for (float& x : out.floats) x /= (float)count;
  for (int64_t& x : out.integers) x = (Wrapping{x} / Wrapping{(int64_t)count}).value;
  return one_output(std::move(out));
}

// Bools are 0 and 1.
FoldOutputs all_of(const FoldNode& f) {
  f.require(!f.input(0).is_float, "its input is a float");
  return one_output(reduce(f, 1, 1, kSmaller));
}
FoldOutputs any_of(const FoldNode& f) {
  f.require(!f.input(0).is_float, "its input is a float");
  return one_output(reduce(f, 0, 0, kLarger));
}

// ---- The place of the largest ----

template <class T, class Better>
int64_t best_place(const T* values, size_t stride, int64_t count, Better better) {
  int64_t best = 0;
  for (int64_t i = 1; i < count; ++i) {
    if (better(values[(size_t)i * stride], values[(size_t)best * stride])) best = i;  // of equals the first
  }
  return best;
}

template <class Better>
FoldOutputs arg_best(const FoldNode& f, Better better) {
  const Array& in = f.input(0);
  const size_t axis = f.axis(f.integer(1), in.dims.size());
  const int64_t count = in.dims[axis];
  f.require(count > 0, "it looks for the largest of no elements");
  Strided from = row_major(in.dims);
  const size_t stride = (size_t)from.strides[axis];
  Dims dims = in.dims;
  dims.erase(dims.begin() + (int64_t)axis);
  from.strides.erase(from.strides.begin() + (int64_t)axis);
  Array out = f.result(dims, false);
  size_t i = 0;
  walk(dims, {from}, [&](const auto& at) {
    out.integers[i++] = in.is_float ? best_place(&in.floats[at[0]], stride, count, better)
                                    : best_place(&in.integers[at[0]], stride, count, better);
  });
  return one_output(std::move(out));
}

FoldOutputs arg_max(const FoldNode& f) {
  return arg_best(f, [](auto a, auto b) { return a > b; });
}
FoldOutputs arg_min(const FoldNode& f) {
  return arg_best(f, [](auto a, auto b) { return a < b; });
}

// ---- The matrix product ----

constexpr int64_t kMaxMultiplyAdds = int64_t{1} << 36;  // a minute or two

// out[i, j] = sum over k of a[i, k] * b[k, j], ascending, each step one fused multiply-add for floats.
FoldOutputs mat_mul(const FoldNode& f) {
  const Array &a = f.input(0), &b = f.input(1);
  f.require(a.is_float == b.is_float, "its inputs are not of one type");
  f.require(a.dims.size() == 2 && b.dims.size() == 2, "its inputs are not matrices");
  const size_t a_turned = f.attribute("transpose_a", int64_t{0}) != 0,
               b_turned = f.attribute("transpose_b", int64_t{0}) != 0;
  const int64_t depth = a.dims[1 - a_turned];
  f.require(depth == b.dims[b_turned], "its matrices do not fit each other");
  Array out = f.result({a.dims[a_turned], b.dims[1 - b_turned]}, a.is_float);
  f.require(depth == 0 || (int64_t)out.size() <= kMaxMultiplyAdds / depth, "it takes more than 2^36 multiplications");
  const Strided from_a = row_major(a.dims), from_b = row_major(b.dims);
  const Dims walk_dims = {out.dims[0], out.dims[1], depth};
  const Strided at_a = {0, {from_a.strides[a_turned], 0, from_a.strides[1 - a_turned]}};
  const Strided at_b = {0, {0, from_b.strides[1 - b_turned], from_b.strides[b_turned]}};
  const Strided at_out = {0, {out.dims[1], 1, 0}};
  walk(walk_dims, {at_a, at_b, at_out}, [&](const auto& at) {
    if (out.is_float) {
      float& total = out.floats[at[2]];
      total = fma_f32(a.floats[at[0]], b.floats[at[1]], total);
    } else {
      int64_t& total = out.integers[at[2]];
      total = (Wrapping{total} + Wrapping{a.integers[at[0]]} * Wrapping{b.integers[at[1]]}).value;
    }
  });
  wrap_integers(f.type(), &out);
  return one_output(std::move(out));
}

}  // namespace

void add_reduction_folds(FoldTable* table) {
  table->insert({
      {"All", all_of},
      {"Any", any_of},
      {"ArgMax", arg_max},
      {"ArgMin", arg_min},
      {"MatMul", mat_mul},
      {"Max", largest},
      {"Mean", mean},
      {"Min", smallest},
      {"Prod", product},
      {"Sum", sum},
  });
}

}  // namespace posy
