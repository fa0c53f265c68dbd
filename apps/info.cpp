// posy info: what is in a .posy file; what a graph becomes, or why it does not and what is in it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "apps/c_source.h"
#include "apps/commands.h"
#include "apps/dump.h"
#include "apps/json.h"
#include "apps/op_text.h"
#include "apps/session.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/inspect.h"

namespace posy {
namespace {

bool has_weights(const OpRecord& op) {
  return op.weights_bytes > 0;
}

uint64_t total_macs(const Model& model) {
  uint64_t macs = 0;
  for (uint32_t i = 0; i < model.op_count; ++i) macs += op_macs(model, model.ops[i], model.tensors[model.ops[i].out].h);
  return macs;
}

// Of codes, what they stand for.
void add_type(const TensorRecord& t, Json* json) {
  if (!is_u8(t)) return;
  (*json)["type"] = "u8";
  (*json)["scale"] = json_float(t.scale);
  (*json)["zero_point"] = t.zero_point;
}

Json json_op(const Model& model, const OpRecord& op) {
  const TensorRecord& out = model.tensors[op.out];
  Json json = {{"kind", op_name((OpKind)op.kind)}, {"name", model.string(op.name)}, {"out", {out.h, out.w, out.c}}};
  add_type(out, &json);
  json["macs"] = op_macs(model, op, out.h);
  json["weight_bytes"] = op.weights_bytes;
  if (!has_weights(op)) {
    json["weights"] = "";
  } else if ((WeightType)op.weight_type == WeightType::u8_table) {
    json["weights"] = "u8";
  } else {
    json["weights"] = weight_type_name((WeightType)op.weight_type);
  }
  return json;
}

Json json_info(const Model& model) {
  const ModelRecord& r = *model.record;
  const TensorRecord& in = model.input();
  Json json;
  json["format_version"] =
      std::to_string(model.header->version_major) + "." + std::to_string(model.header->version_minor);
  json["input"] = {
      {"node", model.string(r.input_name)}, {"h", in.h}, {"w", in.w}, {"c", in.c}, {"mean", json_float(r.mean[0])},
      {"std", json_float(r.std[0])}};
  add_type(in, &json["input"]);
  json["output"] = {{"node", model.string(r.output_name)}, {"classes", model.output().c}};
  json["labels"] = Json::array();
  for (uint32_t i = 0; i < model.label_count; ++i) json["labels"].push_back(model.string(model.labels[i]));
  json["file_bytes"] = model.header->file_bytes;
  json["weight_bytes"] = model.weights_bytes;
  json["arena_bytes"] = model.header->arena_bytes;
  json["ram_bytes"] = target_needs(model).ram_bytes;
  json["simd_ram_bytes"] = target_needs(model).simd_ram_bytes;
  json["macs"] = total_macs(model);
  json["ops"] = Json::array();
  for (uint32_t i = 0; i < model.op_count; ++i) json["ops"].push_back(json_op(model, model.ops[i]));
  if (model.novelty) {
    json["unknown_rule"] = {{"subspaces", model.tensors[model.novelty->projection].c / model.novelty->group},
                            {"directions", model.novelty->group},
                            {"limit", json_float(model.novelty->limit)}};
  }
  return json;
}

void print_ops(const Model& model) {
  size_t width = 17, out_width = 13;
  for (uint32_t i = 0; i < model.op_count; ++i) {
    width = std::max(width, op_text(model.ops[i]).size());
    out_width = std::max(out_width, tensor_text(model.tensors[model.ops[i].out]).size());
  }
  const auto print = [&](const std::string& op, const char* window, const char* then, const char* output) {
    std::printf("  %-*s %-9s %-6s %-*s", (int)width, op.c_str(), window, then, (int)out_width, output);
  };
  std::printf("\n");
  print("op", "window", "then", "output");
  std::printf(" %9s %10s %-8s  %s\n", "MACs", "bytes", "weights", "node");
  for (uint32_t i = 0; i < model.op_count; ++i) {
    const OpRecord& op = model.ops[i];
    const TensorRecord& out = model.tensors[op.out];
    print(op_text(op), window_text(op).c_str(), clamp_text(op, out).c_str(), tensor_text(out).c_str());
    std::printf(" %8.2fM %10u %-8s  %s\n", (double)op_macs(model, op, out.h) / 1e6, op.weights_bytes,
                has_weights(op) ? weight_type_name((WeightType)op.weight_type) : "",
                printable_name(model.string(op.name)).c_str());
  }
}

void print_labels(const Model& model) {
  if (model.label_count == 0) {
    std::printf("labels   none\n");
    return;
  }
  const uint32_t shown = model.label_count > 12 ? 10 : model.label_count;
  std::printf("labels   %u:", model.label_count);
  for (uint32_t i = 0; i < shown; ++i)
    std::printf("%s %s", i ? "," : "", printable_name(model.string(model.labels[i])).c_str());
  std::printf(shown < model.label_count ? ", ...\n" : "\n");
}

// `packed_bytes`: 0 if the file is not packed.
void print_info(const std::string& path, size_t packed_bytes, const Model& model) {
  const ModelRecord& r = *model.record;
  const FileHeader& h = *model.header;
  const TargetNeeds needs = target_needs(model);
  const std::string packed = packed_bytes > 0 ? std::to_string(packed_bytes) + " bytes packed, unpacked " : "";
  std::printf("file     %s, %s%u bytes, format %u.%u\n", path.c_str(), packed.c_str(), h.file_bytes, h.version_major,
              h.version_minor);
  std::printf("input    %s, %s, (pixel - %g) / %g, legacy bilinear resize%s\n",
              printable_name(model.string(r.input_name)).c_str(), tensor_text(model.input()).c_str(), (double)r.mean[0],
              (double)r.std[0], r.normalize_first ? " after normalising" : "");
  std::printf("output   %s, %u classes\n", printable_name(model.string(r.output_name)).c_str(), model.output().c);
  print_labels(model);
  if (model.novelty) {
    std::printf("unknown  what lies more than %.3g outside of %u subspaces of %u directions\n",
                (double)model.novelty->limit, model.tensors[model.novelty->projection].c / model.novelty->group,
                model.novelty->group);
  }
  std::printf("weights  %u bytes\n", model.weights_bytes);
  std::printf("arena    %u bytes of activations\n", h.arena_bytes);
  std::printf("target   needs %llu bytes of RAM, %llu of flash (one thread; %llu of RAM with SIMD for floats)\n",
              (unsigned long long)needs.ram_bytes, (unsigned long long)needs.flash_bytes,
              (unsigned long long)needs.simd_ram_bytes);
  std::printf("work     %.2f million multiply-adds in %u ops, %u steps\n", (double)total_macs(model) / 1e6,
              model.op_count, model.step_count);
  print_ops(model);
}

// ---- Graphs ----

// Lists longer than these are cut: nobody reads further.
constexpr size_t kShownOps = 40, kShownUnsupported = 12, kShownEnds = 8, kLineChars = 100;

// The graph of a SavedModel or MetaGraphDef can be looked at although its variables are missing, or it is all
// functions.
Graph read_any_graph(const std::string& path) {
  try {
    return read_graph(path);
  } catch (const InputError&) {
    const std::filesystem::path folder = path;
    for (const auto& file : {folder, folder / "saved_model.pb", folder / "saved_model.pbtxt"}) {
      std::error_code ignored;
      if (std::filesystem::is_regular_file(file, ignored)) return parse_graph(read_file(file.string()), path);
    }
    throw;
  }
}

// Null where there is none to be had: standard input, which is read already, and files that are no graph.
std::optional<Graph> graph_of(const std::string& path) {
  if (path == "-") return std::nullopt;
  try {
    return read_any_graph(path);
  } catch (const InputError&) {
    return std::nullopt;
  }
}

std::string count_text(size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string size_text(size_t bytes) {
  if (bytes < 10000) return std::to_string(bytes) + " bytes";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f MB", (double)bytes / 1e6);
  return text;
}

std::string format_text(const Graph& graph, const GraphSummary& summary) {
  return summary.format + ", " + count_text(summary.nodes, "node") +
         (graph.producer ? ", producer " + std::to_string(graph.producer) : "");
}

std::string input_text(const InputSummary& input) {
  std::string text = printable_name(input.node);
  if (input.type != DataType::kInvalid) text += ", " + data_type_name(input.type);
  text += input.shape.known_rank                                ? " " + shape_text(input.shape.dims)
          : input.is_setting || input.type == DataType::kString ? ""
                                                                : ", no shape";
  return text + (input.is_setting ? " (a setting of training: not fed)" : "");
}

Json json_ops(const GraphSummary& summary) {
  Json ops = Json::array();
  for (const OpSummary& op : summary.ops) {
    ops.push_back({{"op", op.op}, {"count", op.count}, {"needed", op.needed}, {"supported", op.supported}});
  }
  return ops;
}

Json json_inputs(const GraphSummary& summary) {
  Json inputs = Json::array();
  for (const InputSummary& input : summary.inputs) {
    Json json = {{"node", input.node}, {"type", data_type_name(input.type)}, {"shape", nullptr}};
    if (input.shape.known_rank) json["shape"] = input.shape.dims;
    inputs.push_back(std::move(json));
  }
  return inputs;
}

Json json_outputs(const GraphSummary& summary) {
  Json outputs = Json::array();
  for (const OutputSummary& output : summary.outputs) outputs.push_back({{"node", output.node}, {"op", output.op}});
  return outputs;
}

Json json_unsupported(const GraphSummary& summary) {
  Json unsupported = Json::array();
  for (const UnsupportedOp& op : summary.unsupported) {
    Json nodes = Json::array();
    for (const UnsupportedOp::Node& node : op.first) nodes.push_back({{"node", node.name}, {"fed_by", node.fed_by}});
    unsupported.push_back({{"op", op.op}, {"count", op.count}, {"nodes", std::move(nodes)}});
  }
  return unsupported;
}

Json json_graph(const Graph& graph, const GraphSummary& summary, const std::string& reason) {
  Json json = {{"convertible", false}, {"reason", reason}};
  json["format"] = summary.format;
  json["file_bytes"] = graph.file_bytes;
  json["producer"] = graph.producer;
  json["nodes"] = summary.nodes;
  json["unneeded_nodes"] = summary.unneeded;
  json["ops"] = json_ops(summary);
  json["inputs"] = json_inputs(summary);
  json["outputs"] = json_outputs(summary);
  json["unsupported"] = json_unsupported(summary);
  json["notes"] = graph.notes;
  return json;
}

// Items behind a title, as many as fit into each line; further lines start `indent` spaces in.
void print_paragraph(std::string line, size_t indent, const std::vector<std::string>& items) {
  size_t on_line = 0;
  for (const std::string& item : items) {
    if (on_line > 0 && line.size() + 1 + item.size() > kLineChars) {
      std::puts(line.c_str());
      line = std::string(indent, ' ');
      on_line = 0;
    }
    line += (on_line++ ? " " : "") + item;
  }
  std::puts(line.c_str());
}

std::vector<std::string> words_of(const std::string& sentence) {
  std::vector<std::string> words;
  for (size_t at = 0; at < sentence.size();) {
    const size_t end = std::min(sentence.find(' ', at), sentence.size());
    words.push_back(sentence.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

void print_sentence(const char* title, const std::string& sentence) {
  print_paragraph(title, 9, words_of(sentence));
}

void print_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) print_sentence("note     ", note);
}

template <class Item, class Text>
void print_ends(const char* title, const std::vector<Item>& items, Text text) {
  if (items.empty()) std::printf("%-9snone found\n", title);
  for (size_t i = 0; i < items.size() && i < kShownEnds; ++i) {
    std::printf("%-9s%s\n", i ? "" : title, text(items[i]).c_str());
  }
  if (items.size() > kShownEnds) std::printf("%-9s... and %zu more\n", "", items.size() - kShownEnds);
}

void print_graph_ops(const GraphSummary& summary) {
  size_t width = 0;
  for (const OpSummary& op : summary.ops) width = std::max(width, std::min<size_t>(printable_name(op.op).size(), 40));
  std::printf("\n  nodes  op\n");
  for (size_t i = 0; i < summary.ops.size() && i < kShownOps; ++i) {
    const OpSummary& op = summary.ops[i];
    const char* remark = !op.supported ? "  cannot be converted" : op.needed == 0 ? "  not needed" : "";
    std::printf("  %5zu  %-*s%s\n", op.count, *remark ? (int)width : 0, printable_name(op.op).c_str(), remark);
  }
  if (summary.ops.size() > kShownOps) std::printf("  ... and %zu more ops\n", summary.ops.size() - kShownOps);
}

void print_unsupported(const GraphSummary& summary) {
  for (size_t i = 0; i < summary.unsupported.size() && i < kShownUnsupported; ++i) {
    const UnsupportedOp& op = summary.unsupported[i];
    std::printf("%s  %s, %s\n", i ? "" : "\ncannot be converted:\n", printable_name(op.op).c_str(),
                count_text(op.count, "node").c_str());
    for (const UnsupportedOp::Node& node : op.first) {
      std::vector<std::string> items = {"'" + printable_name(node.name) + "', fed by"};
      for (const std::string& feed : node.fed_by) items.push_back(feed + (&feed < &node.fed_by.back() ? "," : ""));
      if (node.fed_by.empty()) items.push_back("nothing");
      if (node.more) items.push_back("and " + std::to_string(node.more) + " more");
      print_paragraph("    ", 6, items);
    }
    if (op.count > op.first.size()) std::printf("    ... and %zu more\n", op.count - op.first.size());
  }
  if (summary.unsupported.size() > kShownUnsupported)
    std::printf("  ... and %zu more ops\n", summary.unsupported.size() - kShownUnsupported);
}

void print_graph(const std::string& path, const Graph& graph, const GraphSummary& summary, const std::string& reason) {
  std::printf("file     %s, %s\n", path.c_str(), size_text(graph.file_bytes).c_str());
  std::printf("graph    %s\n", format_text(graph, summary).c_str());
  print_notes(graph.notes);
  print_ends("input", summary.inputs, input_text);
  print_ends("output", summary.outputs, [](const OutputSummary& output) {
    return printable_name(output.node) + " (" + printable_name(output.op) + ")";
  });
  if (summary.unneeded > 0)
    std::printf("unneeded %s, not on the way from input to output\n", count_text(summary.unneeded, "node").c_str());
  // The first line names the file already.
  const std::string prefix = graph.file_name + ": ";
  print_sentence("refused  ", reason.rfind(prefix, 0) == 0 ? reason.substr(prefix.size()) : reason);
  print_graph_ops(summary);
  print_unsupported(summary);
}

// Of a graph that converts: one paragraph.
void print_graph_line(const Graph& graph, const GraphSummary& summary) {
  std::vector<std::string> items = words_of(format_text(graph, summary) + ":");
  const size_t shown = std::min(summary.ops.size(), kShownOps);
  for (size_t i = 0; i < shown; ++i) {
    const OpSummary& op = summary.ops[i];
    items.push_back(std::to_string(op.count) + " " + printable_name(op.op) + (i + 1 < summary.ops.size() ? "," : ""));
  }
  if (summary.ops.size() > shown) items.push_back("and " + std::to_string(summary.ops.size() - shown) + " more ops");
  std::printf("\n");
  print_paragraph("graph    ", 9, items);
}

// A graph that does not convert has been shown, so nothing has failed; what is no graph has.
int show_refused_graph(const Args& args, const std::string& path, const InputError& error) {
  const std::optional<Graph> graph = graph_of(path);
  if (!graph || args.has("dump") || args.has("c-header")) throw error;
  const GraphSummary summary = inspect(*graph, convert_options(args).lower);
  if (args.has("json")) {
    print_json(json_graph(*graph, summary, error.what()));
  } else {
    print_graph(path, *graph, summary, error.what());
  }
  return 0;
}

int show_model(const Args& args, const std::string& path, const LoadedModel& loaded) {
  const Model model = checked_model(path, loaded.posy);
  const bool is_graph = !loaded.report.graph.empty();
  if (args.has("dump")) {
    print_dump(model);
    return 0;
  }
  if (args.has("c-header")) {
    std::fputs(c_header(c_name(path), model).c_str(), stdout);
    return 0;
  }
  const std::optional<Graph> graph = is_graph ? graph_of(path) : std::nullopt;
  const GraphSummary summary = graph ? inspect(*graph, convert_options(args).lower) : GraphSummary();
  if (args.has("json")) {
    Json json = json_info(model);
    if (loaded.packed_bytes > 0) json["packed_bytes"] = loaded.packed_bytes;
    if (is_graph) json["convertible"] = true;
    if (graph) {
      json["graph"] = {{"format", summary.format}, {"producer", graph->producer}, {"nodes", summary.nodes}};
      json["graph"]["ops"] = json_ops(summary);
      json["graph"]["notes"] = loaded.report.notes;
    }
    print_json(json);
    return 0;
  }
  print_info(path, loaded.packed_bytes, model);
  if (graph) print_graph_line(*graph, summary);
  print_notes(loaded.report.notes);
  return 0;
}

int run(const Args& args) {
  if (args.words().size() != 1) throw UsageError("info takes one model");
  const std::string& path = args.words()[0];
  const ConvertOptions options = convert_options(args);
  std::optional<LoadedModel> loaded;
  try {
    loaded = load_model(path, options);
  } catch (const InputError& error) {
    return show_refused_graph(args, path, error);
  }
  return show_model(args, path, *loaded);
}

}  // namespace

const Command& info_command() {
  static const Command command = {
      "info",
      "posy info MODEL [flags]",
      "what is in a .posy file or a graph, also one that cannot be converted",
      with_convert_flags({
          {"json", nullptr, "as JSON"},
          {"dump", nullptr, "the file's bytes, field by field"},
          {"c-header", nullptr, "its constants for C: bytes of RAM and flash, shapes (see posy convert --c-array)"},
      }),
      run,
      R"(  posy info flowers.posy
  posy info some_graph.pb                                       its inputs, outputs, ops, and why it does not convert
)",
  };
  return command;
}

}  // namespace posy
