#include "apps/novelty_figures.h"

#include <algorithm>
#include <cstdio>

#include "apps/outputs.h"
#include "loaders/evaluation.h"
#include "loaders/network_runner.h"

namespace posy {
namespace {

template <class Holds>
double share(const std::vector<double>& of, Holds holds) {
  return of.empty() ? 0 : (double)std::count_if(of.begin(), of.end(), holds) / (double)of.size();
}

}  // namespace

NoveltyFigures novelty_figures(const std::vector<double>& known, const std::string& unknown, PhotoTeam* team,
                               const std::function<double(const PhotoResult&)>& novelty) {
  std::vector<double> others;
  if (!unknown.empty()) {
    const std::vector<std::string> photos = photos_of_folder(unknown, SIZE_MAX);
    team->run(
        photos.size(), [&](size_t i) { return photos[i]; },
        [&](size_t, PhotoResult&& result) {
          if (result.error.empty()) {
            others.push_back(novelty(result));
          } else {
            print_note("left out: " + result.error);
          }
          return true;
        });
  }
  return {share(known, [](double x) { return x <= 1; }), others.size(), share(others, [](double x) { return x > 1; }),
          auroc(known, others)};
}

std::string text_of(const NoveltyFigures& figures, const std::string& known_photos) {
  char text[200];
  std::snprintf(text, sizeof text, "unknown things: %.1f%% of the %s are taken for known", 100 * figures.kept,
                known_photos.c_str());
  std::string line = text;
  if (figures.unknown_photos > 0) {
    std::snprintf(text, sizeof text, ", %.1f%% of %zu photos of other things for unknown (AUROC %.4f)",
                  100 * figures.rejected, figures.unknown_photos, figures.auroc);
    line += text;
  }
  return line;
}

void add_figures(const NoveltyFigures& figures, Json* json) {
  (*json)["known_kept"] = json_number(figures.kept);
  if (figures.unknown_photos == 0) return;
  (*json)["unknown_photos"] = figures.unknown_photos;
  (*json)["unknown_rejected"] = json_number(figures.rejected);
  (*json)["auroc"] = json_number(figures.auroc);
}

NoveltyFit::NoveltyFit(const std::string& name, PhotoTeam* team)
    : name_(name), team_(team), bottleneck_(find_bottleneck(name, team->model(), "")), rows_(bottleneck_.channels) {
  team->watch(bottleneck_.tensor);
}

const NoveltyRule& NoveltyFit::fit() {
  const auto rule = fit_novelty(rows_.training, rows_.validation);
  if (!rule) throw InputError(name_ + ": too few photos to tell unknown things from known ones");
  rule_ = *rule;
  return rule_;
}

std::vector<uint8_t> NoveltyFit::posy() const {
  return with_novelty(team_->model(), bottleneck_, rule_, weights_like_last_layer(team_->model()));
}

}  // namespace posy
