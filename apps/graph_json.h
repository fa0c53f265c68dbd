// A graph and a model as the page of posy show draws them.
#pragma once
#include <vector>

#include "apps/json.h"
#include "loaders/lower.h"
#include "loaders/model_graph.h"
#include "loaders/network.h"

namespace posy {

// How long each op takes, and by what that is known.
struct OpTimes {
  std::vector<double> ms;  // per op; empty: not known
  std::string source;
};

// Keys are short, because a page has thousands of nodes: n name, k op, i inputs, c control inputs, s shape of the
// output, d kind of dropping, a attributes, m multiply-adds, v the constant. `lowered`: its network before anything is
// folded, which knows shapes; null if it cannot be converted.
Json json_of_graph(const Graph& graph, const std::vector<Origins::Fate>& fates, const Network* lowered);

// n name, k op, i inputs, s shape, x other names, f facts, m multiply-adds, b bytes of weights, t ms, h histogram, o
// nodes of the graph that it was made from.
Json json_of_model(const Model& model, const std::vector<ModelNode>& nodes, const Origins* origins,
                   const OpTimes& times);

}  // namespace posy
