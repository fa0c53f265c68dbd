// posy label --watch: photos as they come.
#include <doctest/doctest.h>
#include <signal.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

// A running `posy label graph.pb --watch photos`, which is told to end at the latest when this goes.
class Watching {
 public:
  explicit Watching(const std::vector<std::string>& more) {
    std::vector<std::string> words = {"label", "graph.pb", "--watch", "photos", "--top=1"};
    words.insert(words.end(), more.begin(), more.end());
    const int input = ::open("/dev/null", O_RDONLY);
    pid_ = start_posy(words, {}, input);
    ::close(input);
  }
  ~Watching() {
    if (pid_ != 0) end(SIGKILL);
  }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  Outcome end(int signal) {
    ::kill(pid_, signal);
    return wait();
  }
  Outcome wait() { return outcome_of(std::exchange(pid_, 0)); }

 private:
  pid_t pid_ = 0;
};

bool printed(const std::string& text) {
  return becomes_true([&] { return contains(read("stream.out"), text); });
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void make_folder() {
  write_colour_files();
  std::filesystem::create_directories("photos/below");
  std::filesystem::copy_file("red.png", "photos/b.png");
  std::filesystem::copy_file("blue.png", "photos/a.png");
  std::filesystem::copy_file("blue.png", "photos/.hidden.png");
  std::filesystem::copy_file("blue.png", "photos/below/c.png");
  write("photos/notes.txt", bytes_of("no photo"));
}

const std::string kAtFirst = "photos/a.png\nblue (score=0.57612)\nphotos/b.png\nred (score=0.57612)\n";

}  // namespace

TEST_CASE("watch: with --once, what is there is labelled in order, and that is all") {
  Workplace here;
  make_folder();
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--once"}, {"--once", "--poll", "20"}}) {
    const Outcome outcome = Watching(more).wait();
    CHECK(outcome.code == 0);
    CHECK(outcome.out == kAtFirst);
  }
  write("photos/c.png", bytes_of("no picture"));
  const Outcome outcome = Watching({"--once", "--csv"}).wait();
  CHECK(outcome.code == 1);
  CHECK(contains(outcome.out, "photos/c.png,,,,,"));
}

TEST_CASE("watch: a photo is labelled when it is whole, once, and again when it changes") {
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--poll", "20"}}) {
    Workplace here;
    make_folder();
    Watching watching(more);
    REQUIRE(printed(kAtFirst));
    const Bytes green = flat_png(0, 255, 0);
    // In two halves with a pause, as a slow camera writes it.
    std::FILE* file = std::fopen("photos/c.png", "wb");
    REQUIRE(file);
    std::fwrite(green.data(), 1, green.size() / 2, file);
    std::fflush(file);
    ::usleep(200000);
    CHECK(read("stream.out") == kAtFirst);
    std::fwrite(green.data() + green.size() / 2, 1, green.size() - green.size() / 2, file);
    std::fclose(file);
    REQUIRE(printed("photos/c.png\ngreen (score=0.57612)\n"));
    // Written beside it and renamed, as careful programs do.
    std::filesystem::copy_file("red.png", "photos/d.part");
    std::filesystem::rename("photos/d.part", "photos/d.png");
    REQUIRE(printed("photos/d.png\nred (score=0.57612)\n"));
    // The same name with another picture.
    std::filesystem::copy_file("blue.png", "photos/e.part");
    std::filesystem::rename("photos/e.part", "photos/d.png");
    REQUIRE(printed("photos/d.png\nblue (score=0.57612)\n"));
    // Neither gone nor damaged files end it.
    std::filesystem::remove("photos/a.png");
    write("photos/f.png", bytes_of("no picture"));
    REQUIRE(becomes_true([] { return contains(read("stream.err"), "posy: photos/f.png: "); }));
    std::filesystem::copy_file("green.png", "photos/g.png");
    REQUIRE(printed("photos/g.png\ngreen (score=0.57612)\n"));
    const Outcome outcome = watching.end(SIGTERM);
    CHECK(outcome.code == 0);
    CHECK(count(outcome.out, "photos/c.png\n") == 1);
    CHECK(count(outcome.out, "photos/d.png\n") == 2);
    CHECK_FALSE(contains(outcome.out, "hidden"));
    CHECK_FALSE(contains(outcome.out, "below"));
  }
}

TEST_CASE("watch: Ctrl-C is a clean end, and JSON comes line by line") {
  Workplace here;
  make_folder();
  Watching watching({"--json"});
  REQUIRE(becomes_true([] { return count(read("stream.out"), "\n") == 2; }));
  const Outcome outcome = watching.end(SIGINT);
  CHECK(outcome.code == 0);
  REQUIRE(outcome.json().size() == 2);
  CHECK(outcome.json()[1]["scores"][0]["label"] == "red");
}

TEST_CASE("watch: a folder that is not there, is a file, or goes away is an error that names it") {
  Workplace here;
  write_colour_files();
  for (const std::string folder : {"lost", "red.png"}) {
    const Outcome outcome = run_posy({"label", "graph.pb", "--watch", folder});
    CHECK(outcome.code == 1);
    CHECK(outcome.out == "");
    CHECK(is_one_sentence_about(outcome.err, folder + ": cannot be read as a folder"));
  }
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--poll", "20"}}) {
    std::filesystem::create_directory("photos");
    std::filesystem::copy_file("red.png", "photos/a.png");
    Watching watching(more);
    REQUIRE(printed("photos/a.png\nred (score=0.57612)\n"));
    std::filesystem::remove_all("photos");
    const Outcome outcome = watching.wait();
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, "posy: photos: "));
  }
}
