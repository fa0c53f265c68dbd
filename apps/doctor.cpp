// posy doctor: why are my labels wrong on the phone?
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "apps/commands.h"
#include "apps/diagnosis.h"
#include "apps/folder_diagnosis.h"
#include "apps/json.h"
#include "loaders/graph.h"
#include "loaders/one_line.h"

namespace posy {
namespace {

const char* kind_name(DiagnosisRow::Kind kind) {
  switch (kind) {
    case DiagnosisRow::Kind::kProgram:
      return "program";
    case DiagnosisRow::Kind::kOrientation:
      return "orientation";
    case DiagnosisRow::Kind::kMistake:
      return "mistake";
  }
  return "";
}

Json json_scores(Session& session, const std::vector<posy_score>& best) {
  Json scores = Json::array();
  for (const posy_score& s : best) {
    scores.push_back({{"label", json_label(posy_label(session.engine(), s.class_index), s.class_index)},
                      {"index", s.class_index},
                      {"score", json_float(s.score)}});
  }
  return scores;
}

Json json_of(const Diagnosis& diagnosis, Session& session, const std::string& path, const Image& image) {
  Json variants = Json::array(), warnings = Json::array();
  for (const DiagnosisRow& row : diagnosis.rows) {
    variants.push_back({{"name", row.variant.name},
                        {"kind", kind_name(row.kind)},
                        {"what", row.variant.summary},
                        {"differs", row.differs},
                        {"scores", json_scores(session, row.best)},
                        {"changes_answer", row.changes_answer}});
  }
  for (const DiagnosisWarning& warning : diagnosis.warnings)
    warnings.push_back({{"what", warning.what}, {"text", warning.text}});
  return {{"image", path},
          {"w", image.width},
          {"h", image.height},
          {"format", image.stored.format},
          {"orientation", image.orientation},
          {"decoder", image.decoder},
          {"variants", std::move(variants)},
          {"warnings", std::move(warnings)},
          {"verdict", diagnosis.verdict}};
}

std::string scores_text(Session& session, const std::vector<posy_score>& best) {
  std::string text;
  for (const posy_score& s : best) {
    char score[32];
    std::snprintf(score, sizeof score, " %.5f", (double)s.score);
    text += (text.empty() ? "" : ", ") + printable_name(session.label(s.class_index)) + score;
  }
  return text;
}

void print_rows(const Diagnosis& diagnosis, Session& session, DiagnosisRow::Kind kind, const char* title) {
  const auto is_of_kind = [&](const DiagnosisRow& row) { return row.kind == kind; };
  if (std::none_of(diagnosis.rows.begin(), diagnosis.rows.end(), is_of_kind)) return;
  std::printf("\n%s\n", title);
  size_t width = 0;
  for (const DiagnosisRow& row : diagnosis.rows) width = std::max(width, scores_text(session, row.best).size());
  width = std::min<size_t>(width, 72);
  for (const DiagnosisRow& row : diagnosis.rows) {
    if (row.kind != kind) continue;
    const bool is_own = &row == &diagnosis.rows.front();
    const std::string differs = is_own ? "as trained" : row.differs.empty() ? "the same input" : row.differs;
    std::printf("%c %-17s %-*s  %s\n", row.changes_answer ? '!' : ' ', row.variant.name, (int)width,
                scores_text(session, row.best).c_str(), differs.c_str());
  }
}

void print_text(const Diagnosis& diagnosis, Session& session, const std::string& path, const Image& image) {
  const Model& model = session.model();
  std::printf("%s: %u x %u, %s, decoded by %s\n", path.c_str(), image.width, image.height, image.stored.format,
              image.decoder.c_str());
  std::printf("the model: %u x %u x %u, stretched to it, %s\n", model.input().h, model.input().w, model.input().c,
              scaling_text(model.record->mean[0], model.record->std[0]).c_str());
  print_rows(diagnosis, session, DiagnosisRow::Kind::kProgram, "as programs prepare photos (! is another answer)");
  print_rows(diagnosis, session, DiagnosisRow::Kind::kOrientation, "turned as the file says");
  print_rows(diagnosis, session, DiagnosisRow::Kind::kMistake, "with mistakes that are often made");
  if (!diagnosis.warnings.empty()) std::printf("\n");
  for (const DiagnosisWarning& warning : diagnosis.warnings) std::printf("note: %s\n", warning.text.c_str());
  std::printf("\n%s\n", diagnosis.verdict.c_str());
}

Json json_of(const FolderDiagnosis& found, const std::string& folder) {
  Json ways = Json::array(), oddities = Json::array();
  for (const FolderDiagnosis::Way& way : found.ways) {
    ways.push_back({{"name", way.variant.name},
                    {"kind", kind_name(way.kind)},
                    {"what", way.variant.summary},
                    {"images", way.photos},
                    {"changed", way.changed},
                    {"first", way.first}});
  }
  for (const FolderDiagnosis::Oddity& oddity : found.oddities) {
    oddities.push_back(
        {{"what", oddity.what}, {"images", oddity.photos}, {"first", oddity.first}, {"text", oddity.text}});
  }
  return {{"folder", folder},
          {"images", found.photos},
          {"unreadable", found.unreadable.size()},
          {"variants", std::move(ways)},
          {"warnings", std::move(oddities)},
          {"verdict", found.verdict}};
}

void print_text(const FolderDiagnosis& found, const std::string& folder) {
  std::printf("%s: %zu photos%s\n\nphotos with another answer than as the model was trained\n", folder.c_str(),
              found.photos, found.unreadable.empty() ? "" : ", besides those that cannot be read");
  for (const FolderDiagnosis::Way& way : found.ways) {
    const double percent = 100.0 * (double)way.changed / (double)way.photos;
    std::printf("  %-17s %5zu of %zu  %5.1f%%  %s%s\n", way.variant.name, way.changed, way.photos, percent,
                way.variant.summary, way.first.empty() ? "" : ("; first " + way.first).c_str());
  }
  if (!found.oddities.empty()) std::printf("\n");
  for (const FolderDiagnosis::Oddity& oddity : found.oddities) {
    std::printf("note: %zu of %zu photos, first %s: %s\n", oddity.photos, found.photos, oddity.first.c_str(),
                oddity.text.c_str());
  }
  std::printf("\n%s\n", found.verdict.c_str());
}

int run_folder(Session& session, const std::string& folder, const ImageLimits& limits, bool as_json) {
  const FolderDiagnosis found = diagnose_folder(&session, folder, limits);
  for (const std::string& error : found.unreadable) std::fprintf(stderr, "posy: %s\n", one_line(error).c_str());
  if (as_json) {
    print_json(json_of(found, folder));
  } else {
    print_text(found, folder);
  }
  return found.unreadable.empty() ? 0 : 1;
}

int run(const Args& args) {
  if (args.words().size() != 2) throw UsageError("doctor takes a model and an image, or a folder of images");
  const std::string path = args.words()[1];
  const ImageLimits limits = image_limits(args);
  Session session(args.words()[0], session_options(args));
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return run_folder(session, path, limits, args.has("json"));
  const Image image = read_image(path, limits);
  const Diagnosis diagnosis = diagnose(&session, image, path);
  if (args.has("json")) {
    print_json(json_of(diagnosis, session, path, image));
  } else {
    print_text(diagnosis, session, path, image);
  }
  return 0;
}

}  // namespace

const Command& doctor_command() {
  static const Command command = {
      "doctor",
      "posy doctor MODEL IMAGE|FOLDER [flags]",
      "why a label may be wrong: scores as each program prepares the photo, and what is odd",
      with_convert_flags({
          {"json", nullptr, "as JSON"},
          {"threads", "N", "threads of one inference (POSY_THREADS, else 1)"},
          {"max-megapixels", "N", "largest picture to decode, in millions of pixels (100)"},
      }),
      run,
      R"(  posy doctor flowers.posy daisy.jpg

If the label on the phone is another one than that of posy label, its program probably prepares the picture in one of
the ways in this table.
)",
  };
  return command;
}

}  // namespace posy
