// What convert finds out by itself: which node gives the scores, which takes the image, what was done to the image.
#include <algorithm>

#include "loaders/inspect.h"
#include "loaders/lowering.h"

namespace posy {
namespace {

bool is_placeholder(const GraphNode& node) {
  return is_one_of(node.op, {"Placeholder", "PlaceholderV2"});
}

// An image that may be fed: a PlaceholderWithDefault of four dimensions. (Of none it is a dropout's keep_prob.)
bool is_image_with_default(const GraphNode& node) {
  const GraphAttribute* shape = node.attribute("shape");
  return node.op == "PlaceholderWithDefault" && shape && shape->shape.known_rank && shape->shape.dims.size() == 4;
}

// Where a photo enters the graph.
bool is_source(const GraphNode& node) {
  return is_placeholder(node) || is_image_with_default(node) || is_image_decoder(node);
}

// Nodes that depend on a source, and nodes whose output something uses.
struct Reach {
  std::vector<bool> from_source, used;
};

Reach reach_of(const Graph& graph, const GraphIndex& index) {
  Reach reach = {std::vector<bool>(graph.nodes.size()), std::vector<bool>(graph.nodes.size())};
  std::vector<std::vector<int>> users(graph.nodes.size());
  std::vector<int> stack;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (is_source(graph.nodes[i]) && !inference_setting(graph.nodes[i])) stack.push_back((int)i);
    for (const std::string& input : graph.nodes[i].inputs) {
      const GraphEdge edge = parse_edge(input);
      const int from = index.find(edge.name);
      if (edge.is_control || from < 0) continue;
      reach.used[(size_t)from] = true;
      users[(size_t)from].push_back((int)i);
    }
  }
  while (!stack.empty()) {
    const size_t at = (size_t)stack.back();
    stack.pop_back();
    if (reach.from_source[at]) continue;
    reach.from_source[at] = true;
    stack.insert(stack.end(), users[at].begin(), users[at].end());
  }
  return reach;
}

// How much a node looks like the end of a classifier.
int output_rank(const GraphNode& node) {
  if (node.name == "final_result") return 3;
  if (node.op == "Softmax") return 2;
  if (is_one_of(node.op, {"Sigmoid", "LogSoftmax", "Reshape", "Squeeze", "Identity", "ArgMax"})) return 1;
  return 0;
}

}  // namespace

// At most eight, so that a message stays a message.
std::string list_nodes(const Graph& graph, const std::vector<int>& nodes) {
  std::vector<std::string> names;
  for (const int at : nodes) {
    if (names.size() == 8) {
      names.push_back(std::to_string(nodes.size() - 8) + " more");
      break;
    }
    names.push_back(quoted(graph.nodes[(size_t)at]));
  }
  return join_names(names);
}

int find_named_node(const GraphIndex& index, const std::string& wanted) {
  if (wanted.empty()) return -1;
  // "import/x" and "x:0" are how the tutorial's scripts spell a node.
  const std::string name(parse_edge(wanted).name);
  const int found = index.find(name);
  return found < 0 && name.rfind("import/", 0) == 0 ? index.find(name.substr(7)) : found;
}

namespace {

// The names closest to a misspelled one: those that contain it, or end alike.
std::string similar_nodes(const Graph& graph, const std::string& wanted) {
  std::vector<int> similar;
  const std::string last = wanted.substr(wanted.rfind('/') == std::string::npos ? 0 : wanted.rfind('/') + 1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != "Const" && !last.empty() && graph.nodes[i].name.find(last) != std::string::npos) {
      similar.push_back((int)i);
    }
  }
  return similar.empty() ? "" : "; did you mean " + list_nodes(graph, similar) + "?";
}

int named_node(const Graph& graph, const GraphIndex& index, const std::string& wanted, const char* flag) {
  const int found = find_named_node(index, wanted);
  if (found < 0) {
    throw InputError(graph.file_name + ": " + flag + ": there is no node '" + wanted + "' in the graph" +
                     similar_nodes(graph, std::string(parse_edge(wanted).name)));
  }
  return found;
}

}  // namespace

bool is_image_decoder(const GraphNode& node) {
  return is_one_of(node.op, {"DecodeJpeg", "DecodePng", "DecodeImage", "DecodeBmp"});
}

namespace {

ArrayPtr constant_operand(const Graph& graph, const GraphIndex& index, const GraphNode& node, size_t i) {
  if (i >= node.inputs.size()) return nullptr;
  const int from = index.find(parse_edge(node.inputs[i]).name);
  if (from < 0 || graph.nodes[(size_t)from].op != "Const") return nullptr;
  const GraphAttribute* value = graph.nodes[(size_t)from].attribute("value");
  return value ? array_of(value->tensor) : nullptr;
}

// The node that uses `at` first; -1 if none does.
int user_of(const Graph& graph, const GraphIndex& index, int at) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& input : graph.nodes[i].inputs) {
      const GraphEdge edge = parse_edge(input);
      if (!edge.is_control && index.find(edge.name) == at) return (int)i;
    }
  }
  return -1;
}

// Takes one step of the head into account; false if the node is not part of it.
bool read_head_step(const Graph& graph, const GraphIndex& index, const GraphNode& node, ImageHead* head) {
  if (is_one_of(node.op, {"Cast", "ExpandDims", "Identity", "Squeeze"})) return true;
  if (flag(node, "half_pixel_centers") || flag(node, "align_corners")) return false;
  const ArrayPtr operand = constant_operand(graph, index, node, 1);
  if (!operand) return false;
  if (node.op == "ResizeBilinear" && operand->integers.size() == 2) {
    head->h = operand->integers[0];
    head->w = operand->integers[1];
    return true;
  }
  Preprocessing& p = head->preprocessing;
  if (operand->floats.size() != 1) return false;
  p.normalize_first |= head->h < 0;
  for (int c = 0; c < 4; ++c) {
    if (node.op == "Sub") p.mean[c] += operand->floats[0] * p.std[c];
    if (node.op == "Mul") p.std[c] /= operand->floats[0];
    if (node.op == "RealDiv" || node.op == "Div") p.std[c] *= operand->floats[0];
  }
  return is_one_of(node.op, {"Sub", "Mul", "RealDiv", "Div"});
}

}  // namespace

ImageHead find_image_head(const Graph& graph, const GraphIndex& index, int decoder) {
  ImageHead head;
  std::fill(std::begin(head.preprocessing.mean), std::end(head.preprocessing.mean), 0.0f);
  std::fill(std::begin(head.preprocessing.std), std::end(head.preprocessing.std), 1.0f);
  head.preprocessing.reason = "read from the graph";
  head.last = decoder;
  for (int at = user_of(graph, index, decoder); at >= 0; at = user_of(graph, index, at)) {
    if (!read_head_step(graph, index, graph.nodes[(size_t)at], &head)) break;
    head.last = at;
  }
  if (head.h < 1 || head.w < 1) {
    throw InputError(graph.file_name + ": after '" + graph.nodes[(size_t)decoder].name +
                     "' no ResizeBilinear to a constant size was found; name the input behind it with --input-node");
  }
  return head;
}

ArrayPtr inference_setting(const GraphNode& node) {
  if (!is_placeholder(node) && node.op != "PlaceholderWithDefault") return nullptr;
  const std::string last = node.name.substr(node.name.rfind('/') + 1);  // npos + 1 is 0
  if (is_one_of(last, {"keep_prob", "keep_probability", "dropout_keep_prob"})) {
    return std::make_shared<Array>(float_array({}, {1.0f}));
  }
  if (is_one_of(last, {"dropout_rate", "drop_rate"})) return std::make_shared<Array>(float_array({}, {0.0f}));
  const GraphAttribute* type = node.attribute("dtype");
  const bool is_bool = type && (DataType)type->integer == DataType::kBool;
  if (is_bool || is_one_of(last, {"keras_learning_phase", "is_training", "phase_train", "is_train", "training"})) {
    auto setting = std::make_shared<Array>();
    setting->is_float = false;
    setting->integers = {0};
    return setting;
  }
  return nullptr;
}

std::vector<int> loose_ends(const Graph& graph, const GraphIndex& index) {
  const Reach reach = reach_of(graph, index);
  std::vector<int> ends;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (reach.from_source[i] && !reach.used[i] && !is_placeholder(graph.nodes[i])) ends.push_back((int)i);
  }
  return ends;
}

std::vector<int> output_candidates(const Graph& graph, const GraphIndex& index) {
  const Reach reach = reach_of(graph, index);
  std::vector<int> best;
  int best_rank = -1;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    // retrain.py's name counts even where something evaluates it further.
    const bool is_end = reach.from_source[i] && (!reach.used[i] || node.name == "final_result");
    if (!is_end || is_source(node)) continue;
    const int rank = output_rank(node);
    if (rank > best_rank) best.clear();
    if (rank >= best_rank) best.push_back((int)i);
    best_rank = std::max(best_rank, rank);
  }
  return best;
}

int find_output_node(const Graph& graph, const GraphIndex& index, const std::string& wanted) {
  if (!wanted.empty()) return named_node(graph, index, wanted, "--output-node");
  const std::vector<int> best = output_candidates(graph, index);
  if (best.empty()) {
    const bool any = std::any_of(graph.nodes.begin(), graph.nodes.end(), is_source);
    throw InputError(graph.file_name + (any ? ": nothing in the graph depends on its input placeholder"
                                            : ": the graph has no Placeholder, so no image can be fed to it; name the "
                                              "nodes with --input-node and --output-node"));
  }
  if (best.size() > 1) {
    throw InputError(graph.file_name + ": several nodes may be the output: " + list_nodes(graph, best) +
                     "; name the one that gives a score per class with --output-node");
  }
  return best[0];
}

std::vector<int> input_candidates(const Graph& graph, const GraphIndex& index, const std::vector<int>& ancestors) {
  std::vector<int> candidates, decoders;
  for (const int at : ancestors) {
    const GraphNode& node = graph.nodes[(size_t)at];
    if (!is_source(node) || inference_setting(node)) continue;
    candidates.push_back(at);
    if (is_image_decoder(node)) decoders.push_back(at);
  }
  // A default that is computed from another input is not where the photo enters.
  if (std::any_of(candidates.begin(), candidates.end(),
                  [&](int at) { return !is_image_with_default(graph.nodes[(size_t)at]); })) {
    std::erase_if(candidates, [&](int at) { return is_image_with_default(graph.nodes[(size_t)at]); });
  }
  // What a decoder needs holds the bytes of an image file, not its pixels.
  const std::vector<bool> behind = needed_by(graph, index, decoders);
  std::erase_if(candidates, [&](int at) { return behind[(size_t)at] && !is_image_decoder(graph.nodes[(size_t)at]); });
  return candidates;
}

int find_input_node(const Graph& graph, const std::vector<int>& ancestors, const std::string& wanted) {
  const GraphIndex index(graph);
  if (!wanted.empty()) {
    const int found = named_node(graph, index, wanted, "--input-node");
    if (std::find(ancestors.begin(), ancestors.end(), found) == ancestors.end()) {
      throw InputError(graph.file_name + ": --input-node: the output does not depend on '" + wanted + "'");
    }
    return found;
  }
  const std::vector<int> candidates = input_candidates(graph, index, ancestors);
  if (candidates.empty()) {
    throw InputError(graph.file_name +
                     ": the output does not depend on a Placeholder; name the input with --input-node");
  }
  if (candidates.size() > 1) {
    throw InputError(graph.file_name + ": several nodes may be the input: " + list_nodes(graph, candidates) +
                     "; Posy feeds one image: name its node with --input-node, and freeze the graph with fixed values "
                     "for the others");
  }
  return candidates[0];
}

Preprocessing guess_preprocessing(const Graph& graph, const GraphNode& input) {
  Preprocessing guess;
  const auto fill = [&](float mean, float std, const char* reason) {
    std::fill(std::begin(guess.mean), std::end(guess.mean), mean);
    std::fill(std::begin(guess.std), std::end(guess.std), std);
    guess.reason = reason;
  };
  const bool is_mobilenet = std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const GraphNode& node) {
    return node.name.rfind("MobilenetV", 0) == 0 || node.name.find("/MobilenetV") != std::string::npos;
  });
  const bool is_hub = std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const GraphNode& node) {
    return node.name.rfind("module_apply_default/", 0) == 0;
  });
  if (is_hub) {
    fill(0, 255, "TF-Hub modules take pixels from 0 to 1");
    guess.normalize_first = true;
  } else if (is_mobilenet) {
    fill(127.5f, 127.5f, "what retrain.py trains MobileNets with");
  } else if (input.name == "Mul") {
    fill(128, 128, "what retrain.py trains Inception v3 with");
  } else {
    fill(0, 255, "a guess: pixels as 0 to 1");
  }
  return guess;
}

}  // namespace posy
