// What a graph is that Posy does not run: told by its ops and names, said in one sentence with what to do instead.
#include <algorithm>
#include <cctype>

#include "loaders/inspect.h"
#include "loaders/lowering.h"

namespace posy {
namespace {

bool starts_with_one_of(const std::string& text, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* item) { return text.rfind(item, 0) == 0; });
}

// ---- Kinds of nodes ----

bool is_detection(const GraphNode& node) {
  return starts_with_one_of(node.op, {"NonMaxSuppression", "CombinedNonMaxSuppression"}) ||
         is_one_of(node.op, {"DetectionOutput", "TFLite_Detection_PostProcess"});
}

bool is_call(const GraphNode& node) {
  return is_one_of(node.op, {"PartitionedCall", "StatefulPartitionedCall"});
}

bool is_loop(const GraphNode& node) {
  return is_one_of(node.op, {"Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration", "LoopCond",
                             "While", "StatelessWhile"});
}

bool is_branch(const GraphNode& node) {
  return is_one_of(node.op, {"If", "StatelessIf", "Case", "StatelessCase"});
}

bool is_sound(const GraphNode& node) {
  return is_one_of(node.op, {"DecodeWav", "AudioSpectrogram", "Mfcc"});
}

// By op, or by the names that TensorFlow gives to the cells of dynamic_rnn.
bool is_recurrent(const GraphNode& node) {
  if (starts_with_one_of(node.op, {"CudnnRNN", "BlockLSTM", "LSTMBlockCell", "GRUBlockCell"})) return true;
  return node.name.find("lstm_cell") != std::string::npos || node.name.find("gru_cell") != std::string::npos ||
         node.name.find("rnn/while/") != std::string::npos;
}

bool is_text(const GraphNode& node) {
  return is_one_of(node.op, {"StringSplit", "StringSplitV2", "StringToHashBucketFast", "RegexReplace",
                             "LookupTableFind", "LookupTableFindV2"});
}

bool is_pipeline(const GraphNode& node) {
  return starts_with_one_of(node.op, {"IteratorGetNext", "OneShotIterator", "QueueDequeue", "ReaderRead",
                                      "ParseExample", "ParseSingleExample", "ParseExampleV2"});
}

bool is_variable(const GraphNode& node) {
  return is_one_of(node.op, {"VariableV2", "Variable", "AutoReloadVariable", "VarHandleOp", "ReadVariableOp"});
}

bool is_training_norm(const GraphNode& node) {
  return node.op.rfind("FusedBatchNorm", 0) == 0 && flag(node, "is_training");
}

bool is_optimizer(const GraphNode& node) {
  return starts_with_one_of(node.op, {"Apply", "ResourceApply", "SparseApply", "ResourceSparseApply"}) ||
         node.op == "BroadcastGradientArgs" || node.name.find("gradients/") != std::string::npos;
}

// The words of a node's last name, in lower case: "mbox_conf_flatten" is mbox, conf, flatten.
std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words(1);
  for (const char c : name.substr(name.rfind('/') + 1)) {  // npos + 1 is 0
    if (std::isalnum((unsigned char)c)) {
      words.back() += (char)std::tolower((unsigned char)c);
    } else {
      words.emplace_back();
    }
  }
  return words;
}

bool has_word(const GraphNode& node, std::initializer_list<const char*> list) {
  const std::vector<std::string> words = words_of(node.name);
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return is_one_of(word, list); });
}

bool is_box(const GraphNode& node) {
  return has_word(node, {"box", "boxes", "bbox", "bboxes", "loc", "locations"});
}

bool is_score(const GraphNode& node) {
  return has_word(node, {"conf", "confidences", "score", "scores", "class", "classes", "cls"});
}

// ---- The graph in question ----

class Refusal {
 public:
  Refusal(const Graph& graph, const GraphIndex& index, const LowerOptions& options)
      : graph_(graph), index_(index), options_(options), ends_(find_ends(graph, index, options)) {}

  std::string detector() const {
    const GraphNode* box = find(is_detection);
    // Boxes and scores side by side, as a detector has them before it chooses among them.
    if (!box && options_.output_node.empty() && graph_.suggested_output.empty()) {
      const std::vector<int> ends = loose_ends(graph_, index_);
      const auto find_end = [&](bool (*is)(const GraphNode&)) -> const GraphNode* {
        const auto at = std::find_if(ends.begin(), ends.end(), [&](int i) { return is(graph_.nodes[(size_t)i]); });
        return at == ends.end() ? nullptr : &graph_.nodes[(size_t)*at];
      };
      if (find_end(is_score) && find_end([](const GraphNode& node) { return node.name == "final_result"; }) == nullptr)
        box = find_end(is_box);
    }
    if (!box) return "";
    return says("this is an object detector (" + quoted(*box) +
                "); Posy runs classifiers: give a graph whose output is one score per class, or name such a node with "
                "--output-node");
  }

  std::string other_kind() const {
    for (const auto kind : {&Refusal::sound, &Refusal::recurrent, &Refusal::text, &Refusal::variables, &Refusal::call,
                            &Refusal::loop, &Refusal::branch, &Refusal::pipeline, &Refusal::training_norm,
                            &Refusal::other_input, &Refusal::training_ends}) {
      const std::string sentence = (this->*kind)();
      if (!sentence.empty()) return sentence;
    }
    return "";
  }

  // What the user named is not there, or is not on the way: that is to be said first.
  bool options_are_wrong() const {
    const auto is_lost = [&](const std::string& wanted) {
      return !wanted.empty() && find_named_node(index_, wanted) < 0;
    };
    if (is_lost(options_.output_node) || is_lost(options_.input_node)) return true;
    return !options_.input_node.empty() && !ends_.needed[(size_t)ends_.inputs[0]];
  }

 private:
  std::string sound() const {
    const GraphNode* node = find(is_sound);
    return node ? says(quoted(*node) + " takes sound: Posy runs image classifiers; give a graph that takes a photo")
                : "";
  }

  std::string recurrent() const {
    const GraphNode* node = find(is_recurrent);
    return node ? says("a recurrent network (" + quoted(*node) +
                       "), for texts, sounds or sequences: Posy runs image classifiers; give a graph that takes a "
                       "photo and has no recurrent layer")
                : "";
  }

  std::string text() const {
    const GraphNode* node = find(is_text);
    const char* takes = "texts";
    for (const int at : ends_.inputs) {
      const GraphNode& input = graph_.nodes[(size_t)at];
      const GraphAttribute* type = input.attribute("dtype");
      if (node || !type || input.op.rfind("Placeholder", 0) != 0) continue;
      const DataType t = (DataType)type->integer;
      const bool is_whole = t == DataType::kInt32 || t == DataType::kInt64;
      if (t != DataType::kString && !(is_whole && is_list(input))) continue;
      node = &input;
      takes = is_whole ? "numbers of words, or other whole numbers" : "strings";
    }
    return node ? says(quoted(*node) + " takes " + takes +
                       ", not pixels: Posy runs image classifiers; give a graph that takes a photo, or name the node "
                       "that takes its pixels with --input-node")
                : "";
  }

  std::string call() const {
    const GraphNode* node = find(is_call);
    return node ? says(quoted(*node) +
                       " calls a function, so the graph is one of TensorFlow 2 that is not inlined: freeze it with "
                       "convert_variables_to_constants_v2 (tensorflow.python.framework.convert_to_constants) and "
                       "convert what that gives")
                : "";
  }

  std::string loop() const {
    const GraphNode* node = find(is_loop);
    return node ? says(quoted(*node) +
                       " is part of a loop; graphs with control flow are not supported: if the loop only prepares the "
                       "image, name the first node behind it with --input-node, else export the graph without it")
                : "";
  }

  std::string branch() const {
    const GraphNode* node = find(is_branch);
    if (!node) node = find([&](const GraphNode& n) { return is_open_switch(n); });
    return node ? says(quoted(*node) +
                       " chooses a branch as the graph runs; control flow is not supported: freeze the graph for "
                       "inference, with the choice made (is_training = False)")
                : "";
  }

  std::string pipeline() const {
    const GraphNode* node = find(is_pipeline);
    return node ? says(quoted(*node) +
                       " takes images from a pipeline of input files: name the node behind it that holds the image "
                       "with --input-node" +
                       (ends_.outputs.empty() ? " and the one that gives the scores with --output-node" : ""))
                : "";
  }

  std::string variables() const {
    const std::vector<int> all = find_all(is_variable);
    if (all.empty()) return "";
    const std::string more = all.size() > 1 ? " and " + std::to_string(all.size() - 1) + " more" : "";
    return says(std::string(is_training() ? "a training graph" : "not a frozen graph") +
                ": it has variables without values (" + quoted(graph_.nodes[(size_t)all[0]]) + more +
                "); freeze it for inference: " + freeze_command() +
                " (or convert_variables_to_constants in TensorFlow)" +
                (ends_.outputs.size() > 1 ? "; OUTPUT_NODE is one of " + list_nodes(graph_, ends_.outputs) : ""));
  }

  std::string training_norm() const {
    const GraphNode* node = find(is_training_norm);
    return node ? says("a training graph: " + quoted(*node) +
                       " normalises with the statistics of its own batch (is_training): build the graph for inference, "
                       "then freeze it with freeze_graph --output_node_names=" +
                       output_name())
                : "";
  }

  // Beside the input that the user or the file named.
  std::string other_input() const {
    if (ends_.inputs.size() != 1 || ends_.outputs.size() != 1) return "";
    std::vector<int> others = find_all([](const GraphNode& node) {
      return (node.op == "Placeholder" || node.op == "PlaceholderV2") && !inference_setting(node);
    });
    std::erase(others, ends_.inputs[0]);
    if (others.empty()) return "";
    return says("the output '" + output_name() + "' needs " + list_nodes(graph_, others) + " beside the image " +
                quoted(graph_.nodes[(size_t)ends_.inputs[0]]) +
                "; Posy feeds one image: freeze the graph with fixed values for the others, or name another output "
                "with --output-node");
  }

  std::string training_ends() const {
    if (ends_.outputs.size() == 1 || !is_training()) return "";
    const std::string which = ends_.outputs.empty()
                                  ? "no output was found"
                                  : "several nodes may be the output: " + list_nodes(graph_, ends_.outputs);
    return says("a training graph, in which " + which +
                "; freeze it for inference (freeze_graph or convert_variables_to_constants) and name the output "
                "node, or name it here with --output-node");
  }

  // ---- Looking around ----

  template <class Is>
  const GraphNode* find(Is is) const {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (ends_.needed[i] && !is_input((int)i) && is(graph_.nodes[i])) return &graph_.nodes[i];
    }
    return nullptr;
  }

  template <class Is>
  std::vector<int> find_all(Is is) const {
    std::vector<int> found;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (ends_.needed[i] && is(graph_.nodes[i])) found.push_back((int)i);
    }
    return found;
  }

  // What the user named is taken as it is.
  bool is_input(int at) const {
    return !options_.input_node.empty() && ends_.inputs.size() == 1 && at == ends_.inputs[0];
  }

  bool is_training() const { return std::any_of(graph_.nodes.begin(), graph_.nodes.end(), is_optimizer); }

  // An input of rank 1 or 2, or one that chooses rows of a table: no image.
  bool is_list(const GraphNode& input) const {
    const GraphAttribute* shape = input.attribute("shape");
    if (shape && shape->shape.known_rank && !shape->shape.dims.empty()) return shape->shape.dims.size() <= 2;
    return std::any_of(graph_.nodes.begin(), graph_.nodes.end(), [&](const GraphNode& node) {
      return starts_with_one_of(node.op, {"Gather", "ResourceGather"}) && node.inputs.size() > 1 &&
             parse_edge(node.inputs[1]).name == input.name;
    });
  }

  // A Switch whose condition depends on the image.
  bool is_open_switch(const GraphNode& node) const {
    if (node.op != "Switch" || node.inputs.size() < 2) return false;
    const int condition = index_.find(parse_edge(node.inputs[1]).name);
    if (condition < 0) return false;
    const std::vector<bool> behind = needed_by(graph_, index_, {condition});
    return std::any_of(ends_.inputs.begin(), ends_.inputs.end(), [&](int at) { return behind[(size_t)at]; });
  }

  std::string output_name() const {
    return ends_.outputs.size() == 1 ? printable_name(graph_.nodes[(size_t)ends_.outputs[0]].name) : "OUTPUT_NODE";
  }

  std::string freeze_command() const {
    const bool is_text = std::find(graph_.notes.begin(), graph_.notes.end(), "text format") != graph_.notes.end();
    return "python3 -m tensorflow.python.tools.freeze_graph --input_graph=" + graph_.file_name +
           (is_text ? "" : " --input_binary") + " --input_checkpoint=CHECKPOINT --output_node_names=" + output_name() +
           " --output_graph=frozen.pb";
  }

  std::string says(const std::string& what) const { return graph_.file_name + ": " + what; }

  const Graph& graph_;
  const GraphIndex& index_;
  const LowerOptions& options_;
  const GraphEnds ends_;
};

}  // namespace

std::string refusal_of_detector(const Graph& graph, const GraphIndex& index, const LowerOptions& options) {
  return options.output_node.empty() ? Refusal(graph, index, options).detector() : "";
}

std::string refusal_by_kind(const Graph& graph, const GraphIndex& index, const LowerOptions& options) {
  const Refusal refusal(graph, index, options);
  if (refusal.options_are_wrong()) return "";
  const std::string detector = refusal.detector();
  return detector.empty() ? refusal.other_kind() : detector;
}

}  // namespace posy
