#include "loaders/step_runner.h"

#include "engine/engine.h"

namespace posy {
namespace {

Network without_softmax(Network network) {
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    const NetworkNode& node = network.nodes[i];
    if (node.kind != NodeKind::kSoftmax || node.output != network.output || node.inputs[0] == network.input) continue;
    network.output = node.inputs[0];
    network.nodes.erase(network.nodes.begin() + (std::ptrdiff_t)i);
    break;
  }
  return network;
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

StepRunner::StepRunner(Network network, WeightChoice choice)
    : NetworkRunner(without_softmax(std::move(network)), choice) {
  size_t layers = 0;
  for (const PlannedOp& op : plan_.ops) layer_of_op_.push_back(op.weights ? layers++ : 0);
}

void StepRunner::visit_step(size_t index, const Visit& visit) {
  if (index >= model_.step_count) return;
  const StepRecord& step = model_.steps[index];
  const OpRecord& op = model_.ops[step.op];
  uint8_t* arena = engine_of(&engine_)->arena;
  visit({plan_.ops[step.op].weights,
         layer_of_op_[step.op],
         (OpKind)op.kind,
         plan_.ops[step.op].window,
         bind_tensor(model_.tensors[op.in[0]], arena),
         bind_tensor(model_.tensors[op.out], arena),
         {step.row_begin, step.row_end}});
}

std::vector<float> StepRunner::run(const std::vector<float>& input, const Visit& visit) {
  set_input(input);
  if (!visit) return run_with_input({});
  size_t next = 0;
  visit_step(next, visit);
  return run_with_input([&](const MadeRows&) { visit_step(++next, visit); });
}

}  // namespace posy
