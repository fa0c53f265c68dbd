// The checksum of a .posy file: against damage, not against forgery.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace posy {

// Sixteen lanes take the 32-bit little-endian words in turn: h = rotate(( h ^ word) * 0x9e3779b1, 15). Every step is a
// bijection of h for a given word and of the word for a given h, so any change of one word changes the result; sixteen
// independent lanes let compilers use vectors, so that a 17 MB file is checked in a few milliseconds. The lanes, the
// last partial block word by word, and the length are folded with the same step.
constexpr uint32_t kChecksumLanes = 16;

inline uint32_t checksum_step(uint32_t h, uint32_t word) {
  h = (h ^ word) * 0x9e3779b1u;
  return h << 15 | h >> 17;
}

inline uint32_t checksum_word(const uint8_t* data) {
  uint32_t word;
  memcpy(&word, data, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap32(word);
#endif
  return word;
}

// `bytes` must be a multiple of 4.
inline uint32_t checksum(const uint8_t* data, size_t bytes) {
  uint32_t lane[kChecksumLanes];
  for (uint32_t i = 0; i < kChecksumLanes; ++i) lane[i] = i;
  size_t at = 0;
  for (; at + sizeof lane <= bytes; at += sizeof lane) {
    for (uint32_t i = 0; i < kChecksumLanes; ++i) lane[i] = checksum_step(lane[i], checksum_word(data + at + 4 * i));
  }
  uint32_t h = (uint32_t)bytes;
  for (uint32_t i = 0; i < kChecksumLanes; ++i) h = checksum_step(h, lane[i]);
  for (; at + 4 <= bytes; at += 4) h = checksum_step(h, checksum_word(data + at));
  return h;
}

}  // namespace posy
