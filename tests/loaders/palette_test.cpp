// Pictures in few colours, and the PNG files that hold them.
#include "loaders/palette.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <set>

#include "loaders/write_png.h"

using namespace posy;

namespace {

Image picture(uint32_t width, uint32_t height, const std::vector<uint8_t>& rgb) {
  REQUIRE(rgb.size() == (size_t)width * height * 3);
  Image image;
  image.width = width;
  image.height = height;
  image.rgb = rgb;
  return image;
}

Image random_picture(uint32_t width, uint32_t height, uint32_t seed, uint32_t most = 255) {
  std::mt19937 random(seed);
  std::vector<uint8_t> rgb((size_t)width * height * 3);
  for (uint8_t& value : rgb) value = (uint8_t)(random() % (most + 1));
  return picture(width, height, rgb);
}

double squared_error(const Image& a, const Image& b) {
  REQUIRE(a.rgb.size() == b.rgb.size());
  double sum = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) sum += std::pow((double)a.rgb[i] - b.rgb[i], 2);
  return sum;
}

void check_comes_back(const Image& image, const std::vector<uint8_t>& png) {
  const Image read = decode_image(png, "made.png");
  CHECK(read.width == image.width);
  CHECK(read.height == image.height);
  CHECK(read.rgb == image.rgb);
}

}  // namespace

TEST_CASE("palette: groups of colours become their means, dark to light") {
  // Three dark reds, two light blues.
  const Image image = picture(5, 1, {10, 0, 0, 20, 0, 0, 30, 0, 0, 100, 110, 200, 100, 120, 200});
  const PalettePicture two = with_palette(image, 2);
  CHECK(two.colors == std::vector<Color>{{20, 0, 0}, {100, 115, 200}});
  CHECK(two.indices == std::vector<uint8_t>{0, 0, 0, 1, 1});
}

TEST_CASE("palette: pixels count, colours alone do not") {
  // Cut between 0 and 90: the mean is 22.5, and that of the dark ones stays 0.
  const PalettePicture two = with_palette(picture(4, 1, {0, 0, 0, 0, 0, 0, 0, 0, 0, 90, 90, 90}), 2);
  CHECK(two.colors == std::vector<Color>{{0, 0, 0}, {90, 90, 90}});
  const PalettePicture mean = with_palette(picture(4, 1, {0, 0, 0, 0, 0, 0, 3, 3, 3, 200, 0, 0}), 2);
  CHECK(mean.colors == std::vector<Color>{{1, 1, 1}, {200, 0, 0}});
}

TEST_CASE("palette: a picture that has no more colours than asked for keeps them") {
  const Image image = random_picture(9, 7, 1, 1);  // 8 colours at most
  for (const uint32_t count : {8u, 200u, 256u}) {
    const PalettePicture same = with_palette(image, count);
    CHECK(same.colors.size() == count_colors(image));
    CHECK(as_rgb(same, 9, 7).rgb == image.rgb);
  }
  CHECK(with_palette(picture(2, 1, {7, 7, 7, 7, 7, 7}), 2).colors == std::vector<Color>{{7, 7, 7}});
}

TEST_CASE("palette: each pixel has the nearest colour, more colours are nearer, and it is the same every time") {
  const Image image = random_picture(40, 30, 2);
  double before = INFINITY;
  for (const uint32_t count : {2u, 3u, 16u, 32u, 256u}) {
    CAPTURE(count);
    const PalettePicture made = with_palette(image, count);
    CHECK(made.colors.size() == count);
    CHECK(std::set<Color>(made.colors.begin(), made.colors.end()).size() == count);
    const Image seen = as_rgb(made, 40, 30);
    for (size_t i = 0; i < made.indices.size(); i += 37) {
      const Image pixel = picture(1, 1, {image.rgb[i * 3], image.rgb[i * 3 + 1], image.rgb[i * 3 + 2]});
      const Color& chosen = made.colors[made.indices[i]];
      const double distance = squared_error(pixel, picture(1, 1, {chosen[0], chosen[1], chosen[2]}));
      for (const Color& other : made.colors) {
        CHECK(distance <= squared_error(pixel, picture(1, 1, {other[0], other[1], other[2]})));
      }
    }
    CHECK(squared_error(image, seen) < before);
    before = squared_error(image, seen);
    CHECK(with_palette(image, count).indices == made.indices);
  }
}

TEST_CASE("levels: each channel is rounded as weights are") {
  // 0 ... 200 in two buckets of 100: centers 50 and 150. A channel of one value stays.
  const Image image = picture(3, 1, {0, 7, 0, 99, 7, 255, 200, 7, 0});
  CHECK(with_levels(image, 2).rgb == std::vector<uint8_t>{50, 7, 64, 50, 7, 191, 150, 7, 64});
  const Image many = random_picture(60, 60, 3);
  std::set<uint8_t> reds;
  const Image four = with_levels(many, 4);
  for (size_t i = 0; i < four.rgb.size(); i += 3) reds.insert(four.rgb[i]);
  CHECK(reds.size() == 4);
  CHECK(as_palette(many).colors.empty());
  CHECK(as_rgb(as_palette(four), 60, 60).rgb == four.rgb);
}

TEST_CASE("upright: the eight EXIF orientations") {
  // The picture a b c / d e f as a camera stores it for each orientation (EXIF 2.3, tag 274).
  const auto letters = [](uint32_t width, uint32_t height, const std::string& text) {
    std::vector<uint8_t> rgb;
    for (const char c : text) rgb.insert(rgb.end(), 3, (uint8_t)c);
    return picture(width, height, rgb);
  };
  const char* wide[] = {"abcdef", "cbafed", "fedcba", "defabc"};
  const char* tall[] = {"adbecf", "cfbead", "fcebda", "daebfc"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    Image stored = orientation <= 4 ? letters(3, 2, wide[orientation - 1]) : letters(2, 3, tall[orientation - 5]);
    stored.orientation = orientation;
    const Image turned = upright(stored);
    CHECK(turned.width == 3);
    CHECK(turned.height == 2);
    CHECK(turned.orientation == 1);
    CHECK(turned.rgb == letters(3, 2, "abcdef").rgb);
  }
}

TEST_CASE("png: pictures of every width come back as they were, with and without a palette") {
  for (const uint32_t width : {1u, 2u, 3u, 5u, 8u, 9u, 31u}) {
    const Image image = random_picture(width, 6, width);
    check_comes_back(image, png_of(image));
    for (const uint32_t count : {2u, 3u, 4u, 5u, 16u, 17u, 256u}) {  // 1, 2, 4 and 8 bits
      const PalettePicture made = with_palette(image, count);
      check_comes_back(as_rgb(made, width, 6), png_of(made, width, 6));
    }
  }
}

TEST_CASE("png: few colours make it smaller, in either form") {
  const Image image = random_picture(200, 150, 9);
  const PalettePicture made = with_palette(image, 16);
  const size_t before = png_of(image).size();
  CHECK(png_of(as_rgb(made, 200, 150)).size() < before);
  CHECK(png_of(made, 200, 150).size() < before / 5);  // 4 bits for 24
}
