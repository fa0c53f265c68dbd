// Pictures with fewer colours.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "loaders/image.h"

namespace posy {

constexpr uint32_t kMaxColors = 256;

using Color = std::array<uint8_t, 3>;  // red, green, blue

// width x height places in `colors`, rows from top to bottom.
struct PalettePicture {
  std::vector<Color> colors;  // 1 to kMaxColors, dark to light, no two the same
  std::vector<uint8_t> indices;
};

// Turned as the EXIF orientation says, which is then 1: a file without EXIF shows it as the camera meant it.
Image upright(const Image& image);

// How many different colours there are.
size_t count_colors(const Image& image);

// At most `count` colours (2 to kMaxColors), each the mean of the colours that it stands for, each pixel the nearest
// one by the sum of squared differences of red, green and blue. A picture that has no more colours keeps them. First
// the set of colours with the greatest squared error is cut in two, at the mean of its most spread channel, until there
// are `count` (after Heckbert's median cut, SIGGRAPH 1982); then k-means moves the means (Lloyd, 1982). No dithering.
// The same picture gives the same bytes everywhere.
PalettePicture with_palette(const Image& image, uint32_t count);

// Each channel by itself rounded to `levels` (2 to 256) by round_to_levels() (round_graph.h), as --weights-rounded
// rounds the weights of a layer, and then to whole numbers.
Image with_levels(const Image& image, uint32_t levels);

// As with_palette(), without loss; no colors where the picture has more than kMaxColors.
PalettePicture as_palette(const Image& image);

Image as_rgb(const PalettePicture& picture, uint32_t width, uint32_t height);

}  // namespace posy
