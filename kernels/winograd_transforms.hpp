// Convolutions of stride 1 with fewer products: F(m, k) makes m neighbouring outputs of a window of k from
// m + k - 1 products of transformed inputs and transformed weights, where the plain sum takes m * k.
//
// Toom and Cook: a polynomial is known by its values at enough points. With points a_0 ... and infinity, transformed
// weights are values of a polynomial whose coefficients are the weights, and the other two transforms are those of its
// product transposed (Winograd, Arithmetic Complexity of Computations, 1980; for layers of networks, along both axes
// and summed over channels before the last transform: Lavin and Gray, Fast Algorithms for Convolutional Neural
// Networks, 2015).
//
// Any points do in real numbers; in float32 they decide the error. These have the least in a search over eighths, for
// inputs of which a ReLU has left the upper half (tests/kernels/winograd_test.cpp measures them): for F(4, 3) along
// both axes it is less than half of that of the usual 0, 1, -1, 2, -2. They come as p and -p, which halves the work:
// the even and the odd terms of both rows are the same.
#pragma once
#include "kernels/math.hpp"

namespace posy {
namespace {

// Values in the transformed domain, per axis: m + k - 1. One more than the finite points.
constexpr uint32_t kMostAlphas = 9;
constexpr uint32_t kMostOutputs = 4;  // m

// The points of F(m, k) besides infinity: p and -p for each of these, and 0 in front if m + k - 1 is even. No points:
// no such F.
struct WinogradPoints {
  uint32_t pairs;
  double p[4];
};
POSY_INLINE constexpr WinogradPoints winograd_points(uint32_t m, uint32_t k) {
  if (m == 2 && k == 3) return {1, {1}};
  if (m == 4 && k == 3) return {2, {0.625, 1.5}};
  if (m == 2 && k == 5) return {2, {0.625, 1.5}};
  if (m == 2 && k == 7) return {3, {0.5, 1, 2}};
  if (m == 3 && k == 7) return {4, {0.25, 0.625, 1.125, 2.25}};
  return {0, {}};
}

// Transformed values of a tile along one axis; an axis without a window, F(1, 1), is left as it is. 0: no such F.
POSY_INLINE constexpr uint32_t winograd_alphas(uint32_t m, uint32_t k) {
  if (m == 1 && k == 1) return 1;
  return winograd_points(m, k).pairs > 0 ? m + k - 1 : 0;
}

// The three matrices. Rows of a point p are followed by those of -p, which are not read: in them the odd terms (of
// `output`, odd rows) have the other sign.
template <uint32_t kM, uint32_t kK>
struct WinogradMatrices {
  static constexpr uint32_t kAlphas = kM + kK - 1;
  static constexpr uint32_t kFirstPair = kAlphas % 2 == 0 ? 1 : 0;  // row 0 is the point 0, or belongs to a pair

  float input[kAlphas][kAlphas] = {};  // coefficients of the product of x - b over all other points b
  float weights[kAlphas][kK] = {};     // powers of the point, divided by that product at the point
  float output[kM][kAlphas] = {};      // powers of the point
};

template <uint32_t kM, uint32_t kK>
constexpr WinogradMatrices<kM, kK> winograd_matrices() {
  using Matrices = WinogradMatrices<kM, kK>;
  constexpr WinogradPoints points = winograd_points(kM, kK);
  constexpr uint32_t kZero = Matrices::kFirstPair, kLast = Matrices::kAlphas - 1;
  static_assert(2 * points.pairs + kZero == kLast && kLast < kMostAlphas, "a point for every value but the last");
  Matrices t;
  // Pair `skipped` is left out of the product of x^2 - p^2: coefficients of even powers, factors at x^2.
  struct Even {
    double coefficient[kMostAlphas] = {};
    constexpr Even(const WinogradPoints& of, uint32_t skipped) {
      coefficient[0] = 1;
      for (uint32_t i = 0; i < of.pairs; ++i) {
        if (i == skipped) continue;
        for (uint32_t j = of.pairs; j > 0; --j)
          coefficient[j] = coefficient[j - 1] - coefficient[j] * of.p[i] * of.p[i];
        coefficient[0] *= -of.p[i] * of.p[i];
      }
    }
    constexpr double at(double square) const {
      double sum = 0, power = 1;
      for (uint32_t j = 0; j < kMostAlphas; ++j, power *= square) sum += coefficient[j] * power;
      return sum;
    }
  };
  const Even all(points, points.pairs);
  if (kZero) {
    for (uint32_t j = 0; j <= points.pairs; ++j) t.input[0][2 * j] = (float)all.coefficient[j];
    t.weights[0][0] = (float)(1 / all.coefficient[0]);
    t.output[0][0] = 1;
  }
  for (uint32_t i = 0; i < points.pairs; ++i) {
    const uint32_t row = kZero + 2 * i;
    const double p = points.p[i];
    const Even others(points, i);
    for (uint32_t j = 0; j < points.pairs; ++j) {  // times x + p, and x if 0 is a point
      t.input[row][2 * j + kZero] = (float)(others.coefficient[j] * p);
      t.input[row][2 * j + kZero + 1] = (float)others.coefficient[j];
    }
    const double product = others.at(p * p) * 2 * p * (kZero ? p : 1);
    double power = 1;
    for (uint32_t j = 0; j < kM || j < kK; ++j, power *= p) {
      if (j < kK) t.weights[row][j] = (float)(power / product);
      if (j < kM) t.output[j][row] = (float)power;
    }
  }
  for (uint32_t j = 0; j <= points.pairs; ++j) t.input[kLast][2 * j + kZero] = (float)all.coefficient[j];
  t.weights[kLast][kK - 1] = 1;
  t.output[kM - 1][kLast] = 1;
  return t;
}

template <uint32_t kM, uint32_t kK>
constexpr WinogradMatrices<kM, kK> kWinograd = winograd_matrices<kM, kK>();

// The matrices of an axis as plain arrays, for loops whose bounds come from a file.
struct WinogradAxis {
  uint32_t m, k, alphas;
  const float *input, *weights, *output;
};

template <uint32_t kM, uint32_t kK>
WinogradAxis winograd_axis_of() {
  const auto& t = kWinograd<kM, kK>;
  return {kM, kK, t.kAlphas, t.input[0], t.weights[0], t.output[0]};
}

inline WinogradAxis winograd_axis(uint32_t m, uint32_t k) {
  if (k == 3) return m == 2 ? winograd_axis_of<2, 3>() : winograd_axis_of<4, 3>();
  if (k == 5) return winograd_axis_of<2, 5>();
  if (k == 7) return m == 2 ? winograd_axis_of<2, 7>() : winograd_axis_of<3, 7>();
  return {1, 1, 1, nullptr, nullptr, nullptr};
}

// ---- The transforms of one line of values, `step` floats apart: the definition, in plain loops ----
//
// A sum of products leaves out coefficients of 0. It begins with the first product, and goes on with fused
// multiply-adds in ascending order.

inline float winograd_sum(const float* row, const float* x, uint32_t begin, uint32_t end, uint32_t stride) {
  float sum = 0;
  bool is_first = true;
  for (uint32_t j = begin; j < end; j += stride) {
    if (row[j] == 0) continue;
    sum = is_first ? row[j] * x[j] : fma_f32(row[j], x[j], sum);
    is_first = false;
  }
  return sum;
}

// Inputs or weights: n values become `alphas`. Rows of a pair of points are even + odd and even - odd.
inline void winograd_expand(uint32_t alphas, const float* matrix, uint32_t n, float* line, uint32_t step) {
  float x[kMostAlphas];
  for (uint32_t j = 0; j < n; ++j) x[j] = line[j * step];
  const uint32_t first_pair = alphas % 2 == 0 ? 1 : 0;
  if (first_pair) line[0] = winograd_sum(matrix, x, 0, n, 1);
  for (uint32_t i = first_pair; i + 1 < alphas; i += 2) {
    const float even = winograd_sum(matrix + i * n, x, 0, n, 2), odd = winograd_sum(matrix + i * n, x, 1, n, 2);
    line[i * step] = even + odd;
    line[(i + 1) * step] = even - odd;
  }
  line[(alphas - 1) * step] = winograd_sum(matrix + (alphas - 1) * n, x, 0, n, 1);
}

// Sums of products: `alphas` values become m outputs. Of a pair of points, even outputs take the sum and odd ones the
// difference.
inline void winograd_contract(uint32_t alphas, const float* matrix, uint32_t m, float* line, uint32_t step) {
  float sum[kMostAlphas] = {}, difference[kMostAlphas] = {};
  const uint32_t first_pair = alphas % 2 == 0 ? 1 : 0;
  if (first_pair) sum[0] = line[0];
  for (uint32_t i = first_pair; i + 1 < alphas; i += 2) {
    sum[i] = line[i * step] + line[(i + 1) * step];
    difference[i] = line[i * step] - line[(i + 1) * step];
  }
  sum[alphas - 1] = difference[alphas - 1] = line[(alphas - 1) * step];
  for (uint32_t i = 0; i < m; ++i) {
    const float* x = i % 2 == 0 ? sum : difference;
    line[i * step] = winograd_sum(matrix + i * alphas, x, 0, alphas, 1);
  }
}

}  // namespace
}  // namespace posy

#ifdef POSY_SIMD
#include "kernels/panels.hpp"

namespace posy {
namespace {

// ---- The same for vectors: many lines at once ----

// Coefficients are constants once the loops are unrolled: those of 0 leave nothing behind.
template <uint32_t kN>
inline __attribute__((always_inline)) V winograd_sum(const float (&row)[kN], const V* x, uint32_t begin,
                                                     uint32_t stride) {
  V sum = splat(0);
  bool is_first = true;
  POSY_UNROLL for (uint32_t j = begin; j < kN; j += stride) {
    if (row[j] == 0) continue;
    sum = is_first ? splat(row[j]) * x[j] : fma(splat(row[j]), x[j], sum);
    is_first = false;
  }
  return sum;
}

template <uint32_t kAlphas, uint32_t kN>
inline __attribute__((always_inline)) void winograd_expand(const float (&matrix)[kAlphas][kN], const V* x, V* y) {
  constexpr uint32_t kFirstPair = kAlphas % 2 == 0 ? 1 : 0;
  if (kFirstPair) y[0] = winograd_sum(matrix[0], x, 0, 1);
  POSY_UNROLL for (uint32_t i = kFirstPair; i + 1 < kAlphas; i += 2) {
    const V even = winograd_sum(matrix[i], x, 0, 2), odd = winograd_sum(matrix[i], x, 1, 2);
    y[i] = even + odd;
    y[i + 1] = even - odd;
  }
  y[kAlphas - 1] = winograd_sum(matrix[kAlphas - 1], x, 0, 1);
}

template <uint32_t kM, uint32_t kAlphas>
inline __attribute__((always_inline)) void winograd_contract(const float (&matrix)[kM][kAlphas], const V* x, V* y) {
  constexpr uint32_t kFirstPair = kAlphas % 2 == 0 ? 1 : 0;
  V sum[kAlphas], difference[kAlphas];
  if (kFirstPair) sum[0] = difference[0] = x[0];
  POSY_UNROLL for (uint32_t i = kFirstPair; i + 1 < kAlphas; i += 2) {
    sum[i] = x[i] + x[i + 1];
    difference[i] = x[i] - x[i + 1];
    sum[i + 1] = difference[i + 1] = splat(0);  // coefficients of 0
  }
  sum[kAlphas - 1] = difference[kAlphas - 1] = x[kAlphas - 1];
  POSY_UNROLL for (uint32_t i = 0; i < kM; ++i) y[i] = winograd_sum(matrix[i], i % 2 == 0 ? sum : difference, 0, 1);
}

// `floats` lines side by side. Value j of a line lies j * from_step (to_step) floats behind the first. `to` may be
// `from`, with the same step.
using WinogradPass = void (*)(const float* from, size_t from_step, float* to, size_t to_step, uint32_t floats);

template <uint32_t kIn, uint32_t kOut, class Transform>
inline __attribute__((always_inline)) void winograd_pass(const float* from, size_t from_step, float* to, size_t to_step,
                                                         uint32_t floats, Transform transform) {
  V x[kIn], y[kOut];
  uint32_t f = 0;
  for (; f + kLanes <= floats; f += kLanes) {
    POSY_UNROLL for (uint32_t j = 0; j < kIn; ++j) x[j] = load(from + j * from_step + f);
    transform(x, y);
    POSY_UNROLL for (uint32_t j = 0; j < kOut; ++j) store(to + j * to_step + f, y[j]);
  }
  if (const uint32_t n = floats - f) {
    POSY_UNROLL for (uint32_t j = 0; j < kIn; ++j) x[j] = load_first(from + j * from_step + f, n);
    transform(x, y);
    POSY_UNROLL for (uint32_t j = 0; j < kOut; ++j) store_first(to + j * to_step + f, y[j], n);
  }
}

template <uint32_t kM, uint32_t kK>
void winograd_input_pass(const float* from, size_t from_step, float* to, size_t to_step, uint32_t floats) {
  constexpr uint32_t kAlphas = kM + kK - 1;
  winograd_pass<kAlphas, kAlphas>(from, from_step, to, to_step, floats,
                                  [](const V* x, V* y) { winograd_expand(kWinograd<kM, kK>.input, x, y); });
}

template <uint32_t kM, uint32_t kK>
void winograd_weights_pass(const float* from, size_t from_step, float* to, size_t to_step, uint32_t floats) {
  winograd_pass<kK, kM + kK - 1>(from, from_step, to, to_step, floats,
                                 [](const V* x, V* y) { winograd_expand(kWinograd<kM, kK>.weights, x, y); });
}

template <uint32_t kM, uint32_t kK>
void winograd_output_pass(const float* from, size_t from_step, float* to, size_t to_step, uint32_t floats) {
  winograd_pass<kM + kK - 1, kM>(from, from_step, to, to_step, floats,
                                 [](const V* x, V* y) { winograd_contract(kWinograd<kM, kK>.output, x, y); });
}

// What a layer makes of sums, clamp((sum - center) * scale + bias): the panels' headers, and how many of their lanes
// there are; they may end inside the last panel.
struct WinogradEnd {
  Panels panels;
  uint32_t lanes;
  Clamp limits;
};

// The pass behind which the sums are outputs: value i of a tile goes to out[i], or nowhere if that is null.
using WinogradLastPass = void (*)(const float* from, size_t from_step, const WinogradEnd& end, float* const* out);

template <uint32_t kM, uint32_t kK>
void winograd_last_pass(const float* from, size_t from_step, const WinogradEnd& end, float* const* out) {
  constexpr uint32_t kAlphas = kM + kK - 1;
  const V low = splat(end.limits.low), high = splat(end.limits.high);
  for (uint32_t v = 0; v * kLanes < end.lanes; ++v) {
    const float* header = end.panels.data + v / kPanelVectors * end.panels.stride + v % kPanelVectors * kLanes;
    const V bias = load(header), scale = load(header + kPanelLanes), center = load(header + 2 * kPanelLanes);
    V x[kAlphas], y[kM];
    POSY_UNROLL for (uint32_t j = 0; j < kAlphas; ++j) x[j] = load(from + j * from_step + v * kLanes);
    winograd_contract(kWinograd<kM, kK>.output, x, y);
    POSY_UNROLL for (uint32_t i = 0; i < kM; ++i) {
      y[i] = minimum(high, maximum(low, fma(y[i] - center, scale, bias)));
    }
    const uint32_t left = min_u32(kLanes, end.lanes - v * kLanes);
    if (left == kLanes) {
      POSY_UNROLL for (uint32_t i = 0; i < kM; ++i) {
        if (out[i]) store(out[i] + v * kLanes, y[i]);
      }
    } else {
      POSY_UNROLL for (uint32_t i = 0; i < kM; ++i) {
        if (out[i]) store_first(out[i] + v * kLanes, y[i], left);
      }
    }
  }
}

// Of an axis without a window, all null.
struct WinogradPasses {
  WinogradPass input, weights, output;
  WinogradLastPass last;
};

template <uint32_t kM, uint32_t kK>
WinogradPasses winograd_passes_of() {
  return {winograd_input_pass<kM, kK>, winograd_weights_pass<kM, kK>, winograd_output_pass<kM, kK>,
          winograd_last_pass<kM, kK>};
}

inline WinogradPasses winograd_passes(uint32_t m, uint32_t k) {
  if (k == 3) return m == 2 ? winograd_passes_of<2, 3>() : winograd_passes_of<4, 3>();
  if (k == 5) return winograd_passes_of<2, 5>();
  if (k == 7) return m == 2 ? winograd_passes_of<2, 7>() : winograd_passes_of<3, 7>();
  return {nullptr, nullptr, nullptr, nullptr};
}

}  // namespace
}  // namespace posy
#endif
