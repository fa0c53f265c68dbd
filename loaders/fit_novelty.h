// Which pictures are unlike all that a classifier was trained with.
#pragma once
#include <optional>
#include <utility>
#include <vector>

#include "loaders/new_head.h"
#include "loaders/softmax_regression.h"

namespace posy {

// The distance of a bottleneck to the subspace in which those of the training photos mostly lie (principal components;
// the residual of ViM, Wang et al. 2022), with the limit that `kept` of the validation photos do not reach. Scores do
// not tell: of photos of other things, a softmax is often as sure as of its own. Nothing if there are too few photos.
std::optional<NoveltyRule> fit_novelty(const LabelledRows& training, const LabelledRows& validation,
                                       double kept = 0.95);

// The squared distance, over the limit: above 1 is unknown.
double novelty_of(const NoveltyRule& rule, const float* row);

// The chance that a number of `high` is greater than one of `low` (equal ones count half): area under the ROC curve.
double auroc(const std::vector<double>& low, const std::vector<double>& high);

// Answers as (score, right), in any order: the greatest share of them that may be given, the surest first, so that
// `precision` of these are right. 0 if none may.
double coverage_at(std::vector<std::pair<float, bool>> answers, double precision);

}  // namespace posy
