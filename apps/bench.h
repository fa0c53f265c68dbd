// The two halves of posy bench, a model and all kernels, and what they share.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apps/args.h"
#include "apps/bench_report.h"
#include "apps/json.h"

namespace posy {

struct BenchOptions {
  uint32_t threads = 1;
  std::optional<uint32_t> runs, warmup;
};

double median(std::vector<double> values);
double least(const std::vector<double>& values);

// Every kernel of every instruction set that this machine can use (POSY_ISA: of that one) on the shapes of
// bench_shapes.def.
BenchReport bench_kernels(const BenchOptions& options);

// A table for people.
void print_kernels(const BenchReport& report);
Json json_kernels(const BenchReport& report);

}  // namespace posy
