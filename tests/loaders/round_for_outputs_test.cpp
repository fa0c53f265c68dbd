// Rounding that keeps a layer's outputs: against plain rounding, on inputs that go together and inputs that do not.
#include "loaders/round_for_outputs.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

// Samples of `rows` inputs, made of a few causes each, never negative: as of a layer behind a ReLU.
std::vector<std::vector<float>> related_inputs(size_t samples, size_t rows, uint32_t seed) {
  constexpr size_t kCauses = 6;
  const std::vector<float> mix = random_floats(rows * kCauses, seed);
  std::vector<std::vector<float>> inputs;
  for (size_t s = 0; s < samples; ++s) {
    const std::vector<float> causes = random_floats(kCauses, seed + 1000 + (uint32_t)s);
    std::vector<float> input = random_floats(rows, seed + 50000 + (uint32_t)s, -0.1f, 0.1f);
    for (size_t r = 0; r < rows; ++r) {
      for (size_t k = 0; k < kCauses; ++k) input[r] += mix[r * kCauses + k] * causes[k];
      input[r] = std::max(0.0f, input[r] + 0.2f);
    }
    inputs.push_back(input);
  }
  return inputs;
}

LayerStatistics statistics_of(const std::vector<std::vector<float>>& inputs, size_t groups) {
  LayerStatistics s;
  const size_t all = inputs[0].size(), rows = all / groups;
  s.groups = groups;
  s.rows = rows;
  s.samples = inputs.size();
  s.mean.resize(all);
  s.covariance.resize(groups * rows * rows);
  for (const std::vector<float>& x : inputs) {
    for (size_t i = 0; i < all; ++i) s.mean[i] += x[i] / (float)inputs.size();
  }
  for (size_t i = 0; i < groups * rows * rows; ++i) {
    const size_t group = i / (rows * rows), a = group * rows + i / rows % rows, b = group * rows + i % rows;
    double sum = 0;
    for (const std::vector<float>& x : inputs) sum += ((double)x[a] - s.mean[a]) * ((double)x[b] - s.mean[b]);
    s.covariance[i] = (float)(sum / (double)inputs.size());
  }
  return s;
}

ConvWeights layer_of(size_t rows, size_t channels) {
  ConvWeights weights;
  weights.values =
      std::make_shared<Array>(float_array({(int64_t)rows, (int64_t)channels}, random_floats(rows * channels, 4)));
  weights.line = ChannelLine::scaled(random_floats(channels, 5, 0.5f, 2));
  return weights;
}

// Mean of the squared errors of all outputs, with the shift taken off.
double output_error(const ConvWeights& weights, const RoundedWeights& rounded, bool depthwise,
                    const std::vector<std::vector<float>>& inputs) {
  const size_t channels = weights.line.size(), rows = weights.values->floats.size() / channels;
  double sum = 0;
  for (const std::vector<float>& x : inputs) {
    for (size_t c = 0; c < channels; ++c) {
      double error = rounded.shift.empty() ? 0 : -(double)rounded.shift[c];
      for (size_t r = 0; r < rows; ++r) {
        error += (double)x[depthwise ? c * rows + r : r] * ((double)rounded.value(r, c) - weights.value(r, c));
      }
      sum += error * error;
    }
  }
  return sum / (double)(inputs.size() * channels);
}

}  // namespace

TEST_CASE("rounding for outputs: new inputs of the same kind are met with a fraction of plain rounding's error") {
  const size_t rows = 96, channels = 70;
  const ConvWeights weights = layer_of(rows, channels);
  const std::vector<std::vector<float>> seen = related_inputs(600, rows, 1), others = related_inputs(900, rows, 1);
  const std::vector<std::vector<float>> fresh(others.begin() + 600, others.end());
  const LayerStatistics statistics = statistics_of(seen, 1);
  const OutputRounding rounding(weights, statistics);
  for (uint32_t bits = 4; bits <= 8; ++bits) {
    INFO(bits, " bits");
    const RoundedWeights plain = round_weights(weights, bits), better = rounding.round(bits);
    CHECK(output_error(weights, better, false, fresh) < 0.2 * output_error(weights, plain, false, fresh));
    CHECK(rounding.relative_error(better) < 0.5 * rounding.relative_error(plain));
    CHECK(better.step == plain.step);
    CHECK(std::all_of(better.codes.begin(), better.codes.end(), [&](uint8_t q) { return q < 1 << bits; }));
  }
  CHECK(rounding.round(5).codes == rounding.round(5).codes);
}

TEST_CASE("rounding for outputs: each channel of a depthwise layer has inputs of its own") {
  const size_t rows = 9, channels = 40;
  const ConvWeights weights = layer_of(rows, channels);
  const std::vector<std::vector<float>> inputs = related_inputs(500, rows * channels, 8);
  const LayerStatistics statistics = statistics_of(inputs, channels);
  const OutputRounding rounding(weights, statistics);
  const RoundedWeights plain = round_weights(weights, 4), better = rounding.round(4);
  CHECK(output_error(weights, better, true, inputs) < 0.9 * output_error(weights, plain, true, inputs));
}

TEST_CASE("rounding for outputs: without covariances the codes are plain, and the mean error is known") {
  const size_t rows = 50, channels = 20;
  const ConvWeights weights = layer_of(rows, channels);
  const std::vector<std::vector<float>> inputs = related_inputs(100, rows, 3);
  LayerStatistics statistics = statistics_of(inputs, 1);
  statistics.covariance.clear();
  const RoundedWeights plain = round_weights(weights, 5), better = OutputRounding(weights, statistics).round(5);
  CHECK(better.codes == plain.codes);
  CHECK(output_error(weights, better, false, inputs) < output_error(weights, plain, false, inputs));
}

TEST_CASE("rounding for outputs: inputs that never vary, or are never there, do no harm") {
  const size_t rows = 30, channels = 5;
  const ConvWeights weights = layer_of(rows, channels);
  for (const float value : {0.0f, 3.0f}) {
    const std::vector<std::vector<float>> inputs(20, std::vector<float>(rows, value));
    const LayerStatistics statistics = statistics_of(inputs, 1);
    const OutputRounding rounding(weights, statistics);
    const RoundedWeights rounded = rounding.round(4);
    CHECK(output_error(weights, rounded, false, inputs) < 1e-8);
    CHECK(std::isfinite(rounding.relative_error(rounded)));
  }
}
