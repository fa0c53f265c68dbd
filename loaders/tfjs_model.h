// What the two kinds of TensorFlow.js models share: their weights, and checked access to their JSON. Private to this
// room.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "loaders/graph.h"
#include "loaders/graph_builder.h"

namespace posy {

using Json = nlohmann::json;

// A whole number of 32 bits from JSON, which has only doubles, or from a string, as protobuf writes 64 bits.
int64_t json_integer(const Json& value);
// Member `key`; null where it, or the object, is missing.
const Json& json_member(const Json& object, const char* key);
std::string json_text(const Json& object, const char* key, const std::string& fallback = "");
bool json_flag(const Json& object, const char* key, bool fallback);
double json_number(const Json& object, const char* key, double fallback);

// Weights by name, as float or int32 whatever they were stored as.
class TfjsWeights {
 public:
  // Reads the shards that the manifest names, from `folder`, into graph->bytes.
  TfjsWeights(const Json& manifest, const std::string& folder, Graph* graph);

  // Null if there is none. A name may stand alone or behind the names of the models around it.
  const GraphTensor* find(const std::string& name) const;

 private:
  std::map<std::string, GraphTensor> by_name_;
};

// Both add the model's nodes to the graph; InputError without the file's name, which the caller knows.
void read_keras_model(const Json& topology, const TfjsWeights& weights, Graph* graph);
void read_tfjs_graph(const Json& topology, const TfjsWeights& weights, Graph* graph);

}  // namespace posy
