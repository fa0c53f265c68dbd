// Scores side by side: those of another program from a file, and how far two models' are apart.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace posy {

// Scores of photos as a table: one line for each, tabs between columns. The first column is the photo's path, then
// either one column for each class, or one column with a list: "0.1,0.9" has a score for each class, "1:0.9,7:0.05"
// those of some classes. A first line that begins with "image" names the classes of the columns. Blank lines and those
// that begin with # do not count.
struct ScoreTable {
  struct Row {
    std::string image;
    uint32_t line = 0;
    std::vector<std::optional<float>> scores;  // by class; nothing where the line does not say
  };
  std::string file;
  std::vector<std::string> labels;  // empty: not named
  std::vector<Row> rows;

  uint32_t classes() const { return rows.empty() ? 0 : (uint32_t)rows[0].scores.size(); }
};

// `classes` is how many a list of some of them has; 0: as many as the greatest number in the file says. Throws
// InputError that names the line.
ScoreTable read_score_table(const std::string& path, uint32_t classes);

struct ScoreDifference {
  double most = 0;           // the greatest |a - b|; infinite where one is no number and the other is
  uint32_t class_index = 0;  // where it is
  double sum = 0;            // of all classes' that are compared
  uint32_t compared = 0;
  uint32_t best_a = 0, best_b = 0;  // classes, of those that are compared
};
// By class; a score that one side does not have is not compared.
ScoreDifference difference_of(std::span<const std::optional<float>> a, std::span<const std::optional<float>> b);

// The first decimal that a difference reaches: 6 of 3e-6. 0 of one of 1 and more, nothing of none.
std::optional<int> first_decimal(double difference);

// Which class of `b` is each class of `a`: by label if both have them, in whatever order; else by number. `names` are
// of the two, for the message. Throws InputError: other classes, or another number of them.
std::vector<uint32_t> pair_classes(const std::vector<std::string>& a, uint32_t a_classes,
                                   const std::vector<std::string>& b, uint32_t b_classes, const std::string& a_name,
                                   const std::string& b_name);

}  // namespace posy
