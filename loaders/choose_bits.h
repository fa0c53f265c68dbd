// How many bits the weights of each layer get: fewest where they matter least.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "loaders/network.h"
#include "loaders/quantize.h"

namespace posy {

struct BitsOptions {
  WeightChoice weights = WeightChoice::kAuto;  // of every layer, where no limit is given
  std::string photos;                          // a folder, for what follows from the layers' inputs; empty: none
  uint64_t target_bytes = 0;                   // of the file; 0: no limit
  std::optional<double> max_drop;              // percentage points of photos whose best class may change
  bool winograd = true;                        // choose_winograd() comes after: its records are part of the file

  bool is_asked() const { return !photos.empty() || target_bytes > 0 || max_drop.has_value(); }
};

struct BitsReport {
  struct Layer {
    std::string name;
    uint32_t bits;  // 32: float
    double damage;  // estimated: the squared change of the logits over their variance, or of the weights over theirs
  };
  std::vector<Layer> layers;
  size_t photos = 0,
         changed = 0;  // how many were looked at, and how many of these have another best class than in float
  std::vector<std::string> notes;  // photos that were left out
};

// Rounds the layers' weights (ConvWeights::rounded), with the range that a search finds, or, with photos, so that
// errors cancel in the layers' outputs (OutputRounding); the mean of what is left goes into the biases.
//
// With target_bytes, bits from 4 to 8 are those with the least sum of damages in so many bytes: from 8 bits everywhere,
// again and again the step that does least damage for each byte that it saves, and in the end what still fits the other
// way (Shoham and Gersho, Efficient bit allocation for an arbitrary set of quantizers, 1988). The damage of a layer is
// the change of the logits when it alone is rounded, measured on photos; without photos the squared error of its
// weights, in parts of their squares. With max_drop, it is as many of these steps, from float everywhere, as leave the
// best class of enough photos as it is, of every third one, by which nothing is rounded. Layers of at most 256 distinct
// weights lose nothing in 8 bits.
//
// After simplify() and before choose_winograd(). Throws InputError: photos are missing or cannot be read, the target is
// out of reach.
void choose_bits(Network* network, const BitsOptions& options, BitsReport* report);

}  // namespace posy
