// The roofline chart: each op by its operations per byte and its speed, under what the machine can do at most.
#include <algorithm>
#include <cmath>

#include "apps/bench_report.h"
#include "apps/page.h"

namespace posy {
namespace {

constexpr double kWidth = 640, kHeight = 450;
constexpr double kLeft = 66, kRight = 610, kTop = 36, kBottom = 390;

std::string at(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", x);
  return text;
}

// Whole decades along one axis, from `low` to `high` on the screen.
struct LogAxis {
  double low, high;
  int first, last;  // powers of ten

  double place(double value) const {
    const double power = std::clamp(std::log10(value), (double)first, (double)last);
    return low + (high - low) * (power - first) / (last - first);
  }
};

LogAxis axis_around(double low, double high, double least, double most) {
  LogAxis axis = {low, high, (int)std::floor(std::log10(least)), (int)std::ceil(std::log10(most))};
  if (axis.last <= axis.first) axis.last = axis.first + 1;
  return axis;
}

struct Chart {
  const BenchReport& report;
  LogAxis x, y;
};

Chart chart_of(const BenchReport& report) {
  double least_x = 0.1, most_x = 10, least_y = 1, most_y = 1;
  for (const BenchReport::Peak& peak : report.peaks) most_y = std::max({most_y, peak.gflops, peak.gops_int8});
  if (report.memory_gbs > 0) most_x = std::max(most_x, 1.5 * most_y / report.memory_gbs);
  for (const BenchRow& row : report.rows) {
    if (row.gflops() <= 0 || row.bytes == 0) continue;
    least_x = std::min(least_x, row.operations_per_byte());
    most_x = std::max(most_x, 1.2 * row.operations_per_byte());
    least_y = std::min(least_y, row.gflops());
    most_y = std::max(most_y, row.gflops());
  }
  least_y = std::max(least_y, most_y / 1e5);  // what is slower yet lies on the lower edge
  return {report, axis_around(kLeft, kRight, least_x, most_x), axis_around(kBottom, kTop, least_y, 1.15 * most_y)};
}

std::string decade_text(int power) {
  if (power >= 0) return "1" + std::string((size_t)power, '0');
  return "0." + std::string((size_t)-power - 1, '0') + "1";
}

std::string line_svg(const char* kind, double x1, double y1, double x2, double y2) {
  return "<line class=\"" + std::string(kind) + "\" x1=\"" + at(x1) + "\" y1=\"" + at(y1) + "\" x2=\"" + at(x2) +
         "\" y2=\"" + at(y2) + "\"/>\n";
}

std::string axes_svg(const Chart& chart) {
  std::string svg;
  for (int power = chart.x.first; power <= chart.x.last; ++power) {
    const double x = chart.x.place(std::pow(10, power));
    svg += line_svg("grid", x, kTop, x, kBottom);
    svg += "<text class=\"tick\" x=\"" + at(x) + "\" y=\"" + at(kBottom + 24) + "\" text-anchor=\"middle\">" +
           decade_text(power) + "</text>\n";
  }
  for (int power = chart.y.first; power <= chart.y.last; ++power) {
    const double y = chart.y.place(std::pow(10, power));
    svg += line_svg("grid", kLeft, y, kRight, y);
    svg += "<text class=\"tick\" x=\"" + at(kLeft - 7) + "\" y=\"" + at(y) +
           "\" text-anchor=\"end\" dominant-baseline=\"middle\">" + decade_text(power) + "</text>\n";
  }
  svg += "<text class=\"axis\" x=\"" + at((kLeft + kRight) / 2) + "\" y=\"" + at(kHeight - 8) +
         "\" text-anchor=\"middle\">operations per byte moved</text>\n";
  svg += "<text class=\"axis\" x=\"4\" y=\"18\">GFLOP/s</text>\n";
  return svg;
}

// Where the slope's name stands: `along` the line from its lower end, `above` it or below.
struct NamePlace {
  double along;
  bool above;
};

constexpr double kNameLength = 210, kNameHeight = 34;  // in the larger letters of small screens

// How many dots would lie on the name; of several instruction sets, those of the one that is shown first.
int dots_on(const Chart& chart, double x1, double y1, double angle, NamePlace place) {
  int dots = 0;
  for (const BenchRow& row : chart.report.rows) {
    if (row.gflops() <= 0 || row.bytes == 0 || row.isa != chart.report.peaks[0].isa) continue;
    const double x = chart.x.place(row.operations_per_byte()) - x1, y = chart.y.place(row.gflops()) - y1;
    const double along = x * std::cos(angle) + y * std::sin(angle), below = y * std::cos(angle) - x * std::sin(angle);
    const double off = place.above ? -below : below;
    dots += along > place.along - 8 && along < place.along + kNameLength && off > -8 && off < kNameHeight;
  }
  return dots;
}

double highest(const BenchReport::Peak& peak) {
  return std::max(peak.gflops, peak.gops_int8);
}

// The slope up to the fastest peak, with its name along it where the fewest dots are.
std::string slope_svg(const Chart& chart) {
  const double bandwidth = chart.report.memory_gbs;
  if (bandwidth <= 0) return "";
  // Where y = bandwidth * x enters the chart at its left or lower edge, and where it meets the roof.
  const double enters = std::max(std::pow(10, chart.x.first), std::pow(10, chart.y.first) / bandwidth);
  const double ridge = highest(chart.report.peaks[0]) / bandwidth;
  if (ridge <= enters) return "";
  const double x1 = chart.x.place(enters), y1 = chart.y.place(enters * bandwidth);
  const double x2 = chart.x.place(ridge), y2 = chart.y.place(ridge * bandwidth);
  const double angle = std::atan2(y2 - y1, x2 - x1), length = std::hypot(x2 - x1, y2 - y1);
  NamePlace best = {8, true};
  for (double along = 8; along + kNameLength < length; along += 12) {
    for (const bool above : {true, false}) {
      const NamePlace place = {along, above};
      if (dots_on(chart, x1, y1, angle, place) < dots_on(chart, x1, y1, angle, best)) best = place;
    }
  }
  return line_svg("roof", x1, y1, x2, y2) + "<text class=\"roof-name\" transform=\"translate(" +
         at(x1 + best.along * std::cos(angle)) + " " + at(y1 + best.along * std::sin(angle)) + ") rotate(" +
         at(angle * 180 / std::acos(-1.0)) + ")\"" +
         (best.above ? " y=\"-8\"" : " y=\"8\" dominant-baseline=\"hanging\"") + ">memory " + short_number(bandwidth) +
         " GB/s</text>\n";
}

std::string of_isa(const BenchReport::Peak& peak, const std::string& svg) {
  return "<g data-isa=\"" + html_text(peak.isa) + "\">" + svg + "</g>\n";
}

std::string roof_svg(const Chart& chart, double speed) {
  const double bandwidth = chart.report.memory_gbs, y = chart.y.place(speed);
  return line_svg("roof", bandwidth > 0 ? chart.x.place(speed / bandwidth) : kLeft, y, kRight, y);
}

// A roof for floats, and one for bytes where there is such work.
std::string peak_svg(const Chart& chart, const BenchReport::Peak& peak) {
  std::string svg = roof_svg(chart, peak.gflops);
  if (peak.gops_int8 > 0) svg += roof_svg(chart, peak.gops_int8);
  return of_isa(peak, svg);
}

std::string roof_name_svg(double y, const std::string& name) {
  return "<text class=\"roof-name\" x=\"" + at(kRight) + "\" y=\"" + at(y) + "\" text-anchor=\"end\">" + name +
         "</text>";
}

// Above the highest and below the others, whose dots lie between them.
std::string peak_name_svg(const Chart& chart, const BenchReport::Peak& peak) {
  const double highest_y = highest(chart.report.peaks[0]);
  const auto place = [&](double speed) { return chart.y.place(speed) + (speed == highest_y ? -8 : 18); };
  const std::string isa = html_text(peak.isa) + " ";
  std::string svg = roof_name_svg(place(peak.gflops), isa + short_number(peak.gflops) + " GFLOP/s");
  if (peak.gops_int8 > 0) {
    svg += roof_name_svg(place(peak.gops_int8), isa + short_number(peak.gops_int8) + " Gop/s of bytes");
  }
  return of_isa(peak, svg);
}

// Eight colours, then the same with another shape, of four: told apart without colour as well, and the same in every
// report.
std::string mark_svg(OpKind kind, double x, double y, double size) {
  const unsigned index = (unsigned)kind - 1, shape = index / 8 % 4;
  const std::string style = "class=\"mark k" + std::to_string(index % 8) + "\"";
  if (shape == 0) return "<circle " + style + " cx=\"" + at(x) + "\" cy=\"" + at(y) + "\" r=\"" + at(size) + "\"/>";
  const double half = shape == 1 ? 0.9 * size : 1.25 * size;
  if (shape == 1) {
    return "<rect " + style + " x=\"" + at(x - half) + "\" y=\"" + at(y - half) + "\" width=\"" + at(2 * half) +
           "\" height=\"" + at(2 * half) + "\"/>";
  }
  if (shape == 3) {
    return "<path " + style + " d=\"M" + at(x) + " " + at(y - half) + "l" + at(half) + " " + at(1.8 * half) + "h" +
           at(-2 * half) + "z\"/>";
  }
  return "<path " + style + " d=\"M" + at(x) + " " + at(y - half) + "l" + at(half) + " " + at(half) + "l" + at(-half) +
         " " + at(half) + "l" + at(-half) + " " + at(-half) + "z\"/>";
}

std::string row_text(const BenchReport& report, const BenchRow& row) {
  std::string text = std::string(op_name(row.kind)) + (row.weights.empty() ? "" : ", " + row.weights) +
                     (report.of_model ? "" : ", " + row.isa) + "\n" + row.name + "\n" + short_number(row.ms) + " ms";
  if (report.of_model) text += ", " + percent_text(row.ms / report.total_ms()) + " of the time";
  return text + "\n" + short_number(row.gflops()) + " GFLOP/s, " + percent_text(report.fraction_of_peak(row)) +
         " of peak\n" + short_number(row.operations_per_byte()) + " operations per byte, " +
         short_number(row.gigabytes_per_second()) + " GB/s";
}

std::string dot_svg(const Chart& chart, size_t index) {
  const BenchRow& row = chart.report.rows[index];
  if (row.gflops() <= 0 || row.bytes == 0) return "";
  const double share = chart.report.of_model ? row.ms / chart.report.total_ms() : 0;
  const double size = std::min(16.0, 5 + 24 * std::sqrt(share) - (share > 0 ? 1 : 0));
  const std::string text = html_text(row_text(chart.report, row));
  return "<g class=\"dot\" id=\"dot" + std::to_string(index) + "\" tabindex=\"0\" role=\"img\" data-isa=\"" +
         html_text(row.isa) + "\" data-weights=\"" + html_text(row.weights) + "\" aria-label=\"" + text + "\"><title>" +
         text + "</title>" +
         mark_svg(row.kind, chart.x.place(row.operations_per_byte()), chart.y.place(row.gflops()), size) + "</g>\n";
}

}  // namespace

std::string kind_mark_svg(OpKind kind) {
  return "<svg width=\"16\" height=\"16\" viewBox=\"0 0 16 16\" aria-hidden=\"true\">" + mark_svg(kind, 8, 8, 6) +
         "</svg>";
}

std::string roofline_svg(const BenchReport& report) {
  const Chart chart = chart_of(report);
  std::string svg =
      "<svg id=\"roofline\" viewBox=\"0 0 " + at(kWidth) + " " + at(kHeight) +
      "\" role=\"group\" aria-labelledby=\"roofline-title roofline-desc\">\n"
      "<title id=\"roofline-title\">Roofline</title>\n"
      "<desc id=\"roofline-desc\">A dot for each op: operations per byte moved to the right, GFLOP/s upwards, "
      "both logarithmic, below the measured speed of memory and of arithmetic. The table below has the same "
      "numbers.</desc>\n";
  svg += axes_svg(chart) + slope_svg(chart);
  for (const BenchReport::Peak& peak : report.peaks) svg += peak_svg(chart, peak);
  // Large dots first, so that small ones lie on top and can be pointed at; names on all of them.
  std::vector<size_t> order(report.rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return report.rows[a].ms > report.rows[b].ms; });
  for (const size_t index : order) svg += dot_svg(chart, index);
  for (const BenchReport::Peak& peak : report.peaks) svg += peak_name_svg(chart, peak);
  return svg + "</svg>\n";
}

}  // namespace posy
