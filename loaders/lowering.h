// The state of one conversion from graph to network: shared by lower.cpp (the walk) and lower_ops.cpp (one function per
// op). Private to this room.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "loaders/error.h"
#include "loaders/graph.h"
#include "loaders/lower.h"
#include "loaders/network.h"

namespace posy {

// An input string of a node, taken apart: "name:1" is output 1 of name, "^name" only an order.
struct GraphEdge {
  std::string_view name;
  int output = 0;
  bool is_control = false;
};
GraphEdge parse_edge(const std::string& input);

// Nodes by name.
class GraphIndex {
 public:
  explicit GraphIndex(const Graph& graph);
  // -1 if there is no such node.
  int find(std::string_view name) const;

 private:
  std::unordered_map<std::string_view, int> by_name_;
};

// The node that gives the scores, and the placeholder of the image (discover.cpp). InputError with the candidates.
int find_output_node(const Graph& graph, const GraphIndex& index, const std::string& wanted);
int find_input_node(const Graph& graph, const std::vector<int>& ancestors, const std::string& wanted);
Preprocessing guess_preprocessing(const Graph& graph, const GraphNode& input);

// What is known of a node's output.
struct Fact {
  enum class Kind {
    kUnknown,  // only shapes and the like, which nothing that is left needs
    kConstant,
    kValue,   // an activation
    kRandom,  // drawn at run time: the mask of a dropout left in the graph
  };
  Kind kind = Kind::kUnknown;
  ArrayPtr constant = nullptr;
  ValueId value = -1;
  std::vector<int64_t> dims = {};  // of a value as TensorFlow sees it here: [1, h, w, c] or [1, c]
};

// "x", "y" and "z" (Conv2D) as a list for messages.
std::string join_names(const std::vector<std::string>& names);

class Lowering {
 public:
  Lowering(const Graph& graph, const GraphIndex& index, const std::vector<int>& order, int input);

  // The constants do not depend on the input's size: kept from one attempt to the next.
  Network run(Shape input_shape, int output);

  // True if some window of the last run was an average over exactly the whole map, or the graph has none: what tells
  // the right size of an input whose placeholder does not say.
  bool pools_are_global() const { return pools_are_global_; }

 private:
  friend struct OpLowerings;

  Fact lower_node(const GraphNode& node, const std::vector<Fact>& inputs);
  [[noreturn]] void refuse(const GraphNode& node, const std::string& why) const;
  [[noreturn]] void refuse_op(const GraphNode& node) const;

  // Operands, refused by name where they are missing or of another kind.
  ValueId value_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) const;
  ArrayPtr constant_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) const;
  const Value& value(ValueId id) const { return network_.values[(size_t)id]; }

  void drop_unused_nodes();
  Fact add_node(NetworkNode node, Shape shape, std::vector<int64_t> dims);
  // The same floats under another name.
  Fact same_value(const GraphNode& node, ValueId id, std::vector<int64_t> dims);
  void count(const std::string& rewrite) { ++network_.rewrites[rewrite]; }

  const Graph& graph_;
  const GraphIndex& index_;
  const std::vector<int>& order_;
  int input_;
  Network network_;
  std::unordered_map<int, ArrayPtr> constants_;
  std::map<std::string, int> constant_rewrites_;  // what was counted when they were made
  bool pools_are_global_ = true;
};

}  // namespace posy
