// The ops of a file as a graph, and where the nodes of its graph went.
#include "loaders/model_graph.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "engine/checksum.h"
#include "loaders/lower.h"
#include "loaders/plan.h"
#include "loaders/winograd.h"
#include "loaders/write_posy.h"
#include "tests/loaders/graph_writer.h"

using namespace posy;

namespace {

using Kind = ModelNode::Kind;
using Fate = Origins::Fate;

// A graph, the file that it becomes, and what is to be tested of both.
struct Case {
  Graph graph;
  std::vector<uint8_t> posy;
  Model model;
  std::vector<ModelNode> nodes;
  Origins origins;

  explicit Case(const GraphWriter& writer, const LowerOptions& options = {}) {
    graph = parse_frozen_graph(writer.bytes(), "made");
    Network network = lower(graph, options);
    simplify(&network, false);
    choose_winograd(&network);
    const Plan plan = make_plan(&network);
    posy = write_posy(network, plan, WeightChoice::kF32);
    read();
  }

  void read() {
    REQUIRE_FALSE(open_model(posy.data(), posy.size(), false, &model));
    nodes = model_graph(model);
    origins = find_origins(graph, model, nodes);
  }

  std::string op(size_t node) const {
    return nodes[node].op == kNoIndex ? "" : op_name((OpKind)model.ops[nodes[node].op].kind);
  }
  std::set<std::string> made_from(size_t node) const {
    std::set<std::string> names;
    for (const int at : origins.of_model[node]) names.insert(graph.nodes[(size_t)at].name);
    return names;
  }
  Fate fate(const std::string& name) const {
    const auto at =
        std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const GraphNode& node) { return node.name == name; });
    REQUIRE(at != graph.nodes.end());
    return origins.fates[(size_t)(at - graph.nodes.begin())];
  }
  // Every node stands behind what it is made of.
  bool is_in_order() const {
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (const int input : nodes[i].inputs) {
        if (input >= (int)i) return false;
      }
    }
    return true;
  }
};

using Names = std::set<std::string>;

void conv(GraphWriter* g, const std::string& name, const std::string& input, int64_t in_c, int64_t out_c,
          int64_t k = 1) {
  std::vector<float> weights;
  for (int64_t i = 0; i < k * k * in_c * out_c; ++i) weights.push_back((float)(i % 7) - 3);
  g->constant(name + "/weights", {k, k, in_c, out_c}, weights);
  g->node(name, "Conv2D", {input, name + "/weights"})
      .type("T", DataType::kFloat)
      .ints("strides", {1, 1, 1, 1})
      .text("padding", "SAME")
      .text("data_format", "NHWC");
}

void mean(GraphWriter* g, const std::string& name, const std::string& input) {
  g->constant_ints(name + "/axes", {2}, {1, 2});
  g->node(name, "Mean", {input, name + "/axes"}).type("T", DataType::kFloat).flag("keep_dims", false);
}

}  // namespace

TEST_CASE("model graph: a concatenation is a view of what is written into it, in the graph's order") {
  GraphWriter g;
  g.placeholder("input", {1, 8, 8, 3});
  conv(&g, "left", "input", 3, 4);
  conv(&g, "right", "input", 3, 5);
  g.node("left/relu", "Relu", {"left"}).type("T", DataType::kFloat);
  g.constant_ints("axis", {}, {3});
  g.node("both", "ConcatV2", {"left/relu", "right", "axis"}).type("T", DataType::kFloat).integer("N", 2);
  mean(&g, "scores", "both");
  const Case c(g);
  REQUIRE(c.nodes.size() == 5);
  CHECK(c.is_in_order());
  CHECK(c.nodes[0].kind == Kind::kInput);
  CHECK(c.op(1) == "conv_2d");
  CHECK(c.op(2) == "conv_2d");
  CHECK(c.nodes[3].kind == Kind::kConcat);
  CHECK(c.nodes[3].inputs == std::vector<int>{1, 2});
  CHECK(c.nodes[4].inputs == std::vector<int>{3});
  CHECK(c.made_from(0) == Names{"input"});
  CHECK(c.made_from(1) == Names{"left", "left/weights", "left/relu"});
  CHECK(c.made_from(2) == Names{"right", "right/weights"});
  CHECK(c.made_from(3) == Names{"both", "axis"});
  CHECK(c.made_from(4) == Names{"scores", "scores/axes"});
}

TEST_CASE("model graph: slices are views of one tensor, reshapes are no ops") {
  GraphWriter g;
  g.placeholder("input", {1, 8, 8, 3});
  conv(&g, "stem", "input", 3, 8);
  g.constant_ints("axis", {}, {3});
  g.node("parts", "Split", {"axis", "stem"}).type("T", DataType::kFloat).integer("num_split", 2);
  conv(&g, "a", "parts", 4, 4);
  g.node("sum", "Add", {"a", "parts:1"}).type("T", DataType::kFloat);
  g.constant_ints("flat/shape", {2}, {1, 256});
  g.node("flat", "Reshape", {"sum", "flat/shape"}).type("T", DataType::kFloat);
  g.constant("dense/weights", {256, 2}, std::vector<float>(512, 0.5f));
  g.node("dense", "MatMul", {"flat", "dense/weights"})
      .type("T", DataType::kFloat)
      .flag("transpose_a", false)
      .flag("transpose_b", false);
  const Case c(g);
  CHECK(c.is_in_order());
  size_t slices = 0, reshapes = 0;
  for (const ModelNode& node : c.nodes) {
    if (node.kind == Kind::kSlice) {
      ++slices;
      CHECK(node.inputs == std::vector<int>{1});
      CHECK(c.model.tensors[node.tensor].c == 4);
    }
    if (node.kind != Kind::kReshape) continue;
    ++reshapes;
    REQUIRE(node.inputs.size() == 1);
    CHECK(c.op((size_t)node.inputs[0]) == "binary");
  }
  CHECK(slices == 2);
  CHECK(reshapes == 1);
  CHECK(c.made_from(1) == Names{"stem", "stem/weights"});
  CHECK(c.op(c.nodes.size() - 1) == "conv_2d");
  CHECK(c.made_from(c.nodes.size() - 1) == Names{"dense", "dense/weights"});
}

TEST_CASE("origins: a constant that two ops use belongs to both, and batch normalisation to its convolution") {
  GraphWriter g;
  g.placeholder("input", {1, 8, 8, 3});
  g.constant("shared", {1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  for (const std::string name : {"first", "second"}) {
    g.node(name, "Conv2D", {name == "first" ? "input" : "first/relu", "shared"})
        .type("T", DataType::kFloat)
        .ints("strides", {1, 1, 1, 1})
        .text("padding", "SAME")
        .text("data_format", "NHWC");
    g.constant(name + "/factor", {3}, {1, 2, 3});
    g.node(name + "/scaled", "Mul", {name, name + "/factor"}).type("T", DataType::kFloat);
    g.node(name + "/relu", "Relu", {name + "/scaled"}).type("T", DataType::kFloat);
  }
  mean(&g, "scores", "second/relu");
  const Case c(g);
  REQUIRE(c.nodes.size() == 4);
  CHECK(c.made_from(1) == Names{"shared", "first", "first/factor", "first/scaled", "first/relu"});
  CHECK(c.made_from(2) == Names{"shared", "second", "second/factor", "second/scaled", "second/relu"});
  CHECK(c.origins.found == c.origins.names);
}

TEST_CASE("origins: both halves of a convolution by Winograd's products are made from it") {
  GraphWriter g;
  g.placeholder("input", {1, 32, 32, 3});
  conv(&g, "stem", "input", 3, 16);
  conv(&g, "wide", "stem", 16, 32, 3);
  mean(&g, "scores", "wide");
  const Case c(g);
  REQUIRE(c.nodes.size() == 5);
  CHECK(c.op(2) == "winograd_input");
  CHECK(c.op(3) == "winograd_product");
  CHECK(c.made_from(2) == Names{"wide"});
  CHECK(c.made_from(3) == Names{"wide", "wide/weights"});
}

TEST_CASE("origins: the mask of a dropout is no part of any op, what it is put on is") {
  GraphWriter g;
  g.placeholder("input", {1, 8, 8, 3});
  conv(&g, "conv", "input", 3, 4);
  g.placeholder("keep_prob", {});
  g.node("drop/div", "RealDiv", {"conv", "keep_prob"}).type("T", DataType::kFloat);
  g.constant_ints("drop/shape", {4}, {1, 8, 8, 4});
  g.node("drop/uniform", "RandomUniform", {"drop/shape"}).type("T", DataType::kInt32).type("dtype", DataType::kFloat);
  g.node("drop/add", "Add", {"keep_prob", "drop/uniform"}).type("T", DataType::kFloat);
  g.node("drop/floor", "Floor", {"drop/add"}).type("T", DataType::kFloat);
  g.node("drop/mul", "Mul", {"drop/div", "drop/floor"}).type("T", DataType::kFloat);
  mean(&g, "scores", "drop/mul");
  g.node("left_over", "Identity", {"conv"}).type("T", DataType::kFloat);
  LowerOptions options;
  options.output_node = "scores";
  const Case c(g, options);
  for (const std::string name : {"drop/shape", "drop/uniform", "drop/add", "drop/floor"}) {
    INFO(name);
    CHECK(c.fate(name) == Fate::kDropout);
  }
  for (const std::string name : {"conv", "drop/div", "drop/mul", "scores"}) {
    INFO(name);
    CHECK(c.fate(name) == Fate::kNeeded);
  }
  CHECK(c.fate("left_over") == Fate::kUnneeded);
  CHECK(find_fates(c.graph, options) == c.origins.fates);
  REQUIRE(c.nodes.size() == 3);
  CHECK(c.made_from(1) == Names{"conv", "conv/weights", "drop/div", "drop/mul", "keep_prob"});
}

TEST_CASE("model graph: names in a damaged section are left out") {
  GraphWriter g;
  g.placeholder("input", {1, 8, 8, 3});
  conv(&g, "conv", "input", 3, 4);
  g.node("same", "Identity", {"conv"}).type("T", DataType::kFloat);
  mean(&g, "scores", "same");
  Case c(g);
  CHECK(c.nodes[1].names == std::vector<std::string>{"conv", "same"});

  auto* table = reinterpret_cast<SectionEntry*>(c.posy.data() + sizeof(FileHeader));
  SectionEntry* names = std::find_if(table, table + c.model.header->section_count, [](const SectionEntry& entry) {
    return entry.kind == (uint32_t)SectionKind::kNodeNames;
  });
  REQUIRE(names != table + c.model.header->section_count);
  auto* record = reinterpret_cast<NodeNameRecord*>(c.posy.data() + names->offset);
  const auto seal = [&] {
    const size_t first = offsetof(FileHeader, version_major);
    const uint32_t sum = checksum(c.posy.data() + first, c.posy.size() - first);
    std::memcpy(c.posy.data() + offsetof(FileHeader, checksum), &sum, sizeof sum);
    c.read();
  };
  for (const NodeNameRecord bad : {NodeNameRecord{1000, record->name}, NodeNameRecord{record->tensor, 1u << 30}}) {
    *record = bad;
    seal();
    CHECK(c.nodes[1].names == std::vector<std::string>{"conv"});
  }
  names->count = 1u << 30;  // more than there are
  seal();
  CHECK(c.nodes[1].names == std::vector<std::string>{"conv"});
}
