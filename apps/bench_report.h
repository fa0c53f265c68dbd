// What a benchmark found, and the forms in which it is written down.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace posy {

// One op of a model, or one kernel on one shape.
struct BenchRow {
  OpKind kind;
  std::string name;     // the node's, or the shape's
  std::string weights;  // "f32", "u8 table", "u8", "s8"; empty where the op has none
  std::string isa;
  uint64_t macs = 0;   // multiply-adds, or elements where there are none
  uint64_t bytes = 0;  // of inputs, weights and output, each once
  uint32_t runs = 0;
  double median_ms = 0, min_ms = 0;
  double ms = 0;  // what speeds are reckoned from: the median in a model's runs, whose sum is about that of a run; the
                  // least of a kernel by itself, as its peak is the best of all bursts

  bool is_of_codes() const { return kind >= OpKind::int8_conv_2d && kind <= OpKind::int8_decode; }

  // A multiply-add is two operations.
  double gflops() const { return ms > 0 ? 2 * (double)macs / ms / 1e6 : 0; }
  double gigabytes_per_second() const { return ms > 0 ? (double)bytes / ms / 1e6 : 0; }
  double operations_per_byte() const { return bytes > 0 ? 2 * (double)macs / (double)bytes : 0; }
};

struct BenchReport {
  struct Fact {
    std::string name, value;
  };
  struct Peak {
    std::string isa;
    double gflops;
    double gops_int8;  // multiply-adds of bytes; 0 is not measured
  };

  bool of_model = false;  // rows are parts of one run: their times have a sum
  std::string title;      // the model's file, or "Kernels"
  std::vector<Fact> facts;
  uint32_t threads = 1;
  std::vector<Peak> peaks;  // fastest first
  double memory_gbs = 0;    // 0 is not known
  std::vector<BenchRow> rows;

  // Of ops of codes it is the peak of bytes.
  double peak_of(const BenchRow& row) const;
  double fraction_of_peak(const BenchRow& row) const;
  // Of a run of all rows that takes `ms`: the part of it that they would take at their peaks.
  double fraction_of_peaks(double ms) const;
  double total_ms() const;
};

// RFC 4180: a header and a line for each row.
std::string csv_of(const BenchReport& report);

// One page that needs nothing but itself.
std::string html_of(const BenchReport& report);

// The page's parts.
std::string roofline_svg(const BenchReport& report);
std::string kind_mark_svg(OpKind kind);

}  // namespace posy
