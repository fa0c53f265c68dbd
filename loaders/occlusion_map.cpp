#include "loaders/occlusion_map.h"

#include <algorithm>
#include <cmath>

#include "loaders/error.h"
#include "loaders/preprocessing.h"

namespace posy {
namespace {

constexpr double kPatchSide = 0.2;  // of the input's: about what a flower's head or a face is
constexpr float kGray = 127.5f;

// The engine's input as floats.
std::vector<float> input_of(posy_engine* engine) {
  const posy_shape shape = posy_input_shape(engine);
  const size_t count = (size_t)shape.h * shape.w * shape.c;
  posy_codes codes;
  const uint8_t* const bytes = posy_input_codes(engine, &codes);
  if (!bytes) {
    const float* const floats = posy_input(engine);
    return {floats, floats + count};
  }
  std::vector<float> input;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t code = bytes[i / shape.c * codes.pixel_stride + i % shape.c];
    input.push_back((float)(code - codes.zero_point) * codes.scale);
  }
  return input;
}

std::vector<float> scores_of(posy_engine* engine, const std::vector<float>& input) {
  put_input(engine, input);
  if (const posy_status status = posy_run(engine)) throw InputError(posy_status_text(status));
  const float* scores = posy_scores(engine);
  return {scores, scores + posy_class_count(engine)};
}

struct Patch {
  uint32_t top, left, bottom, right;
};

// Of `cells` along an axis, number `i`: a patch around its middle, cut at the borders.
struct Span {
  uint32_t begin, end;
};
Span span_of(uint32_t i, uint32_t cells, uint32_t size, uint32_t patch) {
  const double begin = (i + 0.5) * size / cells - patch / 2.0;
  const auto inside = [size](double x) { return (uint32_t)std::clamp(std::round(x), 0.0, (double)size); };
  return {inside(begin), inside(begin + patch)};
}

void cover(const Patch& patch, const Model& model, std::vector<float>* input) {
  const TensorRecord& in = model.input();
  for (size_t y = patch.top; y < patch.bottom; ++y) {
    for (size_t x = patch.left; x < patch.right; ++x) {
      for (size_t c = 0; c < in.c; ++c) {
        const size_t of = std::min<size_t>(c, 3);  // the record has four channels
        (*input)[(y * in.w + x) * in.c + c] = (kGray - model.record->mean[of]) / model.record->std[of];
      }
    }
  }
}

// Log odds do not end at 0 and 1: where a model is sure, its score hardly moves. The others' sum is more exact than 1
// less the score.
float value_of(const std::vector<float>& scores, uint32_t class_index, bool is_of_odds) {
  if (!is_of_odds) return scores[class_index];
  constexpr double kTiny = 1e-30;
  double others = 0;
  for (size_t i = 0; i < scores.size(); ++i) others += i == class_index ? 0.0 : (double)scores[i];
  return (float)(std::log(std::max((double)scores[class_index], kTiny)) - std::log(std::max(others, kTiny)));
}

bool add_up_to_one(const std::vector<float>& scores) {
  double sum = 0;
  for (const float score : scores) sum += score;
  const bool none_below = std::all_of(scores.begin(), scores.end(), [](float x) { return x >= 0; });
  return scores.size() > 1 && none_below && std::abs(sum - 1) < 1e-3;
}

}  // namespace

OcclusionMap occlusion_map(posy_engine* engine, const Model& model, uint32_t class_index, uint32_t most_runs,
                           const std::function<void(uint32_t, uint32_t)>& done) {
  const TensorRecord& in = model.input();
  const uint32_t side = std::max(1u, (uint32_t)std::sqrt((double)most_runs));
  OcclusionMap result = {};
  result.map.h = std::min(side, in.h);
  result.map.w = std::min(side, in.w);
  result.patch_h = std::max(1u, (uint32_t)std::lround(kPatchSide * in.h));
  result.patch_w = std::max(1u, (uint32_t)std::lround(kPatchSide * in.w));
  const std::vector<float> input = input_of(engine);
  const std::vector<float> scores = scores_of(engine, input);
  result.is_of_odds = add_up_to_one(scores);
  result.score = result.least_score = scores[class_index];
  const float uncovered = value_of(scores, class_index, result.is_of_odds);
  for (uint32_t i = 0; i < result.map.h * result.map.w; ++i) {
    const Span rows = span_of(i / result.map.w, result.map.h, in.h, result.patch_h);
    const Span columns = span_of(i % result.map.w, result.map.w, in.w, result.patch_w);
    std::vector<float> covered = input;
    cover({rows.begin, columns.begin, rows.end, columns.end}, model, &covered);
    const std::vector<float> left = scores_of(engine, covered);
    result.map.values.push_back(uncovered - value_of(left, class_index, result.is_of_odds));
    result.least_score = std::min(result.least_score, left[class_index]);
    if (done) done(i + 1, result.map.h * result.map.w);
  }
  return result;
}

}  // namespace posy
