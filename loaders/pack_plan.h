// Which bytes of a .posy file are packed together, and as what.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "engine/model.h"
#include "loaders/pack_tables.h"

namespace posy {

// Segments that fill every byte of the file that is not zero, once. `model` is open.
std::vector<PackSegment> plan_segments(const Model& model);

// The packed file with these segments, whose tables are chosen.
std::vector<uint8_t> write_packed(std::span<const PackSegment> segments, std::span<const uint8_t> posy);

// Floats as the code book of a rounded graph holds them: low + number * step, or low + (number + 1/2) * step, with
// whole numbers, to the bit.
struct Ramp {
  float low, step;
  bool middle;
  bool ascending;  // each number is 0 to 255 above the one before, the first one above 0; else they are themselves 0 to
                   // 255
};
std::optional<Ramp> find_ramp(std::span<const float> values);

}  // namespace posy
