#include "apps/folder_diagnosis.h"

#include <algorithm>
#include <cstdio>

#include "apps/progress.h"
#include "loaders/network_runner.h"

namespace posy {
namespace {

using Kind = DiagnosisRow::Kind;

constexpr double kManyChanged = 0.02;  // fewer is what any rounding does to photos between two classes

std::string share_text(size_t part, size_t whole) {
  char text[64];
  std::snprintf(text, sizeof text, "%zu of %zu (%.1f%%)", part, whole, 100.0 * (double)part / (double)whole);
  return text;
}

class Count {
 public:
  explicit Count(FolderDiagnosis* to) : to_(*to) {}

  void add(const Diagnosis& diagnosis, const std::string& photo) {
    ++to_.photos;
    for (const DiagnosisRow& row : diagnosis.rows) {
      FolderDiagnosis::Way& way = way_of(row);
      ++way.photos;
      if (!row.changes_answer) continue;
      if (way.changed++ == 0) way.first = photo;
    }
    for (const DiagnosisWarning& warning : diagnosis.warnings) {
      FolderDiagnosis::Oddity& oddity = oddity_of(warning);
      if (oddity.photos++ == 0) oddity.first = photo;
    }
  }

 private:
  FolderDiagnosis::Way& way_of(const DiagnosisRow& row) {
    for (FolderDiagnosis::Way& way : to_.ways) {
      if (way.variant.name == std::string(row.variant.name)) return way;
    }
    return to_.ways.emplace_back(FolderDiagnosis::Way{row.variant, row.kind, 0, 0, ""});
  }

  FolderDiagnosis::Oddity& oddity_of(const DiagnosisWarning& warning) {
    for (FolderDiagnosis::Oddity& oddity : to_.oddities) {
      if (oddity.what == warning.what) return oddity;
    }
    return to_.oddities.emplace_back(FolderDiagnosis::Oddity{warning.what, warning.text, 0, ""});
  }

  FolderDiagnosis& to_;
};

// Programs that label more than a few photos otherwise, the worst first.
std::string verdict_of(FolderDiagnosis found) {
  std::stable_sort(found.ways.begin(), found.ways.end(),
                   [](const auto& a, const auto& b) { return a.changed > b.changed; });
  std::string programs;
  for (const FolderDiagnosis::Way& way : found.ways) {
    if (way.kind == Kind::kMistake || (double)way.changed <= kManyChanged * (double)way.photos) continue;
    programs +=
        (programs.empty() ? "" : ", ") + std::string(way.variant.name) + " " + share_text(way.changed, way.photos);
  }
  if (programs.empty()) {
    return "Programs that prepare photos as they should give the same answers to these " +
           std::to_string(found.photos) + " photos but for a few.";
  }
  return "Answers depend on the program: other ones than as the model was trained come from " + programs +
         ". Let the program prepare photos as `model` does, or train with photos that are prepared alike.";
}

}  // namespace

FolderDiagnosis diagnose_folder(Session* session, const std::string& folder, const ImageLimits& limits) {
  FolderDiagnosis found;
  Count count(&found);
  const std::vector<std::string> photos = photos_of_folder(folder, SIZE_MAX);
  Progress progress("preparing photos", photos.size());
  for (size_t i = 0; i < photos.size(); ++i) {
    try {
      count.add(diagnose(session, read_image(photos[i], limits), photos[i]), photos[i]);
    } catch (const InputError& error) {
      found.unreadable.push_back(error.what());
    }
    progress.show(i + 1);
  }
  if (found.photos == 0) throw InputError(folder + ": no photo could be read; " + found.unreadable.front());
  std::stable_sort(found.ways.begin(), found.ways.end(), [](const auto& a, const auto& b) { return a.kind < b.kind; });
  found.verdict = verdict_of(found);
  return found;
}

}  // namespace posy
