// Keras models: Sequential, and Model or Functional, which name for every layer the layers that feed it. Either may be
// a layer of another.
#include "loaders/keras_model.h"

#include <algorithm>
#include <map>

#include "loaders/error.h"

namespace posy {
namespace {

constexpr int kMaxDepth = 16;
constexpr size_t kMaxCalls = 5000;     // of layers in one model
constexpr size_t kMaxNodes = 200'000;  // models inside models could ask for any number

bool is_model(const std::string& kind) {
  return kind == "Sequential" || kind == "Model" || kind == "Functional";
}

// What one use of a layer is fed with: output `tensor` of use `use` of another layer.
struct Source {
  std::string layer;
  size_t use = 0, tensor = 0;
};

Source source_of(const Json& triple) {
  return {triple.at(0).get<std::string>(), (size_t)json_integer(triple.at(1)), (size_t)json_integer(triple.at(2))};
}

// Keras 3 hides the triples: {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, use, tensor]}}.
void collect_histories(const Json& value, int depth, std::vector<Source>* sources) {
  if (depth > kMaxDepth) throw InputError("its inputs are nested too deeply");
  const Json& history = json_member(json_member(value, "config"), "keras_history");
  if (history.is_array()) {
    sources->push_back(source_of(history));
  } else if (value.is_structured()) {
    for (const Json& inner : value) collect_histories(inner, depth + 1, sources);
  }
}

std::vector<Source> sources_of(const Json& inbound_node) {
  std::vector<Source> sources;
  if (inbound_node.is_object()) {
    collect_histories(json_member(inbound_node, "args"), 0, &sources);
  } else {
    for (const Json& triple : inbound_node) sources.push_back(source_of(triple));
  }
  return sources;
}

// input_layers and output_layers: a list of triples, or the one triple.
std::vector<Source> ends_of(const Json& list) {
  std::vector<Source> ends;
  if (list.is_array() && !list.empty() && list[0].is_string()) return {source_of(list)};
  for (const Json& triple : list) ends.push_back(source_of(triple));
  return ends;
}

// The values that the layers of a functional model have made so far: by layer, by use.
class Made {
 public:
  // The layer will be used once more.
  size_t announce(const std::string& layer) { return uses_[layer]++; }
  void add(const std::string& layer, size_t use, std::vector<KerasValue> values) {
    values_[{layer, use}] = std::move(values);
  }

  // Null as long as it is not there. A layer that is used once answers to any number: a model that is a layer of
  // another counts on from its own making.
  const KerasValue* find(const Source& source) const {
    const auto uses = uses_.find(source.layer);
    if (uses == uses_.end()) return nullptr;
    const auto found = values_.find({source.layer, uses->second == 1 ? 0 : source.use});
    if (found == values_.end() || source.tensor >= found->second.size()) return nullptr;
    return &found->second[source.tensor];
  }

 private:
  std::map<std::string, size_t> uses_;
  std::map<std::pair<std::string, size_t>, std::vector<KerasValue>> values_;
};

std::string layer_name(const Json& layer) {
  const std::string name = json_text(layer, "name");
  return name.empty() ? json_text(json_member(layer, "config"), "name", "layer") : name;
}

const Json& layers_of(const Json& config) {
  const Json& layers = config.is_array() ? config : json_member(config, "layers");
  if (!layers.is_array()) throw InputError("a model in it has no list of layers");
  return layers;
}

// One use of a layer that is still to be done.
struct Call {
  const Json* layer;
  size_t use;
  std::vector<Source> sources;
};

std::vector<Call> calls_of(const Json& layers, Made* made) {
  std::vector<Call> calls;
  for (const Json& layer : layers) {
    if (json_text(layer, "class_name") == "InputLayer") continue;
    for (const Json& inbound : json_member(layer, "inbound_nodes")) {
      if (calls.size() == kMaxCalls)
        throw InputError("a model in it has more than " + std::to_string(kMaxCalls) + " layers");
      try {
        calls.push_back({&layer, made->announce(layer_name(layer)), sources_of(inbound)});
      } catch (const Json::exception&) {
        throw InputError("layer '" + printable_name(layer_name(layer)) + "': its inbound_nodes are not understood");
      }
    }
  }
  return calls;
}

}  // namespace

void KerasEmitter::refuse(const KerasLayer& layer, const std::string& why) const {
  throw InputError("layer '" + printable_name(layer.name) + "' (" + printable_name(layer.kind) + "): " + why);
}

bool KerasEmitter::has_weight(const KerasLayer& layer, const std::string& name) const {
  return weights_.find(layer.name + "/" + name) != nullptr;
}

GraphTensor KerasEmitter::weight_tensor(const KerasLayer& layer, const std::string& name, size_t rank) const {
  const GraphTensor* tensor = weights_.find(layer.name + "/" + name);
  if (!tensor) refuse(layer, "its weight '" + name + "' is not in weightsManifest");
  if (tensor->dims.size() != rank || tensor->type != DataType::kFloat) {
    refuse(layer, "its weight '" + name + "' has the shape " + shape_text(tensor->dims));
  }
  return *tensor;
}

std::string KerasEmitter::weight(const KerasLayer& layer, const std::string& name, size_t rank) {
  return constant(name, weight_tensor(layer, name, rank));
}

std::string KerasEmitter::node(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
  if (graph_.nodes.size() > kMaxNodes) throw InputError("its models inside models have too many layers");
  return build_.add(name_ + "/" + op, op, std::move(inputs), std::move(attributes));
}

std::string KerasEmitter::constant(const std::string& what, GraphTensor tensor) {
  return build_.constant(name_ + "/" + what, std::move(tensor));
}

std::string KerasEmitter::floats(const std::string& what, std::vector<int64_t> dims, const std::vector<float>& values) {
  return build_.floats(name_ + "/" + what, std::move(dims), values);
}

std::string KerasEmitter::ints(const std::string& what, const std::vector<int32_t>& values) {
  return ints(what, values, {(int64_t)values.size()});
}

std::string KerasEmitter::ints(const std::string& what, const std::vector<int32_t>& values, std::vector<int64_t> dims) {
  return build_.ints(name_ + "/" + what, std::move(dims), values);
}

// From an InputLayer, or from the shape that the first layer of a Sequential gives.
KerasValue KerasEmitter::input_of(const Json& layer) {
  const Json& config = json_member(layer, "config");
  const char* key = json_member(config, "batch_input_shape").is_array() ? "batch_input_shape" : "batch_shape";
  const Json& shape = json_member(config, key);
  const std::string kind = json_text(layer, "class_name");
  if (!shape.is_array() || shape.empty() || shape.size() > 8) {
    refuse({layer_name(layer), kind, config}, "it comes first and does not say the shape of its input");
  }
  std::vector<int64_t> dims;
  for (const Json& dim : shape) dims.push_back(dim.is_null() ? -1 : json_integer(dim));
  const std::string name = layer_name(layer) + (kind == "InputLayer" ? "" : "_input");
  return {build_.placeholder(name, dims), (int)dims.size()};
}

KerasEmitter::Values KerasEmitter::run_layer(const Json& layer, const Values& inputs, int depth) {
  const std::string kind = json_text(layer, "class_name");
  if (is_model(kind)) return run_model(layer, inputs, depth + 1);
  const KerasLayer plain = {layer_name(layer), kind, json_member(layer, "config")};
  try {
    return {run_plain_layer(plain, inputs)};
  } catch (const Json::exception& error) {
    refuse(plain, std::string("its settings are not understood (") + error.what() + ")");
  } catch (const InputError& error) {
    if (std::string_view(error.what()).starts_with("layer '")) throw;
    refuse(plain, error.what());
  }
}

KerasEmitter::Values KerasEmitter::run_sequential(const Json& layers, Values values, int depth) {
  for (const Json& layer : layers) {
    const std::string kind = json_text(layer, "class_name");
    if (kind == "InputLayer") {
      if (values.empty()) values = {input_of(layer)};
      continue;
    }
    if (values.empty() && !is_model(kind)) values = {input_of(layer)};
    values = run_layer(layer, values, depth);
  }
  return values;
}

KerasEmitter::Values KerasEmitter::run_functional(const Json& config, const Values& inputs, int depth) {
  const Json& layers = layers_of(config);
  Made made;
  const std::vector<Source> ends = ends_of(json_member(config, "input_layers"));
  if (!inputs.empty() && inputs.size() != ends.size())
    throw InputError("a model inside it is fed with other inputs than it has");
  for (const Json& layer : layers) {
    if (json_text(layer, "class_name") != "InputLayer") continue;
    size_t at = 0;
    while (at < ends.size() && ends[at].layer != layer_name(layer)) ++at;
    made.add(layer_name(layer), made.announce(layer_name(layer)), {at < inputs.size() ? inputs[at] : input_of(layer)});
  }
  // Layers may stand in any order: rounds, each of which does those whose sources are there.
  std::vector<Call> calls = calls_of(layers, &made);
  while (!calls.empty()) {
    std::vector<Call> waiting;
    for (const Call& call : calls) {
      Values values;
      for (const Source& source : call.sources) {
        if (const KerasValue* value = made.find(source)) values.push_back(*value);
      }
      if (values.size() == call.sources.size()) {
        made.add(layer_name(*call.layer), call.use, run_layer(*call.layer, values, depth));
      } else {
        waiting.push_back(call);
      }
    }
    if (waiting.size() == calls.size()) {
      throw InputError("layer '" + printable_name(layer_name(*waiting[0].layer)) +
                       "' is fed by a layer that is not there");
    }
    calls = std::move(waiting);
  }
  Values outputs;
  for (const Source& end : ends_of(json_member(config, "output_layers"))) {
    const KerasValue* value = made.find(end);
    if (!value) throw InputError("its output layer '" + printable_name(end.layer) + "' is not there");
    outputs.push_back(*value);
  }
  return outputs;
}

std::vector<KerasValue> KerasEmitter::run_model(const Json& model, const Values& inputs, int depth) {
  if (depth > kMaxDepth) throw InputError("more than " + std::to_string(kMaxDepth) + " models inside each other");
  const Json& config = json_member(model, "config");
  if (json_text(model, "class_name") == "Sequential") return run_sequential(layers_of(config), inputs, depth);
  return run_functional(config, inputs, depth);
}

void read_keras_model(const Json& topology, const TfjsWeights& weights, Graph* graph) {
  const Json& wrapped = json_member(topology, "model_config");
  const Json& model = wrapped.is_object() ? wrapped : topology;
  const std::string kind = json_text(model, "class_name");
  if (!is_model(kind)) {
    throw InputError("its modelTopology is neither a Keras model (Sequential, Model, Functional) nor a graph" +
                     (kind.empty() ? "" : " but a " + printable_name(kind)));
  }
  const std::vector<KerasValue> outputs = KerasEmitter(weights, graph).run_model(model, {}, 0);
  if (outputs.empty()) throw InputError("the model has no output");
  if (outputs.size() == 1) graph->suggested_output = outputs[0].node;
  const auto is_input = [](const GraphNode& node) { return node.op == "Placeholder"; };
  if (std::count_if(graph->nodes.begin(), graph->nodes.end(), is_input) == 1) {
    graph->suggested_input = std::find_if(graph->nodes.begin(), graph->nodes.end(), is_input)->name;
  }
}

}  // namespace posy
