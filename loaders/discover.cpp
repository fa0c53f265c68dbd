// What convert finds out by itself: which node gives the scores, which takes the image, what was done to the image.
#include <algorithm>
#include <unordered_set>

#include "loaders/lowering.h"

namespace posy {
namespace {

bool is_one_of(const std::string& text, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* item) { return text == item; });
}

bool is_placeholder(const GraphNode& node) {
  return is_one_of(node.op, {"Placeholder", "PlaceholderV2"});
}

// Nodes that depend on a placeholder, and nodes whose output something uses.
struct Reach {
  std::vector<bool> from_placeholder, used;
};

Reach reach_of(const Graph& graph, const GraphIndex& index) {
  Reach reach = {std::vector<bool>(graph.nodes.size()), std::vector<bool>(graph.nodes.size())};
  std::vector<std::vector<int>> users(graph.nodes.size());
  std::vector<int> stack;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (is_placeholder(graph.nodes[i])) stack.push_back((int)i);
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
    if (reach.from_placeholder[at]) continue;
    reach.from_placeholder[at] = true;
    stack.insert(stack.end(), users[at].begin(), users[at].end());
  }
  return reach;
}

// How much a node looks like the end of a classifier.
int output_rank(const GraphNode& node) {
  if (node.name == "final_result") return 3;
  if (node.op == "Softmax") return 2;
  if (is_one_of(node.op, {"Sigmoid", "LogSoftmax", "Reshape", "Squeeze", "Identity"})) return 1;
  return 0;
}

std::string quoted(const GraphNode& node) {
  return "'" + node.name + "' (" + node.op + ")";
}

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
  // "import/x" and "x:0" are how the tutorial's scripts spell a node.
  std::string name(parse_edge(wanted).name);
  if (index.find(name) < 0 && name.rfind("import/", 0) == 0) name = name.substr(7);
  const int found = index.find(name);
  if (found < 0) {
    throw InputError(graph.file_name + ": " + flag + ": there is no node '" + wanted + "' in the graph" +
                     similar_nodes(graph, name));
  }
  return found;
}

}  // namespace

int find_output_node(const Graph& graph, const GraphIndex& index, const std::string& wanted) {
  if (!wanted.empty()) return named_node(graph, index, wanted, "--output-node");
  const Reach reach = reach_of(graph, index);
  std::vector<int> best;
  int best_rank = -1;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    // retrain.py's name counts even where something evaluates it further.
    const bool is_end = reach.from_placeholder[i] && (!reach.used[i] || node.name == "final_result");
    if (!is_end || is_placeholder(node)) continue;
    const int rank = output_rank(node);
    if (rank > best_rank) best.clear();
    if (rank >= best_rank) best.push_back((int)i);
    best_rank = std::max(best_rank, rank);
  }
  if (best.empty()) {
    const bool any = std::any_of(graph.nodes.begin(), graph.nodes.end(), is_placeholder);
    throw InputError(graph.file_name + (any ? ": nothing in the graph depends on its input placeholder"
                                            : ": the graph has no Placeholder, so no image can be fed to it"));
  }
  if (best.size() > 1) {
    throw InputError(graph.file_name + ": several nodes may be the output: " + list_nodes(graph, best) +
                     "; name one with --output-node");
  }
  return best[0];
}

int find_input_node(const Graph& graph, const std::vector<int>& ancestors, const std::string& wanted) {
  std::vector<int> candidates;
  if (!wanted.empty()) {
    const GraphIndex index(graph);
    const int found = named_node(graph, index, wanted, "--input-node");
    if (std::find(ancestors.begin(), ancestors.end(), found) == ancestors.end()) {
      throw InputError(graph.file_name + ": --input-node: the output does not depend on '" + wanted + "'");
    }
    return found;
  }
  for (const int at : ancestors) {
    if (is_placeholder(graph.nodes[(size_t)at])) candidates.push_back(at);
  }
  if (candidates.empty()) {
    throw InputError(graph.file_name +
                     ": the output does not depend on a Placeholder; name the input with --input-node");
  }
  if (candidates.size() > 1) {
    throw InputError(graph.file_name + ": several nodes may be the input: " + list_nodes(graph, candidates) +
                     "; name one with --input-node");
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
  if (is_mobilenet && input.name == "input") {
    fill(127.5f, 127.5f, "what retrain.py trains MobileNets with");
  } else if (input.name == "Mul") {
    fill(128, 128, "what retrain.py trains Inception v3 with");
  } else {
    fill(0, 255, "a guess: pixels as 0 to 1");
  }
  return guess;
}

}  // namespace posy
