// posy explain: which places of a photo a score comes from.
#include <doctest/doctest.h>

#include "loaders/image.h"
#include "loaders/palette.h"
#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

const std::string kModel = POSY_SOURCE_DIR "/models/flowers_mobilenet_v1_0.25_128.pb";

// Red on the left half, blue on the right one.
Bytes halves_png(uint32_t width, uint32_t height) {
  PngOptions options;
  options.width = width;
  options.height = height;
  for (uint32_t y = 0; y < height; ++y) {
    options.rows.push_back(0);
    for (uint32_t x = 0; x < width; ++x) {
      const uint8_t red = x < width / 2 ? 255 : 0;
      options.rows.insert(options.rows.end(), {red, 0, static_cast<uint8_t>(255 - red)});
    }
  }
  return make_png(options);
}

// Something for a network to see: stripes, spots and slopes.
Bytes busy_png(uint32_t width, uint32_t height) {
  PngOptions options;
  options.width = width;
  options.height = height;
  for (uint32_t y = 0; y < height; ++y) {
    options.rows.push_back(0);
    for (uint32_t x = 0; x < width; ++x) {
      const bool is_spot = (x / 24 + y / 24) % 2 == 0;
      options.rows.push_back(static_cast<uint8_t>(is_spot ? 230 : 2 * y));
      options.rows.push_back(static_cast<uint8_t>(x + y));
      options.rows.push_back(static_cast<uint8_t>(is_spot ? 20 : 90));
    }
  }
  return make_png(options);
}

posy::Image picture(const std::string& path) {
  return posy::read_image(path);
}

int light_at(const posy::Image& image, uint32_t x, uint32_t y) {
  const uint8_t* p = &image.rgb[((size_t)y * image.width + x) * 3];
  return p[0] + p[1] + p[2];
}

double mean_of(const Json& map) {
  double sum = 0;
  size_t count = 0;
  for (const Json& row : map) {
    for (const Json& x : row) sum += x.get<double>(), ++count;
  }
  return sum / (double)count;
}

}  // namespace

TEST_CASE("explain: the class lights up where the photo has its colour") {
  Workplace here;
  write_colour_files();
  write("halves.png", halves_png(40, 20));
  const Outcome red = run_posy({"explain", "graph.pb", "halves.png", "-o", "red_heat.png", "--class", "red"});
  CHECK(red.code == 0);
  CHECK(red.err == "");
  CHECK(contains(red.out,
                 "red (score=0.38365)\nclass activation map: 8 x 8 cells; their mean 0.5000 and a bias of "
                 "0.0000 make the logit 0.5000\nmost at 6% from the left and 6% from the top (pixel 2, 1)\n"));
  const posy::Image left = picture("red_heat.png");
  CHECK(left.width == 40);
  CHECK(left.height == 20);
  CHECK(light_at(left, 2, 10) > 3 * light_at(left, 37, 10));
  REQUIRE(run_posy({"explain", "graph.pb", "halves.png", "-o", "blue_heat.png", "--class=2"}).code == 0);
  const posy::Image right = picture("blue_heat.png");
  CHECK(light_at(right, 37, 10) > 3 * light_at(right, 2, 10));
  // The best class, if none is named; of two that are as good the first.
  CHECK(run_posy({"explain", "graph.pb", "halves.png", "-o", "best.png"}).out == red.out);
  CHECK(read("best.png") == read("red_heat.png"));
  const Outcome none = run_posy({"explain", "graph.pb", "halves.png", "-o", "none.png", "--class=green"});
  CHECK(contains(none.out, "no place of the photo speaks for this class"));
}

TEST_CASE("explain: the default model's map and bias are its logits, of the graph and of files of every kind") {
  Workplace here;
  write("busy.png", busy_png(200, 120));
  std::filesystem::create_directory("photos");
  for (uint32_t i = 0; i < 4; ++i) write("photos/" + std::to_string(i) + ".png", busy_png(128 + 16 * i, 128));
  REQUIRE(run_posy({"convert", kModel, "--keep-bottleneck", "-o", "two.posy"}).code == 0);
  REQUIRE(run_posy({"convert", kModel, "--weights", "u8", "-o", "u8.posy"}).code == 0);
  REQUIRE(run_posy({"convert", kModel, "--int8", "--calibrate", "photos", "-o", "int8.posy"}).code == 0);
  std::vector<Json> of_graph;
  for (const std::string& model : {kModel, std::string("two.posy"), std::string("u8.posy"), std::string("int8.posy")}) {
    CAPTURE(model);
    const Json label = run_posy({"label", model, "busy.png", "--top=0", "--json"}).json().at(0);
    for (int c = 0; c < 5; ++c) {
      const Outcome outcome = run_posy(
          {"explain", model, "busy.png", "-o", "heat.png", "--json", "--class=" + std::to_string(c), "--threads=2"});
      REQUIRE(outcome.code == 0);
      REQUIRE(outcome.json().size() == 1);
      const Json json = outcome.json()[0];
      CHECK(json["method"] == "class activation map");
      CHECK(json["index"] == c);
      CHECK(json["score"] == label["scores"][c]["score"]);
      CHECK(json["map"].size() == 4);
      CHECK(json["map"][0].size() == 4);
      const double sum = mean_of(json["map"]) + json["bias"].get<double>();
      CHECK(sum == doctest::Approx(json["logit"].get<double>()).scale(1).epsilon(model == "int8.posy" ? 0.2 : 1e-4));
      if (model == kModel) of_graph.push_back(json);
      if (model != "two.posy") continue;
      for (size_t i = 0; i < 16; ++i) {
        CHECK(json["map"][i / 4][i % 4].get<double>() ==
              doctest::Approx(of_graph[(size_t)c]["map"][i / 4][i % 4].get<double>()).scale(1).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("explain: --occlusion covers one part after the other, and --runs is their number at most") {
  Workplace here;
  write_colour_files();
  write("halves.png", halves_png(40, 20));
  const Outcome outcome = run_posy(
      {"explain", "graph.pb", "halves.png", "-o", "heat.png", "--class=blue", "--occlusion", "--runs=20", "--json"});
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err == "");
  const Json json = outcome.json().at(0);
  CHECK(json["method"] == "occlusion map");
  CHECK(json["map"].size() == 4);
  CHECK(json["patch"] == Json({2, 2}));
  CHECK(json["map"][0][0].get<double>() < 0);
  CHECK(json["map"][0][3].get<double>() > 0);
  CHECK(json["least_score"] < json["score"]);
  CHECK(json["most_at"]["x"].get<int>() >= 20);
  const posy::Image heat = picture("heat.png");
  CHECK(light_at(heat, 37, 10) > 3 * light_at(heat, 2, 10));
}

TEST_CASE("explain: a model without a pooled end is explained by covering, which is said") {
  Workplace here;
  posy::GraphWriter g;
  g.placeholder("input", {1, 4, 4, 3});
  g.constant_ints("shape", {2}, {1, 48});
  g.node("flat", "Reshape", {"input", "shape"}).type("T", posy::DataType::kFloat);
  std::vector<float> weights(48 * 2, 0.0f);
  for (size_t i = 0; i < 48; i += 3) weights[i * 2] = weights[(i + 2) * 2 + 1] = 1;  // red, blue
  g.constant("weights", {48, 2}, weights);
  g.node("logits", "MatMul", {"flat", "weights"}).type("T", posy::DataType::kFloat);
  g.node("scores", "Softmax", {"logits"}).type("T", posy::DataType::kFloat);
  write("flat.pb", g.bytes());
  write("halves.png", halves_png(40, 20));
  const Outcome outcome = run_posy({"explain", "flat.pb", "halves.png", "-o", "heat.png", "--class=1"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.err, "flat.pb: no class activation map: "));
  CHECK(contains(outcome.err, "covered instead"));
  CHECK(contains(outcome.out, "1 (score="));
  CHECK(contains(outcome.out, "occlusion map: 4 x 4 places"));
  CHECK(light_at(picture("heat.png"), 37, 10) > 3 * light_at(picture("heat.png"), 2, 10));
}

TEST_CASE("explain: a photo that is stored turned is shown upright, as the model saw it stored") {
  Workplace here;
  write_colour_files();
  // Two blocks beside each other, the right one brighter; EXIF 6: the left column is the top row.
  const std::vector<std::array<int, 4>> blocks = {{40, 128, 128, 0}, {220, 128, 128, 0}};
  write("stored.jpg", make_jpeg({.blocks = blocks}));
  write("turned.jpg", make_jpeg({.blocks = blocks, .exif = make_exif(false, 6)}));
  REQUIRE(run_posy({"explain", "graph.pb", "stored.jpg", "-o", "stored.png"}).code == 0);
  const Outcome outcome = run_posy({"explain", "graph.pb", "turned.jpg", "-o", "turned.png", "--json"});
  REQUIRE(outcome.code == 0);
  posy::Image stored = picture("stored.png");
  const posy::Image turned = picture("turned.png");
  CHECK(stored.width == 16);
  CHECK(turned.width == 8);
  stored.orientation = 6;
  CHECK(posy::upright(stored).rgb == turned.rgb);
  CHECK(outcome.json()[0]["most_at"]["y"].get<int>() >= 8);
}

TEST_CASE("explain: a class that is not there is refused with the one that was meant") {
  Workplace here;
  write_colour_files();
  const auto refused = [&](const std::string& name) {
    const Outcome outcome = run_posy({"explain", "graph.pb", "red.png", "-o", "heat.png", "--class", name});
    CHECK(outcome.code == 1);
    CHECK(outcome.out == "");
    CHECK(is_one_sentence_about(outcome.err, "graph.pb: there is no class '" + name + "'"));
    CHECK_FALSE(std::filesystem::exists("heat.png"));
    return outcome.err;
  };
  CHECK(contains(refused("gren"), "did you mean 'green'?"));
  CHECK_FALSE(contains(refused("violet"), "did you mean"));
  CHECK(contains(refused("3"), "one of 3 labels, or its number"));
  refused("-1");
  refused("1x");
  std::filesystem::remove("labels.txt");
  CHECK(contains(refused("green"), "one of 3 numbers, from 0 on"));
}

TEST_CASE("explain: a class can be called by one of its label's words, if only one has it") {
  Workplace here;
  write_colour_files();
  write("labels.txt", bytes_of("0:red, crimson\n1:Green, lime\n2:blue, lime\n"));
  const auto index = [](const std::string& name) {
    const Outcome outcome = run_posy({"explain", "graph.pb", "red.png", "-o", "heat.png", "--json", "--class", name});
    CAPTURE(outcome.err);
    REQUIRE(outcome.code == 0);
    return outcome.json().at(0)["index"].get<int>();
  };
  CHECK(index("red") == 0);
  CHECK(index("Crimson") == 0);
  CHECK(index("green") == 1);
  CHECK(index("2:blue, lime") == 2);
  CHECK(index("2") == 2);
  const Outcome several = run_posy({"explain", "graph.pb", "red.png", "-o", "heat.png", "--class", "lime"});
  CHECK(several.code == 1);
  CHECK(
      contains(several.err, "several classes are called 'lime'; name the one by its number: 1 is 1:Green, lime, 2 is"));
}

TEST_CASE("explain: bad input and wrong usage leave nothing behind") {
  Workplace here;
  write_colour_files();
  write("page.jpg", bytes_of("<!DOCTYPE html><html></html>"));
  PngOptions huge;
  huge.width = huge.height = 60000;
  huge.rows = Bytes(100);
  write("huge.png", make_png(huge));
  const std::string red = read("red.png");
  for (const std::string image : {"lost.png", "page.jpg", "huge.png"}) {
    const Outcome outcome = run_posy({"explain", "graph.pb", image, "-o", "heat.png"});
    CHECK(outcome.code == 1);
    CHECK(outcome.out == "");
    CHECK(is_one_sentence_about(outcome.err, image));
  }
  CHECK(run_posy({"explain", "lost.pb", "red.png", "-o", "heat.png"}).code == 1);
  const Outcome nowhere = run_posy({"explain", "graph.pb", "red.png", "-o", "nowhere/heat.png"});
  CHECK(nowhere.code == 1);
  CHECK(is_one_sentence_about(nowhere.err, "nowhere/heat.png"));
  CHECK(nowhere.out == "");
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"explain", "graph.pb", "-o", "heat.png"}, "takes a model and an image"},
           {{"explain", "graph.pb", "red.png"}, "-o FILE.png"},
           {{"explain", "graph.pb", "red.png", "-o", "heat.jpg"}, "has to end in .png"},
           {{"explain", "graph.pb", "red.png", "-o", "red.png"}, "-o red.png is taken already"},
           {{"explain", "graph.pb", "red.png", "-o", "./red.png"}, "-o ./red.png is taken already"},
           {{"explain", "graph.pb", "red.png", "-o", "heat.png", "--runs=0"}, "--runs wants a whole number from 1"},
           {{"explain", "graph.pb", "red.png", "-o", "-", "--json"}, "cannot both go to standard output"},
       }) {
    const Outcome outcome = run_posy(words);
    CAPTURE(part);
    CHECK(outcome.code == 2);
    CHECK(contains(outcome.err, part));
  }
  CHECK(read("red.png") == red);
  CHECK_FALSE(std::filesystem::exists("heat.png"));
  const Outcome piped = run_posy({"explain", "graph.pb", "red.png", "-o", "-"});
  CHECK(piped.code == 0);
  CHECK(piped.out.rfind("\x89PNG", 0) == 0);
  CHECK(contains(piped.err, "red (score=0.57612)"));
}
