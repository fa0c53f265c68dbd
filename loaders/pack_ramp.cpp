// Finds the two numbers from which TensorFlow's rounding of weights made a code book. Its round_weights writes
// min + width * (index + 0.5), its other quantizers low + index * step, in float32 (tensorflow/tools/quantization/
// quantize_graph.py, quantize_array(), and tensorflow/core/kernels/quantization_utils.h of TensorFlow 1.x).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "loaders/pack_plan.h"

namespace posy {
namespace {

struct Line {
  double low, step;
};

float moved_by(float x, int last_places) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits += last_places;
  std::memcpy(&x, &bits, sizeof bits);
  return x;
}

// Least squares through (number, value).
Line fit(std::span<const float> values, std::span<const uint32_t> numbers) {
  double n = (double)values.size(), x = 0, y = 0, xx = 0, xy = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    x += numbers[i];
    y += values[i];
    xx += (double)numbers[i] * numbers[i];
    xy += (double)numbers[i] * values[i];
  }
  const double step = (n * xy - x * y) / (n * xx - x * x);
  return {(y - step * x) / n, step};
}

// The value's place on the line, from the least one on.
std::vector<uint32_t> numbers_on(const Line& line, std::span<const float> values) {
  std::vector<uint32_t> numbers;
  for (const float x : values) numbers.push_back((uint32_t)std::max(0.0, std::round((x - line.low) / line.step)));
  return numbers;
}

bool is_exact(std::span<const float> values, std::span<const uint32_t> numbers, const Ramp& ramp) {
  for (size_t i = 0; i < values.size(); ++i) {
    const float made = ramp_value(ramp.low, ramp.step, numbers[i], ramp.middle);
    if (std::memcmp(&made, &values[i], sizeof made) != 0) return false;
  }
  return true;
}

// The line in float32: the fit is that near.
std::optional<Ramp> exact_ramp(std::span<const float> values, std::span<const uint32_t> numbers, const Line& line) {
  constexpr int kNearLow = 8, kNearStep = 64;
  for (const bool middle : {true, false}) {
    const float low = (float)(line.low - (middle ? 0.5 : 0) * line.step), step = (float)line.step;
    for (int i = -kNearLow; i <= kNearLow; ++i) {
      for (int j = -kNearStep; j <= kNearStep; ++j) {
        const Ramp ramp = {moved_by(low, i), moved_by(step, j), middle, false};
        if (is_exact(values, numbers, ramp)) return ramp;
      }
    }
  }
  return std::nullopt;
}

// The least difference of two values.
double least_gap(std::span<const float> values) {
  std::vector<float> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  double gap = 0;
  for (size_t i = 1; i < sorted.size(); ++i) {
    const double d = (double)sorted[i] - sorted[i - 1];
    if (d > 0 && (gap == 0 || d < gap)) gap = d;
  }
  return gap;
}

}  // namespace

std::optional<Ramp> find_ramp(std::span<const float> values) {
  constexpr size_t kFewest = 16;  // fewer are smaller as they are
  if (values.size() < kFewest) return std::nullopt;
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) return std::nullopt;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  Line line = {*low, least_gap(values)};
  constexpr double kMostNumbers = 1 << 16;
  if (!(line.step > 1e-30) || ((double)*high - *low) / line.step > kMostNumbers) return std::nullopt;
  std::vector<uint32_t> numbers = numbers_on(line, values);
  for (int round = 0; round < 3; ++round) {
    line = fit(values, numbers);
    numbers = numbers_on(line, values);
  }
  std::optional<Ramp> ramp = exact_ramp(values, numbers, line);
  if (!ramp) return std::nullopt;
  uint32_t most = 0, before = 0;
  bool rises = true;
  for (const uint32_t n : numbers) {
    most = std::max(most, n);
    rises = rises && n >= before && n - before < kSymbols;
    before = n;
  }
  ramp->ascending = rises;
  if (!rises && most >= kSymbols) return std::nullopt;
  return ramp;
}

}  // namespace posy
