// A model as C: for firmware, which has no files.
#pragma once
#include <span>
#include <string>

#include "engine/model.h"

namespace posy {

// Bytes that a model takes on a target: what posy_need() will say there, before there is a target.
struct TargetNeeds {
  uint64_t flash_bytes;     // the .posy file, at a multiple of 4
  uint64_t ram_bytes;       // for posy_open(), one thread, kernels that expand no weights: scalar, dsp
  uint64_t simd_ram_bytes;  // kernels that expand one panel of weights: mve, neon, simd128, avx2 ...
};
TargetNeeds target_needs(const Model& model);

// "flowers" for "models/flowers.posy": what names in C begin with. Never empty, never a number first.
std::string c_name(const std::string& path);

// NAME.h: the constants of the model, and the declaration of its bytes, NAME_model.
std::string c_header(const std::string& name, const Model& model);

// NAME.c: the model's bytes. Includes NAME.h.
std::string c_array(const std::string& name, std::span<const uint8_t> posy);

}  // namespace posy
