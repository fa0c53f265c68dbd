// How good a model is on photos whose classes are known: pure arithmetic on scores.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace posy {

// The order of posy_top(): the greater score first, of equal ones the first class, what is no number last.
bool comes_before(std::span<const float> scores, uint32_t a, uint32_t b);

// What one photo's scores say, and what is true.
struct Verdict {
  uint32_t truth = 0;
  uint32_t predicted = 0;  // what comes before all others
  float score = 0;         // of the predicted class
  float truth_score = 0;
  uint32_t rank = 0;           // of the true class: how many classes come before it
  bool is_probability = true;  // all scores are numbers from 0 to 1
  bool is_unknown = false;     // rejected by the model's own rule

  bool is_right() const { return predicted == truth; }
};
Verdict judge(std::span<const float> scores, uint32_t truth);

// Of `count` tries `right` succeeded: where the true rate lies with 95 % confidence (Wilson, 1927). [0, 1] of none.
struct Interval {
  double low, high;
};
Interval wilson_interval(size_t right, size_t count);

struct ClassFigures {
  size_t photos = 0, predicted = 0, right = 0;
  // Nothing where nothing is divided by: no photo was predicted to be of the class, or there are no photos of it.
  std::optional<double> precision, recall, f1;
};

// Photos whose best score lies in [low, high), the last bin's in [low, high].
struct CalibrationBin {
  double low, high;
  size_t photos = 0, right = 0;
  double mean_score = 0;
};

struct Confusion {
  uint32_t truth, predicted;
  size_t photos;
};

// Scores below this count as this in the cross entropy, and so do those that are no numbers: the least normal float32,
// so that a photo adds 87.34 at most.
constexpr float kLeastScore = 1.17549435e-38f;

constexpr uint32_t kCalibrationBins = 10;

struct Evaluation {
  size_t photos = 0, right = 0, right_of_5 = 0;
  double accuracy = 0;
  Interval interval = {0, 1};
  // Mean of -ln(score of the true class); nothing where scores are no probabilities (logits).
  std::optional<double> cross_entropy;
  std::optional<double> ece;  // expected calibration error: the mean of |right - mean score| over photos, by bins
  std::vector<CalibrationBin> bins;
  std::vector<ClassFigures> classes;
  std::map<std::pair<uint32_t, uint32_t>, size_t>
      pairs;  // photos by true class and predicted class, where there are any
  // What is not rejected by the model's own rule.
  size_t known = 0, known_right = 0;

  double top5() const { return photos ? (double)right_of_5 / (double)photos : 0; }
  size_t count(uint32_t truth, uint32_t predicted) const {
    const auto found = pairs.find({truth, predicted});
    return found == pairs.end() ? 0 : found->second;
  }
};
Evaluation evaluate(std::span<const Verdict> verdicts, uint32_t classes);

// The chance that a number of `high` is greater than one of `low` (equal ones count half): area under the ROC curve.
double auroc(const std::vector<double>& low, const std::vector<double>& high);

// Answers as (score, right), in any order: the greatest share of them that may be given, the surest first, so that
// `precision` of these are right. 0 if none may.
double coverage_at(std::vector<std::pair<float, bool>> answers, double precision);

// Pairs of classes that were taken for each other, the most frequent first, then in class order.
std::vector<Confusion> confusions(const Evaluation& evaluation);

}  // namespace posy
