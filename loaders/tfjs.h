// TensorFlow.js models as a Graph of TensorFlow's ops: model.json, the shards of weights beside it and, where there is
// one, metadata.json with the labels (Teachable Machine writes all three).
#pragma once
#include <string>

#include "loaders/graph.h"

namespace posy {

// `path` is the model.json or the folder that holds it. Layers models (Keras) and graph models. Throws InputError that
// names the file, the layer or node and what to do.
Graph read_tfjs(const std::string& path);

}  // namespace posy
