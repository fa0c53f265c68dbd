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

// How a layer is written by a choice.
struct Encoding {
  WeightType type;
  uint32_t bits;  // of the codes that weights are rounded to; 0: nothing is rounded
  uint64_t bytes;
};
Encoding encoding_of(const ConvWeights& weights, WeightChoice choice);

// Of 4 to 8 bits.
WeightChoice choice_of_bits(uint32_t bits);

// Appends the smallest encoding that the choice allows, or the rounded weights if there are any, and returns which it
// is.
WeightType encode_weights(const ConvWeights& weights, WeightChoice choice, std::vector<uint8_t>* bytes);

}  // namespace posy
