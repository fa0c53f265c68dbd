#include "loaders/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "loaders/round_weights.h"

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
  static constexpr size_t kHeaderBytes = kHeaderVectors * kPanelLanes * sizeof(float);

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
  // A code of fewer than 8 bits, of a row of zeros: its parts are in three planes (packed_code() of
  // kernels/weights.hpp).
  void packed(size_t row, size_t channel, uint8_t code) {
    const size_t lane = channel % kPanelLanes, bits = weight_bits(type_);
    uint8_t* at = bytes_.data() + start_ + panel(channel) + kHeaderBytes + row * row_bytes(type_);
    at[lane % 2 * 4 + lane / 4] |= (uint8_t)((code & 15) << lane / 2 % 2 * 4);
    if (bits & 2) at[8 + lane / 4] |= (uint8_t)((code >> 4 & 3) << lane % 4 * 2);
    if (bits & 1) at[bits * 2 - 2 + lane / 8] |= (uint8_t)(code >> (bits - 1) << lane % 8);
  }
  void table(size_t i, float x) { put(i * sizeof x, &x, sizeof x); }

 private:
  size_t panel(size_t channel) const { return in_front_ + channel / kPanelLanes * panel_bytes(type_, size_.rows); }
  size_t cell(size_t row, size_t channel, size_t cell_bytes) const {
    return panel(channel) + kHeaderBytes + (row * kPanelLanes + channel % kPanelLanes) * cell_bytes;
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

WeightType affine_type(uint32_t bits) {
  return bits == 8 ? WeightType::u8_affine : (WeightType)bits;
}

// Panels end at multiples of 64 bytes: as many bits as cost nothing more. (Of a 3x3 depthwise layer, 7 and not 4.)
uint32_t bits_for_the_bytes(uint32_t bits, Size size) {
  const auto bytes = [&](uint32_t b) { return weight_bytes(affine_type(b), size.rows, size.channels); };
  uint32_t most = bits;
  while (most < 8 && bytes(most + 1) == bytes(bits)) ++most;
  return most;
}

WeightType encode_affine(const ConvWeights& weights, const RoundedWeights& rounded, std::vector<uint8_t>* bytes) {
  const Size size = size_of(weights);
  const WeightType type = affine_type(rounded.bits);
  PanelWriter writer(type, size, 0, bytes);
  const ChannelLine& line = weights.line;
  for (size_t c = 0; c < size.channels; ++c) {
    const double center = (double)line.center[c] + (rounded.shift.empty() ? 0 : rounded.shift[c]);
    writer.header(0, c, (float)(line.bias[c] - center * line.scale[c]));
    writer.header(1, c, line.scale[c] * rounded.step[c]);
    writer.header(2, c, rounded.offset[c]);
    for (size_t r = 0; r < size.rows; ++r) {
      const uint8_t code = rounded.codes[r * size.channels + c];
      rounded.bits == 8 ? writer.weight(r, c, code) : writer.packed(r, c, code);
    }
  }
  return type;
}

// 0 for choices that round nothing.
uint32_t bits_of_choice(WeightChoice choice) {
  switch (choice) {
    case WeightChoice::kAuto:
    case WeightChoice::kF32:
      return 0;
    case WeightChoice::kU8:
      return 8;
    case WeightChoice::kU7:
      return 7;
    case WeightChoice::kU6:
      return 6;
    case WeightChoice::kU5:
      return 5;
    case WeightChoice::kU4:
      return 4;
  }
  return 0;
}

bool is_finite(const ConvWeights& weights) {
  const Size size = size_of(weights);
  for (size_t r = 0; r < size.rows; ++r) {
    for (size_t c = 0; c < size.channels; ++c) {
      if (!std::isfinite(weights.weight(r, c))) return false;
    }
  }
  return true;
}

}  // namespace

WeightChoice choice_of_bits(uint32_t bits) {
  constexpr WeightChoice kChoices[] = {WeightChoice::kU4, WeightChoice::kU5, WeightChoice::kU6, WeightChoice::kU7,
                                       WeightChoice::kU8};
  return kChoices[bits - 4];
}

Encoding encoding_of(const ConvWeights& weights, WeightChoice choice) {
  const Size size = size_of(weights);
  const auto encoding = [&](WeightType type, uint32_t bits) {
    return Encoding{type, bits, weight_bytes(type, size.rows, size.channels)};
  };
  const Encoding f32 = encoding(WeightType::f32, 0), table = encoding(WeightType::u8_table, 0);
  // Steps between values that are not finite mean nothing.
  if (choice == WeightChoice::kF32 || !is_finite(weights)) return f32;
  const uint32_t bits = bits_of_choice(choice);
  if ((bits == 0 || bits == 8) && table.bytes < f32.bytes && !distinct_values(weights.values->floats).empty()) {
    return table;
  }
  if (bits == 0 || encoding(affine_type(bits), bits).bytes >= f32.bytes) return f32;
  const uint32_t most = bits_for_the_bytes(bits, size);
  return encoding(affine_type(most), most);
}

WeightType encode_weights(const ConvWeights& weights, WeightChoice choice, std::vector<uint8_t>* bytes) {
  if (weights.rounded && weights.rounded->bits == 32) return encode_f32(weights, bytes);
  if (weights.rounded) return encode_affine(weights, *weights.rounded, bytes);
  const Encoding encoding = encoding_of(weights, choice);
  if (encoding.bits > 0) return encode_affine(weights, round_weights(weights, encoding.bits), bytes);
  if (encoding.type == WeightType::f32) return encode_f32(weights, bytes);
  return encode_table(weights, distinct_values(weights.values->floats), bytes);
}

}  // namespace posy
