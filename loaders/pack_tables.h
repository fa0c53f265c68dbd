// The parts of a packed file (PACKED.md), and the tables of frequencies that code them in the fewest bits.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/packed.h"

namespace posy {

using Histogram = std::array<uint64_t, kSymbols>;
using Levels = std::array<uint8_t, kSymbols>;  // of a table: frequency_of_level()

// `pieces` blocks of rows, `stride` bytes from one to the next.
struct PackRun {
  uint32_t begin = 0;  // in the .posy file
  uint32_t rows = 0, pieces = 1, stride = 0;
  float low = 0, step = 0;  // of a ramp
};

struct PackSegment {
  uint32_t flags = 0;
  uint32_t columns = kStates;
  std::vector<PackRun> runs;
  std::vector<Levels> tables;
  std::vector<uint8_t> map;  // column -> table: once, or with kMapPerPiece for each piece of each run in turn

  uint32_t row_bytes() const { return packed_row_bytes(flags, columns); }
  // How many maps there are.
  size_t maps() const;
};

// Row by row, piece by piece, run by run.
std::vector<uint8_t> symbols_of(const PackSegment& segment, std::span<const uint8_t> posy);

// The bits that symbols take with frequencies of their own, about: the table included.
double estimated_bits(const Histogram& counts);

// The table that takes the fewest bits, itself included; `bits` gets how many.
Levels choose_levels(const Histogram& counts, double* bits);
uint32_t bits_of_step(uint32_t before, uint32_t level);

// Chooses the number of tables, what they hold and which columns they are for: one map, or one for each piece.
void choose_tables(PackSegment* segment, std::span<const uint8_t> posy);

}  // namespace posy
