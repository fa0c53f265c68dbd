// posy_set_image(): formats, strides, orientations, resize and normalisation against references written here.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>

#include "tests/engine/guarded_engine.h"

using namespace posy;

namespace {

// An upright picture of bytes, as a person would see it.
struct Picture {
  uint32_t w, h;
  std::vector<std::array<uint8_t, 3>> pixels;

  const std::array<uint8_t, 3>& at(uint32_t x, uint32_t y) const { return pixels[(size_t)y * w + x]; }
};

Picture random_picture(uint32_t w, uint32_t h) {
  static std::mt19937 random(1);
  Picture picture = {w, h, {}};
  for (uint32_t i = 0; i < w * h; ++i) {
    picture.pixels.push_back({(uint8_t)random(), (uint8_t)random(), (uint8_t)random()});
  }
  return picture;
}

// Planes in memory whose last row ends at a forbidden page: a row's bytes may be read, its padding may not.
struct Planes {
  GuardedMemory memory[3] = {GuardedMemory(1 << 20), GuardedMemory(1 << 20), GuardedMemory(1 << 20)};
  posy_image image = {};

  uint8_t* plane(uint32_t index, size_t row_bytes, size_t rows, size_t gap) {
    image.stride[index] = row_bytes + gap;
    uint8_t* data = memory[index].take((rows - 1) * (row_bytes + gap) + row_bytes);
    image.plane[index] = data;
    return data;
  }
};

void store_interleaved(const Picture& picture, posy_pixel_format format, size_t gap, Planes* planes) {
  const uint32_t bytes = format == POSY_RGBA ? 4 : format == POSY_RGB ? 3 : 1;
  planes->image = {};
  planes->image.format = format;
  planes->image.width = picture.w;
  planes->image.height = picture.h;
  uint8_t* data = planes->plane(0, (size_t)picture.w * bytes, picture.h, gap);
  for (uint32_t y = 0; y < picture.h; ++y) {
    for (uint32_t x = 0; x < picture.w; ++x) {
      uint8_t* to = data + y * planes->image.stride[0] + (size_t)x * bytes;
      for (uint32_t c = 0; c < std::min(bytes, 3u); ++c) to[c] = picture.at(x, y)[c];
    }
  }
}

// TensorFlow's documented formula, in float: scale = in / out; source = x * scale; lower = floor(source), upper =
// lower + 1 at most the last; linear between them, along x and then along y.
float resized(const std::function<float(uint32_t, uint32_t)>& pixel, uint32_t in_w, uint32_t in_h, uint32_t out_w,
              uint32_t out_h, uint32_t x, uint32_t y) {
  const float at_x = (float)x * ((float)in_w / (float)out_w), at_y = (float)y * ((float)in_h / (float)out_h);
  const uint32_t left = std::min((uint32_t)std::floor(at_x), in_w - 1), right = std::min(left + 1, in_w - 1);
  const uint32_t top = std::min((uint32_t)std::floor(at_y), in_h - 1), low = std::min(top + 1, in_h - 1);
  const float dx = at_x - (float)left, dy = at_y - (float)top;
  const float above = pixel(left, top) + (pixel(right, top) - pixel(left, top)) * dx;
  const float below = pixel(left, low) + (pixel(right, low) - pixel(left, low)) * dx;
  return above + (below - above) * dy;
}

// An engine whose input can be looked at.
struct Camera {
  std::vector<uint8_t> file;
  GuardedEngine guarded;
  Shape shape;

  Camera(Shape input, const Preprocessing& preprocessing)
      : file(build_image_model(input, preprocessing)), guarded(file.size()), shape(input) {
    REQUIRE(guarded.open(file) == POSY_OK);
  }

  posy_status set(const posy_image& image) { return posy_set_image(&guarded.engine, &image); }
  float at(uint32_t x, uint32_t y, uint32_t c) {
    return posy_input(&guarded.engine)[((size_t)y * shape.w + x) * shape.c + c];
  }
};

Preprocessing raw_pixels() {
  Preprocessing p;
  for (float& std : p.std) std = 1;
  return p;
}

// The picture that a camera would have stored for `upright`, given what EXIF calls that orientation: the place in
// storage of the upright picture's first row and first column.
Picture turned(const Picture& upright, uint32_t orientation) {
  const bool swaps = orientation >= 5;
  Picture stored = {swaps ? upright.h : upright.w, swaps ? upright.w : upright.h, {}};
  stored.pixels.resize(upright.pixels.size());
  // Stored row 0 shows this edge of the upright picture: "1st row" of the EXIF table, and column 0 likewise.
  const char* row_0[] = {"", "top", "top", "bottom", "bottom", "left", "right", "right", "left"};
  const char* column_0[] = {"", "left", "right", "right", "left", "top", "top", "bottom", "bottom"};
  const std::string row = row_0[orientation], column = column_0[orientation];
  for (uint32_t y = 0; y < stored.h; ++y) {
    for (uint32_t x = 0; x < stored.w; ++x) {
      uint32_t at_x = 0, at_y = 0;
      for (const auto& [edge, distance] : {std::pair(row, y), std::pair(column, x)}) {
        if (edge == "top") at_y = distance;
        if (edge == "bottom") at_y = upright.h - 1 - distance;
        if (edge == "left") at_x = distance;
        if (edge == "right") at_x = upright.w - 1 - distance;
      }
      stored.pixels[(size_t)y * stored.w + x] = upright.at(at_x, at_y);
    }
  }
  return stored;
}

struct Yuv {
  uint8_t y, u, v;
};

// BT.601 in double: Y in 16 ... 235 and chroma in 16 ... 240 (video), or all of 0 ... 255 (full).
std::array<double, 3> rgb_of(Yuv p, bool full) {
  const double kr = 0.299, kb = 0.114, kg = 1 - kr - kb;
  const double y = full ? p.y / 255.0 : (p.y - 16) / 219.0;
  const double u = (p.u - 128) / (full ? 255.0 : 224.0), v = (p.v - 128) / (full ? 255.0 : 224.0);
  const double r = y + 2 * (1 - kr) * v, b = y + 2 * (1 - kb) * u;
  const double g = (y - kr * r - kb * b) / kg;
  const auto byte = [](double x) { return std::min(255.0, std::max(0.0, x * 255)); };
  return {byte(r), byte(g), byte(b)};
}

}  // namespace

TEST_CASE("set_image: RGB and RGBA of any stride arrive as they are") {
  for (const auto& [w, h] : {std::pair(1u, 1u), std::pair(7u, 5u), std::pair(16u, 3u)}) {
    Camera camera({h, w, 3}, raw_pixels());
    const Picture picture = random_picture(w, h);
    for (const posy_pixel_format format : {POSY_RGB, POSY_RGBA}) {
      for (const size_t gap : {0, 1, 13}) {
        Planes planes;
        store_interleaved(picture, format, gap, &planes);
        REQUIRE(camera.set(planes.image) == POSY_OK);
        for (uint32_t y = 0; y < h; ++y) {
          for (uint32_t x = 0; x < w; ++x) {
            for (uint32_t c = 0; c < 3; ++c) CHECK(camera.at(x, y, c) == picture.at(x, y)[c]);
          }
        }
      }
    }
  }
}

TEST_CASE("set_image: the legacy bilinear resize is TensorFlow's, up and down, odd sizes too") {
  constexpr uint32_t kSizes[][4] = {{7, 5, 7, 5},    {3, 4, 11, 9}, {31, 17, 8, 6},   {1, 1, 5, 4},   {2, 1, 3, 3},
                                    {97, 61, 13, 1}, {5, 9, 10, 3}, {64, 48, 32, 24}, {10, 7, 224, 1}};
  for (const auto& [in_w, in_h, out_w, out_h] : kSizes) {
    Camera camera({out_h, out_w, 3}, raw_pixels());
    const Picture picture = random_picture(in_w, in_h);
    Planes planes;
    store_interleaved(picture, POSY_RGB, 5, &planes);
    REQUIRE(camera.set(planes.image) == POSY_OK);
    for (uint32_t y = 0; y < out_h; ++y) {
      for (uint32_t x = 0; x < out_w; ++x) {
        for (uint32_t c = 0; c < 3; ++c) {
          const auto pixel = [&](uint32_t px, uint32_t py) { return (float)picture.at(px, py)[c]; };
          REQUIRE(camera.at(x, y, c) == resized(pixel, in_w, in_h, out_w, out_h, x, y));
        }
      }
    }
  }
}

TEST_CASE("set_image: mean and std of each channel, before or after the resize as the model says") {
  const Picture picture = random_picture(9, 5);
  Planes planes;
  store_interleaved(picture, POSY_RGB, 0, &planes);
  for (const bool first : {false, true}) {
    Preprocessing p;
    const float mean[] = {127.5f, 100, 3.25f, 0}, std[] = {127.5f, 255, 7, 1};
    std::memcpy(p.mean, mean, sizeof mean);
    std::memcpy(p.std, std, sizeof std);
    p.normalize_first = first;
    Camera camera({4, 6, 3}, p);
    REQUIRE(camera.set(planes.image) == POSY_OK);
    for (uint32_t y = 0; y < 4; ++y) {
      for (uint32_t x = 0; x < 6; ++x) {
        for (uint32_t c = 0; c < 3; ++c) {
          const auto normal = [&](float value) {
            return first ? (value - mean[c]) * (1.0f / std[c]) : (value - mean[c]) / std[c];
          };
          const auto pixel = [&](uint32_t px, uint32_t py) {
            const float value = picture.at(px, py)[c];
            return first ? normal(value) : value;
          };
          const float value = resized(pixel, 9, 5, 6, 4, x, y);
          CHECK(camera.at(x, y, c) == (first ? value : normal(value)));
        }
      }
    }
  }
}

TEST_CASE(
    "set_image: an input of codes has the nearest code of each value, ties to even, and its end beyond the ends") {
  const Picture picture = random_picture(23, 11);
  Planes planes;
  store_interleaved(picture, POSY_RGB, 0, &planes);
  for (const bool first : {false, true}) {
    for (const float std : {127.5f, 1.0f, 1e-40f}) {  // of the last, values are infinite or NaN
      Preprocessing p;
      for (int c = 0; c < 3; ++c) p.mean[c] = 100, p.std[c] = std;
      p.normalize_first = first;
      Camera camera({9, 20, 3}, p);
      REQUIRE(camera.set(planes.image) == POSY_OK);
      for (const auto& [scale, zero_point] : {std::pair(2.0f / 254, 127), std::pair(0.5f, 100), std::pair(2.0f, 0)}) {
        const std::vector<uint8_t> file = build_code_image_model({9, 20, 3}, p, scale, (uint8_t)zero_point);
        GuardedEngine guarded(file.size());
        REQUIRE(guarded.open(file) == POSY_OK);
        REQUIRE(posy_set_image(&guarded.engine, &planes.image) == POSY_OK);
        posy_codes codes;
        const uint8_t* input = posy_input_codes(&guarded.engine, &codes);
        REQUIRE(input != nullptr);
        CHECK(codes.pixel_stride == 4);
        for (uint32_t i = 0; i < 9 * 20 * 3; ++i) {
          const float value = camera.at(i / 3 % 20, i / 60, i % 3);
          const double nearest = std::isnan(value) ? 0 : std::nearbyint((double)(value * (1.0f / scale)));
          const double code = std::min(255.0, std::max(0.0, nearest + zero_point));
          REQUIRE(input[i / 3 * 4 + i % 3] == code);
        }
        CHECK(posy_run(&guarded.engine) == POSY_OK);
        CHECK(guarded.memory_is_intact());
      }
    }
  }
}

TEST_CASE("set_image: every EXIF orientation shows the upright picture, resized or not") {
  for (const auto& [out_w, out_h] : {std::pair(7u, 5u), std::pair(4u, 9u)}) {
    const Picture upright = random_picture(7, 5);
    Camera camera({out_h, out_w, 3}, raw_pixels());
    for (uint32_t orientation = 0; orientation <= 8; ++orientation) {
      Planes planes;
      store_interleaved(turned(upright, std::max(orientation, 1u)), POSY_RGB, 3, &planes);
      planes.image.orientation = orientation;
      INFO("orientation " << orientation);
      REQUIRE(camera.set(planes.image) == POSY_OK);
      for (uint32_t y = 0; y < out_h; ++y) {
        for (uint32_t x = 0; x < out_w; ++x) {
          const auto red = [&](uint32_t px, uint32_t py) { return (float)upright.at(px, py)[0]; };
          CHECK(camera.at(x, y, 0) == resized(red, 7, 5, out_w, out_h, x, y));
        }
      }
    }
  }
}

TEST_CASE("set_image: gray pictures and models of one channel") {
  const Picture picture = random_picture(5, 3);
  Planes planes;
  Camera gray({3, 5, 1}, raw_pixels()), color({3, 5, 3}, raw_pixels());
  store_interleaved(picture, POSY_RGB, 2, &planes);
  REQUIRE(gray.set(planes.image) == POSY_OK);
  for (uint32_t i = 0; i < 15; ++i) {
    const auto& p = picture.at(i % 5, i / 5);
    CHECK(gray.at(i % 5, i / 5, 0) == std::floor((299.0 * p[0] + 587.0 * p[1] + 114.0 * p[2]) / 1000 + 0.5));
  }
  store_interleaved(picture, POSY_GRAY, 2, &planes);
  REQUIRE(gray.set(planes.image) == POSY_OK);
  REQUIRE(color.set(planes.image) == POSY_OK);
  for (uint32_t i = 0; i < 15; ++i) {
    CHECK(gray.at(i % 5, i / 5, 0) == picture.at(i % 5, i / 5)[0]);
    for (uint32_t c = 0; c < 3; ++c) CHECK(color.at(i % 5, i / 5, c) == picture.at(i % 5, i / 5)[0]);
  }
}

TEST_CASE("set_image: camera formats agree with BT.601 in double within one level, for odd sizes and wide strides") {
  std::mt19937 random(2);
  for (const auto& [w, h] : {std::pair(8u, 6u), std::pair(7u, 5u), std::pair(1u, 1u), std::pair(1u, 4u)}) {
    const uint32_t half_w = (w + 1) / 2, half_h = (h + 1) / 2;
    Camera camera({h, w, 3}, raw_pixels());
    for (const posy_pixel_format format : {POSY_NV12, POSY_NV21, POSY_I420}) {
      for (const bool full : {false, true}) {
        Planes planes;
        planes.image.format = format;
        planes.image.width = w;
        planes.image.height = h;
        planes.image.full_range = full;
        std::vector<uint8_t> luma((size_t)w * h), u((size_t)half_w * half_h), v(u.size());
        for (auto* plane : {&luma, &u, &v}) {
          for (uint8_t& byte : *plane) byte = (uint8_t)random();
        }
        uint8_t* to = planes.plane(0, w, h, 9);
        for (uint32_t y = 0; y < h; ++y) std::memcpy(to + y * planes.image.stride[0], &luma[(size_t)y * w], w);
        uint8_t* pairs = format == POSY_I420 ? nullptr : planes.plane(1, 2 * half_w, half_h, 6);
        uint8_t* us = format == POSY_I420 ? planes.plane(1, half_w, half_h, 4) : nullptr;
        uint8_t* vs = format == POSY_I420 ? planes.plane(2, half_w, half_h, 11) : nullptr;
        for (uint32_t i = 0; i < u.size(); ++i) {
          const uint32_t x = i % half_w, y = i / half_w;
          if (pairs) {
            pairs[y * planes.image.stride[1] + 2 * x + (format == POSY_NV21)] = u[i];
            pairs[y * planes.image.stride[1] + 2 * x + (format == POSY_NV12)] = v[i];
          } else {
            us[y * planes.image.stride[1] + x] = u[i];
            vs[y * planes.image.stride[2] + x] = v[i];
          }
        }
        REQUIRE(camera.set(planes.image) == POSY_OK);
        for (uint32_t y = 0; y < h; ++y) {
          for (uint32_t x = 0; x < w; ++x) {
            const size_t chroma = (size_t)(y / 2) * half_w + x / 2;
            const auto rgb = rgb_of({luma[(size_t)y * w + x], u[chroma], v[chroma]}, full);
            for (uint32_t c = 0; c < 3; ++c) CHECK(std::fabs(camera.at(x, y, c) - rgb[c]) <= 1);
          }
        }
      }
    }
  }
}

TEST_CASE("set_image: every Y, and every chroma in steps of 3, is within one level of BT.601 in double") {
  Camera camera({1, 256, 3}, raw_pixels());
  std::vector<uint8_t> luma(256), u(128), v(128);
  for (uint32_t i = 0; i < 256; ++i) luma[i] = (uint8_t)i;
  double most = 0;
  for (const bool full : {false, true}) {
    for (uint32_t cu = 0; cu < 256; cu += 3) {
      for (uint32_t cv = 0; cv < 256; cv += 3) {
        std::fill(u.begin(), u.end(), (uint8_t)cu);
        std::fill(v.begin(), v.end(), (uint8_t)cv);
        posy_image image = {POSY_I420, 256, 1, 0, full, {luma.data(), u.data(), v.data()}, {256, 128, 128}};
        REQUIRE(camera.set(image) == POSY_OK);
        const float* in = posy_input(&camera.guarded.engine);
        for (uint32_t i = 0; i < 256; ++i) {
          const auto rgb = rgb_of({(uint8_t)i, (uint8_t)cu, (uint8_t)cv}, full);
          for (uint32_t c = 0; c < 3; ++c) most = std::max(most, std::fabs(in[i * 3 + c] - rgb[c]));
        }
      }
    }
  }
  CHECK(most <= 1);
}

TEST_CASE("set_image: RGB565 of either byte order is the nearest color of 8 bits, turned and resized like any other") {
  // Every number once: 256 x 256 pixels in a picture of as many pixels.
  Camera camera({256, 256, 3}, raw_pixels()), part({4, 7, 3}, raw_pixels()), expected({4, 7, 3}, raw_pixels());
  for (const posy_pixel_format format : {POSY_RGB565, POSY_RGB565_BE}) {
    Planes planes, few, rgb;
    uint8_t* data = planes.plane(0, 512, 256, 6);
    for (uint32_t i = 0; i < 65536; ++i) {
      uint8_t* to = data + i / 256 * planes.image.stride[0] + i % 256 * 2;
      to[format == POSY_RGB565] = (uint8_t)(i >> 8);
      to[format == POSY_RGB565_BE] = (uint8_t)i;
    }
    planes.image.format = format;
    planes.image.width = planes.image.height = 256;
    REQUIRE(camera.set(planes.image) == POSY_OK);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < 65536; ++i) {
      const uint32_t bits[3] = {i >> 11, i >> 5 & 63, i & 31}, most[3] = {31, 63, 31};
      for (uint32_t c = 0; c < 3; ++c) {
        wrong += camera.at(i % 256, i / 256, c) != (float)((bits[c] * 255 * 2 + most[c]) / (most[c] * 2)) ? 1 : 0;
      }
    }
    CHECK(wrong == 0);

    // A part of it, and the same as RGB.
    few.image = planes.image;
    few.image.plane[0] = data + 100 * planes.image.stride[0] + 20 * 2;
    few.image.width = 9;
    few.image.height = 13;
    few.image.orientation = 6;
    Picture picture = {9, 13, {}};
    for (uint32_t i = 0; i < 9 * 13; ++i) {
      const uint32_t x = 20 + i % 9, y = 100 + i / 9;
      picture.pixels.push_back({(uint8_t)camera.at(x, y, 0), (uint8_t)camera.at(x, y, 1), (uint8_t)camera.at(x, y, 2)});
    }
    store_interleaved(picture, POSY_RGB, 0, &rgb);
    rgb.image.orientation = 6;
    REQUIRE(part.set(few.image) == POSY_OK);
    REQUIRE(expected.set(rgb.image) == POSY_OK);
    for (uint32_t i = 0; i < 4 * 7 * 3; ++i) {
      CHECK(part.at(i / 3 % 7, i / 21, i % 3) == expected.at(i / 3 % 7, i / 21, i % 3));
    }
  }
}

TEST_CASE("set_image: a bad image is refused by name and leaves the engine as it was") {
  const Picture picture = random_picture(6, 4);
  Planes planes;
  Camera camera({4, 6, 3}, raw_pixels());
  store_interleaved(picture, POSY_RGB, 0, &planes);
  const posy_image good = planes.image;
  const auto bad = [&](const std::function<void(posy_image*)>& change) {
    posy_image image = good;
    change(&image);
    REQUIRE(camera.set(good) == POSY_OK);
    REQUIRE(posy_run(&camera.guarded.engine) == POSY_OK);
    const float score = posy_scores(&camera.guarded.engine)[0];
    const posy_status status = camera.set(image);
    // The scores of the run before are still there, and the next image works.
    REQUIRE(posy_scores(&camera.guarded.engine) != nullptr);
    CHECK(posy_scores(&camera.guarded.engine)[0] == score);
    CHECK(posy_run(&camera.guarded.engine) == POSY_NO_INPUT);
    return status;
  };
  CHECK(bad([](posy_image* i) { i->format = 0; }) == POSY_BAD_IMAGE_FORMAT);
  CHECK(bad([](posy_image* i) { i->format = 9; }) == POSY_BAD_IMAGE_FORMAT);
  CHECK(bad([](posy_image* i) { i->orientation = 9; }) == POSY_BAD_IMAGE_FORMAT);
  CHECK(bad([](posy_image* i) { i->width = 0; }) == POSY_BAD_IMAGE);
  CHECK(bad([](posy_image* i) { i->height = 0; }) == POSY_BAD_IMAGE);
  CHECK(bad([](posy_image* i) { i->width = 65536, i->stride[0] = 1 << 20; }) == POSY_BAD_IMAGE);
  CHECK(bad([](posy_image* i) { i->height = ~0u; }) == POSY_BAD_IMAGE);
  CHECK(bad([](posy_image* i) { i->plane[0] = nullptr; }) == POSY_BAD_IMAGE);
  CHECK(bad([](posy_image* i) { i->stride[0] = 17; }) == POSY_BAD_IMAGE);
  CHECK(bad([](posy_image* i) { i->format = POSY_RGBA; }) == POSY_BAD_IMAGE);
  CHECK(bad([](posy_image* i) { i->format = POSY_NV12; }) == POSY_BAD_IMAGE);
  CHECK(bad([](posy_image* i) { i->format = POSY_RGB565, i->stride[0] = 11; }) == POSY_BAD_IMAGE);
  const uint8_t chroma[64] = {};
  CHECK(bad([&](posy_image* i) { i->format = POSY_NV21, i->plane[1] = chroma, i->stride[1] = 5; }) == POSY_BAD_IMAGE);
  CHECK(bad([&](posy_image* i) { i->format = POSY_I420, i->plane[1] = chroma, i->stride[1] = 3; }) == POSY_BAD_IMAGE);
  Camera four({2, 2, 4}, raw_pixels());
  CHECK(four.set(good) == POSY_BAD_IMAGE_FORMAT);
}

TEST_CASE("set_image: the largest sizes do not overflow") {
  // One row or column of 65535 pixels; of the others only the corners are looked at.
  Camera camera({2, 2, 3}, raw_pixels());
  std::vector<uint8_t> pixels(65535 * 3, 9);
  posy_image image = {POSY_RGB, 65535, 1, 0, 0, {pixels.data()}, {65535 * 3}};
  CHECK(camera.set(image) == POSY_OK);
  image = {POSY_RGB, 1, 65535, 6, 0, {pixels.data()}, {3}};
  CHECK(camera.set(image) == POSY_OK);
  CHECK(camera.at(1, 1, 2) == 9);
}
