// The protobuf wire format, written: the counterpart of loaders/protobuf.h.
//
//   WireWriter node;
//   node.text(1, "input");
//   WireWriter graph;
//   graph.message(1, node);
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace posy {

// A message under construction: fields stand in the order of the calls.
class WireWriter {
 public:
  const std::vector<uint8_t>& bytes() const { return bytes_; }

  void raw(std::span<const uint8_t> more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
  void raw_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<uint8_t>(value | 0x80));
    bytes_.push_back(static_cast<uint8_t>(value));
  }
  template <class T>
  void raw_fixed(T value) {
    uint8_t little_endian[sizeof(T)];
    std::memcpy(little_endian, &value, sizeof(T));
    if (std::endian::native == std::endian::big) std::reverse(little_endian, little_endian + sizeof(T));
    raw(little_endian);
  }

  void tag(uint32_t field, uint32_t wire_type) { raw_varint(uint64_t{field} << 3 | wire_type); }
  void varint(uint32_t field, int64_t value) {
    tag(field, 0);
    raw_varint(static_cast<uint64_t>(value));
  }
  void float32(uint32_t field, float value) {
    tag(field, 5);
    raw_fixed(value);
  }
  void float64(uint32_t field, double value) {
    tag(field, 1);
    raw_fixed(value);
  }
  void bytes(uint32_t field, std::span<const uint8_t> value) {
    tag(field, 2);
    raw_varint(value.size());
    raw(value);
  }
  void text(uint32_t field, std::string_view value) {
    bytes(field, {reinterpret_cast<const uint8_t*>(value.data()), value.size()});
  }
  void message(uint32_t field, const WireWriter& inner) { bytes(field, inner.bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace posy
