// CRC-32C (Castagnoli), of TensorFlow's checkpoints and events files.
#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace posy {

// By the effect of each byte.
inline constexpr std::array<uint32_t, 256> kCrc32cTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0x82f63b78u : 0);
    table[i] = value;
  }
  return table;
}();

// `crc` is that of the bytes before, if there are any.
inline uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t crc = 0) {
  crc = ~crc;
  for (const uint8_t byte : bytes) crc = kCrc32cTable[(crc ^ byte) & 0xff] ^ (crc >> 8);
  return ~crc;
}

// How LevelDB and TFRecord store it: so that the checksum of bytes that hold one is no special case.
inline uint32_t masked_crc32c(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

}  // namespace posy
