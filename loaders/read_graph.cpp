// Which reader a file is for, told by its content; what the readers throw becomes a sentence about the file.
#include <algorithm>
#include <filesystem>

#include "loaders/container.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/protobuf.h"
#include "loaders/text_format.h"
#include "loaders/tfjs.h"
#include "loaders/tflite.h"
#include "loaders/variables.h"

namespace posy {
namespace {

namespace fs = std::filesystem;

std::string text_error(const Graph& graph, TextPlace place, const std::string& message) {
  return graph.file_name + ": line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": " +
         message;
}

std::string wire_error(const Graph& graph, const WireError& error) {
  const std::string reason = graph.file_name + ": byte " + std::to_string(error.place()) + ": " + error.what();
  switch (error.cause()) {
    case WireError::Cause::kCutShort:
      return reason + "; it is cut short: copy or download it again";
    case WireError::Cause::kMalformed:
      return reason + "; the file is damaged: copy or download it again";
    default:
      return reason;
  }
}

// The nodes lie in the order of their places, as text_to_wire() lists them.
void set_node_lines(const std::vector<WireText::NodeLine>& lines, Graph& graph) {
  auto line = lines.begin();
  for (GraphNode& node : graph.nodes) {
    line = std::find_if(line, lines.end(), [&](const auto& candidate) { return candidate.wire_place == node.place; });
    if (line == lines.end()) return;
    node.place = line->line;
  }
}

void read_text(std::vector<uint8_t> bytes, Container container, Graph& graph) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  WireText wire;
  try {
    wire = text_to_wire(text, container);
  } catch (const TextError& error) {
    throw InputError(text_error(graph, error.place(), error.what()));
  }
  graph.notes.push_back("text format");
  graph.bytes = std::move(wire.bytes);
  try {
    read_container(container, graph);
  } catch (const WireError& error) {
    throw InputError(text_error(graph, text_place(text, container, error.place()), error.what()));
  }
  set_node_lines(wire.nodes, graph);
}

bool is_tflite(std::span<const uint8_t> bytes) {
  constexpr std::string_view kIdentifier = "TFL3";
  return bytes.size() >= 8 && std::equal(kIdentifier.begin(), kIdentifier.end(), bytes.begin() + 4);
}

// A model.json of TensorFlow.js. Its keys may come in any order, but one of these comes before the weights are listed.
bool is_tfjs(std::span<const uint8_t> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 1 << 16));
  const size_t start = head.find_first_not_of(" \t\r\n");
  if (start == head.npos || head[start] != '{') return false;
  return head.find("\"modelTopology\"") != head.npos || head.find("\"weightsManifest\"") != head.npos;
}

struct Parsed {
  Graph graph;
  Container container;
};

Parsed parse(std::vector<uint8_t> bytes, const std::string& file_name) {
  Parsed parsed;
  Graph& graph = parsed.graph;
  graph.file_name = file_name;
  graph.file_bytes = bytes.size();
  if (is_gzip(bytes)) {
    bytes = gunzip(bytes, file_name);
    graph.notes.push_back("gzip, " + std::to_string(bytes.size()) + " bytes inside");
  }
  parsed.container = text_container(bytes);
  if (parsed.container != Container::kNone) {
    read_text(std::move(bytes), parsed.container, graph);
    return parsed;
  }
  parsed.container = wire_container(bytes);
  if (parsed.container == Container::kNone) {
    Graph other =
        is_tflite(bytes) ? parse_tflite(std::move(bytes), file_name) : parse_frozen_graph(std::move(bytes), file_name);
    other.file_bytes = graph.file_bytes;
    other.notes.insert(other.notes.begin(), graph.notes.begin(), graph.notes.end());
    return {std::move(other), Container::kNone};
  }
  graph.bytes = std::move(bytes);
  try {
    read_container(parsed.container, graph);
  } catch (const WireError& error) {
    throw InputError(wire_error(graph, error));
  }
  return parsed;
}

std::string output_or_placeholder(const Graph& graph) {
  return graph.suggested_output.empty() ? "OUTPUT_NODE" : graph.suggested_output;
}

void finish_saved_model(const std::string& folder, Graph& graph) {
  if (const GraphNode* call = find_function_call(graph)) {
    throw InputError(graph.file_name + ": a SavedModel of TensorFlow 2, whose graph is inside functions ('" +
                     printable_name(call->name) +
                     "' calls one): freeze it into one graph first: python3 -c \"import tensorflow as tf; from "
                     "tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2 as "
                     "freeze; model = tf.saved_model.load('" +
                     folder +
                     "'); tf.io.write_graph(freeze(model.signatures['serving_default']).graph, '.', 'frozen.pb', "
                     "as_text=False)\"");
  }
  bind_variables(graph, folder + "/variables/variables",
                 "copy the folder with everything in it, or freeze it where it is whole: python3 -m "
                 "tensorflow.python.tools.freeze_graph --input_saved_model_dir=" +
                     folder + " --output_node_names=" + output_or_placeholder(graph) + " --output_graph=frozen.pb");
}

// model.ckpt-100.meta stands beside model.ckpt-100.index.
void finish_meta_graph(const std::string& path, Graph& graph) {
  const std::string prefix = path.ends_with(".meta") ? path.substr(0, path.size() - 5) : path;
  bind_variables(graph, prefix,
                 "copy the checkpoint's other files beside it, or freeze it where they are: python3 -m "
                 "tensorflow.python.tools.freeze_graph --input_meta_graph=" +
                     path + " --input_binary --input_checkpoint=" + prefix +
                     " --output_node_names=" + output_or_placeholder(graph) + " --output_graph=frozen.pb");
}

// The file that stands for a folder.
std::string main_file(const std::string& folder) {
  for (const char* name : {"saved_model.pb", "saved_model.pbtxt", "model.json"}) {
    std::error_code ignored;
    const fs::path file = fs::path(folder) / name;
    if (fs::exists(file, ignored)) return file.string();
  }
  throw InputError(folder + ": a folder with neither saved_model.pb nor model.json in it: give the file of the graph");
}

}  // namespace

Graph parse_graph(std::vector<uint8_t> bytes, const std::string& file_name) {
  return parse(std::move(bytes), file_name).graph;
}

Graph read_graph(const std::string& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const std::string file = is_folder ? main_file(path) : path;
  std::vector<uint8_t> bytes = read_file(file);
  if (path != "-" && is_tfjs(bytes)) return read_tfjs(path);
  Parsed parsed = parse(std::move(bytes), path == "-" ? "standard input" : path);
  if (parsed.container == Container::kSavedModel) {
    const fs::path folder = is_folder ? fs::path(path) : fs::path(path).parent_path();
    finish_saved_model(folder.empty() ? "." : folder.string(), parsed.graph);
  }
  if (parsed.container == Container::kMetaGraphDef) finish_meta_graph(path, parsed.graph);
  return std::move(parsed.graph);
}

}  // namespace posy
