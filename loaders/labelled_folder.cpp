#include "loaders/labelled_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "loaders/error.h"
#include "loaders/network_runner.h"
#include "loaders/sha1.h"

namespace posy {
namespace {

namespace fs = std::filesystem;

// "flower_photos/" and "flower_photos" are one to os.path.join().
std::string joined(std::string folder, const std::string& name) {
  if (folder.empty() || folder.back() != '/') folder += '/';
  return folder + name;
}

std::vector<std::string> sorted_names(const fs::path& folder, bool want_folders) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name[0] == '.') continue;
    std::error_code ignored;
    const bool is_wanted =
        want_folders ? at->is_directory(ignored) : at->is_regular_file(ignored) && is_photo_name(name);
    if (is_wanted) names.push_back(name);
  }
  if (error) throw InputError(folder.string() + ": cannot be read as a folder: " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

const char* split_name(Split split) {
  return split == Split::kTraining ? "training" : split == Split::kValidation ? "validation" : "testing";
}

size_t LabelledFolder::count(uint32_t class_index) const {
  return (size_t)std::count_if(photos.begin(), photos.end(),
                               [&](const LabelledPhoto& photo) { return photo.class_index == class_index; });
}

std::string normalized_label(const std::string& name) {
  std::string label;
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    const bool stays = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (stays) {
      label += lower;
    } else if (label.empty() || label.back() != ' ') {
      label += ' ';
    }
  }
  return label;
}

Split split_of(const std::string& spelled_path, const SplitRule& rule) {
  constexpr uint32_t kBuckets = (1u << 27) - 1;  // MAX_NUM_IMAGES_PER_CLASS
  const auto digest = sha1(spelled_path.substr(0, spelled_path.find("_nohash_")));
  const uint32_t low = (uint32_t)digest[16] << 24 | (uint32_t)digest[17] << 16 | (uint32_t)digest[18] << 8 | digest[19];
  const double percentage = (low % (kBuckets + 1)) * (100.0 / kBuckets);
  if (percentage < rule.validation_percentage) return Split::kValidation;
  return percentage < rule.testing_percentage + rule.validation_percentage ? Split::kTesting : Split::kTraining;
}

LabelledFolder read_labelled_folder(const std::string& folder, const SplitRule& rule) {
  LabelledFolder found;
  std::map<std::string, std::string> folder_of;  // by label
  const std::string spelled = rule.image_dir_as.empty() ? folder : rule.image_dir_as;
  for (const std::string& name : sorted_names(folder, true)) {
    const std::vector<std::string> files = sorted_names(fs::path(folder) / name, false);
    if (files.empty()) {
      found.notes.push_back(joined(folder, name) + ": no photos in it (.jpg, .jpeg, .png, .bmp, .gif); left out");
      continue;
    }
    const std::string label = normalized_label(name);
    if (const auto [other, is_new] = folder_of.try_emplace(label, name); !is_new) {
      throw InputError(folder + ": the sub-folders '" + other->second + "' and '" + name + "' would both be '" + label +
                       "'; rename one, or put their photos together");
    }
    const uint32_t class_index = (uint32_t)found.labels.size();
    found.labels.push_back(label);
    for (const std::string& file : files) {
      const std::string inside = name + "/" + file;
      found.photos.push_back(
          {joined(folder, inside), name, file, class_index, split_of(joined(spelled, inside), rule)});
    }
  }
  if (found.photos.empty())
    throw InputError(folder + ": no sub-folder with photos in it; one sub-folder for each class is expected");
  return found;
}

}  // namespace posy
