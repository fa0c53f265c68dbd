// What the Python package calls besides posy.h: image files as pixels, and the sizes that it cannot read from a header.
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "engine/posy.h"
#include "engine/posy_threads.h"
#include "loaders/image.h"

namespace {

// malloc's: posy_python_free() frees it. Null if there is no memory.
void* copy_of(const void* bytes, size_t byte_count) {
  void* copy = std::malloc(byte_count ? byte_count : 1);
  if (copy) std::memcpy(copy, bytes, byte_count);
  return copy;
}

}  // namespace

extern "C" {

// Of posy.h's structs, for posy/_library.py to compare with its own. 0: there is no such one.
size_t posy_python_size_of(const char* name) {
  const struct {
    const char* name;
    size_t bytes;
  } sizes[] = {
      {"engine", sizeof(posy_engine)},   {"unpacker", sizeof(posy_unpacker)}, {"pool", sizeof(posy_pool)},
      {"options", sizeof(posy_options)}, {"needs", sizeof(posy_needs)},       {"image", sizeof(posy_image)},
      {"shape", sizeof(posy_shape)},     {"codes", sizeof(posy_codes)},
  };
  for (const auto& row : sizes) {
    if (std::strcmp(name, row.name) == 0) return row.bytes;
  }
  return 0;
}

// The pixels of a JPEG, PNG, BMP or GIF as `posy label` sees them: width x height x 3 bytes. Null or, in `problem`, a
// sentence. Both are to be freed.
uint8_t* posy_python_read_image(const char* path, uint32_t* width, uint32_t* height, char** problem) {
  *problem = nullptr;
  std::string sentence;
  try {
    const posy::Image image = posy::read_image(path);
    *width = image.width;
    *height = image.height;
    if (void* pixels = copy_of(image.rgb.data(), image.rgb.size())) return (uint8_t*)pixels;
    sentence = std::string(path) + ": there is not enough memory for its pixels";
  } catch (const std::exception& error) {
    sentence = error.what();
  }
  *problem = (char*)copy_of(sentence.c_str(), sentence.size() + 1);
  return nullptr;
}

void posy_python_free(void* memory) {
  std::free(memory);
}

}  // extern "C"
