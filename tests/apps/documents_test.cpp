// What the documents show is what the program prints.
#include <doctest/doctest.h>

#include <sstream>

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

// The bytes of a dump: an offset, bytes, and behind three spaces what they are.
Bytes bytes_of_dump(const std::string& text) {
  Bytes bytes;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find("   ", 12)));
    unsigned number = 0;
    REQUIRE_FALSE((words >> std::hex >> number).fail());
    CHECK(number == bytes.size());
    while (words >> std::hex >> number) bytes.push_back(static_cast<uint8_t>(number));
  }
  return bytes;
}

TEST_CASE("PACKED.md: the example unpacks to what it says") {
  Workplace here;
  write("example", bytes_of_dump(block("loaders/PACKED.md", "example")));
  REQUIRE(run_posy({"unpack", "example", "-o", "example.posy"}).code == 0);
  const std::string expected("\x89POSY\r\n\x1a\x40\0\0\0\x09\xb9\x11\x61\1\0\0\0", 20);
  CHECK(read("example.posy") == expected + std::string(44, '\0'));
}

}  // namespace
}  // namespace posy_test
