// Bottlenecks on disk, as retrain.py keeps them: a text file for each photo, values with commas in between.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace posy {

// One folder per class. Files appear whole or not at all, so what an interrupted run leaves is good.
class BottleneckCache {
 public:
  // `made_by` says what bottlenecks depend on (model, layer, decoder): a folder that was made by something else, or
  // that has other files in it, is refused. The folder is made when there is something to put in it. Throws InputError.
  BottleneckCache(std::string folder, std::string made_by, size_t channels);

  // Nothing if there is none, it is older than the photo, or it does not have `channels` finite numbers.
  std::optional<std::vector<float>> read(const std::string& class_folder, const std::string& photo_file,
                                         const std::string& photo_path) const;
  // By several threads, each other photos.
  void write(const std::string& class_folder, const std::string& photo_file, const std::vector<float>& values) const;

  const std::string& folder() const { return folder_; }
  std::string path_of(const std::string& class_folder, const std::string& photo_file) const;

  // Where the photos are, and how that is spelled for the split: retrain --add has to know it of photos that it does
  // not see. Bottlenecks of photos elsewhere are removed first: names say nothing about what is in them.
  void set_photos(const std::string& folder, const std::string& spelled);
  std::string spelled() const;

  // What is in it: class folders and photo files, sorted. Other files in there are not ours.
  std::vector<std::pair<std::string, std::string>> list() const;
  // All of it, and nothing else, under another name, by hard links where the file system has them.
  void copy_to(const std::string& folder) const;

 private:
  void make() const;

  std::string folder_, made_by_;
  size_t channels_;
};

// "0.1,2,3e-05\n" and back: shortest decimals that give the same floats. Nothing where the text is something else.
std::string text_of(const std::vector<float>& values);
std::optional<std::vector<float>> floats_of_text(const std::string& text);

}  // namespace posy
