#include "loaders/tflite.h"

#include <algorithm>
#include <bit>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/tflite_model.h"

namespace posy {
namespace {

// A classifier has some hundreds of either.
constexpr size_t kMaxTensors = 200'000, kMaxOperators = 50'000, kMaxOperands = 4096, kMaxRank = 8;
constexpr uint64_t kMaxElements = 1ull << 40;

size_t type_bits(TfliteType type) {
  switch (type) {
    case TfliteType::kInt4:
      return 4;
    case TfliteType::kUint8:
    case TfliteType::kInt8:
    case TfliteType::kBool:
      return 8;
    case TfliteType::kFloat16:
    case TfliteType::kInt16:
      return 16;
    case TfliteType::kFloat32:
    case TfliteType::kInt32:
      return 32;
    case TfliteType::kInt64:
    case TfliteType::kFloat64:
      return 64;
  }
  return 0;
}

// The bytes of a buffer: inside it, or, in files beyond 2 GiB, behind everything else.
std::span<const uint8_t> buffer_bytes(std::span<const uint8_t> file, const FlatTables& buffers, uint32_t index) {
  if (index == 0) return {};
  if (index >= buffers.size()) {
    throw FlatError(0, "buffer " + std::to_string(index) + " of " + std::to_string(buffers.size()));
  }
  const FlatTable buffer = buffers[index];
  const uint64_t offset = buffer.number<uint64_t>(1), bytes = buffer.number<uint64_t>(2);
  if (offset <= 1) return buffer.numbers<uint8_t>(0).bytes();
  if (offset > file.size() || bytes > file.size() - offset) {
    throw FlatError(buffer.place(), "a buffer lies outside of the file");
  }
  return file.subspan((size_t)offset, (size_t)bytes);
}

uint64_t checked_elements(const FlatTable& place, const std::vector<int64_t>& dims) {
  uint64_t count = 1;
  for (const int64_t dim : dims) {
    if (dim < 0 || (dim > 0 && count > kMaxElements / (uint64_t)dim)) {
      throw FlatError(place.place(), "a constant has the shape " + shape_text(dims));
    }
    count *= (uint64_t)dim;
  }
  return count;
}

void read_quantization(const FlatTable& table, TfliteTensor* tensor) {
  tensor->scale = table.numbers<float>(2);
  tensor->zero_point = table.numbers<int64_t>(3);
  tensor->quantized_dim = table.number<int32_t>(6);
  const size_t channels = tensor->scale.size();
  if (channels > 1) {
    const int64_t dim = tensor->quantized_dim;
    if (dim < 0 || (size_t)dim >= tensor->dims.size() || tensor->dims[(size_t)dim] != (int64_t)channels) {
      throw FlatError(table.place(), std::to_string(channels) + " scales do not fit the shape " +
                                         shape_text(tensor->dims) + " along dimension " + std::to_string(dim));
    }
  }
  if (channels > 0 && tensor->zero_point.size() > 1 && tensor->zero_point.size() != channels) {
    throw FlatError(table.place(), "it has " + std::to_string(channels) + " scales but " +
                                       std::to_string(tensor->zero_point.size()) + " zero points");
  }
}

std::vector<int64_t> read_dims(const FlatTable& table, uint32_t field) {
  const FlatVector<int32_t> dims = table.numbers<int32_t>(field);
  if (dims.size() > kMaxRank) {
    throw FlatError(table.place(), "a shape of " + std::to_string(dims.size()) + " dimensions");
  }
  std::vector<int64_t> out;
  for (size_t i = 0; i < dims.size(); ++i) out.push_back(dims[i]);
  return out;
}

TfliteTensor read_tensor(std::span<const uint8_t> file, const FlatTable& table, const FlatTables& buffers) {
  TfliteTensor tensor;
  tensor.name = table.text(3);
  tensor.type = (TfliteType)table.number<int8_t>(1);
  tensor.dims = read_dims(table, 0);
  tensor.data = buffer_bytes(file, buffers, table.number<uint32_t>(2));
  read_quantization(table.table(4), &tensor);
  if (!tensor.is_constant()) {
    // The signature says which dimensions are open; the shape has 1 for them.
    const std::vector<int64_t> signature = read_dims(table, 7);
    if (signature.size() == tensor.dims.size()) tensor.dims = signature;
    return tensor;
  }
  if (table.has(6)) throw FlatError(table.place(), "its weights are sparse, which is not supported: convert without");
  const uint64_t bits = type_bits(tensor.type);
  const uint64_t wanted_bytes = (checked_elements(table, tensor.dims) * bits + 7) / 8;
  if (bits != 0 && tensor.data.size() != wanted_bytes) {
    throw FlatError(table.place(), "a constant of shape " + shape_text(tensor.dims) + " needs " +
                                       std::to_string(wanted_bytes) + " bytes but has " +
                                       std::to_string(tensor.data.size()));
  }
  return tensor;
}

std::vector<int32_t> read_indices(const FlatTable& table, uint32_t field, size_t tensors) {
  const FlatVector<int32_t> list = table.numbers<int32_t>(field);
  if (list.size() > kMaxOperands) {
    throw FlatError(table.place(), "it has " + std::to_string(list.size()) + " inputs or outputs");
  }
  std::vector<int32_t> out;
  for (size_t i = 0; i < list.size(); ++i) {
    out.push_back(list[i]);
    if (out.back() < -1 || out.back() >= (int64_t)tensors) {
      throw FlatError(table.place(),
                      "tensor " + std::to_string(out.back()) + " is not one of the " + std::to_string(tensors));
    }
  }
  return out;
}

TfliteOperator read_operator(const FlatTable& table, const FlatTables& codes, size_t tensors) {
  TfliteOperator op;
  op.place = table.place();
  const uint32_t code_index = table.number<uint32_t>(0);
  if (code_index >= codes.size()) throw FlatError(table.place(), "its kind is not in the file's list of operators");
  const FlatTable code = codes[code_index];
  // The byte came first and ends at 127; the wider number repeats it where the writer knew of it.
  op.code = std::max<int32_t>(code.number<int8_t>(0), code.number<int32_t>(3));
  op.custom_code = code.text(1);
  op.inputs = read_indices(table, 1, tensors);
  op.outputs = read_indices(table, 2, tensors);
  op.options = table.table(4);
  return op;
}

// each(i) for every i, and what it throws with "tensor 3: " in front.
template <class Each>
void for_each_item(const char* what, size_t count, size_t limit, Each each) {
  if (count > limit) throw FlatError(0, "more than " + std::to_string(limit) + " " + what + "s");
  for (size_t i = 0; i < count; ++i) {
    try {
      each(i);
    } catch (const FlatError& error) {
      throw FlatError(std::string(what) + " " + std::to_string(i), error);
    }
  }
}

TfliteModel read_model(std::span<const uint8_t> file, const FlatTable& root) {
  TfliteModel model;
  const FlatTables subgraphs = root.tables(2), buffers = root.tables(4), codes = root.tables(1);
  if (subgraphs.size() == 0) throw FlatError(root.place(), "there is no graph in it");
  const FlatTable subgraph = subgraphs[0];
  const FlatTables tensors = subgraph.tables(0), operators = subgraph.tables(3);
  for_each_item("tensor", tensors.size(), kMaxTensors,
                [&](size_t i) { model.tensors.push_back(read_tensor(file, tensors[i], buffers)); });
  for_each_item("operator", operators.size(), kMaxOperators,
                [&](size_t i) { model.operators.push_back(read_operator(operators[i], codes, model.tensors.size())); });
  model.inputs = read_indices(subgraph, 1, model.tensors.size());
  model.outputs = read_indices(subgraph, 2, model.tensors.size());
  for (const int32_t i : model.inputs) {
    if (i < 0) throw FlatError(subgraph.place(), "an input of the graph is no tensor");
  }
  if (model.inputs.empty()) throw FlatError(subgraph.place(), "the graph has no input");
  return model;
}

std::span<const uint8_t> metadata_buffer(std::span<const uint8_t> file, const FlatTable& root) {
  const FlatTables entries = root.tables(6);
  for (size_t i = 0; i < std::min<size_t>(entries.size(), 1000); ++i) {
    if (entries[i].text(0) == "TFLITE_METADATA") {
      return buffer_bytes(file, root.tables(4), entries[i].number<uint32_t>(1));
    }
  }
  return {};
}

bool all_equal(const std::vector<float>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
}

// How pixels become the first tensor's numbers. An input of 8 bits takes pixels as they are (int8: less 128), and its
// quantization says what they stand for; an input of floats has it in the metadata, or nowhere.
void suggest_normalization(const TfliteTensor& input, const TfliteNormalization& metadata, Graph* graph) {
  const bool is_8_bit = input.type == TfliteType::kUint8 || input.type == TfliteType::kInt8;
  const bool has_metadata = !metadata.mean.empty() && !metadata.std.empty();
  if (is_8_bit && !(has_metadata && input.type == TfliteType::kInt8)) {
    const float scale = input.is_quantized() ? input.scale[0] : 1;
    const float pixel_of_zero = input.type == TfliteType::kInt8 ? 128 : 0;
    if (!(scale > 0)) return;
    graph->suggested_mean = pixel_of_zero + (float)input.zero_point_at(0);
    graph->suggested_std = 1 / scale;
  } else if (has_metadata && all_equal(metadata.mean) && all_equal(metadata.std) && metadata.std[0] != 0) {
    graph->suggested_mean = metadata.mean[0];
    graph->suggested_std = metadata.std[0];
  } else if (has_metadata) {
    graph->notes.push_back(
        "the metadata's normalisation differs by channel, which is not supported: give --mean, --std");
  }
}

std::string explain(const Graph& graph, const FlatError& error) {
  return graph.file_name + ": byte " + std::to_string(error.place()) + ": " + error.what() +
         "; if the file is damaged or cut short, copy or download it again";
}

void check_is_tflite(const Graph& graph) {
  const std::string_view head(reinterpret_cast<const char*>(graph.bytes.data()), graph.bytes.size());
  if (head.size() >= 8 && head.substr(4, 4) == "TFL3") return;
  const FileKind kind = file_kind(graph.bytes);
  throw InputError(graph.file_name + ": not a TFLite model (its bytes 4 to 7 are not TFL3)" +
                   (kind.what.empty() ? "" : " but " + kind.what) + ": give the .tflite file itself");
}

}  // namespace

size_t TfliteTensor::element_count() const {
  size_t count = 1;
  for (const int64_t dim : dims) count *= (size_t)dim;
  return count;
}

double TfliteTensor::stored(size_t i) const {
  if (type == TfliteType::kInt4) {
    const int nibble = data[i / 2] >> (i % 2 * 4) & 15;  // the first one lies in the low bits
    return nibble < 8 ? nibble : nibble - 16;
  }
  GraphTensor tensor;
  tensor.bytes = data;
  switch (type) {
    case TfliteType::kFloat16:
      tensor.type = DataType::kHalf;
      break;
    case TfliteType::kFloat64:
      tensor.type = DataType::kDouble;
      break;
    case TfliteType::kInt32:
      tensor.type = DataType::kInt32;
      break;
    case TfliteType::kInt64:
      tensor.type = DataType::kInt64;
      break;
    case TfliteType::kInt16:
      tensor.type = DataType::kInt16;
      break;
    case TfliteType::kInt8:
      tensor.type = DataType::kInt8;
      break;
    case TfliteType::kUint8:
    case TfliteType::kBool:
      tensor.type = DataType::kUint8;
      break;
    default:
      tensor.type = DataType::kFloat;
  }
  return tensor.number(i);
}

int64_t TfliteTensor::zero_point_at(size_t channel) const {
  if (zero_point.empty()) return 0;
  return zero_point[zero_point.size() == 1 ? 0 : channel];
}

std::optional<CodeScale> TfliteTensor::codes() const {
  if ((type != TfliteType::kUint8 && type != TfliteType::kInt8) || scale.size() != 1) return {};
  return code_scale(scale[0], (double)zero_point_at(0) + (type == TfliteType::kInt8 ? 128 : 0));
}

std::string_view first_name(const TfliteTensor& tensor) {
  return tensor.name.substr(0, tensor.name.find(';'));
}

Graph parse_tflite(std::vector<uint8_t> bytes, const std::string& file_name) {
  Graph graph;
  graph.file_name = file_name;
  graph.file_bytes = bytes.size();
  graph.bytes = std::move(bytes);
  check_is_tflite(graph);
  try {
    const FlatTable root = FlatTable::root(graph.bytes);
    const TfliteModel model = read_model(graph.bytes, root);
    TfliteEmitter(model, &graph).run();
    const TfliteNormalization normalization = read_tflite_metadata(metadata_buffer(graph.bytes, root), &graph);
    suggest_normalization(model.tensors[(size_t)model.inputs[0]], normalization, &graph);
  } catch (const FlatError& error) {
    throw InputError(explain(graph, error));
  }
  return graph;
}

Graph read_tflite(const std::string& path) {
  return parse_tflite(read_file(path), path == "-" ? "standard input" : path);
}

}  // namespace posy
