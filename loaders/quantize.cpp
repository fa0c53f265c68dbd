#include "loaders/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

namespace posy {
namespace {

struct Size {
  size_t rows, channels;
};

Size size_of(const ConvWeights& weights) {
  const size_t channels = weights.line.size();
  return {weights.values->floats.size() / channels, channels};
}

// Panels behind what `bytes` holds, each a header of vectors and then rows. Copies lane by lane; lanes past the last
// channel stay zero.
class PanelWriter {
 public:
  PanelWriter(WeightType type, Size size, size_t in_front, std::vector<uint8_t>* bytes)
      : type_(type), size_(size), start_(bytes->size()), in_front_(in_front), bytes_(*bytes) {
    bytes_.resize(start_ + weight_bytes(type, size.rows, size.channels), 0);
  }

  void header(uint32_t vector, size_t channel, float x) {
    put(panel(channel) + (vector * kPanelLanes + channel % kPanelLanes) * sizeof(float), &x, sizeof x);
  }
  void line(const ChannelLine& line, size_t channel) {
    header(0, channel, line.bias[channel]);
    header(1, channel, line.scale[channel]);
    header(2, channel, line.center[channel]);
  }
  void weight(size_t row, size_t channel, float x) { put(cell(row, channel, sizeof x), &x, sizeof x); }
  void weight(size_t row, size_t channel, uint8_t q) { put(cell(row, channel, sizeof q), &q, sizeof q); }
  void table(size_t i, float x) { put(i * sizeof x, &x, sizeof x); }

 private:
  size_t panel(size_t channel) const { return in_front_ + channel / kPanelLanes * panel_bytes(type_, size_.rows); }
  size_t cell(size_t row, size_t channel, size_t cell_bytes) const {
    return panel(channel) + kHeaderVectors * kPanelLanes * sizeof(float) +
           (row * kPanelLanes + channel % kPanelLanes) * cell_bytes;
  }
  void put(size_t at, const void* from, size_t count) { std::memcpy(bytes_.data() + start_ + at, from, count); }

  WeightType type_;
  Size size_;
  size_t start_, in_front_;
  std::vector<uint8_t>& bytes_;
};

WeightType encode_f32(const ConvWeights& weights, std::vector<uint8_t>* bytes) {
  const Size size = size_of(weights);
  PanelWriter writer(WeightType::f32, size, 0, bytes);
  for (size_t c = 0; c < size.channels; ++c) {
    writer.line(weights.line, c);
    for (size_t r = 0; r < size.rows; ++r) writer.weight(r, c, weights.values->floats[r * size.channels + c]);
  }
  return WeightType::f32;
}

uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

// The distinct values in ascending order, told apart by their bits; empty if there are more than 256.
std::vector<float> distinct_values(const std::vector<float>& values) {
  std::unordered_map<uint32_t, float> seen;
  for (const float x : values) {
    seen.emplace(bits_of(x), x);
    if (seen.size() > 256) return {};
  }
  std::vector<float> distinct;
  for (const auto& [bits, x] : seen) distinct.push_back(x);
  std::sort(distinct.begin(), distinct.end(),
            [](float a, float b) { return a < b || (!(b < a) && bits_of(a) < bits_of(b)); });
  return distinct;
}

WeightType encode_table(const ConvWeights& weights, const std::vector<float>& table, std::vector<uint8_t>* bytes) {
  const Size size = size_of(weights);
  PanelWriter writer(WeightType::u8_table, size, kTableBytes, bytes);
  std::unordered_map<uint32_t, uint8_t> code;
  for (size_t i = 0; i < table.size(); ++i) {
    code[bits_of(table[i])] = (uint8_t)i;
    writer.table(i, table[i]);
  }
  for (size_t c = 0; c < size.channels; ++c) {
    writer.line(weights.line, c);
    for (size_t r = 0; r < size.rows; ++r) {
      writer.weight(r, c, code[bits_of(weights.values->floats[r * size.channels + c])]);
    }
  }
  return WeightType::u8_table;
}

// Least and greatest weight of a channel become codes 0 and 255, what lies between is rounded to the nearest code.
WeightType encode_affine(const ConvWeights& weights, std::vector<uint8_t>* bytes) {
  const Size size = size_of(weights);
  PanelWriter writer(WeightType::u8_affine, size, 0, bytes);
  for (size_t c = 0; c < size.channels; ++c) {
    const auto value = [&](size_t r) { return weights.values->floats[r * size.channels + c]; };
    float low = value(0), high = low;
    for (size_t r = 1; r < size.rows; ++r) {
      low = std::min(low, value(r));
      high = std::max(high, value(r));
    }
    // Weights this small add nothing to a sum, and steps between them would be no normal numbers.
    if (std::max(-low, high) < 1e-30f) low = high = 0;
    // Equal weights: one code, and a step that makes it their value. All zero: any step does.
    const bool equal = !(high > low);
    const float step = equal ? (low == 0 ? 1 : low) : (float)(((double)high - low) / 255);
    const float offset = equal ? (low == 0 ? 0.0f : 1.0f) : (float)((double)low / step);
    const ChannelLine& line = weights.line;
    writer.header(0, c, (float)(line.bias[c] - (double)line.center[c] * line.scale[c]));
    writer.header(1, c, line.scale[c] * step);
    writer.header(2, c, offset);
    for (size_t r = 0; r < size.rows; ++r) {
      const double q = equal ? 0 : std::round((double)value(r) / step - offset);
      writer.weight(r, c, (uint8_t)std::clamp(q, 0.0, 255.0));
    }
  }
  return WeightType::u8_affine;
}

}  // namespace

WeightType encode_weights(const ConvWeights& weights, WeightChoice choice, std::vector<uint8_t>* bytes) {
  const Size size = size_of(weights);
  const auto smaller_than_f32 = [&](WeightType type) {
    return weight_bytes(type, size.rows, size.channels) < weight_bytes(WeightType::f32, size.rows, size.channels);
  };
  // Steps between values that are not finite mean nothing.
  bool is_finite = true;
  for (size_t r = 0; r < size.rows; ++r) {
    for (size_t c = 0; c < size.channels; ++c) is_finite = is_finite && std::isfinite(weights.weight(r, c));
  }
  if (choice == WeightChoice::kF32 || !is_finite) return encode_f32(weights, bytes);
  if (smaller_than_f32(WeightType::u8_table)) {
    const std::vector<float> table = distinct_values(weights.values->floats);
    if (!table.empty()) return encode_table(weights, table, bytes);
  }
  if (choice == WeightChoice::kU8 && smaller_than_f32(WeightType::u8_affine)) return encode_affine(weights, bytes);
  return encode_f32(weights, bytes);
}

}  // namespace posy
