// The state of one conversion from graph to network: shared by lower.cpp (the walk), discover.cpp and the lower_*.cpp
// files (one function per op). Private to this room.
#pragma once
#include <algorithm>
#include <optional>
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
// The value at inference of a placeholder that tells training and inference apart: keep_prob is 1, a dropout rate 0,
// is_training false. Null for other nodes.
ArrayPtr inference_setting(const GraphNode& node);
Preprocessing guess_preprocessing(const Graph& graph, const GraphNode& input);

// SpaceToBatchND in front of a convolution: it is dilated by `block`, its input padded.
struct SpaceToBatch {
  uint32_t block_h, block_w;
  int64_t top, bottom, left, right;
};

// The head of a graph that decodes and normalises its photo itself: DecodeJpeg, Cast, ExpandDims, ResizeBilinear, Sub,
// Mul.
struct ImageHead {
  int last = -1;  // the node whose output is the network's input
  int64_t h = -1, w = -1;
  Preprocessing preprocessing;
};
ImageHead find_image_head(const Graph& graph, const GraphIndex& index, int decoder);
bool is_image_decoder(const GraphNode& node);

// What is known of a node's output.
//
// The floats of an activation always lie as [h, w, c], which is what kernels read. A graph in NCHW order sees the same
// floats as [1, c, h, w]: `channels_first` says so, `dims` stay [1, h, w, c]. A change of shape that moves no element
// changes only `dims`.
struct Fact {
  enum class Kind {
    kUnknown,  // what nothing that is left needs
    kConstant,
    kValue,   // an activation
    kRandom,  // drawn at run time: the mask of a dropout left in the graph
    kDead,    // the branch of a Switch that is not taken
  };
  Kind kind = Kind::kUnknown;
  ArrayPtr constant = nullptr;
  ValueId value = -1;
  std::vector<int64_t> dims = {};
  bool channels_first = false;
  std::optional<SpaceToBatch> space_to_batch = {};  // a value that the next convolution sees taken apart
  bool is_apart = false;                            // what that convolution made, until BatchToSpaceND
  bool is_class = false;                            // made by ArgMax: what is kept are the scores
  bool is_scaled = false;                           // of a random mask: it holds 1 / keep_prob itself
  std::optional<ValueId> range_of = {};  // of a value that stands for 8-bit codes: what their range was measured over
  std::vector<Fact> outputs = {};        // of an op with several outputs: all of them; then the rest is the first one's

  static Fact of_constant(ArrayPtr array) { return {Kind::kConstant, std::move(array)}; }
  static Fact of_value(ValueId id, std::vector<int64_t> dims) { return {Kind::kValue, nullptr, id, std::move(dims)}; }
  bool is_value() const { return kind == Kind::kValue; }
  // As the graph sees them.
  std::vector<int64_t> graph_dims() const;
  // Axis `axis` of the graph (negative: from the end) as an index of `dims`; -1 if there is no such axis.
  int64_t axis_in_memory(int64_t axis) const;
  // One number for each axis of the graph, in the order of `dims`.
  std::vector<int64_t> axes_in_memory(std::vector<int64_t> per_axis) const;
};

inline bool is_one_of(const std::string& text, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* each) { return text == each; });
}

// A node in a message: 'name' (Op).
std::string quoted(const GraphNode& node);
// "x", "y" and "z" (Conv2D) as a list for messages.
std::string join_names(const std::vector<std::string>& names);

// How a graph declares its image: [1, h, w, c], [1, c, h, w] or [1, h * w * c].
enum class InputOrder { kChannelsLast, kChannelsFirst, kFlat };

class Lowering;
using Facts = std::vector<Fact>;
using LowerFunction = Fact (*)(Lowering&, const GraphNode&, const Facts&);
using LowerTable = std::unordered_map<std::string, LowerFunction>;
// True if some use of the op can be lowered.
bool can_lower(const std::string& op);
void add_function_ops(LowerTable* table);  // lower_functions.cpp
void add_eightbit_ops(LowerTable* table);  // lower_eightbit.cpp
void add_shape_ops(LowerTable* table);     // lower_shapes.cpp

// Any op of function_names.h.
Fact lower_unary(Lowering& lowering, const GraphNode& node, const std::vector<Fact>& in);
Fact lower_affine(Lowering& lowering, const GraphNode& node, const Fact& input, ChannelLine line);
// x clamped; the activation functions of TensorFlow that are nothing else.
Fact lower_clamp(Lowering& lowering, const GraphNode& node, const Fact& input, Clamp limits);
// Operand 0 of an op with a data_format, as a map of [1, h, w, c] whatever that format is.
Fact map_input(Lowering& lowering, const GraphNode& node, const Facts& in);
// A map made from another one, in its order.
Fact add_map(Lowering& lowering, NetworkNode node, Shape shape, const Fact& from);
bool flag(const GraphNode& node, const char* attribute);  // false where absent
constexpr int64_t kMaxSide = 4096;                        // of windows, strides, paddings
inline std::vector<int64_t> map_dims(Shape s) {
  return {1, (int64_t)s.h, (int64_t)s.w, (int64_t)s.c};
}

class Lowering {
 public:
  Lowering(const Graph& graph, const GraphIndex& index, const std::vector<int>& order, int input);

  // Constants that do not depend on the input's size are kept from one attempt to the next.
  Network run(Shape input_shape, InputOrder input_order, int output);

  // True if some window of the last run was an average over exactly the whole map, or the graph has none: what tells
  // the right size of an input whose placeholder does not say.
  bool pools_are_global() const { return pools_are_global_; }
  // True if another input size would not have fitted the last run's pools or matrix products.
  bool size_matters() const { return size_matters_; }

  Fact lower_node(const GraphNode& node, const std::vector<Fact>& inputs);
  Fact lower_known(const GraphNode& node, const std::vector<Fact>& inputs);
  [[noreturn]] void refuse(const GraphNode& node, const std::string& why) const;
  [[noreturn]] void refuse_op(const GraphNode& node) const;

  // Operands, refused by name where they are missing or of another kind.
  ValueId value_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) const;
  ArrayPtr constant_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i) const;
  const Value& value(ValueId id) const { return network_.values[(size_t)id]; }

  // Input i in the shape that its dims say: [1, h, w, c], [1, w, c] and [1, c] with leading ones, whatever shape its
  // floats were made in. Refused if it has more dimensions.
  ValueId shaped_input(const GraphNode& node, const std::vector<Fact>& inputs, size_t i);
  ValueId shaped(const GraphNode& node, const Fact& fact);
  // Its floats in the order in which the graph sees them: a transposition where the graph is in NCHW order.
  Fact in_graph_order(const GraphNode& node, const Fact& fact);
  // A map [1, h, w, c] of what the graph sees as [1, c, h, w].
  Fact as_channels_first(const GraphNode& node, const Fact& fact);
  // Axis i of the result is axis order[i] of the input's dims; order[0] is 0.
  Fact transpose(const GraphNode& node, const Fact& fact, const std::vector<int64_t>& order);

  // A new activation, of `shape`, seen as `dims`.
  Fact add_node(NetworkNode node, Shape shape, std::vector<int64_t> dims);
  // A new activation of the same shape and order as `like`.
  Fact add_node_like(NetworkNode node, const Fact& like);
  // The graph rounds the activation to these codes.
  void set_known(ValueId id, CodeScale codes) { network_.values[(size_t)id].known = codes; }
  // The same activation under another name.
  Fact same_value(const GraphNode& node, Fact fact);
  void count(const std::string& rewrite) { ++network_.rewrites[rewrite]; }
  void pool_is_not_global() { pools_are_global_ = false; }
  void set_size_matters() { size_matters_ = true; }
  Network& network() { return network_; }

 private:
  Fact operand(const GraphNode& node, const GraphEdge& edge) const;
  Fact fold(const GraphNode& node, const std::vector<Fact>& inputs);
  void drop_unused_nodes();
  void round_to_codes(const GraphNode& node, ValueId first_new, Fact* fact);

  const Graph& graph_;
  const GraphIndex& index_;
  const std::vector<int>& order_;
  int input_;
  Network network_;
  std::unordered_map<int, Fact> facts_;           // by node, of this run
  std::unordered_map<int, Fact> constants_;       // by node, of every run
  std::map<std::string, int> constant_rewrites_;  // what was counted when they were made
  bool pools_are_global_ = true;
  bool size_matters_ = false;
};

}  // namespace posy
