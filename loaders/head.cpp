#include "loaders/head.h"

#include <algorithm>
#include <cstddef>

#include "loaders/error.h"
#include "loaders/graph.h"
#include "loaders/read_weights.h"
#include "loaders/sha1.h"
#include "loaders/tensor_watch.h"

namespace posy {
namespace {

std::string name_of(const Model& model, uint32_t tensor) {
  return printable_name(model.string(model.tensors[tensor].name));
}

uint32_t named_tensor(const std::string& name, const Model& model, const std::string& node) {
  const uint32_t tensor = find_tensor(model, node);
  if (tensor == kNoIndex) {
    throw InputError(name + ": --bottleneck: the model has no layer '" + printable_name(node) +
                     "'; it may have been folded away (posy info lists what is there; --keep-bottleneck keeps the "
                     "bottleneck of a retrained graph)");
  }
  return tensor;
}

// A step reads the tensors that its op names. Whether they overlap others' memory does not matter here: the plan is
// right as it is.
bool needs_only(const Model& model, const OpRecord& op, const std::vector<bool>& made) {
  return std::all_of(op.in, op.in + 2, [&](uint32_t t) { return t == kNoIndex || t >= model.tensor_count || made[t]; });
}

}  // namespace

std::vector<std::string> labels_of(const Model& model) {
  std::vector<std::string> labels;
  for (uint32_t i = 0; i < model.label_count; ++i) labels.push_back(model.string(model.labels[i]));
  return labels;
}

const OpRecord* last_layer(const Model& model) {
  for (uint32_t i = model.op_count; i-- > 0;) {
    if (has_weights(model.ops[i])) return &model.ops[i];
  }
  return nullptr;
}

Bottleneck find_bottleneck(const std::string& name, const Model& model, const std::string& node) {
  const OpRecord* const last = last_layer(model);
  if (node.empty() && !last)
    throw InputError(name + ": the model has no layer with weights, so there is nothing to retrain");
  const uint32_t tensor = node.empty() ? last->in[0] : named_tensor(name, model, node);
  const TensorRecord& record = model.tensors[tensor];
  if (record.h != 1 || record.w != 1) {
    throw InputError(name + ": the output of '" + name_of(model, tensor) + "' has " + std::to_string(record.h) + " x " +
                     std::to_string(record.w) +
                     " positions; a bottleneck has one: name another node with --bottleneck");
  }
  uint32_t steps = 0;
  for (uint32_t i = 0; i < model.step_count; ++i) {
    if (model.ops[model.steps[i].op].out == tensor) steps = i + 1;
  }
  std::vector<bool> made(model.tensor_count);
  made[tensor] = true;
  for (uint32_t i = steps; i < model.step_count; ++i) {
    const OpRecord& op = model.ops[model.steps[i].op];
    if (!needs_only(model, op, made)) {
      throw InputError(name + ": '" + printable_name(model.string(op.name)) + "' needs more than the output of '" +
                       name_of(model, tensor) + "': that is no bottleneck; name another node with --bottleneck");
    }
    made[op.out] = true;
  }
  return {tensor, steps, record.c};
}

std::string identity_of(const Model& model, const Bottleneck& bottleneck) {
  std::string text;
  const auto add = [&](const void* part, size_t bytes) { text.append((const char*)part, bytes); };
  const auto add_shape = [&](uint32_t tensor) {
    if (tensor < model.tensor_count) add(&model.tensors[tensor].h, 3 * sizeof(uint32_t));
  };
  const ModelRecord& record = *model.record;
  add_shape(record.input_tensor);
  add(record.mean, sizeof record.mean + sizeof record.std + 2);  // and how pictures are resized
  for (uint32_t i = 0; i < bottleneck.steps; ++i) {
    const OpRecord& op = model.ops[model.steps[i].op];
    if (model.steps[i].row_begin != 0) continue;  // another band of an op that has been added
    // A new head reads floats where the old one read codes: the same numbers.
    if ((OpKind)op.kind == OpKind::int8_decode && op.out == bottleneck.tensor) continue;
    add(&op.kind, sizeof op.kind);
    add(&op.function, sizeof op.function);
    add(&op.k_h, offsetof(OpRecord, weights_offset) - offsetof(OpRecord, k_h));
    add(op.param, sizeof op.param + sizeof op.dims + sizeof op.order);
    add_shape(op.in[0]);
    add_shape(op.in[1]);
    add_shape(op.out);
    if (op.weights_bytes > 0) add(model.weights + op.weights_offset, op.weights_bytes);
  }
  std::string digits;
  for (const uint8_t byte : sha1(text)) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return digits;
}

}  // namespace posy
