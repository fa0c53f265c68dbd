// convert --weights-rounded: constants in a few levels, as TensorFlow's quantize_graph.py computes them.
#include "loaders/round_graph.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "loaders/convert.h"
#include "loaders/file.h"
#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

std::vector<float> rounded(std::vector<float> values, uint32_t levels) {
  CHECK(round_to_levels(values, levels));
  return values;
}

// Refused, and left as they were.
void check_not_rounded(const std::vector<float>& values) {
  std::vector<float> left = values;
  CHECK_FALSE(round_to_levels(left, 256));
  CHECK(std::memcmp(left.data(), values.data(), values.size() * sizeof(float)) == 0);
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A classifier of three classes whose constants are `w`, [2, 2, 3, 3], and `b`.
GraphWriter classifier(const std::vector<float>& w, const std::vector<float>& b) {
  GraphWriter g;
  g.placeholder("input", {1, 2, 2, 3});
  g.constant("w", {2, 2, 3, 3}, w);
  g.constant("b", {3}, b);
  g.node("conv", "Conv2D", {"input", "w"}).ints("strides", {1, 1, 1, 1}).text("padding", "VALID");
  g.node("sum", "BiasAdd", {"conv", "b"});
  g.constant_ints("shape", {2}, {1, 3});
  g.node("flat", "Reshape", {"sum", "shape"});
  g.node("final_result", "Softmax", {"flat"});
  return g;
}

// A graph's file, gone after the test.
struct GraphFile {
  GraphFile(const std::string& name, const GraphWriter& g) : path(std::string(POSY_BINARY_DIR) + "/" + name) {
    write_file(path, g.bytes());
  }
  ~GraphFile() { std::filesystem::remove(path); }
  const std::string path;
};

}  // namespace

TEST_CASE("rounding: each value moves to the center of its bucket, the greatest into the last one") {
  CHECK(rounded({0, 0.3f, 0.6f, 1}, 2) == std::vector<float>{0.25f, 0.25f, 0.75f, 0.75f});  // the script's own example
  CHECK(rounded({-1, 0, 3}, 4) == std::vector<float>{-0.5f, 0.5f, 2.5f});
  CHECK(rounded({8, 0, 1, 2, 3.999f, 4}, 4) == std::vector<float>{7, 1, 1, 3, 3, 5});  // an edge is the upper bucket's
  CHECK(rounded({0, 65536}, 65536) == std::vector<float>{0.5f, 65535.5f});
}

TEST_CASE("rounding: every operation is rounded to float32, as NumPy does") {
  // NumPy 1.26 and 2.4; in float64 the fourth would end in ccccc, and the second below in 33332.
  CHECK(rounded({0.1f, 0.2f, 0.3f, 0.4f, 0.7f}, 6) ==
        std::vector<float>{0x1.333334p-3f, 0x1p-2f, 0x1.666666p-2f, 0x1.cccccap-2f, 0x1.4ccccc0p-1f});
  CHECK(rounded({-0.3f, 0.1f, 0.7f}, 10) == std::vector<float>{-0x1p-2f, 0x1.333334p-3f, 0x1.4ccccc0p-1f});
}

TEST_CASE("rounding: equal values, and one by itself, stay") {
  CHECK(rounded({0.1f, 0.1f, 0.1f}, 256) == std::vector<float>{0.1f, 0.1f, 0.1f});
  CHECK(rounded({0.7f}, 2) == std::vector<float>{0.7f});
  CHECK(rounded({}, 2).empty());
  CHECK(rounded({kInfinity, kInfinity}, 2) == std::vector<float>{kInfinity, kInfinity});
  CHECK(std::signbit(rounded({0.0f, -0.0f}, 2)[1]));
}

TEST_CASE("rounding: what has no levels is refused and left alone") {
  check_not_rounded({1, std::nanf(""), 2});
  check_not_rounded({1, kInfinity});
  check_not_rounded({-3e38f, 3e38f});  // the range is no float
  check_not_rounded({0, 0x1p-149f});   // no bucket is as narrow
}

TEST_CASE("rounding: constants of type float are rounded, whatever they are for, and no others") {
  GraphWriter g;
  g.constant("w", {2, 2}, {0, 0.3f, 0.6f, 1});
  g.constant("small", TensorWriter(DataType::kFloat, {3}).floats({-1, 0, 3}));
  g.scalar("one", 0.7f);
  g.constant("double", TensorWriter(DataType::kDouble, {2}).doubles({0, 1}));
  g.constant_ints("ints", {2}, {0, 1});
  Graph graph = parse_frozen_graph(g.bytes(), "made");
  CHECK(round_constants(&graph, 2) == 3);
  const auto values = [&](size_t i) {
    const GraphTensor& tensor = graph.nodes[i].attribute("value")->tensor;
    std::vector<double> numbers(tensor.element_count());
    for (size_t k = 0; k < numbers.size(); ++k) numbers[k] = tensor.number(k);
    return numbers;
  };
  CHECK(values(0) == std::vector<double>{0.25, 0.25, 0.75, 0.75});
  CHECK(values(1) == std::vector<double>{0, 0, 2});
  CHECK(values(2) == std::vector<double>{0.7f});
  CHECK(values(3) == std::vector<double>{0, 1});
  CHECK(values(4) == std::vector<double>{0, 1});
}

TEST_CASE("rounding: a constant that has no levels is named") {
  GraphWriter g;
  g.constant("odd", {2}, {1, kInfinity});
  Graph graph = parse_frozen_graph(g.bytes(), "made.pb");
  CHECK_THROWS_WITH_AS(round_constants(&graph, 256),
                       "made.pb: constant 'odd' cannot be rounded to 256 levels: it has a NaN or an infinity, or its "
                       "range is too wide or too narrow for float32; convert without --weights-rounded",
                       InputError);
}

TEST_CASE("rounding: a graph that is rounded on the way gives the file of the rounded graph") {
  std::vector<float> w = random_floats(36, 1), b = {-0.1f, 0.2f, 0.5f};
  const GraphFile plain("rounding_plain.pb", classifier(w, b));
  for (const uint32_t levels : {2u, 16u, 256u}) {
    CAPTURE(levels);
    ConvertOptions options;
    options.rounded_levels = levels;
    const GraphFile made("rounding_made.pb", classifier(rounded(w, levels), rounded(b, levels)));
    CHECK(convert_graph(plain.path, options).posy == convert_graph(made.path, {}).posy);
    CHECK(convert_graph(plain.path, options).posy != convert_graph(plain.path, {}).posy);
    CHECK(convert_graph(plain.path, options).report.notes[0] ==
          "2 constants rounded to " + std::to_string(levels) + " levels");
  }
}
