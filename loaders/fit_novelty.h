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
// Measured on tf_flowers with 100 photos of ImageNet as unknowns, AUROC: greatest probability 0.84, energy 0.82,
// squared distance to a subspace around the mean 0.97, this 0.99, on a frozen MobileNet v1 1.0 224; 0.92, 0.92, 0.44
// and 0.90 on a MobileNet v1 0.25 128 that was trained on flowers throughout, where other things make short
// bottlenecks.
std::optional<NoveltyRule> fit_novelty(const LabelledRows& training, const LabelledRows& validation,
                                       double kept = 0.95);

// The share outside, over the limit: above 1 is unknown.
double novelty_of(const NoveltyRule& rule, const float* row);

}  // namespace posy
