#include "apps/weights_page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "apps/page.h"
#include "apps/session.h"

namespace posy {
namespace {

constexpr const char* kStyle = R"css(
:root { --page: #fcfcfa; --ink: #1c1e21; --soft: #5b6068; --line: #e0e0da; --before: #9aa1ab; --after: #1f6feb; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181c; --ink: #e9e9e4; --soft: #a5abb5; --line: #33373e; --before: #7d848e; --after: #6ea8fe; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 24px; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 28px 0 8px; }
p { color: var(--soft); max-width: 75ch; margin: 6px 0; }
small { color: var(--soft); font-size: 12.5px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; font-weight: 400; padding: 3px 18px 3px 0; border-bottom: 1px solid var(--line); }
td.number { text-align: right; }
.layers { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 18px; margin: 0; padding: 0; list-style: none; }
.layers li { border-top: 1px solid var(--line); padding-top: 8px; min-width: 0; }
.layers h3 { font-size: 14px; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.layers svg { display: block; width: 100%; height: 84px; margin: 6px 0 2px; }
.before { fill: none; stroke: var(--before); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.after { fill: var(--after); fill-opacity: 0.55; }
.share { display: block; height: 6px; background: var(--line); border-radius: 3px; margin: 4px 0; overflow: hidden; }
.share i { display: block; height: 6px; background: var(--after); min-width: 1px; }
.key { display: inline-block; width: 22px; height: 10px; vertical-align: -1px; margin-right: 5px; }
)css";

constexpr size_t kBins = 61;

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float x : values) {
    if (std::isfinite(x)) most = std::max(most, std::fabs((double)x));
  }
  return most;
}

// Parts of the weights in bins from -reach to reach.
std::vector<double> histogram(const std::vector<float>& values, double reach) {
  std::vector<double> bins(kBins, 0);
  for (const float x : values) {
    if (!std::isfinite(x)) continue;
    const double at = reach > 0 ? (x / reach + 1) / 2 * (double)kBins : (double)kBins / 2;
    bins[(size_t)std::clamp(at, 0.0, (double)kBins - 1)] += 1.0 / (double)values.size();
  }
  return bins;
}

// Steps of one height for each bin; bars go down to the ground, the outline stays open.
std::string steps(const std::vector<double>& bins, double most, const char* style) {
  std::string path = "M0,60";
  char point[48];
  for (size_t i = 0; i < bins.size(); ++i) {
    const double y = 60 - 58 * std::sqrt(bins[i] / most);
    std::snprintf(point, sizeof point, "V%.1fH%zu", y, i + 1);
    path += point;
  }
  return "<path class=\"" + std::string(style) + "\" d=\"" + path + "V60\"/>";
}

// Tails matter: heights are square roots.
std::string histogram_svg(const std::vector<float>& after, const std::vector<float>* before) {
  const double reach = std::max(largest(after), before ? largest(*before) : 0);
  const std::vector<double> bars = histogram(after, reach);
  double most = *std::max_element(bars.begin(), bars.end());
  std::vector<double> outline;
  if (before) outline = histogram(*before, reach);
  for (const double x : outline) most = std::max(most, x);
  most = std::max(most, 1e-12);
  std::string svg = "<svg viewBox=\"0 0 " + std::to_string(kBins) +
                    " 60\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"weights from " + number(-reach) +
                    " to " + number(reach) + "\">" + steps(bars, most, "after");
  if (before) svg += steps(outline, most, "before");
  return svg + "</svg><small>" + number(-reach) + " to " + number(reach) + "</small>";
}

// 10 log10 of the weights' squares over those of their errors. A converter may have given a channel another factor, of
// which the next layer takes away its part: what counts is the error beside the best factor of each channel.
std::string error_text(const OpWeights& after, const OpWeights& before) {
  const size_t channels = after.channels, rows = after.values.size() / channels;
  double squares = 0, errors = 0;
  for (size_t c = 0; c < channels; ++c) {
    double product = 0, square = 0;
    for (size_t r = 0; r < rows; ++r) {
      const double a = after.values[r * channels + c], b = before.values[r * channels + c];
      product += a * b;
      square += a * a;
    }
    const double best = square > 0 ? product / square : 1;
    const double factor = std::fabs(best - 1) < 1e-5 ? 1 : best;
    for (size_t r = 0; r < rows; ++r) {
      const double b = before.values[r * channels + c], e = b - factor * after.values[r * channels + c];
      squares += b * b;
      errors += e * e;
    }
  }
  if (errors <= 1e-13 * squares) return "lossless";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f dB", 10 * std::log10(squares / errors));
  return text;
}

std::string layer_html(const Model& model, const OpWeights& layer, const OpWeights* before, double file_bytes) {
  const OpRecord& op = model.ops[layer.op];
  const size_t rows = layer.values.size() / layer.channels;
  const double share = op.weights_bytes / file_bytes;
  const std::set<float> distinct(layer.values.begin(), layer.values.end());
  std::string facts = std::string(op_name((OpKind)op.kind)) + ", " + std::to_string(rows) + " x " +
                      std::to_string(layer.channels) + ", " + weight_type_name((WeightType)op.weight_type) + ", " +
                      std::to_string(distinct.size()) + " distinct values";
  if (before) facts += ", " + error_text(layer, *before);
  char width[16];
  std::snprintf(width, sizeof width, "%.2f", 100 * share);
  return "<li><h3>" + breakable(layer.name) + "</h3><small>" + facts + "</small>" +
         histogram_svg(layer.values, before ? &before->values : nullptr) +
         "<span class=\"share\"><i style=\"width:" + width + "%\"></i></span><small>" +
         std::to_string(op.weights_bytes) + " bytes, " + percent_text(share) + " of the file</small></li>\n";
}

std::string table_row(const std::string& name, uint64_t bytes, double file_bytes) {
  return "<tr><th scope=\"row\">" + name + "</th><td class=\"number\">" + std::to_string(bytes) +
         "</td><td class=\"number\">" + percent_text((double)bytes / file_bytes) + "</td></tr>\n";
}

// What the file's bytes are, and the weights' by their type.
std::string bytes_html(const Model& model) {
  const double file_bytes = model.header->file_bytes;
  std::map<std::string, uint64_t> by_type;
  uint64_t weights = 0;
  for (uint32_t i = 0; i < model.op_count; ++i) {
    const OpRecord& op = model.ops[i];
    if (op.weights_bytes == 0) continue;
    weights += op.weights_bytes;
    by_type[(OpKind)op.kind == OpKind::int8_map ? "tables" : weight_type_name((WeightType)op.weight_type)] +=
        op.weights_bytes;
  }
  std::string html = "<table>\n";
  for (const auto& [type, bytes] : by_type) html += table_row("weights, " + type, bytes, file_bytes);
  html += table_row("names and labels", model.strings_bytes, file_bytes);
  html += table_row("records and padding", model.header->file_bytes - weights - model.strings_bytes, file_bytes);
  return html + table_row("all", model.header->file_bytes, file_bytes) + "</table>\n";
}

}  // namespace

std::string weights_page(const std::string& title, const Model& model, const std::vector<OpWeights>& after,
                         const std::vector<OpWeights>& before) {
  std::map<std::string, const OpWeights*> by_name;
  for (const OpWeights& layer : before) by_name[layer.name] = &layer;
  std::string html =
      page_head(title + ": weights", kStyle) + "<body>\n<main>\n<h1>" + html_text(title) + "</h1>\n" +
      bytes_html(model) +
      "<h2>Layers</h2>\n<p><span class=\"key\" style=\"background:var(--after);opacity:.55\"></span>what "
      "the file holds";
  if (!before.empty()) {
    html +=
        " &nbsp; <span class=\"key\" style=\"border:1.5px solid var(--before)\"></span>the graph's weights</p><p>dB: "
        "the weights' squares over those of their errors, beside a factor of each channel that conversion may have "
        "moved into the next layer";
  }
  html += ". Heights are square roots of the counts, so that tails can be seen.</p>\n<ul class=\"layers\">\n";
  for (const OpWeights& layer : after) {
    const auto found = by_name.find(layer.name);
    const bool compares = found != by_name.end() && found->second->values.size() == layer.values.size() &&
                          found->second->channels == layer.channels;
    html += layer_html(model, layer, compares ? found->second : nullptr, model.header->file_bytes);
  }
  return html + "</ul>\n</main>\n</body>\n</html>\n";
}

}  // namespace posy
