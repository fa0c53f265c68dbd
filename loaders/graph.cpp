#include "loaders/graph.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "loaders/error.h"

namespace posy {
namespace {

static_assert(std::endian::native == std::endian::little, "constants are read as they lie in the file: little-endian");

struct TypeRow {
  DataType type;
  const char* name;
  size_t bytes;
};

constexpr TypeRow kTypes[] = {
    {DataType::kFloat, "float", 4},       {DataType::kDouble, "double", 8}, {DataType::kInt32, "int32", 4},
    {DataType::kUint8, "uint8", 1},       {DataType::kInt16, "int16", 2},   {DataType::kInt8, "int8", 1},
    {DataType::kString, "string", 0},     {DataType::kInt64, "int64", 8},   {DataType::kBool, "bool", 1},
    {DataType::kQint8, "qint8", 1},       {DataType::kQuint8, "quint8", 1}, {DataType::kQint32, "qint32", 4},
    {DataType::kBfloat16, "bfloat16", 2}, {DataType::kHalf, "half", 2},     {DataType::kInvalid, "no type", 0},
};

const TypeRow* find_type(DataType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

template <class T>
T load(std::span<const uint8_t> bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 mantissa bits.
float half_value(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  float magnitude;
  if (exponent == 31) {
    magnitude = mantissa ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return half & 0x8000 ? -magnitude : magnitude;
}

// bfloat16 is the upper half of a float.
float bfloat16_value(uint16_t upper) {
  return std::bit_cast<float>(static_cast<uint32_t>(upper) << 16);
}

}  // namespace

std::string data_type_name(DataType type) {
  const TypeRow* row = find_type(type);
  return row ? row->name : "type " + std::to_string(static_cast<int32_t>(type));
}

size_t data_type_bytes(DataType type) {
  const TypeRow* row = find_type(type);
  return row ? row->bytes : 0;
}

std::string printable_name(std::string_view name) {
  constexpr size_t kMaxChars = 100;
  std::string out(name.substr(0, kMaxChars));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return name.size() > kMaxChars ? out + "..." : out;
}

std::string shape_text(std::span<const int64_t> dims) {
  constexpr size_t kMaxDims = 8;
  std::string out = "[";
  for (size_t i = 0; i < std::min(dims.size(), kMaxDims); ++i) out += (i ? "," : "") + std::to_string(dims[i]);
  return out + (dims.size() > kMaxDims ? ",...]" : "]");
}

size_t GraphTensor::element_count() const {
  size_t count = 1;
  for (const int64_t dim : dims) count *= static_cast<size_t>(dim);
  return count;
}

double GraphTensor::number(size_t i) const {
  switch (type) {
    case DataType::kFloat:
      return load<float>(bytes, i);
    case DataType::kDouble:
      return load<double>(bytes, i);
    case DataType::kHalf:
      return half_value(load<uint16_t>(bytes, i));
    case DataType::kBfloat16:
      return bfloat16_value(load<uint16_t>(bytes, i));
    default:
      return static_cast<double>(integer(i));
  }
}

int64_t GraphTensor::integer(size_t i) const {
  switch (type) {
    case DataType::kInt32:
    case DataType::kQint32:
      return load<int32_t>(bytes, i);
    case DataType::kInt64:
      return load<int64_t>(bytes, i);
    case DataType::kInt16:
      return load<int16_t>(bytes, i);
    case DataType::kInt8:
    case DataType::kQint8:
      return load<int8_t>(bytes, i);
    case DataType::kUint8:
    case DataType::kQuint8:
      return load<uint8_t>(bytes, i);
    case DataType::kBool:
      return load<uint8_t>(bytes, i) != 0;
    case DataType::kFloat:
    case DataType::kDouble:
    case DataType::kHalf:
    case DataType::kBfloat16:
      break;
    default:
      throw InputError("a constant of type " + data_type_name(type) + " cannot be used as numbers");
  }
  const double value = number(i);
  constexpr double kLimit = 9223372036854775808.0;  // 2^63: a cast from there on is undefined
  if (std::isnan(value)) return 0;
  if (value >= kLimit) return std::numeric_limits<int64_t>::max();
  if (value < -kLimit) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

std::optional<CodeScale> code_scale(double scale, double zero_point) {
  const bool is_code = zero_point >= 0 && zero_point <= 255 && zero_point == std::floor(zero_point);
  if (!is_code || !(scale >= 0x1p-20 && scale <= 0x1p20)) return {};
  return CodeScale{(float)scale, (uint8_t)zero_point};
}

const GraphAttribute* GraphNode::attribute(const std::string& key) const {
  const auto found = attributes.find(key);
  return found == attributes.end() ? nullptr : &found->second;
}

}  // namespace posy
