// posy convert and posy info: files that come out, and what is said about them.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/apps/run_posy.h"
#include "tests/loaders/saved_model_writer.h"

using namespace posy_test;

namespace {

bool is_posy(const std::string& bytes) {
  return bytes.rfind("\x89POSY\r\n\x1a", 0) == 0;
}

}  // namespace

TEST_CASE("convert: the default output is the graph's name with .posy") {
  Workplace here;
  write_colour_files();
  const Outcome outcome = run_posy({"convert", "graph.pb"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "");  // results only; the report is for people
  CHECK(is_posy(read("graph.posy")));

  std::filesystem::create_directory("a.b");
  write("a.b/noend", colour_graph().bytes());
  CHECK(run_posy({"convert", "a.b/noend"}).code == 0);
  CHECK(is_posy(read("a.b/noend.posy")));
  write("zipped.pb.gz", posy::gzip_stored(colour_graph().bytes()));
  CHECK(run_posy({"convert", "zipped.pb.gz"}).code == 0);
  CHECK(is_posy(read("zipped.posy")));
}

TEST_CASE("convert: -o names the output, and - is standard output") {
  Workplace here;
  write_colour_files();
  CHECK(run_posy({"convert", "graph.pb", "-o", "made.posy"}).code == 0);
  const std::string file = read("made.posy");
  REQUIRE(is_posy(file));
  CHECK(run_posy({"convert", "--output=other.posy", "graph.pb"}).code == 0);
  CHECK(read("other.posy") == file);
  const Outcome piped = run_posy({"convert", "graph.pb", "-o", "-"});
  CHECK(piped.code == 0);
  CHECK(piped.out == file);
  const Outcome filter = run_posy({"convert", "-", "--labels", "labels.txt"}, {}, colour_graph().bytes());
  CHECK(filter.code == 0);
  CHECK(filter.out == file);
  CHECK(here.files() == std::vector<std::string>{"blue.png", "graph.pb", "green.png", "labels.txt", "made.posy",
                                                 "other.posy", "red.png"});
}

TEST_CASE("convert: the report says what was found and done") {
  Workplace here;
  write_colour_files();
  const std::string report = run_posy({"convert", "graph.pb", "--verbose"}).err;
  for (const std::string part :
       {"graph.pb", "input, 8 x 8 x 3", "final_result, 3 classes", "labels.txt", "--keep-bottleneck", "op 0"}) {
    CAPTURE(part);
    CHECK(contains(report, part));
  }
  std::filesystem::remove("labels.txt");
  CHECK(contains(run_posy({"convert", "graph.pb"}).err, "none found"));
}

TEST_CASE("convert: --json is one object that tells the same") {
  Workplace here;
  write_colour_files();
  const Outcome outcome = run_posy({"convert", "graph.pb", "--json", "--mean=100", "--std=50"});
  REQUIRE(outcome.json().size() == 1);
  const Json json = outcome.json()[0];
  CHECK(json["graph"] == "graph.pb");
  CHECK(json["output"] == "graph.posy");
  CHECK(json["file_bytes"] == std::filesystem::file_size("graph.posy"));
  CHECK(json["graph_bytes"] == std::filesystem::file_size("graph.pb"));
  CHECK(json["classes"] == 3);
  CHECK(json["labels"] == "labels.txt");
  CHECK(json["input"] == Json({{"node", "input"}, {"h", 8}, {"w", 8}, {"c", 3}, {"mean", 100.0}, {"std", 50.0}}));
}

TEST_CASE("convert: the same graph becomes the same bytes") {
  Workplace here;
  write_colour_files();
  CHECK(run_posy({"convert", "graph.pb", "-o", "-"}).out == run_posy({"convert", "graph.pb", "-o", "-"}).out);
}

TEST_CASE("convert: an output that exists is replaced whole, and stays when the conversion fails") {
  Workplace here;
  write_colour_files();
  write("made.posy", bytes_of("the old file"));
  ::chmod("made.posy", 0640);
  write("broken.pb", bytes_of("no graph"));
  CHECK(run_posy({"convert", "broken.pb", "-o", "made.posy"}).code == 1);
  CHECK(read("made.posy") == "the old file");
  CHECK(run_posy({"convert", "graph.pb", "-o", "made.posy"}).code == 0);
  CHECK(is_posy(read("made.posy")));
  struct stat status = {};
  REQUIRE(::stat("made.posy", &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  // A temporary file that was left would show here.
  CHECK(here.files() == std::vector<std::string>{"blue.png", "broken.pb", "graph.pb", "green.png", "labels.txt",
                                                 "made.posy", "red.png"});
}

TEST_CASE("convert: the graph is never its own output, by whatever name") {
  Workplace here;
  write_colour_files();
  const std::string before = read("graph.pb");
  CHECK(run_posy({"convert", "graph.pb", "-o", "./graph.pb"}).code != 0);
  CHECK(read("graph.pb") == before);
}

TEST_CASE("convert: weights in 8 bits and fewer, in float32") {
  Workplace here;
  write_colour_files();
  for (const std::string type : {"f32", "u8", "u7", "u6", "u5", "u4"}) {
    CAPTURE(type);
    REQUIRE(run_posy({"convert", "graph.pb", "--weights", type, "-o", "made.posy"}).code == 0);
    CHECK(run_posy({"label", "made.posy", "red.png", "--top", "1"}).out == "red (score=0.57612)\n");
  }
}

TEST_CASE("convert: bits by size and by photos, of the default model") {
  Workplace here;
  const std::string graph = POSY_SOURCE_DIR "/models/flowers_mobilenet_v1_0.25_128.pb";
  write_colour_files();
  std::filesystem::create_directory("photos");
  for (const std::string colour : {"red", "green", "blue"})
    write("photos/" + colour + ".png", bytes_of(read(colour + ".png")));
  const Outcome sized = run_posy({"convert", graph, "--target-size", "180kB", "-o", "sized.posy", "--verbose"});
  REQUIRE(sized.code == 0);
  CHECK(read("sized.posy").size() <= 180000);
  CHECK(read("sized.posy").size() > 178000);
  CHECK(contains(sized.err, "of 8 bits"));
  CHECK(contains(sized.err, " u5 "));
  const Outcome far = run_posy({"convert", graph, "--target-size", "100KiB", "-o", "far.posy"});
  CHECK(far.code == 1);
  CHECK(contains(far.err, "out of reach"));
  CHECK_FALSE(std::filesystem::exists("far.posy"));
  const Outcome five =
      run_posy({"convert", graph, "--weights", "u5", "--calibrate", "photos", "-o", "five.posy", "--json"});
  REQUIRE(five.code == 0);
  CHECK(contains(five.err, "of 3 ("));
  CHECK(contains(five.out, "\"photos\":3"));
  CHECK(contains(five.out, "\"bits\":5"));
  CHECK(run_posy({"convert", graph, "--max-drop", "0", "--calibrate", "photos", "-o", "kept.posy"}).code == 0);
  const Outcome none = run_posy({"convert", graph, "--weights", "u5", "--calibrate", "nowhere", "-o", "none.posy"});
  CHECK(none.code == 1);
  CHECK(contains(none.err, "nowhere"));
}

TEST_CASE("info: text names input, output, labels and ops") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb"}).code == 0);
  const Outcome outcome = run_posy({"info", "graph.posy"});
  CHECK(outcome.code == 0);
  CHECK(outcome.err == "");
  for (const std::string part :
       {"graph.posy", "8x8x3", "(pixel - 0) / 255", "final_result, 3 classes", "red, green, blue", "conv_2d", "pool"}) {
    CAPTURE(part);
    CHECK(contains(outcome.out, part));
  }
  CHECK(run_posy({"info", "graph.pb"}).code == 0);
}

TEST_CASE("info: --json has the fields of the interface") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb"}).code == 0);
  const Outcome outcome = run_posy({"info", "graph.posy", "--json"});
  REQUIRE(outcome.json().size() == 1);
  const Json info = outcome.json()[0];
  CHECK(info.contains("format_version"));
  CHECK(info["input"] == Json({{"node", "input"}, {"h", 8}, {"w", 8}, {"c", 3}, {"mean", 0.0}, {"std", 255.0}}));
  CHECK(info["output"] == Json({{"node", "final_result"}, {"classes", 3}}));
  CHECK(info["labels"] == Json({"red", "green", "blue"}));
  CHECK(info["file_bytes"] == std::filesystem::file_size("graph.posy"));
  REQUIRE(info["ops"].size() >= 2);
  uint64_t macs = 0, weight_bytes = 0;
  for (const Json& op : info["ops"]) {
    CHECK(op["kind"].is_string());
    CHECK(op["name"].is_string());
    CHECK(op["out"].size() == 3);
    CHECK(op["weights"].is_string());
    macs += op["macs"].get<uint64_t>();
    weight_bytes += op["weight_bytes"].get<uint64_t>();
  }
  CHECK(info["macs"] == macs);
  CHECK(info["weight_bytes"].get<uint64_t>() >= weight_bytes);
  CHECK(info["arena_bytes"].get<uint64_t>() >= 8 * 8 * 3 * 4);
}

TEST_CASE("info: of a graph that converts, its own ops are listed too") {
  Workplace here;
  write_colour_files();
  const Outcome text = run_posy({"info", "graph.pb"});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "\ngraph    GraphDef, 11 nodes: "));
  CHECK(contains(text.out, "4 Const"));
  const Json info = run_posy({"info", "graph.pb", "--json"}).json().at(0);
  CHECK(info["convertible"] == true);
  CHECK(info["graph"]["nodes"] == 11);
  CHECK(info["graph"]["ops"][0] == Json({{"op", "Const"}, {"count", 4}, {"needed", 4}, {"supported", true}}));
  CHECK(info["ops"][0].contains("kind"));  // the ops of the .posy file, as ever
}

TEST_CASE("info: a graph that does not convert is shown: ends, ops, what cannot be converted and where, and why") {
  Workplace here;
  posy::GraphWriter g = colour_graph("Cosh");
  g.node("odd_two", "Cosh", {"odd_one", "input"});
  g.node("truth", "Bucketize", {"odd_two"});  // behind the output: no harm
  g.producer(26);
  write("odd.pb", g.bytes());
  const Outcome text = run_posy({"info", "odd.pb"});
  CHECK(text.code == 0);
  CHECK(text.err == "");
  for (const std::string part :
       {"file     odd.pb, ", "graph    GraphDef, 14 nodes, producer 26", "input    input, float [1,8,8,3]",
        "output   final_result (Softmax)", "unneeded 2 nodes",
        "refused  node 'odd_one' (Cosh): this op cannot be converted", "      4  Const\n",
        "      2  Cosh         cannot be converted\n", "      1  Bucketize    not needed\n",
        "\ncannot be converted:\n  Cosh, 1 node\n    'odd_one', fed by 'input' (Placeholder)\n"}) {
    CAPTURE(text.out);
    CAPTURE(part);
    CHECK(contains(text.out, part));
  }
  const Outcome outcome = run_posy({"info", "odd.pb", "--json"});
  CHECK(outcome.code == 0);
  REQUIRE(outcome.json().size() == 1);
  const Json info = outcome.json()[0];
  CHECK(info["convertible"] == false);
  CHECK(contains(info["reason"], "odd.pb: node 'odd_one' (Cosh)"));
  CHECK(info["format"] == "GraphDef");
  CHECK(info["nodes"] == 14);
  CHECK(info["unneeded_nodes"] == 2);
  CHECK(info["producer"] == 26);
  CHECK(info["inputs"] == Json::parse(R"([{"node": "input", "type": "float", "shape": [1, 8, 8, 3]}])"));
  CHECK(info["outputs"] == Json::parse(R"([{"node": "final_result", "op": "Softmax"}])"));
  CHECK(info["ops"][0] == Json({{"op", "Const"}, {"count", 4}, {"needed", 4}, {"supported", true}}));
  CHECK(info["ops"][1] == Json({{"op", "Cosh"}, {"count", 2}, {"needed", 1}, {"supported", false}}));
  const Json where = {{"node", "odd_one"}, {"fed_by", {"'input' (Placeholder)"}}};
  CHECK(info["unsupported"] == Json::array({{{"op", "Cosh"}, {"count", 1}, {"nodes", Json::array({where})}}}));
}

TEST_CASE("info: long lists are cut, and say how much is left") {
  Workplace here;
  posy::GraphWriter g;
  g.placeholder("x", {1, 2, 2, 3});
  std::string last = "x";
  for (int i = 0; i < 60; ++i) {
    const std::string name = "odd" + std::to_string(i);
    g.node(name, "Odd" + std::to_string(i), {last});
    last = name;
  }
  for (int i = 0; i < 60; ++i) g.node("y" + std::to_string(i), "Identity", {last});
  write("long.pb", g.bytes());
  const Outcome text = run_posy({"info", "long.pb"});
  CHECK(text.code == 0);
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') < 120);
  CHECK(contains(text.out, "... and 52 more\n"));
  CHECK(contains(text.out, "... and 22 more ops\n"));
  CHECK(contains(text.out, "... and 48 more ops\n"));
  CHECK(run_posy({"info", "long.pb", "--json"}).json().at(0)["ops"].size() == 62);
}

TEST_CASE("info: a SavedModel is shown although its variables are missing, or its graph is inside functions") {
  Workplace here;
  posy::GraphWriter g;
  g.placeholder("photo", {1, 8, 8, 3});
  g.node("w", "VariableV2");
  g.node("scores", "MatMul", {"photo", "w"});
  std::filesystem::create_directory("saved");
  write("saved/saved_model.pb", posy::saved_model({posy::MetaGraphWriter({"serve"}, g.bytes())}));
  for (const std::string path : {"saved", "saved/saved_model.pb"}) {
    CAPTURE(path);
    CHECK(run_posy({"convert", path, "-o", "out.posy"}).code == 1);
    const Outcome outcome = run_posy({"info", path, "--json"});
    CHECK(outcome.code == 0);
    REQUIRE(outcome.json().size() == 1);
    const Json info = outcome.json()[0];
    CHECK(info["format"] == "SavedModel");
    CHECK(contains(info["reason"], "the value of the variable 'w' is missing"));
    CHECK(info["unsupported"][0]["op"] == "VariableV2");
  }
  posy::GraphWriter call;
  call.placeholder("photo", {1, 8, 8, 3});
  call.node("call", "StatefulPartitionedCall", {"photo"});
  write("saved/saved_model.pb", posy::saved_model({posy::MetaGraphWriter({"serve"}, call.bytes())}));
  const Outcome text = run_posy({"info", "saved"});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "StatefulPartitionedCall  cannot be converted"));
  CHECK(contains(text.out, "convert_variables_to_constants_v2"));
}

TEST_CASE("info: --dump shows a .posy file's bytes, of a graph that does not convert there are none") {
  Workplace here;
  write("odd.pb", colour_graph("Cosh").bytes());
  const Outcome dump = run_posy({"info", "odd.pb", "--dump"});
  CHECK(dump.code == 1);
  CHECK(is_one_sentence_about(dump.err, "odd.pb"));
  const Outcome named = run_posy({"info", "odd.pb", "--output-node", "odd_one"});
  CHECK(named.code == 0);
  CHECK(contains(named.out, "output   odd_one (Cosh)"));
}

TEST_CASE("flags for graphs are refused with a .posy file, which is converted already") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb"}).code == 0);
  const std::vector<std::vector<std::string>> commands = {
      {"info", "graph.posy", "--mean", "3"},
      {"bench", "graph.posy", "--weights=u8"},
      {"label", "graph.posy", "red.png", "--labels", "labels.txt"},
      {"label", "--graph=graph.posy", "--image=red.png", "--keep-bottleneck"},
  };
  for (const auto& words : commands) {
    const Outcome outcome = run_posy(words);
    CHECK(outcome.code == 2);
    CHECK(outcome.out == "");
    CHECK(contains(outcome.err, " needs a graph; graph.posy is already converted"));
  }
}
