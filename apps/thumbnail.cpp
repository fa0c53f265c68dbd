#include "apps/thumbnail.h"

#include <algorithm>
#include <atomic>

#include "apps/team.h"
#include "loaders/error.h"
#include "loaders/write_png.h"

namespace posy {
namespace {

constexpr int kQuality = 75;

// Mean of the pixels in [left, right) x [top, bottom).
void add_mean(const Image& image, uint32_t left, uint32_t right, uint32_t top, uint32_t bottom, Image* to) {
  uint64_t sum[3] = {0, 0, 0};
  for (uint32_t y = top; y < bottom; ++y) {
    const uint8_t* pixel = &image.rgb[((size_t)y * image.width + left) * 3];
    for (uint32_t x = left; x < right; ++x, pixel += 3) {
      for (int c = 0; c < 3; ++c) sum[c] += pixel[c];
    }
  }
  const uint64_t count = (uint64_t)(right - left) * (bottom - top);
  for (const uint64_t s : sum) to->rgb.push_back((uint8_t)((s + count / 2) / count));
}

Thumbnail thumbnail_of(const Image& image) {
  return {image.width, image.height, data_url("image/jpeg", jpeg_of(image, kQuality))};
}

}  // namespace

Image reduced(const Image& image, uint32_t side) {
  const uint32_t longer = std::max(image.width, image.height);
  if (longer <= side) return image;
  Image small;
  small.decoder = image.decoder;
  small.width = std::max(1u, (uint32_t)((uint64_t)image.width * side / longer));
  small.height = std::max(1u, (uint32_t)((uint64_t)image.height * side / longer));
  small.rgb.reserve((size_t)small.width * small.height * 3);
  for (uint32_t y = 0; y < small.height; ++y) {
    const uint32_t top = (uint32_t)((uint64_t)y * image.height / small.height);
    const uint32_t bottom = (uint32_t)((uint64_t)(y + 1) * image.height / small.height);
    for (uint32_t x = 0; x < small.width; ++x) {
      const uint32_t left = (uint32_t)((uint64_t)x * image.width / small.width);
      const uint32_t right = (uint32_t)((uint64_t)(x + 1) * image.width / small.width);
      add_mean(image, left, right, top, bottom, &small);
    }
  }
  return small;
}

std::vector<Thumbnail> thumbnails_of(size_t count, const std::function<Image(size_t)>& picture, uint32_t side,
                                     uint32_t threads) {
  std::vector<Thumbnail> thumbnails(count);
  std::atomic<size_t> next = 0;
  Team team(threads);
  team.each([&](uint32_t) {
    for (size_t i; (i = next++) < count;) {
      try {
        thumbnails[i] = thumbnail_of(reduced(picture(i), side));
      } catch (const InputError&) {
        // It has gone since it was read first.
      }
    }
  });
  return thumbnails;
}

std::string data_url(const std::string& type, const std::vector<uint8_t>& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string url = "data:" + type + ";base64,";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < count ? bytes[i + j] : 0);
    for (size_t j = 0; j < 4; ++j) url += j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return url;
}

}  // namespace posy
