#include "loaders/int8_codes.h"

#include <algorithm>
#include <cmath>

namespace posy {

CodeScale scale_of_range(float low, float high) {
  low = std::min(low, 0.0f);
  high = std::max(high, 0.0f);
  const double range = (double)high - low;
  if (!(range > 1e-15)) return {1, 0};
  // A symmetric range: with an odd number of codes its middle is a code, and no pixel lies halfway between two.
  if (low == -high) return {(float)(range / 254), 127};
  const double scale = range / 255;
  return {(float)scale, (uint8_t)std::clamp(std::nearbyint(-low / scale), 0.0, 255.0)};
}

uint8_t nearest_code(float x, const Value& value) {
  const double code = std::nearbyint((double)x / value.scale) + value.zero_point;
  return (uint8_t)std::clamp(code, 0.0, 255.0);
}

Clamp clamp_codes(Clamp clamp, const Value& out) {
  return {(float)nearest_code(clamp.low, out), (float)nearest_code(clamp.high, out)};
}

std::vector<uint8_t> map_of_codes(const NetworkNode& node, const Value& in, const Value& out) {
  std::vector<float> from(256), to(256);
  for (int code = 0; code < 256; ++code) from[(size_t)code] = (float)(code - in.zero_point) * in.scale;
  const Tensor from_tensor = {from.data(), 1, 1, 256, 256, 1}, to_tensor = {to.data(), 1, 1, 256, 256, 1};
  const Task task = {{0, 1}, 0, 1, nullptr, 0};
  const KernelTable& kernels = *best_kernels();  // all have the same bits
  if (node.kind == NodeKind::kUnary) {
    UnaryArgs args = {from_tensor, to_tensor, node.clamp, (UnaryFunction)node.params.function, {}};
    std::copy(node.params.param, node.params.param + 4, args.p);
    kernels.unary(args, task);
  } else {
    kernels.copy({from_tensor, to_tensor, node.clamp}, task);
  }
  std::vector<uint8_t> table;
  for (const float x : to) table.push_back(nearest_code(x, out));
  return table;
}

}  // namespace posy
