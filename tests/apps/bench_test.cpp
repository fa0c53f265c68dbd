// posy bench: what it says, never how fast.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "kernels/kernels.h"
#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

const std::vector<std::string> kQuick = {"--runs", "2", "--warmup", "0"};

Outcome bench(std::vector<std::string> words, const std::vector<std::string>& variables = {}) {
  words.insert(words.begin(), "bench");
  words.insert(words.end(), kQuick.begin(), kQuick.end());
  return run_posy(words, variables);
}

// Every kernel of one instruction set, the fastest: scalar code takes a minute for all shapes.
Outcome bench_kernels(std::vector<std::string> words) {
  words.insert(words.begin(), "--kernels");
  return bench(words, {std::string("POSY_ISA=") + posy::best_kernels()->isa});
}

// A graph whose last node is called `name`.
void write_graph_with_node(const std::string& name) {
  posy::GraphWriter g = colour_graph();
  g.node(name, "Softmax", {"final_result"}).type("T", posy::DataType::kFloat);
  write("graph.pb", g.bytes());
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

// Fields of each record (RFC 4180).
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> records(1, std::vector<std::string>(1));
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string& field = records.back().back();
    if (quoted) {
      if (text[i] != '"') {
        field += text[i];
      } else if (text.substr(i, 2) == "\"\"") {
        field += text[i++];
      } else {
        quoted = false;
      }
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == ',') {
      records.back().push_back("");
    } else if (text.substr(i, 2) == "\r\n") {
      records.push_back({""});
      ++i;
    } else {
      field += text[i];
    }
  }
  CHECK(records.back() == std::vector<std::string>{""});  // the last record ends its line, too
  records.pop_back();
  return records;
}

void check_page(const std::string& page) {
  CHECK(page.rfind("<!DOCTYPE html>", 0) == 0);
  for (const std::string outside : {"http:", "https:", "//cdn", " src=", "<link", "@import", "url(", "<iframe"}) {
    CAPTURE(outside);
    CHECK(!contains(page, outside));
  }
  for (const std::string part : {"<html lang=", "<title>", "name=\"viewport\"", "prefers-color-scheme: dark", "<svg ",
                                 "<desc ", "tabindex=\"0\"", "aria-label=", "<table>", "scope=\"col\""}) {
    CAPTURE(part);
    CHECK(contains(page, part));
  }
}

void check_usage(std::vector<std::string> words, const std::string& part) {
  words.insert(words.begin(), "bench");
  const Outcome outcome = run_posy(words);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.out == "");
  CHECK(contains(outcome.err, part));
}

bool is_about(double a, double b) {
  return std::fabs(a - b) <= 1e-4 * std::max(std::fabs(a), std::fabs(b));
}

}  // namespace

TEST_CASE("bench --json: the peak is measured, and every speed is that of the work in the time") {
  Workplace here;
  write_colour_files();
  const Outcome outcome = bench({"graph.pb", "--json", "--threads", "2"});
  REQUIRE(outcome.code == 0);
  const Json json = outcome.json().at(0);
  CHECK(json["threads"] == 2);
  CHECK(json["runs"] == 2);
  CHECK(json["peak_gflops"] > 0);
  CHECK(json["bandwidth_gbs"] > 0);
  CHECK(json["peak_rss_bytes"] > 0);
  const Json info = run_posy({"info", "graph.pb", "--json"}).json().at(0);
  CHECK(json["macs"] == info["macs"]);
  const double peak = json["peak_gflops"], macs = json["macs"], min_ms = json["min_ms"];
  // The time is rounded to a microsecond, and this model takes a few.
  if (min_ms > 0) CHECK(json["fraction_of_peak"].get<double>() <= 2 * macs / (min_ms - 0.0006) / 1e6 / peak);
  REQUIRE(json["ops"].size() == info["ops"].size());
  for (size_t i = 0; i < json["ops"].size(); ++i) {
    const Json& op = json["ops"][i];
    CHECK(op["kind"] == info["ops"][i]["kind"]);
    CHECK(op["macs"] == info["ops"][i]["macs"]);
    CHECK(op["bytes"] > op["macs"].get<double>() / 1000);
    CHECK(op["ms"] >= op["min_ms"]);
    CHECK(is_about(op["gflops"], 2 * op["macs"].get<double>() / op["ms"].get<double>() / 1e6));
    CHECK(is_about(op["fraction_of_peak"], op["gflops"].get<double>() / peak));
  }
}

TEST_CASE("bench: the memory that is reported is the model's and not the benchmark's") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb", "-o", "small.posy"}).code == 0);
  const Json json = bench({"small.posy", "--json"}).json().at(0);
  // The file has some kilobytes; the rest is the program itself and its libraries. The buffer for memory reads has 64
  // MiB. Sanitizers keep memory of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(json["peak_rss_bytes"].get<uint64_t>() < 12u << 20);
#endif
}

TEST_CASE("bench --csv: a header and one record for each op, quoted where they must be") {
  Workplace here;
  const std::string name = "a,\"b\"";
  write_graph_with_node(name);
  const Outcome outcome = bench({"graph.pb", "--output-node", name, "--json", "--csv", "ops.csv"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  const Json json = outcome.json().at(0);
  const auto records = parse_csv(read("ops.csv"));
  REQUIRE(records.size() == 1 + json["ops"].size());
  for (const auto& record : records) CHECK(record.size() == records[0].size());
  CHECK(records[0][0] == "kind");
  CHECK(records[0][1] == "name");
  for (size_t i = 0; i < json["ops"].size(); ++i) {
    CHECK(records[i + 1][0] == json["ops"][i]["kind"]);
    CHECK(records[i + 1][1] == json["ops"][i]["name"]);
  }
  CHECK(records.back()[1] == name);
  CHECK(contains(read("ops.csv"), "\"a,\"\"b\"\"\""));
}

TEST_CASE("bench --html: one page that needs nothing else, with every op in the chart and in the table") {
  Workplace here;
  const std::string name = "<script>&\"a\"";
  write_graph_with_node(name);
  const Outcome outcome = bench({"graph.pb", "--output-node", name, "--json", "--html", "page.html"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  const std::string page = read("page.html");
  check_page(page);
  const size_t ops = outcome.json().at(0)["ops"].size();
  CHECK(count_of(page, "<tr id=\"row") == ops);
  CHECK(count_of(page, "class=\"dot\"") == ops);
  CHECK(count_of(page, "<script>") == 1);
  CHECK(contains(page, "&lt;script&gt;&amp;&quot;a&quot;"));
  CHECK(contains(page, "posy bench graph.pb --output-node '&lt;script"));
  CHECK(contains(page, " GB/s</text>"));
  CHECK(contains(page, std::string(posy::best_kernels()->isa)));
}

TEST_CASE("bench --kernels measures every op of ops.def, with every type of weights") {
  Workplace here;
  const Outcome outcome = bench_kernels({"--json", "--csv", "kernels.csv", "--html", "kernels.html"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  const Json json = outcome.json().at(0);
  std::set<std::string> kinds, weights;
  for (const Json& row : json["kernels"]) {
    kinds.insert(row["kind"].get<std::string>());
    if (row["kind"] == "conv_2d") weights.insert(row["weights"].get<std::string>());
    CHECK(row["isa"] == posy::best_kernels()->isa);
    CHECK(row["runs"] == 2);
    CHECK(row["min_ms"] <= row["median_ms"]);
    CHECK(row["macs"] > 0);
    CHECK(row["bytes"] > 0);
    for (const char* speed : {"gflops", "gbs", "fraction_of_peak"}) CHECK(row[speed] > 0);
  }
#define POSY_OP(number, name, Args) CHECK(kinds.count(#name) == 1);
#include "kernels/ops.def"
#undef POSY_OP
  CHECK(weights.size() == std::size(posy::kWeightTypes));
  REQUIRE(json["isas"].size() == 1);
  CHECK(json["isas"][0]["peak_gflops"] > 0);
  CHECK(parse_csv(read("kernels.csv")).size() == 1 + json["kernels"].size());
  const std::string page = read("kernels.html");
  check_page(page);
  CHECK(count_of(page, "<tr id=\"row") == json["kernels"].size());
}

TEST_CASE("bench: a table may go to standard output, which then has nothing else") {
  Workplace here;
  write_colour_files();
  const Outcome outcome = bench({"graph.pb", "--csv", "-"});
  CHECK(outcome.code == 0);
  CHECK(parse_csv(outcome.out).size() >= 2);
  check_page(bench({"graph.pb", "--html", "-"}).out);
}

TEST_CASE("bench: wrong usage is exit code 2") {
  Workplace here;
  write_colour_files();
  check_usage({"--kernels", "graph.pb"}, "bench --kernels takes no model");
  check_usage({}, "bench takes one model");
  check_usage({"graph.pb", "--csv", "graph.pb"}, "--csv graph.pb is taken");
  check_usage({"graph.pb", "--html", "./graph.pb"}, "--html ./graph.pb is taken");
  check_usage({"graph.pb", "--csv", "a", "--html", "a"}, "--html a is taken");
  check_usage({"graph.pb", "--csv=-", "--html=-"}, "--html - is taken");
  check_usage({"graph.pb", "--json", "--csv", "-"}, "--csv - is taken");
  check_usage({"graph.pb", "--csv"}, "--csv");
  check_usage({"graph.pb", "--threads", "65"}, "--threads wants a whole number from 1 to 64");
  check_usage({"--kernels", "--runs=0"}, "--runs wants a whole number from 1");
  CHECK(here.files() == std::vector<std::string>{"blue.png", "graph.pb", "green.png", "labels.txt", "red.png"});
}

TEST_CASE("bench: files that cannot be written and instruction sets that are not here are exit code 1") {
  Workplace here;
  write_colour_files();
  std::filesystem::create_directory("folder");
  for (const std::string path : {"missing/a.csv", "folder"}) {
    for (const std::string flag : {"--csv", "--html"}) {
      CAPTURE(path);
      const Outcome outcome = bench({"graph.pb", flag, path});
      CHECK(outcome.code == 1);
      CHECK(outcome.out == "");
      CHECK(is_one_sentence_about(outcome.err, path));
    }
  }
  CHECK(std::filesystem::is_empty("folder"));
  const Outcome unknown = bench({"--kernels"}, {"POSY_ISA=mmx"});
  CHECK(unknown.code == 1);
  CHECK(is_one_sentence_about(unknown.err, "POSY_ISA=mmx"));
  CHECK(contains(unknown.err, "scalar"));
}
