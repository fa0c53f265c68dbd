// SHA-1 (FIPS 180-4): how retrain.py decides which photos it tests with. Not for security.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace posy {

std::array<uint8_t, 20> sha1(std::string_view bytes);

}  // namespace posy
