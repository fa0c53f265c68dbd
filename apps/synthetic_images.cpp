#include "apps/synthetic_images.h"

#include <algorithm>

namespace posy {
namespace {

constexpr uint32_t kSide = 224;
constexpr uint32_t kSpot = 28, kSpots = kSide / kSpot + 1;  // a lattice of colours, between which they change evenly

// Marsaglia's xorshift (2003), period 2^32 - 1.
class Noise {
 public:
  explicit Noise(uint32_t seed) : state_(seed * 2654435761u | 1) {
    for (int i = 0; i < 8; ++i) next();
  }
  uint8_t byte() { return (uint8_t)(next() >> 24); }

 private:
  uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    return state_ ^= state_ << 5;
  }
  uint32_t state_;
};

Image empty_image() {
  Image image;
  image.width = image.height = kSide;
  image.rgb.resize((size_t)kSide * kSide * 3);
  image.decoder = "synthetic";
  return image;
}

Image noise_image(Noise* noise) {
  Image image = empty_image();
  for (uint8_t& value : image.rgb) value = noise->byte();
  return image;
}

Image spots_image(Noise* noise) {
  Image image = empty_image();
  uint8_t lattice[kSpots][kSpots][3];
  for (auto& row : lattice) {
    for (auto& color : row) {
      for (uint8_t& value : color) value = noise->byte();
    }
  }
  uint8_t* to = image.rgb.data();
  for (uint32_t y = 0; y < kSide; ++y) {
    for (uint32_t x = 0; x < kSide; ++x) {
      const uint32_t v = y / kSpot, h = x / kSpot, down = y % kSpot, right = x % kSpot;
      for (uint32_t c = 0; c < 3; ++c) {
        const uint32_t top = lattice[v][h][c] * (kSpot - right) + lattice[v][h + 1][c] * right;
        const uint32_t bottom = lattice[v + 1][h][c] * (kSpot - right) + lattice[v + 1][h + 1][c] * right;
        *to++ = (uint8_t)((top * (kSpot - down) + bottom * down) / (kSpot * kSpot));
      }
    }
  }
  return image;
}

// From one colour to another, at an angle.
Image slope_image(Noise* noise) {
  Image image = empty_image();
  uint8_t from[3], to[3];
  for (uint8_t& value : from) value = noise->byte();
  for (uint8_t& value : to) value = noise->byte();
  const uint32_t across = noise->byte() + 1u, down = noise->byte() + 1u, length = (across + down) * (kSide - 1);
  uint8_t* pixel = image.rgb.data();
  for (uint32_t y = 0; y < kSide; ++y) {
    for (uint32_t x = 0; x < kSide; ++x) {
      const uint32_t at = x * across + y * down;
      for (int c = 0; c < 3; ++c) *pixel++ = (uint8_t)((from[c] * (length - at) + to[c] * at) / length);
    }
  }
  return image;
}

// Three parts of soft spots and one of noise.
Image mixed_image(Noise* noise) {
  Image image = spots_image(noise);
  for (uint8_t& value : image.rgb) value = (uint8_t)((3 * value + noise->byte()) / 4);
  return image;
}

}  // namespace

Image synthetic_image(uint32_t index) {
  Noise noise(index + 1);
  switch (index % 4) {
    case 0:
      return noise_image(&noise);
    case 1:
      return spots_image(&noise);
    case 2:
      return slope_image(&noise);
    default:
      return mixed_image(&noise);
  }
}

}  // namespace posy
