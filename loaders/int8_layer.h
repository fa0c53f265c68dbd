// The weights of a convolution as bytes.
#pragma once
#include <memory>
#include <vector>

#include "loaders/layer_statistics.h"
#include "loaders/network.h"

namespace posy {

// What one knows of a layer's input, per input channel; empty: nothing.
struct InputStatistics {
  std::vector<double> mean, mean_square;
  const LayerStatistics* together = nullptr;  // how inputs go together; null: not known
};

// Weights as multiples of a step of each output channel: what takes the time, and does not depend on the codes that
// come in and go out.
struct SteppedWeights {
  std::vector<double> steps;  // per channel, times the channel's scale
  std::vector<int8_t> codes;  // as the weights
};

// Multiples are -127 to 127. The step is the one with the least squared error of the outputs, each weight's error
// counting as often as its input is large, and among weights whose pairs are small (kernels/int8_weights.hpp): two
// neighbours that are not give way to each other. Where it is known how inputs go together, weights are then rounded so
// that errors cancel (OutputRounding). in_c: channels of the input. Throws InputError if a weight is not finite.
SteppedWeights in_steps(const NetworkNode& node, uint32_t in_c, const InputStatistics& statistics);

// The layer of them. What the error of weights adds to the outputs on average is taken from the bias. `in` and `out`
// are the layer's values; if `out` is floats, so are its sums times multiplier.
std::shared_ptr<const Int8Layer> make_int8_layer(const NetworkNode& node, const Value& in, const Value& out,
                                                 const InputStatistics& statistics, const SteppedWeights& stepped);

// The same of weights that are whole numbers already: multiples of a step of each channel, to a thousandth of it, at
// most 255 of them. They stay these multiples, and the bias becomes the nearest one. Null if there is no such step.
std::shared_ptr<const Int8Layer> make_known_layer(const NetworkNode& node, const Value& in, const Value& out);

}  // namespace posy
