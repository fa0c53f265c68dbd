// Bad input: exit code 1, one sentence on standard error that names the file, nothing but JSON on standard output.
#include <doctest/doctest.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

// Everything that `words` may print is one sentence about `name`, which has each of `parts` in it.
void check_refused(const std::vector<std::string>& words, const std::string& name,
                   const std::vector<std::string>& parts = {}) {
  const Outcome outcome = run_posy(words);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 1);
  CHECK(outcome.out == "");
  CHECK(is_one_sentence_about(outcome.err, name));
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(contains(outcome.err, part));
  }
  // Neither what C++ nor what the compiler says is for users.
  for (const std::string word : {"internal error", "std::", "what()", "basic_string"})
    CHECK_FALSE(contains(outcome.err, word));
}

// Every command refuses this model.
void check_model_refused(const std::string& model, const std::vector<std::string>& parts = {}) {
  CAPTURE(model);
  check_refused({"convert", model, "-o", "out.posy"}, model, parts);
  check_refused({"label", model, "red.png"}, model, parts);
  check_refused({"label", model, "red.png", "--json"}, model, parts);
  check_refused({"info", model, "--json"}, model, parts);
  check_refused({"bench", model, "--json"}, model, parts);
  CHECK_FALSE(std::filesystem::exists("out.posy"));
}

void check_image_refused(const std::string& image, const std::vector<std::string>& parts = {}) {
  CAPTURE(image);
  check_refused({"label", "graph.pb", image}, image, parts);
  const Outcome outcome = run_posy({"label", "graph.pb", image, "--json"});
  CHECK(outcome.code == 1);
  CHECK(is_one_sentence_about(outcome.err, image));
  REQUIRE(outcome.json().size() == 1);
  CHECK(outcome.json()[0]["image"] == image);
  CHECK(contains(outcome.json()[0]["error"], image));
}

}  // namespace

TEST_CASE("bad model: missing, empty, a folder") {
  Workplace here;
  write_colour_files();
  write("empty.pb", {});
  std::filesystem::create_directory("folder");
  check_model_refused("lost.pb", {"No such file"});
  check_model_refused("lost.posy", {"No such file"});
  check_model_refused("empty.pb", {"empty"});
  check_model_refused("folder", {"folder"});
}

TEST_CASE("bad model: a graph that was cut anywhere, or has bytes changed, never crashes") {
  Workplace here;
  write_colour_files();
  const Bytes whole = colour_graph().bytes();
  for (size_t bytes = 1; bytes < whole.size(); bytes += bytes < 40 ? 3 : 61) {
    CAPTURE(bytes);
    write("cut.pb", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes)));
    const Outcome outcome = run_posy({"convert", "cut.pb", "-o", "out.posy"});
    CHECK(outcome.code == 1);
    CHECK(outcome.out == "");
    CHECK(is_one_sentence_about(outcome.err, "cut.pb"));
    CHECK_FALSE(contains(outcome.err, "internal error"));
    CHECK_FALSE(std::filesystem::exists("out.posy"));
  }
  for (size_t at = 0; at < whole.size(); at += 29) {
    CAPTURE(at);
    Bytes changed = whole;
    changed[at] ^= 0xff;
    write("changed.pb", changed);
    const Outcome outcome = run_posy({"label", "changed.pb", "red.png"});
    CHECK((outcome.code == 0 || outcome.code == 1));
    CHECK_FALSE(contains(outcome.err, "internal error"));
  }
}

TEST_CASE("bad model: files that are no graph are called what they are") {
  Workplace here;
  write_colour_files();
  write("notes.txt", bytes_of("daisy\nrose\n"));
  write("page.pb", bytes_of("<!DOCTYPE html><html><body>404</body></html>"));
  check_model_refused("notes.txt", {"text"});
  check_model_refused("page.pb", {"HTML"});
  check_model_refused("red.png", {"PNG"});
}

TEST_CASE("bad model: a .posy file that was cut or changed is refused with its reason") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb"}).code == 0);
  const std::string whole = read("graph.posy");
  for (const size_t bytes : {size_t{8}, size_t{63}, size_t{64}, whole.size() / 2, whole.size() - 1}) {
    CAPTURE(bytes);
    write("cut.posy", bytes_of(std::string_view(whole).substr(0, bytes)));
    check_refused({"label", "cut.posy", "red.png"}, "cut.posy");
    check_refused({"info", "cut.posy"}, "cut.posy");
  }
  std::string changed = whole;
  changed[whole.size() - 1] = static_cast<char>(changed[whole.size() - 1] ^ 1);
  write("changed.posy", bytes_of(changed));
  check_refused({"label", "changed.posy", "red.png"}, "changed.posy", {"damaged"});
  write("longer.posy", bytes_of(whole + "x"));
  check_refused({"label", "longer.posy", "red.png"}, "longer.posy");
  check_refused({"convert", "graph.posy", "-o", "out.posy"}, "graph.posy", {"converted already"});
}

TEST_CASE("bad model: an unsupported op is named with its node and what feeds it") {
  Workplace here;
  write_colour_files();
  write("odd.pb", colour_graph("Cosh").bytes());
  check_model_refused("odd.pb", {"Cosh", "odd_one", "input"});
}

TEST_CASE("bad labels: the wrong count, missing, empty, no text") {
  Workplace here;
  write_colour_files();
  write("four.txt", bytes_of("red\ngreen\nblue\nyellow\n"));
  write("empty.txt", {});
  write("gap.txt", bytes_of("red\n\nblue\n"));
  write("zero.txt", Bytes{'r', 0, 'g', '\n'});
  const auto with = [](const char* labels) {
    return std::vector<std::string>{"convert", "graph.pb", "-o", "out.posy", "--labels", labels};
  };
  check_refused(with("four.txt"), "four.txt", {"4 labels", "3 classes", "--labels"});
  check_refused(with("lost.txt"), "lost.txt", {"No such file"});
  check_refused(with("empty.txt"), "empty.txt");
  check_refused(with("gap.txt"), "gap.txt", {"line 2"});
  check_refused(with("zero.txt"), "zero.txt");
  check_refused({"label", "graph.pb", "red.png", "--labels", "four.txt"}, "four.txt", {"4 labels", "3 classes"});
  CHECK_FALSE(std::filesystem::exists("out.posy"));
}

TEST_CASE("bad nodes: a name that is not in the graph") {
  Workplace here;
  write_colour_files();
  check_refused({"convert", "graph.pb", "--output-node", "final"}, "graph.pb", {"'final'", "final_result"});
  check_refused({"convert", "graph.pb", "--input-node", "inptu"}, "graph.pb", {"'inptu'"});
  check_refused({"convert", "graph.pb", "--input-size", "4"}, "graph.pb");
}

TEST_CASE("bad output: a path that cannot be written, and the old file stays") {
  Workplace here;
  write_colour_files();
  std::filesystem::create_directory("folder");
  check_refused({"convert", "graph.pb", "-o", "nowhere/out.posy"}, "nowhere/out.posy", {"cannot be written"});
  check_refused({"convert", "graph.pb", "-o", "red.png/out.posy"}, "red.png/out.posy", {"cannot be written"});
  check_refused({"convert", "graph.pb", "-o", "folder"}, "folder", {"folder"});
  if (std::filesystem::exists("/dev/full")) {
    check_refused({"convert", "graph.pb", "-o", "/dev/full"}, "/dev/full", {"cannot be written"});
    CHECK(std::filesystem::is_character_file("/dev/full"));
  }
  CHECK(here.files() ==
        std::vector<std::string>{"blue.png", "folder", "graph.pb", "green.png", "labels.txt", "red.png"});
}

TEST_CASE("bad image: missing, empty, a folder, another kind of file") {
  Workplace here;
  write_colour_files();
  write("empty.jpg", {});
  std::filesystem::create_directory("folder.jpg");
  write("page.jpg", bytes_of("<!DOCTYPE html>\n<html><head><title>Not found</title></head></html>\n"));
  write("text.png", bytes_of("not a picture"));
  check_image_refused("lost.jpg", {"No such file"});
  check_image_refused("empty.jpg", {"empty"});
  check_image_refused("folder.jpg", {"folder"});
  check_image_refused("page.jpg", {"HTML"});
  check_image_refused("text.png");
  check_image_refused("graph.pb");
}

TEST_CASE("bad image: a header that claims more pixels than anyone has") {
  Workplace here;
  write_colour_files();
  PngOptions huge;
  huge.width = huge.height = 60000;
  huge.rows = Bytes(100);
  write("huge.png", make_png(huge));
  check_image_refused("huge.png", {"60000"});
  write("huge.bmp", make_bmp(60000, 60000, 24, {}, Bytes(100)));
  check_image_refused("huge.bmp", {"60000"});
}

TEST_CASE("bad image: cut anywhere, it never crashes") {
  Workplace here;
  write_colour_files();
  const Bytes kinds[] = {flat_png(255, 0, 0), make_bmp(2, 2, 24, {}, Bytes(16)), make_jpeg(),
                         make_gif(2, 2, Bytes(768, 9), Bytes(4, 1))};
  for (const Bytes& whole : kinds) {
    for (size_t bytes = 1; bytes < whole.size(); bytes += 17) {
      CAPTURE(bytes);
      write("cut.img", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes)));
      const Outcome outcome = run_posy({"label", "graph.pb", "cut.img", "--json"});
      CHECK((outcome.code == 0 || outcome.code == 1));
      CHECK(outcome.json().size() == 1);
      CHECK_FALSE(contains(outcome.err, "internal error"));
    }
  }
}
