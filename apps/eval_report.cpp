#include "apps/eval_report.h"

#include <algorithm>
#include <cstdio>

#include "apps/csv.h"
#include "apps/json.h"
#include "apps/page.h"
#include "loaders/graph.h"

namespace posy {
namespace {

constexpr size_t kClassesAsMatrix = 20;  // more do not fit beside each other
constexpr size_t kClassesListed = 30;
constexpr size_t kClassesInJson = 4096;  // as a matrix of 16 million numbers
constexpr size_t kConfusionsShown = 5, kConfusionsInsteadOfMatrix = 20;

template <class... Numbers>
std::string formatted(const char* format, Numbers... numbers) {
  char text[256];
  std::snprintf(text, sizeof text, format, numbers...);
  return text;
}

std::string plural(size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string number_or_dash(const std::optional<double>& x) {
  return x ? formatted("%.3f", *x) : "-";
}

// Of UTF-8: bytes that begin a character.
size_t width_of(const std::string& text) {
  return (size_t)std::count_if(text.begin(), text.end(), [](char c) { return ((unsigned char)c & 0xc0) != 0x80; });
}

std::string padded(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, width_of(text)), ' ');
}

std::string right(const std::string& text, size_t width) {
  return std::string(width - std::min(width, width_of(text)), ' ') + text;
}

// At most `most` characters, without control characters.
std::string shown_name(const std::string& name, size_t most) {
  const std::string plain = printable_name(name);
  if (width_of(plain) <= most) return plain;
  size_t end = 0;
  for (size_t characters = 0; end < plain.size(); ++end) {
    characters += ((unsigned char)plain[end] & 0xc0) != 0x80;
    if (characters == most) break;
  }
  return plain.substr(0, end) + "~";
}

size_t label_width(const EvalReport& report) {
  size_t width = 5;
  for (const std::string& label : report.labels) width = std::max(width, width_of(shown_name(label, 24)));
  return width;
}

double coverage_at_95(const EvalReport& report) {
  std::vector<std::pair<float, bool>> answers;
  for (const Verdict& v : verdicts_of(report.photos)) answers.emplace_back(v.score, v.is_right());
  return coverage_at(std::move(answers), 0.95);
}

std::string summary_text(const EvalReport& report) {
  const Evaluation& e = report.evaluation;
  std::string text = plural(e.photos, "photo") + " (" + report.split_text() + ") of " + report.folder + "\n";
  text += "accuracy        " + percent_text(e.accuracy, 2) + " (" + std::to_string(e.right) +
          "; 95 % interval: " + percent_text(e.interval.low) + " to " + percent_text(e.interval.high) + ")\n";
  if (e.classes.size() > 5) text += "among best 5    " + percent_text(e.top5(), 2) + "\n";
  text += "cross entropy   " +
          (e.cross_entropy ? formatted("%.4f", *e.cross_entropy) : "- (the model's scores are no probabilities)") +
          "\n";
  if (e.ece) text += "calibration     scores are " + formatted("%.1f", 100 * *e.ece) + " points off on average (ECE)\n";
  if (e.known < e.photos) {
    text += "unknown         " + plural(e.photos - e.known, "photo") + " rejected; of the other " +
            percent_text((double)e.known / (double)e.photos) + ", " +
            percent_text(e.known ? (double)e.known_right / (double)e.known : 0, 2) + " are right\n";
  }
  text += "coverage        " + percent_text(coverage_at_95(report)) +
          " of the photos, the surest ones, are right in 95 of 100\n";
  if (report.novelty) text += text_of(*report.novelty, "known photos") + "\n";
  if (report.unreadable > 0) text += "unreadable      " + plural(report.unreadable, "photo") + ", not counted\n";
  return text;
}

// Of more classes than can be looked at, those with the least F1.
std::vector<size_t> classes_to_show(const Evaluation& e, std::string* title) {
  std::vector<size_t> shown;
  for (size_t i = 0; i < e.classes.size(); ++i) {
    const bool is_seen = e.classes[i].photos > 0 || e.classes[i].predicted > 0;
    if (is_seen || e.classes.size() <= kClassesListed) shown.push_back(i);
  }
  if (shown.size() <= kClassesListed) return shown;
  *title = "the " + std::to_string(kClassesListed) + " of " + std::to_string(shown.size()) +
           " classes with the least F1 (--html, --json: all)\n";
  std::stable_sort(shown.begin(), shown.end(), [&](size_t a, size_t b) { return e.classes[a].f1 < e.classes[b].f1; });
  shown.resize(kClassesListed);
  return shown;
}

std::string classes_text(const EvalReport& report) {
  const size_t width = label_width(report);
  std::string title;
  const std::vector<size_t> shown = classes_to_show(report.evaluation, &title);
  std::string text = "\n" + title + padded("", width) + "  photos   right  precision  recall     F1\n";
  for (const size_t i : shown) {
    const ClassFigures& figures = report.evaluation.classes[i];
    text += padded(shown_name(report.labels[i], 24), width) + formatted("  %6zu  %6zu", figures.photos, figures.right) +
            right(number_or_dash(figures.precision), 11) + right(number_or_dash(figures.recall), 8) +
            right(number_or_dash(figures.f1), 7) + "\n";
  }
  return text;
}

std::string confusions_text(const EvalReport& report, size_t most) {
  const std::vector<Confusion> found = confusions(report.evaluation);
  if (found.empty()) return "\nno photo was taken for another class\n";
  std::string text = "\nmost frequent confusions\n";
  for (size_t i = 0; i < std::min(found.size(), most); ++i) {
    text += formatted("  %6zu", found[i].photos) + "  " + printable_name(report.labels[found[i].truth]) +
            " taken for " + printable_name(report.labels[found[i].predicted]) + "\n";
  }
  if (found.size() > most) text += "  and " + plural(found.size() - most, "other pair") + "\n";
  return text;
}

std::string matrix_text(const EvalReport& report) {
  const Evaluation& e = report.evaluation;
  if (e.classes.size() > kClassesAsMatrix) return confusions_text(report, kConfusionsInsteadOfMatrix);
  const size_t width = label_width(report);
  // Names as far as a line of 110 characters has room for them.
  size_t cell = 5;
  for (const std::string& label : report.labels)
    cell = std::max(cell, std::min(width_of(printable_name(label)), 110 / e.classes.size() - 2));
  cell = std::max(cell, std::to_string(e.photos).size());
  std::string text = "\nrows: the true class, columns: what it was taken for\n" + padded("", width);
  for (size_t i = 0; i < e.classes.size(); ++i) text += "  " + right(shown_name(report.labels[i], cell), cell);
  for (uint32_t row = 0; row < e.classes.size(); ++row) {
    text += "\n" + padded(shown_name(report.labels[row], 24), width);
    for (uint32_t column = 0; column < e.classes.size(); ++column) {
      const size_t count = e.count(row, column);
      text += "  " + right(count ? std::to_string(count) : ".", cell);
    }
  }
  return text + "\n";
}

Json json_or_null(const std::optional<double>& x) {
  return x ? json_number(*x, 9) : Json(nullptr);
}

Json json_classes(const EvalReport& report) {
  Json classes = Json::array();
  for (size_t i = 0; i < report.labels.size(); ++i) {
    const ClassFigures& figures = report.evaluation.classes[i];
    classes.push_back({{"label", report.labels[i]},
                       {"images", figures.photos},
                       {"predicted", figures.predicted},
                       {"right", figures.right},
                       {"precision", json_or_null(figures.precision)},
                       {"recall", json_or_null(figures.recall)},
                       {"f1", json_or_null(figures.f1)}});
  }
  return classes;
}

Json json_matrix(const Evaluation& e) {
  if (e.classes.size() > kClassesInJson) return nullptr;
  Json matrix = Json::array();
  for (uint32_t row = 0; row < e.classes.size(); ++row) {
    std::vector<size_t> counts(e.classes.size());
    for (uint32_t column = 0; column < counts.size(); ++column) counts[column] = e.count(row, column);
    matrix.push_back(std::move(counts));
  }
  return matrix;
}

}  // namespace

std::vector<Verdict> verdicts_of(const std::vector<EvaluatedPhoto>& photos) {
  std::vector<Verdict> verdicts;
  for (const EvaluatedPhoto& photo : photos) {
    if (photo.error.empty()) verdicts.push_back(photo.verdict);
  }
  return verdicts;
}

std::string text_of(const EvalReport& report, bool has_matrix) {
  return summary_text(report) + classes_text(report) +
         (has_matrix ? matrix_text(report) : confusions_text(report, kConfusionsShown));
}

void print_json_of(const EvalReport& report) {
  const Evaluation& e = report.evaluation;
  Json json = {{"images", e.photos},
               {"accuracy", json_or_null(e.accuracy)},
               {"accuracy_low", json_or_null(e.interval.low)},
               {"accuracy_high", json_or_null(e.interval.high)},
               {"cross_entropy", json_or_null(e.cross_entropy)},
               {"top5", json_or_null(e.top5())},
               {"confusion", json_matrix(e)},
               {"labels", report.labels},
               {"seconds", json_or_null(report.seconds)},
               {"unreadable", report.unreadable},
               {"split", report.split_text()},
               {"right", e.right},
               {"ece", json_or_null(e.ece)},
               {"per_class", json_classes(report)},
               {"unknown", e.photos - e.known},
               {"coverage", json_or_null(e.photos ? (double)e.known / (double)e.photos : 0)},
               {"accuracy_of_known", e.known ? json_or_null((double)e.known_right / (double)e.known) : Json(nullptr)},
               {"coverage_at_95", json_or_null(coverage_at_95(report))},
               {"threads", report.threads},
               {"isa", report.isa},
               {"decode_ms", json_ms(report.decode_ms)},
               {"run_ms", json_ms(report.run_ms)},
               {"busy", json_or_null(report.busy())}};
  if (report.novelty) add_figures(*report.novelty, &json);
  print_json(json);
}

std::string csv_of(const EvalReport& report) {
  std::string csv =
      csv_line({"path", "label", "predicted", "score", "label_score", "correct", "error", "split", "unknown"});
  for (const EvaluatedPhoto& photo : report.photos) {
    const Verdict& v = photo.verdict;
    const std::string label = report.labels[photo.truth], split = split_name(photo.split);
    if (!photo.error.empty()) {
      csv += csv_line({photo.path, label, "", "", "", "", photo.error, split, ""});
    } else {
      csv += csv_line({photo.path, label, report.labels[v.predicted], formatted("%.9g", (double)v.score),
                       formatted("%.9g", (double)v.truth_score), v.is_right() ? "1" : "0", "", split,
                       v.is_unknown ? "1" : "0"});
    }
  }
  return csv;
}

}  // namespace posy
