// The page of posy eval --html.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "apps/eval_page_parts.h"
#include "apps/eval_report.h"
#include "apps/page.h"
#include "apps/thumbnail.h"

namespace posy {
namespace {

constexpr size_t kClassesAsMatrix = 40, kClassesWithRoom = 8;
constexpr size_t kConfusionsListed = 40, kUnreadableListed = 200;
constexpr size_t kUnsureShown = 12;
constexpr uint32_t kThumbnailSide = 144;
constexpr size_t kMostThumbnailBytes = 4 << 20;

std::string text_of_number(double x, int decimals) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", decimals, x);
  return text;
}

std::string photos_text(size_t count) {
  return std::to_string(count) + (count == 1 ? " photo" : " photos");
}

std::string fact(const std::string& name, const std::string& value, const std::string& more = "") {
  return "<div><dt>" + name + "</dt><dd>" + value + (more.empty() ? "" : "<small>" + more + "</small>") +
         "</dd></div>\n";
}

std::string facts_html(const EvalReport& report) {
  const Evaluation& e = report.evaluation;
  std::string html = "<dl id=\"facts\">\n";
  html += fact("accuracy", percent_text(e.accuracy, 2),
               "95 % interval: " + percent_text(e.interval.low) + " to " + percent_text(e.interval.high));
  html += fact("right", std::to_string(e.right), "of " + photos_text(e.photos));
  if (e.classes.size() > 5) html += fact("among the best 5", percent_text(e.top5(), 2));
  if (e.cross_entropy) html += fact("cross entropy", text_of_number(*e.cross_entropy, 4), "natural logarithm");
  if (e.ece)
    html += fact("calibration error", text_of_number(100 * *e.ece, 1) + " points", "expected calibration error (ECE)");
  if (e.known < e.photos) {
    html += fact("rejected as unknown", std::to_string(e.photos - e.known),
                 percent_text((double)e.known / (double)e.photos) + " are not, and of these " +
                     percent_text(e.known ? (double)e.known_right / (double)e.known : 0, 2) + " right");
  }
  if (report.unreadable > 0) html += fact("unreadable", std::to_string(report.unreadable), "not counted");
  html +=
      fact("time", text_of_number(report.seconds, 1) + " s",
           std::to_string(report.threads) + (report.threads == 1 ? " thread, " : " threads, ") + html_text(report.isa));
  return html + "</dl>\n";
}

// ---- Classes taken for each other ----

std::string confusion_sentence(const EvalReport& report, uint32_t truth, uint32_t predicted) {
  const Evaluation& e = report.evaluation;
  const size_t count = e.count(truth, predicted), of = e.classes[truth].photos;
  const std::string share = of ? " (" + percent_text((double)count / (double)of) + ")" : "";
  const std::string how = truth == predicted ? " recognised" : " taken for " + report.labels[predicted];
  return std::to_string(count) + " of " + photos_text(of) + " of " + report.labels[truth] + how + share;
}

// The greatest part of a class that was taken for one other.
double worst_confusion(const EvalReport& report) {
  double worst = 0;
  for (const Confusion& pair : confusions(report.evaluation)) {
    worst = std::max(worst, (double)pair.photos / (double)report.evaluation.classes[pair.truth].photos);
  }
  return worst;
}

std::string cell_html(const EvalReport& report, uint32_t row, uint32_t column, double worst) {
  const Evaluation& e = report.evaluation;
  const size_t count = e.count(row, column), of = e.classes[row].photos;
  const double share = of ? (double)count / (double)of : 0;
  // Errors are to be seen while they are few.
  const double depth = row == column ? share : std::sqrt(share / std::max(0.1, worst));
  const std::string sentence = html_text(confusion_sentence(report, row, column));
  const char* style = count == 0 ? "z" : row == column ? "r" : "w";
  return "<td><button type=\"button\" class=\"" + std::string(style) + "\" style=\"--p:" + text_of_number(depth, 3) +
         "\" data-row=\"" + std::to_string(row) + "\" data-column=\"" + std::to_string(column) + "\" data-truth=\"" +
         std::to_string(row) + "\" data-predicted=\"" + std::to_string(column) + "\" aria-label=\"" + sentence +
         "\" title=\"" + sentence + "\">" + (count ? std::to_string(count) : "&middot;") + "</button></td>";
}

std::string matrix_html(const EvalReport& report) {
  const uint32_t classes = (uint32_t)report.labels.size();
  const double worst = worst_confusion(report);
  std::string html =
      "<h2>Confusion matrix</h2>\n<p>A row for each true class, a column for what its photos were taken "
      "for. An orange cell shows its photos below.</p>\n<div id=\"matrix\" class=\"scroll" +
      std::string(classes <= kClassesWithRoom ? " few" : "") +
      "\" role=\"region\" aria-label=\"Confusion matrix\">\n<table><thead><tr><th></th>";
  for (const std::string& label : report.labels) html += "<th scope=\"col\"><span>" + html_text(label) + "</span></th>";
  html += "</tr></thead><tbody>\n";
  for (uint32_t row = 0; row < classes; ++row) {
    html += "<tr><th scope=\"row\">" + html_text(report.labels[row]) + "</th>";
    for (uint32_t column = 0; column < classes; ++column) html += cell_html(report, row, column, worst);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n<p id=\"cell-text\" aria-live=\"polite\"></p>\n";
}

std::string confusions_html(const EvalReport& report) {
  const std::vector<Confusion> found = confusions(report.evaluation);
  std::string html = "<h2>Most frequent confusions</h2>\n";
  if (found.empty()) return html + "<p>No photo was taken for another class.</p>\n";
  html +=
      "<div id=\"confusions\" class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Confusions\"><table "
      "class=\"table\"><thead><tr><th scope=\"col\" class=\"number\">photos</th><th scope=\"col\">of</th><th "
      "scope=\"col\">taken for</th></tr></thead><tbody>\n";
  for (size_t i = 0; i < std::min(found.size(), kConfusionsListed); ++i) {
    const Confusion& pair = found[i];
    html += "<tr><td class=\"number\">" + std::to_string(pair.photos) + "</td><th scope=\"row\">" +
            html_text(report.labels[pair.truth]) + "</th><td><button type=\"button\" data-truth=\"" +
            std::to_string(pair.truth) + "\" data-predicted=\"" + std::to_string(pair.predicted) + "\">" +
            html_text(report.labels[pair.predicted]) + "</button></td></tr>\n";
  }
  html += "</tbody></table></div>\n";
  if (found.size() > kConfusionsListed)
    html += "<p>" + std::to_string(found.size() - kConfusionsListed) + " rarer pairs are left out.</p>\n";
  return html;
}

std::string number_cell(const std::optional<double>& x) {
  const std::string value = x ? text_of_number(*x, 6) : "-1";
  return "<td class=\"number\" data-value=\"" + value + "\">" + (x ? text_of_number(*x, 3) : "&ndash;") + "</td>";
}

std::string count_cell(size_t count) {
  return "<td class=\"number\" data-value=\"" + std::to_string(count) + "\">" + std::to_string(count) + "</td>";
}

std::string classes_html(const EvalReport& report) {
  std::string html =
      "<h2>Classes</h2>\n<p>Precision: of the photos that were taken for the class, the part that is of it. Recall: of "
      "the photos of the class, the part that was recognised. F1: their harmonic mean.</p>\n<div class=\"scroll\" "
      "tabindex=\"0\" role=\"region\" aria-label=\"Figures of each class\"><table id=\"classes\" class=\"table "
      "sorts\"><thead><tr><th scope=\"col\">class</th><th scope=\"col\" class=\"number\">photos</th><th scope=\"col\" "
      "class=\"number\">right</th><th scope=\"col\" class=\"number\">precision</th><th scope=\"col\" class=\"number\">"
      "recall</th><th scope=\"col\" class=\"number\">F1</th><th class=\"share\"></th></tr></thead><tbody>\n";
  size_t left_out = 0;
  for (size_t i = 0; i < report.labels.size(); ++i) {
    const ClassFigures& figures = report.evaluation.classes[i];
    if (figures.photos == 0 && figures.predicted == 0 && report.labels.size() > kClassesAsMatrix) {
      ++left_out;
      continue;
    }
    html += "<tr><th scope=\"row\">" + html_text(report.labels[i]) + "</th>" + count_cell(figures.photos) +
            count_cell(figures.right) + number_cell(figures.precision) + number_cell(figures.recall) +
            number_cell(figures.f1) +
            "<td class=\"share\"><span style=\"width:" + text_of_number(100 * figures.f1.value_or(0), 1) +
            "%\"></span></td></tr>\n";
  }
  html += "</tbody></table></div>\n";
  if (left_out > 0) html += "<p>" + std::to_string(left_out) + " classes without photos are left out.</p>\n";
  return html;
}

// ---- Calibration ----

constexpr double kPlotLeft = 44, kPlotTop = 30, kPlotSide = 300, kCountsTop = 352, kCountsHeight = 60;

std::string x_of(double score) {
  return text_of_number(kPlotLeft + kPlotSide * score, 1);
}

std::string y_of(double part) {
  return text_of_number(kPlotTop + kPlotSide * (1 - part), 1);
}

std::string bin_svg(const CalibrationBin& bin, size_t most) {
  if (bin.photos == 0) return "";
  const double part = (double)bin.right / (double)bin.photos, width = kPlotSide * (bin.high - bin.low) - 2;
  const Interval interval = wilson_interval(bin.right, bin.photos);
  const double height = kCountsHeight * (double)bin.photos / (double)most;
  const std::string sentence = "scores from " + text_of_number(bin.low, 1) + " to " + text_of_number(bin.high, 1) +
                               ": " + photos_text(bin.photos) + ", " + percent_text(part) + " right, mean score " +
                               text_of_number(bin.mean_score, 3);
  const std::string x = text_of_number(kPlotLeft + kPlotSide * bin.low + 1, 1), middle = x_of(bin.mean_score);
  return "<g><title>" + sentence + "</title><rect class=\"bin\" x=\"" + x + "\" y=\"" + y_of(part) + "\" width=\"" +
         text_of_number(width, 1) + "\" height=\"" + text_of_number(kPlotSide * part, 1) +
         "\"/><line class=\"whisker\" x1=\"" + middle + "\" x2=\"" + middle + "\" y1=\"" + y_of(interval.low) +
         "\" y2=\"" + y_of(interval.high) + "\"/><circle class=\"at\" cx=\"" + middle + "\" cy=\"" + y_of(part) +
         "\" r=\"3.5\"/><rect class=\"count\" x=\"" + x + "\" y=\"" +
         text_of_number(kCountsTop + kCountsHeight - height, 1) + "\" width=\"" + text_of_number(width, 1) +
         "\" height=\"" + text_of_number(height, 1) + "\"/></g>\n";
}

std::string axes_svg(size_t most) {
  std::string svg;
  for (int i = 0; i <= 5; ++i) {
    const double at = i / 5.0;
    svg += "<line class=\"axis\" x1=\"" + x_of(0) + "\" x2=\"" + x_of(1) + "\" y1=\"" + y_of(at) + "\" y2=\"" +
           y_of(at) + "\"/><text x=\"" + text_of_number(kPlotLeft - 6, 1) + "\" y=\"" + y_of(at - 0.012) +
           "\" text-anchor=\"end\">" + text_of_number(at, 1) + "</text><text x=\"" + x_of(at) + "\" y=\"" +
           text_of_number(kCountsTop + kCountsHeight + 16, 1) + "\" text-anchor=\"middle\">" + text_of_number(at, 1) +
           "</text>";
  }
  svg += "<line class=\"ideal\" x1=\"" + x_of(0) + "\" y1=\"" + y_of(0) + "\" x2=\"" + x_of(1) + "\" y2=\"" + y_of(1) +
         "\"/><line class=\"axis\" x1=\"" + x_of(0) + "\" x2=\"" + x_of(1) + "\" y1=\"" +
         text_of_number(kCountsTop + kCountsHeight, 1) + "\" y2=\"" + text_of_number(kCountsTop + kCountsHeight, 1) +
         "\"/><text x=\"" + x_of(0) + "\" y=\"" + y_of(1.04) + "\">part that is right</text><text x=\"" + x_of(0.02) +
         "\" y=\"" + text_of_number(kCountsTop + 12, 1) + "\">photos (tallest: " + std::to_string(most) +
         ")</text><text x=\"" + x_of(0.5) + "\" y=\"" + text_of_number(kCountsTop + kCountsHeight + 34, 1) +
         "\" text-anchor=\"middle\">score of the predicted class</text>";
  return svg;
}

std::string bins_table(const std::vector<CalibrationBin>& bins) {
  std::string html =
      "<details><summary>as a table</summary><div class=\"scroll\" tabindex=\"0\"><table "
      "class=\"table\"><thead><tr><th scope=\"col\">scores</th><th scope=\"col\" class=\"number\">photos"
      "</th><th scope=\"col\" class=\"number\">mean score</th><th scope=\"col\" class=\"number\">right"
      "</th></tr></thead><tbody>\n";
  for (const CalibrationBin& bin : bins) {
    const std::string right = bin.photos ? percent_text((double)bin.right / (double)bin.photos) : "&ndash;";
    html += "<tr><th scope=\"row\">" + text_of_number(bin.low, 1) + " to " + text_of_number(bin.high, 1) +
            "</th><td class=\"number\">" + std::to_string(bin.photos) + "</td><td class=\"number\">" +
            (bin.photos ? text_of_number(bin.mean_score, 3) : "&ndash;") + "</td><td class=\"number\">" + right +
            "</td></tr>\n";
  }
  return html + "</tbody></table></div></details>\n";
}

std::string calibration_html(const EvalReport& report) {
  const Evaluation& e = report.evaluation;
  if (!e.ece) return "<h2>Calibration</h2>\n<p>The model's scores are no probabilities.</p>\n";
  size_t most = 1;
  for (const CalibrationBin& bin : e.bins) most = std::max(most, bin.photos);
  double score = 0;
  for (const CalibrationBin& bin : e.bins) score += bin.mean_score * (double)bin.photos / (double)e.photos;
  const char* verdict = score > e.interval.high  ? "surer than it should be"
                        : score < e.interval.low ? "less sure than it could be"
                                                 : "as sure as it should be";
  std::string html =
      "<h2>Calibration</h2>\n<figure id=\"calibration\">\n<svg viewBox=\"0 0 380 454\" role=\"img\" "
      "aria-label=\"Part of the photos that is right, by the score of the predicted class\">\n" +
      axes_svg(most);
  for (const CalibrationBin& bin : e.bins) html += bin_svg(bin, most);
  html +=
      "</svg>\n<figcaption>Of the photos with a score of about 0.8, 80 % should be right: bars that end at the "
      "dashed line. The upright lines are 95 % intervals. The mean score is " +
      text_of_number(score, 3) + ", the accuracy " + text_of_number(e.accuracy, 3) + ": the model is " + verdict +
      ".</figcaption>\n</figure>\n";
  return html + bins_table(e.bins);
}

// ---- Photos ----

using Chosen = std::vector<const EvaluatedPhoto*>;

// Those that were taken for another class, the surest first.
Chosen wrong_photos(const EvalReport& report) {
  Chosen chosen;
  for (const EvaluatedPhoto& photo : report.photos) {
    if (photo.error.empty() && !photo.verdict.is_right()) chosen.push_back(&photo);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [](const EvaluatedPhoto* a, const EvaluatedPhoto* b) {
    return a->verdict.score > b->verdict.score;
  });
  return chosen;
}

Chosen unsure_photos(const EvalReport& report) {
  Chosen chosen;
  for (const EvaluatedPhoto& photo : report.photos) {
    if (photo.error.empty() && photo.verdict.is_right()) chosen.push_back(&photo);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [](const EvaluatedPhoto* a, const EvaluatedPhoto* b) {
    return a->verdict.score < b->verdict.score;
  });
  return chosen;
}

// Leaves so many that their pictures have a bounded number of bytes in all.
std::vector<Thumbnail> thumbnails_for(Chosen* chosen, size_t most, uint32_t threads) {
  if (chosen->size() > most) chosen->resize(most);
  const auto picture = [&](size_t i) { return read_image((*chosen)[i]->path); };
  std::vector<Thumbnail> thumbnails = thumbnails_of(chosen->size(), picture, kThumbnailSide, threads);
  size_t bytes = 0, count = 0;
  while (count < thumbnails.size() && (bytes += thumbnails[count].url.size()) <= kMostThumbnailBytes) ++count;
  chosen->resize(count);
  thumbnails.resize(count);
  return thumbnails;
}

std::string photo_html(const EvalReport& report, const EvaluatedPhoto& photo, const Thumbnail& thumbnail) {
  const Verdict& v = photo.verdict;
  const std::string truth = html_text(report.labels[v.truth]), path = html_text(photo.path);
  std::string html =
      "<li data-truth=\"" + std::to_string(v.truth) + "\" data-predicted=\"" + std::to_string(v.predicted) + "\">";
  html += thumbnail.url.empty() ? "<span class=\"none\"></span>"
                                : "<img loading=\"lazy\" width=\"" + std::to_string(thumbnail.width) + "\" height=\"" +
                                      std::to_string(thumbnail.height) + "\" alt=\"" + truth + "\" title=\"" + path +
                                      "\" src=\"" + thumbnail.url + "\">";
  html += "<div><b>" + html_text(report.labels[v.predicted]) + "</b> " + text_of_number((double)v.score, 3);
  if (v.is_unknown) html += " (rejected)";
  if (!v.is_right()) html += "<br>is " + truth + ", " + text_of_number((double)v.truth_score, 3);
  const size_t slash = photo.path.rfind('/');
  return html + "</div><small title=\"" + path + "\">" +
         html_text(photo.path.substr(slash == std::string::npos ? 0 : slash + 1)) + "</small></li>\n";
}

std::string gallery_html(const EvalReport& report, const Chosen& chosen, const std::vector<Thumbnail>& thumbnails) {
  std::string html = "<ul class=\"photos\">\n";
  for (size_t i = 0; i < chosen.size(); ++i) html += photo_html(report, *chosen[i], thumbnails[i]);
  return html + "</ul>\n";
}

std::string select_html(const EvalReport& report, const std::string& id, const std::string& name,
                        const std::set<uint32_t>& classes) {
  std::string html = "<label>" + name + " <select id=\"" + id + "\"><option value=\"\">any class</option>";
  for (uint32_t i = 0; i < report.labels.size(); ++i) {
    // A click in the matrix may ask for any of them.
    if (report.labels.size() > kClassesAsMatrix && !classes.count(i)) continue;
    html += "<option value=\"" + std::to_string(i) + "\">" + html_text(report.labels[i]) + "</option>";
  }
  return html + "</select></label>\n";
}

std::string choices_html(const EvalReport& report, const Chosen& wrong) {
  std::set<uint32_t> truths, predicted;
  for (const EvaluatedPhoto* photo : wrong) {
    truths.insert(photo->verdict.truth);
    predicted.insert(photo->verdict.predicted);
  }
  return "<div id=\"wrong-choices\" class=\"choices\" hidden>\n" +
         select_html(report, "filter-truth", "photos of", truths) +
         select_html(report, "filter-predicted", "taken for", predicted) +
         "<button type=\"button\" id=\"filter-none\">show all</button></div>\n";
}

std::string wrong_html(const EvalReport& report, uint32_t most) {
  const Chosen all = wrong_photos(report);
  if (all.empty()) return "<section id=\"wrong\"><h2>Taken for another class</h2>\n<p>No photo.</p></section>\n";
  Chosen shown = all;
  const std::vector<Thumbnail> thumbnails = thumbnails_for(&shown, most, report.threads);
  std::string count = photos_text(all.size()) + (all.size() > 1 ? ", the model's surest first" : "");
  if (shown.size() < all.size()) {
    count = "the " + std::to_string(shown.size()) + " of " + photos_text(all.size()) +
            " of which the model was surest; " + std::to_string(all.size() - shown.size()) +
            " are left out (--thumbnails N shows more, --csv FILE lists all)";
  }
  return "<section id=\"wrong\"><h2>Taken for another class</h2>\n<p id=\"wrong-count\" aria-live=\"polite\">" + count +
         "</p>\n" + choices_html(report, all) + gallery_html(report, shown, thumbnails) + "</section>\n";
}

std::string unsure_html(const EvalReport& report) {
  Chosen chosen = unsure_photos(report);
  const std::vector<Thumbnail> thumbnails = thumbnails_for(&chosen, kUnsureShown, report.threads);
  if (chosen.empty()) return "";
  return "<section id=\"unsure\"><h2>Right, but least sure</h2>\n" + gallery_html(report, chosen, thumbnails) +
         "</section>\n";
}

std::string unreadable_html(const EvalReport& report) {
  if (report.unreadable == 0) return "";
  std::string html = "<section id=\"unreadable\"><h2>Unreadable</h2>\n<ul class=\"plain\">\n";
  size_t listed = 0;
  for (const EvaluatedPhoto& photo : report.photos) {
    if (photo.error.empty() || ++listed > kUnreadableListed) continue;
    html += "<li>" + html_text(photo.error) + "</li>\n";
  }
  html += "</ul>\n";
  if (listed > kUnreadableListed)
    html += "<p>" + std::to_string(listed - kUnreadableListed) + " more are left out.</p>\n";
  return html + "</section>\n";
}

}  // namespace

std::string html_of(const EvalReport& report, uint32_t thumbnails) {
  const std::string name = file_name(report.model);
  const bool has_matrix = report.labels.size() <= kClassesAsMatrix;
  return page_head(name + ": posy eval", kEvalStyle) + "<body>\n<main>\n<h1>" + html_text(name) + "</h1>\n<p>" +
         photos_text(report.photos.size()) + " of " + html_text(report.folder) +
         (report.split ? std::string(", the ") + report.split_text() + " part" : "") + "</p>\n" + facts_html(report) +
         (has_matrix ? matrix_html(report) : confusions_html(report)) + classes_html(report) +
         calibration_html(report) + wrong_html(report, thumbnails) + unsure_html(report) + unreadable_html(report) +
         "</main>\n<script>\n" + kSortScript + kEvalScript + "</script>\n</body>\n</html>\n";
}

}  // namespace posy
