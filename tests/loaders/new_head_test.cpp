#include "loaders/new_head.h"

#include <doctest/doctest.h>

#include <cmath>

#include "loaders/bottlenecks.h"
#include "loaders/evaluation.h"
#include "loaders/fit_novelty.h"
#include "loaders/lower.h"
#include "loaders/softmax_regression.h"
#include "loaders/tensor_watch.h"
#include "tests/apps/colour_graph.h"
#include "tests/loaders/engine_runner.h"

namespace posy {
namespace {

// Input 8 x 8 x 3 -> mean colour ("pool") -> "logits" (4) -> "bottleneck" -> 3 classes -> softmax, as in a retrained
// graph.
std::vector<uint8_t> colour_posy(bool keep_bottleneck = false) {
  return posy_bytes(simplified(lowered(posy_test::colour_graph()), keep_bottleneck));
}

std::vector<float> flat(float r, float g, float b) {
  std::vector<float> input;
  for (int i = 0; i < 64; ++i) input.insert(input.end(), {r, g, b});
  return input;
}

std::vector<float> softmax_of(std::vector<double> z) {
  double sum = 0;
  for (double& x : z) sum += x = std::exp(x);
  std::vector<float> p;
  for (const double x : z) p.push_back((float)(x / sum));
  return p;
}

LinearLayer two_classes() {
  LinearLayer layer = {3, 2, {1, 0, 0, 2, -1, 0.5f}, {0.25f, -0.5f}};
  return layer;
}

TEST_CASE("head: the bottleneck is what the last layer gets, or the node that is named") {
  const EngineRunner joined(colour_posy());
  CHECK(find_bottleneck("a.posy", joined.model(), "").channels == 3);
  const EngineRunner kept(colour_posy(true));
  CHECK(find_bottleneck("a.posy", kept.model(), "").channels == 4);
  CHECK(find_bottleneck("a.posy", kept.model(), "pool").channels == 3);
  CHECK_THROWS_WITH_AS(find_bottleneck("a.posy", joined.model(), "bottleneck"),
                       doctest::Contains("no layer 'bottleneck'"), InputError);
}

TEST_CASE("head: what bottlenecks depend on does not change with the layers behind them") {
  const EngineRunner base(colour_posy());
  const Bottleneck bottleneck = find_bottleneck("a.posy", base.model(), "");
  const EngineRunner retrained(with_new_head(base.model(), bottleneck, {two_classes(), {"a", "b"}, {}, {}}));
  const Bottleneck again = find_bottleneck("a.posy", retrained.model(), "");
  CHECK(identity_of(base.model(), bottleneck) == identity_of(retrained.model(), again));
  const EngineRunner kept(colour_posy(true));
  CHECK(identity_of(kept.model(), find_bottleneck("a.posy", kept.model(), "")) !=
        identity_of(base.model(), bottleneck));
}

TEST_CASE("new head: scores are the softmax of the new layer; labels are the new ones") {
  const EngineRunner base(colour_posy());
  const LinearLayer layer = two_classes();
  EngineRunner runner(
      with_new_head(base.model(), find_bottleneck("a.posy", base.model(), ""), {layer, {"warm", "cold"}, {}, {}}));
  const std::vector<float> scores = runner.run(flat(0.5f, 0.25f, -1));
  const std::vector<float> expected = softmax_of({0.5 + 1 + 0.25, 0.5 - 0.5 - 0.5});
  REQUIRE(scores.size() == 2);
  CHECK(scores[0] == doctest::Approx(expected[0]).epsilon(1e-6));
  CHECK(std::string(posy_label(runner.engine(), 1)) == "cold");
  CHECK(posy_novelty(runner.engine()) == 0);
  CHECK(std::string(runner.model().string(runner.model().record->output_name)) == "final_result");
}

// Two subspaces of one direction each.
NoveltyRule rule_of(std::vector<float> one, std::vector<float> other, float limit) {
  NoveltyRule rule = {{3, 2, std::vector<float>(6), {0, 0}}, 1, limit};
  for (size_t k = 0; k < 3; ++k) {
    rule.projection.weights[k * 2] = one[k];
    rule.projection.weights[k * 2 + 1] = other[k];
  }
  return rule;
}

TEST_CASE("novelty: the engine's number is what lies outside of the nearest subspace, over the limit") {
  const EngineRunner base(colour_posy());
  const NoveltyRule rule = rule_of({0, 1, 0}, {0.6f, 0, 0.8f}, 0.25f);
  EngineRunner runner(
      with_new_head(base.model(), find_bottleneck("a.posy", base.model(), ""), {two_classes(), {"a", "b"}, {}, rule}));
  CHECK(posy_novelty(runner.engine()) == 0);  // nothing has been run
  runner.run(flat(0, -17, 0));
  CHECK(posy_novelty(runner.engine()) == doctest::Approx(0).epsilon(1e-5));
  runner.run(flat(3, 2, 4));  // 4 of 29 outside of the second
  CHECK(posy_novelty(runner.engine()) == doctest::Approx(4 / 29.0 / 0.25).epsilon(1e-5));
  const float row[3] = {3, 2, 4};
  CHECK(novelty_of(rule, row) == doctest::Approx(4 / 29.0 / 0.25));
  runner.run(flat(0, 0, 0));
  CHECK(posy_novelty(runner.engine()) == 4);
}

TEST_CASE("novelty: a rule for a model as it is leaves scores and labels alone, and replaces the one that it has") {
  EngineRunner base(colour_posy(true));
  const Bottleneck pool = find_bottleneck("a.posy", base.model(), "pool");
  EngineRunner once(with_novelty(base.model(), pool, rule_of({1, 0, 0}, {0, 1, 0}, 1), WeightChoice::kF32));
  EngineRunner twice(with_novelty(once.model(), find_bottleneck("a.posy", once.model(), "pool"),
                                  rule_of({0, 0, 1}, {0, 1, 0}, 0.5f), WeightChoice::kF32));
  const std::vector<float> input = flat(3, 2, 5);
  CHECK(once.run(input) == base.run(input));
  CHECK(twice.run(input) == base.run(input));
  CHECK(posy_novelty(once.engine()) == doctest::Approx(1 - 9 / 38.0));
  CHECK(posy_novelty(twice.engine()) == doctest::Approx((1 - 25 / 38.0) / 0.5));
  CHECK(find_tensor(twice.model(), "bottleneck") != kNoIndex);
}

// ---- Training ----

// Three clouds in `channels` dimensions, `count` rows each.
LabelledRows clouds(size_t count, size_t channels, uint32_t seed) {
  LabelledRows rows;
  for (uint32_t c = 0; c < 3; ++c) {
    const std::vector<float> noise = random_floats(count * channels, seed + c, -1, 1);
    for (size_t i = 0; i < count; ++i) {
      std::vector<float> row(noise.begin() + (ptrdiff_t)(i * channels),
                             noise.begin() + (ptrdiff_t)((i + 1) * channels));
      row[c] += 4;
      rows.add(row, c);
    }
  }
  return rows;
}

void one_thread(size_t count, const std::function<void(size_t)>& task) {
  for (size_t i = 0; i < count; ++i) task(i);
}
void backwards(size_t count, const std::function<void(size_t)>& task) {
  for (size_t i = count; i-- > 0;) task(i);
}

TEST_CASE("training: clouds that can be told apart are, by both ways") {
  const LabelledRows training = clouds(200, 20, 1), validation = clouds(50, 20, 100);
  for (const TrainedLayer& trained : {train_softmax(training, validation, 3, one_thread),
                                      descend_softmax(training, validation, 3, DescentOptions{2000, 100, 0.01f, 1})}) {
    CHECK(fit_of(trained.layer, training).accuracy == 1);
    CHECK(fit_of(trained.layer, validation).accuracy == 1);
    REQUIRE(trained.curve.size() > 3);
    CHECK(trained.curve.back().training.cross_entropy < trained.curve.front().training.cross_entropy);
  }
}

TEST_CASE("training: the solver's answer is where the gradient is zero, and the same on any threads") {
  const LabelledRows training = clouds(300, 10, 7), none;
  const TrainedLayer trained = train_softmax(training, none, 3, one_thread);
  CHECK(trained.weight_decay == 0.1);
  const TrainedLayer other = train_softmax(training, none, 3, backwards);
  CHECK(trained.layer.weights == other.layer.weights);
  // Without decay of biases, the mean probability of a class is its share at the minimum.
  std::vector<double> mean(3);
  for (size_t i = 0; i < training.count(); ++i) {
    const std::vector<float> z = logits_of(trained.layer, training.row(i));
    const std::vector<float> p = softmax_of({z[0], z[1], z[2]});
    for (size_t c = 0; c < 3; ++c) mean[c] += p[c] / (double)training.count();
  }
  for (size_t c = 0; c < 3; ++c) CHECK(mean[c] == doctest::Approx(1 / 3.0).epsilon(0.01));
}

TEST_CASE("training: a validation part of one photo does no harm, and no photos have no accuracy") {
  LabelledRows training = clouds(20, 5, 3), validation;
  validation.add(std::vector<float>(training.row(0), training.row(0) + 5), 0);
  const TrainedLayer trained = train_softmax(training, validation, 3, one_thread);
  for (const float w : trained.layer.weights) CHECK(std::isfinite(w));
  CHECK(fit_of(trained.layer, LabelledRows{}).accuracy == 0);
}

// Two classes, each in four directions of its own but for a little noise.
LabelledRows rows_in_subspaces(uint32_t seed, size_t count) {
  LabelledRows all;
  const std::vector<float> wide = random_floats(count * 4, seed, -5, 5),
                           noise = random_floats(count * 40, seed + 1, -.1f, .1f);
  for (uint32_t i = 0; i < count; ++i) {
    std::vector<float> row(noise.begin() + (ptrdiff_t)(i * 40), noise.begin() + (ptrdiff_t)((i + 1) * 40));
    for (size_t k = 0; k < 4; ++k) row[i % 2 * 4 + k] += wide[i * 4 + k];
    all.add(row, i % 2);
  }
  return all;
}

TEST_CASE("novelty: what lies off the training rows' subspaces is unknown; 95 % of the others are not") {
  const auto rule = fit_novelty(rows_in_subspaces(1, 400), rows_in_subspaces(50, 400));
  REQUIRE(rule);
  CHECK(rule->projection.outputs == 2 * rule->group);
  const LabelledRows test = rows_in_subspaces(90, 400);
  size_t unknown = 0;
  for (size_t i = 0; i < test.count(); ++i) unknown += novelty_of(*rule, test.row(i)) > 1;
  CHECK(unknown > 4);
  CHECK(unknown < 50);
  std::vector<float> off(test.row(0), test.row(0) + 40);
  off[20] += 30;
  CHECK(novelty_of(*rule, off.data()) > 3);
  CHECK_FALSE(fit_novelty(rows_in_subspaces(1, 2), {}));
}

TEST_CASE("novelty: many classes share a subspace") {
  LabelledRows rows = rows_in_subspaces(1, 400);
  for (size_t i = 0; i < rows.count(); ++i) rows.classes[i] = (uint32_t)(i % 100);
  const auto rule = fit_novelty(rows, {});
  REQUIRE(rule);
  CHECK(rule->projection.outputs == rule->group);
  CHECK(rule->group == 10);  // a quarter of the channels
}

TEST_CASE("rejection's figures: the area under the ROC curve, and the coverage at a precision") {
  CHECK(auroc({1, 2, 3}, {4, 5}) == 1);
  CHECK(auroc({1, 3}, {2, 4}) == 0.75);
  CHECK(auroc({1, 1}, {1}) == 0.5);
  CHECK(auroc({}, {1}) == 0);
  CHECK(coverage_at({{0.9f, true}, {0.8f, true}, {0.7f, false}, {0.6f, true}}, 0.75) == 1);
  CHECK(coverage_at({{0.6f, false}, {0.9f, true}}, 0.95) == 0.5);
  CHECK(coverage_at({{0.9f, false}}, 0.95) == 0);
  CHECK(coverage_at({{0.5f, true}, {0.5f, false}}, 0.95) == 0);
}

TEST_CASE("bottlenecks: text comes back as the same floats; anything else is refused") {
  const std::vector<float> values = {0, -1.5f, 1e-30f, 3.4e38f, 0.1f};
  CHECK(text_of(values) == "0,-1.5,1e-30,3.4e+38,0.1");
  CHECK(floats_of_text(text_of(values)) == values);
  CHECK(floats_of_text("0.5,1.25\n") == std::vector<float>{0.5f, 1.25f});
  CHECK(floats_of_text("1.0, 2.0") == std::nullopt);
  for (const char* text : {"", "1,", ",1", "1,,2", "1,x", "nan", "inf", "1;2"}) CHECK_FALSE(floats_of_text(text));
}

}  // namespace
}  // namespace posy
