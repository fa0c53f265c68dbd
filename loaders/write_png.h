// Pictures become PNG and JPEG files.
#pragma once
#include <cstdint>
#include <vector>

#include "loaders/palette.h"

namespace posy {

// 24 bits a pixel. Throws InputError if the picture has more than 2^28 pixels.
std::vector<uint8_t> png_of(const Image& image);

// 1, 2, 4 or 8 bits a pixel, as many as the colours need.
std::vector<uint8_t> png_of(const PalettePicture& picture, uint32_t width, uint32_t height);

// Baseline, 24 bits a pixel, quality from 1 to 100: for photos in pages. From 91 on with whole chroma.
std::vector<uint8_t> jpeg_of(const Image& image, int quality);

}  // namespace posy
