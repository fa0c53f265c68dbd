// Class activation maps (Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016): where in
// the picture a class's logit comes from.
//
// At the end of MobileNet, Inception, ResNet and most others, each channel k of the last map f is averaged over all
// places, and what follows is linear. A class's logit is then the mean over all places of
//
//     M[y, x] = sum over k of w[k] * f[y, x, k]
//
// plus a bias: M says exactly how much each place adds. Two linear layers (a bottleneck that was kept) are one. Where
// units of a layer in between are cut off at 0 (Relu), those that were not make it linear for this one picture.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/model.h"
#include "loaders/heat_map.h"
#include "loaders/read_weights.h"

namespace posy {

struct ActivationMap {
  HeatMap map;        // its mean, plus
  double bias = 0;    // what comes from no place, is
  double logit = 0;   // the logit that the model made; up to the rounding of codes
  size_t layers = 0;  // linear ones behind the average
  bool has_cut_units = false;
};

// The end of one model.
class PooledHead {
 public:
  // None if the model ends otherwise; `why` then says how. `model` must stay.
  static std::optional<PooledHead> find(const Model& model, std::string* why);

  // Runs the engine, which has the model open and an input, and keeps what it sees. Sets and removes its observer.
  void run(posy_engine* engine);

  // Of the last run.
  ActivationMap map_of(uint32_t class_index) const;

 private:
  struct Layer {
    OpWeights weights;
    bool is_depthwise;          // a factor for each channel
    std::vector<float> output;  // of the last run
  };

  explicit PooledHead(const Model& model) : model_(&model) {}
  bool take_backwards(uint32_t op, std::string* why);
  bool cuts(const Layer& layer, size_t channel) const;
  static int observe(void* self, const posy_progress* progress);

  const Model* model_;
  uint32_t pool_ = 0;  // op
  std::vector<Layer> layers_;
  const uint8_t* arena_ = nullptr;
  std::vector<float> features_;  // what the pool reads, [h, w, c]
  std::vector<float> pooled_;
};

}  // namespace posy
