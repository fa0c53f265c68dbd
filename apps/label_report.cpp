#include "apps/label_report.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <span>

#include "apps/csv.h"
#include "apps/json.h"
#include "loaders/evaluation.h"
#include "loaders/graph.h"
#include "loaders/one_line.h"

namespace posy {
namespace {

struct RankedScore {
  uint32_t class_index;
  float score;
  uint32_t rank;  // 1 is the best
};

// In class order. posy_top() is made for few of the classes.
std::vector<RankedScore> all_scores(Session& session) {
  const std::span scores(posy_scores(session.engine()), posy_class_count(session.engine()));
  std::vector<uint32_t> best_first(scores.size());
  std::iota(best_first.begin(), best_first.end(), 0);
  std::sort(best_first.begin(), best_first.end(), [&](uint32_t a, uint32_t b) { return comes_before(scores, a, b); });
  std::vector<RankedScore> all(scores.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[best_first[i]] = {best_first[i], scores[best_first[i]], i + 1};
  return all;
}

std::vector<RankedScore> scores_of(Session& session, uint32_t top) {
  if (top == 0) return all_scores(session);
  std::vector<posy_score> best(std::min(top, posy_class_count(session.engine())));
  posy_top(session.engine(), best.data(), (uint32_t)best.size());
  std::vector<RankedScore> scores;
  for (const posy_score& s : best) scores.push_back({s.class_index, s.score, (uint32_t)scores.size() + 1});
  return scores;
}

bool is_unknown(const LabelReport& report, Session& session) {
  return report.may_reject && posy_novelty(session.engine()) > 1;
}

Json json_layer(const std::string& name, const TensorWatch& layer) {
  Json values = Json::array();
  for (const float x : layer.values()) values.push_back(json_float(x));
  const posy_shape shape = layer.shape();
  return {{"name", name}, {"shape", {shape.h, shape.w, shape.c}}, {"values", std::move(values)}};
}

void print_label_json(const LabelReport& report, Session& session, const std::string& path, const Image& image,
                      LabelTiming timing, const TensorWatch* layer) {
  Json json = {{"image", path}, {"scores", Json::array()}};
  for (const RankedScore& s : scores_of(session, report.top)) {
    json["scores"].push_back({{"label", json_label(posy_label(session.engine(), s.class_index), s.class_index)},
                              {"index", s.class_index},
                              {"score", json_float(s.score)}});
  }
  if (report.may_reject && posy_novelty(session.engine()) > 0) {
    json["novelty"] = json_float(posy_novelty(session.engine()));
    if (is_unknown(report, session)) json["unknown"] = true;
  }
  json["decode_ms"] = json_ms(timing.decode_ms);
  json["run_ms"] = json_ms(timing.run_ms);
  json["decoder"] = image.decoder;
  if (layer) json["layer"] = json_layer(report.layer, *layer);
  print_json(json);
}

void print_label_text(const LabelReport& report, Session& session, const std::string& path, const Image& image,
                      LabelTiming timing) {
  if (report.many) std::printf("%s\n", path.c_str());
  if (is_unknown(report, session)) std::printf("unknown (novelty=%.2f)\n", (double)posy_novelty(session.engine()));
  for (const RankedScore& s : scores_of(session, report.top)) {
    std::printf("%s (score=%.5f)\n", printable_name(session.label(s.class_index)).c_str(), (double)s.score);
  }
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %u x %u, decoded by %s in %.1f ms, run in %.2f ms (%s)\n", path.c_str(), image.width,
               image.height, image.decoder.c_str(), timing.decode_ms, timing.run_ms, posy_engine_isa(session.engine()));
  if (is_unknown(report, session)) {
    std::fprintf(stderr,
                 "%s: probably of none of the classes: it is far from the photos that the model was trained with\n",
                 path.c_str());
  }
}

void print_label_csv(const LabelReport& report, Session& session, const std::string& path) {
  for (const RankedScore& s : scores_of(session, report.top)) {
    char score[32];
    std::snprintf(score, sizeof score, "%.9g", (double)s.score);
    const std::string line =
        csv_line({path, std::to_string(s.rank), session.label(s.class_index), std::to_string(s.class_index), score,
                  is_unknown(report, session) ? "1" : "0", ""});
    std::fputs(line.c_str(), stdout);
  }
}

}  // namespace

void print_label_header(const LabelReport& report) {
  if (report.form != LabelForm::kCsv) return;
  std::fputs(csv_line({"image", "rank", "label", "index", "score", "unknown", "error"}).c_str(), stdout);
  std::fflush(stdout);
}

void print_label(const LabelReport& report, Session& session, const std::string& path, const Image& image,
                 LabelTiming timing, const TensorWatch* layer) {
  if (report.form == LabelForm::kJson) print_label_json(report, session, path, image, timing, layer);
  if (report.form == LabelForm::kText) print_label_text(report, session, path, image, timing);
  if (report.form == LabelForm::kCsv) print_label_csv(report, session, path);
  std::fflush(stdout);
}

void print_label_error(const LabelReport& report, const std::string& path, const std::string& error) {
  std::fprintf(stderr, "posy: %s\n", one_line(error).c_str());
  if (report.form == LabelForm::kJson) print_json({{"image", path}, {"error", error}});
  if (report.form == LabelForm::kCsv) std::fputs(csv_line({path, "", "", "", "", "", error}).c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace posy
