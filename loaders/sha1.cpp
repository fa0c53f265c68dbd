#include "loaders/sha1.h"

#include <bit>
#include <string>

namespace posy {
namespace {

using State = std::array<uint32_t, 5>;

uint32_t round_function(int t, uint32_t b, uint32_t c, uint32_t d) {
  if (t < 20) return (b & c) | (~b & d);
  if (t < 40) return b ^ c ^ d;
  if (t < 60) return (b & c) | (b & d) | (c & d);
  return b ^ c ^ d;
}

void add_block(const uint8_t* block, State* state) {
  constexpr uint32_t kRoundConstants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  uint32_t w[80];
  for (int t = 0; t < 16; ++t) {
    w[t] = 0;
    for (int i = 0; i < 4; ++i) w[t] = w[t] << 8 | block[4 * t + i];
  }
  for (int t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  auto [a, b, c, d, e] = *state;
  for (int t = 0; t < 80; ++t) {
    const uint32_t next = std::rotl(a, 5) + round_function(t, b, c, d) + e + kRoundConstants[t / 20] + w[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const State sum = {a, b, c, d, e};
  for (size_t i = 0; i < sum.size(); ++i) (*state)[i] += sum[i];
}

}  // namespace

std::array<uint8_t, 20> sha1(std::string_view bytes) {
  std::string padded(bytes);
  padded += '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  const uint64_t bits = (uint64_t)bytes.size() * 8;
  for (int i = 7; i >= 0; --i) padded += (char)(bits >> (8 * i));
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (size_t at = 0; at < padded.size(); at += 64) add_block((const uint8_t*)padded.data() + at, &state);
  std::array<uint8_t, 20> digest;
  for (size_t i = 0; i < digest.size(); ++i) digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

}  // namespace posy
