// From an op's record to the arguments of its kernel, with every check that the kernel relies on.
#include "engine/binder.h"
#include "kernels/winograd_transforms.hpp"

namespace posy {
namespace {

Failure bind_pool(const Binder& b, PoolArgs* args) {
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &b.op.out);
  if (b.op.dilation_h != 1 || b.op.dilation_w != 1) return b.fail(POSY_BAD_OP, &b.op.dilation_h);
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  if (Failure f = b.no_weights()) return f;
  if (Failure f = b.no_function()) return f;
  return b.clamp(&args->clamp);
}

bool is_gapless(const Tensor& t) {
  return t.pixel_stride == t.c && t.ring_h == t.h;
}

// What both halves of a Winograd convolution say in the same way: window, dims[0] x dims[1] outputs of a tile, and
// dims[2] rows of tiles in a band. `transformed` is the tensor between them.
Failure bind_tiles(const Binder& b, const Tensor& transformed, WinogradTiles* tiles) {
  const OpRecord& op = b.op;
  if (op.stride_h != 0 || op.stride_w != 0) return b.fail(POSY_BAD_OP, &op.stride_h);
  if (op.dilation_h != 0 || op.dilation_w != 0) return b.fail(POSY_BAD_OP, &op.dilation_h);
  const uint32_t alphas_h = winograd_alphas(op.dims[0], op.k_h), alphas_w = winograd_alphas(op.dims[1], op.k_w);
  if (alphas_h == 0) return b.fail(POSY_BAD_OP, &op.k_h);
  if (alphas_w == 0 || (alphas_h == 1 && alphas_w == 1)) return b.fail(POSY_BAD_OP, &op.k_w);
  if (op.dims[2] == 0) return b.fail(POSY_BAD_OP, &op.dims[2]);
  if (transformed.h % (alphas_h * alphas_w) != 0) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (transformed.w % op.dims[2] != 0) return b.fail(POSY_BAD_SHAPES, &op.dims[2]);
  *tiles = {op.dims[0], op.dims[1], op.k_h, op.k_w, alphas_h, alphas_w, op.dims[2], transformed.w / op.dims[2]};
  if (Failure f = b.function_up_to(0)) return f;
  return b.uses(0, 3, 0);
}

// Every position that the padded axis reads lies inside the input, or inside its one mirror image.
bool padded_axis_fits(PadMode mode, int64_t first, int64_t last, uint32_t size) {
  if (mode == PadMode::constant) return true;
  const int64_t edge = mode == PadMode::reflect ? 0 : 1;
  return first >= -((int64_t)size - 1 + edge) && last <= 2 * (int64_t)size - 2 + edge;
}

}  // namespace

Failure bind_conv_2d(const Model& model, const OpRecord& op, uint8_t* arena, Conv2dArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::conv_2d)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  if (Failure f = b.weights((uint64_t)op.k_h * op.k_w * args->in.c, args->out.c, &args->weights)) return f;
  if (Failure f = b.no_function()) return f;
  return b.clamp(&args->clamp);
}

Failure bind_depthwise_conv_2d(const Model& model, const OpRecord& op, uint8_t* arena, DepthwiseConv2dArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::depthwise_conv_2d)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (Failure f = b.window(args->in, args->out, &args->window)) return f;
  if (Failure f = b.weights((uint64_t)op.k_h * op.k_w, args->out.c, &args->weights)) return f;
  if (Failure f = b.no_function()) return f;
  return b.clamp(&args->clamp);
}

Failure bind_average_pool(const Model& model, const OpRecord& op, uint8_t* arena, PoolArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::average_pool)) return b.not_built();
  return bind_pool(b, args);
}

Failure bind_max_pool(const Model& model, const OpRecord& op, uint8_t* arena, PoolArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::max_pool)) return b.not_built();
  return bind_pool(b, args);
}

Failure bind_binary(const Model& model, const OpRecord& op, uint8_t* arena, BinaryArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::binary)) return b.not_built();
  if (Failure f = b.tensor(op.in[0], &args->a)) return f;
  if (Failure f = b.tensor(op.in[1], &args->b)) return f;
  if (Failure f = b.tensor(op.out, &args->out)) return f;
  if (!operands_fit(args->a, args->b, args->out)) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (!binary_name(op.function)) return b.fail(POSY_BAD_OP, &op.function);
  args->function = (BinaryFunction)op.function;
  if (Failure f = b.uses(0, 0, 0)) return f;
  if (Failure f = plain(b)) return f;
  return b.clamp(&args->clamp);
}

Failure bind_copy(const Model& model, const OpRecord& op, uint8_t* arena, CopyArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::copy)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (Failure f = b.no_function()) return f;
  if (Failure f = plain(b)) return f;
  return b.clamp(&args->clamp);
}

Failure bind_softmax(const Model& model, const OpRecord& op, uint8_t* arena, SoftmaxArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::softmax)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (Failure f = b.function_up_to(1)) return f;
  args->is_log = op.function == 1;
  if (Failure f = b.uses(0, 0, 0)) return f;
  if (Failure f = plain(b)) return f;
  return b.no_clamp();
}

Failure bind_unary(const Model& model, const OpRecord& op, uint8_t* arena, UnaryArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::unary)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (!unary_name(op.function)) return b.fail(POSY_BAD_OP, &op.function);
  args->function = (UnaryFunction)op.function;
  memcpy(args->p, op.param, sizeof args->p);
  if (Failure f = b.uses(unary_parameters(op.function), 0, 0)) return f;
  if (Failure f = plain(b)) return f;
  return b.clamp(&args->clamp);
}

Failure bind_pad(const Model& model, const OpRecord& op, uint8_t* arena, PadArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::pad)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (Failure f = b.function_up_to((uint8_t)PadMode::symmetric)) return f;
  if (op.stride_h < 1 || op.stride_h > kMaxWindow) return b.fail(POSY_BAD_OP, &op.stride_h);
  if (op.stride_w < 1 || op.stride_w > kMaxWindow) return b.fail(POSY_BAD_OP, &op.stride_w);
  if (op.k_h != 0 || op.k_w != 0) return b.fail(POSY_BAD_OP, &op.k_h);
  if (op.dilation_h != 0 || op.dilation_w != 0) return b.fail(POSY_BAD_OP, &op.dilation_h);
  if (Failure f = b.uses(1, 2, 0)) return f;
  args->mode = (PadMode)op.function;
  args->value = op.param[0];
  args->stride_h = op.stride_h;
  args->stride_w = op.stride_w;
  args->top = (int32_t)op.pad_top - op.dims[0];
  args->left = (int32_t)op.pad_left - op.dims[1];
  const int64_t last_y = (int64_t)(args->out.h - 1) * args->stride_h - args->top;
  const int64_t last_x = (int64_t)(args->out.w - 1) * args->stride_w - args->left;
  if (!padded_axis_fits(args->mode, -args->top, last_y, args->in.h)) return b.fail(POSY_BAD_OP, &op.pad_top);
  if (!padded_axis_fits(args->mode, -args->left, last_x, args->in.w)) return b.fail(POSY_BAD_OP, &op.pad_left);
  if (Failure f = b.no_weights()) return f;
  return b.no_clamp();
}

// The bits of `function`: 1 nearest neighbour, 2 align_corners, 4 half_pixel_centers.
Failure bind_resize(const Model& model, const OpRecord& op, uint8_t* arena, ResizeArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::resize)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (Failure f = b.function_up_to(7)) return f;
  args->nearest = op.function & 1;
  args->align_corners = op.function & 2;
  args->half_pixel_centers = op.function & 4;
  if (Failure f = b.uses(0, 0, 0)) return f;
  if (Failure f = plain(b)) return f;
  return b.no_clamp();
}

Failure bind_transpose(const Model& model, const OpRecord& op, uint8_t* arena, TransposeArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::transpose)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (!is_gapless(args->in) || !is_gapless(args->out)) return b.fail(POSY_BAD_SHAPES, &op.out);
  uint64_t elements = 1;
  uint32_t seen = 0;
  for (int i = 0; i < 4; ++i) {
    if (op.order[i] > 3) return b.fail(POSY_BAD_OP, &op.order[i]);
    args->dims[i] = op.dims[i];
    args->order[i] = op.order[i];
    elements *= op.dims[i];
    seen |= 1u << op.order[i];
  }
  const auto count = [](const Tensor& t) { return (uint64_t)t.h * t.w * t.c; };
  if (seen != 15) return b.fail(POSY_BAD_OP, op.order);
  if (elements != count(args->in) || elements != count(args->out)) return b.fail(POSY_BAD_SHAPES, op.dims);
  if (Failure f = b.function_up_to(0)) return f;
  if (Failure f = b.uses(0, 4, 4)) return f;
  if (Failure f = plain(b)) return f;
  return b.no_clamp();
}

Failure bind_reduce(const Model& model, const OpRecord& op, uint8_t* arena, ReduceArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::reduce)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (!broadcast_fits(args->out, args->in)) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (Failure f = b.function_up_to((uint8_t)ReduceFunction::minimum)) return f;
  args->function = (ReduceFunction)op.function;
  if (Failure f = b.uses(0, 0, 0)) return f;
  if (Failure f = plain(b)) return f;
  return b.clamp(&args->clamp);
}

Failure bind_batch_product(const Model& model, const OpRecord& op, uint8_t* arena, BatchProductArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::batch_product)) return b.not_built();
  if (Failure f = b.tensor(op.in[0], &args->a)) return f;
  if (Failure f = b.tensor(op.in[1], &args->b)) return f;
  if (Failure f = b.tensor(op.out, &args->out)) return f;
  if (Failure f = b.function_up_to(1)) return f;
  args->b_is_transposed = op.function == 1;
  const uint32_t k = args->b_is_transposed ? args->b.c : args->b.w, m = args->b_is_transposed ? args->b.w : args->b.c;
  const bool fits = args->a.h == args->out.h && args->b.h == args->out.h && args->a.w == args->out.w &&
                    args->a.c == k && m == args->out.c;
  if (!fits) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (Failure f = b.uses(0, 0, 0)) return f;
  if (Failure f = plain(b)) return f;
  return b.no_clamp();
}

Failure bind_local_response_norm(const Model& model, const OpRecord& op, uint8_t* arena, LocalResponseNormArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::local_response_norm)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (Failure f = b.function_up_to(0)) return f;
  if (Failure f = b.uses(3, 1, 0)) return f;
  args->radius = op.dims[0];
  args->bias = op.param[0];
  args->alpha = op.param[1];
  args->beta = op.param[2];
  if (Failure f = plain(b)) return f;
  return b.no_clamp();
}

Failure bind_quantize(const Model& model, const OpRecord& op, uint8_t* arena, QuantizeArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::quantize)) return b.not_built();
  if (Failure f = b.tensor(op.in[0], &args->in)) return f;
  if (Failure f = b.tensor(op.in[1], &args->range_of)) return f;
  if (Failure f = b.tensor(op.out, &args->out)) return f;
  if (Failure f = b.same_shape(args->in, args->out)) return f;
  if (Failure f = b.function_up_to((uint8_t)QuantizeFunction::bias_add)) return f;
  args->function = (QuantizeFunction)op.function;
  args->bias_limit = op.param[0];
  if (Failure f = b.uses(args->function == QuantizeFunction::bias_add ? 1 : 0, 0, 0)) return f;
  if (Failure f = plain(b)) return f;
  return b.clamp(&args->clamp);
}

Failure bind_winograd_input(const Model& model, const OpRecord& op, uint8_t* arena, WinogradInputArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::winograd_input)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (args->in.c != args->out.c) return b.fail(POSY_BAD_SHAPES, &op.out);
  if (Failure f = bind_tiles(b, args->out, &args->tiles)) return f;
  const WinogradTiles& t = args->tiles;
  args->pad_top = op.pad_top;
  args->pad_left = op.pad_left;
  if (op.pad_top >= op.k_h) return b.fail(POSY_BAD_OP, &op.pad_top);
  if (op.pad_left >= op.k_w) return b.fail(POSY_BAD_OP, &op.pad_left);
  // Bands and columns of tiles begin inside the input or its padding, and so does the last row of a band of more.
  const auto begins_inside = [](uint64_t last, uint32_t m, uint32_t in, uint32_t before) {
    return last * m < in + before;
  };
  const uint64_t last_band = (uint64_t)(args->out.h / t.alphas() - 1) * t.band_rows;
  if (!begins_inside(last_band, t.m_h, args->in.h, op.pad_top) ||
      !begins_inside(t.band_rows - 1, t.m_h, args->in.h, op.pad_top) ||
      !begins_inside(t.columns - 1, t.m_w, args->in.w, op.pad_left)) {
    return b.fail(POSY_BAD_SHAPES, &op.out);
  }
  if (Failure f = b.no_weights()) return f;
  return b.no_clamp();
}

Failure bind_winograd_product(const Model& model, const OpRecord& op, uint8_t* arena, WinogradProductArgs* args) {
  const Binder b = {model, op, arena};
  if (!is_built(OpKind::winograd_product)) return b.not_built();
  if (Failure f = b.in_out(&args->in, &args->out)) return f;
  if (Failure f = bind_tiles(b, args->in, &args->tiles)) return f;
  const WinogradTiles& t = args->tiles;
  if (op.pad_top != 0 || op.pad_left != 0) return b.fail(POSY_BAD_OP, &op.pad_top);
  const uint32_t rows = divide_up(args->out.h, t.m_h), bands = divide_up(rows, t.band_rows);
  if (args->in.h != (uint64_t)bands * t.alphas() || t.columns != divide_up(args->out.w, t.m_w)) {
    return b.fail(POSY_BAD_SHAPES, &op.out);
  }
  if (Failure f = b.weights((uint64_t)op.k_h * op.k_w * args->in.c, args->out.c, &args->weights)) return f;
  if (winograd_scratch_rows(t.alphas(), args->in.c) > model.header->max_rows) {
    return b.fail(POSY_BAD_WEIGHTS, &op.dims[0]);
  }
  return b.clamp(&args->clamp);
}

uint64_t op_macs(const Model& model, const OpRecord& op, uint64_t rows) {
  const TensorRecord& out = model.tensors[op.out];
  const uint64_t elements = rows * out.w * out.c;  // an arena holds at most 2^28 floats of them per ring ...
  uint64_t per_element = 1;
  if (op.k_h != 0) per_element = (uint64_t)op.k_h * op.k_w;
  const TensorRecord& in = model.tensors[op.in[0]];
  switch ((OpKind)op.kind) {
    case OpKind::winograd_input:
      per_element = 1;
      break;
    case OpKind::winograd_product:  // those of the convolution that it stands for
    case OpKind::conv_2d:
    case OpKind::int8_conv_2d:
      per_element *= in.c;
      break;
    case OpKind::batch_product:
      per_element = in.c;
      break;
    case OpKind::local_response_norm:
      per_element = 2 * (uint64_t)op.dims[0] + 1;
      break;
    case OpKind::reduce:
      per_element = (uint64_t)in.h * in.w * in.c / ((uint64_t)out.h * out.w * out.c);
      break;
    default:
      break;
  }
  uint64_t macs = elements > kMaxMacs / per_element ? kMaxMacs + 1 : elements * per_element;  // ... but saturate
  if ((OpKind)op.kind == OpKind::quantize) {  // every step measures a range over all of a tensor
    const TensorRecord& range_of = model.tensors[op.in[1]];
    macs += (uint64_t)range_of.h * range_of.w * range_of.c;
  }
  return macs;
}

}  // namespace posy
