// posy pack, posy unpack, and packed files wherever a model is wanted.
#include <doctest/doctest.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

bool is_packed(const std::string& bytes) {
  return bytes.rfind("\x89POSZ\r\n\x1a", 0) == 0;
}

// graph.posy and packed.posy.
void write_packed_files() {
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb"}).code == 0);
  REQUIRE(run_posy({"pack", "graph.posy", "-o", "packed.posy"}).code == 0);
}

}  // namespace

TEST_CASE("pack and unpack: the same file comes back") {
  Workplace here;
  write_packed_files();
  CHECK(is_packed(read("packed.posy")));
  const Outcome outcome = run_posy({"unpack", "packed.posy", "-o", "again.posy", "--json"});
  CHECK(outcome.code == 0);
  CHECK(read("again.posy") == read("graph.posy"));
  REQUIRE(outcome.json().size() == 1);
  CHECK(outcome.json()[0] == Json({{"input", "packed.posy"},
                                   {"output", "again.posy"},
                                   {"file_bytes", read("graph.posy").size()},
                                   {"packed_bytes", read("packed.posy").size()}}));
  const std::string posy = read("graph.posy");
  const Outcome piped = run_posy({"pack", "-", "-o", "-"}, {}, Bytes(posy.begin(), posy.end()));
  CHECK(piped.out == read("packed.posy"));
}

TEST_CASE("convert --pack: packed at once, under the same name") {
  Workplace here;
  write_packed_files();
  std::filesystem::remove("graph.posy");
  const Outcome outcome = run_posy({"convert", "graph.pb", "--pack", "--json"});
  CHECK(outcome.code == 0);
  CHECK(read("graph.posy") == read("packed.posy"));
  CHECK(contains(outcome.err, "packed"));
  REQUIRE(outcome.json().size() == 1);
  CHECK(outcome.json()[0]["packed_bytes"] == read("packed.posy").size());
}

TEST_CASE("packed files are models like others") {
  Workplace here;
  write_packed_files();
  CHECK(run_posy({"label", "packed.posy", "red.png"}).out == run_posy({"label", "graph.posy", "red.png"}).out);
  CHECK(run_posy({"bench", "packed.posy", "--runs=1", "--warmup=0"}).code == 0);
  const Outcome info = run_posy({"info", "packed.posy"});
  const std::string packed_bytes = std::to_string(read("packed.posy").size());
  CHECK(contains(info.out, "packed.posy, " + packed_bytes + " bytes packed, unpacked " +
                               std::to_string(read("graph.posy").size()) + " bytes"));
  const Json json = run_posy({"info", "packed.posy", "--json"}).json()[0];
  CHECK(json["packed_bytes"] == read("packed.posy").size());
  CHECK(json["file_bytes"] == read("graph.posy").size());
  CHECK_FALSE(run_posy({"info", "graph.posy", "--json"}).json()[0].contains("packed_bytes"));
  CHECK(run_posy({"label", "packed.posy", "red.png", "--mean=1"}).code == 2);
}

TEST_CASE("pack and unpack: what cannot be done is said") {
  Workplace here;
  write_packed_files();
  const std::string packed = read("packed.posy");
  write("cut.posy", bytes_of(std::string_view(packed).substr(0, packed.size() - 1)));
  std::string changed = packed;
  changed[packed.size() / 2] = static_cast<char>(changed[packed.size() / 2] ^ 0x55);
  write("changed.posy", bytes_of(changed));
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{"pack", "packed.posy", "-o", "out"}, "packed.posy"},
      {{"pack", "graph.pb", "-o", "out"}, "graph.pb"},
      {{"pack", "absent", "-o", "out"}, "absent"},
      {{"unpack", "graph.posy", "-o", "out"}, "graph.posy"},
      {{"unpack", "cut.posy", "-o", "out"}, "cut.posy"},
      {{"unpack", "changed.posy", "-o", "out"}, "changed.posy"},
      {{"label", "cut.posy", "red.png"}, "cut.posy"},
      {{"info", "changed.posy"}, "changed.posy"},
      {{"convert", "packed.posy", "-o", "out"}, "packed.posy"}};
  for (const auto& [words, name] : refused) {
    CAPTURE(words[0] + " " + words[1]);
    const Outcome outcome = run_posy(words);
    CHECK(outcome.code == 1);
    CHECK(is_one_sentence_about(outcome.err, name));
    CHECK_FALSE(std::filesystem::exists("out"));
  }
  for (const std::vector<std::string>& words : {std::vector<std::string>{"pack", "graph.posy"},
                                                {"pack"},
                                                {"pack", "graph.posy", "-o", "graph.posy"},
                                                {"unpack", "packed.posy"},
                                                {"unpack", "packed.posy", "-o", "./packed.posy"}}) {
    CHECK(run_posy(words).code == 2);
  }
}
