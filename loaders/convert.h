// A graph's file becomes a .posy file's bytes: read (-> round_constants) -> lower -> make_integers, which simplifies ->
// choose_bits -> choose_winograd -> plan -> write.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "loaders/choose_bits.h"
#include "loaders/lower.h"
#include "loaders/mapped_file.h"

namespace posy {

struct ConvertOptions {
  LowerOptions lower;
  std::string labels;                      // a file; empty: the one beside the graph, if there is one
  BitsOptions bits;                        // of the weights
  std::optional<uint32_t> rounded_levels;  // round_constants() first: loaders/round_graph.h
  bool wants_labels = true;                // false: of a base to retrain, whose labels do not matter
  bool keep_bottleneck = false;
  bool winograd = true;  // where it saves time: loaders/winograd.h
  // 8-bit codes and integer arithmetic, with ranges from bits.photos: loaders/int8_network.h
  bool int8 = false;
  // Graphs that are quantized already run as the integers that they are: loaders/known_codes.h.
  bool known_codes = true;
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
  BitsReport bits;
};

struct Conversion {
  std::vector<uint8_t> posy;
  ConvertReport report;
};

Conversion convert_graph(const std::string& path, const ConvertOptions& options);

// By a file's first bytes.
enum class FileForm { kPosy, kPacked, kOther };
FileForm form_of(const std::string& path);

// A model's bytes: a .posy file as it lies, mapped; a packed one unpacked; anything else converted.
struct LoadedModel {
  std::span<const uint8_t> posy;  // of one of the two below
  MappedFile file;
  std::vector<uint8_t> converted;  // or unpacked
  size_t packed_bytes = 0;         // of a packed file
  ConvertReport report;            // empty for a .posy file
};
LoadedModel load_model(const std::string& path, const ConvertOptions& options);

}  // namespace posy
