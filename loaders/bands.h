// Which rows of which op are made when.
//
// Made op after op, the network's widest maps would all have to be kept whole. Ops that follow each other are therefore
// run in bands: some rows of the first, the rows of the second that these allow, and so on, and then the next rows.
// What lies between two of them is a ring of the rows that are still needed, small enough to stay in a cache.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/format.h"
#include "loaders/network.h"

namespace posy {

struct PlannedOp;

// Bands are made of what goes through rings: values of at least `least_value_bytes`, `band_bytes` of them at a time.
struct BandChoice {
  uint64_t least_value_bytes;
  uint64_t band_bytes;
};

struct Schedule {
  std::vector<StepRecord> steps;
  std::vector<uint32_t> ring_h;  // per value; 0 where all rows are kept
};

// `may_be_ring` says of each value whether it has a buffer of its own that needs no gapless whole.
Schedule make_schedule(const Network& network, const std::vector<PlannedOp>& ops, const std::vector<bool>& may_be_ring,
                       BandChoice choice);

// The rows of input `index` that rows `out` of the op need.
Range rows_needed(const Network& network, const PlannedOp& op, size_t index, Range out);

// Sizes in bytes of the values that a schedule may keep as rings.
std::vector<uint64_t> linkable_bytes(const Network& network, const std::vector<PlannedOp>& ops,
                                     const std::vector<bool>& may_be_ring);

}  // namespace posy
