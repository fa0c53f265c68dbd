#include "loaders/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace posy {
namespace {

// Output reads value(lower) + (value(upper) - value(lower)) * lerp.
struct Tap {
  uint32_t lower, upper;
  float lerp;
};

Tap tap_at(float in, uint32_t size) {
  const float inside = std::clamp(in, 0.0f, (float)(size - 1));
  const uint32_t lower = std::min((uint32_t)inside, size - 1);
  return {lower, std::min(lower + 1, size - 1), inside - (float)lower};
}

// One axis: `begin` and `length` of the box, `size` pixels of the picture, `count` of the output.
std::vector<Tap> taps_of(Resampling method, double begin, double length, uint32_t size, uint32_t count) {
  std::vector<Tap> taps;
  const float scale = (float)length / (float)count;
  for (uint32_t i = 0; i < count; ++i) {
    const float centre = ((float)i + 0.5f) * scale + (float)begin;
    if (method == Resampling::kLegacyBilinear) {
      // In the box's own coordinates, as if it had been cut out: what lies beyond it is not read.
      Tap tap = tap_at((float)i * scale, (uint32_t)length);
      tap.lower += (uint32_t)begin;
      tap.upper += (uint32_t)begin;
      taps.push_back(tap);
    } else if (method == Resampling::kBilinear) {
      taps.push_back(tap_at(centre - 0.5f, size));
    } else {
      const uint32_t nearest = std::min((uint32_t)std::max(centre, 0.0f), size - 1);
      taps.push_back({nearest, nearest, 0});
    }
  }
  return taps;
}

std::vector<float> interpolate(const Image& image, const std::vector<Tap>& rows, const std::vector<Tap>& columns) {
  std::vector<float> out;
  out.reserve(rows.size() * columns.size() * 3);
  for (const Tap& row : rows) {
    const uint8_t* upper_row = &image.rgb[(size_t)row.lower * image.width * 3];
    const uint8_t* lower_row = &image.rgb[(size_t)row.upper * image.width * 3];
    for (const Tap& column : columns) {
      const size_t left = (size_t)column.lower * 3, right = (size_t)column.upper * 3;
      for (size_t c = 0; c < 3; ++c) {
        const float top_left = upper_row[left + c], top_right = upper_row[right + c];
        const float low_left = lower_row[left + c], low_right = lower_row[right + c];
        const float top = top_left + (top_right - top_left) * column.lerp;
        const float low = low_left + (low_right - low_left) * column.lerp;
        out.push_back(top + (low - top) * row.lerp);
      }
    }
  }
  return out;
}

// ---- Pillow's Resample.c ----

constexpr int kFractionBits = 22;
constexpr double kLobes = 3;

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) {
  return x >= -kLobes && x < kLobes ? sinc(x) * sinc(x / kLobes) : 0;
}

// One output: weights of the pixels from `first` on, their sum 2^kFractionBits but for rounding.
struct Weighted {
  uint32_t first;
  std::vector<int32_t> weights;
};

std::vector<Weighted> lanczos_axis(double begin, double length, uint32_t size, uint32_t count) {
  const float from = (float)begin, to = (float)(begin + length);  // Pillow's boxes are of floats
  const double scale = (double)(to - from) / count, width = std::max(scale, 1.0), reach = kLobes * width;
  std::vector<Weighted> axis;
  for (uint32_t i = 0; i < count; ++i) {
    const double centre = from + (i + 0.5) * scale;
    const int first = std::max((int)(centre - reach + 0.5), 0);
    const int end = std::min((int)(centre + reach + 0.5), (int)size);
    std::vector<double> exact;
    double sum = 0;
    for (int x = first; x < end; ++x) sum += exact.emplace_back(lanczos((x - centre + 0.5) / width));
    Weighted weighted = {(uint32_t)first, {}};
    for (const double w : exact) {
      const double scaled = (sum == 0 ? w : w / sum) * (1 << kFractionBits);
      weighted.weights.push_back((int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
    axis.push_back(std::move(weighted));
  }
  return axis;
}

// `from`: the first value, `step` bytes from one to the next.
uint8_t weighted_byte(const Weighted& weighted, const uint8_t* from, size_t step) {
  int64_t sum = 1 << (kFractionBits - 1);
  from += weighted.first * step;
  for (const int32_t weight : weighted.weights) {
    sum += (int64_t)weight * *from;
    from += step;
  }
  return (uint8_t)std::clamp<int64_t>(sum >> kFractionBits, 0, 255);
}

std::vector<float> lanczos_resample(const Image& image, const Box& box, uint32_t out_h, uint32_t out_w) {
  const std::vector<Weighted> columns = lanczos_axis(box.left, box.width, image.width, out_w);
  const std::vector<Weighted> rows = lanczos_axis(box.top, box.height, image.height, out_h);
  const size_t in_bytes = (size_t)image.width * 3, out_bytes = (size_t)out_w * 3;
  std::vector<uint8_t> narrow(image.height * out_bytes);
  for (size_t y = 0; y < image.height; ++y) {
    for (size_t i = 0; i < out_bytes; ++i) {
      narrow[y * out_bytes + i] = weighted_byte(columns[i / 3], &image.rgb[y * in_bytes + i % 3], 3);
    }
  }
  std::vector<float> out(out_h * out_bytes);
  for (size_t y = 0; y < out_h; ++y) {
    for (size_t i = 0; i < out_bytes; ++i) out[y * out_bytes + i] = weighted_byte(rows[y], &narrow[i], out_bytes);
  }
  return out;
}

}  // namespace

std::vector<float> resample(const Image& image, const Box& box, uint32_t out_h, uint32_t out_w, Resampling method) {
  if (method == Resampling::kLanczos) return lanczos_resample(image, box, out_h, out_w);
  return interpolate(image, taps_of(method, box.top, box.height, image.height, out_h),
                     taps_of(method, box.left, box.width, image.width, out_w));
}

}  // namespace posy
