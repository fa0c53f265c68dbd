#include "loaders/palette.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "loaders/round_graph.h"

namespace posy {
namespace {

constexpr int kMostMoves = 24;  // of k-means; what it still gains then cannot be seen

// A colour of the picture and how many pixels have it.
struct Counted {
  Color color;
  uint64_t pixels;
};

uint32_t number_of(const uint8_t* rgb) {
  return (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

// In ascending order of their numbers.
std::vector<Counted> counted_colors(const Image& image) {
  std::vector<uint32_t> numbers(image.rgb.size() / 3);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = number_of(&image.rgb[i * 3]);
  std::sort(numbers.begin(), numbers.end());
  std::vector<Counted> colors;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const uint32_t n = numbers[i];
    if (i == 0 || n != numbers[i - 1]) colors.push_back({{(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 0});
    ++colors.back().pixels;
  }
  return colors;
}

// A set of colours: what its mean and its squared error need. Whole numbers, so that no order of summing matters.
struct ColorSet {
  std::span<Counted> colors;
  uint64_t pixels = 0;
  std::array<uint64_t, 3> sum = {}, square_sum = {};

  explicit ColorSet(std::span<Counted> in) : colors(in) {
    for (const Counted& each : colors) add(each);
  }
  void add(const Counted& each) {
    pixels += each.pixels;
    for (size_t c = 0; c < 3; ++c) {
      sum[c] += each.pixels * each.color[c];
      square_sum[c] += each.pixels * each.color[c] * each.color[c];
    }
  }
  double mean(size_t channel) const { return (double)sum[channel] / (double)pixels; }
  double error(size_t channel) const { return (double)square_sum[channel] - (double)sum[channel] * mean(channel); }
  double error() const { return colors.size() < 2 ? 0 : error(0) + error(1) + error(2); }
};

std::vector<ColorSet> cut_into(std::vector<Counted>* colors, uint32_t count) {
  std::vector<ColorSet> sets = {ColorSet(*colors)};
  while (sets.size() < count) {
    const auto worst = std::max_element(sets.begin(), sets.end(),
                                        [](const ColorSet& a, const ColorSet& b) { return a.error() < b.error(); });
    const ColorSet set = *worst;
    size_t channel = 0;
    for (size_t c = 1; c < 3; ++c) channel = set.error(c) > set.error(channel) ? c : channel;
    const double mean = set.mean(channel);
    const auto middle = std::stable_partition(set.colors.begin(), set.colors.end(),
                                              [&](const Counted& each) { return each.color[channel] <= mean; });
    const size_t below = (size_t)(middle - set.colors.begin());
    if (below == set.colors.size()) break;  // one colour is left in each set
    *worst = ColorSet(set.colors.first(below));
    sets.push_back(ColorSet(set.colors.subspan(below)));
  }
  return sets;
}

using Point = std::array<double, 3>;

template <class Place>
size_t nearest(const std::vector<Place>& places, const Color& color) {
  size_t best = 0;
  double least = INFINITY;
  for (size_t i = 0; i < places.size(); ++i) {
    double distance = 0;
    for (size_t c = 0; c < 3; ++c) {
      const double difference = (double)places[i][c] - color[c];
      distance += difference * difference;
    }
    if (distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}

// Each mean moves to the middle of the colours that are nearest to it, until none moves. A mean without any stays.
void move_means(const std::vector<Counted>& colors, std::vector<Point>* means) {
  for (int move = 0; move < kMostMoves; ++move) {
    std::vector<ColorSet> sets(means->size(), ColorSet({}));
    for (const Counted& each : colors) sets[nearest(*means, each.color)].add(each);
    const std::vector<Point> before = *means;
    for (size_t i = 0; i < sets.size(); ++i) {
      if (sets[i].pixels) (*means)[i] = {sets[i].mean(0), sets[i].mean(1), sets[i].mean(2)};
    }
    if (*means == before) return;
  }
}

// Dark to light, so that neighbours in the picture have indices that are close, which a PNG's deflate likes.
void sort_by_light(std::vector<Color>* colors) {
  const auto light = [](const Color& c) { return 299 * c[0] + 587 * c[1] + 114 * c[2]; };
  std::sort(colors->begin(), colors->end(),
            [&](const Color& a, const Color& b) { return light(a) != light(b) ? light(a) < light(b) : a < b; });
  colors->erase(std::unique(colors->begin(), colors->end()), colors->end());
}

std::vector<uint8_t> indices_of(const Image& image, const std::vector<Counted>& counted,
                                const std::vector<Color>& colors) {
  std::vector<uint32_t> numbers;
  std::vector<uint8_t> index;
  for (const Counted& each : counted) {
    numbers.push_back(number_of(each.color.data()));
    index.push_back((uint8_t)nearest(colors, each.color));
  }
  std::vector<uint8_t> indices(image.rgb.size() / 3);
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto at = std::lower_bound(numbers.begin(), numbers.end(), number_of(&image.rgb[i * 3]));
    indices[i] = index[(size_t)(at - numbers.begin())];
  }
  return indices;
}

}  // namespace

Image upright(const Image& image) {
  const bool is_turned = image.orientation >= 5;  // rows of the file are columns of the picture
  Image turned = image;
  turned.orientation = 1;
  if (is_turned) std::swap(turned.width, turned.height);
  const bool from_right =
      image.orientation == 2 || image.orientation == 3 || image.orientation == 7 || image.orientation == 8;
  const bool from_below =
      image.orientation == 3 || image.orientation == 4 || image.orientation == 6 || image.orientation == 7;
  uint8_t* to = turned.rgb.data();
  for (uint32_t y = 0; y < turned.height; ++y) {
    for (uint32_t x = 0; x < turned.width; ++x, to += 3) {
      uint32_t file_x = is_turned ? y : x, file_y = is_turned ? x : y;
      if (from_right) file_x = image.width - 1 - file_x;
      if (from_below) file_y = image.height - 1 - file_y;
      std::copy_n(&image.rgb[((size_t)file_y * image.width + file_x) * 3], 3, to);
    }
  }
  return turned;
}

size_t count_colors(const Image& image) {
  return counted_colors(image).size();
}

PalettePicture with_palette(const Image& image, uint32_t count) {
  const std::vector<Counted> counted = counted_colors(image);
  PalettePicture picture;
  if (counted.size() <= count) {
    for (const Counted& each : counted) picture.colors.push_back(each.color);
  } else {
    std::vector<Counted> colors = counted;
    std::vector<Point> means;
    for (const ColorSet& set : cut_into(&colors, count)) means.push_back({set.mean(0), set.mean(1), set.mean(2)});
    move_means(counted, &means);
    for (const Point& mean : means) {
      picture.colors.push_back(
          {(uint8_t)std::lround(mean[0]), (uint8_t)std::lround(mean[1]), (uint8_t)std::lround(mean[2])});
    }
  }
  sort_by_light(&picture.colors);
  picture.indices = indices_of(image, counted, picture.colors);
  return picture;
}

Image with_levels(const Image& image, uint32_t levels) {
  Image rounded = image;
  std::vector<float> values(image.rgb.size() / 3);
  for (size_t channel = 0; channel < 3; ++channel) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = image.rgb[i * 3 + channel];
    round_to_levels(values, levels);
    for (size_t i = 0; i < values.size(); ++i) rounded.rgb[i * 3 + channel] = (uint8_t)std::lround(values[i]);
  }
  return rounded;
}

PalettePicture as_palette(const Image& image) {
  return count_colors(image) <= kMaxColors ? with_palette(image, kMaxColors) : PalettePicture();
}

Image as_rgb(const PalettePicture& picture, uint32_t width, uint32_t height) {
  Image image;
  image.width = width;
  image.height = height;
  image.rgb.reserve(picture.indices.size() * 3);
  for (const uint8_t index : picture.indices) {
    image.rgb.insert(image.rgb.end(), picture.colors[index].begin(), picture.colors[index].end());
  }
  return image;
}

}  // namespace posy
