#include "apps/bench_report.h"

#include "apps/csv.h"

namespace posy {
namespace {

std::string csv_number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

}  // namespace

double BenchReport::peak_of(const BenchRow& row) const {
  for (const Peak& peak : peaks) {
    if (peak.isa == row.isa) return row.is_of_codes() ? peak.gops_int8 : peak.gflops;
  }
  return 0;
}

double BenchReport::fraction_of_peak(const BenchRow& row) const {
  const double peak = peak_of(row);
  return peak > 0 ? row.gflops() / peak : 0;
}

double BenchReport::fraction_of_peaks(double ms) const {
  double at_peak_ms = 0;
  for (const BenchRow& row : rows) {
    if (const double peak = peak_of(row); peak > 0) at_peak_ms += 2 * (double)row.macs / peak / 1e6;
  }
  return ms > 0 ? at_peak_ms / ms : 0;
}

double BenchReport::total_ms() const {
  double ms = 0;
  for (const BenchRow& row : rows) ms += row.ms;
  return ms;
}

std::string csv_of(const BenchReport& report) {
  std::string csv = csv_line({"kind", "name", "weights", "isa", "threads", "runs", "macs", "bytes", "ms", "median_ms",
                              "min_ms", "share", "gflops", "gbs", "fraction_of_peak"});
  const double total_ms = report.total_ms();
  for (const BenchRow& row : report.rows) {
    const double share = total_ms > 0 ? row.ms / total_ms : 0;
    csv += csv_line({op_name(row.kind), row.name, row.weights, row.isa, std::to_string(report.threads),
                     std::to_string(row.runs), std::to_string(row.macs), std::to_string(row.bytes), csv_number(row.ms),
                     csv_number(row.median_ms), csv_number(row.min_ms), report.of_model ? csv_number(share) : "",
                     csv_number(row.gflops()), csv_number(row.gigabytes_per_second()),
                     csv_number(report.fraction_of_peak(row))});
  }
  return csv;
}

}  // namespace posy
