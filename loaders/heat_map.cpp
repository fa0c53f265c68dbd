#include "loaders/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

namespace posy {
namespace {

constexpr size_t kColorSteps = 256;

// OKLab (Björn Ottosson, 2020): distances in it are about as large as people see them.
struct Oklab {
  double l, a, b;
};

// Linear light of sRGB's primaries; outside 0 to 1 where a screen has no such colour.
std::array<double, 3> linear_rgb(const Oklab& color) {
  const double l = color.l + 0.3963377774 * color.a + 0.2158037573 * color.b;
  const double m = color.l - 0.1055613458 * color.a - 0.0638541728 * color.b;
  const double s = color.l - 0.0894841775 * color.a - 1.2914855480 * color.b;
  const double l3 = l * l * l, m3 = m * m * m, s3 = s * s * s;
  return {4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3,
          -1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3,
          -0.0041960863 * l3 - 0.7034186147 * m3 + 1.7076147010 * s3};
}

bool is_on_screen(const Oklab& color) {
  const std::array<double, 3> rgb = linear_rgb(color);
  return std::all_of(rgb.begin(), rgb.end(), [](double x) { return x >= 0 && x <= 1; });
}

uint8_t srgb_byte(double linear) {
  const double x = std::clamp(linear, 0.0, 1.0);
  const double encoded = x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
  return (uint8_t)std::lround(encoded * 255);
}

// Lightness from 0.17 to 0.91 and hue from violet (290 degrees) over red to yellow (95) in even steps, with as much
// chroma as screens have there, up to 0.19.
Color color_of_step(size_t step) {
  constexpr double kMostChroma = 0.19;
  const double t = (double)step / (kColorSteps - 1);
  const double hue = (290 + t * 165) * std::numbers::pi / 180;
  const auto color = [&](double chroma) {
    return Oklab{0.17 + 0.74 * t, chroma * std::cos(hue), chroma * std::sin(hue)};
  };
  double chroma = 0;
  for (double more = kMostChroma / 2; more > 1e-4; more /= 2) {
    if (is_on_screen(color(chroma + more))) chroma += more;
  }
  const std::array<double, 3> rgb = linear_rgb(color(chroma));
  return {srgb_byte(rgb[0]), srgb_byte(rgb[1]), srgb_byte(rgb[2])};
}

// One axis of the interpolation: out of `size` pixels, pixel `at` lies between two of `cells` cells.
struct Between {
  uint32_t lower, upper;
  float lerp;
};

std::vector<Between> between_cells(uint32_t size, uint32_t cells) {
  std::vector<Between> axis;
  axis.reserve(size);
  for (uint32_t at = 0; at < size; ++at) {
    const double place = std::clamp((at + 0.5) * cells / size - 0.5, 0.0, cells - 1.0);
    const uint32_t lower = (uint32_t)place;
    axis.push_back({lower, std::min(lower + 1, cells - 1), (float)(place - lower)});
  }
  return axis;
}

float interpolated(const HeatMap& map, const Between& y, const Between& x) {
  const float top = map.at(y.lower, x.lower) + (map.at(y.lower, x.upper) - map.at(y.lower, x.lower)) * x.lerp;
  const float low = map.at(y.upper, x.lower) + (map.at(y.upper, x.upper) - map.at(y.upper, x.lower)) * x.lerp;
  return top + (low - top) * y.lerp;
}

}  // namespace

float HeatMap::least() const {
  return *std::min_element(values.begin(), values.end());
}
float HeatMap::greatest() const {
  return *std::max_element(values.begin(), values.end());
}
double HeatMap::mean() const {
  return std::accumulate(values.begin(), values.end(), 0.0) / (double)values.size();
}

HeatPoint hottest(const HeatMap& map) {
  const size_t at = (size_t)(std::max_element(map.values.begin(), map.values.end()) - map.values.begin());
  return {((double)(at % map.w) + 0.5) / map.w, ((double)(at / map.w) + 0.5) / map.h};
}

HeatMap upright(const HeatMap& map, int orientation) {
  // The cells' numbers as colours of a picture are turned as pictures are.
  Image numbers;
  numbers.width = map.w;
  numbers.height = map.h;
  numbers.orientation = orientation;
  for (size_t i = 0; i < map.values.size(); ++i)
    numbers.rgb.insert(numbers.rgb.end(), {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i});
  const Image turned = upright(numbers);
  HeatMap out = {turned.height, turned.width, {}};
  for (size_t i = 0; i < turned.rgb.size(); i += 3) {
    out.values.push_back(map.values[(size_t)turned.rgb[i] << 16 | (size_t)turned.rgb[i + 1] << 8 | turned.rgb[i + 2]]);
  }
  return out;
}

Color heat_color(float heat) {
  static const std::vector<Color> colors = [] {
    std::vector<Color> all;
    for (size_t i = 0; i < kColorSteps; ++i) all.push_back(color_of_step(i));
    return all;
  }();
  const float inside = heat > 0 ? std::min(heat, 1.0f) : 0.0f;  // also of NaN
  return colors[(size_t)std::lround(inside * (kColorSteps - 1))];
}

Image heat_picture(const Image& photo, const HeatMap& map) {
  constexpr float kLeastLight = 0.4f;  // of a colour over black: it can still be told
  Image picture = photo;
  const std::vector<Between> rows = between_cells(photo.height, map.h), columns = between_cells(photo.width, map.w);
  const float greatest = map.greatest();
  uint8_t* p = picture.rgb.data();
  for (const Between& y : rows) {
    for (const Between& x : columns) {
      const Color color = heat_color(greatest > 0 ? interpolated(map, y, x) / greatest : 0);
      const float gray = (float)(299 * p[0] + 587 * p[1] + 114 * p[2]) / 255000;
      const float light = kLeastLight + (1 - kLeastLight) * gray;
      for (size_t c = 0; c < 3; ++c) *p++ = (uint8_t)std::lround((float)color[c] * light);
    }
  }
  return picture;
}

}  // namespace posy
