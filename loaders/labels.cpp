#include "loaders/labels.h"

#include <algorithm>
#include <filesystem>

#include "loaders/error.h"
#include "loaders/file.h"

namespace posy {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxLabelBytes = 16 << 20;

std::string only_labels_file(const fs::path& folder) {
  std::error_code error;
  std::string found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string(), end = "labels.txt";
    if (name.size() < end.size() || name.compare(name.size() - end.size(), end.size(), end) != 0) continue;
    if (!entry.is_regular_file(error)) continue;
    if (!found.empty()) return "";
    found = entry.path().lexically_normal().string();
  }
  return found;
}

// Of the number before the names and what follows it ("7:", "n01440764 "); 0: there is none.
size_t number_length(const std::string& label) {
  const size_t digits = label.find_first_not_of("0123456789");
  if (digits != std::string::npos && digits > 0 && label[digits] == ':') return digits + 1;
  const bool is_synset = label.size() > 10 && label[0] == 'n' && label[9] == ' ' &&
                         label.substr(1, 8).find_first_not_of("0123456789") == std::string::npos;
  return is_synset ? 10 : 0;
}

std::string without_blanks(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

}  // namespace

std::vector<std::string> read_labels(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path, kMaxLabelBytes);
  std::string text(bytes.begin(), bytes.end());
  if (text.find('\0') != std::string::npos)
    throw InputError(path + ": not a text file; labels are text, one class per line");
  if (text.rfind("\xef\xbb\xbf", 0) == 0) text.erase(0, 3);
  std::vector<std::string> labels;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.pop_back();
    labels.push_back(std::move(line));
    at = end + 1;
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  if (labels.empty()) throw InputError(path + ": the file has no labels; one class per line is expected");
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].empty())
      throw InputError(path + ": line " + std::to_string(i + 1) + " is blank, between other labels");
  }
  return labels;
}

LabelNames names_in_label(const std::string& label) {
  const size_t number = number_length(label);
  LabelNames found;
  if (number > 0) found.number = label.substr(0, number - 1);
  for (size_t at = number; at < label.size();) {
    const size_t end = std::min(label.find(',', at), label.size());
    found.names.push_back(without_blanks(label.substr(at, end - at)));
    at = end + 1;
  }
  return found;
}

std::string find_labels(const std::string& graph_path) {
  const fs::path path(graph_path), folder = path.parent_path();
  std::string stem = path.filename().string();
  std::vector<std::string> names;
  // graph.pb.gz may have graph.pb.gz_labels.txt, graph.pb_labels.txt or graph_labels.txt.
  for (size_t end = stem.size(); end != std::string::npos && end > 0; end = stem.rfind('.', end - 1)) {
    names.push_back(stem.substr(0, end) + ".txt");
    names.push_back(stem.substr(0, end) + "_labels.txt");
  }
  names.insert(names.end(), {"retrained_labels.txt", "output_labels.txt", "labels.txt"});
  for (const std::string& name : names) {
    std::error_code error;
    if (fs::is_regular_file(folder / name, error)) return (folder / name).string();
  }
  return only_labels_file(folder.empty() ? fs::path(".") : folder);
}

}  // namespace posy
