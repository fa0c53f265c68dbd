// Weights of a layer become codes of a few bits for each output channel.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace posy {

struct ConvWeights;

struct RoundedWeights {
  uint32_t bits = 8;                // 4 to 8; or 32, without all that follows: the weights stay float
  std::vector<uint8_t> codes;       // [rows, channels], as the weights
  std::vector<float> step, offset;  // of each channel: a weight is step * (code + offset)
  std::vector<float> shift;         // by how much the rounding raises a channel's sums on average; empty: not known

  float value(size_t row, size_t channel) const {
    return step[channel] * ((float)codes[row * step.size() + channel] + offset[channel]);
  }
};

// All weights must be finite. Of 8 bits, a channel's least and greatest weight become the first and the last code. Of
// fewer, the range is the one with the least sum of squared errors that a search finds: from ranges cut on either side,
// codes and the line through them (least squares) in turn, as in Lloyd's algorithm (Least Squares Quantization in PCM,
// 1982). It is never worse than the whole range. Deterministic.
RoundedWeights round_weights(const ConvWeights& weights, uint32_t bits);

}  // namespace posy
