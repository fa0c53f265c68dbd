// posy doctor: scores under each way to prepare a photo, warnings, and a verdict. The model's scores are known in
// closed form: softmax(mean of the input).
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

Json doctor(const std::string& image, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"doctor", "graph.pb", image, "--json"};
  words.insert(words.end(), more.begin(), more.end());
  const Outcome outcome = run_posy(words);
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err == "");
  REQUIRE(outcome.json().size() == 1);
  return outcome.json()[0];
}

Json variant(const Json& report, const std::string& name) {
  for (const Json& each : report["variants"]) {
    if (each["name"] == name) return each;
  }
  FAIL("no variant ", name);
  return {};
}

std::vector<std::string> warnings(const Json& report) {
  std::vector<std::string> all;
  for (const Json& each : report["warnings"]) {
    CHECK(each["text"].get<std::string>().size() > 20);
    all.push_back(each["what"]);
  }
  return all;
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Columns of one colour each, `width` of them.
Bytes striped_png(const std::vector<std::array<uint8_t, 3>>& colors, uint32_t width, uint32_t height) {
  PngOptions options;
  options.width = (uint32_t)colors.size() * width;
  options.height = height;
  for (uint32_t y = 0; y < height; ++y) {
    options.rows.push_back(0);
    for (uint32_t x = 0; x < options.width; ++x) {
      const auto& color = colors[x / width];
      options.rows.insert(options.rows.end(), color.begin(), color.end());
    }
  }
  return make_png(options);
}

}  // namespace

TEST_CASE("doctor: every variant has its scores, what differs, and whether the answer changes") {
  Workplace here;
  write_colour_files();
  const Json report = doctor("red.png");
  CHECK(report["image"] == "red.png");
  CHECK(report["format"] == "PNG");
  CHECK(report["orientation"] == 1);
  const auto check_score = [&](const char* name, const char* label, double score, const char* differs) {
    const Json row = variant(report, name);
    CAPTURE(name);
    CHECK(row["scores"].size() == 3);
    CHECK(row["scores"][0]["label"] == label);
    CHECK(row["scores"][0]["score"].get<double>() == doctest::Approx(score).epsilon(1e-6));
    CHECK(row["differs"] == differs);
    CHECK(row["changes_answer"] == (label != std::string("red")));
  };
  check_score("model", "red", own_score(1, 0), "");
  check_score("retrain", "red", own_score(1, -1), "(x - 127.5) / 127.5");
  check_score("label_image", "red", own_score(127.0 / 128, -1), "(x - 128) / 128");
  check_score("android", "red", own_score(127.0 / 128, -1), "nearest pixel, (x - 128) / 128");
  check_score("keras", "red", own_score(1, -1), "nearest pixel, (x - 127.5) / 127.5");
  check_score("raw", "red", 1, "x, not normalised");
  check_score("bgr", "blue", own_score(1, 0), "blue and red exchanged");
  CHECK(variant(report, "bgr")["kind"] == "mistake");
  CHECK(variant(report, "slim")["kind"] == "program");
  const std::string verdict = report["verdict"];
  CHECK(contains(verdict, "agree on red"));
  CHECK(contains(verdict, "blue with bgr"));

  const std::string sure = doctor("green.png")["verdict"];
  CHECK(contains(sure, "The answer is green in all ways"));
  CHECK(contains(sure, "another order"));
}

TEST_CASE("doctor: a photo whose middle is something else changes its answer in programs that cut") {
  Workplace here;
  write_colour_files();
  write("flag.png", striped_png({{0, 0, 255}, {255, 0, 0}, {0, 0, 255}}, 8, 8));
  const Json report = doctor("flag.png");
  CHECK(variant(report, "model")["scores"][0]["label"] == "blue");
  for (const Json& row : report["variants"]) {
    const bool cuts = contains(row["differs"], "cut to the input's shape");
    CHECK(cuts == (row["name"] == "android" || row["name"] == "teachable_machine"));
    CHECK(row["changes_answer"] == (cuts || row["name"] == "bgr"));
  }
  CHECK(contains(report["verdict"], "blue as the model was trained, but red in android and teachable_machine"));
  CHECK(has(warnings(report), "shape"));
  const Outcome text = run_posy({"doctor", "graph.pb", "flag.png"});
  CHECK(text.code == 0);
  CHECK(text.err == "");
  CHECK(contains(text.out, "\n! android "));
  CHECK(contains(text.out, "\n  keras "));
  CHECK(contains(text.out, "3 times as wide"));
  CHECK(contains(text.out, "see 33% of it"));
  CHECK(text.out.rfind(report["verdict"].get<std::string>() + "\n") != std::string::npos);
}

TEST_CASE("doctor: what is odd about the file is said") {
  Workplace here;
  write_colour_files();
  CHECK(has(warnings(doctor("red.png")), "guess"));
  CHECK(has(warnings(doctor("red.png")), "order"));
  CHECK_FALSE(has(warnings(doctor("red.png", {"--mean=0", "--std=255"})), "guess"));
  const auto check = [&](const Bytes& bytes, const std::string& what) {
    write("odd.img", bytes);
    CAPTURE(what);
    CHECK(has(warnings(doctor("odd.img")), what));
    CHECK_FALSE(has(warnings(doctor("red.png")), what));
  };
  check(make_png({.width = 8, .height = 1, .color = 0, .rows = Bytes(9, 0)}), "gray");
  check(make_png({.width = 8, .height = 1, .color = 6, .rows = Bytes(33, 0)}), "alpha");
  check(make_png({.width = 8, .height = 1, .depth = 16, .rows = Bytes(49, 0)}), "bits");
  check(make_jpeg({.components = 4, .adobe = "Adobe\0d\0\0\0\0\0"sv}), "cmyk");
  check(make_jpeg({.exif = make_exif(false, 6)}), "orientation");
  check(flat_png(255, 0, 0, 4, 4), "small");
  check(flat_png(255, 0, 0, 8, 16), "shape");
  check(flat_png(255, 255, 255), "unsure");
  write("labels.txt", bytes_of("a\nb\nb\n"));
  CHECK(has(warnings(doctor("red.png")), "labels"));
  CHECK_FALSE(has(warnings(doctor("red.png")), "order"));
  std::filesystem::remove("labels.txt");
  CHECK(has(warnings(doctor("red.png")), "labels"));
}

TEST_CASE("doctor: a photo that is stored turned is also shown as people see it") {
  Workplace here;
  write_colour_files();
  write("turned.jpg", make_jpeg({.blocks = {{90, 128, 128}, {200, 128, 128}}, .exif = make_exif(false, 6)}));
  const Json report = doctor("turned.jpg");
  CHECK(report["orientation"] == 6);
  CHECK(variant(report, "upright")["kind"] == "orientation");
  CHECK(contains(variant(report, "android")["differs"], "turned upright"));
  for (const Json& each : doctor("red.png")["variants"]) CHECK(each["name"] != "upright");
}

TEST_CASE("doctor: of a folder, each way to prepare photos has the number of those that it labels otherwise") {
  Workplace here;
  write_colour_files();
  std::filesystem::create_directories("photos/more");
  std::filesystem::copy_file("red.png", "photos/a.png");
  std::filesystem::copy_file("green.png", "photos/more/b.png");
  write("photos/c.png", striped_png({{0, 0, 255}, {255, 0, 0}, {0, 0, 255}}, 8, 8));
  write("photos/d.jpg", make_jpeg({.blocks = {{90, 128, 128}}, .exif = make_exif(false, 3)}));
  const Json report = doctor("photos");
  CHECK(report["folder"] == "photos");
  CHECK(report["images"] == 4);
  CHECK(report["unreadable"] == 0);
  CHECK(variant(report, "model")["changed"] == 0);
  CHECK(variant(report, "android")["changed"] == 1);
  CHECK(variant(report, "android")["first"] == "photos/c.png");
  CHECK(variant(report, "bgr")["changed"] == 2);
  CHECK(variant(report, "upright")["images"] == 1);
  for (const Json& each : report["warnings"]) {
    if (each["what"] == "shape") CHECK(each["images"] == 1);
    if (each["what"] == "guess") CHECK(each["images"] == 4);
  }
  CHECK(contains(report["verdict"], "android 1 of 4 (25.0%), teachable_machine 1 of 4 (25.0%)"));
  CHECK_FALSE(contains(report["verdict"], "bgr"));

  write("photos/e.jpg", bytes_of("no picture"));
  const Outcome text = run_posy({"doctor", "graph.pb", "photos"});
  CHECK(text.code == 1);
  CHECK(is_one_sentence_about(text.err, "photos/e.jpg"));
  CHECK(contains(text.out, "photos: 4 photos, besides those that cannot be read"));
  CHECK(contains(text.out, "first photos/c.png"));
  std::filesystem::create_directory("none");
  write("none/e.jpg", bytes_of("no picture"));
  const Outcome none = run_posy({"doctor", "graph.pb", "none"});
  CHECK(none.code == 1);
  CHECK(none.out == "");
  CHECK(is_one_sentence_about(none.err, "none: no photo could be read; none/e.jpg"));
}

TEST_CASE("doctor: a pipe that is named as a photo is not waited for; a link to nowhere is named") {
  Workplace here;
  write_colour_files();
  std::filesystem::create_directory("photos");
  write("photos/a.png", flat_png(255, 0, 0));
  REQUIRE(::mkfifo("photos/b.png", 0600) == 0);
  std::filesystem::create_symlink("nowhere", "photos/c.png");
  const Outcome outcome = run_posy({"doctor", "graph.pb", "photos", "--json"});
  CHECK(is_one_sentence_about(outcome.err, "photos/c.png: cannot be read"));
}

TEST_CASE("doctor: bad input and wrong usage are one sentence") {
  Workplace here;
  write_colour_files();
  write("page.jpg", bytes_of("<!DOCTYPE html><html></html>"));
  PngOptions huge;
  huge.width = huge.height = 60000;
  huge.rows = Bytes(100);
  write("huge.png", make_png(huge));
  for (const std::string image : {"lost.png", "page.jpg", "huge.png"}) {
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--json"}}) {
      std::vector<std::string> words = {"doctor", "graph.pb", image};
      words.insert(words.end(), more.begin(), more.end());
      const Outcome outcome = run_posy(words);
      CHECK(outcome.code == 1);
      CHECK(outcome.out == "");
      CHECK(is_one_sentence_about(outcome.err, image));
    }
  }
  CHECK(run_posy({"doctor", "lost.pb", "red.png"}).code == 1);
  const Outcome few = run_posy({"doctor", "graph.pb"});
  CHECK(few.code == 2);
  CHECK(contains(few.err, "a model and an image"));
}
