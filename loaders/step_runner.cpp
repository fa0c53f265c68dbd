#include "loaders/step_runner.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "engine/engine.h"
#include "loaders/error.h"
#include "loaders/image.h"
#include "loaders/write_posy.h"

namespace posy {
namespace {

void drop_softmax(Network* network) {
  for (size_t i = 0; i < network->nodes.size(); ++i) {
    const NetworkNode& node = network->nodes[i];
    if (node.kind != NodeKind::kSoftmax || node.output != network->output || node.inputs[0] == network->input) continue;
    network->output = node.inputs[0];
    network->nodes.erase(network->nodes.begin() + (std::ptrdiff_t)i);
    return;
  }
}

bool has_weights(const NetworkNode& node) {
  return node.kind == NodeKind::kConv2d || node.kind == NodeKind::kDepthwiseConv2d;
}

}  // namespace

std::vector<NetworkNode*> layers_of(Network* network) {
  std::vector<NetworkNode*> layers;
  for (NetworkNode& node : network->nodes) {
    if (has_weights(node)) layers.push_back(&node);
  }
  return layers;
}

StepRunner::StepRunner(Network network, WeightChoice choice) : network_(std::move(network)) {
  drop_softmax(&network_);
  plan_ = make_plan(&network_);
  posy_ = write_posy(network_, plan_, choice);
  size_t layers = 0;
  for (const PlannedOp& op : plan_.ops) layer_of_op_.push_back(op.weights ? layers++ : 0);
  posy_needs needs = {};
  posy_status status = posy_need(posy_.data(), posy_.size(), nullptr, &needs);
  if (status == POSY_OK) {
    memory_.reset(new uint8_t[needs.memory_bytes]);
    status = posy_open(&engine_, posy_.data(), posy_.size(), memory_.get(), needs.memory_bytes, nullptr);
  }
  if (status != POSY_OK) throw InputError(std::string("the network cannot be run: ") + posy_status_text(status));
  open_model(posy_.data(), posy_.size(), true, &model_);
}

std::vector<float> StepRunner::input_of(const std::string& photo) {
  const posy_shape shape = posy_input_shape(&engine_);
  const Image image = read_image(photo);
  posy_image pixels = {};
  pixels.format = POSY_RGB;
  pixels.width = image.width;
  pixels.height = image.height;
  pixels.plane[0] = image.rgb.data();
  pixels.stride[0] = (size_t)image.width * 3;
  if (const posy_status status = posy_set_image(&engine_, &pixels))
    throw InputError(photo + ": " + posy_status_text(status));
  const float* input = posy_input(&engine_);
  return {input, input + (size_t)shape.h * shape.w * shape.c};
}

std::vector<std::vector<float>> StepRunner::inputs_of(const std::vector<std::string>& photos,
                                                      std::vector<std::string>* notes) {
  std::vector<std::vector<float>> inputs;
  for (const std::string& photo : photos) {
    try {
      inputs.push_back(input_of(photo));
    } catch (const InputError& error) {
      notes->push_back("left out: " + std::string(error.what()));
    }
  }
  if (inputs.empty()) throw InputError("no photo could be read; " + notes->front());
  return inputs;
}

void StepRunner::visit_step(size_t index) {
  if (index >= model_.step_count) return;
  const StepRecord& step = model_.steps[index];
  const OpRecord& op = model_.ops[step.op];
  uint8_t* arena = engine_of(&engine_)->arena;
  (*visit_)({plan_.ops[step.op].weights,
             layer_of_op_[step.op],
             (OpKind)op.kind,
             plan_.ops[step.op].window,
             bind_tensor(model_.tensors[op.in[0]], arena),
             bind_tensor(model_.tensors[op.out], arena),
             {step.row_begin, step.row_end}});
}

std::vector<float> StepRunner::run(const std::vector<float>& input, const Visit& visit) {
  std::copy(input.begin(), input.end(), posy_input(&engine_));
  visit_ = visit ? &visit : nullptr;
  next_step_ = 0;
  if (visit_) visit_step(0);
  const posy_observer observer = [](void* context, const posy_progress*) {
    StepRunner& runner = *(StepRunner*)context;
    runner.visit_step(++runner.next_step_);
    return 0;
  };
  posy_set_observer(&engine_, visit_ ? observer : nullptr, this);
  if (const posy_status status = posy_run(&engine_)) throw InputError(posy_status_text(status));
  const float* scores = posy_scores(&engine_);
  return {scores, scores + posy_class_count(&engine_)};
}

std::vector<std::string> photos_of_folder(const std::string& folder, size_t most) {
  namespace fs = std::filesystem;
  std::vector<std::string> all, some;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::string suffix = at->path().extension().string();
    std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](char c) { return (char)(c | 0x20); });
    for (const char* known : {".jpg", ".jpeg", ".png", ".bmp", ".gif"}) {
      if (suffix == known) all.push_back(at->path().string());
    }
  }
  if (error) throw InputError(folder + ": " + error.message());
  if (all.empty()) throw InputError(folder + ": no photos in this folder (.jpg, .jpeg, .png, .bmp, .gif)");
  std::sort(all.begin(), all.end());
  const size_t count = std::min(most, all.size());
  for (size_t i = 0; i < count; ++i) some.push_back(all[i * all.size() / count]);
  return some;
}

}  // namespace posy
