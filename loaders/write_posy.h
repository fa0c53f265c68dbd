// A planned network becomes the bytes of a .posy file.
#pragma once
#include <cstdint>
#include <vector>

#include "loaders/network.h"
#include "loaders/plan.h"
#include "loaders/quantize.h"

namespace posy {

// Deterministic: the same network, plan and choice give the same bytes.
std::vector<uint8_t> write_posy(const Network& network, const Plan& plan, WeightChoice choice);

}  // namespace posy
