// Weights become the panels of a .posy file (loaders/FORMAT.md, "Weights").
#pragma once
#include <cstdint>
#include <vector>

#include "loaders/network.h"

namespace posy {

enum class WeightChoice {
  kAuto,  // one byte where the tensor has at most 256 distinct values, so that nothing is lost; else float32
  kF32,
  kU8,  // one byte everywhere: as kAuto where nothing is lost, else affine per output channel
  kU7,  // so many bits everywhere, affine per output channel
  kU6,
  kU5,
  kU4,
};

// Appends the smallest encoding that the choice allows, and returns which it is.
WeightType encode_weights(const ConvWeights& weights, WeightChoice choice, std::vector<uint8_t>* bytes);

}  // namespace posy
