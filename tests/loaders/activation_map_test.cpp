// Where logits come from: maps whose mean and bias are the logit, and maps found by covering.
#include "loaders/activation_map.h"

#include <cmath>

#include "loaders/occlusion_map.h"
#include "tests/engine/model_builder.h"
#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

constexpr Clamp kNone = {-__builtin_inff(), __builtin_inff()}, kRelu = {0, __builtin_inff()}, kRelu6 = {0, 6};
constexpr uint32_t kClasses = 5;

// Features of a small network, of two layers side by side, so that several ops make them.
ValueId features(NetworkBuilder* b) {
  const ValueId first = b->conv(b->input(), 3, 2, 8, kRelu6);
  return b->concat(b->conv(first, 3, 1, 12, kRelu6), b->max_pool(first, 3, 1));
}

struct Case {
  EngineRunner runner;
  PooledHead head;
  std::vector<float> scores;

  explicit Case(const Network& network, WeightChoice weights = WeightChoice::kF32)
      : runner(posy_bytes(network, weights)), head(found(runner.model())) {
    const posy_shape shape = posy_input_shape(runner.engine());
    const std::vector<float> input = random_floats((size_t)shape.h * shape.w * shape.c, 4);
    std::copy(input.begin(), input.end(), posy_input(runner.engine()));
    head.run(runner.engine());
    scores.assign(posy_scores(runner.engine()), posy_scores(runner.engine()) + posy_class_count(runner.engine()));
  }

  static PooledHead found(const Model& model) {
    std::string why;
    std::optional<PooledHead> head = PooledHead::find(model, &why);
    INFO(why);
    REQUIRE(head);
    return *head;
  }

  // Of each class: mean and bias make the logit. Those of all classes make the scores, which come from the engine.
  void check(double tolerance, size_t layers) const {
    const ActivationMap first = head.map_of(0);
    for (uint32_t c = 0; c < (uint32_t)scores.size(); ++c) {
      const ActivationMap map = head.map_of(c);
      CAPTURE(c);
      CHECK(map.layers == layers);
      CHECK(map.map.mean() + map.bias == doctest::Approx(map.logit).scale(1).epsilon(tolerance));
      CHECK(std::log(scores[c] / scores[0]) ==
            doctest::Approx(map.map.mean() + map.bias - first.map.mean() - first.bias).scale(1).epsilon(2 * tolerance));
    }
  }
};

std::string why_not(const Network& network) {
  EngineRunner runner(posy_bytes(network));
  std::string why;
  CHECK_FALSE(PooledHead::find(runner.model(), &why));
  return why;
}

}  // namespace

TEST_CASE("activation map: its mean and the bias are the logit, with weights of every kind") {
  NetworkBuilder b({24, 20, 3}, 7);
  b.softmax(b.conv(b.average_all(features(&b)), 1, 1, kClasses, kNone));
  for (const WeightChoice weights : {WeightChoice::kF32, WeightChoice::kU8, WeightChoice::kU5}) {
    const Case c(b.network(), weights);
    c.check(1e-5, 1);
    CHECK(c.head.map_of(0).map.h == 12);
    CHECK(c.head.map_of(0).map.w == 10);
    CHECK_FALSE(c.head.map_of(0).has_cut_units);
  }
}

TEST_CASE("activation map: each place adds its features times the weights") {
  NetworkBuilder b({4, 6, 3}, 3);
  b.softmax(b.conv(b.average_all(b.input()), 1, 1, kClasses, kNone));
  const ConvWeights weights = b.network().nodes[1].weights;
  const Case c(b.network());
  const std::vector<float> input = random_floats(4 * 6 * 3, 4);
  const ActivationMap map = c.head.map_of(2);
  for (size_t pixel = 0; pixel < 24; ++pixel) {
    double sum = 0;
    for (size_t k = 0; k < 3; ++k) sum += (double)weights.weight(k, 2) * input[pixel * 3 + k];
    CHECK(map.map.values[pixel] == doctest::Approx(sum).epsilon(1e-5));
  }
  CHECK(map.bias == doctest::Approx(weights.line.bias[2] - weights.line.center[2] * weights.line.scale[2]));
}

TEST_CASE("activation map: two linear layers are one, and none are the features themselves") {
  NetworkBuilder two({24, 20, 3}, 8);
  two.softmax(two.conv(two.conv(two.average_all(features(&two)), 1, 1, 9, kNone), 1, 1, kClasses, kNone));
  Case(two.network()).check(1e-5, 2);
  NetworkBuilder scaled({24, 20, 3}, 8);
  scaled.softmax(
      scaled.conv(scaled.depthwise(scaled.average_all(features(&scaled)), 1, 1, kNone), 1, 1, kClasses, kNone));
  Case(scaled.network()).check(1e-5, 2);
  NetworkBuilder none({24, 20, 3}, 9);
  none.softmax(none.average_all(none.conv(features(&none), 1, 1, kClasses, kNone)));
  Case(none.network()).check(1e-5, 0);
  NetworkBuilder mean({24, 20, 3}, 9);
  mean.softmax(mean.conv(mean.reduce(features(&mean), ReduceFunction::mean), 1, 1, kClasses, kNone));
  Case(mean.network()).check(1e-5, 1);
}

TEST_CASE("activation map: units that a Relu cuts off add what they are") {
  NetworkBuilder b({24, 20, 3}, 10);
  b.softmax(b.conv(b.conv(b.average_all(features(&b)), 1, 1, 16, kRelu), 1, 1, kClasses, kNone));
  const Case c(b.network());
  c.check(1e-5, 2);
  CHECK(c.head.map_of(0).has_cut_units);
}

TEST_CASE("activation map: of codes, but for what the average rounds") {
  NetworkBuilder b({24, 20, 3}, 11);
  const float pool_scale = 0.02f;
  const ValueId coded = b.encode(features(&b));
  const ValueId pooled = b.as_codes(b.average_all(coded), pool_scale, 90);
  b.softmax(b.code_conv(pooled, 1, kClasses));
  const Case c(b.network());
  const OpWeights layer = read_weights(c.runner.model()).back();
  for (uint32_t k = 0; k < kClasses; ++k) {
    double most = 1e-4;  // half a step of each channel
    for (size_t i = k; i < layer.values.size(); i += kClasses) most += std::fabs(layer.values[i]) * pool_scale / 2;
    const ActivationMap map = c.head.map_of(k);
    CHECK(std::fabs(map.map.mean() + map.bias - map.logit) <= most);
  }
}

TEST_CASE("activation map: where there is none, the op that stands in its way is named") {
  NetworkBuilder flat({8, 8, 3}, 12);
  flat.softmax(flat.conv(flat.reduce(features(&flat), ReduceFunction::maximum), 1, 1, kClasses, kNone));
  CHECK(contains(why_not(flat.network()), "(reduce)"));
  NetworkBuilder curved({8, 8, 3}, 12);
  curved.softmax(curved.conv(curved.unary(UnaryFunction::hard_swish, curved.average_all(features(&curved))), 1, 1,
                             kClasses, kNone));
  CHECK(contains(why_not(curved.network()), "'unary5' (unary)"));
}

TEST_CASE("activation map: a file whose plan leaves the end out is refused") {
  NetworkBuilder b({8, 8, 3}, 12);
  b.softmax(b.conv(b.average_all(features(&b)), 1, 1, kClasses, kNone));
  for (const OpKind left_out : {OpKind::average_pool, OpKind::conv_2d}) {
    Network network = b.network();
    Plan plan = make_plan(&network);
    std::erase_if(plan.steps, [&](const StepRecord& step) { return plan.ops[step.op].kind == left_out; });
    EngineRunner runner(write_posy(network, plan, WeightChoice::kF32));
    PooledHead head = Case::found(runner.model());
    std::fill_n(posy_input(runner.engine()), 8 * 8 * 3, 0.5f);
    CHECK(contains(refusal([&] { head.run(runner.engine()); }), "plan leaves out"));
  }
}

TEST_CASE("occlusion map: what a class is made of lowers its score when it is covered") {
  NetworkBuilder b({20, 20, 3}, 1);
  b.softmax(b.average_all(b.input()));  // classes are red, green and blue
  for (size_t c = 0; c < 4; ++c) b.network().preprocessing.mean[c] = b.network().preprocessing.std[c] = 127.5f;
  EngineRunner runner(posy_bytes(b.network()));
  const auto set_input = [&] {
    for (size_t i = 0; i < 400; ++i) {
      float* const pixel = posy_input(runner.engine()) + i * 3;
      pixel[0] = i % 20 < 10 ? 1.0f : -1.0f;  // red on the left
      pixel[1] = -1;
      pixel[2] = -pixel[0];
    }
  };
  set_input();
  uint32_t runs = 0, all = 0;
  const OcclusionMap map =
      occlusion_map(runner.engine(), runner.model(), 0, 30, [&](uint32_t done, uint32_t of) { runs = done, all = of; });
  CHECK(runs == 25);
  CHECK(all == 25);
  CHECK(map.map.h == 5);
  CHECK(map.map.w == 5);
  CHECK(map.patch_h == 4);
  CHECK(map.is_of_odds);
  CHECK(map.score == doctest::Approx(0.4223188).epsilon(1e-6));  // of means 0, -1, 0
  CHECK(map.least_score < map.score);
  for (uint32_t y = 0; y < 5; ++y) {
    CHECK(map.map.at(y, 0) > 0.01f);
    CHECK(map.map.at(y, 4) < -0.01f);
    CHECK(map.map.at(y, 0) == map.map.at(0, 0));
  }
  // 16 of 400 pixels of 1, -1, -1 become 0: means of -0.04, -0.96, 0.04.
  const double others = std::exp(-0.96) + std::exp(0.04);
  const double before = 0 - std::log(std::exp(-1.0) + 1), after = -0.04 - std::log(others);
  CHECK(map.map.at(0, 0) == doctest::Approx(before - after).epsilon(1e-3));

  set_input();
  const OcclusionMap one = occlusion_map(runner.engine(), runner.model(), 2, 1);
  CHECK(one.map.values.size() == 1);
  set_input();
  CHECK(occlusion_map(runner.engine(), runner.model(), 2, 100000).map.h == 20);
}
