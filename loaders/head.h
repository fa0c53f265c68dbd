// The last layers of a classifier: what retraining replaces.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/model.h"

namespace posy {

// In class order; empty if the model has none.
std::vector<std::string> labels_of(const Model& model);

// The last op with weights; null if there is none.
const OpRecord* last_layer(const Model& model);

// What stands before the layers that are replaced: retrain.py's bottleneck.
struct Bottleneck {
  uint32_t tensor;  // 1 x 1 x channels; floats, or codes
  uint32_t steps;   // of the plan: those that make it and all that it needs
  uint32_t channels;
};

// The input of the last layer with weights, behind which nothing but a softmax or the like follows; or the output of
// the graph's node `node`, if it is not empty. Throws InputError that begins with `name`, the model's file: no such
// node, not 1 x 1, or later layers need more than it.
Bottleneck find_bottleneck(const std::string& name, const Model& model, const std::string& node);

// What bottlenecks depend on: 40 hexadecimal digits that stay the same whatever layers follow.
std::string identity_of(const Model& model, const Bottleneck& bottleneck);

}  // namespace posy
