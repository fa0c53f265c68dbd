#include "loaders/bottlenecks.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/network_runner.h"

namespace posy {
namespace {

namespace fs = std::filesystem;

constexpr const char *kMadeByFile = "made_by.txt", *kPhotosFile = "photos.txt", *kSuffix = ".txt";

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw InputError(path + ": the folder for bottlenecks cannot be made: " + error.message());
}

// Empty where there is no such file, and where it cannot be what was written: too long, a folder, a pipe.
std::string text_of_file(const std::string& path) {
  constexpr uintmax_t kMostBytes = 64 << 20;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return "";
  const uintmax_t bytes = fs::file_size(path, error);
  if (error || bytes > kMostBytes) return "";
  std::string text(bytes, 0);
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), (std::streamsize)bytes);
  text.resize((size_t)file.gcount());
  return text;
}

std::vector<std::pair<std::string, std::string>> list_of(const std::string& of) {
  std::vector<std::pair<std::string, std::string>> found;
  std::error_code error;
  if (!fs::exists(of, error)) return found;
  for (fs::directory_iterator folder(of, error), end; !error && folder != end; folder.increment(error)) {
    std::error_code ignored;
    if (!folder->is_directory(ignored)) continue;
    for (fs::directory_iterator file(folder->path(), error), last; !error && file != last; file.increment(error)) {
      if (file->path().extension() == kSuffix && is_photo_name(file->path().stem().string())) {
        found.emplace_back(folder->path().filename().string(), file->path().stem().string());
      }
    }
  }
  if (error) throw InputError(of + ": cannot be read: " + error.message());
  std::sort(found.begin(), found.end());
  return found;
}

// retrain removes what is in the folder of its bottlenecks, so it takes none that has anything else in it.
void refuse_other_files(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error)) || fs::is_empty(folder, error)) return;
  throw InputError(folder + ": is no folder of bottlenecks (there is no " + kMadeByFile +
                   " in it); name a new one with --bottleneck-dir");
}

}  // namespace

BottleneckCache::BottleneckCache(std::string folder, std::string made_by, size_t channels)
    : folder_(std::move(folder)), made_by_(std::move(made_by) + "\n"), channels_(channels) {
  const std::string path = folder_ + "/" + kMadeByFile;
  std::error_code error;
  const bool is_made = fs::exists(path, error);
  if (error && error != std::errc::not_a_directory) throw InputError(path + ": cannot be read: " + error.message());
  if (!is_made) {
    refuse_other_files(folder_);
  } else if (text_of_file(path) != made_by_) {
    throw InputError(folder_ + ": these bottlenecks were made by another model (" + path +
                     "); remove the folder, or name another one with --bottleneck-dir");
  }
}

void BottleneckCache::make() const {
  make_folder(folder_);
  const std::string path = folder_ + "/" + kMadeByFile;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) write_text(path, made_by_);
}

std::string BottleneckCache::path_of(const std::string& class_folder, const std::string& photo_file) const {
  return folder_ + "/" + class_folder + "/" + photo_file + kSuffix;
}

std::optional<std::vector<float>> BottleneckCache::read(const std::string& class_folder, const std::string& photo_file,
                                                        const std::string& photo_path) const {
  const std::string path = path_of(class_folder, photo_file);
  std::error_code error;
  const auto cached = fs::last_write_time(path, error);
  if (error) return std::nullopt;
  const auto photo = fs::last_write_time(photo_path, error);
  if (!error && photo > cached) return std::nullopt;
  auto values = floats_of_text(text_of_file(path));
  if (!values || values->size() != channels_) return std::nullopt;
  return values;
}

// Not flushed to disk one by one, which would take longer than computing them: after a power cut a file may be short,
// and is then made again.
void BottleneckCache::write(const std::string& class_folder, const std::string& photo_file,
                            const std::vector<float>& values) const {
  const std::string path = path_of(class_folder, photo_file), beside = path + ".part";
  make_folder(folder_ + "/" + class_folder);
  const std::string text = text_of(values);
  errno = 0;
  std::ofstream file(beside, std::ios::binary);
  file.write(text.data(), (std::streamsize)text.size());
  file.close();
  std::error_code error(file ? 0 : errno ? errno : EIO, std::generic_category()), ignored;
  if (!error) fs::rename(beside, path, error);
  if (error) {
    fs::remove(beside, ignored);
    throw InputError(path + ": cannot be written: " + error.message());
  }
}

void BottleneckCache::set_photos(const std::string& folder, const std::string& spelled) {
  std::error_code error;
  const std::string text = fs::weakly_canonical(folder, error).string() + "\n" + spelled + "\n";
  const std::string path = folder_ + "/" + kPhotosFile;
  const std::string before = text_of_file(path);
  if (before == text) return;
  make();
  if (before.substr(0, before.find('\n')) != text.substr(0, text.find('\n'))) {
    for (const auto& [class_folder, photo] : list()) fs::remove(path_of(class_folder, photo), error);
  }
  write_text(path, text);
}

std::string BottleneckCache::spelled() const {
  const std::string text = text_of_file(folder_ + "/" + kPhotosFile);
  const size_t second = text.find('\n');
  if (second == std::string::npos) return "";
  return text.substr(second + 1, text.find('\n', second + 1) - second - 1);
}

std::vector<std::pair<std::string, std::string>> BottleneckCache::list() const {
  return list_of(folder_);
}

void BottleneckCache::copy_to(const std::string& folder) const {
  std::error_code error;
  if (fs::exists(folder, error) && fs::equivalent(folder, folder_, error)) return;
  const auto copy = [&](const std::string& name) {
    const fs::path from = fs::path(folder_) / name, to = fs::path(folder) / name;
    make_folder(to.parent_path().string());
    fs::remove(to, error);
    fs::create_hard_link(from, to, error);
    if (error) fs::copy_file(from, to, error);
    if (error) throw InputError(to.string() + ": cannot be written: " + error.message());
  };
  // What a model of that name had before.
  if (fs::exists(fs::path(folder) / kMadeByFile, error)) {
    for (const auto& [class_folder, photo] : list_of(folder)) {
      fs::remove(fs::path(folder) / class_folder / (photo + kSuffix), error);
    }
  } else {
    refuse_other_files(folder);
  }
  for (const char* name : {kMadeByFile, kPhotosFile}) copy(name);
  for (const auto& [class_folder, photo] : list()) copy(class_folder + "/" + photo + kSuffix);
}

std::string text_of(const std::vector<float>& values) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) {
    char number[32];
    const auto end = std::to_chars(number, number + sizeof number, values[i]).ptr;
    if (i > 0) text += ',';
    text.append(number, end);
  }
  return text;
}

std::optional<std::vector<float>> floats_of_text(const std::string& text) {
  std::vector<float> values;
  const char *at = text.data(), *const end = at + text.size();
  while (at != end) {
    float x = 0;
    const auto [behind, error] = std::from_chars(at, end, x);
    if (error != std::errc() || !std::isfinite(x)) return std::nullopt;
    values.push_back(x);
    at = behind;
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r')) ++at;
    if (at == end) break;
    if (*at != ',' || ++at == end) return std::nullopt;
  }
  if (values.empty()) return std::nullopt;
  return values;
}

}  // namespace posy
