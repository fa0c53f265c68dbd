// The ops of a .posy file as a graph, and which nodes of the graph that it was made from went into each of them.
#pragma once
#include <string>
#include <vector>

#include "engine/model.h"
#include "loaders/graph.h"

namespace posy {

// A tensor that is made: the picture, an op's output, or a view. Views cost nothing at run time: a concatenation whose
// parts are written into place, a slice, the same numbers in another shape.
struct ModelNode {
  enum class Kind { kInput, kOp, kConcat, kSlice, kReshape };
  Kind kind = Kind::kOp;
  uint32_t op = kNoIndex;  // of kOp
  uint32_t tensor = 0;
  std::vector<int> inputs;         // nodes
  std::vector<std::string> names;  // nodes of the graph that have this output, as far as the file says it
};

// "concat", "slice" or "reshape" of a view; null of the others.
const char* view_name(ModelNode::Kind kind);

// In an order in which each stands behind its inputs; the first is the picture. `model` is open.
std::vector<ModelNode> model_graph(const Model& model);

// For every node of a graph where it has gone.
struct Origins {
  enum class Fate {
    kNeeded,
    kUnneeded,  // not on the way from the input to the output
    kDropout,   // makes the random mask of a dropout, which inference leaves out
  };
  std::vector<Fate> fates;                 // per node of the graph
  std::vector<std::vector<int>> of_model;  // per node of the model: nodes of the graph that were fused into it
  size_t names = 0, found = 0;             // that the file has for nodes, and those of them that the graph has
};

// A needed node belongs to the tensor that it is named as; any other, constants among them, to those into which its
// output flows next. Ops that conversion adds have the node whose name they carry.
Origins find_origins(const Graph& graph, const Model& model, const std::vector<ModelNode>& nodes);

// Fates without a model: of the nodes between these ends, or those that the graph itself suggests.
struct LowerOptions;
std::vector<Origins::Fate> find_fates(const Graph& graph, const LowerOptions& options);

}  // namespace posy
