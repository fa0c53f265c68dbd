// The page of posy compare --html.
#include <algorithm>
#include <cmath>
#include <map>

#include "apps/compare_report.h"
#include "apps/eval_page_parts.h"
#include "apps/page.h"
#include "apps/thumbnail.h"

namespace posy {
namespace {

constexpr size_t kImagesListed = 200, kThumbnails = 60;
constexpr uint32_t kThumbnailSide = 72;
constexpr int kLeastDecade = -9;  // what is smaller counts as that: nine digits tell any two float32 apart

constexpr const char* kCompareStyle = R"css(
h1 span { color: var(--soft); font-weight: 400; }
.bad { color: rgb(var(--wrong)); font-weight: 600; }
.table td.wide { white-space: nowrap; }
#images td img { display: block; max-width: 72px; max-height: 54px; }
#images td, #images th, #layers td, #layers th { vertical-align: middle; }
#layers tr.apart th { font-weight: 600; }
#layers tr.apart .share span { background: rgb(var(--wrong)); }
#decades svg { display: block; width: 100%; max-width: 560px; height: auto; }
#decades text { fill: var(--soft); font-size: 12px; }
.limit { stroke: rgb(var(--wrong)); stroke-width: 1.5; stroke-dasharray: 4 3; }
#decades text.over { fill: rgb(var(--wrong)); }
@media (max-width: 600px) { #decades text { font-size: 15px; } .wide { display: none; } }
)css";

template <class... Numbers>
std::string formatted(const char* format, Numbers... numbers) {
  char text[128];
  std::snprintf(text, sizeof text, format, numbers...);
  return text;
}

// "3.2e-6"; "0".
std::string small_text(double x) {
  if (x == 0) return "0";
  if (!std::isfinite(x)) return "no number";
  const int decade = (int)std::floor(std::log10(x));
  return decade >= -2 ? short_number(x) : formatted("%.1fe%d", x / std::pow(10, decade), decade);
}

std::string fact(const std::string& name, const std::string& value, const std::string& more = "") {
  return "<div><dt>" + name + "</dt><dd>" + value + (more.empty() ? "" : "<small>" + more + "</small>") +
         "</dd></div>\n";
}

std::string facts_html(const CompareReport& report) {
  const ComparedImage* worst = report.worst();
  const double most = worst->difference.most;
  const std::optional<int> decimal = first_decimal(most);
  std::string html = "<dl id=\"facts\">\n";
  html += fact("greatest difference", small_text(most),
               decimal ? "scores differ from decimal " + std::to_string(*decimal) + " on" : "all scores are equal");
  html += fact("on average", small_text(report.mean_difference()));
  html += fact("the same best class", percent_text(report.top1_agreement()),
               "of " + std::to_string(report.compared()) + " images");
  html +=
      fact("tolerance", small_text(report.tolerance),
           report.is_within() ? "all scores are within it" : "<span class=\"bad\">some scores differ by more</span>");
  if (report.unreadable() > 0) html += fact("unreadable", std::to_string(report.unreadable()), "not compared");
  return html + "</dl>\n";
}

// ---- Differences by their size ----

constexpr double kLeft = 10, kWidth = 540, kTop = 24, kHeight = 120;
constexpr int kBars = -kLeastDecade + 2;  // equal; 1e-9 to 1e-8 ...; 1 and more

int bar_of(double difference) {
  if (difference == 0) return 0;
  if (!std::isfinite(difference)) return kBars - 1;
  return std::clamp((int)std::floor(std::log10(difference) + 1e-7), kLeastDecade, 0) - kLeastDecade + 1;
}

double bar_x(double bar) {
  return kLeft + kWidth * bar / kBars;
}

std::string bar_svg(int bar, size_t count, size_t most) {
  const double height = kHeight * (double)count / (double)most, bottom = kTop + kHeight;
  const std::string name = bar == 0 ? "equal" : bar == kBars - 1 ? "1 ..." : formatted("1e%d", bar - 1 + kLeastDecade);
  std::string svg = "<text x=\"" + formatted("%.1f", bar_x(bar + 0.5)) + "\" y=\"" + formatted("%.1f", bottom + 16) +
                    "\" text-anchor=\"middle\">" + name + "</text>";
  if (count == 0) return svg;
  return svg + "<rect class=\"bin\" x=\"" + formatted("%.1f", bar_x(bar) + 2) + "\" y=\"" +
         formatted("%.1f", bottom - height) + "\" width=\"" + formatted("%.1f", kWidth / kBars - 4) + "\" height=\"" +
         formatted("%.1f", height) + "\"/><text x=\"" + formatted("%.1f", bar_x(bar + 0.5)) + "\" y=\"" +
         formatted("%.1f", bottom - height - 4) + "\" text-anchor=\"middle\">" + std::to_string(count) + "</text>";
}

std::string decades_html(const CompareReport& report) {
  std::vector<size_t> counts(kBars, 0);
  for (const ComparedImage& image : report.images) {
    if (image.error.empty()) ++counts[(size_t)bar_of(image.difference.most)];
  }
  const size_t most = *std::max_element(counts.begin(), counts.end());
  std::string html =
      "<h2>Images by their greatest difference</h2>\n<figure id=\"decades\">\n<svg viewBox=\"0 0 560 190\" "
      "role=\"img\" "
      "aria-label=\"How many images have which greatest difference\">\n";
  for (int i = 0; i < kBars; ++i) html += bar_svg(i, counts[(size_t)i], most);
  if (report.tolerance > 0 && report.tolerance < 1) {
    const double at = std::max(std::log10(report.tolerance) - kLeastDecade + 1, 1.0);
    const std::string x = formatted("%.1f", bar_x(at));
    html += "<line class=\"limit\" x1=\"" + x + "\" x2=\"" + x + "\" y1=\"4\" y2=\"" +
            formatted("%.1f", kTop + kHeight) + "\"/><text class=\"over\" x=\"" + formatted("%.1f", bar_x(at) + 5) +
            "\" y=\"12\">tolerance</text>";
  }
  return html +
         "</svg>\n<figcaption>1e-6: from 0.000001 to 0.00001, where the sixth decimal is the first that "
         "differs.</figcaption>\n</figure>\n";
}

// ---- Layers ----

std::string shape_text_of(posy_shape shape) {
  return formatted("%u x %u x %u", shape.h, shape.w, shape.c);
}

std::string number_cell(double x, const char* style = "number") {
  return "<td class=\"" + std::string(style) + "\" data-value=\"" + (std::isfinite(x) ? formatted("%.9g", x) : "1e30") +
         "\">" + small_text(x) + "</td>";
}

// As long as its decade: nothing at 1e-9, all at 1.
double bar_length(double relative) {
  if (!std::isfinite(relative)) return 1;
  return relative == 0 ? 0 : std::clamp((std::log10(relative) - kLeastDecade) / -kLeastDecade, 0.0, 1.0);
}

std::string layer_html(const ComparedLayer& layer, bool is_apart) {
  std::string html = "<tr" + std::string(is_apart ? " class=\"apart\"" : "") + "><th scope=\"row\">" +
                     breakable(layer.name) + (is_apart ? " <span class=\"bad\">parts here</span>" : "") +
                     "</th><td class=\"wide\">" + shape_text_of(layer.a) + "</td>";
  if (!layer.difference) return html + "<td colspan=\"4\">against " + shape_text_of(layer.b) + "</td></tr>\n";
  return html + number_cell(layer.largest, "number wide") + number_cell(*layer.difference) +
         number_cell(layer.relative()) +
         "<td class=\"share\"><span style=\"width:" + formatted("%.1f", 100 * bar_length(layer.relative())) +
         "%\"></span></td></tr>\n";
}

std::string layers_html(const CompareReport& report) {
  if (report.layers.empty()) return "";
  const ComparedLayer* apart = report.first_apart();
  std::string html =
      "<h2>Layers</h2>\n<p>Of " + html_text(report.layers_image) +
      ", in the order of execution. Relative: the greatest difference over the layer's largest value; bars go by its "
      "decade, from 1e-9 to 1.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Layers\"><table "
      "id=\"layers\" class=\"table\"><thead><tr><th scope=\"col\">layer</th><th scope=\"col\" class=\"wide\">shape</th>"
      "<th scope=\"col\" class=\"number wide\">largest</th><th scope=\"col\" class=\"number\">difference</th><th "
      "scope=\"col\" class=\"number\">relative</th><th class=\"share\"></th></tr></thead><tbody>\n";
  for (const ComparedLayer& layer : report.layers) html += layer_html(layer, &layer == apart);
  return html + "</tbody></table></div>\n";
}

// ---- Images ----

// A photo's folder and name: of a long path, what tells it from others.
std::string last_parts(const std::string& path) {
  const size_t slash = path.rfind('/');
  const size_t before = slash == std::string::npos || slash == 0 ? slash : path.rfind('/', slash - 1);
  return before == std::string::npos ? path : path.substr(before + 1);
}

std::string image_html(const CompareReport& report, const ComparedImage& image, const Thumbnail* thumbnail) {
  const ScoreDifference& d = image.difference;
  std::string html = "<tr><td>";
  if (thumbnail && !thumbnail->url.empty()) html += "<img loading=\"lazy\" alt=\"\" src=\"" + thumbnail->url + "\">";
  html += "</td>" + number_cell(d.most) + "<th scope=\"row\" title=\"" + html_text(image.name) + "\">" +
          breakable(last_parts(image.name)) + "</th><td>";
  if (d.most > 0 && image.a && image.b) {
    html += html_text(report.labels[d.class_index]) + "<br><small>" + formatted("%.7f", (double)*image.a) + "<br>" +
            formatted("%.7f", (double)*image.b) + "</small>";
  }
  html += "</td><td>" + html_text(report.labels[d.best_a]);
  if (d.best_a != d.best_b) html += "<br><span class=\"bad\">" + html_text(report.labels[d.best_b]) + "</span>";
  return html + "</td></tr>\n";
}

std::string images_html(const CompareReport& report, const std::function<Image(size_t)>& picture, uint32_t threads) {
  std::vector<size_t> shown;
  for (size_t i = 0; i < report.images.size(); ++i) {
    if (report.images[i].error.empty()) shown.push_back(i);
  }
  std::stable_sort(shown.begin(), shown.end(), [&](size_t a, size_t b) {
    return report.images[a].difference.most > report.images[b].difference.most;
  });
  const size_t left_out = shown.size() - std::min(shown.size(), kImagesListed);
  shown.resize(shown.size() - left_out);
  const std::vector<Thumbnail> thumbnails = thumbnails_of(
      std::min(shown.size(), kThumbnails), [&](size_t i) { return picture(shown[i]); }, kThumbnailSide, threads);
  std::string html =
      "<h2>Images</h2>\n<p>The worst first. Below the class with the greatest difference: its scores in A and in "
      "B.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Images\"><table id=\"images\" "
      "class=\"table sorts\"><thead><tr><th></th><th scope=\"col\" class=\"number\">difference</th><th scope=\"col\">"
      "image</th><th scope=\"col\">class, scores</th><th scope=\"col\">best class</th></tr></thead><tbody>\n";
  for (size_t i = 0; i < shown.size(); ++i) {
    html += image_html(report, report.images[shown[i]], i < thumbnails.size() ? &thumbnails[i] : nullptr);
  }
  html += "</tbody></table></div>\n";
  if (left_out > 0)
    html +=
        "<p>" + std::to_string(left_out) + " images with smaller differences are left out (--each lists all).</p>\n";
  return html;
}

}  // namespace

std::string html_of(const CompareReport& report, const std::function<Image(size_t)>& picture, uint32_t threads) {
  const std::string a = file_name(report.a), b = file_name(report.b);
  return page_head(a + " and " + b + ": posy compare", std::string(kEvalStyle) + kCompareStyle) +
         "<body>\n<main>\n<h1>" + html_text(a) + " <span>and</span> " + html_text(b) +
         "</h1>\n<p>A: " + html_text(report.a) + "<br>B: " + html_text(report.b) + "</p>\n" + facts_html(report) +
         decades_html(report) + layers_html(report) + images_html(report, picture, threads) + "</main>\n<script>\n" +
         kSortScript + kEvalScript + "</script>\n</body>\n</html>\n";
}

}  // namespace posy
