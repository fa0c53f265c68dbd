// The messages in which TensorFlow keeps a graph: GraphDef alone, in a MetaGraphDef (the .meta file of a checkpoint),
// in a SavedModel (one or several MetaGraphDefs).
#pragma once
#include <cstdint>
#include <span>

#include "loaders/graph.h"

namespace posy {

enum class Container { kNone, kGraphDef, kMetaGraphDef, kSavedModel };

// Of binary messages: told by how they start. kNone is anything but the last two: a GraphDef, or no graph at all.
Container wire_container(std::span<const uint8_t> bytes);

// Reads the message that graph.bytes holds: nodes, producer and, where a signature names them, input and output. Of a
// SavedModel's graphs it takes the one tagged "serve". Throws WireError.
void read_container(Container container, Graph& graph);

}  // namespace posy
