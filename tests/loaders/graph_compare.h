// For tests: whether two graphs say the same, wherever their bytes lie.
#pragma once
#include <algorithm>
#include <bit>

#include "loaders/graph.h"

namespace posy {

inline bool same_tensor(const GraphTensor& a, const GraphTensor& b) {
  return a.type == b.type && a.dims == b.dims && a.strings == b.strings && std::ranges::equal(a.bytes, b.bytes);
}

inline bool same_attribute(const GraphAttribute& a, const GraphAttribute& b) {
  const auto same_bits = [](float x, float y) { return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y); };
  return a.kind == b.kind && a.text == b.text && a.integer == b.integer && same_bits(a.number, b.number) &&
         a.shape.known_rank == b.shape.known_rank && a.shape.dims == b.shape.dims && same_tensor(a.tensor, b.tensor) &&
         a.integers == b.integers && std::ranges::equal(a.numbers, b.numbers, same_bits) && a.texts == b.texts;
}

inline bool same_node(const GraphNode& a, const GraphNode& b) {
  if (a.name != b.name || a.op != b.op || a.inputs != b.inputs || a.attributes.size() != b.attributes.size())
    return false;
  return std::ranges::all_of(a.attributes, [&](const auto& entry) {
    const GraphAttribute* other = b.attribute(entry.first);
    return other && same_attribute(entry.second, *other);
  });
}

inline bool same_graph(const Graph& a, const Graph& b) {
  return a.producer == b.producer && a.suggested_input == b.suggested_input &&
         a.suggested_output == b.suggested_output && std::ranges::equal(a.nodes, b.nodes, same_node);
}

}  // namespace posy
