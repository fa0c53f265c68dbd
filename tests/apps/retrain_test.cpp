// posy retrain, as a user meets it.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdio>

#include "engine/model.h"
#include "loaders/bottlenecks.h"
#include "loaders/convert.h"
#include "loaders/new_head.h"
#include "tests/apps/run_posy.h"

namespace posy_test {
namespace {

namespace fs = std::filesystem;

// photos/<class>/<n>.png: pictures of about one colour, each a little different.
void write_photos(const std::string& folder, int red, int green, int blue, int count = 30) {
  fs::create_directories(folder);
  for (int i = 0; i < count; ++i) {
    const auto shade = [&](int of, int salt) { return (uint8_t)std::clamp(of + (i * salt) % 41 - 20, 0, 255); };
    write(folder + "/" + std::to_string(i) + ".png", flat_png(shade(red, 7), shade(green, 11), shade(blue, 13)));
  }
}

void write_warm_and_cold() {
  write("graph.pb", colour_graph().bytes());
  write_photos("photos/Warm Colours", 220, 80, 40);
  write_photos("photos/cold", 40, 90, 220);
}

Json only_line(const Outcome& outcome) {
  const std::vector<Json> lines = outcome.json();
  REQUIRE(lines.size() == 1);
  return lines[0];
}

TEST_CASE("retrain: a graph and a folder of photos become a model with the folder's labels") {
  const Workplace here;
  write_warm_and_cold();
  const Outcome outcome = run_posy({"retrain", "graph.pb", "photos", "-o", "colours.posy", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const Json json = only_line(outcome);
  CHECK(json["labels"] == Json({"cold", "warm colours"}));
  CHECK(json["bottlenecks_computed"] == 60);
  const auto photos = [&](const char* part) { return json[part]["photos"].get<int>(); };
  CHECK(photos("training") + photos("validation") + photos("testing") == 60);
  CHECK(json["training"]["accuracy"] == 1);
  write("sea.png", flat_png(30, 100, 200));
  const Json answer = only_line(run_posy({"label", "colours.posy", "sea.png", "--json", "--top", "1"}));
  CHECK(answer["scores"][0]["label"] == "cold");
  CHECK(answer["scores"][0]["score"] > 0.9);
}

TEST_CASE("retrain: bottlenecks are kept as retrain.py keeps them, and computed again only where they are no good") {
  const Workplace here;
  write_warm_and_cold();
  const std::vector<std::string> words = {"retrain", "graph.pb", "photos", "-o", "c.posy", "--json"};
  REQUIRE(run_posy(words).code == 0);
  const std::string model = read("c.posy"), kept = "c_bottlenecks/cold/3.png.txt";
  const auto values = posy::floats_of_text(read(kept));
  REQUIRE(values);
  CHECK(values->size() == 3);  // mean red, green and blue
  CHECK(only_line(run_posy(words))["bottlenecks_computed"] == 0);
  CHECK(read("c.posy") == model);
  write(kept, bytes_of("0.1,0."));  // a run that was cut off
  fs::remove("c_bottlenecks/cold/4.png.txt");
  CHECK(only_line(run_posy(words))["bottlenecks_computed"] == 2);
  CHECK(read("c.posy") == model);
  // A photo that is newer than its bottleneck.
  fs::last_write_time("photos/cold/5.png", fs::last_write_time("c_bottlenecks/cold/5.png.txt") + std::chrono::hours(1));
  CHECK(only_line(run_posy(words))["bottlenecks_computed"] == 1);
}

TEST_CASE("retrain: bottlenecks of another model or of other photos are not taken") {
  const Workplace here;
  write_warm_and_cold();
  const std::vector<std::string> words = {"retrain", "graph.pb", "photos", "-o", "c.posy", "--json"};
  REQUIRE(run_posy(words).code == 0);
  const Outcome other =
      run_posy({"retrain", "graph.pb", "photos", "-o", "d.posy", "--std", "77", "--bottleneck-dir", "c_bottlenecks"});
  CHECK(other.code == 1);
  CHECK(is_one_sentence_about(other.err, "c_bottlenecks: these bottlenecks were made by another model"));
  CHECK_FALSE(fs::exists("d.posy"));
  fs::rename("photos", "moved");
  CHECK(only_line(run_posy({"retrain", "graph.pb", "moved", "-o", "c.posy", "--json"}))["bottlenecks_computed"] == 60);
}

TEST_CASE("retrain --add: a class more, without the old photos") {
  const Workplace here;
  write_warm_and_cold();
  REQUIRE(run_posy({"retrain", "graph.pb", "photos", "-o", "two.posy"}).code == 0);
  fs::remove_all("photos");
  write_photos("more/green", 40, 220, 60);
  const Outcome outcome = run_posy({"retrain", "two.posy", "--add", "more", "-o", "three.posy", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const Json json = only_line(outcome);
  CHECK(json["labels"] == Json({"cold", "green", "warm colours"}));
  CHECK(json["bottlenecks_computed"] == 30);
  for (const auto& [name, red, green, blue] :
       {std::tuple{"green", 30, 200, 70}, {"cold", 30, 100, 200}, {"warm colours", 200, 70, 50}}) {
    write("x.png", flat_png((uint8_t)red, (uint8_t)green, (uint8_t)blue));
    CHECK(only_line(run_posy({"label", "three.posy", "x.png", "--json"}))["scores"][0]["label"] == name);
  }
  // And once more, from there.
  write_photos("again/white", 240, 240, 240);
  REQUIRE(run_posy({"retrain", "three.posy", "again", "--add", "-o", "four.posy"}).code == 0);
  CHECK(only_line(run_posy({"info", "four.posy", "--json"}))["output"]["classes"] == 4);
}

TEST_CASE("retrain --add: bottlenecks of a model of 8-bit integers are those of the models that are made from it") {
  const Workplace here;
  write_warm_and_cold();
  REQUIRE(run_posy({"convert", "graph.pb", "-o", "codes.posy", "--int8", "--calibrate", "photos"}).code == 0);
  REQUIRE(run_posy({"retrain", "codes.posy", "photos", "-o", "two.posy"}).code == 0);
  write_photos("more/green", 40, 220, 60);
  const Outcome outcome = run_posy({"retrain", "two.posy", "--add", "more", "-o", "three.posy", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK(only_line(outcome)["labels"] == Json({"cold", "green", "warm colours"}));
  for (const auto& [name, red, green, blue] :
       {std::tuple{"green", 30, 200, 70}, {"cold", 30, 100, 200}, {"warm colours", 200, 70, 50}}) {
    write("x.png", flat_png((uint8_t)red, (uint8_t)green, (uint8_t)blue));
    CHECK(only_line(run_posy({"label", "three.posy", "x.png", "--json"}))["scores"][0]["label"] == name);
  }
  // What is computed again is the same to the last digit.
  const std::string kept = read("two_bottlenecks/cold/3.png.txt");
  REQUIRE(run_posy({"retrain", "two.posy", "photos", "-o", "again.posy"}).code == 0);
  CHECK(read("again_bottlenecks/cold/3.png.txt") == kept);
}

TEST_CASE("retrain --add: without bottlenecks of the old photos it says where they could be") {
  const Workplace here;
  write_warm_and_cold();
  const Outcome outcome = run_posy({"retrain", "graph.pb", "photos", "--add", "-o", "c.posy"});
  CHECK(outcome.code == 1);
  CHECK(contains(outcome.err, "--bottleneck-dir"));
  CHECK_FALSE(fs::exists("c.posy"));
}

TEST_CASE("retrain --graph-out: the graph has the same scores as the model, and its labels lie beside it") {
  const Workplace here;
  write_warm_and_cold();
  REQUIRE(run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy", "--graph-out", "retrained_graph.pb"}).code == 0);
  CHECK(read("retrained_labels.txt") == "cold\nwarm colours\n");
  write("x.png", flat_png(120, 90, 140));
  const Json of_model = only_line(run_posy({"label", "c.posy", "x.png", "--json", "--top", "0"}));
  const Json of_graph = only_line(run_posy({"label", "retrained_graph.pb", "x.png", "--json", "--top", "0"}));
  for (size_t i = 0; i < 2; ++i) {
    CHECK(of_graph["scores"][i]["label"] == of_model["scores"][i]["label"]);
    CHECK(std::fabs(of_graph["scores"][i]["score"].get<double>() - of_model["scores"][i]["score"].get<double>()) <
          1e-6);
  }
  fs::create_directory("saved");
  CHECK(run_posy({"retrain", "saved", "photos", "-o", "d.posy", "--graph-out", "d.pb"}).code == 1);
  const Outcome refused = run_posy({"retrain", "c.posy", "photos", "-o", "d.posy", "--graph-out", "d.pb"});
  CHECK(refused.code == 1);
  CHECK(contains(refused.err, "--graph-out needs"));
  CHECK_FALSE(fs::exists("d.pb"));
}

TEST_CASE("retrain --steps: gradient descent as retrain.py's; pages and events hold the curve") {
  const Workplace here;
  write_warm_and_cold();
  const Outcome outcome = run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy", "--steps", "500",
                                    "--learning-rate", "0.5", "--html", "c.html", "--tensorboard", "events", "--json"});
  REQUIRE(outcome.code == 0);
  CHECK(only_line(outcome)["training"]["accuracy"] == 1);
  const std::string page = read("c.html");
  CHECK(contains(page, "warm colours"));
  CHECK(contains(page, "<polyline class=\"two\""));
  CHECK_FALSE(contains(page, "http"));
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator("events")) {
    ++files;
    CHECK(contains(read(entry.path().string()), "cross_entropy/validation"));
  }
  CHECK(files == 1);
}

TEST_CASE("retrain: a photo that cannot be read is named and left out") {
  const Workplace here;
  write_warm_and_cold();
  write("photos/cold/broken.jpg", bytes_of("no picture"));
  const Outcome outcome = run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy", "--json"});
  CHECK(outcome.code == 0);
  CHECK(only_line(outcome)["unreadable"] == 1);
  CHECK(contains(outcome.err, "photos/cold/broken.jpg"));
}

TEST_CASE("retrain: what cannot be retrained is refused in a sentence, and nothing is written") {
  const Workplace here;
  write_warm_and_cold();
  fs::create_directories("empty");
  write_photos("one/only", 9, 9, 9);
  const auto refused = [&](std::vector<std::string> words, const std::string& part) {
    words.insert(words.begin(), "retrain");
    words.insert(words.end(), {"-o", "c.posy"});
    const Outcome outcome = run_posy(words);
    INFO(outcome.err);
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, part));
    CHECK_FALSE(fs::exists("c.posy"));
  };
  refused({"none.pb", "photos"}, "none.pb");
  refused({"graph.pb", "nowhere"}, "nowhere");
  refused({"graph.pb", "empty"}, "no sub-folder with photos");
  refused({"graph.pb", "one"}, "a classifier needs two");
  refused({"graph.pb", "photos", "--bottleneck", "poool"}, "no layer 'poool'");
  CHECK(run_posy({"retrain", "graph.pb", "photos"}).code == 2);
  CHECK(run_posy({"retrain", "graph.pb", "photos", "-o", "graph.pb"}).code == 2);
  CHECK(run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy", "--learning-rate", "1"}).code == 2);
}

TEST_CASE("retrain: a folder with other files is not taken for bottlenecks, and nothing in it is removed") {
  const Workplace here;
  write_warm_and_cold();
  fs::create_directories("work/notes");
  write("work/notes/precious.txt", bytes_of("keep"));
  const Outcome outcome = run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy", "--bottleneck-dir", "work"});
  CHECK(outcome.code == 1);
  CHECK(is_one_sentence_about(outcome.err, "work: is no folder of bottlenecks"));
  CHECK(read("work/notes/precious.txt") == "keep");
  // Nor is what somebody puts there later.
  REQUIRE(run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy"}).code == 0);
  write("c_bottlenecks/cold/notes.txt", bytes_of("keep"));
  fs::rename("photos", "moved");
  REQUIRE(run_posy({"retrain", "graph.pb", "moved", "-o", "c.posy"}).code == 0);
  CHECK(read("c_bottlenecks/cold/notes.txt") == "keep");
}

TEST_CASE("retrain: a run that is refused leaves no folder of bottlenecks behind") {
  const Workplace here;
  write("graph.pb", colour_graph().bytes());
  write_photos("one/only", 9, 9, 9);
  CHECK(run_posy({"retrain", "graph.pb", "nowhere", "-o", "c.posy"}).code == 1);
  CHECK(run_posy({"retrain", "graph.pb", "one", "-o", "c.posy"}).code == 1);
  CHECK(run_posy({"retrain", "graph.pb", "one", "-o", "c.posy", "--add"}).code == 1);
  CHECK(here.files() == std::vector<std::string>{"graph.pb", "one"});
}

TEST_CASE("retrain: bottlenecks that are pipes, folders or too large are computed again, or named") {
  const Workplace here;
  write_warm_and_cold();
  const std::vector<std::string> words = {"retrain", "graph.pb", "photos", "-o", "c.posy", "--json"};
  REQUIRE(run_posy(words).code == 0);
  const std::string model = read("c.posy"), kept = "c_bottlenecks/cold/3.png.txt";
  fs::remove(kept);
  REQUIRE(::mkfifo(kept.c_str(), 0600) == 0);
  CHECK(only_line(run_posy(words))["bottlenecks_computed"] == 1);
  fs::resize_file(kept, uintmax_t{3} << 30);  // takes no space on disk
  CHECK(only_line(run_posy(words))["bottlenecks_computed"] == 1);
  CHECK(read("c.posy") == model);
  fs::remove(kept);
  fs::create_directory(kept);
  const Outcome outcome = run_posy(words);
  CHECK(outcome.code == 1);
  CHECK(is_one_sentence_about(outcome.err, kept + ": cannot be written: Is a directory"));
  CHECK_FALSE(fs::exists(kept + ".part"));
}

TEST_CASE("retrain --add: bottlenecks that are damaged are named; those of a model that had the name before are gone") {
  const Workplace here;
  write_warm_and_cold();
  REQUIRE(run_posy({"retrain", "graph.pb", "photos", "-o", "two.posy"}).code == 0);
  write_photos("others/black", 9, 9, 9);
  write_photos("others/white", 250, 250, 250);
  REQUIRE(run_posy({"retrain", "graph.pb", "others", "-o", "three.posy"}).code == 0);
  write("two_bottlenecks/cold/3.png.txt", bytes_of("0.1,nan,0.2"));
  write_photos("more/green", 40, 220, 60);
  const std::vector<std::string> words = {"retrain", "two.posy", "--add", "more", "-o", "three.posy", "--json"};
  const Outcome outcome = run_posy(words);
  INFO(outcome.err);
  CHECK(contains(outcome.err, "left out: two_bottlenecks/cold/3.png.txt: "));
  CHECK(only_line(outcome)["unreadable"] == 1);
  fs::remove_all("more");
  write_photos("again/grey", 120, 120, 120);
  const Outcome again = run_posy({"retrain", "three.posy", "--add", "again", "-o", "four.posy", "--json"});
  CHECK(only_line(again)["labels"] == Json({"cold", "green", "grey", "warm colours"}));
}

TEST_CASE("retrain: training that runs away writes no model, and parts that leave nothing are refused") {
  const Workplace here;
  write_warm_and_cold();
  const auto refused = [&](std::vector<std::string> more, int code, const std::string& part) {
    more.insert(more.begin(), {"retrain", "graph.pb", "photos", "-o", "c.posy"});
    const Outcome outcome = run_posy(more);
    INFO(outcome.err);
    CHECK(outcome.code == code);
    CHECK(contains(outcome.err, part));
    CHECK_FALSE(fs::exists("c.posy"));
  };
  REQUIRE(run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy"}).code == 0);
  fs::remove("c.posy");
  for (const auto& entry : fs::directory_iterator("c_bottlenecks/cold")) write(entry.path(), bytes_of("1e30,1,1"));
  refused({"--steps", "20", "--learning-rate", "1e38"}, 1, "a smaller --learning-rate");
  fs::remove_all("c_bottlenecks");
  refused({"--steps", "20", "--learning-rate", "0"}, 2, "above 0");
  refused({"--steps", "20", "--learning-rate", "-1"}, 2, "above 0");
  refused({"--testing-percentage", "50", "--validation-percentage", "50"}, 2, "leave no photos to train with");
  const Outcome all = run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy", "--testing-percentage", "0"});
  REQUIRE(all.code == 0);
  CHECK_FALSE(contains(all.out, "testing photos"));
}

TEST_CASE("retrain: names with line ends and a terminal's commands in them are told in one line") {
  const Workplace here;
  write_warm_and_cold();
  write("photos/cold/bad\n\x1b[31m.jpg", bytes_of("no picture"));
  const Outcome outcome = run_posy({"retrain", "graph.pb", "photos", "-o", "c.posy"});
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.err, "left out: photos/cold/bad??[31m.jpg: "));
  const Outcome missing = run_posy({"retrain", "graph.pb", "no\nfolder", "-o", "c.posy"});
  CHECK(is_one_sentence_about(missing.err, "no?folder"));
}

TEST_CASE("label: a picture far from the training photos is unknown, unless that is not wanted") {
  const Workplace here;
  write_colour_files();
  // Known pictures have no blue: they lie in the plane of red and green.
  const posy::LoadedModel loaded = posy::load_model("graph.pb", {});
  posy::Model model;
  REQUIRE_FALSE(posy::open_model(loaded.posy.data(), loaded.posy.size(), false, &model));
  const posy::NoveltyRule rule = {{3, 2, {1, 0, 0, 1, 0, 0}, {0, 0}}, 2, 0.25f};
  const std::vector<uint8_t> with =
      posy::with_novelty(model, posy::find_bottleneck("a.posy", model, ""), rule, posy::WeightChoice::kF32);
  write("known.posy", with);
  const Json red = only_line(run_posy({"label", "known.posy", "red.png", "--json"}));
  CHECK_FALSE(red.contains("unknown"));
  const Json blue = only_line(run_posy({"label", "known.posy", "blue.png", "--json"}));
  CHECK(blue["unknown"] == true);
  CHECK(blue["scores"].size() == 3);
  CHECK(run_posy({"label", "known.posy", "blue.png"}).out.rfind("unknown (novelty=", 0) == 0);
  CHECK(run_posy({"label", "known.posy", "blue.png", "--no-reject"}).out.rfind("blue (score=", 0) == 0);
  CHECK_FALSE(only_line(run_posy({"label", "known.posy", "blue.png", "--json", "--no-reject"})).contains("unknown"));
  // The rule survives the way through a packed file.
  REQUIRE(run_posy({"pack", "known.posy", "-o", "packed.posy"}).code == 0);
  REQUIRE(run_posy({"unpack", "packed.posy", "-o", "again.posy"}).code == 0);
  CHECK(read("again.posy") == read("known.posy"));
}

}  // namespace
}  // namespace posy_test
