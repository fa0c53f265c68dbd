// For tests against the data folder beside this tree: its files, its photos, and one line for each graph that was
// compared (tests/graphs.sh prints the lines of all tests as one table).
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "loaders/convert.h"
#include "loaders/image.h"
#include "tests/loaders/engine_runner.h"

namespace posy {

[[noreturn]] inline void skip(const std::string& why) {
  std::printf("skipped: %s\n", why.c_str());
  std::exit(77);
}

// A file of the data folder. Without the folder, or without TensorFlow's pixels, nothing of this can be tested.
inline std::string data(const std::string& name) {
  const std::filesystem::path folder = std::filesystem::path(POSY_SOURCE_DIR) / ".." / "shared" / "data";
  if (!std::filesystem::is_directory(folder / "golden")) {
    skip("no ../shared/data with real graphs and photos beside this tree");
  }
  if (std::string(jpeg_decoder_name()) == "stb_image") {
    skip("this build decodes JPEG with stb_image, whose pixels are not TensorFlow's (no libjpeg-turbo)");
  }
  return (folder / name).string();
}

inline std::vector<std::string> split(const std::string& line, char at) {
  std::vector<std::string> parts;
  std::istringstream in(line);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

inline std::vector<std::vector<std::string>> read_table(const std::string& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file, path);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(split(line, '\t'));
  return rows;
}

inline std::vector<float> numbers(const std::string& text) {
  std::vector<float> values;
  for (const std::string& number : split(text, ',')) values.push_back(std::strtof(number.c_str(), nullptr));
  return values;
}

inline std::vector<float> run_photo(EngineRunner& runner, const std::string& path) {
  const Image image = read_image(path);
  const posy_image pixels = pixels_of(image);
  REQUIRE(posy_set_image(runner.engine(), &pixels) == POSY_OK);
  return runner.run();
}

inline size_t argmax(const std::vector<float>& x) {
  return (size_t)(std::max_element(x.begin(), x.end()) - x.begin());
}

// max |a - b|; not a number if one of them has one.
inline float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const float difference = std::fabs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

// "conv_2d 27, softmax 1": the ops of the converted network, most frequent first.
inline std::string ops_of(const EngineRunner& runner) {
  std::map<std::string, int> counts;
  for (uint32_t i = 0; i < runner.model().op_count; ++i) ++counts[op_name((OpKind)runner.model().ops[i].kind)];
  std::vector<std::pair<std::string, int>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [name, count] : sorted) text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  return text;
}

// A line of tests/graphs.sh: graph, what it stands for, ops, largest difference of a score, what is allowed.
inline void print_graph(const std::string& graph, const std::string& stands_for, const EngineRunner& runner,
                        float difference, float allowed) {
  std::printf("| %s | %s | %u: %s | %.1e | %.0e |\n", graph.c_str(), stands_for.c_str(), runner.model().op_count,
              ops_of(runner).c_str(), (double)difference, (double)allowed);
}

}  // namespace posy
