// The page of posy show --weights.
#pragma once
#include <string>
#include <vector>

#include "loaders/read_weights.h"

namespace posy {

// `before`: the weights of the graph in floats, by the names of their ops; empty if there is none to compare with. Both
// must be of the same network.
std::string weights_page(const std::string& title, const Model& model, const std::vector<OpWeights>& after,
                         const std::vector<OpWeights>& before);

}  // namespace posy
