// From a TensorFlow graph to a Network.
#pragma once
#include <optional>
#include <string>

#include "loaders/graph.h"
#include "loaders/network.h"

namespace posy {

// What the caller knows better than the graph; empty means: find it.
struct LowerOptions {
  std::string input_node;
  std::string output_node;
  uint32_t input_h = 0, input_w = 0;
  std::optional<float> mean, std;
};

// Finds input, output and size, and describes what lies between. Throws InputError: an op that cannot be converted (its
// node, its op and what feeds it), no or several candidates for input or output (all of them named).
Network lower(const Graph& graph, const LowerOptions& options);

// Folds and fuses in place, counting in network.rewrites: per-channel factors and sums into convolutions, clamps into
// whatever makes their input, and, unless keep_bottleneck, the two linear maps at the end of a retrained MobileNet
// (features -> 1001 -> classes) into one. Scores stay the same to float rounding.
void simplify(Network* network, bool keep_bottleneck);

}  // namespace posy
