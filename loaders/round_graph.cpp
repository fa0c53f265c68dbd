#include "loaders/round_graph.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "loaders/error.h"

namespace posy {
namespace {

bool has_infinity_or_nan(std::span<const float> values) {
  return std::any_of(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
}

void round_tensor(GraphTensor* tensor, uint32_t levels, const std::string& where) {
  std::vector<float> values(tensor->element_count());
  std::memcpy(values.data(), tensor->bytes.data(), values.size() * sizeof(float));
  if (!round_to_levels(values, levels)) {
    throw InputError(where + " cannot be rounded to " + std::to_string(levels) +
                     " levels: it has a NaN or an infinity, or its range is too wide or too narrow for float32; "
                     "convert without --weights-rounded");
  }
  auto rounded = std::make_shared<std::vector<uint8_t>>(values.size() * sizeof(float));
  std::memcpy(rounded->data(), values.data(), rounded->size());
  tensor->bytes = *rounded;
  tensor->owned = std::move(rounded);
}

}  // namespace

bool round_to_levels(std::span<float> values, uint32_t levels) {
  if (values.size() < 2) return true;
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  const float low = *least, high = *greatest;
  if (std::all_of(values.begin(), values.end(), [&](float x) { return x == values[0]; })) return true;
  const float width = (high - low) / (float)levels;
  if (has_infinity_or_nan(values) || !std::isfinite(width) || !(width > 0)) return false;
  for (float& x : values) {
    float bucket = std::floor((x - low) / width);
    if (bucket == (float)levels) bucket = (float)levels - 1;  // the greatest value closes the last bucket
    x = low + width * (bucket + 0.5f);
  }
  return true;
}

size_t round_constants(Graph* graph, uint32_t levels) {
  size_t count = 0;
  for (GraphNode& node : graph->nodes) {
    if (node.op != "Const") continue;
    const auto value = node.attributes.find("value");
    if (value == node.attributes.end() || value->second.kind != GraphAttribute::Kind::kTensor) continue;
    if (value->second.tensor.type != DataType::kFloat) continue;
    round_tensor(&value->second.tensor, levels, graph->file_name + ": constant '" + printable_name(node.name) + "'");
    ++count;
  }
  return count;
}

}  // namespace posy
