// Pictures for those who have no photos at hand: the same ones everywhere.
#pragma once
#include "loaders/image.h"

namespace posy {

constexpr uint32_t kSyntheticImages = 16;

// Picture `index` below kSyntheticImages, 224 x 224: noise, soft spots, slopes from one colour to another, and both
// together, in turn. Integer arithmetic from a fixed seed.
Image synthetic_image(uint32_t index);

}  // namespace posy
