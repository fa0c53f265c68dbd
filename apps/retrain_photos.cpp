#include "apps/retrain_photos.h"

#include <algorithm>
#include <numeric>

#include "apps/progress.h"

namespace posy {
namespace {

uint32_t index_of_label(const std::string& label, std::vector<std::string>* labels) {
  const auto found = std::find(labels->begin(), labels->end(), label);
  const auto index = (uint32_t)(found - labels->begin());
  if (found == labels->end()) labels->push_back(label);
  return index;
}

// Of photos whose bottlenecks are not in the cache; the team hands them over in any order, one at a time.
void compute_missing(const std::vector<LabelledPhoto>& photos, const std::vector<size_t>& missing,
                     const BottleneckCache& cache, PhotoTeam* team, std::vector<std::vector<float>>* values,
                     std::vector<std::string>* unreadable) {
  Progress progress("bottlenecks", missing.size());
  size_t done = 0;
  team->run(
      missing.size(), [&](size_t i) { return photos[missing[i]].path; },
      [&](size_t i, PhotoResult&& result) {
        progress.show(++done);
        if (!result.error.empty()) {
          unreadable->push_back(result.error);
        } else {
          cache.write(photos[missing[i]].folder, photos[missing[i]].file, result.watched);
          (*values)[missing[i]] = std::move(result.watched);
        }
        return true;
      });
}

}  // namespace

size_t add_cached_photos(const BottleneckCache& cache, const SplitRule& rule, LabelledFolder* folder) {
  std::vector<std::pair<std::string, std::string>> seen;
  for (const LabelledPhoto& photo : folder->photos) seen.emplace_back(photo.folder, photo.file);
  std::sort(seen.begin(), seen.end());
  const size_t before = folder->photos.size();
  for (const auto& [class_folder, file] : cache.list()) {
    if (std::binary_search(seen.begin(), seen.end(), std::pair(class_folder, file))) continue;
    const uint32_t class_index = index_of_label(normalized_label(class_folder), &folder->labels);
    const Split split = split_of(rule.image_dir_as + "/" + class_folder + "/" + file, rule);
    folder->photos.push_back({"", class_folder, file, class_index, split});
  }
  return folder->photos.size() - before;
}

void sort_labels(LabelledFolder* folder) {
  std::vector<uint32_t> order(folder->labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return folder->labels[a] < folder->labels[b]; });
  std::vector<std::string> labels;
  std::vector<uint32_t> index_of(order.size());
  for (const uint32_t old : order) {
    index_of[old] = (uint32_t)labels.size();
    labels.push_back(folder->labels[old]);
  }
  folder->labels = std::move(labels);
  for (LabelledPhoto& photo : folder->photos) photo.class_index = index_of[photo.class_index];
}

BottleneckRows bottleneck_rows(const std::vector<LabelledPhoto>& photos, const Bottleneck& bottleneck,
                               const BottleneckCache& cache, PhotoTeam* team) {
  BottleneckRows found(bottleneck.channels);
  std::vector<std::vector<float>> values(photos.size());
  std::vector<size_t> missing;
  for (size_t i = 0; i < photos.size(); ++i) {
    if (auto cached = cache.read(photos[i].folder, photos[i].file, photos[i].path)) {
      values[i] = std::move(*cached);
    } else if (!photos[i].path.empty()) {
      missing.push_back(i);
    } else {
      found.unreadable.push_back(cache.path_of(photos[i].folder, photos[i].file) + ": is damaged");
    }
  }
  found.computed = missing.size();
  team->watch(bottleneck.tensor, true);
  compute_missing(photos, missing, cache, team, &values, &found.unreadable);
  for (size_t i = 0; i < photos.size(); ++i) {
    if (!values[i].empty()) found.rows.of(photos[i].split).add(values[i], photos[i].class_index);
  }
  return found;
}

}  // namespace posy
