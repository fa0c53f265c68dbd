// posy eval: accuracy on photos in one sub-folder for each class.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/apps/run_posy.h"

using namespace posy_test;
namespace fs = std::filesystem;

namespace {

void add_photo(const std::string& path, uint8_t red, uint8_t green, uint8_t blue) {
  fs::create_directories(fs::path(path).parent_path());
  write(path, flat_png(red, green, blue));
}

// Five photos in three classes, of which photos/green/b.png is blue and taken for that.
void write_photos() {
  write_colour_files();
  add_photo("photos/red/a.png", 255, 0, 0);
  add_photo("photos/red/b.png", 255, 0, 0);
  add_photo("photos/Green!/a.png", 0, 255, 0);
  add_photo("photos/Green!/b.png", 0, 0, 255);
  add_photo("photos/blue/a.png", 0, 0, 255);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find("\r\n", at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 2;
  }
  return lines;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// Pixels are x / 255: a picture's own colour has 1, the others 0.
const double kOwn = own_score(1, 0), kOther = (1 - kOwn) / 2;

}  // namespace

TEST_CASE("eval: the JSON of a folder whose figures are reckoned by hand") {
  Workplace here;
  write_photos();
  const Outcome outcome = run_posy({"eval", "graph.pb", "photos", "--json"});
  REQUIRE(outcome.code == 0);
  const Json json = outcome.json().at(0);
  CHECK(json["images"] == 5);
  CHECK(json["accuracy"].get<double>() == doctest::Approx(0.8));
  CHECK(json["accuracy_low"].get<double>() == doctest::Approx(0.375535).epsilon(1e-5));
  CHECK(json["accuracy_high"].get<double>() == doctest::Approx(0.963791).epsilon(1e-5));
  CHECK(json["cross_entropy"].get<double>() ==
        doctest::Approx(-(4 * std::log(kOwn) + std::log(kOther)) / 5).epsilon(1e-5));
  CHECK(json["top5"] == 1.0);
  CHECK(json["confusion"] == Json({{2, 0, 0}, {0, 1, 1}, {0, 0, 1}}));
  CHECK(json["labels"] == Json({"red", "green", "blue"}));
  CHECK(json["unreadable"] == 0);
  CHECK(json["seconds"].get<double>() > 0);
  CHECK(json["ece"].get<double>() == doctest::Approx(std::fabs(0.8 - kOwn)).epsilon(1e-4));
  CHECK(json["per_class"][2]["precision"] == 0.5);
  CHECK(json["per_class"][1]["recall"] == 0.5);
  CHECK(json["busy"].get<double>() <= 1);
  // The keys that programs rely on stand first, in this order.
  CHECK(outcome.out.find("\"images\"") < outcome.out.find("\"accuracy\""));
  CHECK(outcome.out.find("\"unreadable\"") < outcome.out.find("\"ece\""));
}

TEST_CASE("eval: the text has the interval, each class, the confusions and the matrix") {
  Workplace here;
  write_photos();
  const Outcome outcome = run_posy({"eval", "graph.pb", "photos", "--confusion"});
  REQUIRE(outcome.code == 0);
  CHECK(contains(outcome.out, "5 photos (all) of photos\n"));
  CHECK(contains(outcome.out, "accuracy        80.00% (4; 95 % interval: 37.6% to 96.4%)\n"));
  CHECK(contains(outcome.out, "green       2       1      1.000   0.500  0.667\n"));
  CHECK(contains(outcome.out, "green      .      1      1\n"));
  CHECK(contains(run_posy({"eval", "graph.pb", "photos"}).out, "       1  green taken for blue\n"));
}

TEST_CASE("eval: the CSV has a line for each photo, in the folder's order") {
  Workplace here;
  write_photos();
  add_photo("photos/red/with, comma.png", 255, 0, 0);
  write("photos/red/z.jpg", bytes_of("<html>"));
  const Outcome outcome = run_posy({"eval", "graph.pb", "photos", "--csv", "photos.csv", "--threads", "3"});
  REQUIRE(outcome.code == 0);
  const std::vector<std::string> lines = lines_of(read("photos.csv"));
  REQUIRE(lines.size() == 8);
  CHECK(lines[0] == "path,label,predicted,score,label_score,correct,error,split,unknown");
  CHECK(lines[1].rfind("photos/Green!/a.png,green,green,0.", 0) == 0);
  CHECK(lines[2].rfind("photos/Green!/b.png,green,blue,0.", 0) == 0);
  CHECK(contains(lines[2], ",0,,"));
  CHECK(contains(lines[4], ",1,,"));
  CHECK(lines[6].rfind("\"photos/red/with, comma.png\",red,red,", 0) == 0);
  CHECK(lines[7].rfind("photos/red/z.jpg,red,,,,,", 0) == 0);
  CHECK(contains(outcome.err, "photos/red/z.jpg"));
  CHECK(contains(outcome.out, "unreadable      1 photo, not counted"));
}

TEST_CASE("eval: the same figures for every number of threads") {
  Workplace here;
  write_photos();
  const Outcome one = run_posy({"eval", "graph.pb", "photos", "--csv", "-", "--threads", "1"});
  REQUIRE(one.code == 0);
  for (const char* threads : {"2", "5"}) {
    CHECK(run_posy({"eval", "graph.pb", "photos", "--csv", "-", "--threads", threads}).out == one.out);
  }
}

TEST_CASE("eval: a part is that of retrain.py for the spelling that is asked for") {
  Workplace here;
  write_colour_files();
  // percentage_hash of retrain.py: 64.70, 5.88 and 14.98 for these names in tf_files/flower_photos/daisy.
  write("labels.txt", bytes_of("daisy\ngreen\nblue\n"));
  for (const char* name : {"100080576_f52e8ee070_n", "1031799732_e7f4008c03", "10172379554_b296050f82_n"}) {
    add_photo("photos/daisy/" + std::string(name) + ".jpg", 255, 0, 0);
  }
  const auto listed = [](const std::string& split) {
    return run_posy({"eval", "graph.pb", "photos", "--split", split, "--image-dir-as", "tf_files/flower_photos",
                     "--csv", "-"})
        .out;
  };
  CHECK(lines_of(listed("all")).size() == 4);
  for (const auto& [split, name] :
       std::vector<std::pair<std::string, std::string>>{{"training", "100080576_f52e8ee070_n"},
                                                        {"validation", "1031799732_e7f4008c03"},
                                                        {"testing", "10172379554_b296050f82_n"}}) {
    const std::vector<std::string> lines = lines_of(listed(split));
    REQUIRE(lines.size() == 2);
    CHECK(contains(lines[1], name));
    CHECK(contains(lines[1], "," + split + ","));
  }
  CHECK(contains(run_posy({"eval", "graph.pb", "photos", "--split", "training"}).err, "--image-dir-as SPELLING"));
  const Outcome none = run_posy({"eval", "graph.pb", "photos", "--split", "testing", "--testing-percentage", "0"});
  CHECK(none.code == 1);
  CHECK(contains(none.err, "none of its 3 photos is in the testing part"));
}

TEST_CASE("eval: classes that do not match are named, with the closest one") {
  Workplace here;
  write_photos();
  add_photo("photos/gren/x.png", 0, 255, 0);
  const Outcome outcome = run_posy({"eval", "graph.pb", "photos"});
  CHECK(outcome.code == 1);
  CHECK(contains(outcome.err, "graph.pb has no class 'gren'; did you mean 'green'?"));
  CHECK(contains(outcome.err, "Sub-folders: green , blue, gren, red."));
  CHECK(contains(outcome.err, "Classes of the model: red, green, blue."));
  CHECK(outcome.out.empty());
}

TEST_CASE("eval: two folders of one class, and two classes of one name, are refused") {
  Workplace here;
  write_photos();
  write("labels.txt", bytes_of("red, scarlet\ngreen\nblue\n"));
  add_photo("photos/scarlet/x.png", 255, 0, 0);
  CHECK(contains(run_posy({"eval", "graph.pb", "photos"}).err, "'red' and 'scarlet' are both the model's class"));
  fs::remove_all("photos/scarlet");
  write("labels.txt", bytes_of("red\nGreen\ngreen\n"));
  fs::remove_all("photos/blue");
  CHECK(contains(run_posy({"eval", "graph.pb", "photos"}).err, "2 classes are called 'green '"));
}

TEST_CASE("eval: ImageNet's labels are found by number, by synset and by each of their names") {
  Workplace here;
  write_colour_files();
  for (const auto& [labels, folder] : std::vector<std::pair<std::string, std::string>>{
           {"7:rose, red thing\n8:leaf\n9:sky\n", "red_thing"},
           {"7:rose, red thing\n8:leaf\n9:sky\n", "7"},
           {"n01440764 rose, red thing\nn01440765 leaf\nn01440766 sky\n", "n01440764"},
           {"leaf, rose\nrose, other\nrose hip\n", "leaf"},
           {"1:rose\n2:sea rose, rose\n3:leaf, rose\n", "Rose"}}) {
    CAPTURE(folder);
    fs::remove_all("photos");
    write("labels.txt", bytes_of(labels));
    add_photo("photos/" + folder + "/a.png", 255, 0, 0);
    const Outcome outcome = run_posy({"eval", "graph.pb", "photos", "--json"});
    REQUIRE(outcome.code == 0);
    CHECK(outcome.json().at(0)["accuracy"] == 1.0);
    CHECK(contains(outcome.err, "has no photos of 2 of the model's 3 classes"));
  }
}

TEST_CASE("eval: without labels, classes are numbers or go by the folders' order") {
  Workplace here;
  write_photos();
  fs::remove("labels.txt");
  const Outcome ordered = run_posy({"eval", "graph.pb", "photos", "--json"});
  REQUIRE(ordered.code == 0);
  CHECK(contains(ordered.err, "in the order of the sub-folders' names"));
  // Green!, blue, red: 0, 1, 2; all photos but the green one's neighbour are wrong.
  CHECK(ordered.json().at(0)["confusion"] == Json({{0, 1, 1}, {0, 0, 1}, {2, 0, 0}}));
  fs::rename("photos/red", "photos/0");
  fs::rename("photos/blue", "photos/2");
  fs::remove_all("photos/Green!");
  const Outcome numbered = run_posy({"eval", "graph.pb", "photos", "--json"});
  REQUIRE(numbered.code == 0);
  CHECK(numbered.json().at(0)["accuracy"] == 1.0);
  fs::rename("photos/2", "photos/3");
  CHECK(contains(run_posy({"eval", "graph.pb", "photos"}).err, "there is no class 3"));
  fs::rename("photos/3", "photos/blue");
  CHECK(contains(run_posy({"eval", "graph.pb", "photos"}).err, "has no labels, and 3 classes, but photos has 2"));
}

TEST_CASE("eval: the exit code says whether the accuracy is enough") {
  Workplace here;
  write_photos();
  CHECK(run_posy({"eval", "graph.pb", "photos", "--min-accuracy", "80"}).code == 0);
  const Outcome outcome = run_posy({"eval", "graph.pb", "photos", "--min-accuracy", "80.5", "--json"});
  CHECK(outcome.code == 1);
  CHECK(outcome.json().at(0)["right"] == 4);
  CHECK(contains(outcome.err, "accuracy is 80.00%, less than --min-accuracy 80.5"));
  CHECK(run_posy({"eval", "graph.pb", "photos", "--min-accuracy", "101"}).code == 2);
  CHECK(run_posy({"eval", "graph.pb", "photos", "--min-accuracy", "0.8"}).code == 2);  // a share, not percent
}

TEST_CASE("eval: bad input is one sentence and nothing is written") {
  Workplace here;
  write_colour_files();
  fs::create_directories("empty");
  fs::create_directories("broken/red");
  write("broken/red/a.png", bytes_of("no picture"));
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"graph.pb", "missing"}, "missing"},
           {{"graph.pb", "empty"}, "no sub-folder with photos"},
           {{"graph.pb", "red.png"}, "red.png"},
           {{"none.posy", "broken"}, "none.posy"},
           {{"graph.pb", "broken"}, "none of its photos could be read"},
           {{"graph.pb", "broken", "--html", "no/where.html"}, "no folder no"}}) {
    std::vector<std::string> all = {"eval"};
    all.insert(all.end(), words.begin(), words.end());
    all.insert(all.end(), {"--csv", "out.csv"});
    const Outcome outcome = run_posy(all);
    CHECK(outcome.code == 1);
    CHECK(outcome.out.empty());
    CHECK(contains(outcome.err, part));
    CHECK_FALSE(fs::exists("out.csv"));
  }
}

TEST_CASE("eval: wrong usage says what is right") {
  Workplace here;
  write_photos();
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"eval", "graph.pb"}, "a model and a folder"},
           {{"eval", "graph.pb", "photos", "--split", "test"}, "--split is all, training"},
           {{"eval", "graph.pb", "photos", "--testing-percentage", "60", "--validation-percentage", "50"},
            "more than 100"},
           {{"eval", "graph.pb", "photos", "--csv", "graph.pb"}, "is taken already"},
           {{"eval", "graph.pb", "photos", "--spilt", "all"}, "did you mean --split?"}}) {
    const Outcome outcome = run_posy(words);
    CHECK(outcome.code == 2);
    CHECK(contains(outcome.err, part));
  }
}

TEST_CASE("eval: the page has every figure, the wrong photo as a picture, and needs no network") {
  Workplace here;
  write_photos();
  write("labels.txt", bytes_of("red\n<green>\nblue\n"));
  write("photos/blue/z.png", bytes_of("no picture"));
  REQUIRE(run_posy({"eval", "graph.pb", "photos", "--html", "page.html"}).code == 0);
  const std::string page = read("page.html");
  CHECK(contains(page, "80.00%"));
  CHECK(contains(page, "1 of 2 photos of &lt;green&gt; taken for blue (50.0%)"));
  CHECK(count(page, "data-row=") == 9);
  CHECK(count(page, "<img ") == 1 + 4);
  CHECK(count(page, "data:image/jpeg;base64,/9j/") == 5);
  CHECK(contains(page, "photos/blue/z.png"));
  CHECK_FALSE(contains(page, "<green>"));
  CHECK(count(page, "http") == 0);
  for (const char* id : {"facts", "matrix", "cell-text", "classes", "calibration", "wrong", "wrong-count",
                         "filter-truth", "filter-predicted", "filter-none", "unsure", "unreadable"}) {
    CHECK(count(page, "id=\"" + std::string(id) + "\"") == 1);
  }
  for (const std::string tag :
       {"svg", "li", "ul", "table", "tr", "td", "th", "main", "section", "figure", "dl", "html"}) {
    CHECK(count(page, "<" + tag + ">") + count(page, "<" + tag + " ") == count(page, "</" + tag + ">"));
  }
  REQUIRE(run_posy({"eval", "graph.pb", "photos", "--html", "page.html", "--thumbnails", "0"}).code == 0);
  CHECK(contains(read("page.html"), "1 are left out"));
}

TEST_CASE("eval: an interruption ends it of the signal, with nothing written") {
  Workplace here;
  write_photos();
  for (int i = 0; i < 400; ++i) {
    write("photos/red/large" + std::to_string(i) + ".png", flat_png(255, 0, 0, 400, 400));
  }
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::dup2(::open("stream.out", O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    ::dup2(::open("stream.err", O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    ::execl(POSY_COMMAND, POSY_COMMAND, "eval", "graph.pb", "photos", "--csv", "out.csv", (char*)nullptr);
    ::_exit(127);
  }
  ::usleep(60000);
  ::kill(pid, SIGINT);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  // A machine that is this fast, or slow to start, is none to test this on.
  if (WIFEXITED(status)) {
    MESSAGE("not tested: it was done before it could be interrupted");
    return;
  }
  CHECK(WTERMSIG(status) == SIGINT);
  CHECK_FALSE(fs::exists("out.csv"));
  CHECK(read("stream.out").empty());
}

TEST_CASE("eval: --fit-unknown writes the model with a rule by which pictures of other things are unknown") {
  Workplace here;
  const std::string model = POSY_SOURCE_DIR "/models/flowers_mobilenet_v1_0.25_128.pb";
  // Known pictures have one colour; the others are photos.
  int shade = 0;
  for (const std::string name : {"daisy", "dandelion", "roses", "sunflowers", "tulips"}) {
    fs::create_directories("photos/" + name);
    for (int i = 0; i < 12; ++i, shade += 4) {
      write("photos/" + name + "/" + std::to_string(i) + ".png", flat_png((uint8_t)shade, 99, (uint8_t)(255 - shade)));
    }
  }
  fs::create_directories("others");
  for (const char* name : {"daisy_128x128.png", "sunflower_200x150.png", "tulip_97x301.png"}) {
    fs::copy_file(std::string(POSY_SOURCE_DIR "/tests/data/golden_default_model/") + name,
                  std::string("others/") + name);
  }
  const Outcome outcome =
      run_posy({"eval", model, "photos", "--fit-unknown", "known.posy", "--unknown", "others", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const Json json = outcome.json().at(0);
  CHECK(json["unknown_photos"] == 3);
  CHECK(json["unknown_rejected"] == 1);
  CHECK(json["auroc"] == 1);
  const Outcome known = run_posy({"label", "known.posy", "photos/roses/6.png", "others/tulip_97x301.png", "--json"});
  CHECK_FALSE(known.json().at(0).contains("unknown"));
  CHECK(known.json().at(1)["unknown"] == true);
  const auto score = [](const Outcome& of) { return of.json().at(0)["scores"][0]["score"].get<double>(); };
  CHECK(score(known) == score(run_posy({"label", model, "photos/roses/6.png", "--json"})));
  CHECK(contains(run_posy({"info", "known.posy"}).out, "\nunknown  what lies more than "));

  CHECK(run_posy({"eval", model, "photos", "--fit-unknown", "x.posy", "--split", "testing"}).code == 2);
  const Outcome none = run_posy({"eval", model, "photos", "--unknown", "others"});
  CHECK(none.code == 1);
  CHECK(contains(none.err, "--fit-unknown FILE gives it one"));
}
