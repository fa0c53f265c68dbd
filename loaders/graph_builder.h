// For readers of other formats: builds a Graph in TensorFlow's ops, node by node.
//
//   GraphBuilder build(&graph);
//   const std::string x = build.placeholder("input", {1, 4, 4, 3});
//   const std::string w = build.floats("w", {1, 1, 3, 8}, weights);
//   build.add("conv", "Conv2D", {x, w}, {{"strides", GraphBuilder::integers({1, 1, 1, 1})}, ...});
//
// Every function returns the name that its node got: the wanted one, made fit and made unique.
#pragma once
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loaders/graph.h"

namespace posy {

class GraphBuilder {
 public:
  using Attributes = std::vector<std::pair<std::string, GraphAttribute>>;

  explicit GraphBuilder(Graph* graph) : graph_(*graph) {}

  std::string add(std::string_view name, const std::string& op, std::vector<std::string> inputs,
                  Attributes attributes = {}) {
    GraphNode& node = graph_.nodes.emplace_back();
    node.name = unique_name(name);
    node.op = op;
    node.inputs = std::move(inputs);
    node.place = place_;
    for (auto& [key, value] : attributes) node.attributes.emplace(key, std::move(value));
    return node.name;
  }
  std::string placeholder(std::string_view name, std::vector<int64_t> dims) {
    GraphAttribute shape = of(GraphAttribute::Kind::kShape);
    shape.shape = {true, std::move(dims)};
    return add(name, "Placeholder", {}, {{"dtype", type(DataType::kFloat)}, {"shape", std::move(shape)}});
  }
  std::string constant(std::string_view name, GraphTensor tensor) {
    GraphAttribute value = of(GraphAttribute::Kind::kTensor);
    const DataType dtype = tensor.type;
    value.tensor = std::move(tensor);
    return add(name, "Const", {}, {{"dtype", type(dtype)}, {"value", std::move(value)}});
  }
  std::string floats(std::string_view name, std::vector<int64_t> dims, const std::vector<float>& values) {
    return constant(name, owned_tensor(DataType::kFloat, std::move(dims), values));
  }
  std::string ints(std::string_view name, std::vector<int64_t> dims, const std::vector<int32_t>& values) {
    return constant(name, owned_tensor(DataType::kInt32, std::move(dims), values));
  }

  // The node added last, which nothing refers to yet, gets another name.
  std::string rename_last(std::string_view name) {
    std::string& own = graph_.nodes.back().name;
    uses_.erase(own);
    return own = unique_name(name);
  }
  // Where the nodes that follow come from in the file.
  void set_place(size_t place) { place_ = place; }

  static GraphAttribute text(std::string value) {
    GraphAttribute out = of(GraphAttribute::Kind::kString);
    out.text = std::move(value);
    return out;
  }
  static GraphAttribute integer(int64_t value) {
    GraphAttribute out = of(GraphAttribute::Kind::kInt);
    out.integer = value;
    return out;
  }
  static GraphAttribute flag(bool value) {
    GraphAttribute out = of(GraphAttribute::Kind::kBool);
    out.integer = value;
    return out;
  }
  static GraphAttribute number(float value) {
    GraphAttribute out = of(GraphAttribute::Kind::kFloat);
    out.number = value;
    return out;
  }
  static GraphAttribute type(DataType value) {
    GraphAttribute out = of(GraphAttribute::Kind::kType);
    out.integer = (int64_t)value;
    return out;
  }
  static GraphAttribute integers(std::vector<int64_t> values) {
    GraphAttribute out = of(GraphAttribute::Kind::kList);
    out.integers = std::move(values);
    return out;
  }

  template <class T>
  static GraphTensor owned_tensor(DataType type, std::vector<int64_t> dims, const std::vector<T>& values) {
    GraphTensor tensor;
    tensor.type = type;
    tensor.dims = std::move(dims);
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    tensor.owned = std::make_shared<std::vector<uint8_t>>(bytes, bytes + values.size() * sizeof(T));
    tensor.bytes = *tensor.owned;
    return tensor;
  }

 private:
  static GraphAttribute of(GraphAttribute::Kind kind) {
    GraphAttribute out;
    out.kind = kind;
    return out;
  }

  // TensorFlow's rule for names, and ours that a colon separates the output's number.
  static std::string fit_name(std::string_view name) {
    constexpr size_t kMaxChars = 200;
    std::string out(name.substr(0, kMaxChars));
    for (char& c : out) {
      const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!is_word && c != '.' && c != '_' && c != '/' && c != '-') c = '_';
    }
    return out.empty() || out[0] == '_' || out[0] == '/' || out[0] == '-' ? "node" + out : out;
  }
  std::string unique_name(std::string_view wanted) {
    const std::string name = fit_name(wanted);
    if (uses_.emplace(name, 1).second) return name;
    for (;;) {
      const std::string numbered = name + "_" + std::to_string(uses_[name]++);
      if (uses_.emplace(numbered, 1).second) return numbered;
    }
  }

  Graph& graph_;
  std::unordered_map<std::string, int> uses_;
  size_t place_ = 0;
};

}  // namespace posy
