#include "loaders/evaluation.h"

#include <algorithm>
#include <cmath>

namespace posy {
namespace {

constexpr double kNormal95 = 1.959963984540054;  // 97.5 % of a normal distribution lie below

std::optional<double> ratio(size_t part, size_t whole) {
  if (whole == 0) return std::nullopt;
  return (double)part / (double)whole;
}

void count_classes(std::span<const Verdict> verdicts, Evaluation* result) {
  for (const Verdict& verdict : verdicts) {
    ++result->classes[verdict.truth].photos;
    ++result->classes[verdict.predicted].predicted;
    if (verdict.is_right()) ++result->classes[verdict.truth].right;
    ++result->pairs[{verdict.truth, verdict.predicted}];
  }
  for (ClassFigures& figures : result->classes) {
    figures.precision = ratio(figures.right, figures.predicted);
    figures.recall = ratio(figures.right, figures.photos);
    // 2 p r / (p + r) without its zeros.
    figures.f1 = ratio(2 * figures.right, figures.predicted + figures.photos);
  }
}

double cross_entropy_of(std::span<const Verdict> verdicts) {
  double sum = 0;
  for (const Verdict& verdict : verdicts) {
    const float score = verdict.truth_score > kLeastScore ? verdict.truth_score : kLeastScore;
    sum -= std::log((double)score);
  }
  return sum / (double)verdicts.size();
}

// Needs scores that are probabilities.
void calibrate(std::span<const Verdict> verdicts, Evaluation* result) {
  for (uint32_t i = 0; i < kCalibrationBins; ++i) {
    result->bins.push_back({(double)i / kCalibrationBins, (double)(i + 1) / kCalibrationBins});
  }
  for (const Verdict& verdict : verdicts) {
    const double place = (double)verdict.score * kCalibrationBins;
    CalibrationBin& bin = result->bins[std::min((uint32_t)place, kCalibrationBins - 1)];
    ++bin.photos;
    bin.right += verdict.is_right();
    bin.mean_score += (double)verdict.score;
  }
  double error = 0;
  for (CalibrationBin& bin : result->bins) {
    error += std::fabs((double)bin.right - bin.mean_score);
    if (bin.photos) bin.mean_score /= (double)bin.photos;
  }
  result->ece = error / (double)verdicts.size();
}

}  // namespace

bool comes_before(std::span<const float> scores, uint32_t a, uint32_t b) {
  const bool a_nan = std::isnan(scores[a]), b_nan = std::isnan(scores[b]);
  if (a_nan != b_nan) return b_nan;
  if (!a_nan && scores[a] != scores[b]) return scores[a] > scores[b];
  return a < b;
}

Verdict judge(std::span<const float> scores, uint32_t truth) {
  Verdict verdict;
  verdict.truth = truth;
  for (uint32_t i = 0; i < scores.size(); ++i) {
    if (comes_before(scores, i, verdict.predicted)) verdict.predicted = i;
    if (comes_before(scores, i, truth)) ++verdict.rank;
    if (!(scores[i] >= 0 && scores[i] <= 1)) verdict.is_probability = false;
  }
  verdict.score = scores[verdict.predicted];
  verdict.truth_score = scores[truth];
  return verdict;
}

Interval wilson_interval(size_t right, size_t count) {
  if (count == 0) return {0, 1};
  const double n = (double)count, rate = (double)right / n, z2 = kNormal95 * kNormal95;
  const double center = (rate + z2 / (2 * n)) / (1 + z2 / n);
  const double reach = kNormal95 / (1 + z2 / n) * std::sqrt(rate * (1 - rate) / n + z2 / (4 * n * n));
  // Rounding must not put the rate itself outside.
  return {std::clamp(center - reach, 0.0, rate), std::clamp(center + reach, rate, 1.0)};
}

Evaluation evaluate(std::span<const Verdict> verdicts, uint32_t classes) {
  Evaluation result;
  result.photos = verdicts.size();
  result.classes.resize(classes);
  bool are_probabilities = !verdicts.empty();
  for (const Verdict& verdict : verdicts) {
    result.right += verdict.is_right();
    result.right_of_5 += verdict.rank < 5;
    result.known += !verdict.is_unknown;
    result.known_right += !verdict.is_unknown && verdict.is_right();
    are_probabilities = are_probabilities && verdict.is_probability;
  }
  result.accuracy = ratio(result.right, result.photos).value_or(0);
  result.interval = wilson_interval(result.right, result.photos);
  count_classes(verdicts, &result);
  if (are_probabilities) {
    result.cross_entropy = cross_entropy_of(verdicts);
    calibrate(verdicts, &result);
  }
  return result;
}

double auroc(const std::vector<double>& low, const std::vector<double>& high) {
  double wins = 0;
  std::vector<double> sorted = low;
  std::sort(sorted.begin(), sorted.end());
  for (const double x : high) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), x);
    wins += (double)(first - sorted.begin()) + (double)(last - first) / 2;
  }
  return low.empty() || high.empty() ? 0 : wins / ((double)low.size() * (double)high.size());
}

double coverage_at(std::vector<std::pair<float, bool>> answers, double precision) {
  std::sort(answers.begin(), answers.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  size_t right = 0, most = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    right += answers[i].second;
    // Answers that are equally sure are given together.
    const bool is_last_of_score = i + 1 == answers.size() || answers[i + 1].first != answers[i].first;
    if (is_last_of_score && (double)right >= precision * (double)(i + 1)) most = i + 1;
  }
  return answers.empty() ? 0 : (double)most / (double)answers.size();
}

std::vector<Confusion> confusions(const Evaluation& evaluation) {
  std::vector<Confusion> found;
  for (const auto& [classes, photos] : evaluation.pairs) {
    if (classes.first != classes.second) found.push_back({classes.first, classes.second, photos});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Confusion& a, const Confusion& b) { return a.photos > b.photos; });
  return found;
}

}  // namespace posy
