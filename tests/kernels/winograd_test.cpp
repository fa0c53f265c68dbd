// Winograd's transforms: both halves together against the plain convolution, and how far rounding takes each tile.
#include <doctest/doctest.h>

#include <cstdio>

#include "kernels/winograd_transforms.hpp"
#include "tests/kernels/random_trials.h"

using namespace posy;

namespace {

struct Axis {
  uint32_t m, k;
};
constexpr Axis kNone = {1, 1};
constexpr Axis kAxes[] = {{2, 3}, {4, 3}, {2, 5}, {2, 7}, {3, 7}};

// A convolution of stride 1 with SAME padding: its weights are those of `product`.
struct Layer {
  Trial<WinogradInputArgs> input;
  Trial<WinogradProductArgs> product;
};

Layer random_layer(Random& random, Axis along_h, Axis along_w, uint32_t h, uint32_t w, uint32_t in_c, uint32_t out_c,
                   uint32_t band_rows) {
  Layer layer;
  WinogradTiles& t = layer.input.args.tiles;
  t = {along_h.m, along_w.m, along_h.k, along_w.k, along_h.m + along_h.k - 1, along_w.m + along_w.k - 1, band_rows, 0};
  t.columns = (w + t.m_w - 1) / t.m_w;
  layer.input.args.in = dense_tensor(h, w, in_c);
  layer.input.args.out = transformed_tensor(t, h, in_c);
  layer.input.args.pad_top = (t.k_h - 1) / 2;
  layer.input.args.pad_left = (t.k_w - 1) / 2;
  layer.input.inputs.resize(1);
  for (size_t i = 0; i < (size_t)h * w * in_c; ++i) {
    layer.input.inputs[0].push_back(std::max(0.0f, random.real(-1, 1)));  // behind a ReLU
  }
  layer.product.args.in = layer.input.args.out;
  layer.product.args.out = dense_tensor(h, w, out_c);
  layer.product.args.tiles = t;
  layer.product.args.clamp = {-1e30f, 1e30f};
  random_weights(random, t.k_h * t.k_w * in_c, &layer.product);
  return layer;
}

std::vector<float> run_both(const KernelTable& table, Layer layer, Workspace* space) {
  const Outcome transformed = run(table, &KernelTable::winograd_input, layer.input, {}, space);
  layer.product.inputs = {transformed.out};
  return run(table, &KernelTable::winograd_product, layer.product, {}, space).out;
}

// The sums in double; magnitude is that of all their terms.
struct Exact {
  double value, magnitude;
};

Exact exact_output(const Layer& layer, uint32_t y, uint32_t x, uint32_t o) {
  const WinogradTiles& t = layer.input.args.tiles;
  const Tensor& in = layer.input.args.in;
  const uint32_t out_c = layer.product.args.out.c;
  const auto& channel = layer.product.channels[o];
  double sum = 0, magnitude = 0;
  for (uint32_t i = 0; i < t.k_h; ++i) {
    for (uint32_t j = 0; j < t.k_w; ++j) {
      const int in_y = (int)(y + i) - (int)layer.input.args.pad_top,
                in_x = (int)(x + j) - (int)layer.input.args.pad_left;
      if (in_y < 0 || in_x < 0 || in_y >= (int)in.h || in_x >= (int)in.w) continue;
      for (uint32_t c = 0; c < in.c; ++c) {
        const double term = (double)layer.input.inputs[0][((size_t)in_y * in.w + (size_t)in_x) * in.c + c] *
                            layer.product.weight_values[((size_t)(i * t.k_w + j) * in.c + c) * out_c + o];
        sum += term;
        magnitude += std::fabs(term);
      }
    }
  }
  return {(sum - channel.center) * channel.scale + channel.bias,
          (magnitude + std::fabs(channel.center)) * std::fabs(channel.scale) + std::fabs(channel.bias)};
}

// How much larger than a sum's terms the terms of its transforms may be, along one axis: the most that any output takes
// from absolute values of all three matrices.
double growth(Axis axis) {
  if (axis.k == 1) return 1;
  const WinogradAxis a = winograd_axis(axis.m, axis.k);
  double most = 0;
  for (uint32_t i = 0; i < a.m; ++i) {
    for (uint32_t tap = 0; tap < a.k; ++tap) {
      double sum = 0;
      for (uint32_t alpha = 0; alpha < a.alphas; ++alpha) {
        // The rows of -p are those of p up to signs.
        const bool second = alpha % 2 == (a.alphas % 2 == 0 ? 0u : 1u) && alpha > 0 && alpha + 1 < a.alphas;
        const uint32_t row = second ? alpha - 1 : alpha;
        double inputs = 0;
        for (uint32_t j = 0; j < a.alphas; ++j) inputs += std::fabs(a.input[row * a.alphas + j]);
        sum += std::fabs(a.output[i * a.alphas + row]) * inputs * std::fabs(a.weights[row * a.k + tap]);
      }
      most = std::max(most, sum);
    }
  }
  return most;
}

double median_of(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + (std::ptrdiff_t)(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

TEST_CASE("winograd: both halves make the convolution, whatever the tiles, on every table") {
  constexpr double kUnit = 1.0 / (1 << 24);
  Random random(1980);
  Workspace space;
  std::vector<std::pair<Axis, Axis>> pairs;
  for (const Axis a : kAxes) {
    pairs.push_back({kNone, a});
    pairs.push_back({a, kNone});
    for (const Axis b : kAxes) pairs.push_back({a, b});
  }
  for (const auto& [along_h, along_w] : pairs) {
    const uint32_t h = random.between(1, 13), w = random.between(1, 13), in_c = random.between(1, 20);
    const Layer layer = random_layer(random, along_h, along_w, h, w, in_c, random.between(1, 20), random.between(1, 3));
    const std::vector<float> reference = run_both(*kernels_named("scalar"), layer, &space);
    for (uint32_t i = 0; const KernelTable* table = usable_kernels(i); ++i) {
      REQUIRE(same_bits(run_both(*table, layer, &space), reference));
    }
    // Every value is a sum of terms that are no larger than this, and rounded as often.
    const double roundings = in_c + 4.0 * (along_h.m + along_h.k + along_w.m + along_w.k);
    double largest = 0;
    for (const float x : layer.input.inputs[0]) largest = std::max(largest, (double)x);
    size_t wrong = 0;
    for (size_t at = 0; at < reference.size(); ++at) {
      const uint32_t o = (uint32_t)(at % layer.product.args.out.c), pixel = (uint32_t)(at / layer.product.args.out.c);
      const Exact exact = exact_output(layer, pixel / w, pixel % w, o);
      double weights = 0;
      for (size_t r = 0; r < layer.product.args.weights.rows; ++r) {
        weights += std::fabs(layer.product.weight_values[r * layer.product.args.out.c + o]);
      }
      const auto& channel = layer.product.channels[o];
      const double size = largest * weights * growth(along_h) * growth(along_w) + std::fabs(channel.center);
      const double allowed = roundings * kUnit * (size * std::fabs(channel.scale) + std::fabs(channel.bias));
      wrong += !(std::fabs(reference[at] - exact.value) <= allowed);
    }
    INFO(along_h.m << "," << along_h.k << " x " << along_w.m << "," << along_w.k);
    CHECK(wrong == 0);
  }
}

TEST_CASE("winograd: the error of each tile, relative to the plain sum's") {
  struct Case {
    Axis along_h, along_w;
    double most;  // of the root mean square error, in that of the plain sum
  };
  const Case cases[] = {
      {kNone, {2, 3}, 1.5},  {kNone, {4, 3}, 3}, {{2, 3}, {2, 3}, 1.5}, {{2, 3}, {4, 3}, 2},
      {{4, 3}, {4, 3}, 3.5}, {kNone, {2, 7}, 4}, {kNone, {3, 7}, 6},    {{2, 5}, {2, 5}, 5},
  };
  Random random(2015);
  Workspace space;
  for (const Case& c : cases) {
    std::vector<double> ratios;
    for (int trial = 0; trial < 3; ++trial) {
      Layer layer = random_layer(random, c.along_h, c.along_w, 12, 12, 96, 16, 3);
      while (layer.product.args.weights.type != WeightType::f32) {
        layer.product.channels.clear();
        random_weights(random, layer.product.args.weights.rows, &layer.product);
      }
      Trial<Conv2dArgs> plain;
      const WinogradTiles& t = layer.input.args.tiles;
      plain.args = {layer.input.args.in,
                    layer.product.args.out,
                    layer.product.args.weights,
                    {t.k_h, t.k_w, 1, 1, 1, 1, layer.input.args.pad_top, layer.input.args.pad_left},
                    layer.product.args.clamp};
      plain.inputs = layer.input.inputs;
      plain.weights = layer.product.weights;
      const std::vector<float> sums = run(*best_kernels(), &KernelTable::conv_2d, plain, {}, &space).out;
      const std::vector<float> fewer = run_both(*best_kernels(), layer, &space);
      double of_sums = 0, of_fewer = 0;
      for (size_t at = 0; at < sums.size(); ++at) {
        const double exact = exact_output(layer, (uint32_t)(at / 16 / 12), (uint32_t)(at / 16 % 12), at % 16).value;
        of_sums += (sums[at] - exact) * (sums[at] - exact);
        of_fewer += (fewer[at] - exact) * (fewer[at] - exact);
      }
      ratios.push_back(std::sqrt(of_fewer / of_sums));
    }
    std::printf("F(%u x %u, %u x %u): %.2f times the error of the plain sum\n", c.along_h.m, c.along_w.m, c.along_h.k,
                c.along_w.k, median_of(ratios));
    CHECK(median_of(ratios) <= c.most);
  }
}

TEST_CASE("winograd: there are tiles for windows of 3, 5 and 7, and no others") {
  for (uint32_t m = 0; m <= 70000; m = m < 20 ? m + 1 : m * 3) {
    for (uint32_t k = 0; k <= 70000; k = k < 20 ? k + 1 : k * 3) {
      bool known = m == 1 && k == 1;
      for (const Axis axis : kAxes) known |= axis.m == m && axis.k == k;
      CHECK(winograd_alphas(m, k) == (known ? m + k - 1 : 0));
    }
  }
}
