// Which form in 8-bit codes a network gets: ranges, and layers that stay floats.
#pragma once
#include <string>
#include <vector>

#include "loaders/int8_network.h"

namespace posy {

// What choosing found.
struct Int8Choice {
  Network network;
  RangeRule rule;
  double divergence;                // of the scores from the float network's, mean over the photos: divergence()
  double changed_labels;            // part of the photos whose best label is another
  std::vector<std::string> floats;  // names of layers that stayed floats
  std::vector<std::string> notes;
};

// Tries every rule for ranges and keeps the one whose scores diverge least from the float network's, on average over
// the photos. As long as then more than `max_drop` of the photos (a part; 1: any) get another best label, the layer
// whose outputs are furthest off goes back to floats.
Int8Choice choose_int8(Network network, const std::vector<std::string>& photos, double max_drop);

// How far scores `q` are from `p`: the Kullback-Leibler divergence, in nats, of probabilities that add up to 1 or, if p
// has others than 0 to 1, of those that a softmax makes of them; of independent probabilities the squared distance.
double divergence(const std::vector<float>& p, const std::vector<float>& q);

}  // namespace posy
