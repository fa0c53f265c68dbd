// What bind functions are made of: checks of an op's record against the model.
#pragma once
#include <string.h>

#include "engine/model.h"

namespace posy {
namespace {

constexpr float kInfinity = __builtin_inff();

// Of sums: products with it are neither infinite nor denormal, which not all processors treat alike.
inline bool is_multiplier(float x) {
  return x == 0 || (x >= 0x1p-64f && x <= 0x1p64f);
}

inline bool is_weight_type(uint8_t number) {
  for (const WeightType type : kWeightTypes) {
    if (number == (uint8_t)type) return true;
  }
  return false;
}

// What one bind function needs: the model, the record, the arena (null at open, where only the checks matter).
struct Binder {
  const Model& model;
  const OpRecord& op;
  uint8_t* arena;

  Failure fail(posy_status status, const void* field) const { return {status, model.offset_of(field)}; }

  // Of an op that this build leaves out; the compiler then leaves out the rest of its function.
  Failure not_built() const { return fail(POSY_OP_NOT_BUILT, &op.kind); }

  Failure tensor(const uint32_t& index, Tensor* to) const {
    if (index >= model.tensor_count) return fail(POSY_BAD_OP, &index);
    if (is_u8(model.tensors[index])) return fail(POSY_BAD_SHAPES, &index);
    *to = bind_tensor(model.tensors[index], arena);
    return {};
  }
  Failure tensor(const uint32_t& index, ByteTensor* to) const {
    if (index >= model.tensor_count) return fail(POSY_BAD_OP, &index);
    if (!is_u8(model.tensors[index])) return fail(POSY_BAD_SHAPES, &index);
    *to = bind_byte_tensor(model.tensors[index], arena);
    return {};
  }

  // One input and the output; the second input must be unused.
  template <class In, class Out>
  Failure in_out(In* in, Out* out) const {
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
  static bool window_fits(uint32_t k, uint32_t stride, uint32_t dilation, uint32_t before, uint32_t in, uint32_t out) {
    if (k < 1 || stride < 1 || dilation < 1) return false;
    if (k > kMaxWindow || stride > kMaxWindow || dilation > kMaxWindow) return false;
    const uint64_t extent = (uint64_t)(k - 1) * dilation + 1;
    return before < extent && (uint64_t)(out - 1) * stride < (uint64_t)in + before;
  }

  template <class In, class Out>
  Failure window(const In& in, const Out& out, Window* to) const {
    if (!window_fits(op.k_h, op.stride_h, op.dilation_h, op.pad_top, in.h, out.h)) return fail(POSY_BAD_OP, &op.k_h);
    if (!window_fits(op.k_w, op.stride_w, op.dilation_w, op.pad_left, in.w, out.w)) return fail(POSY_BAD_OP, &op.k_w);
    *to = {op.k_h, op.k_w, op.stride_h, op.stride_w, op.dilation_h, op.dilation_w, op.pad_top, op.pad_left};
    return {};
  }

  // Of the fields that only some functions use, an op has so many in use; the others are zero.
  Failure uses(uint32_t params, uint32_t dims, uint32_t order) const {
    for (uint32_t i = 0; i < 4; ++i) {
      uint32_t bits;
      memcpy(&bits, &op.param[i], sizeof bits);
      if (i >= params && bits != 0) return fail(POSY_BAD_OP, &op.param[i]);
    }
    for (uint32_t i = dims; i < 4; ++i) {
      if (op.dims[i] != 0) return fail(POSY_BAD_OP, &op.dims[i]);
    }
    for (uint32_t i = order; i < 4; ++i) {
      if (op.order[i] != 0) return fail(POSY_BAD_OP, &op.order[i]);
    }
    return {};
  }
  Failure function_up_to(uint8_t last) const {
    return op.function <= last ? Failure{} : fail(POSY_BAD_OP, &op.function);
  }
  Failure no_function() const {
    if (Failure f = function_up_to(0)) return f;
    return uses(0, 0, 0);
  }

  Failure no_window() const {
    const uint32_t sum = (uint32_t)op.k_h + op.k_w + op.stride_h + op.stride_w + op.dilation_h + op.dilation_w +
                         op.pad_top + op.pad_left;
    return sum == 0 ? Failure{} : fail(POSY_BAD_OP, &op.k_h);
  }

  // Where `bytes` bytes of the weights section are.
  Failure weight_data(uint64_t bytes, const uint8_t** to) const {
    if (op.weights_offset % kSectionAlignment != 0) return fail(POSY_BAD_WEIGHTS, &op.weights_offset);
    if (op.weights_bytes != bytes) return fail(POSY_BAD_WEIGHTS, &op.weights_bytes);
    if ((uint64_t)op.weights_offset + op.weights_bytes > model.weights_bytes) {
      return fail(POSY_BAD_WEIGHTS, &op.weights_offset);
    }
    *to = model.weights + op.weights_offset;
    return {};
  }

  Failure weights(uint64_t rows, uint32_t channels, Weights* to) const {
    if (!is_weight_type(op.weight_type)) return fail(POSY_BAD_WEIGHTS, &op.weight_type);
    if (rows > model.header->max_rows) return fail(POSY_BAD_WEIGHTS, &op.weights_bytes);
    const WeightType type = (WeightType)op.weight_type;
    const uint8_t* data;
    if (Failure f = weight_data(weight_bytes(type, rows, channels), &data)) return f;
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

  template <class A, class B>
  Failure same_shape(const A& a, const B& b) const {
    return a.h == b.h && a.w == b.w && a.c == b.c ? Failure{} : fail(POSY_BAD_SHAPES, &op.out);
  }
};

// What the ops without window and weights have in common.
inline Failure plain(const Binder& b) {
  if (Failure f = b.no_window()) return f;
  return b.no_weights();
}

template <class From, class To>
inline bool broadcast_fits(const From& from, const To& to) {
  const auto fits = [](uint32_t a, uint32_t b) { return a == b || a == 1; };
  return fits(from.h, to.h) && fits(from.w, to.w) && fits(from.c, to.c);
}

// Of two operands, one has the output's size along each axis.
template <class T, class Out>
inline bool operands_fit(const T& a, const T& b, const Out& out) {
  const bool one_is_whole =
      (a.h == out.h || b.h == out.h) && (a.w == out.w || b.w == out.w) && (a.c == out.c || b.c == out.c);
  return broadcast_fits(a, out) && broadcast_fits(b, out) && one_is_whole;
}

}  // namespace
}  // namespace posy
