// The page of posy bench --html.
#include <algorithm>
#include <map>

#include "apps/bench_page.h"
#include "apps/bench_report.h"
#include "apps/page.h"

namespace posy {
namespace {

std::string cell(double value, const std::string& text) {
  return "<td class=\"number\" data-value=\"" + std::to_string(value) + "\">" + text + "</td>";
}

// A bar as long as `length`, of 1, and the number.
std::string bar_cell(OpKind kind, double fraction, double length) {
  char width[16];
  std::snprintf(width, sizeof width, "%.1f", 100 * std::clamp(length, 0.0, 1.0));
  return "<td class=\"bar\" data-value=\"" + std::to_string(fraction) + "\"><div><i><span class=\"k" +
         std::to_string(((unsigned)kind - 1) % 8) + "\" style=\"width:" + width + "%\"></span></i><b>" +
         percent_text(fraction) + "</b></div></td>";
}

struct Column {
  const char* name;
  bool is_number;
};

std::string head_html(const BenchReport& report) {
  // What is looked for first stands first: small screens show the rest when moved.
  const std::vector<Column> of_model = {{"op", false},     {"share of time", false}, {"median ms", true},
                                        {"of peak", true}, {"GFLOP/s", true},        {"op/byte", true},
                                        {"GB/s", true},    {"weights", false}};
  const std::vector<Column> of_kernels = {{"op", false},       {"of peak", false}, {"least ms", true},
                                          {"median ms", true}, {"GFLOP/s", true},  {"op/byte", true},
                                          {"GB/s", true},      {"weights", false}, {"instruction set", false}};
  std::string html = "<thead><tr>";
  for (const Column& column : report.of_model ? of_model : of_kernels) {
    html += std::string("<th scope=\"col\"") + (column.is_number ? " class=\"number\">" : ">") + column.name + "</th>";
  }
  return html + "</tr></thead>\n";
}

std::string row_html(const BenchReport& report, size_t index, double longest_ms) {
  const BenchRow& row = report.rows[index];
  const double share = row.ms / std::max(report.total_ms(), 1e-12), of_peak = report.fraction_of_peak(row);
  std::string html = "<tr id=\"row" + std::to_string(index) + "\" data-isa=\"" + html_text(row.isa) +
                     "\" data-weights=\"" + html_text(row.weights) + "\"><th scope=\"row\">" + "<span>" +
                     kind_mark_svg(row.kind) + " " + op_name(row.kind) + "</span><small>" + breakable(row.name) +
                     "</small></th>";
  html += report.of_model ? bar_cell(row.kind, share, row.ms / longest_ms) : bar_cell(row.kind, of_peak, of_peak);
  if (!report.of_model) html += cell(row.min_ms, short_number(row.min_ms));
  html += cell(row.median_ms, short_number(row.median_ms));
  if (report.of_model) html += cell(of_peak, percent_text(of_peak));
  html += cell(row.gflops(), short_number(row.gflops())) +
          cell(row.operations_per_byte(), short_number(row.operations_per_byte())) +
          cell(row.gigabytes_per_second(), short_number(row.gigabytes_per_second())) + "<td>" + html_text(row.weights) +
          "</td>";
  if (!report.of_model) html += "<td>" + html_text(row.isa) + "</td>";
  return html + "</tr>\n";
}

std::string table_html(const BenchReport& report) {
  double longest_ms = 1e-12;
  for (const BenchRow& row : report.rows) longest_ms = std::max(longest_ms, row.ms);
  std::string html =
      "<div class=\"scroll sorts\" role=\"region\" aria-label=\"Time of each op\" tabindex=\"0\"><table>\n" +
      head_html(report) + "<tbody>\n";
  for (size_t i = 0; i < report.rows.size(); ++i) html += row_html(report, i, longest_ms);
  return html + "</tbody></table></div>\n";
}

std::string facts_html(const BenchReport& report) {
  std::string html = "<dl>\n";
  for (const BenchReport::Fact& fact : report.facts) {
    html += "<div><dt>" + html_text(fact.name) + "</dt><dd>" + html_text(fact.value) + "</dd></div>\n";
  }
  return html + "</dl>\n";
}

std::string legend_html(const BenchReport& report) {
  std::map<OpKind, double> ms;
  for (const BenchRow& row : report.rows) ms[row.kind] += row.ms;
  std::string html = "<ul class=\"legend\" aria-label=\"Legend\">\n";
  for (const auto& [kind, kind_ms] : ms) {
    html += "<li>" + kind_mark_svg(kind) + " " + op_name(kind);
    if (report.of_model) html += " <small>" + percent_text(kind_ms / std::max(report.total_ms(), 1e-12)) + "</small>";
    html += "</li>\n";
  }
  return html + "</ul>\n";
}

constexpr const char* kExplanation =
    "A multiply-add counts as two operations, and so does an element of an op that has none. Bytes are those of "
    "inputs, "
    "weights and output, each once. The level roof is the speed of multiply-adds in registers, of floats or, for ops "
    "of "
    "8-bit codes, of bytes, and the slope that of "
    "reading memory, both measured in this run, on as many threads. Speeds are those of the median of a model's runs, "
    "and of the fastest run of a kernel by itself. What lies above the slope had its data in a cache.";

}  // namespace

std::string html_of(const BenchReport& report) {
  return page_head(report.title + ": posy bench", kBenchStyle) + "<body" +
         (report.of_model ? "" : " class=\"kernels\"") + ">\n<main>\n<h1>" + html_text(report.title) + "</h1>\n" +
         facts_html(report) + "<h2>Roofline</h2>\n<div id=\"choices\"></div>\n<figure>\n" + roofline_svg(report) +
         legend_html(report) + "<figcaption>" + kExplanation + "</figcaption>\n</figure>\n<h2>" +
         (report.of_model ? "Time of each op" : "Each kernel") + "</h2>\n" + table_html(report) +
         "</main>\n<div id=\"tip\" role=\"presentation\" hidden></div>\n<script>\n" + kSortScript + kBenchScript +
         "</script>\n</body>\n</html>\n";
}

}  // namespace posy
