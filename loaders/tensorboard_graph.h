// Graphs for TensorBoard's Graphs tab: GraphDefs without the bulk of their weights.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "loaders/graph.h"
#include "loaders/model_graph.h"
#include "loaders/network.h"

namespace posy {

// The graph as it is, but for the contents of constants of more than `most_constant_bytes`: their types and shapes
// stay. `lowered`, if it is not null, gives shapes to the outputs of nodes that it names.
std::vector<uint8_t> graph_def_of(const Graph& graph, const Network* lowered, size_t most_constant_bytes = 256);

// The ops of a .posy file and its views as nodes of a GraphDef, with the shapes of their outputs.
std::vector<uint8_t> graph_def_of(const Model& model, const std::vector<ModelNode>& nodes);

}  // namespace posy
