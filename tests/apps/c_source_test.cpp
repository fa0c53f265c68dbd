// posy convert --c-array and posy info --c-header: a model in a C program.
#include <doctest/doctest.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

// Opens the model with the memory that the header promises, and not with a byte less.
const char* const kProgram = R"(
#include <posy.h>
#include <string.h>
#include "graph.h"
static unsigned char memory[GRAPH_MEMORY_BYTES];
int main(void) {
  struct posy_engine engine;
  struct posy_needs needs;
  struct posy_options options;
  memset(&options, 0, sizeof options);
  options.isa = "scalar";
  if (posy_need(graph_model, sizeof graph_model, &options, &needs) != POSY_OK) return 1;
  if (needs.memory_bytes != GRAPH_MEMORY_BYTES || needs.arena_bytes != GRAPH_ARENA_BYTES) return 2;
  if (posy_open(&engine, graph_model, sizeof graph_model, memory, sizeof memory - 1, &options) == POSY_OK) return 3;
  if (posy_open(&engine, graph_model, sizeof graph_model, memory, sizeof memory, &options) != POSY_OK) return 4;
  if (posy_class_count(&engine) != GRAPH_CLASSES || posy_input_shape(&engine).w != GRAPH_INPUT_W) return 5;
  return strcmp(posy_label(&engine, 0), "red") == 0 ? 0 : 6;
}
)";

int shell(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("convert: --c-array makes a C file and a header with which a C99 program opens the model") {
  Workplace here;
  write_colour_files();
  const Outcome outcome = run_posy({"convert", "graph.pb", "--c-array"});
  REQUIRE(outcome.code == 0);
  CHECK(contains(outcome.err, "graph.c, graph.h: graph_model, needs "));
  CHECK(here.files() ==
        std::vector<std::string>{"blue.png", "graph.c", "graph.h", "graph.pb", "green.png", "labels.txt", "red.png"});
  write("main.c", bytes_of(kProgram));
  const std::string compiler = POSY_C_COMPILER " -std=c99 -Wall -Wextra -Werror " POSY_C_FLAGS;
  CHECK(shell(compiler + " -I" POSY_SOURCE_DIR "/engine main.c graph.c " POSY_LIBRARY " -lm -o main && ./main") == 0);
}

TEST_CASE("convert: --c-array takes .posy files too, packed or not, and they are the same array") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb", "--c-array", "-o", "x.c"}).code == 0);
  REQUIRE(run_posy({"convert", "graph.pb"}).code == 0);
  REQUIRE(run_posy({"convert", "graph.pb", "--pack", "-o", "packed.posy"}).code == 0);
  for (const std::string model : {"graph.posy", "packed.posy"}) {
    REQUIRE(run_posy({"convert", model, "--c-array", "-o", "y.c"}).code == 0);
    const std::string x = read("x.c"), y = read("y.c");
    CHECK(x.substr(x.find("] = {")) == y.substr(y.find("] = {")));
  }
}

TEST_CASE("convert: names that are none in C become some") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb", "--c-array", "-o", "1 r\xc3\xb6se-2.c"}).code == 0);
  CHECK(contains(read("1 r\xc3\xb6se-2.h"), "const unsigned char model_1_r__se_2_model[MODEL_1_R__SE_2_MODEL_BYTES];"));
}

TEST_CASE("convert: --c-array is refused where two files cannot be, or the second would replace the graph") {
  Workplace here;
  write_colour_files();
  const std::string graph = read("graph.pb");
  write("graph.h", bytes_of(graph));
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"convert", "graph.pb", "--c-array", "-o", "-"},
           {"convert", "graph.pb", "--c-array", "-o", "x.h"},
           {"convert", "graph.pb", "--c-array", "--pack"},
           {"convert", "graph.h", "--c-array"},
       }) {
    CHECK(run_posy(words).code == 2);
  }
  CHECK(read("graph.h") == graph);
}

TEST_CASE("info: --c-header prints what --c-array writes; text and JSON name RAM and flash") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb", "--c-array"}).code == 0);
  CHECK(run_posy({"info", "graph.pb", "--c-header"}).out == read("graph.h"));
  const Json info = run_posy({"info", "graph.pb", "--json"}).json().at(0);
  const std::string ram = std::to_string(info["ram_bytes"].get<uint64_t>());
  const std::string flash = std::to_string(info["file_bytes"].get<uint64_t>());
  CHECK(contains(run_posy({"info", "graph.pb"}).out, "needs " + ram + " bytes of RAM, " + flash + " of flash"));
  CHECK(contains(read("graph.h"), "GRAPH_MEMORY_BYTES " + ram + "u"));
  CHECK(info["simd_ram_bytes"].get<uint64_t>() >= info["ram_bytes"].get<uint64_t>());
}
