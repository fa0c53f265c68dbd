// A softmax layer trained on bottlenecks: retrain.py's last layer.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "loaders/labelled_folder.h"
#include "loaders/new_head.h"

namespace posy {

// A row of `channels` floats for each photo, and its class.
struct LabelledRows {
  size_t channels = 0;
  std::vector<float> values;
  std::vector<uint32_t> classes;

  size_t count() const { return classes.size(); }
  const float* row(size_t i) const { return &values[i * channels]; }
  void add(const std::vector<float>& row, uint32_t class_index);
};

// By the part that the photos are in.
struct SplitRows {
  LabelledRows training, validation, testing;

  explicit SplitRows(size_t channels)
      : training{channels, {}, {}}, validation{channels, {}, {}}, testing{channels, {}, {}} {}
  LabelledRows& of(Split split) {
    return split == Split::kTraining ? training : split == Split::kValidation ? validation : testing;
  }
};

struct Fit {
  double accuracy = 0, cross_entropy = 0;  // natural logarithm
};
Fit fit_of(const LinearLayer& layer, const LabelledRows& rows);

// Logits of one row, and the probabilities that they mean.
std::vector<float> logits_of(const LinearLayer& layer, const float* row);
std::vector<float> softmax_of(std::vector<float> logits);

struct LearningPoint {
  uint32_t step = 0;
  Fit training, validation;
};

struct TrainedLayer {
  LinearLayer layer;
  double weight_decay = 0;           // of the solver: what was chosen
  std::vector<LearningPoint> curve;  // of all steps until this layer was found
};

// Calls task(0) ... task(count - 1), on any threads, and returns when all are done.
using Spread = std::function<void(size_t count, const std::function<void(size_t)>& task)>;

// The mean cross entropy of `training` plus weight decay, minimised by L-BFGS (Liu and Nocedal 1989), from strong to
// weak decay; of these the layer with the least cross entropy on `validation`, and the search ends when it grows.
// Without validation rows a medium decay is taken. Deterministic, and the same for any Spread.
TrainedLayer train_softmax(const LabelledRows& training, const LabelledRows& validation, size_t classes,
                           const Spread& spread);

// retrain.py's own way: so many steps of gradient descent, each on 100 rows drawn at random, class first.
struct DescentOptions {
  uint32_t steps = 4000, batch = 100;
  float learning_rate = 0.01f;
  uint32_t seed = 1;
};
TrainedLayer descend_softmax(const LabelledRows& training, const LabelledRows& validation, size_t classes,
                             const DescentOptions& options);

}  // namespace posy
