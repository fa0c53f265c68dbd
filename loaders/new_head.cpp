#include "loaders/new_head.h"

#include <algorithm>
#include <memory>

#include "loaders/array.h"
#include "loaders/posy_file.h"
#include "loaders/tensor_watch.h"

namespace posy {
namespace {

constexpr float kInfinity = __builtin_inff();

// Steps of a model, with the ops, tensors and weights that they need, in a new file. Offsets in the arena stay, so the
// plan is as good as it was; tensors that are added lie behind all of it.
class ModelCopy {
 public:
  explicit ModelCopy(const Model& from)
      : from_(from), tensor_of_(from.tensor_count, kNoIndex), op_of_(from.op_count, kNoIndex) {
    file_.record = *from.record;
    file_.record.input_tensor = tensor(from.record->input_tensor);
    file_.record.input_name = file_.strings.add(from.string(from.record->input_name));
    file_.arena_bytes = from.header->arena_bytes;
    file_.max_rows = from.header->max_rows;
  }

  template <class Wanted>
  void copy_steps(uint32_t begin, uint32_t end, Wanted is_wanted) {
    for (uint32_t i = begin; i < end; ++i) {
      StepRecord step = from_.steps[i];
      if (!is_wanted(from_.ops[step.op])) continue;
      step.op = op(step.op);
      file_.steps.push_back(step);
    }
  }

  // In the new file.
  uint32_t tensor(uint32_t index) {
    if (index >= from_.tensor_count) return kNoIndex;
    if (tensor_of_[index] == kNoIndex) {
      tensor_of_[index] = (uint32_t)file_.tensors.size();
      TensorRecord record = from_.tensors[index];
      record.name = file_.strings.add(from_.string(record.name));
      file_.tensors.push_back(record);
    }
    return tensor_of_[index];
  }

  uint32_t add_tensor(size_t channels, const std::string& name) {
    TensorRecord record = {};
    record.arena_offset = file_.arena_bytes;
    record.h = record.w = record.ring_h = 1;
    record.c = record.pixel_stride = (uint32_t)channels;
    record.name = file_.strings.add(name);
    file_.arena_bytes += (uint32_t)((channels * sizeof(float) + 63) / 64 * 64);
    file_.tensors.push_back(record);
    return (uint32_t)file_.tensors.size() - 1;
  }

  void add_op(OpKind kind, uint32_t in, uint32_t out) { add_op(new_op(kind, in, out)); }

  void add_layer(const LinearLayer& layer, WeightChoice choice, uint32_t in, uint32_t out) {
    OpRecord record = new_op(OpKind::conv_2d, in, out);
    record.k_h = record.k_w = record.stride_h = record.stride_w = record.dilation_h = record.dilation_w = 1;
    ConvWeights weights;
    weights.values = std::make_shared<Array>(
        float_array({(int64_t)layer.inputs, (int64_t)layer.outputs}, std::vector<float>(layer.weights)));
    weights.line = ChannelLine::added(layer.biases);
    record.weights_offset = begin_weights();
    record.weight_type = (uint8_t)encode_weights(weights, choice, &file_.weights);
    record.weights_bytes = (uint32_t)file_.weights.size() - record.weights_offset;
    file_.max_rows = std::max(file_.max_rows, (uint32_t)layer.inputs);
    add_op(record);
  }

  // Floats of its own.
  uint32_t add_copy(uint32_t of) {
    const TensorRecord from = file_.tensors[of];
    const bool is_codes = from.type == (uint8_t)ElementType::kU8;
    const uint32_t copy = add_tensor(from.c, "novelty/features");
    OpRecord record = new_op(is_codes ? OpKind::int8_decode : OpKind::copy, of, copy);
    if (is_codes) record.param[0] = from.scale;
    add_op(record);
    return copy;
  }

  // `features` stay until the end of the run.
  void add_novelty(const NoveltyRule& rule, WeightChoice choice, uint32_t features) {
    const uint32_t projection = add_tensor(rule.projection.outputs, "novelty/projection");
    add_layer(rule.projection, choice, features, projection);
    file_.novelty = {features, projection, rule.group, rule.limit};
  }

  void set_labels(const std::vector<std::string>& labels) {
    for (const std::string& label : labels) file_.labels.push_back(file_.strings.add(label));
  }

  PosyFile& file() { return file_; }

  std::vector<uint8_t> take_bytes() {
    add_node_names();
    return file_.take_bytes();
  }

 private:
  static OpRecord new_op(OpKind kind, uint32_t in, uint32_t out) {
    OpRecord record = {};
    record.kind = (uint16_t)kind;
    record.in[0] = in;
    record.in[1] = kNoIndex;
    record.out = out;
    record.clamp_low = -kInfinity;
    record.clamp_high = kInfinity;
    return record;
  }

  // Named as what it makes.
  void add_op(OpRecord record) {
    record.name = file_.tensors[record.out].name;
    file_.ops.push_back(record);
    file_.steps.push_back({(uint32_t)file_.ops.size() - 1, 0, 1, 0});
  }

  uint32_t begin_weights() {
    file_.weights.resize((file_.weights.size() + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment, 0);
    return (uint32_t)file_.weights.size();
  }

  uint32_t op(uint32_t index) {
    if (op_of_[index] != kNoIndex) return op_of_[index];
    OpRecord record = from_.ops[index];
    record.name = file_.strings.add(from_.string(record.name));
    record.in[0] = tensor(record.in[0]);
    record.in[1] = tensor(record.in[1]);
    record.out = tensor(record.out);
    if (record.weights_bytes > 0) {
      const uint8_t* weights = from_.weights + record.weights_offset;
      record.weights_offset = begin_weights();
      file_.weights.insert(file_.weights.end(), weights, weights + record.weights_bytes);
    }
    op_of_[index] = (uint32_t)file_.ops.size();
    file_.ops.push_back(record);
    return op_of_[index];
  }

  void add_node_names() {
    for (const NodeNameRecord& name : node_names(from_)) {
      const uint32_t copy = tensor_of_[name.tensor];
      if (copy != kNoIndex) file_.names.push_back({copy, file_.strings.add(from_.string(name.name))});
    }
  }

  const Model& from_;
  PosyFile file_;
  std::vector<uint32_t> tensor_of_, op_of_;
};

bool all(const OpRecord&) {
  return true;
}

}  // namespace

std::vector<uint8_t> with_new_head(const Model& model, const Bottleneck& bottleneck, const NewHead& head) {
  ModelCopy copy(model);
  copy.copy_steps(0, bottleneck.steps, all);
  // Nothing behind it writes over the bottleneck.
  uint32_t features = copy.tensor(bottleneck.tensor);
  if (is_u8(model.tensors[bottleneck.tensor])) features = copy.add_copy(features);
  if (head.novelty) copy.add_novelty(*head.novelty, head.weights, features);
  const uint32_t logits = copy.add_tensor(head.layer.outputs, "final_training_ops/Wx_plus_b/add");
  copy.add_layer(head.layer, head.weights, features, logits);
  const uint32_t scores = copy.add_tensor(head.layer.outputs, "final_result");
  copy.add_op(OpKind::softmax, logits, scores);
  copy.file().record.output_tensor = scores;
  copy.file().record.output_name = copy.file().tensors[scores].name;
  copy.set_labels(head.labels);
  return copy.take_bytes();
}

std::vector<uint8_t> with_novelty(const Model& model, const Bottleneck& bottleneck, const NoveltyRule& rule,
                                  WeightChoice weights) {
  ModelCopy copy(model);
  const NoveltyRecord* const old = model.novelty;
  // Its features may be what later layers read, and stay.
  const auto is_kept = [&](const OpRecord& op) { return !old || op.out != old->projection; };
  copy.copy_steps(0, bottleneck.steps, is_kept);
  copy.add_novelty(rule, weights, copy.add_copy(copy.tensor(bottleneck.tensor)));
  copy.copy_steps(bottleneck.steps, model.step_count, is_kept);
  copy.file().record.output_tensor = copy.tensor(model.record->output_tensor);
  copy.file().record.output_name = copy.file().strings.add(model.string(model.record->output_name));
  copy.set_labels(labels_of(model));
  return copy.take_bytes();
}

WeightChoice weights_like_last_layer(const Model& model) {
  const OpRecord* const last = last_layer(model);
  return !last || (WeightType)last->weight_type == WeightType::f32 ? WeightChoice::kF32 : WeightChoice::kU8;
}

}  // namespace posy
