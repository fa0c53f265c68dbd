// The weights of a .posy file as the numbers that they stand for.
#pragma once
#include <string>
#include <vector>

#include "engine/model.h"

namespace posy {

// Of one op: each weight times its channel's factor, [rows, channels], rows in the order window row, window column,
// input channel. Those of a product of bytes are in the units of its floats.
struct OpWeights {
  uint32_t op;
  std::string name;
  size_t channels;
  std::vector<float> values;
  std::vector<float> bias;  // what each channel makes of an input of zeros, before its clamp
};

// False of a map of codes, whose table is no layer's.
bool has_weights(const OpRecord& op);

// Of one op; no values if it has no weights. `model` is open.
OpWeights read_weights(const Model& model, uint32_t op);

// Of all ops that have weights, in order.
std::vector<OpWeights> read_weights(const Model& model);

}  // namespace posy
