#include "apps/weights_page.h"

#include <algorithm>
#include <cmath>

#include "apps/page.h"

namespace posy {
namespace {

constexpr const char* kWeightsStyle = R"css(
tbody th { min-width: 200px; }
tbody th small { padding-left: 0; }
td { white-space: nowrap; }
td.bar { min-width: 110px; }
td.shape, td.type { padding-left: 6px; }
td svg { display: block; width: 148px; height: 44px; }
.after { fill: var(--k0); }
.before { fill: none; stroke: var(--k1); stroke-width: 1.3; }
.axis { stroke: var(--line); }
.key { display: inline-block; width: 14px; height: 10px; margin-right: 4px; background: var(--k0); }
.key.line { height: 0; margin-bottom: 4px; border-top: 2px solid var(--k1); background: none; }
.parts { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 8px 32px; }
.parts table { align-self: start; }
.parts caption { text-align: left; color: var(--soft); font-size: 12.5px; }
p { max-width: 75ch; }
@media (max-width: 600px) { tbody th { min-width: 150px; } .parts tbody th { min-width: 90px; } }
)css";

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// 1234567 as 1,234,567.
std::string grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string number_cell(double value, const std::string& text) {
  return "<td class=\"number\" data-value=\"" + fixed(value, 6) + "\">" + text + "</td>";
}

std::string share_cell(uint64_t bytes, uint64_t of, uint64_t most, const char* color) {
  const double share = (double)bytes / (double)std::max<uint64_t>(of, 1);
  const double length = (double)bytes / (double)std::max<uint64_t>(most, 1);
  return "<td class=\"bar\" data-value=\"" + std::to_string(bytes) + "\"><div><i><span class=\"" + color +
         "\" style=\"width:" + fixed(100 * length, 1) + "%\"></span></i><b>" + fixed(100 * share, 1) +
         " %</b></div></td>";
}

// ---- Histograms ----

constexpr double kWidth = 144, kHeight = 40;

std::string outline(const std::vector<uint64_t>& bins, double most, bool is_area) {
  const double step = kWidth / (double)bins.size();
  std::string path = is_area ? "M0 " + fixed(kHeight, 0) : "M";
  for (size_t i = 0; i < bins.size(); ++i) {
    const std::string y = fixed(kHeight * (1 - (double)bins[i] / most), 1);
    path += (i || is_area ? "L" : "") + fixed((double)i * step, 0) + " " + y + "H" + fixed((double)(i + 1) * step, 0);
  }
  return is_area ? path + "V" + fixed(kHeight, 0) + "Z" : path;
}

std::string range_text(const WeightsHistogram& h) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3g to %.3g", (double)h.low, (double)h.high);
  return text;
}

std::string histogram_cell(const WeightsHistogram& h) {
  double most = 1;
  for (const auto* bins : {&h.after, &h.before}) {
    for (const uint64_t count : *bins) most = std::max(most, (double)count);
  }
  std::string svg = "<svg viewBox=\"-1 -2 146 44\" role=\"img\" aria-label=\"Histogram of weights from " +
                    range_text(h) + "\"><path class=\"axis\" d=\"M0 40H144\"/><path class=\"after\" d=\"" +
                    outline(h.after, most, true) + "\"/>";
  if (!h.before.empty()) svg += "<path class=\"before\" d=\"" + outline(h.before, most, false) + "\"/>";
  return "<td class=\"histogram\" data-value=\"" + fixed((double)h.high - (double)h.low, 6) + "\">" + svg +
         "</svg><small>" + range_text(h) + "</small></td>";
}

// ---- Rows ----

std::string error_cell(const WeightsRow& row) {
  if (!row.error_db) return number_cell(-1000, "");
  if (std::isinf(*row.error_db)) return number_cell(1000, "lossless");
  return number_cell(*row.error_db, fixed(*row.error_db, 1) + " dB" + (row.is_up_to_factors ? "*" : ""));
}

std::string row_html(const WeightsPage& page, const WeightsRow& row, uint64_t most) {
  const std::string bits = row.bits ? " <small>" + std::to_string(row.bits) + " bits</small>" : "";
  std::string html = "<tr class=\"layer\"><th scope=\"row\"><span>" + std::string(op_name(row.kind)) +
                     "</span><small>" + breakable(row.name) + "</small></th>";
  html += share_cell(row.bytes, page.file_bytes, most, "k0") + number_cell((double)row.bytes, grouped(row.bytes)) +
          "<td class=\"type\">" + row.type + bits + "</td>";
  html += row.has_values ? histogram_cell(row.histogram) : "<td class=\"histogram\" data-value=\"0\"></td>";
  if (!page.before.empty()) html += error_cell(row);
  html += row.has_values ? number_cell((double)row.distinct, grouped(row.distinct)) +
                               number_cell((double)row.most_distinct_of_a_channel,
                                           grouped(row.most_distinct_of_a_channel))
                         : number_cell(0, "") + number_cell(0, "");
  return html + "<td class=\"shape\">" + row.shape + "</td></tr>\n";
}

std::string layers_html(const WeightsPage& page) {
  uint64_t most = 1;
  for (const WeightsRow& row : page.rows) most = std::max(most, row.bytes);
  std::string html =
      "<div class=\"scroll\" role=\"region\" aria-label=\"Weights of each layer\" tabindex=\"0\"><table "
      "class=\"sorts\">\n<thead><tr>"
      "<th scope=\"col\">layer</th><th scope=\"col\">share of file</th><th scope=\"col\" class=\"number\">bytes</th>"
      "<th scope=\"col\">weights</th><th scope=\"col\">histogram</th>";
  if (!page.before.empty()) html += "<th scope=\"col\" class=\"number\">signal / error</th>";
  html +=
      "<th scope=\"col\" class=\"number\">distinct</th><th scope=\"col\" class=\"number\">in a channel</th>"
      "<th scope=\"col\">shape</th></tr></thead>\n<tbody>\n";
  for (const WeightsRow& row : page.rows) html += row_html(page, row, most);
  return html + "</tbody></table></div>\n";
}

std::string parts_html(const char* caption, const std::vector<WeightsPage::Part>& parts, const char* color) {
  uint64_t sum = 0, most = 0;
  for (const WeightsPage::Part& part : parts) sum += part.bytes, most = std::max(most, part.bytes);
  std::string html = "<table><caption>" + std::string(caption) + "</caption><tbody>\n";
  for (const WeightsPage::Part& part : parts) {
    html += "<tr class=\"part\"><th scope=\"row\">" + part.name + "</th>" + share_cell(part.bytes, sum, most, color) +
            number_cell((double)part.bytes, grouped(part.bytes)) + "</tr>\n";
  }
  return html + "<tr class=\"total\"><th scope=\"row\">total</th><td></td>" + number_cell((double)sum, grouped(sum)) +
         "</tr>\n</tbody></table>\n";
}

std::string explanation(const WeightsPage& page) {
  std::string html =
      "<p><small>Weights are what stands in front of an input, each times its channel's scale (of products of bytes "
      "also times the ratio of the scales of output and input), as they come out of the file: "
      "<span class=\"key\"></span>bars. ";
  if (!page.before.empty()) {
    html +=
        "<span class=\"key line\"></span>The line is the float32 weights of " + html_text(page.before) +
        ", with the same folding of batch norms. Signal / error is 10 log10(sum w<sup>2</sup> / sum (w - w')<sup>2</sup>), "
        "w before, w' after; lossless where all are equal. * Of products of bytes, conversion may have scaled the "
        "channels between two layers; each channel is compared after it got the factor with the least error, in the "
        "histogram, too. ";
  }
  return html +
         "Distinct values are counted after scaling: in the layer, and in the channel that has most of them. "
         "Padding is lanes and rows that make a panel or group whole, and zeros between sections.</small></p>\n";
}

}  // namespace

std::string html_of(const WeightsPage& page) {
  const std::string packed = page.packed_bytes ? ", " + grouped(page.packed_bytes) + " packed" : "";
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         html_text(page.title) + ": weights</title>\n<style>\n" + kPageStyle + kWeightsStyle +
         "</style>\n</head>\n<body>\n<main>\n<h1>" + html_text(page.title) + "</h1>\n<p>" + grouped(page.file_bytes) +
         " bytes" + packed + (page.before.empty() ? "" : "; compared with " + html_text(page.before)) +
         "</p>\n<div class=\"parts\">\n" + parts_html("The file by part", page.parts, "k0") +
         parts_html("Ops' weights by type, with headers and padding", page.types, "k2") + "</div>\n<h2>Layers</h2>\n" +
         explanation(page) + layers_html(page) + "</main>\n<script>\n" + kSortScript + "</script>\n</body>\n</html>\n";
}

}  // namespace posy
