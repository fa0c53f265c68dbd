// The weights of a convolution as bytes.
#pragma once
#include <memory>
#include <vector>

#include "loaders/network.h"

namespace posy {

// What one knows of a layer's input, per input channel; empty: nothing.
struct InputStatistics {
  std::vector<double> mean, mean_square;
};

// Weights of each output channel become multiples of a step of that channel, -127 to 127 of them. The step is the one
// with the least squared error of the outputs, each weight's error counting as often as its input is large, and among
// weights whose pairs are small (kernels/int8_weights.hpp): two neighbours that are not give way to each other. What
// the error adds to the outputs on average is taken from the bias. `in` and `out` are the layer's values; if `out` is
// floats, so are its sums times multiplier. Throws InputError if a weight is not finite.
std::shared_ptr<const Int8Layer> make_int8_layer(const NetworkNode& node, const Value& in, const Value& out,
                                                 const InputStatistics& statistics);

// The same of weights that are whole numbers already: multiples of a step of each channel, to a thousandth of it, at most
// 255 of them. They stay these multiples, and the bias becomes the nearest one. Null if there is no such step.
std::shared_ptr<const Int8Layer> make_known_layer(const NetworkNode& node, const Value& in, const Value& out);

}  // namespace posy
