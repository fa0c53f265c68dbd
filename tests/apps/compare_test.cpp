// posy compare: do two models give the same scores?
#include <doctest/doctest.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;
namespace fs = std::filesystem;

namespace {

// colour_graph() with other weights in its two layers.
posy::GraphWriter linear_graph(const std::vector<float>& first, const std::vector<float>& last, int64_t classes = 3) {
  using posy::DataType;
  posy::GraphWriter g;
  g.placeholder("input", {1, 8, 8, 3});
  g.node("pool", "AvgPool", {"input"})
      .type("T", DataType::kFloat)
      .ints("ksize", {1, 8, 8, 1})
      .ints("strides", {1, 1, 1, 1})
      .text("padding", "VALID");
  const int64_t wide = (int64_t)first.size() / 3;
  g.constant("logits/weights", {1, 1, 3, wide}, first);
  g.node("logits", "Conv2D", {"pool", "logits/weights"})
      .type("T", DataType::kFloat)
      .ints("strides", {1, 1, 1, 1})
      .text("padding", "VALID");
  g.constant_ints("bottleneck/shape", {2}, {1, (int32_t)wide});
  g.node("bottleneck", "Reshape", {"logits", "bottleneck/shape"}).type("T", DataType::kFloat);
  g.constant("final/weights", {wide, classes}, last);
  g.node("final/matmul", "MatMul", {"bottleneck", "final/weights"})
      .type("T", DataType::kFloat)
      .flag("transpose_a", false)
      .flag("transpose_b", false);
  g.node("final_result", "Softmax", {"final/matmul"}).type("T", DataType::kFloat);
  return g;
}

const std::vector<float> kFirst = {1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1};
const std::vector<float> kLast = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
// Classes green, blue, red.
const std::vector<float> kTurned = {0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0};
// Red counts a tenth more.
const std::vector<float> kOther = {1.1f, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};

void write_models() {
  write_colour_files();
  write("a.pb", linear_graph(kFirst, kLast).bytes());
  write("a_labels.txt", bytes_of("red\ngreen\nblue\n"));
  write("b.pb", linear_graph(kFirst, kOther).bytes());
  write("b_labels.txt", bytes_of("red\ngreen\nblue\n"));
  write("turned.pb", linear_graph(kFirst, kTurned).bytes());
  write("turned_labels.txt", bytes_of("Green\nblue\nred\n"));
  fs::create_directories("photos/deep");
  for (const char* name : {"red.png", "blue.png"}) fs::copy_file(name, "photos/" + std::string(name));
  fs::copy_file("green.png", "photos/deep/green.png");
}

// Of the red picture, whose own value is 1, or 1.1 in b.pb.
const double kRed = own_score(1, 0), kRedInB = own_score(1.1, 0);

std::string table_line(const std::string& image, const std::string& model) {
  const Json json = run_posy({"label", model, image, "--top", "0", "--json"}).json().at(0);
  std::string line = image;
  for (const Json& score : json["scores"]) {
    char text[32];
    std::snprintf(text, sizeof text, "\t%.9g", score["score"].get<double>());
    line += text;
  }
  return line + "\n";
}

}  // namespace

TEST_CASE("compare: a graph, its file and itself have equal scores, also without photos") {
  Workplace here;
  write_models();
  REQUIRE(run_posy({"convert", "a.pb", "--weights", "f32", "-o", "a.posy"}).code == 0);
  for (const char* other : {"a.pb", "a.posy"}) {
    const Outcome outcome = run_posy({"compare", "a.pb", other, "--json"});
    CHECK(outcome.code == 0);
    const Json json = outcome.json().at(0);
    CHECK(json["images"] == 16);
    CHECK(json["max_abs_diff"] == 0.0);
    CHECK(json["top1_agreement"] == 1.0);
    CHECK(json["worst_image"] == "synthetic 0");
    CHECK(json["synthetic"] == true);
    CHECK(json["first_decimal"].is_null());
    CHECK(contains(outcome.err, "16 synthetic ones"));
  }
  CHECK(contains(run_posy({"compare", "a.pb", "a.posy"}).out, "all scores are equal"));
}

TEST_CASE("compare: the greatest difference, its image, class and decimal as reckoned by hand") {
  Workplace here;
  write_models();
  const Outcome outcome = run_posy({"compare", "a.pb", "b.pb", "--images", "photos", "--json", "--each"});
  CHECK(outcome.code == 1);
  const std::vector<Json> json = outcome.json();
  REQUIRE(json.size() == 4);
  CHECK(json[0]["image"] == "photos/blue.png");
  CHECK(json[1]["max_abs_diff"] == 0.0);
  CHECK(json[2]["image"] == "photos/red.png");
  CHECK(json[2]["label"] == "red");
  CHECK(json[2]["a"].get<double>() == doctest::Approx(kRed));
  CHECK(json[2]["b"].get<double>() == doctest::Approx(kRedInB));
  CHECK(json[3]["images"] == 3);
  CHECK(json[3]["worst_image"] == "photos/red.png");
  CHECK(json[3]["max_abs_diff"].get<double>() == doctest::Approx(kRedInB - kRed).epsilon(1e-5));
  CHECK(json[3]["top1_agreement"] == 1.0);
  CHECK(json[3]["first_decimal"] == 2);
  // Two other classes lose half of it each, on one of three images with three classes.
  CHECK(json[3]["mean_abs_diff"].get<double>() == doctest::Approx(2 * (kRedInB - kRed) / 9).epsilon(1e-5));
  CHECK(json[3]["within_tolerance"] == false);
}

TEST_CASE("compare: the exit code goes by the tolerance") {
  Workplace here;
  write_models();
  const std::string over = std::to_string(kRedInB - kRed + 1e-5), under = std::to_string(kRedInB - kRed - 1e-5);
  const Outcome within = run_posy({"compare", "a.pb", "b.pb", "photos/red.png", "--tolerance", over});
  CHECK(within.code == 0);
  char most[16];
  std::snprintf(most, sizeof most, "%.2e", kRedInB - kRed);
  CHECK(contains(within.out, "1 image: the same best class for all; scores differ by up to " + std::string(most) +
                                 ", from decimal 2 on"));
  const Outcome outside = run_posy({"compare", "a.pb", "b.pb", "photos/red.png", "--tolerance", under});
  CHECK(outside.code == 1);
  CHECK(contains(outside.out, "more than --tolerance"));
  CHECK(run_posy({"compare", "a.pb", "b.pb", "photos/blue.png", "--tolerance", "0"}).code == 0);
}

TEST_CASE("compare: classes in another order go by label, other classes are refused") {
  Workplace here;
  write_models();
  const Outcome turned = run_posy({"compare", "a.pb", "turned.pb", "--images", "photos", "--json"});
  CHECK(turned.code == 0);
  CHECK(turned.json().at(0)["max_abs_diff"].get<double>() < 1e-6);
  CHECK(contains(turned.err, "turned.pb has the classes in another order"));
  write("turned_labels.txt", bytes_of("green\nblue\npink\n"));
  CHECK(
      contains(run_posy({"compare", "a.pb", "turned.pb"}).err, "a.pb has a class 'red' that turned.pb does not have"));
  write("two.pb", linear_graph(kFirst, {1, 0, 0, 1, 0, 0, 0, 0}, 2).bytes());
  write("two_labels.txt", bytes_of("red\ngreen\n"));
  const Outcome two = run_posy({"compare", "a.pb", "two.pb"});
  CHECK(two.code == 1);
  CHECK(contains(two.err, "a.pb has 3 classes, two.pb has 2"));
}

TEST_CASE("compare: a table of scores stands for a model, on either side") {
  Workplace here;
  write_models();
  const std::string lines = table_line("photos/red.png", "a.pb") + table_line("photos/deep/green.png", "a.pb");
  write("scores.tsv", bytes_of("# by hand\nimage\tred\tgreen\tblue\n" + lines));
  for (const auto& words : std::vector<std::vector<std::string>>{{"a.pb", "scores.tsv"}, {"scores.tsv", "a.pb"}}) {
    const Outcome outcome = run_posy({"compare", words[0], words[1], "--json", "--tolerance", "1e-8"});
    CHECK(outcome.code == 0);
    CHECK(outcome.json().at(0)["images"] == 2);
    CHECK(outcome.json().at(0)["max_abs_diff"].get<double>() < 1e-8);
  }
  CHECK(run_posy({"compare", "b.pb", "scores.tsv"}).code == 1);
  CHECK(run_posy({"compare", "scores.tsv", "scores.tsv"}).code == 0);
}

TEST_CASE("compare: a table's images lie beside it or in the folder that is named") {
  Workplace here;
  write_models();
  fs::create_directories("elsewhere");
  std::string line = table_line("photos/red.png", "a.pb");
  line = line.substr(line.find('/') + 1);
  write("elsewhere/scores.tsv", bytes_of(line));
  CHECK(run_posy({"compare", "a.pb", "elsewhere/scores.tsv", "--images", "photos"}).code == 0);
  CHECK(run_posy({"compare", "a.pb", "elsewhere/scores.tsv", "photos"}).code == 0);
  fs::copy_file("red.png", "elsewhere/red.png");
  fs::remove("red.png");
  CHECK(run_posy({"compare", "a.pb", "elsewhere/scores.tsv"}).code == 0);
  fs::remove("elsewhere/red.png");
  const Outcome missing = run_posy({"compare", "a.pb", "elsewhere/scores.tsv"});
  CHECK(missing.code == 1);
  CHECK(contains(missing.err, "elsewhere/red.png"));
  const Outcome file = run_posy({"compare", "a.pb", "elsewhere/scores.tsv", "photos/red.png"});
  CHECK(file.code == 2);
  CHECK(contains(file.err, "--images says in which folder"));
}

TEST_CASE("compare: lists of some classes are compared by these, by number") {
  Workplace here;
  write_models();
  char line[96];
  std::snprintf(line, sizeof line, "photos/red.png\t0:%.9g\n", kRed);
  write("some.tsv", bytes_of(line));
  const Outcome outcome = run_posy({"compare", "a.pb", "some.tsv", "--json", "--tolerance", "1e-6"});
  CHECK(outcome.code == 0);
  write("some.tsv", bytes_of("photos/red.png\t3:0.5\n"));
  CHECK(contains(run_posy({"compare", "a.pb", "some.tsv"}).err, "some.tsv: line 1: there is no class 3; there are 3"));
}

TEST_CASE("compare: a bad table is refused with its line, and what is no number is no match") {
  Workplace here;
  write_models();
  write("scores.tsv", bytes_of("photos/red.png\t0.5\t0.3\t0.2\nphotos/blue.png\t0.5\t0.5\n"));
  const Outcome count = run_posy({"compare", "a.pb", "scores.tsv"});
  CHECK(count.code == 1);
  CHECK(is_one_sentence_about(count.err, "scores.tsv: line 2: 2 scores, but the lines before have 3"));
  write("scores.tsv", bytes_of("photos/red.png\t0.5\t0.5\n"));
  CHECK(contains(run_posy({"compare", "a.pb", "scores.tsv"}).err, "a.pb has 3 classes, scores.tsv has 2"));
  write("scores.tsv", bytes_of("photos/red.png\tnan\t0.2\t0.2\n"));
  const Outcome no_number = run_posy({"compare", "a.pb", "scores.tsv", "--json", "--tolerance", "1e30"});
  CHECK(no_number.code == 1);
  CHECK(no_number.json().at(0)["max_abs_diff"].is_null());
  CHECK(no_number.json().at(0)["top1_agreement"] == 0.0);
  write("other.tsv", bytes_of("photos/blue.png\t0\t0\t1\n"));
  CHECK(contains(run_posy({"compare", "scores.tsv", "other.tsv"}).err, "other.tsv: no line for photos/red.png"));
}

TEST_CASE("compare: unreadable images are named, the others compared, and the exit code is 1") {
  Workplace here;
  write_models();
  write("photos/broken.png", bytes_of("<html>"));
  const Outcome outcome = run_posy({"compare", "a.pb", "a.pb", "photos", "none.png", "--json"});
  CHECK(outcome.code == 1);
  CHECK(outcome.json().at(0)["images"] == 3);
  CHECK(outcome.json().at(0)["unreadable"] == 2);
  CHECK(contains(outcome.err, "photos/broken.png"));
  CHECK(contains(outcome.err, "none.png"));
  const Outcome nothing = run_posy({"compare", "a.pb", "a.pb", "none.png"});
  CHECK(nothing.code == 1);
  CHECK(contains(nothing.err, "no image could be compared"));
  fs::create_directories("empty");
  CHECK(run_posy({"compare", "a.pb", "a.pb", "empty"}).code == 1);
}

TEST_CASE("compare: --layers finds the first layer where two models part") {
  Workplace here;
  write_models();
  std::vector<float> first = kFirst;
  first[2] = 0.25f;  // some red in the third value
  write("early.pb", linear_graph(first, kLast).bytes());
  fs::copy_file("a_labels.txt", "early_labels.txt");
  const auto apart = [](const std::string& other) {
    const Outcome outcome =
        run_posy({"compare", "a.pb", other, "photos/red.png", "--layers", "--keep-bottleneck", "--json"});
    return outcome.json().at(0)["first_layer_apart"];
  };
  CHECK(apart("a.pb").is_null());
  CHECK(apart("early.pb") == "logits");
  CHECK(apart("b.pb") == "final/matmul");
  const Outcome text = run_posy({"compare", "a.pb", "early.pb", "photos/red.png", "--layers", "--keep-bottleneck"});
  CHECK(text.code == 1);
  CHECK(contains(text.out, "\n> 1x1x4"));
  CHECK(contains(text.out, "2.50e-01"));
  CHECK(contains(text.out, "the first layer where they part (>): logits\n"));
  const Json layers = run_posy({"compare", "a.pb", "b.pb", "photos/red.png", "--layers", "--keep-bottleneck", "--json"})
                          .json()
                          .at(0)["layers"];
  CHECK(layers.size() >= 3);
  CHECK(layers.back()["name"] == "final_result");
  CHECK(layers.back()["relative"].get<double>() == doctest::Approx((kRedInB - kRed) / kRed).epsilon(1e-4));
}

TEST_CASE("compare: --layers says where shapes differ") {
  Workplace here;
  write_models();
  // The same scores with five values in between.
  write("wide.pb",
        linear_graph({1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 0}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
            .bytes());
  fs::copy_file("a_labels.txt", "wide_labels.txt");
  const std::vector<std::string> words = {"compare", "a.pb", "wide.pb", "--layers", "--keep-bottleneck"};
  const Outcome text = run_posy(words);
  CHECK(text.code == 0);
  CHECK(contains(text.out, "> 1x1x4         against 1x1x5"));
  const Json json = run_posy({"compare", "a.pb", "wide.pb", "--layers", "--keep-bottleneck", "--json"}).json().at(0);
  CHECK(json["first_layer_apart"] == "logits");
  const Json& layer = json["layers"][1];
  CHECK(layer["shape"] == Json({1, 1, 4}));
  CHECK(layer["shape_b"] == Json({1, 1, 5}));
}

TEST_CASE("compare: the same figures for every number of threads") {
  Workplace here;
  write_models();
  const auto printed = [](const char* threads) {
    return run_posy({"compare", "a.pb", "b.pb", "--json", "--each", "--threads", threads}).out;
  };
  CHECK(printed("1") == printed("3"));
}

TEST_CASE("compare: convert's flags are for the graph among the two") {
  Workplace here;
  write_models();
  REQUIRE(run_posy({"convert", "a.pb", "--std", "100", "-o", "hundred.posy"}).code == 0);
  CHECK(run_posy({"compare", "hundred.posy", "a.pb", "photos", "--std", "100"}).code == 0);
  CHECK(run_posy({"compare", "a.pb", "hundred.posy", "photos", "--std", "100"}).code == 0);
  CHECK(run_posy({"compare", "hundred.posy", "a.pb", "photos"}).code == 1);
  const Outcome none = run_posy({"compare", "hundred.posy", "hundred.posy", "--std", "100"});
  CHECK(none.code == 2);
  CHECK(contains(none.err, "needs a graph"));
}

TEST_CASE("compare: wrong usage and missing files say what is wrong") {
  Workplace here;
  write_models();
  write("scores.tsv", bytes_of("photos/red.png\t0.5\t0.3\t0.2\n"));
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"compare", "a.pb"}, "takes two models"},
           {{"compare", "a.pb", "b.pb", "--tolerance", "-1"}, "must not be negative"},
           {{"compare", "a.pb", "b.pb", "--tolerance", "tiny"}, "wants a number"},
           {{"compare", "a.pb", "scores.tsv", "--layers"}, "a table has scores only"}}) {
    const Outcome outcome = run_posy(words);
    CHECK(outcome.code == 2);
    CHECK(contains(outcome.err, part));
  }
  CHECK(contains(run_posy({"compare", "a.pb", "none.posy"}).err, "none.posy"));
  CHECK(contains(run_posy({"compare", "a.pb", "none.tsv"}).err, "none.tsv"));
  CHECK(run_posy({"compare", "a.pb", "none.tsv"}).code == 1);
}

TEST_CASE("compare: the page has the figures, the images and the layers, and needs no network") {
  Workplace here;
  write_models();
  const Outcome outcome = run_posy({"compare", "a.pb", "b.pb", "--images", "photos/red.png", "--images", "photos",
                                    "--layers", "--keep-bottleneck", "--html", "page.html"});
  CHECK(outcome.code == 1);
  CHECK(contains(outcome.out, "4 images"));
  const std::string page = read("page.html");
  const auto count = [&](const std::string& part) {
    size_t found = 0;
    for (size_t at = page.find(part); at != std::string::npos; at = page.find(part, at + 1)) ++found;
    return found;
  };
  CHECK(count("data:image/jpeg;base64,/9j/") == 4);
  CHECK(count("parts here") == 1);
  CHECK(count("some scores differ by more") == 1);
  CHECK(page.rfind("title=\"photos/red.png") < page.find("title=\"photos/blue.png"));  // the worst first
  CHECK(count("http") == 0);
  for (const char* id : {"facts", "decades", "layers", "images"}) CHECK(count("id=\"" + std::string(id) + "\"") == 1);
  for (const std::string tag : {"svg", "table", "tr", "td", "th", "main", "figure", "dl", "html"}) {
    CHECK(count("<" + tag + ">") + count("<" + tag + " ") == count("</" + tag + ">"));
  }
  CHECK(run_posy({"compare", "a.pb", "b.pb", "--html", "no/page.html"}).code == 1);
  CHECK(run_posy({"compare", "a.pb", "b.pb", "--html", "a.pb"}).code == 2);
}
