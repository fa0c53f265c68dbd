// Constant folding: what the nodes of a graph whose inputs are all constant give.
#pragma once
#include <string>
#include <vector>

#include "loaders/array.h"
#include "loaders/graph.h"

namespace posy {

// An op that repeats its input could ask for any amount of memory; larger results are refused.
constexpr int64_t kMaxFoldedElements = int64_t{1} << 28;

// The outputs of a node whose inputs are all constant; empty if the op is unknown, or its type or mode cannot be
// evaluated, or an input is null (strings). InputError, naming node and op, where the inputs do not fit the op.
// Floats are computed as the kernels compute them at run time.
std::vector<ArrayPtr> fold_constant(const GraphNode& node, const std::vector<ArrayPtr>& inputs);

// True if fold_constant knows the op.
bool can_fold(const std::string& op);

}  // namespace posy
