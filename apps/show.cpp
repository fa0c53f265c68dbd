// posy show: a model to look at.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "apps/bench.h"
#include "apps/commands.h"
#include "apps/graph_json.h"
#include "apps/graph_page.h"
#include "apps/op_clock.h"
#include "apps/op_text.h"
#include "apps/page.h"
#include "apps/session.h"
#include "apps/weights_page.h"
#include "loaders/event_file.h"
#include "loaders/file.h"
#include "loaders/tensorboard_graph.h"

namespace posy {
namespace {

constexpr uint32_t kClockedRuns = 30, kWarmupRuns = 3;

std::string name_of(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  return name.empty() ? path : name;
}

void write_page(const std::string& path, const std::string& page) {
  write_text(path, page);
}

// ---- Weights ----

// The graph's own weights, in floats.
std::vector<OpWeights> weights_of_graph(const std::string& graph, ConvertOptions options) {
  options.bits = {};
  options.bits.weights = WeightChoice::kF32;
  options.int8 = options.known_codes = options.winograd = false;
  options.rounded_levels.reset();
  const Conversion conversion = convert_graph(graph, options);
  return read_weights(checked_model(graph, conversion.posy));
}

int show_weights(const Args& args, const std::string& path, const std::string& output) {
  const ConvertOptions options = convert_options(args);
  const LoadedModel loaded = load_model(path, options);
  const Model model = checked_model(path, loaded.posy);
  const std::optional<std::string> against = args.text("against");
  const bool is_graph = form_of(path) == FileForm::kOther;
  const std::vector<OpWeights> weights = read_weights(model);
  std::vector<OpWeights> before;
  if (against || is_graph) before = weights_of_graph(against.value_or(path), options);
  write_page(output, weights_page(name_of(path), model, weights, before));
  std::fprintf(stderr, "%s: %zu layers%s\n", output.c_str(), weights.size(),
               before.empty() ? "; --against GRAPH shows the graph's weights beside them" : "");
  return 0;
}

// ---- The graph ----

// What there is to show: a graph, what it becomes, or both.
struct Shown {
  std::optional<Graph> graph;
  std::optional<Network> lowered;  // the graph's, for shapes
  std::unique_ptr<Session> session;
  LoadedModel loaded;
  std::optional<Model> model;
  std::vector<ModelNode> nodes;    // of the model
  std::optional<Origins> origins;  // where both are there
  OpTimes times;
  std::string refusal;  // why there is no model
};

// Medians of the session's runs.
OpTimes measured_times(Session& session) {
  const Image picture = test_picture(posy_input_shape(session.engine()));
  for (uint32_t i = 0; i < kWarmupRuns; ++i) clocked_run(session, picture);
  std::vector<std::vector<double>> runs(session.model().op_count);
  for (uint32_t i = 0; i < kClockedRuns; ++i) {
    const std::vector<double> ms = clocked_run(session, picture);
    for (size_t op = 0; op < ms.size(); ++op) runs[op].push_back(ms[op]);
  }
  OpTimes times;
  for (const std::vector<double>& ms : runs) times.ms.push_back(median(ms));
  times.source = "medians of " + std::to_string(kClockedRuns) + " runs, " + posy_engine_isa(session.engine()) + ", " +
                 std::to_string(session.threads()) + (session.threads() == 1 ? " thread" : " threads");
  return times;
}

// Those of a file that posy bench --json has written, of this model.
OpTimes read_times(const std::string& path, const Model& model) {
  const std::vector<uint8_t> bytes = read_file(path);
  const Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  const bool is_bench = json.is_object() && json.contains("ops") && json["ops"].is_array() && json.contains("isa") &&
                        json["isa"].is_string();
  if (!is_bench) throw InputError(path + ": is not what posy bench MODEL --json prints");
  const Json& ops = json["ops"];
  if (ops.size() != model.op_count) {
    throw InputError(path + ": has times of " + std::to_string(ops.size()) + " ops, but the model has " +
                     std::to_string(model.op_count) + "; measure this model with posy bench --json");
  }
  OpTimes times;
  for (uint32_t i = 0; i < model.op_count; ++i) {
    const std::string name = model.string(model.ops[i].name), kind = op_name((OpKind)model.ops[i].kind);
    const Json& op = ops[i];
    const bool is_same = op.is_object() && op.value("kind", Json()) == kind && op.value("name", Json()) == name &&
                         op.contains("ms") && op["ms"].is_number();
    if (!is_same) {
      throw InputError(path + ": its op " + std::to_string(i) + " is not the model's " + kind + " '" +
                       printable_name(name) + "'; measure this model with posy bench --json");
    }
    times.ms.push_back(op["ms"].get<double>());
  }
  times.source = name_of(path) + ", " + json["isa"].get<std::string>();
  return times;
}

// A graph that does not convert as it was asked to is an error, not a graph that does not convert.
bool has_convert_flag(const Args& args) {
  for (const FlagSpec& flag : with_convert_flags({})) {
    if (args.has(flag.name)) return true;
  }
  return false;
}

void load(const Args& args, const std::string& path, Shown* shown) {
  SessionOptions options;
  options.convert = convert_options(args);
  const bool is_graph = form_of(path) == FileForm::kOther;
  const std::optional<std::string> against = args.text("against");
  if (is_graph || against) shown->graph = read_graph(against.value_or(path));
  try {
    if (args.has("measure")) {
      shown->session = std::make_unique<Session>(path, options);
      shown->model = shown->session->model();
    } else {
      shown->loaded = load_model(path, options.convert);
      shown->model = checked_model(path, shown->loaded.posy);
    }
  } catch (const InputError& error) {
    if (!is_graph || against || has_convert_flag(args)) throw;
    shown->refusal = error.what();
    return;
  }
  shown->nodes = model_graph(*shown->model);
  if (shown->session) shown->times = measured_times(*shown->session);
  if (const auto bench = args.text("bench")) shown->times = read_times(*bench, *shown->model);
}

// Shapes, where the graph converts; and which of its nodes went where.
void compare(const Args& args, const std::string& graph_name, Shown* shown) {
  if (!shown->graph) return;
  LowerOptions options = convert_options(args).lower;
  if (shown->model) {
    shown->origins = find_origins(*shown->graph, *shown->model, shown->nodes);
    const size_t found = shown->origins->found, names = shown->origins->names;
    if (2 * found <= names) {
      throw InputError(graph_name + ": has " + std::to_string(found) + " of the " + std::to_string(names) +
                       " nodes that the model names; it is not the graph that this model was made from");
    }
    options.output_node = shown->model->string(shown->model->record->output_name);
  }
  try {
    shown->lowered = lower(*shown->graph, options);
  } catch (const InputError&) {
    // Then nodes have no shapes; that it does not convert is said elsewhere.
  }
}

std::string count_text(uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string bytes_text(uint64_t bytes) {
  return bytes < 10000 ? count_text(bytes, "byte") : short_number((double)bytes / 1e6) + " MB";
}

GraphPage::Side graph_side(const Shown& shown, const std::string& path, const ConvertOptions& options) {
  using Fate = Origins::Fate;
  const Graph& graph = *shown.graph;
  const std::vector<Fate> fates = shown.origins ? shown.origins->fates : find_fates(graph, options.lower);
  const auto count = [&](Fate fate) { return (uint64_t)std::count(fates.begin(), fates.end(), fate); };
  GraphPage::Side side;
  side.title = name_of(path);
  side.facts = {{"file", bytes_text(graph.file_bytes)},
                {"nodes", std::to_string(graph.nodes.size())},
                {"needed", std::to_string(count(Fate::kNeeded))}};
  if (count(Fate::kUnneeded)) side.facts.push_back({"not needed", std::to_string(count(Fate::kUnneeded))});
  if (count(Fate::kDropout)) side.facts.push_back({"of a dropout", std::to_string(count(Fate::kDropout))});
  side.nodes = json_of_graph(graph, fates, shown.lowered ? &*shown.lowered : nullptr);
  return side;
}

GraphPage::Side model_side(const Shown& shown, const std::string& path, bool is_graph) {
  const Model& model = *shown.model;
  uint64_t macs = 0;
  double ms = 0;
  for (uint32_t i = 0; i < model.op_count; ++i) macs += op_macs(model, model.ops[i], model.tensors[model.ops[i].out].h);
  for (const double x : shown.times.ms) ms += x;
  GraphPage::Side side;
  side.title = is_graph ? "as it runs" : name_of(path);
  side.facts = {{is_graph ? "would be" : "file", bytes_text(model.header->file_bytes)},
                {"ops", std::to_string(model.op_count)},
                {"weights", bytes_text(model.weights_bytes)},
                {"activations", bytes_text(model.header->arena_bytes)},
                {"work", short_number((double)macs / 1e6) + " million multiply-adds"},
                {"input", tensor_text(model.input())},
                {"classes", std::to_string(model.output().c)}};
  if (!shown.times.ms.empty()) side.facts.push_back({"time", short_number(ms) + " ms: " + shown.times.source});
  side.nodes = json_of_model(model, shown.nodes, shown.origins ? &*shown.origins : nullptr, shown.times);
  return side;
}

void write_events(const std::string& folder, const Shown& shown, bool is_graph) {
  const std::vector<uint8_t> graph = is_graph ? graph_def_of(*shown.graph, shown.lowered ? &*shown.lowered : nullptr)
                                              : graph_def_of(*shown.model, shown.nodes);
  EventFile events(folder);
  events.add_graph(graph);
  std::fprintf(stderr, "%s: %s, for tensorboard --logdir %s\n", events.path().c_str(),
               count_text(is_graph ? shown.graph->nodes.size() : shown.nodes.size(), "node").c_str(), folder.c_str());
}

int show_graph(const Args& args, const std::string& path) {
  const bool is_graph = form_of(path) == FileForm::kOther;
  const std::string graph_name = args.text("against").value_or(path);
  Shown shown;
  load(args, path, &shown);
  compare(args, graph_name, &shown);
  GraphPage page;
  page.title = name_of(path);
  page.times_from = shown.times.source;
  if (shown.graph) page.graph = graph_side(shown, graph_name, convert_options(args));
  if (shown.model) page.model = model_side(shown, path, is_graph && !args.has("against"));
  if (!shown.refusal.empty()) {
    page.note = "This graph does not convert, so it is shown alone. " + shown.refusal;
    std::fprintf(stderr, "posy: %s; its graph is shown all the same\n", shown.refusal.c_str());
  }
  if (const auto folder = args.text("tensorboard")) write_events(*folder, shown, is_graph);
  const std::optional<std::string> output = args.text("output");
  if (!output) return 0;
  write_page(*output, html_of(page));
  std::string said = shown.graph ? count_text(shown.graph->nodes.size(), "node") : "";
  if (shown.model) said += (said.empty() ? "" : " and ") + count_text(shown.model->op_count, "op");
  if (!shown.graph) said += "; --against GRAPH shows the graph that they were made from beside them";
  std::fprintf(stderr, "%s: %s\n", output->c_str(), said.c_str());
  return 0;
}

// The output may replace none of the inputs.
void check_output(const Args& args, const std::string& path, const std::string& output) {
  std::error_code ignored;
  const auto is_same = [&](const std::string& other) {
    return output == other || std::filesystem::equivalent(output, other, ignored);
  };
  if (is_same(path)) throw UsageError("the output " + output + " would replace the model");
  for (const char* flag : {"against", "bench"}) {
    const std::optional<std::string> other = args.text(flag);
    if (other && is_same(*other)) throw UsageError("the output " + output + " would replace " + *other);
  }
}

int run(const Args& args) {
  if (args.words().size() != 1) throw UsageError("show takes one model");
  const std::string path = args.words()[0];
  const std::optional<std::string> output = args.text("output");
  if (!output && (args.has("weights") || !args.has("tensorboard")))
    throw UsageError("show needs -o FILE.html: where to write");
  if (path == "-") throw UsageError("show reads a model more than once: it cannot be standard input");
  if (output) check_output(args, path, *output);
  if (args.has("bench") && args.has("measure"))
    throw UsageError("--bench has times that were measured before, --measure measures now: give one of them");
  if (!args.has("weights")) return show_graph(args, path);
  for (const char* flag : {"tensorboard", "bench", "measure"}) {
    if (args.has(flag)) throw UsageError("--weights draws a page of its own, without --" + std::string(flag));
  }
  return show_weights(args, path, *output);
}

// convert's, but for --weights TYPE: here it says what to show. Files of a type are shown with --against.
std::vector<FlagSpec> flags() {
  std::vector<FlagSpec> flags = with_convert_flags({
      {"output", "FILE", "where to write the page"},
      {"against", "GRAPH", "of a .posy file: the graph that it was made from, to show beside it"},
      {"bench", "FILE", "times of the ops: what posy bench MODEL --json has printed"},
      {"measure", nullptr, "times of the ops: measure them now"},
      {"tensorboard", "DIR", "write an events file for TensorBoard's Graphs tab as well"},
      {"weights", nullptr, "instead, the weights of every layer: what the file holds, and what the graph has"},
  });
  const auto is_type = [](const FlagSpec& flag) { return flag.name == std::string("weights") && flag.value; };
  flags.erase(std::remove_if(flags.begin(), flags.end(), is_type), flags.end());
  return flags;
}

}  // namespace

const Command& show_command() {
  static const Command command = {
      "show",
      "posy show MODEL -o PAGE.html [flags]",
      "a page to look at: the graph, or with --weights the weights",
      flags(),
      run,
      R"(  posy show retrained_graph.pb -o graph.html                     the graph beside what it becomes
  posy show flowers.posy --against retrained_graph.pb -o graph.html
  posy show flowers.posy -o weights.html --weights
  posy show retrained_graph.pb -o graph.html --tensorboard logs then: tensorboard --logdir logs
)",
  };
  return command;
}

}  // namespace posy
