#include "loaders/evaluation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace posy {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Three classes, five photos: right, right, taken for 1, taken for 0, right.
std::vector<Verdict> five_photos() {
  const std::vector<std::pair<std::vector<float>, uint32_t>> photos = {{{0.75f, 0.25f, 0}, 0},
                                                                       {{0.5f, 0.25f, 0.25f}, 0},
                                                                       {{0.25f, 0.5f, 0.25f}, 0},
                                                                       {{0.75f, 0.125f, 0.125f}, 1},
                                                                       {{0, 1, 0}, 1}};
  std::vector<Verdict> verdicts;
  for (const auto& [scores, truth] : photos) verdicts.push_back(judge(scores, truth));
  return verdicts;
}

TEST_CASE("judge: the best class, its score, that of the true one and its rank") {
  const Verdict verdict = judge(std::vector<float>{0.125f, 0.5f, 0.25f, 0.125f}, 3);
  CHECK(verdict.predicted == 1);
  CHECK(verdict.score == 0.5f);
  CHECK(verdict.truth_score == 0.125f);
  CHECK(verdict.rank == 3);  // class 0 is as good and stands first
  CHECK_FALSE(verdict.is_right());
  CHECK(verdict.is_probability);
}

TEST_CASE("judge: of equal scores the first wins; what is no number comes last and is no probability") {
  CHECK(judge(std::vector<float>{0.25f, 0.25f}, 1).predicted == 0);
  const Verdict verdict = judge(std::vector<float>{kNaN, 0.5f, 0.25f}, 0);
  CHECK(verdict.predicted == 1);
  CHECK(verdict.rank == 2);
  CHECK_FALSE(verdict.is_probability);
  CHECK_FALSE(judge(std::vector<float>{1.5f, -0.5f}, 0).is_probability);
  CHECK(judge(std::vector<float>{kNaN, kNaN}, 1).predicted == 0);
}

TEST_CASE("wilson: the interval's textbook values and ends") {
  // By hand: p = 0.8, n = 10, z = 1.95996: (0.8 + 0.19207) / 1.38415 -+ 1.95996 / 1.38415 * sqrt(0.016 + 0.0096037)
  CHECK(wilson_interval(8, 10).low == doctest::Approx(0.490162).epsilon(1e-5));
  CHECK(wilson_interval(8, 10).high == doctest::Approx(0.943318).epsilon(1e-5));
  CHECK(wilson_interval(0, 10).low == 0);
  CHECK(wilson_interval(0, 10).high == doctest::Approx(0.277533).epsilon(1e-5));
  CHECK(wilson_interval(10, 10).low == doctest::Approx(0.722467).epsilon(1e-5));
  CHECK(wilson_interval(10, 10).high == 1);
  CHECK(wilson_interval(0, 0).low == 0);
  CHECK(wilson_interval(0, 0).high == 1);
}

TEST_CASE("evaluate: accuracy, cross entropy, classes and matrix as reckoned by hand") {
  const Evaluation result = evaluate(five_photos(), 3);
  CHECK(result.photos == 5);
  CHECK(result.right == 3);
  CHECK(result.accuracy == doctest::Approx(0.6));
  CHECK(result.top5() == 1);
  // -ln(0.75) - ln(0.5) - ln(0.25) - ln(0.125) - ln(1) = -ln(0.01171875)
  CHECK(result.cross_entropy.value() == doctest::Approx(-std::log(0.01171875) / 5));
  const size_t matrix[3][3] = {{2, 1, 0}, {1, 1, 0}, {0, 0, 0}};
  for (uint32_t truth = 0; truth < 3; ++truth) {
    for (uint32_t predicted = 0; predicted < 3; ++predicted)
      CHECK(result.count(truth, predicted) == matrix[truth][predicted]);
  }
  CHECK(result.classes[0].photos == 3);
  CHECK(result.classes[0].predicted == 3);
  CHECK(result.classes[0].precision.value() == doctest::Approx(2.0 / 3));
  CHECK(result.classes[1].precision.value() == doctest::Approx(0.5));
  CHECK(result.classes[1].recall.value() == doctest::Approx(0.5));
  CHECK(result.classes[1].f1.value() == doctest::Approx(0.5));
  CHECK_FALSE(result.classes[2].precision);
  CHECK_FALSE(result.classes[2].recall);
  CHECK_FALSE(result.classes[2].f1);
}

TEST_CASE("evaluate: F1 is the harmonic mean of precision and recall") {
  std::vector<Verdict> verdicts;
  for (const auto& [truth, predicted] : std::vector<std::pair<uint32_t, uint32_t>>{{0, 0}, {0, 1}, {0, 1}, {1, 1}}) {
    std::vector<float> scores = {0.25f, 0.25f};
    scores[predicted] = 0.75f;
    verdicts.push_back(judge(scores, truth));
  }
  const ClassFigures figures = evaluate(verdicts, 2).classes[1];
  CHECK(figures.precision.value() == doctest::Approx(1.0 / 3));
  CHECK(figures.recall.value() == 1);
  CHECK(figures.f1.value() == doctest::Approx(2 * (1.0 / 3) * 1 / (1.0 / 3 + 1)));
}

TEST_CASE("evaluate: calibration by bins of the best score") {
  const Evaluation result = evaluate(five_photos(), 3);
  REQUIRE(result.bins.size() == 10);
  CHECK(result.bins[5].photos == 2);  // 0.5 twice, one right
  CHECK(result.bins[7].photos == 2);  // 0.75 twice, one right
  CHECK(result.bins[9].photos == 1);  // 1 belongs to the last bin
  CHECK(result.bins[5].mean_score == doctest::Approx(0.5));
  CHECK(result.bins[7].right == 1);
  // (2 |1/2 - 0.5| + 2 |1/2 - 0.75| + 1 |1 - 1|) / 5
  CHECK(result.ece.value() == doctest::Approx(0.1));
}

TEST_CASE("evaluate: a true class with a score of zero adds -ln of the least normal float") {
  const std::vector<Verdict> verdicts = {judge(std::vector<float>{1, 0}, 1)};
  CHECK(evaluate(verdicts, 2).cross_entropy.value() == doctest::Approx(87.3365));
}

TEST_CASE("evaluate: of logits, and of scores that are no numbers, only the order counts") {
  const std::vector<Verdict> verdicts = {judge(std::vector<float>{3, -1}, 0), judge(std::vector<float>{kNaN, 0.5f}, 1)};
  const Evaluation result = evaluate(verdicts, 2);
  CHECK(result.right == 2);
  CHECK_FALSE(result.cross_entropy);
  CHECK_FALSE(result.ece);
  CHECK(result.bins.empty());
}

TEST_CASE("evaluate: five of six classes are among the best five") {
  const std::vector<float> scores = {0.3f, 0.25f, 0.2f, 0.15f, 0.07f, 0.03f};
  std::vector<Verdict> verdicts;
  for (uint32_t truth = 0; truth < 6; ++truth) verdicts.push_back(judge(scores, truth));
  CHECK(evaluate(verdicts, 6).right_of_5 == 5);
}

TEST_CASE("evaluate: rejected photos are left out of what is known") {
  std::vector<Verdict> verdicts = five_photos();
  verdicts[2].is_unknown = verdicts[4].is_unknown = true;
  const Evaluation result = evaluate(verdicts, 3);
  CHECK(result.known == 3);
  CHECK(result.known_right == 2);
  CHECK(result.right == 3);
}

TEST_CASE("evaluate: no photos give no figures") {
  const Evaluation result = evaluate({}, 2);
  CHECK(result.accuracy == 0);
  CHECK(result.top5() == 0);
  CHECK_FALSE(result.cross_entropy);
}

TEST_CASE("confusions: the most frequent first, then in class order") {
  Evaluation evaluation;
  evaluation.pairs = {{{0, 0}, 9}, {{0, 1}, 1}, {{0, 2}, 2}, {{1, 0}, 2}, {{1, 1}, 9}, {{2, 1}, 5}, {{2, 2}, 9}};
  const std::vector<Confusion> found = confusions(evaluation);
  REQUIRE(found.size() == 4);
  CHECK(found[0].truth == 2);
  CHECK(found[0].predicted == 1);
  CHECK(found[0].photos == 5);
  CHECK(found[1].truth == 0);
  CHECK(found[2].truth == 1);
  CHECK(found[3].photos == 1);
}

}  // namespace
}  // namespace posy
