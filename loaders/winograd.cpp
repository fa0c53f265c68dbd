#include "loaders/winograd.h"

#include <algorithm>
#include <optional>

#include "engine/format.h"
#include "kernels/winograd_transforms.hpp"

namespace posy {
namespace {

// Bytes of transformed inputs that a band may have, and of the transformed weights of 32 output channels: each is read
// again and again from a second level cache.
constexpr uint64_t kMostBandBytes = 1 << 20;
constexpr uint64_t kMostWeightBytes = 1 << 20;
constexpr uint64_t kLanesAtATime = 32;

// What it takes to transform, in multiply-adds that a processor with vectors makes meanwhile: for each weight, input or
// sum of a tile, before or after. Measured with AVX-512 on maps of 8x8 to 147x147; reading and writing the transformed
// values is most of it, so that other vectors have nearly the same.
constexpr double kWeightCost = 7.5, kInputCost = 16, kSumCost = 8;

// And of the plain sum: reading a weight for the first time, and an output at the left or right border, which has taps
// of its own and shares weights with no neighbour.
constexpr double kReadCost = 15, kBorderOutputs = 3;

// The least gain for which it is worth the rounding.
constexpr double kMostOfDirectCost = 0.85;

struct Layer {
  Shape in, out;
  Window window;
};

struct Tiles {
  uint32_t m_h, m_w;
};

uint64_t alphas_of(const Layer& layer, Tiles tiles) {
  return (uint64_t)winograd_alphas(tiles.m_h, layer.window.k_h) * winograd_alphas(tiles.m_w, layer.window.k_w);
}

// Window positions inside the input, over all outputs of an axis. Those of an output that has not all count `border`
// times.
double taps(uint32_t k, uint32_t pad, uint32_t in, uint32_t out, double border) {
  double sum = 0;
  for (uint32_t y = 0; y < out; ++y) {
    const Range inside = valid_taps(window_origin(y, 1, pad), k, 1, in);
    const uint32_t count = inside.end - inside.begin;
    sum += count == k ? count : count * border;
  }
  return sum;
}

double direct_cost(const Layer& layer) {
  const Window& w = layer.window;
  const double weights = (double)w.k_h * w.k_w * layer.in.c * layer.out.c;
  return taps(w.k_h, w.pad_top, layer.in.h, layer.out.h, 1) *
             taps(w.k_w, w.pad_left, layer.in.w, layer.out.w, kBorderOutputs) * layer.in.c * layer.out.c +
         kReadCost * weights;
}

uint32_t band_rows(const Layer& layer, Tiles tiles) {
  const uint32_t rows = divide_up(layer.out.h, tiles.m_h), columns = divide_up(layer.out.w, tiles.m_w);
  const uint64_t row_bytes = alphas_of(layer, tiles) * columns * layer.in.c * sizeof(float);
  const uint32_t most = (uint32_t)std::clamp<uint64_t>(kMostBandBytes / row_bytes, 1, 65535);  // FORMAT.md: dims
  return divide_up(rows, divide_up(rows, most));
}

double winograd_cost(const Layer& layer, Tiles tiles) {
  const Window& w = layer.window;
  const double alphas = (double)alphas_of(layer, tiles), in_c = layer.in.c, out_c = layer.out.c;
  const double count = (double)divide_up(layer.out.h, tiles.m_h) * divide_up(layer.out.w, tiles.m_w);
  const uint32_t bands = divide_up(divide_up(layer.out.h, tiles.m_h), band_rows(layer, tiles));
  const double weights = kWeightCost * (w.k_h * w.k_w + alphas) * bands * in_c * out_c;
  const double inputs = kInputCost * alphas * count * in_c;
  const double sums = kSumCost * (alphas + tiles.m_h * tiles.m_w) * count * out_c;
  return alphas * count * in_c * out_c + weights + inputs + sums;
}

std::optional<Tiles> best_tiles(const Layer& layer) {
  std::optional<Tiles> best;
  double least = kMostOfDirectCost * direct_cost(layer);
  for (uint32_t m_h = 1; m_h <= kMostOutputs; ++m_h) {
    for (uint32_t m_w = 1; m_w <= kMostOutputs; ++m_w) {
      const Tiles tiles = {m_h, m_w};
      const uint64_t alphas = alphas_of(layer, tiles);
      if (alphas == 0 || alphas * layer.in.c * kLanesAtATime * sizeof(float) > kMostWeightBytes) continue;
      if (alphas * divide_up(layer.out.h, m_h) > kMaxDimension) continue;
      const double cost = winograd_cost(layer, tiles);
      if (cost >= least) continue;
      least = cost;
      best = tiles;
    }
  }
  return best;
}

bool is_eligible(const NetworkNode& node) {
  const Window& w = node.window;
  const bool is_padding_less_than_window = w.pad_top < w.k_h && w.pad_left < w.k_w;
  return is_padding_less_than_window && node.kind == NodeKind::kConv2d && !node.int8 && w.stride_h == 1 &&
         w.stride_w == 1 && w.dilation_h == 1 && w.dilation_w == 1 && w.k_h * w.k_w > 1;
}

class Rewriter {
 public:
  explicit Rewriter(Network* network) : network_(*network) {}

  void rewrite() {
    std::vector<NetworkNode> nodes;
    for (NetworkNode& node : network_.nodes) {
      const std::optional<Tiles> tiles = is_eligible(node) ? best_tiles(layer_of(node)) : std::nullopt;
      if (tiles) {
        nodes.push_back(split(&node, *tiles));
        ++network_.rewrites["convolution with fewer products (Winograd)"];
      }
      nodes.push_back(std::move(node));
    }
    network_.nodes = std::move(nodes);
  }

 private:
  Layer layer_of(const NetworkNode& node) const {
    return {network_.values[(size_t)node.inputs[0]].shape, network_.values[(size_t)node.output].shape, node.window};
  }

  // The node becomes the second half; the first one is returned.
  NetworkNode split(NetworkNode* node, Tiles tiles) {
    const Layer layer = layer_of(*node);
    const uint32_t rows = band_rows(layer, tiles), bands = divide_up(divide_up(layer.out.h, tiles.m_h), rows);
    const Shape transformed = {bands * (uint32_t)alphas_of(layer, tiles), rows * divide_up(layer.out.w, tiles.m_w),
                               layer.in.c};
    const Window& w = node->window;
    NetworkNode first = {NodeKind::kWinogradInput, node->name, node->inputs};
    first.output = network_.add_value({transformed, {node->name}});
    first.window = {w.k_h, w.k_w, 0, 0, 0, 0, w.pad_top, w.pad_left};
    first.params.dims[0] = (uint16_t)tiles.m_h;
    first.params.dims[1] = (uint16_t)tiles.m_w;
    first.params.dims[2] = (uint16_t)rows;
    node->kind = NodeKind::kWinogradProduct;
    node->inputs = {first.output};
    node->window = {w.k_h, w.k_w, 0, 0, 0, 0, 0, 0};
    node->params = first.params;
    return first;
  }

  Network& network_;
};

}  // namespace

void choose_winograd(Network* network) {
  Rewriter(network).rewrite();
}

}  // namespace posy
