#include "loaders/calibration.h"

#include <algorithm>
#include <limits>

#include "loaders/step_runner.h"

namespace posy {
namespace {

constexpr size_t kMostSamples = 1 << 16;

// Adds up what photos make of a value.
class Meter {
 public:
  explicit Meter(ValueStatistics* to) : to_(*to) {}

  void add(const MadeRows& rows, size_t samples_per_photo) {
    const uint32_t c = rows.progress.shape.c;
    if (!to_.is_seen()) {
      to_.low = std::numeric_limits<float>::infinity();
      to_.high = -to_.low;
      to_.channel_low.assign(c, to_.low);
      to_.channel_high.assign(c, to_.high);
      to_.channel_mean.assign(c, 0);
      to_.channel_mean_square.assign(c, 0);
    }
    const uint64_t elements = (uint64_t)rows.progress.shape.h * rows.progress.shape.w * c;
    // Multiples of the golden ratio, modulo 1, are evenly spread, and meet all channels.
    const uint64_t part = (uint64_t)((1ull << 32) * std::min(1.0, (double)samples_per_photo / (double)elements));
    rows.for_each([&](uint32_t channel, float x) {
      to_.channel_low[channel] = std::min(to_.channel_low[channel], x);
      to_.channel_high[channel] = std::max(to_.channel_high[channel], x);
      to_.channel_mean[channel] += x;
      to_.channel_mean_square[channel] += (double)x * x;
      if ((uint32_t)(count_++ * 2654435769u) < part && to_.samples.size() < kMostSamples) to_.samples.push_back(x);
    });
  }

  void finish() {
    if (!to_.is_seen()) return;
    const double per_channel = (double)count_ / (double)to_.channel_mean.size();
    for (double& x : to_.channel_mean) x /= per_channel;
    for (double& x : to_.channel_mean_square) x /= per_channel;
    to_.low = *std::min_element(to_.channel_low.begin(), to_.channel_low.end());
    to_.high = *std::max_element(to_.channel_high.begin(), to_.channel_high.end());
  }

 private:
  ValueStatistics& to_;
  uint64_t count_ = 0;
};

}  // namespace

Calibration calibrate(const Network& network, const std::vector<std::string>& photos) {
  Calibration calibration;
  calibration.inputs = NetworkRunner(network, WeightChoice::kF32).inputs_of(photos, &calibration.notes);
  measure_values(network, &calibration);
  return calibration;
}

void measure_values(const Network& network, Calibration* calibration) {
  NetworkRunner runner(network, WeightChoice::kF32);
  calibration->values.assign(network.values.size(), {});
  calibration->scores.clear();
  std::vector<Meter> meters;
  for (ValueStatistics& value : calibration->values) meters.emplace_back(&value);
  const size_t per_photo = std::max<size_t>(1, kMostSamples / calibration->inputs.size());
  for (const std::vector<float>& input : calibration->inputs) {
    calibration->scores.push_back(runner.run(input, [&](const MadeRows& rows) {
      // Planning may have added values of its own.
      if ((size_t)rows.value < meters.size()) meters[(size_t)rows.value].add(rows, per_photo);
    }));
  }
  for (Meter& meter : meters) meter.finish();
}

void measure_layers(const Network& network, Calibration* calibration) {
  StepRunner runner(network, WeightChoice::kF32);
  calibration->layers = layer_statistics(&runner, calibration->inputs);
}

}  // namespace posy
