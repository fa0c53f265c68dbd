// Occlusion maps (Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014): which part of
// the picture a class's score needs, found by covering one after the other. For any model; a run for each cell.
#pragma once
#include <functional>

#include "engine/model.h"
#include "loaders/heat_map.h"

namespace posy {

struct OcclusionMap {
  HeatMap map;                // how much the score falls when the patch lies around this cell's middle
  bool is_of_odds;            // of scores that add up to 1: how much the logarithm of their odds falls
  uint32_t patch_h, patch_w;  // of the covering patch, in pixels of the model's input
  float score, least_score;   // uncovered, and the least under a patch
};

// The model is open in the engine, which has an input. At most `most_runs` cells, at least 1, as many along both sides.
// The patch is gray (pixels of 127.5) and a fifth of each side. `done` is called after each run, with the number of
// runs and of all.
OcclusionMap occlusion_map(posy_engine* engine, const Model& model, uint32_t class_index, uint32_t most_runs,
                           const std::function<void(uint32_t, uint32_t)>& done = nullptr);

}  // namespace posy
