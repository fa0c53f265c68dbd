// make_frame PHOTO FRAME: the photo as a small camera would send it, 320 x 240 pixels of RGB565 with the high byte
// first. For the host: it stands for a camera where there is none.
#include <cstdio>
#include <exception>
#include <fstream>

#include "loaders/image.h"

namespace {

constexpr uint32_t kWidth = 320, kHeight = 240;

// The middle of `size` pixels of which `kept` are seen, as `count` of them: the place of number `index`.
uint32_t place(uint32_t index, uint32_t count, uint32_t kept, uint32_t size) {
  return (size - kept) / 2 + (uint32_t)(((uint64_t)index * 2 + 1) * kept / (count * 2));
}

std::vector<uint8_t> frame_of(const posy::Image& photo) {
  const uint64_t w = photo.width, h = photo.height;
  // As much of it as has the frame's shape; of small or narrow ones something.
  const uint32_t kept_w = (uint32_t)std::max<uint64_t>(1, std::min(w, h * kWidth / kHeight));
  const uint32_t kept_h = (uint32_t)std::max<uint64_t>(1, std::min(h, w * kHeight / kWidth));
  std::vector<uint8_t> frame;
  for (uint32_t y = 0; y < kHeight; ++y) {
    for (uint32_t x = 0; x < kWidth; ++x) {
      const size_t at = (size_t)place(y, kHeight, kept_h, photo.height) * w + place(x, kWidth, kept_w, photo.width);
      const uint8_t* rgb = &photo.rgb[at * 3];
      const uint32_t number = (uint32_t)(rgb[0] >> 3 << 11 | rgb[1] >> 2 << 5 | rgb[2] >> 3);
      frame.push_back((uint8_t)(number >> 8));
      frame.push_back((uint8_t)number);
    }
  }
  return frame;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: make_frame PHOTO FRAME: makes a frame of 320 x 240 pixels, RGB565, high byte first\n");
    return 2;
  }
  try {
    const std::vector<uint8_t> frame = frame_of(posy::read_image(arguments[1]));
    std::ofstream file(arguments[2], std::ios::binary);
    file.write((const char*)frame.data(), (std::streamsize)frame.size());
    file.close();
    if (file) return 0;
    std::fprintf(stderr, "make_frame: %s: cannot be written\n", arguments[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_frame: %s\n", error.what());
  }
  return 1;
}
