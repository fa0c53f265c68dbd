// A network in memory, run over photos and looked at step by step: what choices between encodings are measured by.
#pragma once
#include <functional>
#include <vector>

#include "loaders/network_runner.h"

namespace posy {

class StepRunner : public NetworkRunner {
 public:
  // A softmax at the end is left out: scores are logits, whose order is the same.
  StepRunner(Network network, WeightChoice choice);

  // What each step reads is in memory just before it runs: `visit` is called then.
  struct Step {
    const ConvWeights* weights;  // of the copy of the network in here; null for ops without
    size_t layer;                // among the ops with weights, in order
    OpKind kind;
    Window window;
    Tensor in, out;
    Range rows;  // of the output
  };
  using Visit = std::function<void(const Step&)>;
  std::vector<float> run(const std::vector<float>& input, const Visit& visit = {});

 private:
  void visit_step(size_t index, const Visit& visit);

  std::vector<size_t> layer_of_op_;
};

// Layers with weights, in the order of their nodes, which is that of StepRunner's.
std::vector<NetworkNode*> layers_of(Network* network);

}  // namespace posy
