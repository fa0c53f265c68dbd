#include "loaders/convert.h"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/format.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/known_codes.h"
#include "loaders/labels.h"
#include "loaders/make_integers.h"
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

// Of layers for which choose_bits() has not rounded anything.
WeightChoice choice_of_rest(const BitsOptions& bits) {
  return bits.target_bytes > 0 || bits.max_drop ? WeightChoice::kU8 : bits.weights;
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
    if (options.wants_labels) add_labels(&network, path, graph.suggested_labels, options, &report);
  }
  try {
    if (!make_integers(&network, options)) {
      if (options.bits.is_asked()) {
        BitsOptions bits = options.bits;
        bits.winograd = options.winograd;
        choose_bits(&network, bits, &report.bits);
      }
    }
    if (options.winograd) choose_winograd(&network);
    const Plan plan = make_plan(&network);
    conversion.posy = write_posy(network, plan, choice_of_rest(options.bits));
  } catch (const InputError& error) {
    throw InputError(path + ": " + error.what());
  }

  report.input_node = network.input_name;
  report.output_node = network.output_name;
  report.input = network.values[(size_t)network.input].shape;
  report.preprocessing = network.preprocessing;
  report.rewrites = network.rewrites;
  report.notes.insert(report.notes.end(), report.bits.notes.begin(), report.bits.notes.end());
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
    model.converted = unpack_posy(packed, path);
    model.posy = model.converted;
    return model;
  }
  Conversion conversion = convert_graph(path, options);
  model.converted = std::move(conversion.posy);
  model.posy = model.converted;
  model.report = std::move(conversion.report);
  return model;
}

}  // namespace posy
