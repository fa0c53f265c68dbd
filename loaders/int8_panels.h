// The weights of a product of bytes as they lie in the file: kernels/int8_weights.hpp.
#pragma once
#include <cstdint>
#include <vector>

#include "loaders/network.h"

namespace posy {

// Appends the panels of a convolution with `in_c` input channels, or, if that is 0, of a depthwise one. Returns whether
// all pairs of weights are small.
bool write_int8_panels(const Int8Layer& layer, const Window& window, uint32_t in_c, std::vector<uint8_t>* bytes);

// The order in which the file has the rows of a channel, each as an index into Int8Layer::weights' rows or -1 for a
// weight of 0 that makes a group whole. Pairs are places 2i and 2i + 1.
std::vector<int> int8_row_order(const Window& window, uint32_t in_c);

}  // namespace posy
