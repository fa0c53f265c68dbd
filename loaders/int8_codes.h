// Codes of 8 bits at conversion: scales, limits and tables.
#pragma once
#include <cstdint>
#include <vector>

#include "loaders/network.h"

namespace posy {

// The scale and zero point with which codes 0 to 255 reach from `low` to `high` and one of them is 0. Low above 0 or
// high below it counts as 0.
CodeScale scale_of_range(float low, float high);

// The code nearest to x.
uint8_t nearest_code(float x, const Value& value);

// The ends of a clamp as codes.
Clamp clamp_codes(Clamp clamp, const Value& out);

// What a function of one number, node.kind kUnary or kClamp, makes of each code of `in`.
std::vector<uint8_t> map_of_codes(const NetworkNode& node, const Value& in, const Value& out);

}  // namespace posy
