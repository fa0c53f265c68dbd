// Constants rounded to a few levels, as the tutorial's quantize_graph does before compression.
#pragma once
#include <cstdint>
#include <span>

#include "loaders/graph.h"

namespace posy {

constexpr uint32_t kMinLevels = 2;
constexpr uint32_t kMaxLevels = 1u << 16;

// Cuts the range from the least to the greatest of `values` into `levels` buckets of equal width and moves each value
// to the center of its bucket. Equal values stay as they are. The same bits as quantize_array() of TensorFlow 1's
// tensorflow/tools/quantization/quantize_graph.py: NumPy computes in float32 there, each operation rounded on its own.
// False, with nothing changed, where that gives no numbers: a value or the range is not finite, or the range is so
// small that its buckets have no width.
bool round_to_levels(std::span<float> values, uint32_t levels);

// quantize_graph.py --mode=weights_rounded with `levels` for 1 << bitdepth: round_to_levels() on every Const node of
// type float, whatever its size and use. Other types stay. Returns how many constants there were. InputError where
// round_to_levels() cannot.
size_t round_constants(Graph* graph, uint32_t levels);

}  // namespace posy
