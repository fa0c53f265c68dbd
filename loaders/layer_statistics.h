// What the weights of a layer are multiplied with, over photos: which errors of weights cancel, and which matter.
#pragma once
#include <cstddef>
#include <vector>

#include "loaders/step_runner.h"

namespace posy {

struct LayerStatistics {
  size_t groups = 0, rows = 0;  // groups: 1, or of a depthwise layer its channels; rows: weights of a channel
  size_t samples = 0;
  std::vector<float> mean;        // [groups, rows]
  std::vector<float> covariance;  // [groups, rows, rows]; empty where rows are more than kMostRows
  static constexpr size_t kMostRows = 1600;

  const float* mean_of(size_t group) const { return mean.data() + group * rows; }
  const float* covariance_of(size_t group) const { return covariance.data() + group * rows * rows; }
};

// For each layer with weights, in order, from some places of its map in every photo.
std::vector<LayerStatistics> layer_statistics(StepRunner* runner, const std::vector<std::vector<float>>& inputs);

}  // namespace posy
