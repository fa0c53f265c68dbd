#include "loaders/tfjs.h"

#include <cmath>
#include <filesystem>
#include <limits>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/tfjs_model.h"

namespace posy {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxJsonBytes = 256 << 20, kMaxWeightBytes = 1ull << 31;
constexpr size_t kMaxRank = 8, kMaxShards = 10'000;

// A shard lies in the folder of model.json or below it, whatever the manifest says.
std::string shard_path(const std::string& folder, const std::string& name) {
  const fs::path path(name);
  bool leads_out = name.empty() || path.is_absolute() || name.find('\\') != name.npos || name.find(':') != name.npos;
  for (const fs::path& part : path) leads_out |= part == "..";
  if (leads_out) {
    throw InputError("the weights file '" + printable_name(name) +
                     "' is not a path below the model's own folder: put the file there and correct weightsManifest");
  }
  return (fs::path(folder) / path).string();
}

struct Shard {
  std::string path;
  size_t begin, end;  // in the graph's bytes
};

std::vector<Shard> read_shards(const Json& paths, const std::string& folder, Graph* graph) {
  std::vector<Shard> shards;
  for (const Json& path : paths) {
    if (!path.is_string()) throw InputError("a path in weightsManifest is no text");
    if (shards.size() == kMaxShards) throw InputError("weightsManifest names too many files");
    const std::string file = shard_path(folder, path.get<std::string>());
    const size_t begin = graph->bytes.size();
    const std::vector<uint8_t> bytes = read_file(file, kMaxWeightBytes - begin);
    graph->bytes.insert(graph->bytes.end(), bytes.begin(), bytes.end());
    graph->file_bytes += bytes.size();
    shards.push_back({file, begin, graph->bytes.size()});
  }
  return shards;
}

// How a weight lies in its shard, and how its numbers come from that.
struct Storage {
  std::string dtype;  // of the weight: float32, int32, bool
  size_t element_bytes = 4;
  DataType type = DataType::kFloat;
  bool is_affine = false;
  double scale = 1, min = 0;
};

Storage storage_of(const Json& weight) {
  Storage storage;
  storage.dtype = json_text(weight, "dtype", "float32");
  const Json& quantization = json_member(weight, "quantization");
  const std::string stored = json_text(quantization, "dtype", storage.dtype);
  static const std::map<std::string, DataType> kTypes = {{"float32", DataType::kFloat}, {"int32", DataType::kInt32},
                                                         {"bool", DataType::kBool},     {"uint8", DataType::kUint8},
                                                         {"float16", DataType::kHalf},  {"uint16", DataType::kInt16}};
  const auto type = kTypes.find(stored);
  if (type == kTypes.end() || (storage.dtype != "float32" && storage.dtype != "int32" && storage.dtype != "bool")) {
    throw InputError("its type " + printable_name(stored) +
                     " is not supported (float32, float16, int32, bool, and uint8 or uint16 with a scale are)");
  }
  storage.type = type->second;
  storage.element_bytes = data_type_bytes(storage.type);
  storage.is_affine = stored == "uint8" || stored == "uint16";
  if (storage.is_affine) {
    const double missing = std::numeric_limits<double>::quiet_NaN();
    storage.scale = json_number(quantization, "scale", missing);
    storage.min = json_number(quantization, "min", missing);
    if (std::isnan(storage.scale) || std::isnan(storage.min)) throw InputError("its quantization has no scale or min");
  }
  return storage;
}

std::vector<int64_t> weight_dims(const Json& weight) {
  std::vector<int64_t> dims;
  uint64_t elements = 1;
  for (const Json& dim : json_member(weight, "shape")) {
    dims.push_back(json_integer(dim));
    if (dims.back() < 0 || dims.size() > kMaxRank ||
        (dims.back() > 0 && elements > kMaxWeightBytes / (uint64_t)dims.back())) {
      throw InputError("its shape is not possible");
    }
    elements *= (uint64_t)dims.back();
  }
  return dims;
}

// As TensorFlow.js computes it: in doubles, rounded once to a float.
GraphTensor expanded(const Storage& storage, GraphTensor stored) {
  if (storage.type == DataType::kFloat || storage.type == DataType::kInt32) return stored;
  const size_t count = stored.element_count();
  std::vector<float> floats(count);
  for (size_t i = 0; i < count; ++i) {
    // uint16 is read as int16, which GraphTensor knows.
    const double q = storage.type == DataType::kInt16 ? (double)(uint16_t)stored.integer(i) : stored.number(i);
    floats[i] = (float)(storage.is_affine ? q * storage.scale + storage.min : q);
  }
  if (storage.dtype != "int32") return GraphBuilder::owned_tensor(DataType::kFloat, std::move(stored.dims), floats);
  std::vector<int32_t> whole;
  for (const float x : floats) {
    if (!(std::abs(x) < 2147483648.0f)) throw InputError("its numbers do not fit into int32");
    whole.push_back((int32_t)std::lround(x));
  }
  return GraphBuilder::owned_tensor(DataType::kInt32, std::move(stored.dims), whole);
}

[[noreturn]] void refuse_length(const std::vector<Shard>& shards, const Graph& graph, uint64_t wanted_bytes) {
  uint64_t bytes = 0;
  std::string names;
  for (const Shard& shard : shards) {
    const FileKind kind = file_kind(std::span(graph.bytes).subspan(shard.begin, shard.end - shard.begin));
    if (kind.what == "an HTML page" || kind.what == "a Git LFS pointer" || kind.what == "an empty file") {
      throw InputError(shard.path + ": not weights but " + kind.what + ": " + kind.advice);
    }
    bytes += shard.end - shard.begin;
    if (names.empty()) names = shard.path + (shards.size() > 1 ? " and those after it" : "");
  }
  throw InputError((names.empty() ? "a group without weight files" : names) + ": " + std::to_string(bytes) +
                   " bytes of weights where weightsManifest asks for " + std::to_string(wanted_bytes) +
                   ": copy or download the files again");
}

void read_labels(const std::string& folder, Graph* graph) {
  const std::string path = (fs::path(folder) / "metadata.json").string();
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return;
  constexpr uint64_t kMaxMetadataBytes = 16 << 20;
  const std::vector<uint8_t> bytes = read_file(path, kMaxMetadataBytes);
  const Json metadata = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  const Json& labels = json_member(metadata, "labels");
  for (const Json& label : labels) {
    if (label.is_string()) graph->suggested_labels.push_back(label.get<std::string>());
  }
  if (graph->suggested_labels.size() != labels.size() || labels.empty()) {
    graph->suggested_labels.clear();
    graph->notes.push_back("metadata.json holds no labels: give them with --labels");
  }
  if (json_text(metadata, "packageName") == "@teachablemachine/image" || metadata.contains("tmVersion")) {
    graph->suggested_mean = 127.5f;
    graph->suggested_std = 127.5f;
    graph->notes.push_back("made by Teachable Machine, which feeds pixels as x / 127.5 - 1");
  }
}

Json read_json(const std::string& path, Graph* graph) {
  const std::vector<uint8_t> bytes = read_file(path, kMaxJsonBytes);
  graph->file_bytes = bytes.size();
  Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_discarded() && json.is_object() && json.contains("modelTopology")) return json;
  const FileKind kind = file_kind(bytes);
  const bool is_json =
      kind.what.empty() || kind.what == "JSON text" || kind.what.find("TensorFlow.js") != kind.what.npos;
  if (!is_json) throw InputError(path + ": not a model.json of TensorFlow.js but " + kind.what);
  throw InputError(path + (json.is_discarded() ? ": not complete JSON: copy or download it again"
                                               : ": JSON, but without a modelTopology: give the model.json"));
}

}  // namespace

int64_t json_integer(const Json& value) {
  const double limit = 2147483648.0;
  double number = std::numeric_limits<double>::quiet_NaN();
  if (value.is_number()) number = value.get<double>();
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    char* end = nullptr;
    number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end) number = std::numeric_limits<double>::quiet_NaN();
  }
  if (!(std::abs(number) < limit) || number != std::floor(number)) throw InputError("a size is no whole number");
  return (int64_t)number;
}

const Json& json_member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string json_text(const Json& object, const char* key, const std::string& fallback) {
  const Json& value = json_member(object, key);
  return value.is_string() ? value.get<std::string>() : fallback;
}

bool json_flag(const Json& object, const char* key, bool fallback) {
  const Json& value = json_member(object, key);
  return value.is_boolean() ? value.get<bool>() : fallback;
}

double json_number(const Json& object, const char* key, double fallback) {
  const Json& value = json_member(object, key);
  return value.is_number() ? value.get<double>() : fallback;
}

TfjsWeights::TfjsWeights(const Json& manifest, const std::string& folder, Graph* graph) {
  if (!manifest.is_array()) throw InputError("there is no weightsManifest in it: the model was saved without weights");
  // Bytes move while shards are added, so the places come first and the constants last.
  struct Place {
    std::string name;
    Storage storage;
    GraphTensor tensor;
    size_t begin, bytes;
  };
  std::vector<Place> places;
  for (const Json& group : manifest) {
    size_t at = graph->bytes.size();
    const std::vector<Shard> shards = read_shards(json_member(group, "paths"), folder, graph);
    uint64_t wanted_bytes = 0;
    for (const Json& weight : json_member(group, "weights")) {
      Place place;
      place.name = json_text(weight, "name");
      try {
        place.storage = storage_of(weight);
        place.tensor.dims = weight_dims(weight);
      } catch (const InputError& error) {
        throw InputError("weight '" + printable_name(place.name) + "': " + error.what());
      }
      place.tensor.type = place.storage.type;
      place.bytes = place.tensor.element_count() * place.storage.element_bytes;
      place.begin = at + wanted_bytes;
      wanted_bytes += place.bytes;
      places.push_back(std::move(place));
      if (wanted_bytes > kMaxWeightBytes) break;
    }
    if (wanted_bytes != graph->bytes.size() - at) refuse_length(shards, *graph, wanted_bytes);
  }
  for (Place& place : places) {
    place.tensor.bytes = std::span(graph->bytes).subspan(place.begin, place.bytes);
    if (!by_name_.emplace(place.name, expanded(place.storage, std::move(place.tensor))).second) {
      throw InputError("two weights have the name '" + printable_name(place.name) + "'");
    }
  }
}

const GraphTensor* TfjsWeights::find(const std::string& name) const {
  const auto exact = by_name_.find(name);
  if (exact != by_name_.end()) return &exact->second;
  const GraphTensor* found = nullptr;
  for (const auto& [other, tensor] : by_name_) {
    if (!other.ends_with("/" + name)) continue;
    if (found) return nullptr;
    found = &tensor;
  }
  return found;
}

Graph read_tfjs(const std::string& path) {
  std::error_code ignored;
  const std::string file = fs::is_directory(path, ignored) ? (fs::path(path) / "model.json").string() : path;
  const std::string folder = fs::path(file).parent_path().string();
  Graph graph;
  graph.file_name = file;
  const Json json = read_json(file, &graph);
  try {
    const TfjsWeights weights(json_member(json, "weightsManifest"), folder, &graph);
    const Json& topology = json_member(json, "modelTopology");
    if (json_member(topology, "node").is_array()) {
      read_tfjs_graph(topology, weights, &graph);
    } else {
      read_keras_model(topology, weights, &graph);
    }
    read_labels(folder, &graph);
  } catch (const InputError& error) {
    // Errors about the other files begin with their paths.
    const std::string message = error.what();
    const bool names_file = !folder.empty() && message.starts_with((fs::path(folder) / "").string());
    throw InputError(names_file ? message : file + ": " + message);
  } catch (const Json::exception& error) {
    throw InputError(file + ": not as TensorFlow.js writes it (" + error.what() + ")");
  }
  return graph;
}

}  // namespace posy
