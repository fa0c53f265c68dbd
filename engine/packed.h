// Packed .posy files, for what packs them and what unpacks them: loaders/PACKED.md in C++.
//
// Bytes are coded with rANS (J. Duda, "Asymmetric numeral systems", arXiv:1311.2540): four 32-bit states take turns and
// read 16-bit words. A table of frequencies is looked up by the alias method (M. D. Vose, "A linear algorithm for
// generating random numbers with a given distribution", IEEE Trans. Software Eng. 17, 1991): 256 buckets of equal size,
// each with slots of at most two symbols. So a table of 1.5 KB has frequencies of 14 bits, and none of its look-ups
// depends on a comparison that a processor would have to guess.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace posy {

constexpr uint8_t kPackedMagic[8] = {0x89, 'P', 'O', 'S', 'Z', '\r', '\n', 0x1a};
constexpr uint16_t kPackedVersion = 1;
constexpr uint32_t kPackedHeaderBytes = 40;
constexpr uint32_t kMaxSegments = 1u << 16;
constexpr uint32_t kMaxRuns = 0xffff;
constexpr uint32_t kMaxColumns = 128;  // a multiple of kStates, as every number of columns
constexpr uint32_t kMaxTables = 4;
constexpr uint32_t kStates = 4;
constexpr uint32_t kLeastState = 1u << 16;
constexpr uint32_t kSymbols = 256;
constexpr uint32_t kSlotBits = 14;
constexpr uint32_t kSlots = 1u << kSlotBits;
constexpr uint32_t kBucketSlots = kSlots / kSymbols;

// What a segment's byte of flags says about its symbols.
constexpr uint32_t kSumOfRows = 1;  // a byte is the symbol plus the byte one row before
constexpr uint32_t kRamp = 2;       // a symbol stands for a float: low + symbol * step; kSumOfRows: the symbols so far
constexpr uint32_t kMiddle = 4;     // of a ramp: low + (symbol + 1/2) * step
constexpr uint32_t kMapPerPiece = 8;  // else one map of columns to tables for the whole segment
constexpr uint32_t kNarrow = 16;      // a symbol is a weight's code of fewer than 8 bits
constexpr uint32_t kNarrowBits = 32;  // times the bits above kLeastNarrowBits
constexpr uint32_t kFlags = 128;

// Codes of 4 to 7 bits lie in rows of 16, 2 * bits bytes: 8 bytes with bits 0 to 3, of even codes the first four, of
// odd ones the others, from low bits to high; of 6 and 7 bits 4 bytes with bits 4 and 5; of 5 and 7 bits 2 bytes with
// the highest bit (FORMAT.md, "Weights").
constexpr uint32_t kLeastNarrowBits = 4;
constexpr uint32_t kNarrowColumns = 16;

inline uint32_t narrow_bits(uint32_t flags) {
  return kLeastNarrowBits + flags / kNarrowBits;
}
// Bytes of a row of so many symbols.
inline uint32_t packed_row_bytes(uint32_t flags, uint32_t columns) {
  return flags & kNarrow ? 2 * narrow_bits(flags) : flags & kRamp ? 4 * columns : columns;
}
inline void put_narrow_row(const uint8_t* codes, uint32_t bits, uint8_t* row) {
  memset(row, 0, 2 * bits);
  for (uint32_t i = 0; i < kNarrowColumns; ++i) {
    const uint32_t code = codes[i];
    row[i % 2 * 4 + i / 4] |= (uint8_t)((code & 15) << i / 2 % 2 * 4);
    if (bits & 2) row[8 + i / 4] |= (uint8_t)((code >> 4 & 3) << i % 4 * 2);
    if (bits & 1) row[2 * bits - 2 + i / 8] |= (uint8_t)((code >> (bits - 1) & 1) << i % 8);
  }
}
inline void get_narrow_row(const uint8_t* row, uint32_t bits, uint8_t* codes) {
  for (uint32_t i = 0; i < kNarrowColumns; ++i) {
    uint32_t code = row[i % 2 * 4 + i / 4] >> i / 2 % 2 * 4 & 15;
    if (bits & 2) code |= (uint32_t)(row[8 + i / 4] >> i % 4 * 2 & 3) << 4;
    if (bits & 1) code |= (uint32_t)(row[2 * bits - 2 + i / 8] >> i % 8 & 1) << (bits - 1);
    codes[i] = (uint8_t)code;
  }
}

// A float of a ramp. Two roundings: -ffp-contract=off keeps them apart.
inline float ramp_value(float low, float step, uint32_t number, bool middle) {
  const float place = (float)number + (middle ? 0.5f : 0.0f);
  return low + place * step;
}

// Frequencies are written as levels: 0, 1, 2, 3, and from there four to each power of two.
constexpr uint32_t kLevels = 53;  // the last one is kSlots
// The difference to the level before as so many ones and a zero: 0, -1, 1, -2, 2, -3, 3, -4. As many ones as this, and
// six bits with the level itself follow.
constexpr uint32_t kMostOnes = 8;
constexpr uint32_t kLevelBits = 6;

inline uint32_t frequency_of_level(uint32_t level) {
  return level < 4 ? level : (4 + level % 4) << (level / 4 - 1);
}

// Of a symbol its frequency, and of the bucket with that number what its slots mean.
struct CodeEntry {
  uint16_t frequency;
  uint16_t offset;  // modulo 2^16, plus the place in the bucket: the rank among the slots of `other`
  uint8_t other;    // symbol of the slots from `own` on
  uint8_t own;      // that many slots at the front belong to the symbol with the bucket's number: its ranks from 0 on
};

// The levels become frequencies whose sum is kSlots: what is missing, or too much, is the first greatest one's. False
// if that cannot be.
inline bool set_frequencies(const uint8_t* level, CodeEntry* table) {
  uint32_t greatest = 0, sum = 0;
  for (uint32_t s = 0; s < kSymbols; ++s) {
    table[s].frequency = (uint16_t)frequency_of_level(level[s]);
    sum += table[s].frequency;
    if (level[s] > level[greatest]) greatest = s;
  }
  const uint32_t others = sum - table[greatest].frequency;
  if (others >= kSlots) return false;
  table[greatest].frequency = (uint16_t)(kSlots - others);
  return true;
}

// Deals the slots out, in ascending order of the buckets: one that its own symbol does not fill gets the rest from the
// first symbol that has more slots left than a bucket, its last ranks. A symbol that has given so much that it no
// longer fills its own bucket, and whose turn is over, is filled next.
inline void deal_slots(CodeEntry* table) {
  uint16_t left[kSymbols];
  for (uint32_t s = 0; s < kSymbols; ++s) {
    left[s] = table[s].frequency;
    table[s].offset = 0;
    table[s].other = (uint8_t)s;
    table[s].own = kBucketSlots;
  }
  uint32_t giver = 0;
  for (uint32_t bucket = 0; bucket < kSymbols; ++bucket) {
    uint32_t b = bucket;
    while (left[b] < kBucketSlots) {
      while (left[giver] <= kBucketSlots) ++giver;  // there is one: all slots together fill all buckets
      table[b].own = (uint8_t)left[b];
      table[b].other = (uint8_t)giver;
      left[giver] = (uint16_t)(left[giver] - (kBucketSlots - left[b]));
      table[b].offset = (uint16_t)(left[giver] - left[b]);
      left[b] = kBucketSlots;
      if (giver < bucket) b = giver;
    }
  }
}

}  // namespace posy
