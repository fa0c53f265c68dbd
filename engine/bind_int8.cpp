// bind.cpp for the ops of 8-bit codes.
#include "engine/binder.h"

namespace posy {
namespace {

bool is_whole_number(float x, float low, float high) {
  return x >= low && x <= high && (float)(int32_t)x == x;
}

// clamp_low and clamp_high of an op that makes codes are codes.
Failure bind_ending(const Binder& b, const ByteTensor& out, Int8Ending* to) {
  const OpRecord& op = b.op;
  if (!is_whole_number(op.clamp_low, 0, 255)) return b.fail(POSY_BAD_OP, &op.clamp_low);
  if (!is_whole_number(op.clamp_high, op.clamp_low, 255)) return b.fail(POSY_BAD_OP, &op.clamp_high);
  to->zero = out.zero_point;
  to->clamp = {op.clamp_low - (float)out.zero_point, op.clamp_high - (float)out.zero_point};
  return {};
}

// Of an op, it may be negative.
Failure bind_multiplier(const Binder& b, const float& multiplier, float* to) {
  if (!is_multiplier(multiplier < 0 ? -multiplier : multiplier)) return b.fail(POSY_BAD_OP, &multiplier);
  *to = multiplier;
  return {};
}

// function: 1 if pairs of weights are small. dims[0]: how many channels are wide.
Failure bind_int8_weights(const Binder& b, uint64_t rows, uint32_t channels, Int8Weights* to) {
  if (b.op.weight_type != (uint8_t)WeightType::s8) return b.fail(POSY_BAD_WEIGHTS, &b.op.weight_type);
  if (rows > kMaxRows) return b.fail(POSY_BAD_WEIGHTS, &b.op.weights_bytes);
  if (Failure f = b.function_up_to(1)) return f;
  if (Failure f = b.uses(0, 1, 0)) return f;
  to->rows = (uint32_t)rows;
  to->pairs_are_small = b.op.function == 1;
  to->wide_count = b.op.dims[0];
  return b.weight_data(int8_weight_bytes(rows, channels) + to->wide_count * int8_wide_bytes(rows), &to->panels);
}

// Pixels are read in whole groups.
Failure groups_fit(const Binder& b, const ByteTensor& in) {
  return in.pixel_stride >= whole_groups(in.c) ? Failure{} : b.fail(POSY_BAD_SHAPES, &b.op.in[0]);
}

Failure bind_int8_pool(const Binder& b, uint32_t params, Int8PoolArgs* args) {
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &b.op.out);
  if (b.op.dilation_h != 1 || b.op.dilation_w != 1) return b.fail(POSY_BAD_OP, &b.op.dilation_h);
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  if (Failure f = b.no_weights()) return f;
  if (Failure f = b.function_up_to(0)) return f;
  if (Failure f = b.uses(params, 0, 0)) return f;
  if (Failure f = bind_multiplier(b, b.op.param[0], &args->multiplier)) return f;
  return bind_ending(b, args->out, &args->ending);
}

// From floats to codes or back, but for the ending.
template <class Args>
Failure bind_conversion(const Binder& b, Args* args) {
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (Failure f = b.function_up_to(0)) return f;
  if (Failure f = b.uses(1, 0, 0)) return f;
  if (Failure f = bind_multiplier(b, b.op.param[0], &args->multiplier)) return f;
  return plain(b);
}

}  // namespace

Failure bind_int8_conv_2d(const Model& model, const OpRecord& op, uint8_t* arena, Int8Conv2dArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::int8_conv_2d)) return b.not_built();
  if (Failure f = b.tensor(op.in[0], &args->in)) return f;
  if (op.in[1] != kNoIndex) return b.fail(POSY_BAD_OP, &op.in[1]);
  if (op.out >= model.tensor_count) return b.fail(POSY_BAD_OP, &op.out);
  const TensorRecord& out = model.tensors[op.out];
  args->out = bind_byte_tensor(out, is_u8(out) ? arena : nullptr);
  args->floats = bind_tensor(out, is_u8(out) ? nullptr : arena);
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  if (Failure f = groups_fit(b, args->in)) return f;
  const uint64_t rows = (uint64_t)op.k_h * op.k_w * whole_groups(args->in.c);
  if (Failure f = bind_int8_weights(b, rows, args->out.c, &args->weights)) return f;
  if (is_u8(out)) return bind_ending(b, args->out, &args->ending);
  args->ending.zero = 0;
  return b.clamp(&args->ending.clamp);
}

Failure bind_int8_depthwise_conv_2d(const Model& model, const OpRecord& op, uint8_t* arena,
                                    Int8DepthwiseConv2dArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::int8_depthwise_conv_2d)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  const uint64_t rows = (uint64_t)op.k_w * whole_groups(op.k_h);
  if (Failure f = bind_int8_weights(b, rows, args->out.c, &args->weights)) return f;
  return bind_ending(b, args->out, &args->ending);
}

Failure bind_int8_average_pool(const Model& model, const OpRecord& op, uint8_t* arena, Int8PoolArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::int8_average_pool)) return b.not_built();
  return bind_int8_pool(b, 1, args);
}

Failure bind_int8_max_pool(const Model& model, const OpRecord& op, uint8_t* arena, Int8PoolArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::int8_max_pool)) return b.not_built();
  return bind_int8_pool(b, 0, args);
}

Failure bind_int8_binary(const Model& model, const OpRecord& op, uint8_t* arena, Int8BinaryArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::int8_binary)) return b.not_built();
  if (Failure f = b.tensor(op.in[0], &args->a)) return f;
  if (Failure f = b.tensor(op.in[1], &args->b)) return f;
  if (Failure f = b.tensor(op.out, &args->out)) return f;
  if (!operands_fit(args->a, args->b, args->out)) return b.fail(POSY_BAD_SHAPES, &op.out);
  args->function = (Int8BinaryFunction)op.function;
  const bool is_add = args->function == Int8BinaryFunction::add;
  if (!is_add && args->function != Int8BinaryFunction::mul) return b.fail(POSY_BAD_OP, &op.function);
  if (Failure f = b.uses(is_add ? 2 : 1, 0, 0)) return f;
  if (Failure f = bind_multiplier(b, op.param[0], &args->multiplier[0])) return f;
  if (Failure f = bind_multiplier(b, op.param[1], &args->multiplier[1])) return f;
  if (Failure f = plain(b)) return f;
  return bind_ending(b, args->out, &args->ending);
}

Failure bind_int8_map(const Model& model, const OpRecord& op, uint8_t* arena, Int8MapArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::int8_map)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (Failure f = b.no_window()) return f;
  if (Failure f = b.no_function()) return f;
  if (op.weight_type != 0) return b.fail(POSY_BAD_WEIGHTS, &op.weight_type);
  if (Failure f = b.weight_data(256, &args->table)) return f;
  return b.no_clamp();
}

Failure bind_int8_encode(const Model& model, const OpRecord& op, uint8_t* arena, Int8EncodeArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::int8_encode)) return b.not_built();
  if (Failure f = bind_conversion(b, args)) return f;
  return bind_ending(b, args->out, &args->ending);
}

Failure bind_int8_decode(const Model& model, const OpRecord& op, uint8_t* arena, Int8DecodeArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::int8_decode)) return b.not_built();
  if (Failure f = bind_conversion(b, args)) return f;
  return b.no_clamp();
}

}  // namespace posy
