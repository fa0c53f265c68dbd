#include "apps/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "loaders/graph.h"
#include "loaders/head.h"

namespace posy {
namespace {

using Kind = DiagnosisRow::Kind;

constexpr uint32_t kShownScores = 3;
constexpr double kMostStretch = 1.5;      // beyond it, a stretched photo looks wrong to people, too
constexpr float kSureScore = 0.5f;        // below it, or with the second so near,
constexpr float kSureMargin = 0.2f;       // details of the pixels decide
constexpr uint32_t kMostOwnLabels = 200;  // more classes are not of somebody's own folders

std::string number_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

std::string size_text(uint32_t w, uint32_t h) {
  return std::to_string(w) + " x " + std::to_string(h);
}

// ---- Ways to prepare the photo ----

bool is_stretched(const Image& image, const Model& model) {
  const TensorRecord& in = model.input();
  return (uint64_t)image.width * in.h != (uint64_t)image.height * in.w;
}

std::string resampling_text(Resampling resampling) {
  switch (resampling) {
    case Resampling::kLegacyBilinear:
      return "";
    case Resampling::kBilinear:
      return "bilinear with half-pixel centres";
    case Resampling::kNearest:
      return "nearest pixel";
    case Resampling::kLanczos:
      return "Lanczos";
  }
  return "";
}

// Of the channels the first: files with another mean for each have no part in these programs.
std::string differences(const PreprocessVariant& variant, const Image& image, const Model& model) {
  std::vector<std::string> all;
  if (variant.is_upright && image.orientation > 1) all.push_back("turned upright");
  if (variant.crop == Crop::kFill && is_stretched(image, model)) all.push_back("cut to the input's shape");
  if (variant.crop == Crop::kMostOfSide) all.push_back("the middle 7/8 of each side");
  if (variant.resampling != Resampling::kLegacyBilinear) all.push_back(resampling_text(variant.resampling));
  const MeanStd own = scaling_of({}, model, 0), its = scaling_of(variant, model, 0);
  if (its.mean != own.mean || its.std != own.std) all.push_back(scaling_text(its.mean, its.std));
  if (variant.is_bgr && model.input().c == 3) all.push_back("blue and red exchanged");
  std::string text;
  for (const std::string& each : all) text += (text.empty() ? "" : ", ") + each;
  return text;
}

std::vector<posy_score> best_scores(Session* session) {
  std::vector<posy_score> best(std::min(kShownScores, posy_class_count(session->engine())));
  posy_top(session->engine(), best.data(), (uint32_t)best.size());
  return best;
}

std::vector<DiagnosisRow> rows_of(Session* session, const Image& image, const std::string& name) {
  std::vector<DiagnosisRow> rows;
  const auto add = [&](const PreprocessVariant& variant, Kind kind) {
    rows.push_back({variant, kind, differences(variant, image, session->model()), {}});
  };
  for (const PreprocessVariant& variant : preprocess_variants()) add(variant, Kind::kProgram);
  PreprocessVariant turned = {.name = "upright", .summary = "turned as the file's EXIF orientation says"};
  turned.is_upright = true;
  if (image.orientation > 1) add(turned, Kind::kOrientation);
  for (const PreprocessVariant& variant : preprocess_mistakes()) add(variant, Kind::kMistake);
  session->set_image(image, name);
  session->run();
  rows[0].best = best_scores(session);
  for (DiagnosisRow& row : rows) {
    if (row.differs.empty()) {
      row.best = rows[0].best;
      continue;
    }
    session->set_image(image, name, row.variant);
    session->run();
    row.best = best_scores(session);
    row.changes_answer = row.best[0].class_index != rows[0].best[0].class_index;
  }
  return rows;
}

// ---- What else is odd ----

class Warnings {
 public:
  std::vector<DiagnosisWarning> list;

  void about_file(const Image& image) {
    const StoredPixels& stored = image.stored;
    if (image.orientation > 1) {
      add("orientation", "the file says that it is to be turned (EXIF orientation " +
                             std::to_string(image.orientation) +
                             "): viewers and phones do, TensorFlow and posy label do not");
    }
    if (stored.is_cmyk) {
      add("cmyk",
          "the file has CMYK inks: programs turn them into red, green and blue by formulas of their own; save "
          "it as RGB");
    }
    if (stored.channels == 1) add("gray", "the picture is gray: a model that was trained on colours misses them");
    if (stored.has_alpha) {
      add("alpha",
          "parts of the picture are transparent: the model sees the colours that lie hidden there, not a "
          "white or black ground");
    }
    if (stored.bits > 8) {
      add("bits", "the file has " + std::to_string(stored.bits) + " bits a colour, of which 8 are kept");
    }
    if (std::string(stored.format) == "JPEG" && image.decoder != "libjpeg-turbo") {
      add("decoder", "this build decodes JPEGs with " + image.decoder +
                         ", whose pixels are not TensorFlow's: scores differ in the second digit; build with "
                         "libjpeg-turbo");
    }
  }

  void about_shape(const Image& image, const Model& model) {
    const uint32_t w = model.input().w, h = model.input().h;
    if (image.width < w || image.height < h) {
      add("small", "the picture has " + size_text(image.width, image.height) + " pixels, the model's input " +
                       size_text(w, h) + ": it is enlarged, and details that the model looks for are not there");
    }
    const double stretch = (double)image.width * h / ((double)image.height * w);
    const double factor = std::max(stretch, 1 / stretch);
    if (factor > kMostStretch) {
      add("shape", "the picture is " + number_text(factor) + " times as " + (stretch > 1 ? "wide" : "high") +
                       " as the model's input: stretched, it is deformed; programs that cut the middle out see " +
                       number_text(std::round(100 / factor)) + "% of it");
    }
  }

  void about_model(Session* session) {
    const std::string& reason = session->loaded().report.preprocessing.reason;
    if (reason.rfind("a guess", 0) == 0) {
      add("guess", "how this graph wants its pixels is " + reason +
                       "; if that is wrong, so are all labels: --mean "
                       "and --std say it");
    }
    const Model& model = session->model();
    if (model.label_count == 0) {
      add("labels", "the model has no labels, only numbers of classes: convert it with --labels FILE");
      return;
    }
    const std::vector<std::string> labels = labels_of(model);
    for (const std::string& label : repeated(labels))
      add("labels", "several classes have the label '" + printable_name(label) + "'");
    if (labels.size() <= kMostOwnLabels && !std::is_sorted(labels.begin(), labels.end())) {
      add("order",
          "the labels are not in alphabetical order, in which retrain.py writes them: right if they came "
          "with the graph, wrong if the list was made again by hand");
    }
  }

  void about_scores(const std::vector<posy_score>& best, Session* session) {
    const float second = best.size() > 1 ? best[1].score : 0;
    if (best.size() < 2 || (best[0].score >= kSureScore && best[0].score - second >= kSureMargin)) return;
    add("unsure", "the model is not sure: " + session->label(best[0].class_index) + " " + number_text(best[0].score) +
                      ", " + session->label(best[1].class_index) + " " + number_text(second) +
                      "; small differences of pixels decide");
  }

 private:
  static std::set<std::string> repeated(const std::vector<std::string>& labels) {
    std::set<std::string> seen, twice;
    for (const std::string& label : labels) {
      if (!seen.insert(label).second) twice.insert(label);
    }
    return twice;
  }

  void add(const char* what, const std::string& text) { list.push_back({what, text}); }
};

// ---- The verdict ----

// "roses in android and slim, tulips in keras"
std::string answers_text(const std::vector<DiagnosisRow>& rows, Kind kind, const char* joint, Session* session) {
  std::map<uint32_t, std::vector<std::string>> names;
  for (const DiagnosisRow& row : rows) {
    if (row.kind == kind && row.changes_answer) names[row.best[0].class_index].push_back(row.variant.name);
  }
  std::string text;
  for (const auto& [answer, of] : names) {
    text += (text.empty() ? "" : ", ") + printable_name(session->label(answer)) + joint;
    for (size_t i = 0; i < of.size(); ++i) text += (i == 0 ? "" : i + 1 == of.size() ? " and " : ", ") + of[i];
  }
  return text;
}

// Where the picture, turned as people see it, has another answer.
std::string turned_sentence(const std::vector<DiagnosisRow>& rows, const std::string& answer, Session* session) {
  for (const DiagnosisRow& row : rows) {
    if (row.kind != Kind::kOrientation || !row.changes_answer) continue;
    return "The photo is stored turned: as it is stored the answer is " + answer + ", as people see it " +
           printable_name(session->label(row.best[0].class_index)) + "; turn photos before they are labelled. ";
  }
  return "";
}

std::string verdict_of(const std::vector<DiagnosisRow>& rows, Session* session) {
  const std::string answer = printable_name(session->label(rows[0].best[0].class_index));
  const std::string turned = turned_sentence(rows, answer, session);
  const std::string programs = answers_text(rows, Kind::kProgram, " in ", session);
  const std::string mistakes = answers_text(rows, Kind::kMistake, " with ", session);
  if (!programs.empty()) {
    return turned + "The answer depends on the program: " + answer + " as the model was trained, but " + programs +
           ". Let the program prepare photos as `model` does, or train with photos that are prepared alike.";
  }
  if (!mistakes.empty()) {
    return turned + "Programs that prepare photos as they should agree on " + answer + "; it becomes " + mistakes +
           ". If your program says that, this is what it does wrong.";
  }
  return turned + "The answer is " + answer + " in all " + (turned.empty() ? "" : "other ") + "ways to prepare the " +
         "photo. If a program says something else, it has another model, other labels (or the same in another "
         "order), or sees another picture.";
}

}  // namespace

std::string scaling_text(float mean, float std) {
  char text[64] = "x, not normalised";
  if (mean != 0) {
    std::snprintf(text, sizeof text, "(x - %g) / %g", (double)mean, (double)std);
  } else if (std != 1) {
    std::snprintf(text, sizeof text, "x / %g", (double)std);
  }
  return text;
}

Diagnosis diagnose(Session* session, const Image& image, const std::string& name) {
  Diagnosis diagnosis;
  diagnosis.rows = rows_of(session, image, name);
  Warnings warnings;
  warnings.about_file(image);
  warnings.about_shape(image, session->model());
  warnings.about_model(session);
  warnings.about_scores(diagnosis.rows[0].best, session);
  diagnosis.warnings = std::move(warnings.list);
  diagnosis.verdict = verdict_of(diagnosis.rows, session);
  return diagnosis;
}

}  // namespace posy
