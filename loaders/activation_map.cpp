#include "loaders/activation_map.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "loaders/error.h"

namespace posy {
namespace {

uint64_t elements(const TensorRecord& t) {
  return (uint64_t)t.h * t.w * t.c;
}

// Flattening makes another tensor of the same floats.
bool is_same_place(const TensorRecord& a, const TensorRecord& b) {
  return a.arena_offset == b.arena_offset && elements(a) == elements(b) && a.type == b.type;
}

// The last op before `before` that makes the tensor, by itself; op_count if there is none.
uint32_t maker_of(const Model& model, uint32_t tensor, uint32_t before) {
  for (uint32_t i = before; i-- > 0;) {
    const uint32_t out = model.ops[i].out;
    if (out == tensor || is_same_place(model.tensors[out], model.tensors[tensor])) return i;
  }
  return model.op_count;
}

bool is_one_pixel(const TensorRecord& t) {
  return t.h == 1 && t.w == 1;
}

bool is_unclamped(const OpRecord& op) {
  return op.clamp_low == -__builtin_inff() && op.clamp_high == __builtin_inff();
}

// Every pixel of the map is in the one average.
bool is_global_average(const Model& model, const OpRecord& op) {
  const TensorRecord &in = model.tensors[op.in[0]], &out = model.tensors[op.out];
  if (!is_one_pixel(out) || in.c != out.c) return false;
  switch ((OpKind)op.kind) {
    case OpKind::average_pool:
      return is_unclamped(op) && op.k_h >= in.h + op.pad_top && op.k_w >= in.w + op.pad_left;
    case OpKind::int8_average_pool:
      return op.k_h >= in.h + op.pad_top && op.k_w >= in.w + op.pad_left;
    case OpKind::reduce:
      return is_unclamped(op) && op.function == (uint8_t)ReduceFunction::mean;
    default:
      return false;
  }
}

// Between codes and floats, the same numbers but for rounding.
bool is_identity(const OpRecord& op) {
  const OpKind kind = (OpKind)op.kind;
  return kind == OpKind::int8_decode || kind == OpKind::int8_encode || (kind == OpKind::copy && is_unclamped(op));
}

// What makes scores of logits and keeps their order.
bool is_score_function(const OpRecord& op) {
  const OpKind kind = (OpKind)op.kind;
  return kind == OpKind::softmax ||
         (kind == OpKind::unary && op.function == (uint8_t)UnaryFunction::sigmoid && is_unclamped(op));
}

bool is_full_layer(const Model& model, const OpRecord& op) {
  const OpKind kind = (OpKind)op.kind;
  return (kind == OpKind::conv_2d || kind == OpKind::int8_conv_2d) && is_one_pixel(model.tensors[op.in[0]]) &&
         is_one_pixel(model.tensors[op.out]) && op.k_h == 1 && op.k_w == 1;
}

bool is_factor_layer(const Model& model, const OpRecord& op) {
  return (OpKind)op.kind == OpKind::depthwise_conv_2d && is_one_pixel(model.tensors[op.in[0]]) && op.k_h == 1 &&
         op.k_w == 1;
}

float number_at(const TensorRecord& t, const uint8_t* arena, size_t index) {
  const uint8_t* from = arena + t.arena_offset;
  return is_u8(t) ? (float)(from[index] - t.zero_point) * t.scale : ((const float*)from)[index];
}

// The whole of a tensor, which is in memory.
std::vector<float> numbers_of(const TensorRecord& t, const uint8_t* arena) {
  std::vector<float> numbers;
  numbers.reserve(elements(t));
  for (size_t y = 0; y < t.h; ++y) {
    for (size_t x = 0; x < t.w; ++x) {
      const size_t pixel = (y % t.ring_h * t.w + x) * t.pixel_stride;
      for (size_t c = 0; c < t.c; ++c) numbers.push_back(number_at(t, arena, pixel + c));
    }
  }
  return numbers;
}

}  // namespace

bool PooledHead::take_backwards(uint32_t index, std::string* why) {
  for (uint32_t i = index; i < model_->op_count;) {
    const OpRecord& op = model_->ops[i];
    if (is_global_average(*model_, op)) {
      pool_ = i;
      std::reverse(layers_.begin(), layers_.end());
      return true;
    }
    const bool is_factor = is_factor_layer(*model_, op);
    if (is_factor || is_full_layer(*model_, op)) {
      layers_.push_back({read_weights(*model_, i), is_factor, {}});
    } else if (!is_identity(op)) {
      *why = "its end is no average over all places with linear layers behind it: there is '" +
             std::string(model_->string(op.name)) + "' (" + op_name((OpKind)op.kind) + ")";
      return false;
    }
    i = maker_of(*model_, op.in[0], i);
  }
  *why = "its end is no average over all places with linear layers behind it";
  return false;
}

std::optional<PooledHead> PooledHead::find(const Model& model, std::string* why) {
  PooledHead head(model);
  uint32_t last = maker_of(model, model.record->output_tensor, model.op_count);
  if (last < model.op_count && is_score_function(model.ops[last])) last = maker_of(model, model.ops[last].in[0], last);
  if (!head.take_backwards(last, why)) return std::nullopt;
  return head;
}

// The pool's input lies in the arena until the pool has run, whatever made it and in how many bands.
int PooledHead::observe(void* self, const posy_progress* progress) {
  PooledHead& head = *(PooledHead*)self;
  const Model& model = *head.model_;
  const OpRecord& op = model.ops[progress->op];
  if (progress->op == head.pool_) {
    head.features_ = numbers_of(model.tensors[op.in[0]], head.arena_);
    head.pooled_ = numbers_of(model.tensors[op.out], head.arena_);
  }
  for (Layer& layer : head.layers_) {
    if (layer.weights.op == progress->op) layer.output = numbers_of(model.tensors[op.out], head.arena_);
  }
  return 0;
}

void PooledHead::run(posy_engine* engine) {
  arena_ = engine_of(engine)->arena;
  posy_set_observer(engine, observe, this);
  const posy_status status = posy_run(engine);
  posy_set_observer(engine, nullptr, nullptr);
  if (status != POSY_OK) throw InputError(posy_status_text(status));
  // A file may have any plan: one that leaves an op out gives wrong scores.
  const bool saw_all = !features_.empty() && std::none_of(layers_.begin(), layers_.end(),
                                                          [](const Layer& layer) { return layer.output.empty(); });
  if (!saw_all) throw InputError("the model's plan leaves out layers that its scores need; convert its graph again");
}

// Codes at the ends of their range are cut off only if a Relu or Relu6 was fused: no layer without one is calibrated so
// that its sums leave the range.
bool PooledHead::cuts(const Layer& layer, size_t channel) const {
  const OpRecord& op = model_->ops[layer.weights.op];
  const TensorRecord& out = model_->tensors[op.out];
  float low = op.clamp_low, high = op.clamp_high;
  if (is_u8(out)) {
    low = op.clamp_low == (float)out.zero_point ? 0 : -__builtin_inff();
    high = op.clamp_high < 255 ? (op.clamp_high - (float)out.zero_point) * out.scale : __builtin_inff();
  }
  return layer.output[channel] <= low || layer.output[channel] >= high;
}

ActivationMap PooledHead::map_of(uint32_t class_index) const {
  ActivationMap result;
  result.layers = layers_.size();
  result.logit = (layers_.empty() ? pooled_ : layers_.back().output)[class_index];
  const size_t classes = layers_.empty() ? pooled_.size() : layers_.back().weights.channels;
  std::vector<double> slope(classes, 0.0);  // of the logit, by what the layer makes
  slope[class_index] = 1;
  for (size_t i = layers_.size(); i-- > 0;) {
    const Layer& layer = layers_[i];
    const size_t channels = layer.weights.channels;
    const size_t inputs = layer.is_depthwise ? channels : layer.weights.values.size() / channels;
    std::vector<double> before(inputs, 0.0);
    for (size_t o = 0; o < channels; ++o) {
      if (cuts(layer, o)) {
        result.bias += slope[o] * layer.output[o];
        result.has_cut_units = true;
        continue;
      }
      result.bias += slope[o] * layer.weights.bias[o];
      if (layer.is_depthwise) before[o] = slope[o] * layer.weights.values[o];
      for (size_t k = 0; k < inputs && !layer.is_depthwise; ++k)
        before[k] += slope[o] * layer.weights.values[k * channels + o];
    }
    slope = std::move(before);
  }
  const TensorRecord& in = model_->tensors[model_->ops[pool_].in[0]];
  result.map = {in.h, in.w, {}};
  for (size_t pixel = 0; pixel < features_.size(); pixel += in.c) {
    double sum = 0;
    for (size_t k = 0; k < in.c; ++k) sum += slope[k] * features_[pixel + k];
    result.map.values.push_back((float)sum);
  }
  return result;
}

}  // namespace posy
