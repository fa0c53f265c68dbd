// A TensorFlow graph as it stands in its file: nodes, edges and attributes, nothing interpreted yet.
//
// Readers (binary GraphDef, text GraphDef, ...) produce a Graph; lower.h turns it into a Network. Large constants are
// not copied: they point into the bytes the Graph owns.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace posy {

// TensorFlow's DataType numbers (tensorflow/core/framework/types.proto). Others are kept as their number.
enum class DataType : int32_t {
  kInvalid = 0,
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kInt64 = 9,
  kBool = 10,
  kQint8 = 11,
  kQuint8 = 12,
  kQint32 = 13,
  kBfloat16 = 14,
  kHalf = 19,
};

// "float", "quint8", ... or "type 42".
std::string data_type_name(DataType type);
// Bytes of one element; 0 for strings and unknown types.
size_t data_type_bytes(DataType type);

// For messages: a name from a file, cut to a sane length and without control characters; "[3,3,3,8]".
std::string printable_name(std::string_view name);
std::string shape_text(std::span<const int64_t> dims);

// A shape in a graph: -1 is an unknown dimension, known_rank false means that not even their number is known.
struct GraphShape {
  bool known_rank = false;
  std::vector<int64_t> dims;
};

// A constant tensor: elements in row-major order, little-endian, exactly element_count() of them. Of a type without
// data_type_bytes (complex numbers, resources, ...) only type and dims are kept.
struct GraphTensor {
  DataType type = DataType::kInvalid;
  std::vector<int64_t> dims;
  std::span<const uint8_t> bytes;               // into the file's bytes or into `owned`
  std::shared_ptr<std::vector<uint8_t>> owned;  // set where the file's encoding had to be expanded
  std::vector<std::string> strings;             // for kString only

  size_t element_count() const;
  // Element i as a number; i < element_count(). Throws InputError for strings and the types whose values are not kept.
  double number(size_t i) const;
  int64_t integer(size_t i) const;
};

// One attribute. Only the member that `kind` names is meaningful.
struct GraphAttribute {
  enum class Kind { kNone, kString, kInt, kFloat, kBool, kType, kShape, kTensor, kList, kFunction };
  Kind kind = Kind::kNone;
  std::string text;
  int64_t integer = 0;  // also kBool (0 or 1) and kType (a DataType)
  float number = 0;
  GraphShape shape;
  GraphTensor tensor;
  // kList: at most one of these is not empty (a list of types is in `integers`).
  std::vector<int64_t> integers;
  std::vector<float> numbers;
  std::vector<std::string> texts;
};

// Codes of 8 bits, 0 to 255: code q stands for (q - zero_point) * scale.
struct CodeScale {
  float scale;
  uint8_t zero_point;
  bool operator==(const CodeScale&) const = default;
};
// None where 8-bit arithmetic has no room for them: a zero point that is no code, a scale beyond 2^20 either way.
std::optional<CodeScale> code_scale(double scale, double zero_point);

struct GraphNode {
  std::string name;
  std::string op;
  std::vector<std::string> inputs;  // as written: "name", "name:1" or "^name" (control)
  std::unordered_map<std::string, GraphAttribute> attributes;
  size_t place = 0;                     // byte offset (binary) or line (text) of the node in the file, for messages
  std::optional<CodeScale> codes = {};  // that the file says its outputs are rounded to, for formats that say it

  const GraphAttribute* attribute(const std::string& key) const;  // null when absent
};

// Moved, never copied: a copy's constants would point into the bytes of the original.
struct Graph {
  Graph() = default;
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;

  std::string file_name;
  std::vector<uint8_t> bytes;  // what the constants point into: the file, decompressed; a text's in binary
  std::vector<GraphNode> nodes;
  int producer = 0;                // versions.producer, 0 if the graph does not say
  size_t file_bytes = 0;           // size of the file as stored (before decompression)
  std::vector<std::string> notes;  // what the reader saw and the user should know ("gzip, 5460013 bytes inside")
  std::string suggested_input;     // nodes that the file itself names as input and output; empty: it does not
  std::string suggested_output;
  // What the file itself says of the pixels (x - mean) / std and of the classes, for formats that say it.
  std::optional<float> suggested_mean, suggested_std;
  std::vector<std::string> suggested_labels;
};

// Reads whatever holds a graph, told apart by content: GraphDef, MetaGraphDef (.meta) and SavedModel (its file or its
// folder), each binary or text, gzipped or not; TFLite; TensorFlow.js (model.json or its folder). Variables of a
// MetaGraphDef or SavedModel are taken from the checkpoint beside it. Throws InputError that names the file, the byte
// or the line, and the cause; a file of another kind is called by its name.
Graph read_graph(const std::string& path);
// The same for bytes, where nothing can be beside them: variables stay variables.
Graph parse_graph(std::vector<uint8_t> bytes, const std::string& file_name);

// Reads a binary GraphDef only, plain or gzipped. Throws InputError that names the file, the byte and
// the cause; says what the file is when it is something else (a text graph, HTML, a TFLite or .posy file, a photo,
// ...).
Graph read_frozen_graph(const std::string& path);
Graph parse_frozen_graph(std::vector<uint8_t> bytes, const std::string& file_name);

}  // namespace posy
