// What a graph computes, in few words: the internal description between readers and the .posy file.
//
//     read -> lower (graph to network) -> simplify (folding, fusing) -> plan -> write
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "loaders/array.h"

namespace posy {

using ValueId = int;

struct Shape {
  uint32_t h = 1, w = 1, c = 1;
  uint64_t elements() const { return (uint64_t)h * w * c; }
  bool operator==(const Shape&) const = default;
};

// One activation tensor: what an op makes and others use.
struct Value {
  Shape shape;
  std::vector<std::string>
      names;  // nodes that this is the output of, in graph order: identities and reshapes add theirs
};

// Weights as the graph has them, times what was folded into them. The two stay apart, so that a graph whose weights
// have at most 256 distinct values keeps them through folding and needs one byte for each.
struct ConvWeights {
  ArrayPtr values;           // [rows, out_c] in row-major order, whatever its dims; depthwise: [k_h * k_w, c]
  std::vector<float> scale;  // per output channel
  std::vector<float> bias;   // per output channel

  // What the kernels multiply with.
  float weight(size_t row, size_t channel) const {
    return values->floats[row * scale.size() + channel] * scale[channel];
  }
};

enum class NodeKind {
  kConv2d,
  kDepthwiseConv2d,
  kAveragePool,
  kMaxPool,
  kAdd,
  kClamp,    // out = clamp(in): folded into what makes `in` where possible
  kAffine,   // out = in * scale + bias per channel: folded into convolutions where possible
  kConcat,   // along channels
  kFlatten,  // [h, w, c] to [1, 1, h * w * c]: the same floats
  kSoftmax,
};

struct NetworkNode {
  NodeKind kind;
  std::string name;  // the graph's node
  std::vector<ValueId> inputs;
  ValueId output = -1;
  Window window = {1, 1, 1, 1, 1, 1, 0, 0};
  Clamp clamp = {-__builtin_inff(), __builtin_inff()};
  ConvWeights weights = {};

  bool has_clamp() const { return clamp.low != -__builtin_inff() || clamp.high != __builtin_inff(); }
};

struct Preprocessing {
  float mean[4] = {0, 0, 0, 0};
  float std[4] = {255, 255, 255, 255};
  bool normalize_first = false;
  std::string reason;  // why these: for the report
};

struct Network {
  std::vector<Value> values;
  std::vector<NetworkNode> nodes;  // in execution order
  ValueId input = -1, output = -1;
  std::string input_name, output_name;
  Preprocessing preprocessing;
  std::vector<std::string> labels;
  std::map<std::string, int> rewrites;  // what was folded, fused or dropped, and how often

  ValueId add_value(Value value) {
    values.push_back(std::move(value));
    return (ValueId)values.size() - 1;
  }
};

}  // namespace posy
