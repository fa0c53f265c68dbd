// What a folder of photos makes of a network: the values' ranges, and the scores to compare with.
#pragma once
#include <string>
#include <vector>

#include "loaders/layer_statistics.h"
#include "loaders/network.h"

namespace posy {

// Of one value, over all photos.
struct ValueStatistics {
  float low = 0, high = 0;
  std::vector<float> channel_low, channel_high;
  std::vector<double> channel_mean, channel_mean_square;
  std::vector<float> samples;  // evenly taken, at most kMostSamples

  bool is_seen() const { return !channel_mean.empty(); }
};

struct Calibration {
  std::vector<ValueStatistics> values;     // by ValueId; not of those that no op makes, such as concatenations
  std::vector<std::vector<float>> inputs;  // per photo, as the network takes them
  std::vector<std::vector<float>> scores;  // per photo
  std::vector<std::string> notes;          // photos that could not be read
  std::vector<LayerStatistics> layers;     // of the convolutions, in order; empty until measure_layers()
};

constexpr size_t kMostPhotos = 200;

// Paths of the photos in a folder and its sub-folders (JPEG, PNG, BMP, GIF by suffix), sorted, and evenly thinned out
// to `most`. Throws InputError if there is no such folder, or no photo in it.
std::vector<std::string> photos_in(const std::string& folder, size_t most = kMostPhotos);

// Runs the network on the photos. Photos that cannot be decoded are noted and left out; throws InputError if none can.
Calibration calibrate(const Network& network, const std::vector<std::string>& photos);

// The same for inputs that are there already: another form of the network.
void measure_values(const Network& network, Calibration* calibration);

// Which inputs of each convolution go together.
void measure_layers(const Network& network, Calibration* calibration);

}  // namespace posy
