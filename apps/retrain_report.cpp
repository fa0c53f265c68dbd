#include "apps/retrain_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/json.h"
#include "apps/page.h"
#include "apps/progress.h"
#include "loaders/evaluation.h"
#include "loaders/event_file.h"
#include "loaders/graph.h"

namespace posy {
namespace {

Interval interval_of(const Fit& fit, size_t count) {
  return wilson_interval((size_t)std::lround(fit.accuracy * (double)count), count);
}

std::string text(const char* format, double a, double b = 0) {
  char buffer[96];
  std::snprintf(buffer, sizeof buffer, format, a, b);
  return buffer;
}

std::string seconds_text(double seconds) {
  return seconds < 10 ? text("%.1f s", seconds) : duration_text(seconds);
}

// ---- The page ----

constexpr const char* kStyle = R"css(
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 20px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 13px; }
.grid { stroke: var(--line); }
.one { stroke: var(--one); fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.two { stroke: var(--two); fill: none; stroke-width: 2.5; stroke-dasharray: 7 4; stroke-linejoin: round; }
figcaption svg { display: inline; width: 30px; height: 8px; margin: 0 4px 0 12px; }
@media (max-width: 600px) { .charts { grid-template-columns: 1fr; } svg text { font-size: 16px; } }
)css";

// One chart: training and validation by step.
class CurveChart {
 public:
  CurveChart(const std::vector<LearningPoint>& curve, double Fit::*what) : curve_(curve), what_(what) {
    low_ = high_ = curve[0].training.*what;
    for (const LearningPoint& point : curve) {
      for (const double y : {point.training.*what, point.validation.*what}) {
        low_ = std::min(low_, y);
        high_ = std::max(high_, y);
      }
    }
    if (high_ - low_ < 1e-6) high_ = low_ + 1e-6;
  }

  std::string svg(const std::string& name, bool as_percent) const {
    std::string s =
        "<svg viewBox=\"0 0 460 280\" role=\"img\" aria-label=\"" + html_text(label(name, as_percent)) + "\">";
    for (int i = 0; i <= 4; ++i) {
      const double value = low_ + (high_ - low_) * i / 4;
      s += line(kLeft, y(value), kRight, y(value)) + "<text x=\"" + text("%.0f", kLeft - 6) + "\" y=\"" +
           text("%.0f", y(value) + 4) + "\" text-anchor=\"end\">" + number(value, as_percent) + "</text>";
    }
    s += "<text x=\"" + text("%.0f", kLeft) + "\" y=\"272\">step " + std::to_string(curve_.front().step) +
         "</text><text x=\"" + text("%.0f", kRight) + "\" y=\"272\" text-anchor=\"end\">" +
         std::to_string(curve_.back().step) + "</text>";
    s += polyline("one", &LearningPoint::training) + polyline("two", &LearningPoint::validation);
    return s + "</svg>";
  }

 private:
  static constexpr double kLeft = 62, kRight = 450, kTop = 10, kBottom = 250;

  static std::string line(double x1, double y1, double x2, double y2) {
    return "<line class=\"grid\"" + text(" x1=\"%.1f\" y1=\"%.1f\"", x1, y1) +
           text(" x2=\"%.1f\" y2=\"%.1f\"/>", x2, y2);
  }
  static std::string number(double value, bool as_percent) {
    return as_percent ? text("%.1f%%", 100 * value) : text("%.3f", value);
  }
  std::string label(const std::string& name, bool as_percent) const {
    return name + ": training ends at " + number(curve_.back().training.*what_, as_percent) + ", validation at " +
           number(curve_.back().validation.*what_, as_percent);
  }
  double x(uint32_t step) const {
    const double first = curve_.front().step, last = std::max<double>(curve_.back().step, first + 1);
    return kLeft + (kRight - kLeft) * (step - first) / (last - first);
  }
  double y(double value) const { return kBottom - (kBottom - kTop) * (value - low_) / (high_ - low_); }
  std::string polyline(const char* style, Fit LearningPoint::*of) const {
    std::string points;
    for (const LearningPoint& point : curve_) points += text("%.1f,%.1f ", x(point.step), y(point.*of.*what_));
    return "<polyline class=\"" + std::string(style) + "\" points=\"" + points + "\"/>";
  }

  const std::vector<LearningPoint>& curve_;
  double Fit::*what_;
  double low_, high_;
};

std::string caption(const std::string& name) {
  const auto swatch = [](const std::string& style) {
    return "<svg viewBox=\"0 0 30 8\" aria-hidden=\"true\"><line class=\"" + style +
           "\" x1=\"0\" y1=\"4\" x2=\"30\" y2=\"4\"/></svg>";
  };
  return "<figcaption>" + name + swatch("one") + "training" + swatch("two") + "validation</figcaption>";
}

std::string fact(const std::string& name, const std::string& value, const std::string& more = "") {
  return "<div><dt>" + name + "</dt><dd>" + html_text(value) +
         (more.empty() ? "" : "<small>" + html_text(more) + "</small>") + "</dd></div>\n";
}

std::string facts(const RetrainReport& report) {
  std::string s = "<dl>\n";
  if (report.testing > 0) {
    const Interval interval = interval_of(report.of_testing, report.testing);
    s += fact("accuracy on testing photos", percent_text(report.of_testing.accuracy),
              "95% confidence: " + percent_text(interval.low) + " to " + percent_text(interval.high));
    s += fact("cross entropy", text("%.4f", report.of_testing.cross_entropy), "of testing photos");
  }
  s += fact("photos", std::to_string(report.training + report.validation + report.testing),
            std::to_string(report.training) + " training, " + std::to_string(report.validation) + " validation, " +
                std::to_string(report.testing) + " testing");
  s += fact("time", seconds_text(report.seconds),
            seconds_text(report.bottleneck_seconds) + " for " + std::to_string(report.computed) + " bottlenecks, " +
                seconds_text(report.training_seconds) + " training");
  if (report.novelty) {
    s += fact("known photos kept", percent_text(report.novelty->kept),
              "of testing photos, by the rule for unknown things");
    if (report.novelty->unknown_photos > 0) {
      s += fact(
          "unknown photos rejected", percent_text(report.novelty->rejected),
          "of " + std::to_string(report.novelty->unknown_photos) + "; AUROC " + text("%.3f", report.novelty->auroc));
    }
  }
  return s + "</dl>\n";
}

std::string class_table(const RetrainReport& report) {
  std::string s =
      "<h2>Classes</h2>\n<div class=\"scroll\"><table><thead><tr><th>class</th><th class=\"number\">testing photos</th>"
      "<th class=\"number\">right</th><th class=\"number\">share</th></tr></thead><tbody>\n";
  for (size_t c = 0; c < report.labels.size(); ++c) {
    const auto [photos, right] = report.of_class[c];
    s += "<tr><th>" + html_text(report.labels[c]) + "</th><td class=\"number\">" + std::to_string(photos) +
         "</td><td class=\"number\">" + std::to_string(right) + "</td><td class=\"number\">" +
         (photos > 0 ? percent_text((double)right / (double)photos) : "") + "</td></tr>\n";
  }
  return s + "</tbody></table></div>\n";
}

std::string how(const RetrainReport& report) {
  if (report.descended) return "Gradient descent on batches of 100 photos, as retrain.py does it.";
  return "L-BFGS, from strong weight decay to weaker; " + text("%g", report.weight_decay) +
         " has the least cross entropy on the validation photos.";
}

Json fit_json(const Fit& fit, size_t photos) {
  return {
      {"photos", photos}, {"accuracy", json_number(fit.accuracy)}, {"cross_entropy", json_number(fit.cross_entropy)}};
}

}  // namespace

void print_report(const RetrainReport& r) {
  std::printf("%s: %zu bytes, %zu classes from %zu photos\n", r.model.c_str(), r.model_bytes, r.labels.size(),
              r.training + r.validation + r.testing);
  std::printf("             photos  accuracy  cross entropy\n");
  const auto row = [](const char* name, size_t photos, const Fit& fit) {
    if (photos > 0) {
      std::printf("  %-10s %6zu    %5.1f%%         %.4f\n", name, photos, 100 * fit.accuracy, fit.cross_entropy);
    }
  };
  row("training", r.training, r.of_training);
  row("validation", r.validation, r.of_validation);
  row("testing", r.testing, r.of_testing);
  if (r.testing > 0) {
    const Interval interval = interval_of(r.of_testing, r.testing);
    std::printf("  testing accuracy between %.1f%% and %.1f%% with 95%% confidence\n", 100 * interval.low,
                100 * interval.high);
    std::printf("  %.1f%% of the testing photos, the surest ones, are right in 95 of 100\n", 100 * r.coverage);
  }
  if (r.novelty) {
    std::printf("  %s\n", text_of(*r.novelty, "testing photos").c_str());
  }
  std::fprintf(stderr, "%zu bottlenecks computed in %.1f s, trained in %.1f s; they are kept in %s\n", r.computed,
               r.bottleneck_seconds, r.training_seconds, r.bottleneck_dir.c_str());
}

void print_report_json(const RetrainReport& r) {
  Json json = {{"model", r.model},
               {"labels", r.labels},
               {"training", fit_json(r.of_training, r.training)},
               {"validation", fit_json(r.of_validation, r.validation)},
               {"testing", fit_json(r.of_testing, r.testing)}};
  const Interval interval = interval_of(r.of_testing, r.testing);
  json["accuracy_low"] = json_number(interval.low);
  json["accuracy_high"] = json_number(interval.high);
  json["coverage_at_95"] = json_number(r.coverage);
  if (r.novelty) add_figures(*r.novelty, &json);
  json["weight_decay"] = json_number(r.weight_decay);
  json["bottlenecks_computed"] = r.computed;
  json["unreadable"] = r.unreadable;
  json["bottleneck_seconds"] = json_number(r.bottleneck_seconds);
  json["training_seconds"] = json_number(r.training_seconds);
  json["seconds"] = json_number(r.seconds);
  json["file_bytes"] = r.model_bytes;
  print_json(json);
}

std::string retrain_page(const RetrainReport& report) {
  std::string body = "<h1>" + html_text(report.model) + "</h1>\n<p>A new last layer on " + html_text(report.base) +
                     " for the photos in " + html_text(report.folder) + ": " + std::to_string(report.channels) +
                     " numbers from each photo become " + std::to_string(report.labels.size()) + " scores.</p>\n" +
                     facts(report);
  if (!report.curve.empty()) {
    body += "<h2>Learning</h2>\n<p>" + how(report) + "</p>\n<div class=\"charts\">\n<figure>" +
            CurveChart(report.curve, &Fit::accuracy).svg("Accuracy", true) + caption("accuracy") +
            "</figure>\n<figure>" + CurveChart(report.curve, &Fit::cross_entropy).svg("Cross entropy", false) +
            caption("cross entropy") + "</figure>\n</div>\n";
  }
  body += class_table(report);
  body += "<p>Which photos are taken for which class: <code>posy eval " + html_text(report.model) + " " +
          html_text(report.folder) + " --split testing --html eval.html</code></p>\n";
  return html_page("posy retrain: " + report.model, kStyle, body);
}

std::string write_curve_events(const RetrainReport& report, const std::string& folder) {
  EventFile events(folder);
  for (const LearningPoint& point : report.curve) {
    events.add_scalar("accuracy/training", point.step, (float)point.training.accuracy);
    events.add_scalar("accuracy/validation", point.step, (float)point.validation.accuracy);
    events.add_scalar("cross_entropy/training", point.step, (float)point.training.cross_entropy);
    events.add_scalar("cross_entropy/validation", point.step, (float)point.validation.cross_entropy);
  }
  return events.path();
}

}  // namespace posy
