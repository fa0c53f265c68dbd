// A .posy file with other last layers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loaders/head.h"
#include "loaders/quantize.h"

namespace posy {

// out[o] = biases[o] + sum over i of in[i] * weights[i * outputs + o]
struct LinearLayer {
  size_t inputs = 0, outputs = 0;
  std::vector<float> weights;
  std::vector<float> biases;
};

// NoveltyRecord: what `projection` makes of the bottleneck, `group` coordinates in each subspace, and the limit.
struct NoveltyRule {
  LinearLayer projection;
  uint32_t group = 0;
  float limit = 0;
};

struct NewHead {
  LinearLayer layer;
  std::vector<std::string> labels;
  WeightChoice weights = WeightChoice::kAuto;
  std::optional<NoveltyRule> novelty;
};

// The model up to its bottleneck, then the new layer and a softmax. The old layers behind it are gone, with their
// weights.
std::vector<uint8_t> with_new_head(const Model& model, const Bottleneck& bottleneck, const NewHead& head);

// The same model, scores and labels, with this rule in place of the one that it may have.
std::vector<uint8_t> with_novelty(const Model& model, const Bottleneck& bottleneck, const NoveltyRule& rule,
                                  WeightChoice weights);

// The weights of layers that are added to a model: floats where its last layer has floats, else 8 bits.
WeightChoice weights_like_last_layer(const Model& model);

}  // namespace posy
