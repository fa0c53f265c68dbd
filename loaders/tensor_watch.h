// The values of one tensor of a model, copied as they are made.
#pragma once
#include <string>
#include <vector>

#include "engine/model.h"

namespace posy {

class TensorWatch {
 public:
  // `stops`: ends runs with POSY_CANCELLED once the tensor is made, without scores.
  TensorWatch(const Model& model, uint32_t tensor, bool stops = false)
      : model_(model), tensor_(tensor), stops_(stops) {}

  // As long as this lives; the engine has one observer.
  void attach(posy_engine* engine) { posy_set_observer(engine, observe, this); }

  uint32_t tensor() const { return tensor_; }
  posy_shape shape() const { return {model_.tensors[tensor_].h, model_.tensors[tensor_].w, model_.tensors[tensor_].c}; }
  // Of the last run: rows x columns x channels, codes as what they stand for. Empty before.
  const std::vector<float>& values() const { return values_; }

 private:
  static int observe(void* self, const posy_progress* progress);

  const Model& model_;
  uint32_t tensor_;
  bool stops_;
  std::vector<float> values_;
};

// The values of all of them.
class AllTensorsWatch {
 public:
  explicit AllTensorsWatch(const Model& model) : model_(model), values_(model.tensor_count) {}

  void attach(posy_engine* engine) { posy_set_observer(engine, observe, this); }

  // Of the last run, by tensor: rows x columns x channels; empty for those that no op makes.
  std::vector<std::vector<float>> take() { return std::move(values_); }

 private:
  static int observe(void* self, const posy_progress* progress);

  const Model& model_;
  std::vector<std::vector<float>> values_;
};

// Further names of tensors, those whose indices are good: the optional section that the engine does not look at.
std::vector<NodeNameRecord> node_names(const Model& model);

// Every name of every tensor: its own, and those of other nodes with the same output.
struct TensorName {
  std::string name;
  uint32_t tensor;
};
std::vector<TensorName> tensor_names(const Model& model);

// The tensor that a node of the graph is the output of, and that some op makes; kNoIndex if there is none. Of names
// that several tensors share, the last one's.
uint32_t find_tensor(const Model& model, const std::string& node);

}  // namespace posy
