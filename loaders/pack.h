// Packed files: a .posy file for downloads, without loss (PACKED.md).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace posy {

// `posy` is a .posy file whose bytes begin at a multiple of 4. Throws InputError that names `name` if it is none, or
// damaged.
std::vector<uint8_t> pack_posy(std::span<const uint8_t> posy, const std::string& name);

bool is_packed(std::span<const uint8_t> bytes);

// Throws InputError that names `name`: damaged.
std::vector<uint8_t> unpack_posy(std::span<const uint8_t> packed, const std::string& name);

}  // namespace posy
