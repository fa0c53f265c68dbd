#include "apps/op_text.h"

#include <algorithm>
#include <cmath>

#include "apps/session.h"

namespace posy {
namespace {

// The limits of an op that makes codes are codes: from the one of 0, to the nearest to 6.
std::string code_clamp_text(const OpRecord& op, const TensorRecord& out) {
  const bool from_0 = op.clamp_low == (float)out.zero_point;
  const float to_6 = std::nearbyint(6 / out.scale) + (float)out.zero_point;
  if (from_0 && op.clamp_high == std::min(to_6, 255.0f) && (op.clamp_high - (float)out.zero_point) * out.scale > 5.5f)
    return "relu6";
  if (op.clamp_low == 0 && op.clamp_high == 255) return "";
  return from_0 && op.clamp_high == 255 ? "relu" : "clamp";
}

}  // namespace

std::string tensor_text(const TensorRecord& t) {
  return std::to_string(t.h) + "x" + std::to_string(t.w) + "x" + std::to_string(t.c) + (is_u8(t) ? " u8" : "");
}

std::string window_text(const OpRecord& op) {
  if (op.k_h == 0) return "";
  std::string text = std::to_string(op.k_h) + "x" + std::to_string(op.k_w);
  if (op.stride_h > 1 || op.stride_w > 1) text += " /" + std::to_string(op.stride_h);
  return text;
}

std::string clamp_text(const OpRecord& op, const TensorRecord& out) {
  const float infinity = __builtin_inff();
  if (is_u8(out) && (OpKind)op.kind != OpKind::int8_map) return code_clamp_text(op, out);
  if (op.clamp_low == -infinity && op.clamp_high == infinity) return "";
  if (op.clamp_low == 0 && op.clamp_high == 6) return "relu6";
  if (op.clamp_low == 0 && op.clamp_high == infinity) return "relu";
  return "clamp";
}

std::string op_text(const OpRecord& op) {
  const char *kind = op_name((OpKind)op.kind), *function = function_name(op);
  return function ? std::string(kind) + " " + function : kind;
}

}  // namespace posy
