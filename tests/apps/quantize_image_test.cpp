// posy quantize-image: a picture in few colours.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "loaders/image.h"
#include "loaders/write_png.h"
#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

// 64 x 48, every pixel another colour, as no pattern makes it: blue is the place, red and green are noise.
posy::Image colourful() {
  posy::Image image;
  image.width = 64;
  image.height = 48;
  std::mt19937 random(1);
  for (int i = 0; i < 64 * 48; ++i) {
    for (const uint32_t value : {(uint32_t)random(), (uint32_t)(random() & 0xf0) + i / 256, (uint32_t)i}) {
      image.rgb.push_back((uint8_t)value);
    }
  }
  return image;
}

void check_usage_error(const std::vector<std::string>& words, const std::string& part) {
  const Outcome outcome = run_posy(words);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 2);
  CHECK(contains(outcome.err, part));
  CHECK(contains(outcome.err, "usage: posy quantize-image"));
}

}  // namespace

TEST_CASE("quantize-image: 32 colours unless told otherwise, and the sizes before and after") {
  Workplace here;
  write("in.png", posy::png_of(colourful()));
  const Outcome outcome = run_posy({"quantize-image", "in.png", "out.png"});
  CHECK(outcome.code == 0);
  CHECK(outcome.err == "");
  CHECK(contains(outcome.out, "64 x 48 pixels, 3072 colours, now 32\n"));
  CHECK(posy::count_colors(posy::read_image("out.png")) == 32);
  CHECK(contains(outcome.out, std::to_string(std::filesystem::file_size("in.png")) + " bytes"));
  CHECK(contains(outcome.out, std::to_string(std::filesystem::file_size("out.png")) + " bytes"));
  const std::string first = read("out.png");
  run_posy({"quantize-image", "in.png", "again.PNG", "--colors=32"});
  CHECK(read("again.PNG") == first);
}

TEST_CASE("quantize-image: --json has the same figures") {
  Workplace here;
  write("in.png", posy::png_of(colourful()));
  const Outcome outcome = run_posy({"quantize-image", "in.png", "out.png", "--colors", "7", "--json"});
  REQUIRE(outcome.json().size() == 1);
  const Json json = outcome.json()[0];
  CHECK(json["image"] == "in.png");
  CHECK(json["output"] == "out.png");
  CHECK(json["w"] == 64);
  CHECK(json["h"] == 48);
  CHECK(json["colors_before"] == 3072);
  CHECK(json["colors"] == 7);
  CHECK(json["rgb_png_bytes_before"] == std::filesystem::file_size("in.png"));
  CHECK(json["rgb_png_bytes"] < json["rgb_png_bytes_before"]);
  CHECK(json["png_bytes"] == std::filesystem::file_size("out.png"));
}

TEST_CASE("quantize-image: --levels rounds each channel, with a palette where it fits one") {
  Workplace here;
  write("in.png", posy::png_of(colourful()));
  const Json few = run_posy({"quantize-image", "in.png", "few.png", "--levels", "2", "--json"}).json().at(0);
  CHECK(few["colors"] == 8);
  CHECK(few["png_bytes"] < few["rgb_png_bytes"]);
  const Json many = run_posy({"quantize-image", "in.png", "many.png", "--levels", "16", "--json"}).json().at(0);
  CHECK(many["colors"] > 256);
  CHECK(many["png_bytes"] == many["rgb_png_bytes"]);
  std::set<uint8_t> reds;
  const posy::Image image = posy::read_image("many.png");
  for (size_t i = 0; i < image.rgb.size(); i += 3) reds.insert(image.rgb[i]);
  CHECK(reds.size() == 16);
}

TEST_CASE("quantize-image: what cannot be is refused, and nothing is written") {
  Workplace here;
  write("in.png", posy::png_of(colourful()));
  write("page.jpg", bytes_of("<!DOCTYPE html><html></html>"));
  const std::string before = read("in.png");
  check_usage_error({"quantize-image"}, "a picture and the name");
  check_usage_error({"quantize-image", "in.png"}, "a picture and the name");
  check_usage_error({"quantize-image", "in.png", "out.jpg"}, "has to end in .png, and out.jpg does not");
  check_usage_error({"quantize-image", "in.png", "out"}, "has to end in .png");
  check_usage_error({"quantize-image", "in.png", "out.png", "--colors", "1"},
                    "--colors wants a whole number from 2 to 256");
  check_usage_error({"quantize-image", "in.png", "out.png", "--colors", "257"}, "from 2 to 256");
  check_usage_error({"quantize-image", "in.png", "out.png", "--levels", "1"}, "--levels wants a whole number from 2");
  check_usage_error({"quantize-image", "in.png", "out.png", "--levels", "4", "--colors", "4"}, "one of the two");
  check_usage_error({"quantize-image", "in.png", "in.png"}, "would replace the picture");
  check_usage_error({"quantize-image", "in.png", "./in.png"}, "would replace the picture");
  for (const std::string bad : {"none.png", "page.jpg"}) {
    const Outcome outcome = run_posy({"quantize-image", bad, "out.png"});
    CHECK(outcome.code == 1);
    CHECK(is_one_sentence_about(outcome.err, bad));
  }
  CHECK(run_posy({"quantize-image", "in.png", "no/such/out.png"}).code == 1);
  CHECK(here.files() == std::vector<std::string>{"in.png", "page.jpg"});
  CHECK(read("in.png") == before);
}
