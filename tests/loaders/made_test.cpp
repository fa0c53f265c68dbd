// Against TensorFlow's scores for small graphs of every generation (data folder, made/ and made_extra/). Mean and std
// are given where a graph cannot say them; everything else is found by the converter. Prints a line for each graph.
#include <doctest/doctest.h>

#include "tests/loaders/golden_data.h"

using namespace posy;

namespace {

// A line of golden.tsv.
struct Golden {
  std::string graph, image, input_node, output_node;
  uint32_t size;
  float mean, std;
  std::vector<float> scores;
};

struct MadeGraph {
  std::string folder, name, stands_for;
  std::vector<Golden> goldens;
};

// "| `file` | stands for | ..." in the folder's README.
std::string stands_for(const std::string& folder, const std::string& graph) {
  std::ifstream readme(data(folder + "/README.md"));
  for (std::string line; std::getline(readme, line);) {
    const std::vector<std::string> cells = split(line, '|');
    if (cells.size() > 2 && cells[1] == " `" + graph + "` ") return cells[2].substr(1, cells[2].size() - 2);
  }
  return "";
}

std::vector<MadeGraph> graphs_of(const std::string& folder) {
  std::vector<MadeGraph> graphs;
  std::vector<std::vector<std::string>> rows = read_table(data(folder + "/golden.tsv"));
  REQUIRE(rows.size() > 1);
  rows.erase(rows.begin());  // the names of the columns
  for (const std::vector<std::string>& row : rows) {
    REQUIRE(row.size() == 8);
    if (graphs.empty() || graphs.back().name != row[0]) {
      graphs.push_back({folder, row[0], stands_for(folder, row[0]), {}});
    }
    graphs.back().goldens.push_back({row[0], row[1], row[2], row[3], (uint32_t)std::stoul(row[4]), std::stof(row[5]),
                                     std::stof(row[6]), numbers(row[7])});
  }
  return graphs;
}

// Differences above 1e-5 that are allowed, and why.
struct Allowance {
  const char* graph;
  float difference;
  const char* reason;
};
const Allowance kAllowances[] = {
    {"fakequant_", 3e-2f, "activations rounded to 256 levels: TensorFlow with oneDNN is 2.6e-2 from itself without"},
    {"eightbit_", 3e-2f, "activations rounded to 256 levels: TensorFlow with oneDNN is 2.1e-2 from itself without"},
    {"hub_inception_v3_retrain.pb", 2e-5f, "measured 1.7e-5; TensorFlow itself is 1.4e-5 from float64 here"},
};
float allowed_difference(const std::string& graph) {
  for (const Allowance& allowance : kAllowances) {
    if (graph.rfind(allowance.graph, 0) == 0) return allowance.difference;
  }
  return 1e-5f;
}

// Of a graph with FakeQuant as the integers that it stands for. Biases become whole steps of the products, as in TFLite
// files, which moves one activation in some hundreds by one step; random weights carry that on to the scores.
constexpr float kAllowedOfIntegers = 2e-1f;

bool is_fake_quant(const MadeGraph& graph) {
  return graph.name.rfind("fakequant_", 0) == 0;
}

Conversion convert_as(const MadeGraph& graph, const Golden& golden, const std::string& output_node,
                      bool known_codes = false) {
  ConvertOptions options;
  options.known_codes = known_codes;
  options.lower.mean = golden.mean;
  options.lower.std = golden.std;
  options.lower.output_node = output_node;
  return convert_graph(data(graph.folder + "/" + graph.name), options);
}

// A golden of ArgMax is the number of the best class.
bool is_class_number(const Golden& golden) {
  return golden.output_node == "predict";
}

void check_graph(const MadeGraph& graph, bool known_codes = false) {
  const float allowed = known_codes ? kAllowedOfIntegers : allowed_difference(graph.name);
  const Conversion conversion = convert_as(graph, graph.goldens[0], "", known_codes);
  EngineRunner runner(conversion.posy);
  CHECK(conversion.report.input_node == graph.goldens[0].input_node);
  float largest = 0;
  bool has_found_output = false;
  for (const Golden& golden : graph.goldens) {
    INFO(golden.image, " of ", golden.output_node);
    CHECK(conversion.report.input == Shape{golden.size, golden.size, conversion.report.input.c});
    const std::string image = data(graph.folder + "/" + golden.image);
    has_found_output |= golden.output_node == conversion.report.output_node;
    const std::vector<float> scores = run_photo(runner, image);
    if (is_class_number(golden)) {
      CHECK((float)argmax(scores) == golden.scores.at(0));
      continue;
    }
    const float difference = largest_difference(scores, golden.scores);
    CHECK(difference <= allowed);
    if (!(difference <= largest)) largest = difference;
  }
  CHECK(has_found_output);
  print_graph(graph.name, graph.stands_for, runner, largest, allowed);
}

void check_folder(const std::string& folder, size_t expected_graphs) {
  const std::vector<MadeGraph> graphs = graphs_of(folder);
  CHECK(graphs.size() == expected_graphs);
  for (const MadeGraph& graph : graphs) {
    INFO(graph.name);
    CHECK(graph.stands_for != "");
    // A graph that is refused is a failure of its own, not of those behind it.
    CHECK(refusal([&] { check_graph(graph); }) == "");
    if (is_fake_quant(graph)) CHECK(refusal([&] { check_graph(graph, true); }) == "");
  }
}

// Graphs as the retrain scripts and their codelab write them.
bool is_retrained(const std::string& graph) {
  for (const char* start : {"inception_v3_2015", "hub_", "mobilenet_v1", "text_mobilenet_v1", "fakequant_"}) {
    if (graph.rfind(start, 0) == 0) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("scores of one small graph per generation equal TensorFlow's") {
  check_folder("made", 37);
}

TEST_CASE("scores of odd encodings and of ops spelled out equal TensorFlow's") {
  check_folder("made_extra", 5);
}

TEST_CASE("a graph of the retrain scripts converts without a flag: mean and std are those that it was trained with") {
  for (const MadeGraph& graph : graphs_of("made")) {
    if (!is_retrained(graph.name)) continue;
    INFO(graph.name);
    const Preprocessing found = convert_graph(data("made/" + graph.name), {}).report.preprocessing;
    CHECK(found.mean[0] == graph.goldens[0].mean);
    CHECK(found.std[0] == graph.goldens[0].std);
    CHECK(found.mean[2] == found.mean[0]);
    CHECK(found.std[2] == found.std[0]);
  }
}
