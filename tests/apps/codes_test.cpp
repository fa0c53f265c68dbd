// What info, label and bench say of a model whose ops are of 8-bit codes.
#include <doctest/doctest.h>

#include <set>

#include "tests/apps/run_posy.h"
#include "tests/engine/model_builder.h"

using namespace posy_test;

namespace {

// Codes in, a convolution that makes codes, its floats, the scores. With a table, it comes first.
Bytes code_model(bool with_table) {
  posy::NetworkBuilder b({16, 16, 3}, 3);
  b.as_codes(b.input(), 1 / 127.0f, 127);
  posy::ValueId in = b.input();
  if (with_table) in = b.as_codes(b.unary(posy::UnaryFunction::tanh, in), 1 / 127.0f, 127);
  const posy::ValueId made = b.as_codes(b.code_conv(in, 3, 5), 0.05f, 100);
  b.softmax(b.average_all(b.decode(made)));
  b.network().preprocessing.mean[0] = b.network().preprocessing.mean[1] = b.network().preprocessing.mean[2] = 127.5f;
  const posy::Plan plan = posy::make_plan(&b.network());
  return posy::write_posy(b.network(), plan, posy::WeightChoice::kF32);
}

size_t number_of(const Json& ops, const std::string& kind) {
  size_t i = 0;
  while (ops.at(i)["kind"] != kind) ++i;
  return i;
}

bool is_about(double a, double b) {
  return std::fabs(a - b) <= 1e-4 * std::max(std::fabs(a), std::fabs(b));
}

}  // namespace

TEST_CASE("info: tensors of codes and weights of bytes are named so") {
  Workplace here;
  write("codes.posy", code_model(false));
  const Json json = run_posy({"info", "codes.posy", "--json"}).json().at(0);
  CHECK(json["input"]["type"] == "u8");
  CHECK(json["input"]["zero_point"] == 127);
  CHECK(is_about(json["input"]["scale"], 1 / 127.0));
  const Json& conv = json["ops"].at(number_of(json["ops"], "int8_conv_2d"));
  CHECK(conv["weights"] == "s8");
  CHECK(conv["type"] == "u8");
  CHECK(conv["zero_point"] == 100);
  CHECK(conv["macs"] == 16 * 16 * 5 * 27);
  CHECK(conv["weight_bytes"] == 192 + 9 * 4 * 16);
  const Json& decode = json["ops"].at(number_of(json["ops"], "int8_decode"));
  CHECK(!decode.contains("type"));  // floats have the fields of the interface alone
  CHECK(!decode.contains("scale"));
  const std::string text = run_posy({"info", "codes.posy"}).out;
  CHECK(contains(text, "16x16x3 u8"));
  CHECK(contains(text, " s8 "));
}

TEST_CASE("info --dump: a tensor's codes, panels of bytes, tables") {
  Workplace here;
  write("codes.posy", code_model(false));
  const std::string dump = run_posy({"info", "codes.posy", "--dump"}).out;
  for (const char* part : {"type             u8", "zero_point       127", "start            16 integers",
                           "multiplier       16 floats", "sum              16 integers", "group 0          four"}) {
    CAPTURE(part);
    CHECK(contains(dump, part));
  }
  write("table.posy", code_model(true));
  CHECK(contains(run_posy({"info", "table.posy", "--dump"}).out, "table            256 codes"));
}

TEST_CASE("label --layer: codes are given as what they stand for") {
  Workplace here;
  write_colour_files();
  write("codes.posy", code_model(false));
  const auto layer = [](const std::string& name) {
    const Outcome outcome = run_posy({"label", "codes.posy", "green.png", "--json", "--layer", name});
    REQUIRE(outcome.code == 0);
    return outcome.json().at(0)["layer"];
  };
  const Json codes = layer("code_conv0"), floats = layer("decode1");
  CHECK(codes["shape"] == Json({16, 16, 5}));
  CHECK(codes["values"] == floats["values"]);
  std::set<double> distinct;
  for (const double value : codes["values"]) {
    distinct.insert(value);
    const double code = value / 0.05f + 100;
    CHECK(std::fabs(code - std::nearbyint(code)) < 1e-3);
    CHECK(code >= -1e-3);
    CHECK(code <= 255.001);
  }
  CHECK(distinct.size() > 5);
}

TEST_CASE("bench: an op of codes is measured against the peak of bytes") {
  Workplace here;
  write("codes.posy", code_model(false));
  const Outcome outcome = run_posy({"bench", "codes.posy", "--runs", "2", "--json", "--html", "page.html"});
  REQUIRE(outcome.code == 0);
  const Json json = outcome.json().at(0);
  CHECK(json["peak_gops_int8"] > 0);
  const Json& conv = json["ops"].at(number_of(json["ops"], "int8_conv_2d"));
  CHECK(is_about(conv["fraction_of_peak"], conv["gflops"].get<double>() / json["peak_gops_int8"].get<double>()));
  CHECK(conv["bytes"] == 16 * 16 * 3 + 16 * 16 * 5 + 192 + 9 * 4 * 16);
  CHECK(conv["weights"] == "s8");
  CHECK(contains(read("page.html"), "Gop/s of bytes"));
  CHECK(json["fraction_of_peak"] > 0);
}

TEST_CASE("bench: a model of floats has one peak") {
  Workplace here;
  write_colour_files();
  const Outcome outcome = run_posy({"bench", "graph.pb", "--runs", "2", "--json", "--html", "page.html"});
  REQUIRE(outcome.code == 0);
  CHECK(!outcome.json().at(0).contains("peak_gops_int8"));
  CHECK(!contains(read("page.html"), "Gop/s of bytes"));
}
