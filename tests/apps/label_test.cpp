// posy label: wording, JSON, and the flags of the tutorial. The model's scores are known in closed form.
#include <doctest/doctest.h>

#include "loaders/preprocessing.h"
#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

// Digits of the first "score" in a line of JSON, without leading zeros and the point.
size_t significant_digits(const std::string& line) {
  size_t at = line.find("\"score\":") + 8;
  std::string digits;
  for (; at < line.size() && (std::isdigit((unsigned char)line[at]) || line[at] == '.'); ++at) {
    if (line[at] != '.' && !(digits.empty() && line[at] == '0')) digits += line[at];
  }
  return digits.size();
}

}  // namespace

TEST_CASE("label: scores are worded as label_image words them, best first") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb"}).code == 0);
  const Outcome outcome = run_posy({"label", "graph.posy", "green.png"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "green (score=0.57612)\nred (score=0.21194)\nblue (score=0.21194)\n");
  // The graph itself gives the same.
  CHECK(run_posy({"label", "graph.pb", "green.png"}).out == outcome.out);
}

TEST_CASE("label: --top K prints the K best, --top 0 all in class order") {
  Workplace here;
  write_colour_files();
  CHECK(run_posy({"label", "graph.pb", "blue.png", "--top", "1"}).out == "blue (score=0.57612)\n");
  CHECK(run_posy({"label", "graph.pb", "blue.png", "--top=2"}).out == "blue (score=0.57612)\nred (score=0.21194)\n");
  CHECK(run_posy({"label", "graph.pb", "blue.png", "--top", "0"}).out ==
        "red (score=0.21194)\ngreen (score=0.21194)\nblue (score=0.57612)\n");
  CHECK(run_posy({"label", "graph.pb", "blue.png", "--top", "1000"}).out ==
        run_posy({"label", "graph.pb", "blue.png"}).out);
  const Json json = run_posy({"label", "graph.pb", "blue.png", "--top", "0", "--json"}).json().at(0);
  for (int i = 0; i < 3; ++i) CHECK(json["scores"][i]["index"] == i);
}

TEST_CASE("label: several images are told apart, and each gets its own scores") {
  Workplace here;
  write_colour_files();
  CHECK(run_posy({"label", "graph.pb", "red.png", "blue.png", "--top", "1"}).out ==
        "red.png\nred (score=0.57612)\nblue.png\nblue (score=0.57612)\n");
  const std::vector<Json> lines = run_posy({"label", "graph.pb", "red.png", "blue.png", "--json"}).json();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["image"] == "red.png");
  CHECK(lines[1]["image"] == "blue.png");
  CHECK(lines[1]["scores"][0]["label"] == "blue");
}

TEST_CASE("label: --json has the fields of the interface, and nine significant digits") {
  Workplace here;
  write_colour_files();
  const Outcome outcome = run_posy({"label", "graph.pb", "red.png", "--json"});
  CHECK(outcome.code == 0);
  REQUIRE(outcome.json().size() == 1);
  const Json json = outcome.json()[0];
  CHECK(json["image"] == "red.png");
  CHECK(json["scores"].size() == 3);
  CHECK(json["scores"][0]["label"] == "red");
  CHECK(json["scores"][0]["index"] == 0);
  const double score = json["scores"][0]["score"];
  CHECK(score == doctest::Approx(own_score(1, 0)).epsilon(1e-6));
  CHECK((double)(float)score == doctest::Approx(score).epsilon(1e-9));
  CHECK(significant_digits(outcome.out) >= 8);  // nine, less zeros at the end
  CHECK(significant_digits(outcome.out) <= 9);
  CHECK(json["decode_ms"].is_number());
  CHECK(json["run_ms"].is_number());
  CHECK(json["decoder"].is_string());
  CHECK(json.size() == 5);
}

TEST_CASE("label: an unreadable image is an error object, the others are done, and the exit code is 1") {
  Workplace here;
  write_colour_files();
  const Outcome json = run_posy({"label", "graph.pb", "red.png", "lost.png", "blue.png", "--json", "--top=1"});
  CHECK(json.code == 1);
  CHECK(is_one_sentence_about(json.err, "lost.png"));
  const std::vector<Json> lines = json.json();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["scores"][0]["label"] == "red");
  CHECK(lines[1].size() == 2);
  CHECK(lines[1]["image"] == "lost.png");
  CHECK(contains(lines[1]["error"], "lost.png"));
  CHECK(lines[2]["scores"][0]["label"] == "blue");

  const Outcome text = run_posy({"label", "graph.pb", "lost.png", "blue.png", "--top=1"});
  CHECK(text.code == 1);
  CHECK(contains(text.out, "blue (score=0.57612)\n"));
  CHECK_FALSE(contains(text.out, "lost.png\n"));
}

TEST_CASE("label: without labels the index stands in their place") {
  Workplace here;
  write_colour_files();
  std::filesystem::remove("labels.txt");
  CHECK(run_posy({"label", "graph.pb", "green.png", "--top=1"}).out == "1 (score=0.57612)\n");
  const Json best = run_posy({"label", "graph.pb", "green.png", "--top=1", "--json"}).json().at(0)["scores"][0];
  CHECK(best["label"] == 1);
  CHECK(best["index"] == 1);
}

TEST_CASE("label: --layer gives the values of a node of the graph, on a graph and on a file that keeps it") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb", "--keep-bottleneck"}).code == 0);
  for (const std::string model : {"graph.pb", "graph.posy"}) {
    CAPTURE(model);
    const Outcome outcome = run_posy({"label", model, "green.png", "--json", "--layer", "bottleneck"});
    REQUIRE(outcome.code == 0);
    const Json layer = outcome.json().at(0)["layer"];
    CHECK(layer["name"] == "bottleneck");
    CHECK(layer["shape"] == Json({1, 1, 4}));
    CHECK(layer["values"] == Json({0.0, 1.0, 0.0, 1.0}));
  }
  const Outcome lost = run_posy({"label", "graph.pb", "green.png", "--json", "--layer", "nowhere"});
  CHECK(lost.code == 1);
  CHECK(lost.out == "");
  CHECK(is_one_sentence_about(lost.err, "'nowhere'"));
  REQUIRE(run_posy({"convert", "graph.pb", "-o", "joined.posy"}).code == 0);
  const Outcome joined = run_posy({"label", "joined.posy", "green.png", "--json", "--layer", "bottleneck"});
  CHECK(joined.code == 1);
  CHECK(contains(joined.err, "--keep-bottleneck"));
}

TEST_CASE("label: the tutorial's spellings are understood") {
  Workplace here;
  write_colour_files();
  std::filesystem::rename("labels.txt", "elsewhere.txt");
  char expected[64];
  std::snprintf(expected, sizeof expected, "red (score=%.5f)\n", own_score(127.0 / 128, -1));
  CHECK(run_posy({"label", "--graph=graph.pb", "--labels=elsewhere.txt", "--image=red.png", "--input_layer=input",
                  "--output_layer=final_result", "--input_mean=128", "--input_std=128", "--top=1"})
            .out == expected);
  // As label_image.py of TensorFlow 1.4 and its readers spell nodes.
  CHECK(run_posy({"label", "--graph", "graph.pb", "--labels", "elsewhere.txt", "--image", "red.png", "--input_layer",
                  "import/input", "--output_layer=final_result:0", "--input_mean=128", "--input_std=128", "--top=1"})
            .out == expected);
}

TEST_CASE("label: --image may be repeated, and goes with other words") {
  Workplace here;
  write_colour_files();
  CHECK(run_posy({"label", "--graph=graph.pb", "--image=red.png", "--image", "blue.png", "--top=1"}).out ==
        "red.png\nred (score=0.57612)\nblue.png\nblue (score=0.57612)\n");
  CHECK(run_posy({"label", "graph.pb", "green.png", "--image=red.png", "--top=1"}).out ==
        "green.png\ngreen (score=0.57612)\nred.png\nred (score=0.57612)\n");
}

TEST_CASE("label: threads change nothing but the time") {
  Workplace here;
  write_colour_files();
  const std::string one = run_posy({"label", "graph.pb", "red.png", "--threads", "1"}).out;
  CHECK(run_posy({"label", "graph.pb", "red.png", "--threads", "2"}).out == one);
  CHECK(run_posy({"label", "graph.pb", "red.png", "--threads=5"}).out == one);
  CHECK(run_posy({"label", "graph.pb", "red.png"}, {"POSY_THREADS=3"}).out == one);
}

TEST_CASE("label: a file name that begins with a dash, has spaces or is no UTF-8") {
  Workplace here;
  write_colour_files();
  std::filesystem::copy_file("red.png", "-red.png");
  CHECK(run_posy({"label", "graph.pb", "--top=1", "--", "-red.png"}).out == "red (score=0.57612)\n");
  const std::string odd = "r \xff\"\\.png";
  std::filesystem::copy_file("red.png", odd);
  CHECK(run_posy({"label", "graph.pb", "--top=1", odd}).out == "red (score=0.57612)\n");
  const Outcome json = run_posy({"label", "graph.pb", "--json", odd});
  REQUIRE(json.json().size() == 1);
  CHECK(json.json()[0]["scores"][0]["label"] == "red");
}

TEST_CASE("label: the image may come from standard input") {
  Workplace here;
  write_colour_files();
  CHECK(run_posy({"label", "graph.pb", "-", "--top=1"}, {}, flat_png(0, 0, 255)).out == "blue (score=0.57612)\n");
}

TEST_CASE("label: a folder stands for all photos in it and below it, in order") {
  Workplace here;
  write_colour_files();
  std::filesystem::create_directories("photos/b/looks_like.png");
  std::filesystem::copy_file("red.png", "photos/c.PNG");
  std::filesystem::copy_file("green.png", "photos/b/green.png");
  std::filesystem::copy_file("blue.png", "photos/a.png");
  write("photos/notes.txt", bytes_of("no photo"));
  const Outcome outcome = run_posy({"label", "graph.pb", "photos", "--top=1"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out ==
        "photos/a.png\nblue (score=0.57612)\nphotos/b/green.png\ngreen (score=0.57612)\n"
        "photos/c.PNG\nred (score=0.57612)\n");
  std::filesystem::create_directory("empty");
  const Outcome none = run_posy({"label", "graph.pb", "empty", "photos/a.png", "--json", "--top=1"});
  CHECK(none.code == 1);
  CHECK(is_one_sentence_about(none.err, "empty: no photos in this folder"));
  REQUIRE(none.json().size() == 2);
  CHECK(contains(none.json()[0]["error"], "no photos"));
  CHECK(none.json()[1]["scores"][0]["label"] == "blue");
}

TEST_CASE("label: --csv is a table of RFC 4180, with names quoted and errors in a column") {
  Workplace here;
  write_colour_files();
  write("labels.txt", bytes_of("red, \"warm\"\ngreen\nblue\n"));
  std::filesystem::copy_file("red.png", "a,b.png");
  const Outcome outcome = run_posy({"label", "graph.pb", "a,b.png", "lost.png", "--csv", "--top=2"});
  CHECK(outcome.code == 1);
  const std::vector<std::string> parts = {"image,rank,label,index,score,unknown,error\r\n",
                                          "\"a,b.png\",1,\"red, \"\"warm\"\"\",0,0.57611",
                                          "\r\n\"a,b.png\",2,green,1,0.21194", "\r\nlost.png,,,,,,lost.png: "};
  size_t at = 0;
  for (const std::string& part : parts) {
    CAPTURE(part);
    at = outcome.out.find(part, at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(outcome.out.rfind(parts[0], 0) == 0);
  CHECK(outcome.out.substr(outcome.out.size() - 2) == "\r\n");

  const std::string all = run_posy({"label", "graph.pb", "blue.png", "--csv", "--top=0"}).out;
  CHECK(contains(all, "blue.png,2,\"red, "));
  CHECK(contains(all, "blue.png,3,green,1,"));
  CHECK(contains(all, "blue.png,1,blue,2,"));
  CHECK(all.find(",0,0.21") < all.find(",1,0.21"));
}

TEST_CASE("label: --stdin takes a path a line, whatever ends it, and goes on behind what cannot be read") {
  Workplace here;
  write_colour_files();
  std::filesystem::create_directory("photos");
  std::filesystem::copy_file("blue.png", "photos/sky.png");
  const std::string list = "\xef\xbb\xbfred.png\r\n\n\r\nlost.png\n-\nphotos\ngreen.png";
  const Outcome text = run_posy({"label", "graph.pb", "--stdin", "--top=1"}, {}, bytes_of(list));
  CHECK(text.code == 1);
  CHECK(text.out ==
        "red.png\nred (score=0.57612)\nphotos/sky.png\nblue (score=0.57612)\ngreen.png\ngreen (score=0.57612)\n");
  CHECK(contains(text.err, "posy: lost.png: "));
  CHECK(contains(text.err, "cannot be an image as well"));

  const Outcome json = run_posy({"label", "graph.pb", "--stdin", "--json"}, {}, bytes_of("red.png\nlost.png\n"));
  CHECK(json.code == 1);
  REQUIRE(json.json().size() == 2);
  CHECK(json.json()[0]["scores"][0]["label"] == "red");
  CHECK(contains(json.json()[1]["error"], "lost.png"));

  CHECK(run_posy({"label", "graph.pb", "--stdin", "--top=1"}, {}, bytes_of("red.png\n")).code == 0);
  const Outcome nothing = run_posy({"label", "graph.pb", "--stdin", "--csv"});
  CHECK(nothing.code == 0);
  CHECK(nothing.out == "image,rank,label,index,score,unknown,error\r\n");
  const Outcome zeros = run_posy({"label", "graph.pb", "--stdin"}, {}, bytes_of("red.png\0blue.png\0"sv));
  CHECK(zeros.code == 1);
  CHECK(is_one_sentence_about(zeros.err, "red.png: a zero byte"));
}

TEST_CASE("label: --stdin answers each line before it reads the next") {
  Workplace here;
  write_colour_files();
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  const pid_t pid = start_posy({"label", "graph.pb", "--stdin", "--top=1"}, {}, ends[0]);
  ::close(ends[0]);
  REQUIRE(pid != 0);
  std::string expected;
  for (const std::string name : {"red", "blue", "green"}) {
    const std::string line = name + ".png\n";
    REQUIRE(::write(ends[1], line.data(), line.size()) == (ssize_t)line.size());
    expected += line + name + " (score=0.57612)\n";
    CHECK(becomes_true([&] { return read("stream.out") == expected; }));
  }
  ::close(ends[1]);
  CHECK(outcome_of(pid).code == 0);
}

TEST_CASE("label: images, --stdin and --watch are told apart, and so are --json and --csv") {
  Workplace here;
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"label", "graph.pb"}, "--stdin"},
           {{"label", "--stdin"}, "takes a model"},
           {{"label", "graph.pb", "a.png", "--stdin"}, "one of the three"},
           {{"label", "graph.pb", "--watch", ".", "--stdin"}, "one of the three"},
           {{"label", "graph.pb", "--watch", ".", "a.png"}, "one of the three"},
           {{"label", "graph.pb", "a.png", "--json", "--csv"}, "one of the two"},
           {{"label", "graph.pb", "a.png", "--once"}, "go with --watch"},
           {{"label", "graph.pb", "a.png", "--poll", "100"}, "go with --watch"},
           {{"label", "graph.pb", "--watch", ".", "--poll", "0"}, "--poll wants a whole number from 10"},
           {{"label", "graph.pb", "a.png", "--csv", "--layer", "pool"}, "--json"},
       }) {
    const Outcome outcome = run_posy(words);
    CAPTURE(part);
    CHECK(outcome.code == 2);
    CHECK(contains(outcome.err, part));
  }
}

TEST_CASE("label: --preprocess does what another part of the tutorial does, on files of codes too") {
  Workplace here;
  write_colour_files();
  // Scores are softmax(mean of the input), which x / 255 is unless a variant has another scale.
  char expected[64];
  std::snprintf(expected, sizeof expected, "red (score=%.5f)\n", own_score(127.0 / 128, -1));
  for (const std::string name : {"label_image", "android", "android_tflite"}) {
    CHECK(run_posy({"label", "graph.pb", "red.png", "--top=1", "--preprocess", name}).out == expected);
  }
  std::snprintf(expected, sizeof expected, "red (score=%.5f)\n", own_score(1, -1));
  for (const std::string name : {"retrain", "keras", "teachable_machine", "slim"}) {
    CHECK(run_posy({"label", "graph.pb", "red.png", "--top=1", "--preprocess", name}).out == expected);
  }
  const std::string own = run_posy({"label", "graph.pb", "red.png"}).out;
  CHECK(run_posy({"label", "graph.pb", "red.png", "--preprocess=model"}).out == own);

  // A picture that is red in the middle: a third of it, all of what the Android app leaves.
  PngOptions flag;
  flag.width = 24;
  flag.height = 8;
  for (uint32_t y = 0; y < 8; ++y) {
    flag.rows.push_back(0);
    for (uint32_t x = 0; x < 24; ++x) {
      const uint8_t red = x >= 8 && x < 16 ? 255 : 0;
      flag.rows.insert(flag.rows.end(), {red, 0, static_cast<uint8_t>(255 - red)});
    }
  }
  write("flag.png", make_png(flag));
  CHECK(contains(run_posy({"label", "graph.pb", "flag.png", "--top=1"}).out, "blue"));
  CHECK(contains(run_posy({"label", "graph.pb", "flag.png", "--top=1", "--preprocess=android"}).out, "red"));

  const std::string help = run_posy({"help", "label"}).out;
  for (const posy::PreprocessVariant& variant : posy::preprocess_variants()) CHECK(contains(help, variant.name));
  const Outcome unknown = run_posy({"label", "graph.pb", "red.png", "--preprocess", "andriod"});
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "did you mean android?"));
  const Outcome twice = run_posy({"label", "graph.pb", "red.png", "--preprocess", "android", "--mean", "128"});
  CHECK(twice.code == 2);
  CHECK(contains(twice.err, "leave out --mean and --std"));
}
