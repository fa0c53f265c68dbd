#include "loaders/score_table.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "loaders/error.h"
#include "tests/temporary_folder.h"

namespace posy {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
using Scores = std::vector<std::optional<float>>;

ScoreTable read_text(const std::string& text, uint32_t classes = 0) {
  const posy_test::TemporaryFolder folder;
  const std::string path = folder.path() + "/scores.tsv";
  std::ofstream(path) << text;
  return read_score_table(path, classes);
}

TEST_CASE("score table: a column for each class, with their names") {
  const ScoreTable table =
      read_text("\xef\xbb\xbf# made elsewhere\n\nimage\tdaisy\troses\na.jpg\t0.25\t0.75\r\nb c.jpg\t1\t0\n");
  CHECK(table.labels == std::vector<std::string>{"daisy", "roses"});
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0].image == "a.jpg");
  CHECK(table.rows[0].line == 4);
  CHECK(table.rows[0].scores == Scores{0.25f, 0.75f});
  CHECK(table.rows[1].image == "b c.jpg");
}

TEST_CASE("score table: lists, of all classes and of some") {
  CHECK(read_text("image\tscores\na.jpg\t0.5,0.5,0\n").rows[0].scores == Scores{0.5f, 0.5f, 0.0f});
  CHECK(read_text("a.jpg\t1\n").classes() == 1);
  const ScoreTable some = read_text("a.jpg\t3:0.5,0:0.25\n", 5);
  CHECK(some.rows[0].scores == Scores{0.25f, std::nullopt, std::nullopt, 0.5f, std::nullopt});
  CHECK(read_text("a.jpg\t3:0.5\nb.jpg\t1:1\n").classes() == 4);
}

TEST_CASE("score table: what is wrong is said with its line") {
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"a.jpg\t0.5\t0.5\n#\nb.jpg\t1\t0\t0\n", "line 3: 3 scores, but the lines before have 2"},
           {"image\tx\ty\na.jpg\t1\t0\t0\n", "line 2: 3 scores, but the first line names 2 classes"},
           {"a.jpg\t0.5\tmuch\n", "line 1: 'much' is no score"},
           {"a.jpg\t0.5\t\t1\n", "line 1: '' is no score"},
           {"a.jpg 0.5 0.5\n", "line 1: no tab"},
           {"a.jpg\t7:0.5\n", "line 1: there is no class 7; there are 5"},
           {"a.jpg\t1:0.5,2\n", "line 1: '2' is not class:score"},
           {"# nothing\n", "no line with an image"},
           {std::string("a\0b\t1\n", 6), "not a text file"}}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(read_text(text, 5), doctest::Contains(part.c_str()), InputError);
  }
  CHECK_THROWS_AS(read_score_table("none.tsv", 0), InputError);
}

TEST_CASE("difference: the greatest one, where it is, and both best classes") {
  const ScoreDifference d = difference_of(Scores{0.25f, 0.5f, 0.25f}, Scores{0.25f, 0.25f, 0.5f});
  CHECK(d.most == 0.25);
  CHECK(d.class_index == 1);
  CHECK(d.sum == 0.5);
  CHECK(d.best_a == 1);
  CHECK(d.best_b == 2);
  const ScoreDifference some = difference_of(Scores{0.9f, 0.0f, 0.1f}, Scores{std::nullopt, 0.25f, 0.125f});
  CHECK(some.compared == 2);
  CHECK(some.class_index == 1);
  CHECK(some.best_a == 2);
  CHECK(difference_of(Scores{1.0f, 0.0f}, Scores{1.0f, 0.0f}).most == 0);
}

TEST_CASE("difference: a number and what is none are infinitely far apart, two that are none are not") {
  CHECK(std::isinf(difference_of(Scores{kNaN, 0.5f}, Scores{0.5f, 0.5f}).most));
  CHECK(difference_of(Scores{kNaN, 0.5f}, Scores{kNaN, 0.5f}).most == 0);
  CHECK(difference_of(Scores{kNaN, 0.5f}, Scores{kNaN, 0.5f}).best_a == 1);
  CHECK(difference_of(Scores{INFINITY}, Scores{INFINITY}).most == 0);
}

TEST_CASE("first decimal: the place of a difference's first digit") {
  CHECK(first_decimal(3e-6) == 6);
  CHECK(first_decimal(1e-5) == 5);
  CHECK(first_decimal(0.99e-5) == 6);
  CHECK(first_decimal(0.25) == 1);
  CHECK(first_decimal(2.5) == 0);
  CHECK_FALSE(first_decimal(0));
}

TEST_CASE("classes pair by label in whatever order, by number without labels, or not at all") {
  const std::vector<std::string> a = {"red", "Green leaf", "blue"}, b = {"blue", "red", "green_leaf"};
  CHECK(pair_classes(a, 3, b, 3, "a", "b") == std::vector<uint32_t>{1, 2, 0});
  CHECK(pair_classes(a, 3, {}, 3, "a", "b") == std::vector<uint32_t>{0, 1, 2});
  CHECK(pair_classes({"x", "x"}, 2, {"x", "x"}, 2, "a", "b") == std::vector<uint32_t>{0, 1});
  CHECK_THROWS_WITH_AS(pair_classes(a, 3, {"blue", "red", "pink"}, 3, "a", "b"),
                       doctest::Contains("a has a class 'Green leaf' that b does not have"), InputError);
  CHECK_THROWS_WITH_AS(pair_classes(a, 3, {}, 4, "a", "b"), doctest::Contains("a has 3 classes, b has 4"), InputError);
}

}  // namespace
}  // namespace posy
