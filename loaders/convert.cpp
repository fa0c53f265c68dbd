#include "loaders/convert.h"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/format.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/int8_network.h"
#include "loaders/known_codes.h"
#include "loaders/labels.h"
#include "loaders/pack.h"
#include "loaders/plan.h"
#include "loaders/round_graph.h"
#include "loaders/winograd.h"
#include "loaders/write_posy.h"

namespace posy {
namespace {

void add_labels(Network* network, const std::string& graph, const std::vector<std::string>& suggested,
                const ConvertOptions& options, ConvertReport* report) {
  report->labels_file = options.labels.empty() ? find_labels(graph) : options.labels;
  report->classes = network->values[(size_t)network->output].shape.c;
  if (report->labels_file.empty()) {
    if (suggested.size() == report->classes) network->labels = suggested;
    if (!network->labels.empty()) report->notes.push_back("the labels are in the model");
    return;
  }
  network->labels = read_labels(report->labels_file);
  if (network->labels.size() != report->classes) {
    throw InputError(report->labels_file + ": has " + std::to_string(network->labels.size()) +
                     " labels, but the output '" + network->output_name + "' of " + graph + " has " +
                     std::to_string(report->classes) + " classes; name the right file with --labels");
  }
}

std::string percent(double part) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", part * 100);
  return text;
}

void make_int8(Network* network, const ConvertOptions& options) {
  const std::vector<std::string> photos = photos_in(options.calibrate);
  Int8Choice choice = choose_int8(*network, photos, options.max_drop);
  *network = std::move(choice.network);
  std::vector<std::string>& notes = network->notes;
  notes.insert(notes.end(), choice.notes.begin(), choice.notes.end());
  const size_t used = photos.size() - choice.notes.size();
  char divergence[32];
  std::snprintf(divergence, sizeof divergence, "%.2g", choice.divergence);
  notes.push_back("8-bit codes, ranges by the rule '" + std::string(range_rule_name(choice.rule)) + "': on " +
                  std::to_string(used) + " photos the scores diverge by " + divergence + ", and " +
                  percent(choice.changed_labels) + " of the best labels change");
  for (const std::string& name : choice.floats) notes.push_back("stays float: " + printable_name(name));
}

std::string counted(int count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Simplifies it. False if no layer has the codes that it takes for integers: then all is floats.
bool run_known_codes(Network* network, const ConvertOptions& options) {
  if (!network->has_known_codes()) return false;
  Network simplified = *network;
  simplify(&simplified, options.keep_bottleneck);
  KnownCodes known = in_known_codes(simplified);
  if (known.layers == 0) {
    forget_known_codes(network);
    return false;
  }
  *network = std::move(known.network);
  std::vector<std::string>& notes = network->notes;
  std::string note = "the graph is quantized: " + counted(known.layers, "layer") + " run as the 8-bit integers that they are";
  if (known.float_layers > 0) note += ", " + std::to_string(known.float_layers) + " as floats";
  notes.push_back(note + " (--no-int8: all as floats)");
  if (known.rounded_channels > 0) {
    notes.push_back("weights of " + std::to_string(known.rounded_channels) + " of " +
                    counted(known.channels, "output channel") +
                    " reach beyond -127 to 127 steps and are rounded again");
  }
  if (options.int8) notes.push_back("the ranges are the graph's own; the photos of --calibrate are not needed");
  return true;
}

}  // namespace

FileForm form_of(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return FileForm::kOther;  // a pipe is read only once
  std::ifstream file(path, std::ios::binary);
  uint8_t start[sizeof kMagic] = {};
  if (!file.read(reinterpret_cast<char*>(start), sizeof start)) return FileForm::kOther;
  if (std::memcmp(start, kMagic, sizeof kMagic) == 0) return FileForm::kPosy;
  return is_packed(start) ? FileForm::kPacked : FileForm::kOther;
}

Conversion convert_graph(const std::string& path, const ConvertOptions& options) {
  Conversion conversion;
  ConvertReport& report = conversion.report;
  Network network;
  {
    Graph graph = read_graph(path);  // as large as its file: gone before the network is written
    if (const auto levels = options.rounded_levels) {
      const size_t count = round_constants(&graph, *levels);
      graph.notes.push_back(std::to_string(count) + " constants rounded to " + std::to_string(*levels) + " levels");
    }
    if (!options.known_codes) {
      for (GraphNode& node : graph.nodes) node.codes.reset();
    }
    network = lower(graph, options.lower);
    if (!options.known_codes) forget_known_codes(&network);
    report.graph = path;
    report.graph_bytes = graph.file_bytes;
    report.graph_nodes = graph.nodes.size();
    report.notes = graph.notes;
    add_labels(&network, path, graph.suggested_labels, options, &report);
  }
  try {
    if (!run_known_codes(&network, options)) {
      simplify(&network, options.keep_bottleneck);
      if (options.int8) make_int8(&network, options);
    }
    if (options.winograd) choose_winograd(&network);
    const Plan plan = make_plan(&network);
    conversion.posy = write_posy(network, plan, options.weights);
  } catch (const InputError& error) {
    throw InputError(path + ": " + error.what());
  }

  report.input_node = network.input_name;
  report.output_node = network.output_name;
  report.input = network.values[(size_t)network.input].shape;
  report.preprocessing = network.preprocessing;
  report.rewrites = network.rewrites;
  report.notes.insert(report.notes.end(), network.notes.begin(), network.notes.end());
  return conversion;
}

LoadedModel load_model(const std::string& path, const ConvertOptions& options) {
  LoadedModel model;
  const FileForm form = form_of(path);
  if (form == FileForm::kPosy) {
    model.file = MappedFile(path);
    model.posy = model.file.bytes();
    return model;
  }
  if (form == FileForm::kPacked) {
    const std::vector<uint8_t> packed = read_file(path);
    model.packed_bytes = packed.size();
    model.made = unpack_posy(packed, path);
    model.posy = model.made;
    return model;
  }
  Conversion conversion = convert_graph(path, options);
  model.made = std::move(conversion.posy);
  model.posy = model.made;
  model.report = std::move(conversion.report);
  return model;
}

}  // namespace posy
