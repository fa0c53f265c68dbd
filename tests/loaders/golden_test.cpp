// Against TensorFlow's own outputs for real graphs and photos: logits that retrain.py wrote when people trained (data
// folder, golden/), and scores computed once for every graph there (tests/data/golden_scores). Prints a table.
#include <doctest/doctest.h>

#include <filesystem>

#include "loaders/array.h"
#include "loaders/round_graph.h"
#include "tests/loaders/golden_data.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

// The graph up to the layer whose values retrain.py keeps as "bottlenecks".
std::vector<uint8_t> logits_posy(const std::string& graph) {
  LowerOptions options;
  options.output_node = "MobilenetV1/Predictions/Reshape";
  return posy_bytes(simplified(lower(read_frozen_graph(graph), options), true));
}

struct Differences {
  std::vector<float> largest;  // per photo
  size_t other_class = 0;      // photos whose best class is another one

  float max() const { return *std::max_element(largest.begin(), largest.end()); }
  float median() const {
    std::vector<float> sorted = largest;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

Differences compare_bottlenecks(const std::string& graph, const std::string& pairs, size_t expected_pairs) {
  EngineRunner runner(logits_posy(data(graph)));
  Differences differences;
  for (const std::vector<std::string>& row : read_table(data(pairs))) {
    REQUIRE(row.size() == 2);
    const std::vector<float> logits = run_photo(runner, data(row[0]));
    const std::vector<float> golden = numbers(read_table(data(row[1])).at(0).at(0));
    REQUIRE(golden.size() == 1001);
    differences.largest.push_back(largest_difference(logits, golden));
    differences.other_class += argmax(logits) != argmax(golden);
  }
  CHECK(differences.largest.size() == expected_pairs);
  std::printf("%-52s %3zu pairs  logits: max %.2g, median %.2g, other best class %zu\n", graph.c_str(),
              differences.largest.size(), (double)differences.max(), (double)differences.median(),
              differences.other_class);
  return differences;
}

// Rows of tests/data/golden_scores: graph, photo, number of classes, "class:score,..." (all, or the best 20).
float compare_scores(EngineRunner& runner, const std::vector<std::string>& row) {
  REQUIRE(row.size() == 4);
  const std::vector<float> scores = run_photo(runner, data(row[1]));
  REQUIRE(scores.size() == std::stoul(row[2]));
  float largest = 0;
  std::vector<size_t> best;
  for (const std::string& entry : split(row[3], ',')) {
    const std::vector<std::string> parts = split(entry, ':');
    const size_t index = std::stoul(parts.at(0));
    const float difference = std::fabs(scores.at(index) - std::strtof(parts.at(1).c_str(), nullptr));
    if (!(difference <= largest)) largest = difference;
    best.push_back(index);
  }
  if (scores.size() > 100) {
    REQUIRE(best.size() == 20);
    CHECK(argmax(scores) == best[0]);
  } else {
    CHECK(best.size() == scores.size());
  }
  return largest;
}

// What people made of the graphs of the data folder.
std::string what(const std::string& graph) {
  const std::pair<const char*, const char*> kinds[] = {
      {"abhishek", "retrained on a weight-quantized MobileNet v1"},
      {"abislam", "MobileNet v1 retrained, unfused batch norm, AddV2"},
      {"dairenic", "retrained on a weight-quantized MobileNet v1, optimized"},
      {"erkkapekka", "MobileNet v1 retrained"},
      {"frozen_graph", "official MobileNet v1"},
      {"quantized_graph", "official MobileNet v1, weight-quantized"},
      {"quevedin", "MobileNet v1 retrained, optimized, rounded weights, gzip"},
      {"ssoniya/optimized", "MobileNet v1 retrained, optimized"},
      {"ssoniya/retrained", "MobileNet v1 retrained"},
      {"zimiao", "MobileNet v1 retrained, dropout left in"},
  };
  for (const auto& [part, kind] : kinds) {
    if (graph.find(part) != std::string::npos) return kind;
  }
  FAIL("no word about ", graph);
  return "";
}

// The range is not in the graph: its ends are half a bucket outside of the least and the greatest value, give or take
// what float32 rounds.
bool are_levels_of_a_range(const std::vector<float>& sorted, uint32_t levels) {
  const double width = ((double)sorted.back() - sorted.front()) / (levels - 1);
  const auto ends_near = [](double end) {
    std::vector<float> ends = {(float)end};
    for (float direction : {-INFINITY, INFINITY}) {
      float x = ends[0];
      for (int i = 0; i < 8; ++i) ends.push_back(x = std::nextafter(x, direction));
    }
    return ends;
  };
  for (const float low : ends_near(sorted.front() - width / 2)) {
    for (const float high : ends_near(sorted.back() + width / 2)) {
      std::vector<float> values = sorted;
      values.insert(values.end(), {low, high});
      if (round_to_levels(values, levels) && std::equal(sorted.begin(), sorted.end(), values.begin())) return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("logits of licence plates: every golden pair within 1e-4") {
  const std::string pairs = "golden/abislam_plates_0.25_128/pairs_mobilenet_0.25_128.tsv";
  const Differences d = compare_bottlenecks("pb/abislam_plates/retrained_graph_b.pb", pairs, 100);
  CHECK(d.max() <= 1e-4f);
  CHECK(d.other_class == 0);
}

TEST_CASE("logits of licence plates from the official graph of the same weights") {
  const std::string pairs = "golden/abislam_plates_0.25_128/pairs_mobilenet_0.25_128.tsv";
  CHECK(compare_bottlenecks("pb/imagenet/mobilenet_v1_0.25_128/frozen_graph.pb", pairs, 100).max() <= 1e-4f);
}

TEST_CASE("logits of fruits: every golden pair within 1e-4") {
  const std::string pairs = "golden/erkkapekka_fruits/pairs_mobilenet_0.25_128.tsv";
  const Differences d = compare_bottlenecks("pb/erkkapekka/retrained_graph.pb", pairs, 150);
  CHECK(d.max() <= 1e-4f);
  CHECK(d.other_class == 0);
}

// One golden is off: TensorFlow 2.21 differs from it by 0.0907 too. The median bounds the rest.
TEST_CASE("logits of plants from 8-bit weights: median within 5e-4, every best class the same") {
  const std::string pairs = "golden/dairenic_plants_1.0_128_quantized/pairs_mobilenet_1.0_128_quantized.tsv";
  const Differences d = compare_bottlenecks("pb/dairenic_plants/optimized_graph.pb", pairs, 30);
  CHECK(d.median() <= 5e-4f);
  CHECK(d.max() <= 0.1f);
  CHECK(d.other_class == 0);
}

// These goldens come from the float graph, and the graph here is its rounded version: 1.0 apart on average.
TEST_CASE("logits of flowers from the rounded graph are reported only") {
  compare_bottlenecks("pb/quevedin/rounded_graph.pb.gz",
                      "golden/flowers_0.50_224_quevedin/pairs_mobilenet_0.50_224.tsv", 203);
}

TEST_CASE("the constants that TensorFlow's weights_rounded wrote are what --weights-rounded 256 makes of some range") {
  const Graph graph = read_frozen_graph(data("pb/quevedin/rounded_graph.pb.gz"));
  size_t rounded = 0;
  for (const GraphNode& node : graph.nodes) {
    const GraphAttribute* value = node.op == "Const" ? node.attribute("value") : nullptr;
    if (!value || value->tensor.type != DataType::kFloat) continue;
    std::vector<float> values = array_of(value->tensor)->floats;
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    if (values.size() < 2) continue;
    INFO(node.name);
    CHECK(values.size() <= 256);
    CHECK(are_levels_of_a_range(values, 256));
    ++rounded;
  }
  CHECK(rounded == 139);
}

TEST_CASE("scores of every graph equal TensorFlow's to five decimals") {
  data("");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(POSY_SOURCE_DIR) / "tests" / "data" / "golden_scores")) {
    if (entry.path().extension() == ".tsv") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  CHECK(files.size() == 13);
  for (const fs::path& file : files) {
    const std::vector<std::vector<std::string>> rows = read_table(file.string());
    REQUIRE(rows.size() == 3);
    INFO(rows[0][0]);
    EngineRunner runner(convert_graph(data(rows[0][0]), {}).posy);
    float largest = 0;
    for (const std::vector<std::string>& row : rows) largest = std::max(largest, compare_scores(runner, row));
    CHECK(largest <= 1e-5f);
    print_graph(rows[0][0], what(rows[0][0]), runner, largest, 1e-5f);
  }
}
