// What is in a graph, whether or not it can be converted; and the name of what Posy does not run.
#pragma once
#include <string>
#include <vector>

#include "loaders/graph.h"
#include "loaders/lower.h"

namespace posy {

class GraphIndex;

// The nodes of one op.
struct OpSummary {
  std::string op;
  size_t count = 0;
  size_t needed = 0;      // of them, on the way from the input to the output
  bool supported = true;  // false: some needed node of it cannot be converted
};

struct InputSummary {
  std::string node;
  DataType type = DataType::kInvalid;
  GraphShape shape;
  bool is_setting = false;  // tells training and inference apart; it is set, not fed
};

struct OutputSummary {
  std::string node, op;
};

// The needed nodes of an op that cannot be converted; the first few of them with what feeds them.
struct UnsupportedOp {
  struct Node {
    std::string name;
    std::vector<std::string> fed_by;  // "'x' (Conv2D)"
    size_t more = 0;                  // inputs beyond those
  };
  std::string op;
  size_t count = 0;
  std::vector<Node> first;
};

struct GraphSummary {
  std::string format;  // "GraphDef", "TFLite", ...
  size_t nodes = 0;
  size_t unneeded = 0;         // nodes that are not on the way from the input to the output
  std::vector<OpSummary> ops;  // most frequent first
  std::vector<InputSummary> inputs;
  std::vector<OutputSummary> outputs;      // those that may be it
  std::vector<UnsupportedOp> unsupported;  // in the order of ops
};

// Never throws for what is in the graph.
GraphSummary inspect(const Graph& graph, const LowerOptions& options);

// ---- For lower.cpp ----

// The sentence that refuses a graph which would convert, and yet is no classifier: an object detector, unless the user
// names its output. Empty for others.
std::string refusal_of_detector(const Graph& graph, const GraphIndex& index, const LowerOptions& options);
// The sentence that says what a graph is that could not be lowered: a detector, a recurrent network, one in training,
// one with control flow, ... Empty where the error at hand says more.
std::string refusal_by_kind(const Graph& graph, const GraphIndex& index, const LowerOptions& options);

// ---- Shared by the above ----

// The nodes in question: where they are named, in the options or the file, those; else whatever may be it.
struct GraphEnds {
  std::vector<int> inputs, outputs;
  std::vector<bool> needed;  // for every node whether it is on the way; all of them if no output was found
};
GraphEnds find_ends(const Graph& graph, const GraphIndex& index, const LowerOptions& options);

// Nodes that `outputs` need, themselves included; what `leaf` needs is left out.
std::vector<bool> needed_by(const Graph& graph, const GraphIndex& index, const std::vector<int>& outputs,
                            int leaf = -1);

// In discover.cpp. -1: there is no such node.
int find_named_node(const GraphIndex& index, const std::string& wanted);
std::vector<int> output_candidates(const Graph& graph, const GraphIndex& index);
std::vector<int> input_candidates(const Graph& graph, const GraphIndex& index, const std::vector<int>& ancestors);
// Nodes that nothing uses and that depend on a photo or another input.
std::vector<int> loose_ends(const Graph& graph, const GraphIndex& index);
// "'x' (Conv2D) and 'y' (Relu)", at most eight.
std::string list_nodes(const Graph& graph, const std::vector<int>& nodes);

}  // namespace posy
