// Heat maps: colours, places and pictures.
#include "loaders/heat_map.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace posy;

namespace {

// CIE 1976 lightness of an sRGB colour, 0 to 100.
double lightness(const Color& color) {
  constexpr double kWeights[3] = {0.2126, 0.7152, 0.0722};
  double y = 0;
  for (size_t c = 0; c < 3; ++c) {
    const double x = color[c] / 255.0;
    y += kWeights[c] * (x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4));
  }
  return y > 0.008856 ? 116 * std::cbrt(y) - 16 : 903.3 * y;
}

Image flat_image(uint32_t w, uint32_t h, uint8_t value) {
  Image image;
  image.width = w;
  image.height = h;
  image.rgb.assign((size_t)w * h * 3, value);
  return image;
}

}  // namespace

TEST_CASE("heat: colours go from dark to light in even steps") {
  const double darkest = lightness(heat_color(0)), lightest = lightness(heat_color(1));
  CHECK(darkest < 10);
  CHECK(lightest > 85);
  for (int i = 0; i < 16; ++i) {
    const double step = lightness(heat_color((float)(i + 1) / 16)) - lightness(heat_color((float)i / 16));
    CHECK(step > 0.5 * (lightest - darkest) / 16);
    CHECK(step < 1.6 * (lightest - darkest) / 16);
  }
  CHECK(heat_color(-1) == heat_color(0));
  CHECK(heat_color(2) == heat_color(1));
  CHECK(heat_color(std::nanf("")) == heat_color(0));
  const Color violet = heat_color(0.1f), red = heat_color(0.5f), yellow = heat_color(1);
  CHECK(violet[2] > violet[0]);
  CHECK(red[0] > 2 * red[1]);
  CHECK(yellow[1] > 2 * yellow[2]);
}

TEST_CASE("heat: the hottest place is the middle of its cell") {
  const HeatMap map = {2, 4, {0, 1, 2, 3, 0, 0, 9, 0}};
  CHECK(map.least() == 0);
  CHECK(map.greatest() == 9);
  CHECK(map.mean() == 15.0 / 8);
  CHECK(hottest(map).x == 2.5 / 4);
  CHECK(hottest(map).y == 0.75);
}

TEST_CASE("heat: a map is turned as its picture is") {
  const HeatMap map = {2, 3, {1, 2, 3, 4, 5, 6}};
  const std::vector<float> turned[] = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
                                       {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const HeatMap out = upright(map, orientation);
    CAPTURE(orientation);
    CHECK(out.values == turned[orientation - 1]);
    CHECK(out.h == (orientation >= 5 ? 3 : 2));
    CHECK(out.w == (orientation >= 5 ? 2 : 3));
  }
}

TEST_CASE("heat: the picture has the photo's size, and its colours where the map has its cells") {
  const HeatMap map = {1, 2, {-3, 2}};
  const Image white = heat_picture(flat_image(8, 3, 255), map);
  CHECK(white.width == 8);
  CHECK(white.height == 3);
  const auto color_at = [](const Image& image, size_t x) {
    return Color{image.rgb[x * 3], image.rgb[x * 3 + 1], image.rgb[x * 3 + 2]};
  };
  // Outside the cells' middles, at 2 and 6 of 8 pixels, nothing changes any more.
  CHECK(color_at(white, 0) == heat_color(0));
  CHECK(color_at(white, 1) == heat_color(0));
  CHECK(color_at(white, 6) == heat_color(1));
  CHECK(color_at(white, 7) == heat_color(1));
  // Pixel 5 has its middle at 5.5: 7/8 of the way from -3 to 2.
  CHECK(color_at(white, 5) == heat_color((-3 + 5 * 0.875f) / 2));
  const Image black = heat_picture(flat_image(8, 3, 0), map);
  for (size_t c = 0; c < 3; ++c) CHECK(color_at(black, 7)[c] == std::lround(0.4 * heat_color(1)[c]));
  // Where nothing counts, nothing is hot.
  const HeatMap nothing = {1, 2, {-3, -2}};
  CHECK(color_at(heat_picture(flat_image(8, 3, 255), nothing), 7) == heat_color(0));
}
