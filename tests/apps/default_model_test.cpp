// The default model through the command line: TensorFlow's scores (tests/data/golden_default_model) to five decimals.
#include <doctest/doctest.h>

#include <sstream>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

const std::string kGraph = POSY_SOURCE_DIR "/models/flowers_mobilenet_v1_0.25_128.pb";
const std::string kGolden = POSY_SOURCE_DIR "/tests/data/golden_default_model/";

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

std::vector<double> numbers(const std::string& text) {
  std::vector<double> values;
  for (const std::string& part : split(text, ',')) values.push_back(std::stod(part));
  return values;
}

double largest_difference(const std::vector<double>& expected, const Json& values) {
  if (expected.size() != values.size()) return INFINITY;
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::fabs(expected[i] - values[i].get<double>()));
  }
  return largest;
}

std::vector<double> scores(const Json& line) {
  std::vector<double> values;
  for (const Json& score : line["scores"]) values.push_back(score["score"]);
  return values;
}

}  // namespace

TEST_CASE("default model: scores equal TensorFlow's, from the graph and from the file") {
  Workplace here;
  const std::string file = "flowers.posy";
  REQUIRE(run_posy({"convert", kGraph, "--weights", "f32", "-o", file}).code == 0);
  std::vector<std::string> lines = split(read(kGolden + "golden.tsv"), '\n');
  REQUIRE(lines.size() >= 2);
  for (size_t i = 1; i < lines.size(); ++i) {  // the first line names the columns
    const std::vector<std::string> columns = split(lines[i], '\t');
    REQUIRE(columns.size() == 8);
    CAPTURE(columns[1]);
    for (const std::string& model : {kGraph, file}) {
      const Outcome outcome = run_posy({"label", model, kGolden + columns[1], "--json", "--top", "0"});
      REQUIRE(outcome.code == 0);
      CHECK(largest_difference(numbers(columns[7]), scores(outcome.json()[0])) < 1e-5);
    }
  }
}

TEST_CASE("default model: the bottleneck's logits equal TensorFlow's to 2e-4") {
  Workplace here;
  for (const std::string& line : split(read(kGolden + "bottlenecks.tsv"), '\n')) {
    const std::vector<std::string> columns = split(line, '\t');
    REQUIRE(columns.size() == 2);
    CAPTURE(columns[0]);
    const Outcome outcome =
        run_posy({"label", kGraph, kGolden + columns[0], "--json", "--layer", "MobilenetV1/Predictions/Reshape"});
    REQUIRE(outcome.code == 0);
    const Json layer = outcome.json()[0]["layer"];
    CHECK(layer["shape"] == Json({1, 1, 1001}));
    CHECK(largest_difference(numbers(columns[1]), layer["values"]) < 2e-4);
  }
}

TEST_CASE("default model: 8 bits give a file of at most 0.6 MB and the same best label") {
  Workplace here;
  REQUIRE(run_posy({"convert", kGraph, "--weights", "u8", "-o", "flowers.posy"}).code == 0);
  CHECK(std::filesystem::file_size("flowers.posy") <= 600000);
  for (const std::string image : {"daisy_128x128.png", "sunflower_200x150.png"}) {
    const auto best = [&](const std::string& model) {
      return run_posy({"label", model, kGolden + image, "--json", "--top=1"}).json().at(0)["scores"][0]["label"];
    };
    CHECK(best("flowers.posy") == best(kGraph));
  }
}

TEST_CASE("default model: scores are the same bits for every number of threads") {
  const std::string image = kGolden + "sunflower_200x150.png";
  Workplace here;
  const auto bits = [&](const char* threads) {
    return run_posy({"label", kGraph, image, "--json", "--top=0", "--threads", threads}).json().at(0)["scores"];
  };
  const Json one = bits("1");
  CHECK(bits("2") == one);
  CHECK(bits("3") == one);
  CHECK(bits("8") == one);
}
