// Which pictures are unlike all that a classifier was trained with.
#pragma once
#include <optional>

#include "loaders/new_head.h"
#include "loaders/softmax_regression.h"

namespace posy {

// How much of a bottleneck lies outside of the subspace in which those of the training photos of some class mostly lie
// (their principal directions, from the origin), with the limit that `kept` of the validation photos do not reach.
// Scores do not tell: of photos of other things, a softmax is often as sure as of its own. With many classes, one
// subspace is that of all. Nothing if there are too few photos.
//
// AUROC by `posy retrain BASE flower_photos -o M.posy --unknown PHOTOS`, on tf_flowers at 176 pixels with 100 photos of
// ImageNet, 2026-11-24: 0.99 on a frozen MobileNet v1 1.0 224, 0.96 on 0.25 224, 0.89 on the default model, which was
// trained on flowers throughout. Rules that were tried on the same bottlenecks of the first and the last: greatest
// probability 0.84 and 0.92, energy 0.82 and 0.92, squared distance to a subspace around the mean 0.97 and 0.44 (other
// things make short bottlenecks there).
std::optional<NoveltyRule> fit_novelty(const LabelledRows& training, const LabelledRows& validation,
                                       double kept = 0.95);

// The share outside, over the limit: above 1 is unknown.
double novelty_of(const NoveltyRule& rule, const float* row);

}  // namespace posy
