// posy bench: how long one inference takes, and each of its ops.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <numeric>

#include "apps/commands.h"
#include "apps/json.h"
#include "apps/session.h"

namespace posy {
namespace {

// Time between the ends of steps, added up per op.
struct OpClock {
  double last = 0;
  std::vector<double> ms;  // per op, of one run

  static int observe(void* self, const posy_progress* progress) {
    OpClock& clock = *(OpClock*)self;
    const double now = now_ms();
    clock.ms[progress->op] += now - clock.last;
    clock.last = now;
    return 0;
  }
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + (std::ptrdiff_t)(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double percentile95(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[(values.size() * 95 + 99) / 100 - 1];  // nearest rank
}

// Peak resident set of this process, from the kernel.
uint64_t peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    unsigned long long kib;
    if (std::sscanf(line.c_str(), "VmHWM: %llu kB", &kib) == 1) return kib * 1024;
  }
  return 0;
}

struct BenchResult {
  double first_ms = 0;
  std::vector<double> runs;
  std::vector<double> op_ms;  // median per op
};

// A picture with some of everything, so that no op sees constants only.
Image test_picture(posy_shape shape) {
  Image image;
  image.width = shape.w;
  image.height = shape.h;
  for (uint32_t i = 0; i < shape.h * shape.w * 3; ++i) image.rgb.push_back((uint8_t)(i * 2654435761u >> 24));
  return image;
}

BenchResult measure(Session& session, uint32_t warmup, uint32_t runs) {
  const Image image = test_picture(posy_input_shape(session.engine()));
  const auto run_once = [&] {
    session.set_image(image, "the test picture");
    return session.run();
  };
  BenchResult result;
  result.first_ms = run_once();
  for (uint32_t i = 0; i < warmup; ++i) run_once();
  for (uint32_t i = 0; i < runs; ++i) result.runs.push_back(run_once());

  // The clock of the ops costs a little, so these are runs of their own.
  const uint32_t op_count = session.model().op_count;
  std::vector<std::vector<double>> samples(op_count);
  OpClock clock;
  posy_set_observer(session.engine(), OpClock::observe, &clock);
  for (uint32_t i = 0; i < runs; ++i) {
    clock.ms.assign(op_count, 0);
    session.set_image(image, "the test picture");
    clock.last = now_ms();
    session.run();
    for (uint32_t op = 0; op < op_count; ++op) samples[op].push_back(clock.ms[op]);
  }
  posy_set_observer(session.engine(), nullptr, nullptr);
  for (const std::vector<double>& sample : samples) result.op_ms.push_back(median(sample));
  return result;
}

double gflops(uint64_t macs, double ms) {
  return ms > 0 ? 2 * (double)macs / ms / 1e6 : 0;
}

uint64_t macs_of(const Model& model, uint32_t op) {
  return op_macs(model, model.ops[op], model.tensors[model.ops[op].out].h);
}

void print_text(Session& session, const BenchResult& r) {
  const Model& model = session.model();
  std::printf("%-18s %10s %9s %9s  %s\n", "op", "ms", "share", "GFLOP/s", "node");
  const double total = std::accumulate(r.op_ms.begin(), r.op_ms.end(), 0.0);
  for (uint32_t i = 0; i < model.op_count; ++i) {
    std::printf("%-18s %10.4f %8.1f%% %9.1f  %s\n", op_name((OpKind)model.ops[i].kind), r.op_ms[i],
                100 * r.op_ms[i] / total, gflops(macs_of(model, i), r.op_ms[i]), model.string(model.ops[i].name));
  }
  std::printf("\n%s, %u thread%s: min %.3f ms, median %.3f ms, p95 %.3f ms of %zu runs\n",
              posy_engine_isa(session.engine()), session.threads(), session.threads() == 1 ? "" : "s",
              *std::min_element(r.runs.begin(), r.runs.end()), median(r.runs), percentile95(r.runs), r.runs.size());
  std::printf("open %.3f ms, first run %.3f ms, arena %u bytes, file %u bytes\n", session.open_ms(), r.first_ms,
              model.header->arena_bytes, model.header->file_bytes);
}

void print_as_json(Session& session, const BenchResult& r) {
  const Model& model = session.model();
  Json json;
  json["isa"] = posy_engine_isa(session.engine());
  json["threads"] = session.threads();
  json["runs"] = r.runs.size();
  json["min_ms"] = json_ms(*std::min_element(r.runs.begin(), r.runs.end()));
  json["median_ms"] = json_ms(median(r.runs));
  json["p95_ms"] = json_ms(percentile95(r.runs));
  json["open_ms"] = json_ms(session.open_ms());
  json["first_ms"] = json_ms(r.first_ms);
  json["arena_bytes"] = model.header->arena_bytes;
  json["file_bytes"] = model.header->file_bytes;
  json["peak_rss_bytes"] = peak_rss_bytes();
  json["ops"] = Json::array();
  for (uint32_t i = 0; i < model.op_count; ++i) {
    json["ops"].push_back({{"kind", op_name((OpKind)model.ops[i].kind)},
                           {"name", model.string(model.ops[i].name)},
                           {"ms", r.op_ms[i]},
                           {"gflops", gflops(macs_of(model, i), r.op_ms[i])}});
  }
  print_json(json);
}

int run(const Args& args) {
  if (args.words().size() != 1) throw UsageError("bench takes one model");
  SessionOptions options;
  options.convert = convert_options(args);
  options.threads = args.number("threads", 1, POSY_MAX_THREADS).value_or(0);
  const uint32_t warmup = args.number("warmup", 0, 1000000).value_or(5);
  const uint32_t runs = args.number("runs", 1, 1000000).value_or(50);
  Session session(args.words()[0], options);
  const BenchResult result = measure(session, warmup, runs);
  args.has("json") ? print_as_json(session, result) : print_text(session, result);
  return 0;
}

}  // namespace

const Command& bench_command() {
  static const Command command = {
      "bench",
      "posy bench MODEL [flags]",
      "time of an inference and of each op",
      with_convert_flags({
          {"threads", "N", "threads of one inference (POSY_THREADS, else 1)"},
          {"runs", "N", "counted runs (50)"},
          {"warmup", "N", "runs before that (5)"},
          {"json", nullptr, "as JSON"},
      }),
      run,
  };
  return command;
}

}  // namespace posy
