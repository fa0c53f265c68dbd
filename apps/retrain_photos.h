// The photos that posy retrain learns from, and their bottlenecks.
#pragma once
#include <string>
#include <vector>

#include "apps/photo_team.h"
#include "loaders/bottlenecks.h"
#include "loaders/head.h"
#include "loaders/labelled_folder.h"
#include "loaders/softmax_regression.h"

namespace posy {

// Adds the photos of which `cache` has bottlenecks and the folder has no file, with their classes: their path is empty.
// `rule` divides them. Returns how many there are.
size_t add_cached_photos(const BottleneckCache& cache, const SplitRule& rule, LabelledFolder* folder);

// Classes in the order of their labels, in which the new layer has them.
void sort_labels(LabelledFolder* folder);

struct BottleneckRows {
  explicit BottleneckRows(size_t channels) : rows(channels) {}

  SplitRows rows;       // in the order of the photos
  size_t computed = 0;  // the others were in the cache
  std::vector<std::string>
      unreadable;  // photos, or bottlenecks of photos elsewhere, that are left out: a sentence each
};

// From the cache, else by the team, which writes them there: an interrupted run goes on where it was. Throws
// InputError where that is not possible (a full disk).
BottleneckRows bottleneck_rows(const std::vector<LabelledPhoto>& photos, const Bottleneck& bottleneck,
                               const BottleneckCache& cache, PhotoTeam* team);

}  // namespace posy
