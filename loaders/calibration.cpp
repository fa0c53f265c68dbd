#include "loaders/calibration.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <limits>

#include "loaders/error.h"
#include "loaders/network_runner.h"

namespace posy {
namespace {

constexpr size_t kMostSamples = 1 << 16;

bool is_photo_name(const std::filesystem::path& path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](unsigned char c) { return (char)std::tolower(c); });
  return suffix == ".jpg" || suffix == ".jpeg" || suffix == ".png" || suffix == ".bmp" || suffix == ".gif";
}

// Evenly spread ones of `all`.
std::vector<std::string> thinned(const std::vector<std::string>& all, size_t most) {
  if (all.size() <= most) return all;
  std::vector<std::string> some;
  for (size_t i = 0; i < most; ++i) some.push_back(all[i * all.size() / most]);
  return some;
}

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

std::vector<std::string> photos_in(const std::string& folder, size_t most) {
  std::vector<std::string> photos;
  std::error_code error;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  for (std::filesystem::recursive_directory_iterator at(folder, options, error), end; !error && at != end;
       at.increment(error)) {
    if (at->is_regular_file(error) && is_photo_name(at->path())) photos.push_back(at->path().string());
  }
  if (error) throw InputError(folder + ": cannot be read as a folder of photos: " + error.message());
  if (photos.empty()) throw InputError(folder + ": no photo in it (.jpg, .jpeg, .png, .bmp or .gif)");
  std::sort(photos.begin(), photos.end());
  return thinned(photos, most);
}

Calibration calibrate(const Network& network, const std::vector<std::string>& photos) {
  Calibration calibration;
  NetworkRunner runner(network, WeightChoice::kF32);
  std::string last_error;
  for (const std::string& path : photos) {
    try {
      calibration.inputs.push_back(runner.input_of(read_image(path)));
    } catch (const InputError& error) {
      last_error = error.what();
      calibration.notes.push_back("left out of the calibration: " + last_error);
    }
  }
  if (calibration.inputs.empty()) throw InputError("no photo to calibrate with could be read: " + last_error);
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
