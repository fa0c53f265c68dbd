// From a network of floats to one of 8-bit codes.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "loaders/calibration.h"
#include "loaders/int8_layer.h"
#include "loaders/network.h"

namespace posy {

// How the range of a value's codes is chosen from what calibration saw.
enum class RangeRule {
  kMinMax,      // everything that was seen
  kPercentile,  // all but the outermost 0.01 % on either side
  kLeastError,  // the range with the least squared error
};
constexpr RangeRule kRangeRules[] = {RangeRule::kMinMax, RangeRule::kPercentile, RangeRule::kLeastError};
const char* range_rule_name(RangeRule rule);

// Scales the channels between two layers, the second of them depthwise, so that all have the same range: what is
// between has one scale for all, and a channel with a small range would get few of its codes. Scores stay the same for
// what is within the ranges of calibration; beyond, a channel that is cut off at a limit (ReLU6) is cut off earlier.
// After "Data-Free Quantization Through Weight Equalization and Bias Correction" (Nagel et al., 2019), section 4.1;
// here the second layer has a multiplier for each channel, so that its factors cost nothing and the first takes all of
// them. Returns how many layers were scaled.
int equalize_channels(Network* network, const Calibration& calibration);

// The weights of all convolutions in steps, in order.
std::vector<SteppedWeights> weights_in_steps(const Network& network, const Calibration& calibration);

// The network in 8-bit codes, but for nodes in `floats` (by index) and those that have no integer form; between the two
// codes become floats and back. Ranges are those of `calibration`, and `weights` those of the same network.
Network quantized(const Network& network, const Calibration& calibration, const std::vector<SteppedWeights>& weights,
                  RangeRule rule, const std::set<size_t>& floats);

}  // namespace posy
