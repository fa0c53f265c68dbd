// posy show: a page with graphs, and with --weights one about the weights.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "loaders/protobuf.h"
#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

const std::string kModel = POSY_SOURCE_DIR "/models/flowers_mobilenet_v1_0.25_128.pb";

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// What the page's script draws.
Json data_of(const std::string& page) {
  const std::string start = "<script id=\"data\" type=\"application/json\">";
  const size_t at = page.find(start) + start.size();
  return Json::parse(page.substr(at, page.find("</script>", at) - at));
}

// Where each node of a list stands, by its name.
std::map<std::string, size_t> places_of(const Json& nodes) {
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < nodes.size(); ++i) {
    INFO(nodes[i]["n"]);
    CHECK(places.emplace(nodes[i]["n"].get<std::string>(), i).second);
  }
  return places;
}

// The names of the graph's nodes that went into an op.
std::set<std::string> origins_of(const Json& data, size_t op) {
  std::set<std::string> names;
  for (const Json& at : data["model"]["nodes"][op]["o"])
    names.insert(data["graph"]["nodes"][at.get<size_t>()]["n"].get<std::string>());
  return names;
}

Json page_data(const std::vector<std::string>& words) {
  std::vector<std::string> all = {"show", "-o", "page.html"};
  all.insert(all.end(), words.begin(), words.end());
  const Outcome outcome = run_posy(all);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const std::string page = read("page.html");
  CHECK(count(page, "http") == 0);
  CHECK(count(page, "src=") == 0);
  return data_of(page);
}

// The graph_def of an events file.
std::vector<uint8_t> graph_of_events(const std::string& folder) {
  std::vector<uint8_t> graph;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = read(entry.path().string());
    for (size_t at = 0; at + 12 < file.size();) {
      uint64_t bytes = 0;
      for (size_t i = 0; i < 8; ++i) bytes |= (uint64_t)(uint8_t)file[at + i] << (8 * i);
      const std::vector<uint8_t> event(file.begin() + (std::ptrdiff_t)at + 12,
                                       file.begin() + (std::ptrdiff_t)(at + 12 + bytes));
      for (posy::WireReader reader(event); reader.next();) {
        if (reader.field() == 4) graph.assign(reader.bytes().begin(), reader.bytes().end());
      }
      at += 16 + bytes;
    }
  }
  return graph;
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
           {{"show", kModel}, "-o FILE.html"},
           {{"show", kModel, "--weights"}, "-o FILE.html"},
           {{"show", kModel, "--weights", "--tensorboard", "runs"}, "-o FILE.html"},
           {{"show", kModel, "--weights", "--measure", "-o", "page.html"}, "without --measure"},
           {{"show", kModel, "--bench", "b.json", "--measure", "-o", "page.html"}, "one of them"},
           {{"show", "-", "-o", "page.html"}, "standard input"},
           {{"show", kModel, "-o", kModel}, "would replace the model"},
           {{"show", "x.posy", "--against", kModel, "-o", kModel}, "would replace"},
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

TEST_CASE("show: of a small graph every node stands in the page once, with what it holds") {
  Workplace here;
  write_colour_files();
  const Json data = page_data({"graph.pb"});
  CHECK(data["title"] == "graph.pb");
  const auto graph = places_of(data["graph"]["nodes"]);
  CHECK(graph.size() == 11);
  for (const Json& node : data["graph"]["nodes"]) CHECK_FALSE(node.contains("d"));  // all of them are needed
  const Json& logits = data["graph"]["nodes"][graph.at("logits")];
  CHECK(logits["k"] == "Conv2D");
  CHECK(logits["i"] == Json({graph.at("pool"), graph.at("logits/weights")}));
  CHECK(logits["s"] == Json({1, 1, 4}));
  CHECK(logits["m"] == 12);
  CHECK(contains(logits["a"].dump(), "\"padding\",\"VALID\""));
  const Json& weights = data["graph"]["nodes"][graph.at("logits/weights")]["v"];
  CHECK(weights["s"] == "[1,1,3,4]");
  CHECK(weights["b"] == 48);
  CHECK(weights["h"]["n"] == 12);
  CHECK(weights["h"]["low"] == 0);
  CHECK(weights["h"]["high"] == 1);
  CHECK(weights["h"]["mean"].get<double>() == doctest::Approx(0.5));
  CHECK(weights["h"]["bins"].front() == 6);
  CHECK(weights["h"]["bins"].back() == 6);
  CHECK(data["graph"]["nodes"][graph.at("bottleneck/shape")]["v"]["e"] == "1, 4");
}

TEST_CASE("show: an op knows the nodes that were fused into it") {
  Workplace here;
  write_colour_files();
  const Json joined = page_data({"graph.pb"});
  const Json& ops = joined["model"]["nodes"];
  REQUIRE(ops.size() == 4);  // the picture, and what posy info prints
  CHECK(ops[0]["k"] == "input");
  CHECK(origins_of(joined, 0) == std::set<std::string>{"input"});
  CHECK(ops[1]["k"] == "average_pool");
  CHECK(origins_of(joined, 1) == std::set<std::string>{"pool"});
  CHECK(ops[2]["k"] == "conv_2d");
  CHECK(ops[2]["i"] == Json({1}));
  CHECK(origins_of(joined, 2) == std::set<std::string>{"logits", "logits/weights", "bottleneck", "bottleneck/shape",
                                                       "final/matmul", "final/weights", "final/add", "final/biases"});
  CHECK(ops[3]["k"] == "softmax");
  CHECK(origins_of(joined, 3) == std::set<std::string>{"final_result"});

  const Json apart = page_data({"graph.pb", "--keep-bottleneck"});
  CHECK(origins_of(apart, 2) == std::set<std::string>{"logits", "logits/weights", "bottleneck", "bottleneck/shape"});
  CHECK(origins_of(apart, 3) == std::set<std::string>{"final/matmul", "final/weights", "final/add", "final/biases"});
  CHECK(apart["model"]["nodes"][3]["h"]["n"] == 12);
}

TEST_CASE("show: a file beside the graph that it was made from, or alone") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb", "-o", "m.posy"}).code == 0);
  const Json both = page_data({"m.posy", "--against", "graph.pb"});
  CHECK(both["model"]["title"] == "m.posy");
  CHECK(both["graph"]["title"] == "graph.pb");
  CHECK(both["model"]["nodes"] == page_data({"graph.pb"})["model"]["nodes"]);
  const Json alone = page_data({"m.posy"});
  CHECK(alone["graph"].is_null());
  CHECK(alone["model"]["nodes"].size() == 4);
  CHECK_FALSE(alone["model"]["nodes"][2].contains("o"));

  const Outcome other = run_posy({"show", "m.posy", "--against", kModel, "-o", "other.html"});
  CHECK(other.code == 1);
  CHECK(contains(other.err, "is not the graph that this model was made from"));
  CHECK_FALSE(std::filesystem::exists("other.html"));
}

TEST_CASE("show: of the default model, every needed node went somewhere, and everything is drawn from there") {
  Workplace here;
  const Json data = page_data({kModel});
  CHECK(data["graph"]["nodes"].size() == 560);
  CHECK(data["model"]["nodes"].size() == 31);
  std::set<size_t> gone;
  for (const Json& op : data["model"]["nodes"]) {
    CHECK(op["o"].size() >= 1);
    for (const Json& at : op["o"]) gone.insert(at.get<size_t>());
  }
  CHECK(gone.size() == 560);
}

TEST_CASE("show: what a graph has beside the way to its output, and dropouts, are told apart") {
  Workplace here;
  posy::GraphWriter g = colour_graph();
  g.node("summary", "Identity", {"final_result"}).type("T", posy::DataType::kFloat);
  g.constant("unused", {2}, {1, 2});
  write("graph.pb", g.bytes());
  const Json data = page_data({"graph.pb", "--output-node", "final_result"});
  size_t dropped = 0;
  for (const Json& node : data["graph"]["nodes"]) {
    if (!node.contains("d")) continue;
    ++dropped;
    CHECK(node["d"] == 1);
    CHECK((node["n"] == "summary" || node["n"] == "unused"));
  }
  CHECK(dropped == 2);
  CHECK(contains(data["graph"]["facts"].dump(), "[\"not needed\",\"2\"]"));
}

TEST_CASE("show: names with markup stay names") {
  Workplace here;
  const std::string name = "a<b>&\"</script><!--\\";
  posy::GraphWriter g;
  g.placeholder(name, {1, 4, 4, 3});
  g.node("</title>", "Mean", {name, "axes"}).type("T", posy::DataType::kFloat);
  g.constant_ints("axes", {2}, {1, 2});
  write("<graph>.pb", g.bytes());
  REQUIRE(run_posy({"show", "<graph>.pb", "-o", "page.html"}).code == 0);
  const std::string page = read("page.html");
  CHECK(count(page, "</script>") == count(page, "<script"));
  CHECK(count(page, "<!--") == 0);
  CHECK(contains(page, "<title>&lt;graph&gt;.pb: posy show</title>"));
  const Json data = data_of(page);
  CHECK(data["graph"]["nodes"][0]["n"] == name);
  CHECK(data["model"]["nodes"][0]["n"] == name);
  CHECK(data["title"] == "<graph>.pb");
}

TEST_CASE("show: times of a benchmark, of this model only") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb", "-o", "m.posy"}).code == 0);
  Json bench = run_posy({"bench", "m.posy", "--runs", "3", "--json"}).json().at(0);
  const auto write_json = [](const std::string& path, const Json& json) { write(path, bytes_of(json.dump())); };
  write_json("bench.json", bench);
  const Json data = page_data({"m.posy", "--bench", "bench.json"});
  for (size_t op = 0; op < 3; ++op) CHECK(data["model"]["nodes"][op + 1]["t"] == bench["ops"][op]["ms"]);
  CHECK(contains(data["times"].get<std::string>(), "bench.json"));
  const Json measured = page_data({"m.posy", "--measure"});
  for (size_t op = 1; op < 4; ++op) CHECK(measured["model"]["nodes"][op]["t"].get<double>() >= 0);

  bench["ops"][1]["name"] = "another";
  write_json("other.json", bench);
  bench["ops"].erase(1);
  write_json("fewer.json", bench);
  write("none.json", bytes_of("<html>"));
  for (const auto& [file, part] : std::vector<std::pair<std::string, std::string>>{
           {"other.json", "op 1 is not the model's conv_2d"},
           {"fewer.json", "times of 2 ops"},
           {"none.json", "is not what posy bench MODEL --json prints"},
           {"missing.json", "No such file"},
       }) {
    const Outcome outcome = run_posy({"show", "m.posy", "--bench", file, "-o", "bad.html"});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, part));
  }
  CHECK_FALSE(std::filesystem::exists("bad.html"));
}

TEST_CASE("show: a graph that does not convert is shown alone, with the reason") {
  Workplace here;
  write("graph.pb", colour_graph("FancyOp").bytes());
  const Outcome outcome = run_posy({"show", "graph.pb", "-o", "page.html"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.err, "'odd_one' (FancyOp)"));
  const Json data = data_of(read("page.html"));
  CHECK(data["model"].is_null());
  CHECK(data["graph"]["nodes"].size() == 12);
  CHECK(contains(data["note"].get<std::string>(), "'odd_one' (FancyOp)"));
}

TEST_CASE("show: bad inputs are named and leave nothing behind") {
  Workplace here;
  write_colour_files();
  write("page.pb", bytes_of("<!DOCTYPE html><html><body>404</body></html>"));
  write("file", bytes_of("no folder"));
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"missing.pb", "-o", "out.html"}, "missing.pb"},
           {{"page.pb", "-o", "out.html"}, "HTML"},
           {{"graph.pb", "-o", "none/out.html"}, "none/out.html"},
           {{"graph.pb", "-o", "out.html", "--tensorboard", "file"}, "file: "},
           {{"graph.pb", "-o", "out.html", "--against", "page.pb"}, "page.pb"},
           {{"graph.pb", "-o", "out.html", "--labels", "none.txt"}, "none.txt"},
           {{"graph.pb", "-o", "out.html", "--output-node", "nowhere"}, "'nowhere'"},
       }) {
    std::vector<std::string> all = {"show"};
    all.insert(all.end(), words.begin(), words.end());
    const Outcome outcome = run_posy(all);
    INFO(outcome.err);
    CHECK(outcome.code == 1);
    CHECK(is_one_sentence_about(outcome.err, part));
  }
  CHECK_FALSE(std::filesystem::exists("out.html"));
}

TEST_CASE("show: --tensorboard writes the graph without the bulk of its weights") {
  Workplace here;
  REQUIRE(run_posy({"show", kModel, "--tensorboard", "runs/graph"}).code == 0);
  const std::vector<uint8_t> bytes = graph_of_events("runs/graph");
  CHECK(bytes.size() < 150000);  // of two million
  const posy::Graph graph = posy::parse_frozen_graph(bytes, "events");
  REQUIRE(graph.nodes.size() == 560);
  CHECK(graph.nodes[0].name == "input");
}

TEST_CASE("show: --tensorboard of a file has its ops as nodes, with shapes") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb", "-o", "m.posy"}).code == 0);
  REQUIRE(run_posy({"show", "m.posy", "--tensorboard", "runs", "-o", "page.html"}).code == 0);
  const posy::Graph graph = posy::parse_frozen_graph(graph_of_events("runs"), "events");
  REQUIRE(graph.nodes.size() == 4);
  CHECK(graph.nodes[0].op == "Placeholder");
  CHECK(graph.nodes[2].op == "conv_2d");
  CHECK(graph.nodes[2].inputs == std::vector<std::string>{graph.nodes[1].name});
  CHECK(graph.nodes[2].attribute("multiply_adds")->integer == 9);
  CHECK(graph.nodes[2].attribute("window")->text == "1x1");
  CHECK(graph.nodes[2].attribute("_output_shapes") != nullptr);
}
