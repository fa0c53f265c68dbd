// For tests of lowering: maps, what plain loops make of them, and what the engine makes of a graph of one op.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "loaders/known_codes.h"
#include "tests/loaders/engine_runner.h"

namespace posy {

// Floats [h, w, c] in row-major order.
struct Map {
  int64_t h, w, c;
  std::vector<float> v = {};

  size_t index(int64_t y, int64_t x, int64_t channel) const { return (size_t)((y * w + x) * c + channel); }
  float at(int64_t y, int64_t x, int64_t channel) const { return v[index(y, x, channel)]; }
  // Zero outside.
  float padded(int64_t y, int64_t x, int64_t channel) const {
    return y < 0 || y >= h || x < 0 || x >= w ? 0.0f : at(y, x, channel);
  }
};

// make(y, x, channel) for every element.
template <class Make>
Map make_map(int64_t h, int64_t w, int64_t c, Make make) {
  Map map = {h, w, c};
  for (int64_t i = 0; i < h * w * c; ++i) map.v.push_back((float)make(i / c / w, i / c % w, i % c));
  return map;
}
inline Map random_map(int64_t h, int64_t w, int64_t c, float low = -2, float high = 2, uint32_t seed = 1) {
  return {h, w, c, random_floats((size_t)(h * w * c), seed, low, high)};
}
template <class Function>
Map each(const Map& map, Function function) {
  return make_map(map.h, map.w, map.c, [&](int64_t y, int64_t x, int64_t c) { return function(map.at(y, x, c)); });
}
// The same with the channel's number.
template <class Function>
Map each_channel(const Map& map, Function function) {
  return make_map(map.h, map.w, map.c, [&](int64_t y, int64_t x, int64_t c) { return function(map.at(y, x, c), c); });
}

// As a graph in NCHW order sees them.
inline std::vector<float> channels_first(const Map& map) {
  std::vector<float> v;
  for (int64_t c = 0; c < map.c; ++c) {
    for (int64_t i = 0; i < map.h * map.w; ++i) v.push_back(map.v[(size_t)(i * map.c + c)]);
  }
  return v;
}

// A graph with one activation, x. An image has one or three channels; any other map is a tall image in another shape.
inline GraphWriter with_image(const Map& x) {
  GraphWriter g;
  if (x.c == 3 || x.c == 1) {
    g.placeholder("x", {1, x.h, x.w, x.c});
    return g;
  }
  g.placeholder("image", {1, x.h * x.w * x.c, 1, 1});
  g.constant_ints("x/shape", {4}, {1, (int32_t)x.h, (int32_t)x.w, (int32_t)x.c});
  g.node("x", "Reshape", {"image", "x/shape"});
  return g;
}

// Each one within 2e-6, relative where it is above 1.
inline bool near(const std::vector<float>& got, const std::vector<float>& expected, double tolerance = 2e-6) {
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const double allowed = tolerance * std::max(1.0, std::fabs((double)expected[i]));
    if (std::fabs((double)got[i] - expected[i]) <= allowed) continue;
    MESSAGE("element ", i, " is ", got[i], ", not ", expected[i]);
    return false;
  }
  return true;
}
inline bool near(const std::vector<float>& got, const Map& expected, double tolerance = 2e-6) {
  return near(got, expected.v, tolerance);
}

// Lowered as it is, and simplified: both have to give the same. The scores are all elements of `last`, in the graph's
// order.
inline std::vector<float> run_to(GraphWriter& g, const std::string& last, const std::vector<float>& x,
                                 Network* network = nullptr) {
  g.constant_ints("flat/shape", {2}, {1, -1});
  g.node("flat", "Reshape", {last, "flat/shape"});
  const Network made = lowered(g);
  if (network) *network = made;
  const std::vector<float> scores = run_network(made, x);
  Network floats = made;
  forget_known_codes(&floats);  // or simplify() leaves rounding to them
  CHECK(near(EngineRunner(posy_bytes(simplified(floats))).run(x), scores, 1e-5));
  return scores;
}
inline std::vector<float> run_to(GraphWriter& g, const std::string& last, const Map& x) {
  return run_to(g, last, x.v);
}

struct Padding {
  int64_t top, bottom, left, right;
};

// A convolution of stride 1 to 3 over a map with zeros around it; w is [k_h, k_w, in_c / groups, out_c].
inline Map convolved(const Map& x, const std::vector<float>& w, int64_t k, int64_t out_c, Padding p, int64_t stride = 1,
                     int64_t dilation = 1, int64_t groups = 1) {
  const int64_t extent = (k - 1) * dilation + 1, in_c = x.c / groups;
  return make_map((x.h + p.top + p.bottom - extent) / stride + 1, (x.w + p.left + p.right - extent) / stride + 1, out_c,
                  [&](int64_t row, int64_t column, int64_t o) {
                    double sum = 0;
                    for (int64_t i = 0; i < k * k * in_c; ++i) {
                      const int64_t y = row * stride - p.top + i / in_c / k * dilation;
                      const int64_t at = column * stride - p.left + i / in_c % k * dilation;
                      const int64_t c = o / (out_c / groups) * in_c + i % in_c;
                      sum += (double)x.padded(y, at, c) * w[(size_t)(i * out_c + o)];
                    }
                    return sum;
                  });
}

// The same of every channel alone; w is [k_h, k_w, c, multiplier].
inline Map depthwise(const Map& x, const std::vector<float>& w, int64_t k, int64_t multiplier, Padding p,
                     int64_t dilation = 1) {
  const int64_t extent = (k - 1) * dilation + 1;
  return make_map(x.h + p.top + p.bottom - extent + 1, x.w + p.left + p.right - extent + 1, x.c * multiplier,
                  [&](int64_t row, int64_t column, int64_t o) {
                    double sum = 0;
                    for (int64_t i = 0; i < k * k; ++i) {
                      const float pixel =
                          x.padded(row - p.top + i / k * dilation, column - p.left + i % k * dilation, o / multiplier);
                      sum += (double)pixel * w[(size_t)(i * x.c * multiplier + o)];
                    }
                    return sum;
                  });
}

}  // namespace posy
