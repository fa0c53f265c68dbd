// posy bench --kernels: every kernel by itself, on the shapes of bench_shapes.def.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "apps/bench.h"
#include "apps/bench_peak.h"
#include "apps/bench_shapes.h"
#include "apps/session.h"
#include "engine/model.h"

namespace posy {
namespace {

// An op that nobody measures would be the one that is slow.
constexpr OpKind kBenchedOps[] = {
#define POSY_SHAPE(op, name, args) OpKind::op,
#include "apps/bench_shapes.def"
#undef POSY_SHAPE
};
constexpr bool is_benched(OpKind kind) {
  for (const OpKind benched : kBenchedOps) {
    if (benched == kind) return true;
  }
  return false;
}
#define POSY_OP(number, name, Args)                                                    \
  static_assert(is_benched(OpKind::name),                                              \
                "kernels/ops.def has the op " #name                                    \
                ", but apps/bench_shapes.def has no row for it: add POSY_SHAPE(" #name \
                ", \"network and sizes\", arguments), so that posy bench --kernels measures it");
#include "kernels/ops.def"
#undef POSY_OP

// Without --runs: a kernel is measured for so long; one that takes much longer, once.
constexpr double kBudgetMs = 30, kMuchLongerMs = 240;
// What is shorter is repeated between two looks at the clock.
constexpr double kLeastMs = 0.02;
constexpr int kMemoryBursts = 6;

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<uint8_t[], FreeMemory>;

// Aligned as an engine's arena and a file's weights are.
Memory memory_of(uint64_t bytes) {
  void* memory = std::aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!memory) throw std::bad_alloc();
  return Memory((uint8_t*)memory);
}

template <class T>
uint64_t elements_of(const TensorOf<T>& t) {
  return (uint64_t)t.h * t.w * t.pixel_stride;
}

// A few repeating values from -1 to 1: no kernel is faster or slower for the numbers, but for denormals.
void fill(float* to, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) to[i] = (float)((int)(i * 37 % 101) - 50) / 50;
}
void fill(uint8_t* to, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) to[i] = (uint8_t)(i * 2654435761u >> 13);
}

template <class Args>
auto inputs_of(Args& args) {
  if constexpr (requires { args.range_of; }) {
    return std::vector{&args.in, &args.range_of};
  } else if constexpr (requires { args.in; }) {
    return std::vector{&args.in};
  } else {
    return std::vector{&args.a, &args.b};
  }
}

// Weights of bytes have one type; others are measured with each.
template <class Args>
constexpr bool kHasWeights = requires(Args args) {
  args.weights.type;
};
template <class Args>
constexpr bool kHasByteWeights = requires(Args args) {
  args.weights.pairs_are_small;
};

// The op as a file would have it, so that its work is counted by the same function as a model's.
template <class Args>
uint64_t macs_of(OpKind kind, Args args) {
  std::vector<TensorRecord> records;
  const auto add = [&](const auto& t) {
    records.push_back({0, t.h, t.w, t.c, t.pixel_stride, t.ring_h, 0, 0, 0, 0, 0});
  };
  for (const auto* t : inputs_of(args)) add(*t);
  const uint32_t inputs = (uint32_t)records.size();
  add(args.out);
  OpRecord op = {};
  op.kind = (uint16_t)kind;
  op.in[0] = 0, op.in[1] = inputs > 1 ? 1 : kNoIndex;
  op.out = inputs;
  if constexpr (requires { args.window; }) op.k_h = (uint16_t)args.window.k_h, op.k_w = (uint16_t)args.window.k_w;
  if constexpr (requires { args.tiles; }) op.k_h = (uint16_t)args.tiles.k_h, op.k_w = (uint16_t)args.tiles.k_w;
  if constexpr (requires { args.radius; }) op.dims[0] = (uint16_t)args.radius;
  Model model = {};
  model.tensors = records.data();
  return op_macs(model, op, args.out.h);
}

// One kernel's arguments with memory behind them.
template <class Args>
class Problem {
 public:
  Problem(const Args& args, WeightType type) : args_(args) {
    for (auto* t : inputs_of(args_)) {
      place(t);
      fill(t->data, elements_of(*t));
    }
    place(&args_.out);
    if constexpr (kHasWeights<Args>) place_weights(type);
    if constexpr (kHasByteWeights<Args>) place_byte_weights();
    if constexpr (requires { args_.table; }) args_.table = fresh(256, [](uint8_t* to) { fill(to, 256); });
  }

  const Args& args() const { return args_; }
  uint64_t bytes() const { return bytes_; }
  uint32_t weight_rows() const {
    if constexpr (requires { args_.weights, args_.tiles; }) {
      return (uint32_t)winograd_scratch_rows(args_.tiles.alphas(), args_.in.c);
    }
    if constexpr (kHasWeights<Args>) return args_.weights.rows;
    return 0;
  }

 private:
  template <class T>
  void place(TensorOf<T>* t) {
    memory_.push_back(memory_of(elements_of(*t) * sizeof(T)));
    t->data = (T*)memory_.back().get();
    bytes_ += (uint64_t)t->h * t->w * t->c * sizeof(T);
  }

  template <class Fill>
  const uint8_t* fresh(uint64_t bytes, Fill fill_it) {
    memory_.push_back(memory_of(bytes));
    bytes_ += bytes;
    fill_it(memory_.back().get());
    return memory_.back().get();
  }

  // From -64 to 63, so that pairs are small; multipliers bring sums into the range of codes.
  void place_byte_weights() {
    Int8Weights& weights = args_.weights;
    const uint64_t panel = int8_panel_bytes(weights.rows), bytes = int8_weight_bytes(weights.rows, args_.out.c);
    weights.panels = fresh(bytes, [&](uint8_t* data) {
      for (uint64_t i = 0; i < bytes; ++i) data[i] = (uint8_t)((int)(i * 2654435761u >> 13 & 127) - 64);
      for (uint8_t* at = data; at < data + bytes; at += panel) {
        int32_t *start = (int32_t*)at, *sum = start + 2 * kPanelLanes;
        for (uint32_t lane = 0; lane < kPanelLanes; ++lane) {
          start[lane] = sum[lane] = 0;
          ((float*)at)[kPanelLanes + lane] = 1e-4f;
        }
      }
    });
  }

  void place_weights(WeightType type) {
    Weights& weights = args_.weights;
    const uint64_t bytes = weight_bytes(type, weights.rows, args_.out.c), panel = panel_bytes(type, weights.rows);
    memory_.push_back(memory_of(bytes));
    uint8_t* data = memory_.back().get();
    const bool has_table = type == WeightType::u8_table;
    for (uint64_t i = 0; i < bytes; ++i) data[i] = (uint8_t)(i * 2654435761u >> 13);
    weights.type = type;
    weights.table = has_table ? (const float*)data : nullptr;
    if (has_table) fill((float*)data, 256);
    weights.panels = data + (has_table ? kTableBytes : 0);
    for (uint8_t* at = (uint8_t*)weights.panels; at < data + bytes; at += panel) {
      const uint64_t floats = type == WeightType::f32 ? panel / sizeof(float) : kHeaderVectors * kPanelLanes;
      fill((float*)at, floats);
    }
    bytes_ += bytes;
  }

  Args args_;
  std::vector<Memory> memory_;
  uint64_t bytes_ = 0;
};

class KernelsBench {
 public:
  KernelsBench(const BenchOptions& options, Team& team) : options_(options), team_(team) {
    const char* wanted = wanted_isa();
    if (wanted && !kernels_named(wanted)) throw unknown_isa(wanted);
    for (uint32_t i = 0; const KernelTable* table = usable_kernels(i); ++i) {
      if (!wanted || kernels_named(wanted) == table) peaks_.emplace_back(*table, team, true);
    }
  }

  // Each type of weights, and each instruction set in turn.
  template <class Args>
  void add(OpKind kind, const char* name, Kernel<Args> KernelTable::*kernel, const Args& args) {
    for (const WeightType type : kWeightTypes) {
      if (!kHasWeights<Args> && type != WeightType::f32) break;
      const Problem<Args> problem(args, type);
      for (PeakMeter& peak : peaks_) {
        BenchRow row;
        row.kind = kind;
        row.name = name;
        if (kHasWeights<Args>) row.weights = weight_type_name(type);
        if (kHasByteWeights<Args>) row.weights = weight_type_name(WeightType::s8);
        row.isa = peak.table().isa;
        row.macs = macs_of(kind, args);
        row.bytes = problem.bytes();
        peak.burst();
        time(peak.table(), peak.table().*kernel, problem, &row);
        rows_.push_back(row);
      }
    }
  }

  const std::vector<PeakMeter>& peaks() const { return peaks_; }
  const std::vector<BenchRow>& rows() const { return rows_; }

 private:
  template <class Args>
  void time(const KernelTable& table, Kernel<Args> kernel, const Problem<Args>& problem, BenchRow* row) {
    const size_t scratch_floats = table.scratch_floats(problem.weight_rows());
    const size_t scratch_bytes = (scratch_floats * sizeof(float) + 63) / 64 * 64;
    const Memory scratch = memory_of(scratch_bytes * team_.size());
    const Args& args = problem.args();
    const auto run = [&](uint32_t times) {
      const double start = now_ms();
      for (uint32_t i = 0; i < times; ++i) {
        team_.each([&](uint32_t part) {
          kernel(args,
                 {{0, args.out.h}, part, team_.size(), (float*)(scratch.get() + part * scratch_bytes), scratch_floats});
        });
      }
      return (now_ms() - start) / times;
    };
    const std::vector<double> samples = measure(run);
    row->runs = (uint32_t)samples.size();
    row->median_ms = median(samples);
    row->ms = row->min_ms = least(samples);
  }

  template <class Run>
  std::vector<double> measure(Run run) const {
    double first = run(1);
    // The first run of a slow kernel is as good as any other: its start is a small part of it.
    if (!options_.runs && !options_.warmup && first > kMuchLongerMs) return {first};
    for (uint32_t i = 1; i < options_.warmup.value_or(1); ++i) first = run(1);
    const uint32_t times = first >= kLeastMs ? 1 : (uint32_t)std::min(1000.0, kLeastMs / std::max(first, 1e-5) + 1);
    std::vector<double> samples;
    const double start = now_ms();
    while (options_.runs ? samples.size() < *options_.runs : samples.size() < 2 || now_ms() - start < kBudgetMs) {
      samples.push_back(run(times));
    }
    return samples;
  }

  const BenchOptions& options_;
  Team& team_;
  std::vector<PeakMeter> peaks_;
  std::vector<BenchRow> rows_;
};

// Where people look at it: one line that says how far it is.
void show_progress(size_t done, size_t all, const char* name) {
  if (::isatty(STDERR_FILENO))
    std::fprintf(stderr, done < all ? "\r%3zu of %zu: %-50.50s" : "\r\033[K", done, all, name);
}

}  // namespace

BenchReport bench_kernels(const BenchOptions& options) {
  MemoryMeter memory(options.threads);  // forks: before there are threads
  Team team(options.threads);
  KernelsBench bench(options, team);
  size_t done = 0;
  const size_t all = std::size(kBenchedOps);
  using namespace posy::bench;
#define POSY_SHAPE(op, name, args)                                                   \
  show_progress(done++, all, #op ": " name);                                         \
  if (done * kMemoryBursts / all > (done - 1) * kMemoryBursts / all) memory.burst(); \
  bench.add(OpKind::op, name, &KernelTable::op, args);
#include "apps/bench_shapes.def"
#undef POSY_SHAPE
  show_progress(all, all, "");

  BenchReport report;
  report.title = "Kernels";
  report.threads = team.size();
  report.memory_gbs = memory.gigabytes_per_second();
  for (const PeakMeter& peak : bench.peaks())
    report.peaks.push_back({peak.table().isa, peak.gflops(), peak.gops_int8()});
  report.rows = bench.rows();
  return report;
}

void print_kernels(const BenchReport& report) {
  const char* line = "%-20s %-42s %-9s %-10s %10s %10s %9s %8s %8s\n";
  std::printf(line, "op", "shape", "weights", "isa", "median ms", "min ms", "GFLOP/s", "GB/s", "of peak");
  for (const BenchRow& row : report.rows) {
    std::printf("%-20s %-42s %-9s %-10s %10.4f %10.4f %9.1f %8.1f %7.1f%%\n", op_name(row.kind), row.name.c_str(),
                row.weights.c_str(), row.isa.c_str(), row.median_ms, row.min_ms, row.gflops(),
                row.gigabytes_per_second(), 100 * report.fraction_of_peak(row));
  }
  std::printf("\n%u thread%s; peak", report.threads, report.threads == 1 ? "" : "s");
  for (const BenchReport::Peak& peak : report.peaks)
    std::printf(" %s %.1f GFLOP/s and %.1f Gop/s of bytes,", peak.isa.c_str(), peak.gflops, peak.gops_int8);
  std::printf(" memory is read at %.1f GB/s\n", report.memory_gbs);
}

Json json_kernels(const BenchReport& report) {
  Json json;
  json["threads"] = report.threads;
  json["processor"] = processor_name();
  json["bandwidth_gbs"] = report.memory_gbs > 0 ? json_number(report.memory_gbs) : Json();
  json["isas"] = Json::array();
  for (const BenchReport::Peak& peak : report.peaks)
    json["isas"].push_back({{"isa", peak.isa},
                            {"peak_gflops", json_number(peak.gflops)},
                            {"peak_gops_int8", json_number(peak.gops_int8)}});
  json["kernels"] = Json::array();
  for (const BenchRow& row : report.rows) {
    json["kernels"].push_back({{"kind", op_name(row.kind)},
                               {"name", row.name},
                               {"weights", row.weights},
                               {"isa", row.isa},
                               {"runs", row.runs},
                               {"median_ms", json_number(row.median_ms)},
                               {"min_ms", json_number(row.min_ms)},
                               {"macs", row.macs},
                               {"bytes", row.bytes},
                               {"gflops", json_number(row.gflops())},
                               {"gbs", json_number(row.gigabytes_per_second())},
                               {"fraction_of_peak", json_number(report.fraction_of_peak(row))}});
  }
  return json;
}

}  // namespace posy
