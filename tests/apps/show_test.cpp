// posy show --weights: a page about the weights.
#include <doctest/doctest.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

const std::string kModel = POSY_SOURCE_DIR "/models/flowers_mobilenet_v1_0.25_128.pb";

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("show: a page with every layer, its bytes and what rounding lost") {
  Workplace here;
  REQUIRE(run_posy({"convert", kModel, "--weights", "u5", "-o", "u5.posy"}).code == 0);
  REQUIRE(run_posy({"show", "u5.posy", "--weights", "--against", kModel, "-o", "page.html"}).code == 0);
  const std::string page = read("page.html");
  size_t layers = 0;
  const Json info = run_posy({"info", "u5.posy", "--json"}).json().at(0);
  for (const Json& op : info["ops"]) {
    if (op["weights"] == "") continue;
    ++layers;
    CHECK(contains(page, std::to_string(op["weight_bytes"].get<size_t>()) + " bytes, "));
  }
  CHECK(count(page, "<li>") == layers);
  CHECK(count(page, " dB") >= layers - 1);
  CHECK(contains(page, ", u5, "));
  CHECK(count(page, "http") == 0);
  for (const std::string tag : {"svg", "li", "ul", "table", "main", "html"}) {
    CHECK(count(page, "<" + tag + ">") + count(page, "<" + tag + " ") == count(page, "</" + tag + ">"));
  }
}

TEST_CASE("show: of a graph, nothing is lost in floats; of a file alone there is nothing to compare with") {
  Workplace here;
  REQUIRE(run_posy({"show", kModel, "--weights", "-o", "page.html"}).code == 0);
  CHECK(count(read("page.html"), "lossless") == count(read("page.html"), "<li>"));
  REQUIRE(run_posy({"convert", kModel, "-o", "f32.posy"}).code == 0);
  REQUIRE(run_posy({"show", "f32.posy", "--weights", "-o", "alone.html"}).code == 0);
  CHECK(count(read("alone.html"), "lossless") == 0);
}

TEST_CASE("show: wrong usage says what is missing") {
  Workplace here;
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"show", kModel, "-o", "page.html"}, "add --weights"},
           {{"show", kModel, "--weights"}, "-o FILE.html"},
           {{"show", "--weights", "-o", "page.html"}, "takes one model"},
           {{"show", kModel, "--weights", "-o", kModel}, "would replace the model"},
       }) {
    const Outcome outcome = run_posy(words);
    CHECK(outcome.code == 2);
    CHECK(contains(outcome.err, part));
  }
  CHECK(run_posy({"show", "none.posy", "--weights", "-o", "page.html"}).code == 1);
  CHECK_FALSE(std::filesystem::exists("page.html"));
}
