// Which op runs when, and where in the arena every tensor lies.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/format.h"
#include "loaders/network.h"

namespace posy {

struct PlannedOp {
  OpKind kind;
  std::string name;
  std::vector<ValueId> inputs;
  ValueId output;
  bool has_window = false;
  Window window = {0, 0, 0, 0, 0, 0, 0, 0};
  Clamp clamp = {-__builtin_inff(), __builtin_inff()};
  FunctionParams params = {};
  const ConvWeights* weights = nullptr;  // in the network; null for ops without
  const Int8Layer* int8 = nullptr;       // those of a product of bytes
  std::vector<uint8_t> table = {};       // of int8_map
};

// Where a value lies. Values that are slices of the channels of a concatenation, or the same floats in another shape,
// share a buffer.
struct Placement {
  bool used = false;
  uint32_t offset = 0;        // bytes in the arena
  uint32_t pixel_stride = 0;  // elements
  uint32_t ring_h = 0;        // rows in memory
};

struct Plan {
  std::vector<PlannedOp> ops;
  std::vector<StepRecord> steps;
  std::vector<Placement> placements;  // per value of the network
  uint32_t arena_bytes = 0;
};

// Concatenations become strided writes by the ops that make their inputs, with copies only where a tensor is needed in
// two places; flattening becomes a view. Buffers whose lives do not overlap share memory. May add values to the
// network. `bands`: whether maps may be made in bands, to take less memory.
Plan make_plan(Network* network, bool bands = true);

}  // namespace posy
