// A network in memory, run over photos: what choices between encodings are measured by.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "loaders/network.h"
#include "loaders/plan.h"
#include "loaders/quantize.h"

namespace posy {

// One after the other, on the calling thread. Throws InputError where the network cannot be written or opened.
class StepRunner {
 public:
  // A softmax at the end is left out: scores are logits, whose order is the same.
  StepRunner(Network network, WeightChoice choice);
  StepRunner(const StepRunner&) = delete;
  StepRunner& operator=(const StepRunner&) = delete;

  // The model's input for each photo, h * w * c floats. Photos that cannot be read are left out, with a note for each;
  // throws InputError if there is no other.
  std::vector<std::vector<float>> inputs_of(const std::vector<std::string>& photos, std::vector<std::string>* notes);

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
  std::vector<float> input_of(const std::string& photo);
  void visit_step(size_t index);

  Network network_;
  Plan plan_;
  std::vector<uint8_t> posy_;
  std::vector<size_t> layer_of_op_;
  std::unique_ptr<uint8_t[]> memory_;
  posy_engine engine_ = {};
  Model model_ = {};
  const Visit* visit_ = nullptr;
  size_t next_step_ = 0;
};

// Layers with weights, in the order of their nodes, which is that of StepRunner's.
std::vector<NetworkNode*> layers_of(Network* network);

// JPEG, PNG, BMP and GIF files by their names, in a folder and those below it, sorted; at most `most` of them, evenly
// chosen. Throws InputError if there are none.
std::vector<std::string> photos_of_folder(const std::string& folder, size_t most);

}  // namespace posy
