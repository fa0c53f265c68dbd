// What the documents show is what the program prints.
#include <doctest/doctest.h>

#include "tests/apps/run_posy.h"

namespace posy_test {
namespace {

const std::string kSource = POSY_SOURCE_DIR;

// The text between <!-- name --> and <!-- end of name -->, without the fences of code.
std::string block(const std::string& document, const std::string& name) {
  const std::string text = read(kSource + "/" + document), open = "<!-- " + name + " -->\n```text\n";
  const size_t begin = text.find(open), end = text.find("```\n<!-- end of " + name + " -->");
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  return text.substr(begin + open.size(), end - begin - open.size());
}

TEST_CASE("FORMAT.md: the example is what posy info --dump prints of the default model") {
  Workplace here;
  const std::string model = kSource + "/models/flowers_mobilenet_v1_0.25_128.pb";
  REQUIRE(run_posy({"convert", model, "--weights", "u8", "-o", "flowers.posy"}).code == 0);
  const Outcome dump = run_posy({"info", "flowers.posy", "--dump"});
  CHECK(dump.code == 0);
  CHECK("\n" + block("loaders/FORMAT.md", "dump") == dump.out);
}

}  // namespace
}  // namespace posy_test
