#include "loaders/score_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/labelled_folder.h"

namespace posy {
namespace {

constexpr uint64_t kMaxTableBytes = 1ull << 30;
constexpr uint32_t kMaxClasses = 1u << 20;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(at, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

std::string plural(size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

class Reader {
 public:
  Reader(const std::string& path, uint32_t classes) : classes_(classes) { table_.file = path; }

  ScoreTable read() {
    const std::vector<uint8_t> bytes = read_file(table_.file, kMaxTableBytes);
    std::string text(bytes.begin(), bytes.end());
    if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);  // a byte order mark, of spreadsheets
    if (text.find('\0') != std::string::npos) throw InputError(table_.file + ": not a text file; a table is expected");
    for (std::string& line : split(text, '\n')) {
      ++line_;
      while (!line.empty() && (line.back() == '\r' || line.back() == '\t')) line.pop_back();
      if (!line.empty() && line[0] != '#') read_line(split(line, '\t'));
    }
    if (table_.rows.empty()) throw InputError(table_.file + ": no line with an image and scores");
    finish();
    return std::move(table_);
  }

 private:
  InputError error(const std::string& what) const {
    return InputError(table_.file + ": line " + std::to_string(line_) + ": " + what);
  }

  void read_line(const std::vector<std::string>& columns) {
    if (columns.size() < 2) throw error("no tab; an image, a tab and scores are expected");
    const bool is_first = table_.rows.empty() && table_.labels.empty();
    if (is_first && (columns[0] == "image" || columns[0] == "Image")) {
      if (columns.size() > 2) table_.labels.assign(columns.begin() + 1, columns.end());
      return;
    }
    ScoreTable::Row row;
    row.image = columns[0];
    row.line = line_;
    const bool is_list = columns.size() == 2;
    const std::vector<std::string> entries =
        is_list ? split(columns[1], ',') : std::vector<std::string>(columns.begin() + 1, columns.end());
    const bool is_of_some = is_list && columns[1].find(':') != std::string::npos;
    for (const std::string& entry : entries) is_of_some ? add_of_class(entry, &row) : add(entry, &row);
    if (!is_of_some) check_count(row.scores.size());
    table_.rows.push_back(std::move(row));
  }

  void add(const std::string& entry, ScoreTable::Row* row) const { row->scores.push_back(number(entry)); }

  void add_of_class(const std::string& entry, ScoreTable::Row* row) {
    uint32_t index = 0;
    const char* end = entry.data() + entry.size();
    const auto [after, failure] = std::from_chars(entry.data(), end, index);
    if (failure != std::errc() || after == end || *after != ':')
      throw error("'" + printable_name(entry) + "' is not class:score");
    if (index >= (classes_ ? classes_ : kMaxClasses))
      throw error("there is no class " + std::to_string(index) +
                  (classes_ ? "; there are " + std::to_string(classes_) : ""));
    if (row->scores.size() <= index) row->scores.resize(index + 1);
    row->scores[index] = number(entry.substr((size_t)(after - entry.data()) + 1));
  }

  float number(const std::string& text) const {
    char* end = nullptr;
    const float x = std::strtof(text.c_str(), &end);
    while (*end == ' ') ++end;
    if (end == text.c_str() || *end != 0) throw error("'" + printable_name(text) + "' is no score");
    return x;
  }

  void check_count(size_t scores) {
    const uint32_t wanted = !table_.labels.empty() ? (uint32_t)table_.labels.size() : count_;
    if (wanted != 0 && scores != wanted)
      throw error(plural(scores, "score") + ", but " +
                  (table_.labels.empty() ? "the lines before have " : "the first line names ") +
                  std::to_string(wanted) + (table_.labels.empty() ? "" : " classes"));
    count_ = (uint32_t)scores;
  }

  // Lists of some classes have as many as are known from elsewhere.
  void finish() {
    size_t most = count_ ? count_ : classes_;
    for (const ScoreTable::Row& row : table_.rows) most = std::max(most, row.scores.size());
    for (ScoreTable::Row& row : table_.rows) row.scores.resize(most);
  }

  ScoreTable table_;
  uint32_t classes_, count_ = 0, line_ = 0;
};

bool is_before(std::span<const std::optional<float>> scores, uint32_t a, std::optional<uint32_t> b) {
  if (!b) return true;
  const float x = *scores[a], y = *scores[*b];
  return x > y || (std::isnan(y) && !std::isnan(x));
}

double distance(float a, float b) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && std::isnan(b) ? 0 : std::numeric_limits<double>::infinity();
  return a == b ? 0 : std::fabs((double)a - (double)b);
}

std::vector<uint32_t> same_order(uint32_t classes) {
  std::vector<uint32_t> order(classes);
  for (uint32_t i = 0; i < classes; ++i) order[i] = i;
  return order;
}

}  // namespace

ScoreTable read_score_table(const std::string& path, uint32_t classes) {
  return Reader(path, classes).read();
}

ScoreDifference difference_of(std::span<const std::optional<float>> a, std::span<const std::optional<float>> b) {
  ScoreDifference result;
  std::optional<uint32_t> best_a, best_b;
  for (uint32_t i = 0; i < a.size(); ++i) {
    if (!a[i] || !b[i]) continue;
    ++result.compared;
    const double d = distance(*a[i], *b[i]);
    result.sum += d;
    if (d > result.most || result.compared == 1) {
      result.most = d;
      result.class_index = i;
    }
    if (is_before(a, i, best_a)) best_a = i;
    if (is_before(b, i, best_b)) best_b = i;
  }
  result.best_a = best_a.value_or(0);
  result.best_b = best_b.value_or(0);
  return result;
}

std::optional<int> first_decimal(double difference) {
  if (difference == 0) return std::nullopt;
  // 1e-6 as a difference of float32 may be a little less.
  return std::max(0, (int)std::ceil(-std::log10(difference) - 1e-7));
}

std::vector<uint32_t> pair_classes(const std::vector<std::string>& a, uint32_t a_classes,
                                   const std::vector<std::string>& b, uint32_t b_classes, const std::string& a_name,
                                   const std::string& b_name) {
  if (a_classes != b_classes) {
    throw InputError(a_name + " has " + std::to_string(a_classes) + " classes, " + b_name + " has " +
                     std::to_string(b_classes) + "; scores of other classes cannot be compared");
  }
  if (a.empty() || b.empty()) return same_order(a_classes);
  std::multimap<std::string, uint32_t> places;
  for (uint32_t i = 0; i < b_classes; ++i) places.emplace(normalized_label(b[i]), i);
  std::vector<uint32_t> pairs;
  for (const std::string& label : a) {
    const auto found = places.find(normalized_label(label));
    if (found == places.end()) {
      throw InputError(a_name + " has a class '" + printable_name(label) + "' that " + b_name +
                       " does not have; scores of other classes cannot be compared");
    }
    pairs.push_back(found->second);
    places.erase(found);
  }
  return pairs;
}

}  // namespace posy
