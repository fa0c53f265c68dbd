// A folder of photos with one sub-folder for each class, divided into training, validation and testing parts as
// TensorFlow's retrain.py (create_image_lists) divides it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace posy {

enum class Split { kTraining, kValidation, kTesting };

const char* split_name(Split split);  // "training", ...

struct SplitRule {
  uint32_t testing_percentage = 10;
  uint32_t validation_percentage = 10;
  // retrain.py hashes a photo's whole path as --image_dir spells it, so that "flower_photos" and "./flower_photos"
  // divide the same photos differently. Empty: as the folder is spelled here; else as it was spelled there.
  std::string image_dir_as;
};

struct LabelledPhoto {
  std::string path;    // to open
  std::string folder;  // the class's sub-folder
  std::string file;    // the name inside it
  uint32_t class_index = 0;
  Split split = Split::kTraining;
};

struct LabelledFolder {
  std::vector<std::string> labels;  // normalised, in the order of the sub-folders' names
  std::vector<LabelledPhoto> photos;
  std::vector<std::string> notes;  // what was left out, in sentences

  size_t count(uint32_t class_index) const;
};

// JPEG, PNG, BMP and GIF files of the direct sub-folders, sorted by folder and name (retrain.py takes JPEG files only).
// Sub-folders without photos are left out, with a note. Throws InputError: no such folder, no sub-folders with photos,
// two sub-folders with the same label.
LabelledFolder read_labelled_folder(const std::string& folder, const SplitRule& rule);

// retrain.py's labels: lower case, and a blank for whatever is neither a letter from a to z nor a digit.
std::string normalized_label(const std::string& name);

// The part of a photo with this path: the low 27 bits of the SHA-1 of what stands before "_nohash_", as a percentage.
Split split_of(const std::string& spelled_path, const SplitRule& rule);

}  // namespace posy
