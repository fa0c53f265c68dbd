// From an op's record to the arguments of its kernel, with every check that the kernel relies on.
#include "engine/model.h"

namespace posy {
namespace {

constexpr float kInfinity = __builtin_inff();

// What one bind function needs: the model, the record, the arena (null at open, where only the checks matter).
struct Binder {
  const Model& model;
  const OpRecord& op;
  uint8_t* arena;

  Failure fail(posy_status status, const void* field) const { return {status, model.offset_of(field)}; }

  Failure tensor(const uint32_t& index, Tensor* to) const {
    if (index >= model.tensor_count) return fail(POSY_BAD_OP, &index);
    *to = bind_tensor(model.tensors[index], arena);
    return {};
  }

  // One input and the output; the second input must be unused.
  Failure in_out(Tensor* in, Tensor* out) const {
    if (Failure f = tensor(op.in[0], in)) return f;
    if (op.in[1] != kNoIndex) return fail(POSY_BAD_OP, &op.in[1]);
    return tensor(op.out, out);
  }

  Failure clamp(Clamp* to) const {
    if (!(op.clamp_low <= op.clamp_high)) return fail(POSY_BAD_OP, &op.clamp_low);
    *to = {op.clamp_low, op.clamp_high};
    return {};
  }

  Failure no_clamp() const {
    if (op.clamp_low != -kInfinity || op.clamp_high != kInfinity) return fail(POSY_BAD_OP, &op.clamp_low);
    return {};
  }

  // Along one axis: every window has to reach into the input.
  static bool window_fits(uint32_t k, uint32_t stride, uint32_t dilation, uint32_t pad, uint32_t in, uint32_t out) {
    if (k < 1 || stride < 1 || dilation < 1) return false;
    if (k > kMaxWindow || stride > kMaxWindow || dilation > kMaxWindow) return false;
    const uint64_t extent = (uint64_t)(k - 1) * dilation + 1;
    return pad < extent && (uint64_t)(out - 1) * stride < (uint64_t)in + pad;
  }

  Failure window(const Tensor& in, const Tensor& out, Window* to) const {
    if (!window_fits(op.k_h, op.stride_h, op.dilation_h, op.pad_top, in.h, out.h)) return fail(POSY_BAD_OP, &op.k_h);
    if (!window_fits(op.k_w, op.stride_w, op.dilation_w, op.pad_left, in.w, out.w)) return fail(POSY_BAD_OP, &op.k_w);
    *to = {op.k_h, op.k_w, op.stride_h, op.stride_w, op.dilation_h, op.dilation_w, op.pad_top, op.pad_left};
    return {};
  }

  Failure no_window() const {
    const uint32_t sum = (uint32_t)op.k_h + op.k_w + op.stride_h + op.stride_w + op.dilation_h + op.dilation_w +
                         op.pad_top + op.pad_left;
    return sum == 0 ? Failure{} : fail(POSY_BAD_OP, &op.k_h);
  }

  Failure weights(uint64_t rows, uint32_t channels, Weights* to) const {
    if (op.weight_type >= kWeightTypes) return fail(POSY_BAD_WEIGHTS, &op.weight_type);
    if (rows > model.header->max_rows) return fail(POSY_BAD_WEIGHTS, &op.weights_bytes);
    const WeightType type = (WeightType)op.weight_type;
    if (op.weights_offset % kSectionAlignment != 0) return fail(POSY_BAD_WEIGHTS, &op.weights_offset);
    if (op.weights_bytes != weight_bytes(type, rows, channels)) return fail(POSY_BAD_WEIGHTS, &op.weights_bytes);
    if ((uint64_t)op.weights_offset + op.weights_bytes > model.weights_bytes) {
      return fail(POSY_BAD_WEIGHTS, &op.weights_offset);
    }
    const uint8_t* data = model.weights + op.weights_offset;
    to->type = type;
    to->rows = (uint32_t)rows;
    to->table = type == WeightType::u8_table ? (const float*)data : nullptr;
    to->panels = data + (type == WeightType::u8_table ? kTableBytes : 0);
    return {};
  }

  Failure no_weights() const {
    if (op.weight_type != 0) return fail(POSY_BAD_WEIGHTS, &op.weight_type);
    if (op.weights_offset != 0 || op.weights_bytes != 0) return fail(POSY_BAD_WEIGHTS, &op.weights_offset);
    return {};
  }

  Failure same_shape(const Tensor& a, const Tensor& b) const {
    return a.h == b.h && a.w == b.w && a.c == b.c ? Failure{} : fail(POSY_BAD_SHAPES, &op.out);
  }
};

Failure bind_pool(const Binder& b, PoolArgs* args) {
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &b.op.out);
  if (b.op.dilation_h != 1 || b.op.dilation_w != 1) return b.fail(POSY_BAD_OP, &b.op.dilation_h);
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  if (Failure f = b.no_weights()) return f;
  return b.clamp(&args->clamp);
}

}  // namespace

Failure bind_conv_2d(const Model& model, const OpRecord& op, uint8_t* arena, Conv2dArgs* args) {
  const Binder b = {model, op, arena};
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  if (Failure f = b.weights((uint64_t)op.k_h * op.k_w * args->in.c, args->out.c, &args->weights)) return f;
  return b.clamp(&args->clamp);
}

Failure bind_depthwise_conv_2d(const Model& model, const OpRecord& op, uint8_t* arena, DepthwiseConv2dArgs* args) {
  const Binder b = {model, op, arena};
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  if (Failure f = b.weights((uint64_t)op.k_h * op.k_w, args->out.c, &args->weights)) return f;
  return b.clamp(&args->clamp);
}

Failure bind_average_pool(const Model& model, const OpRecord& op, uint8_t* arena, PoolArgs* args) {
  return bind_pool({model, op, arena}, args);
}

Failure bind_max_pool(const Model& model, const OpRecord& op, uint8_t* arena, PoolArgs* args) {
  return bind_pool({model, op, arena}, args);
}

Failure bind_add(const Model& model, const OpRecord& op, uint8_t* arena, AddArgs* args) {
  const Binder b = {model, op, arena};
  if (Failure f = b.tensor(op.in[0], &args->a)) return f;
  if (Failure f = b.tensor(op.in[1], &args->b)) return f;
  if (Failure f = b.tensor(op.out, &args->out)) return f;
  if (Failure f = b.same_shape(args->a, args->out)) return f;
  if (Failure f = b.same_shape(args->b, args->out)) return f;
  if (Failure f = b.no_window()) return f;
  if (Failure f = b.no_weights()) return f;
  return b.clamp(&args->clamp);
}

Failure bind_copy(const Model& model, const OpRecord& op, uint8_t* arena, CopyArgs* args) {
  const Binder b = {model, op, arena};
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (Failure f = b.no_window()) return f;
  if (Failure f = b.no_weights()) return f;
  return b.clamp(&args->clamp);
}

Failure bind_softmax(const Model& model, const OpRecord& op, uint8_t* arena, SoftmaxArgs* args) {
  const Binder b = {model, op, arena};
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (Failure f = b.no_window()) return f;
  if (Failure f = b.no_weights()) return f;
  return b.no_clamp();
}

uint64_t op_macs(const Model& model, const OpRecord& op, uint64_t rows) {
  const TensorRecord& out = model.tensors[op.out];
  const uint64_t elements = rows * out.w * out.c;  // an arena holds at most 2^28 floats of them per ring ...
  uint64_t per_element = 1;
  if (op.k_h != 0) per_element = (uint64_t)op.k_h * op.k_w;
  if ((OpKind)op.kind == OpKind::conv_2d) per_element *= model.tensors[op.in[0]].c;
  return elements > kMaxMacs / per_element ? kMaxMacs + 1 : elements * per_element;  // ... but saturate all the same
}

}  // namespace posy
