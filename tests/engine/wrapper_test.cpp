// posy.hpp: owners of memory, and exceptions that say what posy.h says.
#include <doctest/doctest.h>

#include <fstream>
#include <type_traits>

#include "loaders/pack.h"
#include "tests/engine/model_builder.h"
#include "tests/temporary_folder.h"
// Behind the engine's own headers: there, posy::Model is another one, and this one is posy::cpp::Model.
#include "engine/posy.hpp"

using posy::Classifier;
using posy::Score;

namespace {

using Bytes = std::vector<uint8_t>;

posy::cpp::Model model_of(const Bytes& bytes) {
  return posy::cpp::Model::copy_of(bytes.data(), bytes.size());
}

const uint8_t kPixels[2 * 2 * 3] = {250, 0, 0, 0, 250, 0, 0, 0, 250, 9, 99, 199};

std::vector<float> scores_of(Classifier* classifier) {
  const posy_shape shape = classifier->input_shape();
  const posy_pixel_format format = shape.c == 1 ? POSY_GRAY : POSY_RGB;
  classifier->run(posy::image(format, kPixels, 2, 2));
  const auto scores = classifier->scores();
  return {scores.begin(), scores.end()};
}

std::vector<float> scores_of(const posy::cpp::Model& model) {
  Classifier classifier(model);
  return scores_of(&classifier);
}

}  // namespace

static_assert(!std::is_copy_constructible_v<Classifier> && std::is_nothrow_move_constructible_v<Classifier>);

TEST_CASE("wrapper: copied, borrowed, read and packed bytes of a model give the same scores") {
  const Bytes bytes = posy::build_model({});
  const std::vector<float> expected = scores_of(model_of(bytes));
  CHECK(expected.size() == posy::ModelOptions().classes);

  struct alignas(16) Flash {
    uint8_t bytes[1 << 16];
  };
  const std::unique_ptr<Flash> flash(new Flash);
  REQUIRE(bytes.size() <= sizeof flash->bytes);
  std::memcpy(flash->bytes, bytes.data(), bytes.size());
  CHECK(scores_of(posy::cpp::Model::borrow(flash->bytes, bytes.size())) == expected);

  CHECK(scores_of(model_of(posy::pack_posy(bytes, "model"))) == expected);

  const posy_test::TemporaryFolder folder;
  const std::string path = folder.path() + "/model.posy";
  std::ofstream(path, std::ios::binary).write((const char*)bytes.data(), (std::streamsize)bytes.size());
  CHECK(scores_of(posy::cpp::Model::read(path)) == expected);
}

TEST_CASE("wrapper: the best classes come first, with their labels; there are none before a run") {
  Classifier classifier(model_of(posy::build_model({})));
  CHECK(classifier.top(3).empty());
  CHECK(classifier.scores().empty());
  const std::vector<float> scores = scores_of(&classifier);
  const std::vector<Score> best = classifier.top(100);
  REQUIRE(best.size() == scores.size());
  for (size_t i = 0; i < best.size(); ++i) {
    CHECK(best[i].score == scores[best[i].class_index]);
    CHECK(best[i].label == classifier.label(best[i].class_index));
    CHECK_FALSE(best[i].label.empty());
    if (i > 0) CHECK(best[i].score <= best[i - 1].score);
  }
  CHECK(classifier.top(1).size() == 1);
  CHECK(classifier.label(classifier.class_count()) == "");
}

TEST_CASE("wrapper: a classifier keeps its model and goes on after it was moved") {
  Classifier first = [] { return Classifier(model_of(posy::build_model({}))); }();
  const std::vector<float> expected = scores_of(&first);
  std::vector<Classifier> moved;
  moved.push_back(std::move(first));
  CHECK(scores_of(&moved[0]) == expected);
  CHECK_THROWS_AS(first.run(), posy::Error);  // a shell, that says so
}

TEST_CASE("wrapper: an input of floats has the model's size, and one of another kind is empty") {
  Classifier classifier(model_of(posy::build_model({})));
  const posy_shape shape = classifier.input_shape();
  CHECK(classifier.input().size() == (size_t)shape.h * shape.w * shape.c);
  for (float& value : classifier.input()) value = 0.5f;
  classifier.run();
  CHECK(classifier.scores().size() == classifier.class_count());
}

TEST_CASE("wrapper: a damaged model is an error with a status, a sentence and the place") {
  Bytes bytes = posy::build_model({});
  bytes[bytes.size() / 2] ^= 1;
  try {
    scores_of(model_of(bytes));
    FAIL("it opened");
  } catch (const posy::Error& error) {
    CHECK(error.status() == POSY_BAD_CHECKSUM);
    CHECK(error.what() == std::string(posy_status_text(POSY_BAD_CHECKSUM)));
  }
  bytes[bytes.size() / 2] ^= 1;
  const size_t op = posy::op_at(bytes, posy::OpKind::softmax);
  bytes[op] = 0xff;
  posy::fix_checksum(&bytes);
  try {
    scores_of(model_of(bytes));
    FAIL("it opened");
  } catch (const posy::Error& error) {
    CHECK(error.status() == POSY_UNKNOWN_OP);
    CHECK(error.byte() == op);
  }
  Bytes packed = posy::pack_posy(posy::build_model({}), "model");
  packed.pop_back();
  CHECK_THROWS_AS(model_of(packed), posy::Error);
  CHECK_THROWS_AS(scores_of(posy::cpp::Model::borrow(nullptr, 0)), posy::Error);
}

TEST_CASE("wrapper: a file that is not there is named") {
  try {
    posy::cpp::Model::read("/no/such/file.posy");
    FAIL("it was read");
  } catch (const posy::FileError& error) {
    CHECK(std::string(error.what()) == "/no/such/file.posy: cannot be read");
  }
}

TEST_CASE("wrapper: an image that cannot be is refused, and the classifier goes on") {
  Classifier classifier(model_of(posy::build_model({})));
  CHECK_THROWS_AS(classifier.run(posy::image(POSY_RGB, nullptr, 2, 2)), posy::Error);
  CHECK_FALSE(scores_of(&classifier).empty());
}

#ifdef POSY_TEST_THREADS
TEST_CASE("wrapper: a pool of threads makes the same scores") {
  const Bytes bytes = posy::build_model({});
  const posy::Pool pool(2);
  CHECK(pool.threads() >= 1);
  Classifier classifier(model_of(bytes), pool.options());
  CHECK(scores_of(&classifier) == scores_of(model_of(bytes)));
}
#endif
