// Which places of a picture count, as numbers on a grid, and as colours over the picture.
#pragma once
#include <cstdint>
#include <vector>

#include "loaders/image.h"
#include "loaders/palette.h"

namespace posy {

// h x w cells that divide the picture evenly.
struct HeatMap {
  uint32_t h = 0, w = 0;
  std::vector<float> values;

  float at(uint32_t y, uint32_t x) const { return values[(size_t)y * w + x]; }
  float least() const;
  float greatest() const;
  double mean() const;
};

// Where a heat map is greatest: the middle of its cell, as parts of the picture's width and height.
struct HeatPoint {
  double x, y;
};
HeatPoint hottest(const HeatMap& map);

// The map as the EXIF orientation turns the picture that it lies on.
HeatMap upright(const HeatMap& map, int orientation);

// From dark violet over red and orange to pale yellow, `heat` from 0 to 1. Lightness grows evenly with it as people see
// it, so that it can be told without colours, too.
Color heat_color(float heat);

// The photo's light and dark in the map's colours, which are interpolated between the cells' middles. 0 and what is
// below it has the coldest colour, the greatest value the hottest one.
Image heat_picture(const Image& photo, const HeatMap& map);

}  // namespace posy
