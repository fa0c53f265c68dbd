// A graph's file becomes a .posy file's bytes: read -> lower -> simplify -> plan -> write.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loaders/lower.h"
#include "loaders/quantize.h"

namespace posy {

struct ConvertOptions {
  LowerOptions lower;
  std::string labels;  // a file; empty: the one beside the graph, if there is one
  WeightChoice weights = WeightChoice::kAuto;
  bool keep_bottleneck = false;
};

// What was found and done, for people.
struct ConvertReport {
  std::string graph;
  size_t graph_bytes = 0;  // as stored
  size_t graph_nodes = 0;
  std::vector<std::string> notes;
  std::string input_node, output_node;
  Shape input;
  Preprocessing preprocessing;
  std::string labels_file;  // empty: none found
  uint32_t classes = 0;
  std::map<std::string, int> rewrites;
};

struct Conversion {
  std::vector<uint8_t> posy;
  ConvertReport report;
};

Conversion convert_graph(const std::string& path, const ConvertOptions& options);

// A model's bytes: of a .posy file as they are, of anything else converted.
struct LoadedModel {
  std::vector<uint8_t> posy;
  bool was_converted = false;
  ConvertReport report;
};
LoadedModel load_model(const std::string& path, const ConvertOptions& options);

}  // namespace posy
