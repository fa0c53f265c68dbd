// Bits for each layer: of a small network with photos made here.
#include "loaders/choose_bits.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "loaders/step_runner.h"
#include "loaders/winograd.h"
#include "tests/engine/model_builder.h"
#include "tests/loaders/engine_runner.h"
#include "tests/loaders/image_writer.h"

using namespace posy;
using posy_test::Bytes;
using posy_test::make_bmp;

namespace {

const Shape kInput = {24, 24, 3};

// Weights of many distinct values: nothing is kept by a table.
Network network_of_layers() {
  NetworkBuilder b(kInput, 3);
  constexpr Clamp kRelu6 = {0, 6}, kNone = {-__builtin_inff(), __builtin_inff()};
  ValueId last = b.conv(b.input(), 3, 2, 32, kRelu6);
  for (const uint32_t channels : {64u, 96u, 128u})
    last = b.conv(b.depthwise(last, 3, 1, kRelu6), 1, 1, channels, kRelu6);
  b.softmax(b.conv(b.average_all(last), 1, 1, 40, kNone));
  Network network = b.network();
  uint32_t seed = 0;
  for (NetworkNode* layer : layers_of(&network)) {
    const auto& dims = layer->weights.values->dims;
    layer->weights.values =
        std::make_shared<Array>(float_array(dims, random_floats(layer->weights.values->floats.size(), ++seed)));
  }
  network.preprocessing.std[0] = network.preprocessing.std[1] = network.preprocessing.std[2] = 255;
  return network;
}

// A folder of BMPs with other noise in each, and a file that is none.
class PhotoFolder {
 public:
  explicit PhotoFolder(uint32_t count) : path_(std::filesystem::absolute("choose_bits_photos").string()) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_ + "/more");
    for (uint32_t i = 0; i < count; ++i) {
      const std::vector<float> noise = random_floats(24 * 24 * 3, 77 + i, 0, 255);
      const Bytes rows(noise.begin(), noise.end());
      save((i % 2 ? "/more/" : "/") + std::to_string(i) + ".bmp", make_bmp(24, 24, 24, {}, rows));
    }
  }
  ~PhotoFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  void save(const std::string& name, const Bytes& bytes) const {
    std::ofstream(path_ + name, std::ios::binary).write((const char*)bytes.data(), (std::streamsize)bytes.size());
  }

 private:
  std::string path_;
};

size_t bytes_of(Network network) {
  return posy_bytes(network, WeightChoice::kU8).size();
}

}  // namespace

TEST_CASE("bits: a target is met, closely, and more bytes do less damage") {
  const size_t all = bytes_of(network_of_layers());
  double last_damage = 1e30;
  for (const double part : {0.82, 0.88, 0.94, 1.0}) {
    Network network = network_of_layers();
    BitsOptions options;
    options.target_bytes = (uint64_t)((double)all * part);
    BitsReport report;
    choose_bits(&network, options, &report);
    const size_t bytes = bytes_of(network);
    INFO(bytes, " of ", options.target_bytes);
    CHECK(bytes <= options.target_bytes);
    CHECK((double)bytes > 0.9 * (double)options.target_bytes);
    REQUIRE(report.layers.size() == 8);
    double damage = 0;
    for (const BitsReport::Layer& layer : report.layers) {
      damage += layer.damage;
      CHECK(layer.bits >= 4);
      CHECK(layer.bits <= 8);
    }
    CHECK(damage <= last_damage);
    last_damage = damage;
  }
}

TEST_CASE("bits: a target that 4 bits do not reach is refused with what they need") {
  Network network = network_of_layers();
  BitsOptions options;
  options.target_bytes = 1000;
  BitsReport report;
  const std::string message = refusal([&] { choose_bits(&network, options, &report); });
  CHECK(contains(message, "--target-size 1000 is out of reach"));
  CHECK(contains(message, "with 4 bits"));
}

TEST_CASE("bits: a target counts what Winograd convolutions add to the file") {
  NetworkBuilder b({48, 48, 32}, 3);
  ValueId last = b.input();
  for (int i = 0; i < 4; ++i) last = b.conv(last, 3, 1, 64, {0, 6});
  b.softmax(b.average_all(last));
  Network network = b.network();
  BitsOptions options;
  options.target_bytes = 80000;
  BitsReport report;
  choose_bits(&network, options, &report);
  choose_winograd(&network);
  REQUIRE(network.rewrites.size() == 1);
  const size_t bytes = bytes_of(network);
  CHECK(bytes <= 80000);
  CHECK(bytes > 70000);
}

TEST_CASE("bits: photos make the same bits lose less") {
  const PhotoFolder photos(40);
  const auto logits_of = [&](const Network& network) {
    StepRunner runner(network, WeightChoice::kF32);
    std::vector<std::string> notes;
    std::vector<std::vector<float>> logits;
    for (const std::vector<float>& input : runner.inputs_of(photos_of_folder(photos.path(), 100), &notes)) {
      logits.push_back(runner.run(input));
    }
    return logits;
  };
  const std::vector<std::vector<float>> expected = logits_of(network_of_layers());
  REQUIRE(expected.size() == 40);
  const auto error_of = [&](const std::string& folder) {
    Network network = network_of_layers();
    BitsOptions options;
    options.weights = WeightChoice::kU5;
    options.photos = folder;
    BitsReport report;
    choose_bits(&network, options, &report);
    CHECK(report.photos == (folder.empty() ? 0 : 40));
    const std::vector<std::vector<float>> logits = logits_of(network);
    double error = 0;
    for (size_t i = 0; i < logits.size(); ++i) error += relative_difference(logits[i], expected[i]);
    return error;
  };
  CHECK(error_of(photos.path()) < 0.7 * error_of(""));
}

TEST_CASE("bits: a greatest drop is kept to, from all float to all of 4 bits") {
  const PhotoFolder photos(30);
  size_t last = 1u << 30;
  for (const double drop : {0.0, 10.0, 100.0}) {
    Network network = network_of_layers();
    BitsOptions options;
    options.photos = photos.path();
    options.max_drop = drop;
    BitsReport report;
    choose_bits(&network, options, &report);
    CHECK((double)report.changed <= drop / 100 * (double)report.photos);
    const size_t bytes = bytes_of(network);
    CHECK(bytes <= last);
    last = bytes;
    if (drop == 100) {
      for (const BitsReport::Layer& layer : report.layers) CHECK(layer.bits <= 7);
    }
  }
}

TEST_CASE("bits: photos that cannot be read are left out and named; a folder without any is refused") {
  const PhotoFolder photos(4);
  photos.save("/broken.jpg", {1, 2, 3});
  photos.save("/notes.txt", {1, 2, 3});
  Network network = network_of_layers();
  BitsOptions options;
  options.weights = WeightChoice::kU8;
  options.photos = photos.path();
  BitsReport report;
  choose_bits(&network, options, &report);
  CHECK(report.photos == 4);
  REQUIRE(report.notes.size() == 1);
  CHECK(contains(report.notes[0], "broken.jpg"));
  CHECK(photos_of_folder(photos.path(), 2).size() == 2);
  for (const std::string& folder : {photos.path() + "/nowhere", photos.path() + "/notes.txt"}) {
    options.photos = folder;
    CHECK(contains(refusal([&] { choose_bits(&network, options, &report); }), folder));
  }
  options.photos.clear();
  options.max_drop = 1;
  CHECK(contains(refusal([&] { choose_bits(&network, options, &report); }), "--calibrate"));
}
