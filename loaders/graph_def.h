// The message GraphDef, wherever it stands: alone in a file, or in a MetaGraphDef.
#pragma once
#include <cstddef>
#include <cstdint>

#include "loaders/graph.h"
#include "loaders/protobuf.h"

namespace posy {

// The largest graphs in use have some 50,000 nodes; a node in memory takes 30 times its smallest size in the file.
inline constexpr size_t kMaxNodes = 1'000'000;

// Adds the nodes and the producer to `graph`, whose bytes hold the message that `field` is at the start of: constants
// point into them. Throws WireError that names the node.
void read_graph_def(WireReader field, Graph& graph);

// TensorShapeProto; every dimension is -1 or more.
GraphShape read_shape(WireReader shape);

// How many elements a tensor of this shape has. Throws WireError, at `place`, for an unknown or absurd one.
uint64_t element_count(const WireReader& place, const GraphShape& shape);

}  // namespace posy
