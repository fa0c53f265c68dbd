// A frozen graph such as TensorFlow's retrain.py writes: the base up to its bottleneck, then the new layer.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loaders/new_head.h"

namespace posy {

// `base` is a file with a binary GraphDef, gzipped or not; its nodes are copied byte for byte. `bottleneck` is the node
// whose output the layer gets, of whatever shape with layer.inputs values. Throws InputError: the file is no such
// graph, or has no such node.
std::vector<uint8_t> retrained_graph(const std::string& base, const std::string& bottleneck, const LinearLayer& layer);

}  // namespace posy
