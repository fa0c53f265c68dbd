// What a graph computes, in few words: the internal description between readers and the .posy file.
//
//     read -> lower (graph to network) -> simplify (folding, fusing) -> choose_bits -> choose_winograd -> plan -> write
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "loaders/array.h"
#include "loaders/round_weights.h"

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
  // Codes of 8 bits instead of floats: code q stands for (q - zero_point) * scale.
  bool is_u8 = false;
  float scale = 0;
  uint8_t zero_point = 0;
  // The graph itself rounds it to these codes: what simplify() may not undo, and loaders/known_codes.h runs.
  std::optional<CodeScale> known = {};

  uint64_t element_bytes() const { return is_u8 ? 1 : sizeof(float); }
  // Elements from pixel to pixel: kernels read codes four at a time.
  uint32_t pixel_stride() const { return is_u8 ? whole_groups(shape.c) : shape.c; }
};

// A line for each channel: (x - center) * scale + bias. Batch normalisation is one, and so is every sum or product with
// a constant per channel. The three stay apart as long as possible, because each is then rounded where TensorFlow
// rounds.
struct ChannelLine {
  std::vector<float> center, scale, bias;

  size_t size() const { return scale.size(); }
  bool is_identity() const {
    const auto are = [](const std::vector<float>& v, float x) {
      return std::all_of(v.begin(), v.end(), [x](float each) { return each == x; });
    };
    return are(center, 0) && are(scale, 1) && are(bias, 0);
  }
  static ChannelLine identity(size_t channels) { return scaled(std::vector<float>(channels, 1)); }
  static ChannelLine scaled(std::vector<float> scale) {
    const std::vector<float> zero(scale.size(), 0);
    return {zero, std::move(scale), zero};
  }
  static ChannelLine added(std::vector<float> bias) {
    const size_t n = bias.size();
    return {std::vector<float>(n, 0), std::vector<float>(n, 1), std::move(bias)};
  }
};

// Weights as the graph has them, times what was folded into them. The two stay apart, so that a graph whose weights
// have at most 256 distinct values keeps them through folding and needs one byte for each.
struct ConvWeights {
  ArrayPtr values;   // [rows, out_c] in row-major order, whatever its dims; depthwise: [k_h * k_w, c]
  ChannelLine line;  // of the sums of products
  std::shared_ptr<const RoundedWeights> rounded = nullptr;  // what is written; null: whatever is chosen for all layers

  float value(size_t row, size_t channel) const { return values->floats[row * line.size() + channel]; }
  // With the channel's factor.
  float weight(size_t row, size_t channel) const { return value(row, channel) * line.scale[channel]; }
};

// A convolution's weights as bytes: a channel makes (start + sum of codes * weights) * multiplier, less the output's
// zero point.
struct Int8Layer {
  std::vector<int8_t> weights;  // as ConvWeights::values, in -127 ... 127
  std::vector<int32_t> start;   // per channel: the bias, less the input's zero point times the sum of the weights
  std::vector<float> multiplier;
  // Channels of weights that no byte holds, in the order of `weights`, whose own of these channels are 0.
  struct Wide {
    uint32_t channel;
    std::vector<int16_t> weights;
  };
  std::vector<Wide> wide = {};
};

enum class NodeKind {
  kConv2d,
  kDepthwiseConv2d,
  kAveragePool,
  kMaxPool,
  kBinary,
  kUnary,
  kPad,
  kResize,
  kTranspose,
  kReduce,
  kBatchProduct,
  kLocalResponseNorm,
  kQuantize,         // to 8 bits of a range measured at run time
  kWinogradInput,    // params.dims: outputs of a tile, rows and columns, and rows of tiles in a band
  kWinogradProduct,  // the same dims; window and weights of the convolution
  kSlice,            // channels params.dims[0] ... of the input: a view
  kClamp,            // out = clamp(in): folded into what makes `in` where possible
  kAffine,           // out = in * scale + bias per channel: folded into convolutions where possible
  kConcat,           // along channels
  kReshape,          // the same floats in another shape
  kSoftmax,
  kEncode,  // floats to codes
  kDecode,  // and back
};

// What the function of an op needs besides its tensors; the fields of OpRecord with the same names.
struct FunctionParams {
  uint8_t function = 0;
  float param[4] = {0, 0, 0, 0};
  uint16_t dims[4] = {0, 0, 0, 0};
  uint8_t order[4] = {0, 0, 0, 0};
};

struct NetworkNode {
  NodeKind kind;
  std::string name;  // the graph's node
  std::vector<ValueId> inputs;
  ValueId output = -1;
  Window window = {1, 1, 1, 1, 1, 1, 0, 0};
  Clamp clamp = {-__builtin_inff(), __builtin_inff()};
  FunctionParams params = {};
  ConvWeights weights = {};
  std::shared_ptr<const Int8Layer> int8 = nullptr;  // of a convolution of codes; weights then say what they stand for

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
  std::vector<std::string> notes;       // what was assumed, in sentences

  bool has_known_codes() const {
    return std::any_of(values.begin(), values.end(), [](const Value& value) { return value.known.has_value(); });
  }
  ValueId add_value(Value value) {
    values.push_back(std::move(value));
    return (ValueId)values.size() - 1;
  }
};

}  // namespace posy
