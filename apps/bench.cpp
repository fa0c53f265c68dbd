// posy bench: how long one inference takes, and each of its ops; or how fast each kernel is.
#include "apps/bench.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <numeric>

#include "apps/bench_peak.h"
#include "apps/commands.h"
#include "apps/op_clock.h"
#include "apps/outputs.h"
#include "apps/page.h"
#include "apps/session.h"
#include "loaders/file.h"
#include "loaders/graph.h"

namespace posy {

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + (std::ptrdiff_t)(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

namespace {

// Bursts of multiply-adds and of memory reads in all, spread evenly among the runs.
constexpr uint32_t kPeakBursts = 48, kMemoryBursts = 6;

double percentile95(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[(values.size() * 95 + 99) / 100 - 1];  // nearest rank
}

struct BenchResult {
  double first_ms = 0;
  uint64_t rss_bytes = 0;
  std::vector<double> runs;
  std::vector<std::vector<double>> op_runs;  // per op
};

class ModelBench {
 public:
  ModelBench(Session& session, PeakMeter& peak, MemoryMeter& memory)
      : session_(session), peak_(peak), memory_(memory), image_(test_picture(posy_input_shape(session.engine()))) {}

  BenchResult measure(uint32_t warmup, uint32_t runs) {
    BenchResult result;
    result.first_ms = run();
    for (uint32_t i = 0; i < warmup; ++i) run();
    result.rss_bytes = peak_rss_bytes();  // the engine has touched all that it ever will, and the benchmark little yet
    result.op_runs.resize(session_.model().op_count);
    // In turn, so that a machine that slows down or warms up is the same for all that is compared.
    for (uint32_t i = 0; i < runs; ++i) {
      result.runs.push_back(run());
      clocked_run(&result);
      bursts(i, runs);
    }
    return result;
  }

 private:
  double run() {
    session_.set_image(image_, "the test picture");
    return session_.run();
  }

  // The clock of the ops costs a little, so these are runs of their own.
  void clocked_run(BenchResult* result) {
    const std::vector<double> ms = posy::clocked_run(session_, image_);
    for (size_t op = 0; op < ms.size(); ++op) result->op_runs[op].push_back(ms[op]);
  }

  // Those that are due after run `i` of `runs`.
  void bursts(uint32_t i, uint32_t runs) {
    const auto due = [&](uint64_t all) { return all * (i + 1) / runs - all * i / runs; };
    for (uint64_t n = due(kPeakBursts); n > 0; --n) peak_.burst();
    const uint64_t memory_bursts = due(kMemoryBursts);
    for (uint64_t n = memory_bursts; n > 0; --n) memory_.burst();
    if (memory_bursts > 0) run();  // brings the model back into the caches
  }

  Session& session_;
  PeakMeter& peak_;
  MemoryMeter& memory_;
  const Image image_;
};

bool has_codes(const Model& model) {
  return std::any_of(model.tensors, model.tensors + model.tensor_count, is_u8);
}

uint64_t tensor_bytes(const Model& model, uint32_t index) {
  if (index == kNoIndex) return 0;
  const TensorRecord& t = model.tensors[index];
  return (uint64_t)t.h * t.w * t.c * element_bytes((ElementType)t.type);
}

std::vector<BenchRow> rows_of(Session& session, const BenchResult& result) {
  const Model& model = session.model();
  std::vector<BenchRow> rows;
  for (uint32_t i = 0; i < model.op_count; ++i) {
    const OpRecord& op = model.ops[i];
    BenchRow row;
    row.kind = (OpKind)op.kind;
    row.name = model.string(op.name);
    row.weights = op.weights_bytes > 0 ? weight_type_name((WeightType)op.weight_type) : "";
    row.isa = posy_engine_isa(session.engine());
    row.macs = op_macs(model, op, model.tensors[op.out].h);
    row.bytes =
        tensor_bytes(model, op.in[0]) + tensor_bytes(model, op.in[1]) + tensor_bytes(model, op.out) + op.weights_bytes;
    row.runs = (uint32_t)result.op_runs[i].size();
    row.ms = row.median_ms = median(result.op_runs[i]);
    row.min_ms = least(result.op_runs[i]);
    rows.push_back(row);
  }
  return rows;
}

// The whole run as one row.
BenchRow whole_of(const BenchReport& report, const BenchResult& result) {
  BenchRow whole = {};
  for (const BenchRow& row : report.rows) whole.macs += row.macs;
  whole.isa = report.peaks[0].isa;
  whole.ms = least(result.runs);
  return whole;
}

std::string peak_text(const BenchReport::Peak& peak) {
  const std::string floats = short_number(peak.gflops) + " GFLOP/s";
  return peak.gops_int8 > 0 ? floats + " and " + short_number(peak.gops_int8) + " Gop/s of bytes" : floats;
}

void print_model(Session& session, const BenchReport& report, const BenchResult& r) {
  std::printf("%-18s %10s %8s %9s %8s  %s\n", "op", "ms", "share", "GFLOP/s", "of peak", "node");
  for (const BenchRow& row : report.rows) {
    std::printf("%-18s %10.4f %7.1f%% %9.1f %7.1f%%  %s\n", op_name(row.kind), row.ms, 100 * row.ms / report.total_ms(),
                row.gflops(), 100 * report.fraction_of_peak(row), printable_name(row.name).c_str());
  }
  const BenchRow whole = whole_of(report, r);
  std::printf("\n%s, %u thread%s: min %.3f ms, median %.3f ms, p95 %.3f ms of %zu runs\n", whole.isa.c_str(),
              report.threads, report.threads == 1 ? "" : "s", least(r.runs), median(r.runs), percentile95(r.runs),
              r.runs.size());
  std::printf("%.1f GFLOP/s at best, %.1f%% of the %s that the processor made beside it; memory is read at %.1f GB/s\n",
              whole.gflops(), 100 * report.fraction_of_peaks(whole.ms), peak_text(report.peaks[0]).c_str(),
              report.memory_gbs);
  std::printf("open %.3f ms, first run %.3f ms, arena %u bytes, file %u bytes, peak memory %.1f MB\n",
              session.open_ms(), r.first_ms, session.model().header->arena_bytes, session.model().header->file_bytes,
              (double)r.rss_bytes / 1e6);
}

Json json_model(Session& session, const BenchReport& report, const BenchResult& r) {
  const Model& model = session.model();
  const BenchRow whole = whole_of(report, r);
  Json json;
  json["isa"] = whole.isa;
  json["threads"] = report.threads;
  json["runs"] = r.runs.size();
  json["min_ms"] = json_ms(least(r.runs));
  json["median_ms"] = json_ms(median(r.runs));
  json["p95_ms"] = json_ms(percentile95(r.runs));
  json["open_ms"] = json_ms(session.open_ms());
  json["first_ms"] = json_ms(r.first_ms);
  json["arena_bytes"] = model.header->arena_bytes;
  json["file_bytes"] = model.header->file_bytes;
  json["peak_rss_bytes"] = r.rss_bytes;
  json["peak_gflops"] = json_number(report.peaks[0].gflops);
  if (report.peaks[0].gops_int8 > 0) json["peak_gops_int8"] = json_number(report.peaks[0].gops_int8);
  json["fraction_of_peak"] = json_number(report.fraction_of_peaks(whole.ms));
  json["bandwidth_gbs"] = report.memory_gbs > 0 ? json_number(report.memory_gbs) : Json();
  json["macs"] = whole.macs;
  json["processor"] = processor_name();
  json["ops"] = Json::array();
  for (const BenchRow& row : report.rows) {
    json["ops"].push_back({{"kind", op_name(row.kind)},
                           {"name", row.name},
                           {"ms", json_number(row.ms)},
                           {"min_ms", json_number(row.min_ms)},
                           {"gflops", json_number(row.gflops())},
                           {"fraction_of_peak", json_number(report.fraction_of_peak(row))},
                           {"macs", row.macs},
                           {"bytes", row.bytes},
                           {"weights", row.weights}});
  }
  return json;
}

// ---- What is written ----

// As a shell would have to be told.
std::string quoted(const std::string& word) {
  if (word.find_first_of(" \t\n\"'\\$`*?;&|<>()#~!{}[]") == word.npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

std::string command_line(const Args& args) {
  std::string line = wanted_isa() ? "POSY_ISA=" + quoted(wanted_isa()) + " posy bench" : "posy bench";
  for (const std::string& word : args.given()) line += " " + quoted(word);
  return line;
}

std::string date_text() {
  char text[64];
  const std::time_t now = std::time(nullptr);
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  return text;
}

std::string ms_text(double ms) {
  return short_number(ms) + " ms";
}

std::string size_text(uint64_t bytes) {
  return bytes < 10000 ? std::to_string(bytes) + " bytes" : short_number((double)bytes / 1e6) + " MB";
}

void add_machine(const Args& args, BenchReport* report) {
  std::string isas;
  for (const BenchReport::Peak& peak : report->peaks) {
    isas += (isas.empty() ? "" : ", ") + peak.isa + " " + peak_text(peak);
  }
  std::vector<BenchReport::Fact>& facts = report->facts;
  facts.push_back({"processor", processor_name()});
  facts.push_back({"threads", std::to_string(report->threads)});
  facts.push_back({"instruction set, its peak", isas});
  facts.push_back(
      {"memory reads", report->memory_gbs > 0 ? short_number(report->memory_gbs) + " GB/s" : "not measured"});
  facts.push_back({"date", date_text()});
  facts.push_back({"version", posy_version()});
  facts.push_back({"command", command_line(args)});
}

void add_model(Session& session, const BenchResult& r, BenchReport* report) {
  const FileHeader& header = *session.model().header;
  const BenchRow whole = whole_of(*report, r);
  report->facts = {
      {"fastest of " + std::to_string(r.runs.size()) + " runs", ms_text(least(r.runs))},
      {"median", ms_text(median(r.runs))},
      {"95th percentile", ms_text(percentile95(r.runs))},
      {"speed of the fastest",
       short_number(whole.gflops()) + " GFLOP/s, " + percent_text(report->fraction_of_peaks(whole.ms)) + " of peak"},
      {"work", short_number((double)whole.macs / 1e6) + " million multiply-adds"},
      {"open", ms_text(session.open_ms())},
      {"first run", ms_text(r.first_ms)},
      {"activations", size_text(header.arena_bytes)},
      {"file", size_text(header.file_bytes)},
      {"peak memory", size_text(r.rss_bytes)},
  };
}

// True if one of the files is standard output, where the table then has no place.
bool write_files(const Args& args, const BenchReport& report) {
  const std::optional<std::string> csv = args.text("csv"), html = args.text("html");
  if (csv) write_text(*csv, csv_of(report));
  if (html) write_text(*html, html_of(report));
  return csv == "-" || html == "-";
}

BenchOptions options_of(const Args& args) {
  BenchOptions options;
  const auto threads = args.number("threads", 1, POSY_MAX_THREADS);
  options.threads = threads ? *threads : default_threads();
  options.warmup = args.number("warmup", 0, 1000000);
  options.runs = args.number("runs", 1, 1000000);
  return options;
}

int run_kernels(const Args& args) {
  if (!args.words().empty()) throw UsageError("bench --kernels takes no model");
  const BenchOptions options = options_of(args);
  check_outputs(args, {"csv", "html"});
  BenchReport report = bench_kernels(options);
  add_machine(args, &report);
  if (write_files(args, report)) return 0;
  args.has("json") ? print_json(json_kernels(report)) : print_kernels(report);
  return 0;
}

int run_model(const Args& args) {
  if (args.words().size() != 1) throw UsageError("bench takes one model");
  const BenchOptions options = options_of(args);
  SessionOptions session_options;
  session_options.convert = convert_options(args);
  session_options.threads = options.threads;
  check_outputs(args, {"csv", "html"});
  MemoryMeter memory(options.threads);  // forks: before the session's threads
  Session session(args.words()[0], session_options);
  PeakMeter peak(*kernels_named(posy_engine_isa(session.engine())), session.team(), has_codes(session.model()));
  const BenchResult result =
      ModelBench(session, peak, memory).measure(options.warmup.value_or(5), options.runs.value_or(50));

  BenchReport report;
  report.of_model = true;
  report.title = std::filesystem::path(args.words()[0]).filename().string();
  report.threads = session.threads();
  report.peaks = {{peak.table().isa, peak.gflops(), peak.gops_int8()}};
  report.memory_gbs = memory.gigabytes_per_second();
  report.rows = rows_of(session, result);
  add_model(session, result, &report);
  add_machine(args, &report);
  if (write_files(args, report)) return 0;
  args.has("json") ? print_json(json_model(session, report, result)) : print_model(session, report, result);
  return 0;
}

int run(const Args& args) {
  return args.has("kernels") ? run_kernels(args) : run_model(args);
}

}  // namespace

const Command& bench_command() {
  static const Command command = {
      "bench",
      "posy bench MODEL [flags], or posy bench --kernels [flags]",
      "time and memory of an inference and of each op, and how near the processor's peak they are",
      with_convert_flags({
          {"kernels", nullptr, "instead of a model, every kernel of every instruction set on shapes of known networks"},
          {"threads", "N", "threads of one inference (POSY_THREADS, else 1)"},
          {"runs", "N", "counted runs (50; of a kernel, as many as fit into 30 ms)"},
          {"warmup", "N", "runs before that (5; of a kernel, 1)"},
          {"json", nullptr, "as JSON"},
          {"csv", "FILE", "write a table with a line for each op as well"},
          {"html", "FILE", "write a page with a roofline chart as well"},
      }),
      run,
      R"(  posy bench flowers.posy --runs 200 --threads 2
  posy bench flowers.posy --html bench.html
  POSY_ISA=avx2 posy bench --kernels --csv kernels.csv
)",
  };
  return command;
}

}  // namespace posy
