// Graphs that are not frozen: their weights are variables, whose values lie in a checkpoint.
#pragma once
#include <string>

#include "loaders/graph.h"

namespace posy {

// Every node that holds a variable and every node that reads one becomes a constant, or an Identity of one, if the
// checkpoint `prefix` (PREFIX.index and PREFIX.data-*) has the variable. Throws InputError, one sentence that ends with
// `freeze_advice`, when the graph's output (any node, if it is not known) needs a variable that is not there.
void bind_variables(Graph& graph, const std::string& prefix, const std::string& freeze_advice);

// The first node that calls a function of the graph's library and that the output (any node, if it is not known) needs;
// null when there is none.
const GraphNode* find_function_call(const Graph& graph);

}  // namespace posy
