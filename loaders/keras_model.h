// The state of one walk through a Keras model: shared by keras_model.cpp (models and how layers are joined) and
// keras_layers.cpp (one function per kind of layer). Private to this room.
#pragma once
#include <string>
#include <vector>

#include "loaders/tfjs_model.h"

namespace posy {

// A tensor between layers: the node that makes it, and its dimensions with the batch.
struct KerasValue {
  std::string node;
  int rank = 0;
};

struct KerasLayer {
  std::string name, kind;
  const Json& config;
};

class KerasEmitter {
 public:
  KerasEmitter(const TfjsWeights& weights, Graph* graph) : weights_(weights), graph_(*graph), build_(graph) {}

  // A Sequential, Model or Functional. Without inputs it makes its own, from its first layers.
  std::vector<KerasValue> run_model(const Json& model, const std::vector<KerasValue>& inputs, int depth);

 private:
  friend struct KerasOps;
  using Attributes = GraphBuilder::Attributes;
  using Values = std::vector<KerasValue>;

  Values run_sequential(const Json& layers, Values values, int depth);
  Values run_functional(const Json& config, const Values& inputs, int depth);
  Values run_layer(const Json& layer, const Values& inputs, int depth);
  KerasValue run_plain_layer(const KerasLayer& layer, const Values& inputs);
  KerasValue input_of(const Json& layer);

  [[noreturn]] void refuse(const KerasLayer& layer, const std::string& why) const;

  // The weight `layer/name`, which has to have that many dimensions.
  bool has_weight(const KerasLayer& layer, const std::string& name) const;
  GraphTensor weight_tensor(const KerasLayer& layer, const std::string& name, size_t rank) const;
  std::string weight(const KerasLayer& layer, const std::string& name, size_t rank);

  // Nodes of the layer at hand.
  std::string node(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {});
  std::string constant(const std::string& what, GraphTensor tensor);
  std::string floats(const std::string& what, std::vector<int64_t> dims, const std::vector<float>& values);
  std::string scalar(const std::string& what, float value) { return floats(what, {}, {value}); }
  std::string ints(const std::string& what, const std::vector<int32_t>& values);
  std::string ints(const std::string& what, const std::vector<int32_t>& values, std::vector<int64_t> dims);

  const TfjsWeights& weights_;
  Graph& graph_;
  GraphBuilder build_;
  std::string name_;  // of the layer at hand
};

}  // namespace posy
