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

// Runs the network on the photos. Photos that cannot be decoded are noted and left out; throws InputError if none can.
Calibration calibrate(const Network& network, const std::vector<std::string>& photos);

// The same for inputs that are there already: another form of the network.
void measure_values(const Network& network, Calibration* calibration);

// Which inputs of each convolution go together.
void measure_layers(const Network& network, Calibration* calibration);

}  // namespace posy
