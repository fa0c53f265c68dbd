// How well a model tells pictures of other things from its own.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "apps/json.h"
#include "apps/photo_team.h"
#include "loaders/fit_novelty.h"
#include "loaders/labelled_folder.h"

namespace posy {

struct NoveltyFigures {
  double kept = 0;  // share of the known photos that are not called unknown
  // With photos of other things only:
  size_t unknown_photos = 0;
  double rejected = 0;  // share of these that are
  double auroc = 0;     // chance that one of these is farther off than a known photo
};

// `known`: the novelty of known photos. `unknown`: a folder with photos of other things, or empty; those that cannot be
// read are named and left out.
NoveltyFigures novelty_figures(const std::vector<double>& known, const std::string& unknown, PhotoTeam* team,
                               const std::function<double(const PhotoResult&)>& novelty);

// "unknown things: 94.5% of 398 testing photos are taken for known, ..."
std::string text_of(const NoveltyFigures& figures, const std::string& known_photos);

// As "known_kept"; with photos of other things also "unknown_photos", "unknown_rejected" and "auroc".
void add_figures(const NoveltyFigures& figures, Json* json);

// posy eval --fit-unknown: gives a model such a rule.
class NoveltyFit {
 public:
  // Results of the team have bottlenecks from now on. Throws InputError where the model has none.
  NoveltyFit(const std::string& name, PhotoTeam* team);

  void add(Split split, uint32_t class_index, const std::vector<float>& bottleneck) {
    rows_.of(split).add(bottleneck, class_index);
  }
  // By the photos of the training and the validation part; throws InputError if they are too few.
  const NoveltyRule& fit();
  double novelty(const PhotoResult& result) const { return novelty_of(rule_, result.watched.data()); }
  const LabelledRows& testing() const { return rows_.testing; }
  // The model with the rule.
  std::vector<uint8_t> posy() const;

 private:
  std::string name_;
  PhotoTeam* team_;
  Bottleneck bottleneck_;
  SplitRows rows_;
  NoveltyRule rule_;
};

}  // namespace posy
