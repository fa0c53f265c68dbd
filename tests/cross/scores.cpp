// scores MODEL [FRAME]: a line for each instruction set of this machine, its name and the bits of the model's scores of
// a picture that is made here, or of the middle of a camera's frame (apps/firmware/camera_frame.c).
#include <posy.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

void check(posy_status status) {
  if (status == POSY_OK) return;
  std::fprintf(stderr, "scores: %s\n", posy_status_text(status));
  std::exit(1);
}

std::vector<char> bytes_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Slopes with noise over them.
std::vector<uint8_t> picture(uint32_t size) {
  std::vector<uint8_t> pixels;
  uint32_t noise = 1;
  for (uint32_t i = 0; i < size * size * 3; ++i) {
    noise = noise * 1664525 + 1013904223;
    pixels.push_back((uint8_t)(i / (3 * size) + i % (3 * size) / 4 + (noise >> 26)));
  }
  return pixels;
}

posy_image made_image(const std::vector<uint8_t>& pixels) {
  posy_image image = {};
  image.format = POSY_RGB;
  image.width = image.height = 150;
  image.plane[0] = pixels.data();
  image.stride[0] = 150 * 3;
  return image;
}

posy_image frame_image(const std::vector<char>& frame) {
  if (frame.size() != 320 * 240 * 2) {
    std::fprintf(stderr, "scores: a frame has 153600 bytes, not %zu\n", frame.size());
    std::exit(1);
  }
  posy_image image = {};
  image.format = POSY_RGB565_BE;
  image.width = image.height = 240;
  image.plane[0] = (const uint8_t*)frame.data() + 40 * 2;
  image.stride[0] = 320 * 2;
  return image;
}

void print_scores(const std::vector<char>& model, const posy_image& image, const char* isa) {
  posy_options options = {};
  options.isa = isa;
  posy_needs needs;
  check(posy_need(model.data(), model.size(), &options, &needs));
  std::vector<char> memory(needs.memory_bytes);
  posy_engine engine;
  check(posy_open(&engine, model.data(), model.size(), memory.data(), needs.memory_bytes, &options));

  check(posy_set_image(&engine, &image));
  check(posy_run(&engine));
  std::printf("%s:", isa);
  for (uint32_t i = 0; i < posy_class_count(&engine); ++i) {
    uint32_t bits;
    std::memcpy(&bits, posy_scores(&engine) + i, sizeof bits);
    std::printf(" %08x", (unsigned)bits);
  }
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<char> model = bytes_of(arguments[1]);
  const std::vector<uint8_t> pixels = picture(150);
  const std::vector<char> frame = count > 2 ? bytes_of(arguments[2]) : std::vector<char>();
  const posy_image image = count > 2 ? frame_image(frame) : made_image(pixels);
  for (uint32_t i = 0; const char* isa = posy_isa_name(i); ++i) print_scores(model, image, isa);
}
