// posy_run(), the observer, posy_scores() and posy_top(): order of calls, cancellation, order of the classes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/engine/guarded_engine.h"

using namespace posy;

namespace {

// What an observer saw, and at which call it stops the run.
struct Seen {
  std::vector<posy_progress> steps;
  size_t stop_at = ~(size_t)0;

  static int look(void* self, const posy_progress* progress) {
    Seen& seen = *(Seen*)self;
    seen.steps.push_back(*progress);
    float sum = 0;  // everything that is shown may be read
    for (uint32_t y = 0; y < progress->contiguous_rows; ++y) {
      for (uint32_t x = 0; x < progress->shape.w; ++x) {
        for (uint32_t c = 0; c < progress->shape.c; ++c) {
          const size_t at = ((size_t)y * progress->shape.w + x) * progress->pixel_stride + c;
          sum += progress->codes ? (float)(progress->codes[at] - progress->zero_point) * progress->scale
                                 : progress->data[at];
        }
      }
    }
    CHECK(std::isfinite(sum));
    return seen.steps.size() == seen.stop_at;
  }
};

// A model whose scores are its input: a copy of one pixel. Made by turning the softmax of [1, 1, c] into a copy.
std::vector<uint8_t> copying_model(uint32_t classes) {
  std::vector<uint8_t> file = build_image_model({1, 1, classes}, {});
  set(&file, op_at(file, OpKind::softmax), (uint16_t)OpKind::copy);
  fix_checksum(&file);
  return file;
}

std::vector<uint32_t> top_of(const std::vector<float>& scores, uint32_t count) {
  const std::vector<uint8_t> file = copying_model((uint32_t)scores.size());
  GuardedEngine guarded(file.size());
  REQUIRE(guarded.open(file) == POSY_OK);
  std::memcpy(posy_input(&guarded.engine), scores.data(), scores.size() * sizeof(float));
  REQUIRE(posy_run(&guarded.engine) == POSY_OK);
  std::vector<posy_score> best(count + 1, posy_score{777, 777});
  const uint32_t found = posy_top(&guarded.engine, best.data(), count);
  CHECK(found == std::min<size_t>(count, scores.size()));
  CHECK(best[found].class_index == 777);  // nothing behind what was asked for
  std::vector<uint32_t> classes;
  for (uint32_t i = 0; i < found; ++i) {
    classes.push_back(best[i].class_index);
    const float score = scores[best[i].class_index];
    CHECK((best[i].score == score || (std::isnan(best[i].score) && std::isnan(score))));
  }
  return classes;
}

}  // namespace

TEST_CASE("run: every function refuses null and closed engines without a crash") {
  posy_engine closed = {};
  posy_engine garbage;
  std::memset(&garbage, 0xa5, sizeof garbage);
  posy_score best[2];
  posy_image image = {};
  posy_codes codes;
  for (posy_engine* engine : {(posy_engine*)nullptr, &closed, &garbage}) {
    CHECK(posy_run(engine) == POSY_NOT_OPEN);
    CHECK(posy_set_image(engine, &image) == POSY_NOT_OPEN);
    CHECK(posy_set_image(engine, nullptr) == POSY_NOT_OPEN);
    CHECK(posy_set_observer(engine, Seen::look, nullptr) == POSY_NOT_OPEN);
    CHECK(posy_input(engine) == nullptr);
    CHECK(posy_input_codes(engine, &codes) == nullptr);
    CHECK(posy_input_shape(engine).h == 0);
    CHECK(posy_scores(engine) == nullptr);
    CHECK(posy_class_count(engine) == 0);
    CHECK(posy_label(engine, 0) == nullptr);
    CHECK(posy_top(engine, best, 2) == 0);
    CHECK(posy_engine_isa(engine) == nullptr);
  }
  CHECK(posy_error_byte(nullptr) == 0);
}

TEST_CASE("run: calls in the wrong order are refused and change nothing") {
  const std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size());
  REQUIRE(guarded.open(file) == POSY_OK);
  posy_engine* engine = &guarded.engine;
  posy_score best[5];
  CHECK(posy_run(engine) == POSY_NO_INPUT);
  CHECK(posy_scores(engine) == nullptr);
  CHECK(posy_top(engine, best, 5) == 0);
  const std::vector<float> scores = guarded.scores();
  REQUIRE(scores.size() == 5);
  CHECK(posy_top(engine, nullptr, 5) == 0);
  CHECK(posy_top(engine, best, 0) == 0);
  // A run uses up its input; the scores of the run before stay.
  CHECK(posy_run(engine) == POSY_NO_INPUT);
  CHECK(std::memcmp(posy_scores(engine), scores.data(), sizeof(float) * 5) == 0);
  CHECK(posy_set_image(engine, nullptr) == POSY_NULL_ARGUMENT);
  CHECK(posy_scores(engine) != nullptr);
  posy_input(engine);
  CHECK(posy_scores(engine) == nullptr);
  CHECK(guarded.scores() == scores);
}

TEST_CASE("run: an input is floats or codes, and is to be had as what it is") {
  ModelOptions options;
  options.input_is_codes = true;
  const std::vector<uint8_t> floats = build_model({}), file = build_model(options);
  GuardedEngine guarded(file.size());
  posy_codes codes = {7, 7, 7};
  REQUIRE(guarded.open(floats) == POSY_OK);
  CHECK(posy_input_codes(&guarded.engine, &codes) == nullptr);
  CHECK(codes.pixel_stride == 7);
  CHECK(posy_run(&guarded.engine) == POSY_NO_INPUT);
  CHECK(posy_input(&guarded.engine) != nullptr);

  REQUIRE(guarded.open(file) == POSY_OK);
  CHECK(posy_input(&guarded.engine) == nullptr);
  CHECK(posy_input_codes(&guarded.engine, nullptr) == nullptr);
  CHECK(posy_run(&guarded.engine) == POSY_NO_INPUT);
  uint8_t* input = posy_input_codes(&guarded.engine, &codes);
  REQUIRE(input != nullptr);
  CHECK(codes.pixel_stride == 4);
  CHECK(codes.scale == 1 / 127.0f);
  CHECK(codes.zero_point == 127);
  // It says what the codes stand for: the model of floats has the same scores for their values.
  std::vector<float> values;
  for (uint32_t pixel = 0; pixel < 9 * 7; ++pixel) {
    for (uint32_t c = 0; c < 3; ++c) {
      const uint8_t code = (uint8_t)((pixel * 3 + c) * 41);
      input[pixel * codes.pixel_stride + c] = code;
      values.push_back((float)(code - codes.zero_point) * codes.scale);
    }
  }
  REQUIRE(posy_run(&guarded.engine) == POSY_OK);
  const std::vector<float> scores(posy_scores(&guarded.engine), posy_scores(&guarded.engine) + 5);
  CHECK(posy_input_codes(&guarded.engine, &codes) == input);
  CHECK(posy_scores(&guarded.engine) == nullptr);
  REQUIRE(guarded.open(floats) == POSY_OK);
  std::copy(values.begin(), values.end(), posy_input(&guarded.engine));
  REQUIRE(posy_run(&guarded.engine) == POSY_OK);
  CHECK(std::equal(scores.begin(), scores.end(), posy_scores(&guarded.engine)));
}

TEST_CASE("run: scores are probabilities, and the same on every run and after another open") {
  const std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size());
  REQUIRE(guarded.open(file) == POSY_OK);
  const std::vector<float> first = guarded.scores();
  double sum = 0;
  for (const float score : first) sum += score;
  CHECK(sum == doctest::Approx(1));
  CHECK(guarded.scores(0.7f) != first);
  CHECK(guarded.scores() == first);
  REQUIRE(guarded.open(file) == POSY_OK);
  CHECK(guarded.scores() == first);
}

TEST_CASE("run: a plan in bands gives the scores of a plan in whole ops") {
  ModelOptions options;
  options.input = {21, 17, 3};
  const std::vector<uint8_t> whole = build_model(options);
  GuardedEngine guarded(4 * whole.size());
  REQUIRE(guarded.open(whole) == POSY_OK);
  const std::vector<float> scores = guarded.scores();
  for (const uint32_t rows : {1u, 2u, 3u, 7u}) {
    options.band_rows = rows;
    REQUIRE(guarded.open(build_model(options)) == POSY_OK);
    CHECK(guarded.scores() == scores);
  }
}

TEST_CASE("observer: is called once for every step, in order, with what the step made") {
  for (const uint32_t band_rows : {0u, 2u}) {
    ModelOptions options;
    options.band_rows = band_rows;
    const std::vector<uint8_t> file = build_model(options);
    GuardedEngine guarded(file.size());
    REQUIRE(guarded.open(file) == POSY_OK);
    Seen seen;
    REQUIRE(posy_set_observer(&guarded.engine, Seen::look, &seen) == POSY_OK);
    const std::vector<float> scores = guarded.scores();
    const SectionEntry steps = section(file, SectionKind::kSteps);
    REQUIRE(seen.steps.size() == steps.count);
    for (uint32_t i = 0; i < steps.count; ++i) {
      const auto step = get<StepRecord>(file, record_at(file, SectionKind::kSteps, i));
      const auto op = get<OpRecord>(file, record_at(file, SectionKind::kOps, step.op));
      const auto out = get<TensorRecord>(file, record_at(file, SectionKind::kTensors, op.out));
      const posy_progress& p = seen.steps[i];
      CHECK(p.op == step.op);
      CHECK(p.row_begin == step.row_begin);
      CHECK(p.row_end == step.row_end);
      CHECK(p.shape.h == out.h);
      CHECK(p.shape.w == out.w);
      CHECK(p.shape.c == out.c);
      CHECK(p.pixel_stride == out.pixel_stride);
      CHECK((p.codes != nullptr) == (out.type == (uint8_t)ElementType::kU8));
      CHECK((p.data == nullptr) == (p.codes != nullptr));
      CHECK(p.zero_point == out.zero_point);
      CHECK(p.scale == out.scale);
      CHECK(p.contiguous_rows == step.row_end - step.row_begin);
    }
    CHECK(seen.steps.back().data == posy_scores(&guarded.engine));

    REQUIRE(posy_set_observer(&guarded.engine, nullptr, nullptr) == POSY_OK);
    const size_t before = seen.steps.size();
    CHECK(guarded.scores() == scores);
    CHECK(seen.steps.size() == before);
  }
}

TEST_CASE("observer: in a ring, it is told how many rows follow each other") {
  std::vector<uint8_t> file = build_model({});
  // Give the first convolution's output two rows of memory instead of five; the scores are nonsense, the views are not.
  const size_t conv = op_at(file, OpKind::conv_2d);
  const uint32_t out = get<uint32_t>(file, conv + offsetof(OpRecord, out));
  set(&file, record_at(file, SectionKind::kTensors, out) + offsetof(TensorRecord, ring_h), 2u);
  const size_t step = record_at(file, SectionKind::kSteps, 0);
  set(&file, step + offsetof(StepRecord, row_begin), 1u);
  set(&file, step + offsetof(StepRecord, row_end), 3u);
  fix_checksum(&file);
  GuardedEngine guarded(file.size());
  REQUIRE(guarded.open(file) == POSY_OK);
  Seen seen;
  posy_set_observer(&guarded.engine, Seen::look, &seen);
  REQUIRE(guarded.scores().size() == 5);
  CHECK(seen.steps[0].row_begin == 1);
  CHECK(seen.steps[0].row_end == 3);
  CHECK(seen.steps[0].contiguous_rows == 1);
}

TEST_CASE("observer: can cancel after every step; the next run works") {
  const std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size());
  REQUIRE(guarded.open(file) == POSY_OK);
  const std::vector<float> scores = guarded.scores();
  const uint32_t steps = section(file, SectionKind::kSteps).count;
  for (uint32_t stop_at = 1; stop_at <= steps; ++stop_at) {
    Seen seen;
    seen.stop_at = stop_at;
    posy_set_observer(&guarded.engine, Seen::look, &seen);
    posy_input(&guarded.engine)[0] = 1;
    CHECK(posy_run(&guarded.engine) == POSY_CANCELLED);
    CHECK(seen.steps.size() == stop_at);
    CHECK(posy_scores(&guarded.engine) == nullptr);
    posy_set_observer(&guarded.engine, nullptr, nullptr);
    CHECK(guarded.scores() == scores);
  }
}

TEST_CASE("top: best first, equal scores by class, NaN last") {
  using Classes = std::vector<uint32_t>;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  CHECK(top_of({0.1f, 0.7f, 0.2f}, 3) == Classes{1, 2, 0});
  CHECK(top_of({0.1f, 0.7f, 0.2f}, 2) == Classes{1, 2});
  CHECK(top_of({0.1f, 0.7f, 0.2f}, 9) == Classes{1, 2, 0});
  CHECK(top_of({0.1f, 0.7f, 0.2f}, 0) == Classes{});
  CHECK(top_of({5, 5, 6, 5, 6}, 5) == Classes{2, 4, 0, 1, 3});
  CHECK(top_of({5, 5, 5, 5}, 2) == Classes{0, 1});
  CHECK(top_of({0.0f, -0.0f, 0.0f}, 3) == Classes{0, 1, 2});
  CHECK(top_of({NAN, 1, NAN, 2}, 4) == Classes{3, 1, 0, 2});
  CHECK(top_of({NAN, NAN}, 2) == Classes{0, 1});
  CHECK(top_of({NAN, -kInfinity, kInfinity, 0}, 4) == Classes{2, 3, 1, 0});
}

TEST_CASE("top: agrees with sorting, for every count") {
  std::mt19937 random(3);
  std::vector<float> scores(101);
  for (float& score : scores) score = (float)(random() % 40);
  scores[17] = scores[90] = NAN;
  std::vector<uint32_t> sorted(scores.size());
  for (uint32_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
  std::stable_sort(sorted.begin(), sorted.end(), [&](uint32_t a, uint32_t b) {
    return scores[a] > scores[b] || (std::isnan(scores[b]) && !std::isnan(scores[a]));
  });
  for (const uint32_t count : {1u, 2u, 5u, 50u, 100u, 101u, 200u}) {
    CHECK(top_of(scores, count) ==
          std::vector<uint32_t>(sorted.begin(), sorted.begin() + std::min<uint32_t>(count, 101)));
  }
}
