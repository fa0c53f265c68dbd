// What programs do to a photo before a model sees it, against the programs' own numbers.
#include "loaders/preprocessing.h"

#include <cmath>
#include <map>

#include "tests/engine/model_builder.h"
#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

constexpr float kNone = __builtin_inff();

// The pictures of which Pillow 13.0 made the bytes below.
Image picture(uint32_t w, uint32_t h) {
  Image image;
  image.width = w;
  image.height = h;
  for (uint32_t y = 0; y < h; ++y) {
    for (uint32_t x = 0; x < w; ++x) {
      for (uint32_t c = 0; c < 3; ++c) image.rgb.push_back((uint8_t)(x * 37 + y * 91 + c * 53 + x * y * 7));
    }
  }
  return image;
}

Network pooling_network(Shape input) {
  NetworkBuilder b(input, 3);
  b.softmax(b.conv(b.average_all(b.input()), 1, 1, 4, {-kNone, kNone}));
  return b.network();
}

const PreprocessVariant& variant(const std::string& name) {
  for (const auto* all : {&preprocess_variants(), &preprocess_mistakes()}) {
    for (const PreprocessVariant& each : *all) {
      if (each.name == name) return each;
    }
  }
  FAIL("no variant ", name);
  return preprocess_variants()[0];
}

std::vector<float> of_engine(EngineRunner* runner, const Image& image, uint32_t orientation = 0) {
  posy_image pixels = pixels_of(image);
  pixels.orientation = orientation;
  REQUIRE(posy_set_image(runner->engine(), &pixels) == POSY_OK);
  const posy_shape shape = posy_input_shape(runner->engine());
  const float* input = posy_input(runner->engine());
  return {input, input + (size_t)shape.h * shape.w * shape.c};
}

// The box with the shape of the output in the middle, as ImageOps.fit() takes it.
std::vector<int> fitted(uint32_t in_w, uint32_t in_h, uint32_t w, uint32_t h) {
  PreprocessVariant fit = variant("teachable_machine");
  fit.mean = 0;
  fit.std = 1;
  EngineRunner runner(posy_bytes(pooling_network({h, w, 3})));
  const std::vector<float> input = preprocess(picture(in_w, in_h), runner.model(), fit, "photo");
  return {input.begin(), input.end()};
}

std::vector<int> resampled(uint32_t in_w, uint32_t in_h, uint32_t w, uint32_t h, Resampling method) {
  const std::vector<float> values = resample(picture(in_w, in_h), {0, 0, (double)in_w, (double)in_h}, h, w, method);
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("resample: Lanczos gives Pillow's bytes, of boxes that begin inside a pixel, too") {
  CHECK(fitted(7, 5, 4, 4) == std::vector<int>{49,  130, 168, 134, 151, 149, 127, 145, 210, 139, 186, 104,
                                               172, 150, 144, 143, 113, 64,  83,  73,  166, 89,  160, 121,
                                               119, 76,  156, 84,  187, 176, 207, 156, 127, 138, 136, 123,
                                               163, 183, 88,  177, 91,  114, 106, 136, 162, 153, 170, 96});
  CHECK(fitted(40, 33, 4, 3) == std::vector<int>{128, 130, 128, 131, 125, 128, 126, 127, 129, 126, 126, 131,
                                                 120, 134, 124, 123, 132, 128, 118, 135, 124, 131, 126, 120,
                                                 131, 128, 135, 133, 127, 126, 148, 124, 114, 128, 137, 127});
  CHECK(fitted(31, 20, 3, 5) == std::vector<int>{125, 143, 121, 125, 137, 125, 136, 122, 113, 130, 117, 137,
                                                 138, 136, 142, 136, 128, 127, 141, 116, 143, 123, 117, 121,
                                                 118, 125, 120, 143, 129, 123, 126, 119, 115, 139, 133, 128,
                                                 123, 145, 133, 122, 123, 126, 118, 128, 131});
  CHECK(fitted(9, 2, 3, 3) == std::vector<int>{118, 193, 255, 165, 218, 255, 183, 255, 94, 142, 88, 172, 80, 133,
                                               186, 93,  176, 124, 165, 0,   76,  0,   47, 100, 2,  77,  153});
  CHECK(fitted(40, 30, 4, 3) == std::vector<int>{128, 129, 129, 132, 126, 128, 127, 127, 130, 125, 127, 133,
                                                 121, 134, 125, 126, 129, 126, 120, 132, 121, 130, 126, 121,
                                                 127, 127, 130, 127, 134, 130, 132, 134, 125, 128, 131, 127});
}

TEST_CASE("resample: the nearest pixel is the one that Pillow takes") {
  CHECK(resampled(7, 5, 4, 4, Resampling::kNearest) ==
        std::vector<int>{0,   53,  106, 74,  127, 180, 148, 201, 254, 222, 19,  72,  91,  144, 197, 179,
                         232, 29,  11,  64,  117, 99,  152, 205, 17,  70,  123, 133, 186, 239, 249, 46,
                         99,  109, 162, 215, 108, 161, 214, 238, 35,  88,  112, 165, 218, 242, 39,  92});
  CHECK(resampled(3, 4, 5, 2, Resampling::kNearest) ==
        std::vector<int>{91, 144, 197, 91, 144, 197, 135, 188, 241, 179, 232, 29,  179, 232, 29,
                         17, 70,  123, 17, 70,  123, 75,  128, 181, 133, 186, 239, 133, 186, 239});
}

TEST_CASE("resample: bilinear reads between pixel centres, and no further than the last ones") {
  Image image;
  image.width = 2;
  image.height = 1;
  image.rgb = {0, 100, 200, 100, 200, 40};
  const auto red = [&](Resampling method) {
    const std::vector<float> values = resample(image, {0, 0, 2, 1}, 1, 4, method);
    return std::vector<float>{values[0], values[3], values[6], values[9]};
  };
  CHECK(red(Resampling::kBilinear) == std::vector<float>{0, 25, 75, 100});
  CHECK(red(Resampling::kLegacyBilinear) == std::vector<float>{0, 50, 100, 100});
  CHECK(red(Resampling::kNearest) == std::vector<float>{0, 0, 100, 100});
}

TEST_CASE("preprocess: as the model records it, it is what posy_set_image() makes, to the bit") {
  for (const Shape input : {Shape{8, 8, 3}, Shape{5, 9, 3}, Shape{6, 6, 1}}) {
    Network network = pooling_network(input);
    for (size_t c = 0; c < 4; ++c) {
      network.preprocessing.mean[c] = 120.0f + (float)c;
      network.preprocessing.std[c] = 60.5f + (float)c;
    }
    EngineRunner runner(posy_bytes(network));
    for (const auto& [w, h] : {std::pair{31u, 17u}, {3u, 5u}, {8u, 8u}, {1u, 1u}}) {
      CHECK(preprocess(picture(w, h), runner.model(), variant("model"), "photo") == of_engine(&runner, picture(w, h)));
    }
  }
}

TEST_CASE("preprocess: what is normalised before it is resized differs in the last digits only") {
  Network network = pooling_network({8, 8, 3});
  network.preprocessing.normalize_first = true;
  EngineRunner runner(posy_bytes(network));
  const std::vector<float> here = preprocess(picture(31, 17), runner.model(), variant("model"), "photo");
  CHECK(relative_difference(here, of_engine(&runner, picture(31, 17))) < 1e-6);
}

TEST_CASE("preprocess: variants differ in what their names say") {
  EngineRunner runner(posy_bytes(pooling_network({4, 4, 3})));
  Image image = picture(12, 8);
  const auto input = [&](const char* name) { return preprocess(image, runner.model(), variant(name), "photo"); };
  const std::vector<float> raw = input("raw");
  const auto check_line = [&](const char* name, float mean, float std) {
    const std::vector<float> values = input(name);
    for (size_t i = 0; i < raw.size(); ++i) CHECK(values[i] == (raw[i] - mean) / std);
  };
  check_line("label_image", 128, 128);
  check_line("retrain", 127.5f, 127.5f);
  check_line("0 to 1", 0, 255);
  check_line("-1 to 1", 127.5f, 127.5f);
  const std::vector<float> own = input("model"), bgr = input("bgr");
  for (size_t i = 0; i < own.size(); i += 3) {
    CHECK(bgr[i] == own[i + 2]);
    CHECK(bgr[i + 1] == own[i + 1]);
    CHECK(bgr[i + 2] == own[i]);
  }
  // The camera frame of 12 x 8 fills the input when it is halved; 2 columns fall off on either side.
  const std::vector<float> android = input("android");
  for (uint32_t y = 0; y < 4; ++y) {
    for (uint32_t x = 0; x < 4; ++x) {
      const float red = image.rgb[((y * 2 + 1) * 12 + 2 + x * 2 + 1) * 3];
      CHECK(android[(y * 4 + x) * 3] == (red - 128) / 128);
    }
  }
  // EXIF 6: the left column of the file is the top row of the picture, from right to left.
  image.orientation = 6;
  CHECK(input("model") == own);
  EngineRunner other(posy_bytes(pooling_network({4, 4, 3})));
  PreprocessVariant turned = variant("model");
  turned.is_upright = true;
  CHECK(preprocess(image, runner.model(), turned, "photo") == of_engine(&other, image, 6));
}

TEST_CASE("preprocess: retrain.py trains Inception v3 with 128, and slim cuts a sixteenth off each side") {
  EngineRunner inception(posy_bytes(pooling_network({299, 299, 3})));
  const Image image = picture(64, 32);
  CHECK(preprocess(image, inception.model(), variant("retrain"), "photo") ==
        preprocess(image, inception.model(), variant("label_image"), "photo"));
  Network hub = pooling_network({9, 9, 3});
  hub.preprocessing.normalize_first = true;
  EngineRunner module(posy_bytes(hub));
  CHECK(preprocess(image, module.model(), variant("retrain"), "photo") ==
        preprocess(image, module.model(), variant("model"), "photo"));
  Image middle;
  middle.width = 56;
  middle.height = 28;
  for (uint32_t y = 2; y < 30; ++y) {
    const auto row = image.rgb.begin() + (y * 64 + 4) * 3;
    middle.rgb.insert(middle.rgb.end(), row, row + 56 * 3);
  }
  EngineRunner runner(posy_bytes(pooling_network({9, 9, 3})));
  CHECK(preprocess(image, runner.model(), variant("slim"), "photo") ==
        preprocess(middle, runner.model(), variant("-1 to 1"), "photo"));
}

TEST_CASE("preprocess: no picture is too small, and a model that takes no pictures says so") {
  EngineRunner runner(posy_bytes(pooling_network({4, 4, 3})));
  for (const auto* all : {&preprocess_variants(), &preprocess_mistakes()}) {
    for (const PreprocessVariant& each : *all) {
      for (const auto& [w, h] : {std::pair{1u, 1u}, {1u, 50u}, {50u, 1u}, {2u, 3u}}) {
        const std::vector<float> input = preprocess(picture(w, h), runner.model(), each, "photo");
        CHECK(input.size() == 48);
        for (const float x : input) CHECK(std::isfinite(x));
      }
    }
  }
  EngineRunner odd(posy_bytes(pooling_network({4, 4, 2})));
  CHECK(contains(refusal([&] { preprocess(picture(4, 4), odd.model(), variant("keras"), "photo"); }), "photo: "));
}

TEST_CASE("put_input: codes are those of posy_set_image()") {
  Network network = pooling_network({6, 6, 3});
  Value& input = network.values[(size_t)network.input];
  input.is_u8 = true;
  input.scale = 0.0078f;
  input.zero_point = 127;
  // Decoded at once: the rest computes with floats.
  const ValueId floats = network.add_value({input.shape, {"floats"}});
  for (NetworkNode& node : network.nodes) std::replace(node.inputs.begin(), node.inputs.end(), network.input, floats);
  network.nodes.insert(network.nodes.begin(), NetworkNode{NodeKind::kDecode, "floats", {network.input}, floats});
  for (size_t c = 0; c < 4; ++c) network.preprocessing.mean[c] = network.preprocessing.std[c] = 127.5f;
  EngineRunner runner(posy_bytes(network));
  const Image image = picture(31, 17);
  const posy_image pixels = pixels_of(image);
  REQUIRE(posy_set_image(runner.engine(), &pixels) == POSY_OK);
  const std::vector<float> scores = runner.run();
  std::vector<float> own = preprocess(image, runner.model(), variant("model"), "photo");
  put_input(runner.engine(), own);
  CHECK(runner.run() == scores);
  // What is beyond the codes, or no number, is the nearest code and zero.
  own.assign(own.size(), 1e30f);
  own[1] = -1e30f;
  own[2] = std::nanf("");
  put_input(runner.engine(), own);
  posy_codes codes;
  const uint8_t* bytes = posy_input_codes(runner.engine(), &codes);
  CHECK(bytes[0] == 255);
  CHECK(bytes[1] == 0);
  CHECK(bytes[2] == 127);
}
