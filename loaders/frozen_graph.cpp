// A file that holds a binary GraphDef and nothing else.
#include <filesystem>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/graph_def.h"

namespace posy {
namespace {

// Whether the file starts as a GraphDef does: a node (tag 0x0a, a length) that starts with its name (tag 0x0a).
bool starts_with_node(std::span<const uint8_t> bytes) {
  if (bytes.size() < 2 || bytes[0] != 0x0a) return false;
  size_t at = 1;
  while (at < bytes.size() && at < 5 && bytes[at] >= 0x80) ++at;
  return at + 1 < bytes.size() && bytes[at + 1] == 0x0a;
}

// The sentence for a file that could not be read to its end.
std::string explain(const Graph& graph, const WireError& error) {
  const FileKind kind = file_kind(graph.bytes);
  if (!kind.what.empty()) {
    return graph.file_name + ": not a frozen TensorFlow graph but " + kind.what + ": " + kind.advice;
  }
  const std::string reason = ": byte " + std::to_string(error.place()) + ": " + error.what();
  if (!starts_with_node(graph.bytes)) {
    return graph.file_name + ": not a frozen TensorFlow graph, nor any other kind of file that Posy knows" + reason;
  }
  if (error.cause() == WireError::Cause::kRefused) return graph.file_name + reason;
  if (error.cause() == WireError::Cause::kMalformed) {
    return graph.file_name + reason + "; the file is damaged: copy or download it again";
  }
  const bool in_node = graph.bytes[error.place()] == 0x0a;
  return graph.file_name + ": ends " + (in_node ? "inside node " : "behind node ") +
         std::to_string(graph.nodes.size() + in_node) + " at byte " + std::to_string(graph.bytes.size()) +
         "; the file is cut short: copy or download it again";
}

}  // namespace

Graph parse_frozen_graph(std::vector<uint8_t> bytes, const std::string& file_name) {
  Graph graph;
  graph.file_name = file_name;
  graph.file_bytes = bytes.size();
  if (is_gzip(bytes)) {
    bytes = gunzip(bytes, file_name);
    graph.notes.push_back("gzip, " + std::to_string(bytes.size()) + " bytes inside");
  }
  graph.bytes = std::move(bytes);
  try {
    read_graph_def(WireReader(graph.bytes), graph);
  } catch (const WireError& error) {
    throw InputError(explain(graph, error));
  }
  return graph;
}

Graph read_frozen_graph(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::path(path) / "saved_model.pb", ignored)) {
    throw InputError(path +
                     ": a SavedModel folder, not a frozen graph: freeze it into one .pb file first "
                     "(tensorflow.python.tools.freeze_graph)");
  }
  return parse_frozen_graph(read_file(path), path == "-" ? "standard input" : path);
}

}  // namespace posy
