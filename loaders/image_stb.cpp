// PNG, GIF and BMP through stb_image, and its inflater for gzip. The only file that includes stb_image.h.
//
// stb_image 2.27 trusts a file more than it should: it reads palette entries that the file does not have, checks no
// checksum, takes missing data for zeros, lets a compressed stream grow without bound, and decodes Apple's CgBI files
// to wrong colors. So it never sees the file: image_png.cpp, image_gif.cpp and image_bmp.cpp check the container and
// write it again in its plainest form, and stb_image decodes that with a bound on its memory.
#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "loaders/image_decoders.h"

namespace posy {
namespace {

// stb_image's heap, bounded: what the calling thread's decoding may still allocate.
thread_local size_t stb_budget_bytes = 0;

struct alignas(std::max_align_t) BlockHeader {
  size_t bytes;
};

// Zeroed, because stb_image reads back bytes that a damaged stream did not write.
void* budget_malloc(size_t bytes) {
  if (bytes > stb_budget_bytes) return nullptr;
  auto* block = static_cast<BlockHeader*>(std::calloc(1, sizeof(BlockHeader) + bytes));
  if (!block) return nullptr;
  stb_budget_bytes -= bytes;
  block->bytes = bytes;
  return block + 1;
}

void budget_free(void* pointer) {
  if (!pointer) return;
  auto* block = static_cast<BlockHeader*>(pointer) - 1;
  stb_budget_bytes += block->bytes;
  std::free(block);
}

void* budget_realloc(void* pointer, size_t bytes) {
  void* grown = budget_malloc(bytes);
  if (!grown || !pointer) return grown;
  std::memcpy(grown, pointer, std::min(bytes, (static_cast<BlockHeader*>(pointer) - 1)->bytes));
  budget_free(pointer);
  return grown;
}

}  // namespace
}  // namespace posy

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_FAILURE_USERMSG
// Its assertions are about files, not about the program: a damaged one must not abort.
#define STBI_ASSERT(condition) ((void)(condition))
#define STBI_MALLOC(bytes) posy::budget_malloc(bytes)
#define STBI_REALLOC(pointer, bytes) posy::budget_realloc(pointer, bytes)
#define STBI_FREE(pointer) posy::budget_free(pointer)
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace posy {
namespace {

constexpr size_t kSlackBytes = 64 << 10;  // stb_image's small blocks: decoder state, row buffers

}  // namespace

std::vector<uint8_t> stb_pixels(std::span<const uint8_t> plain, const std::string& name, const ImageShape& shape,
                                uint64_t heap_bytes) {
  const std::string format = shape.format;
  if (plain.size() > INT_MAX || heap_bytes > SIZE_MAX / 2) refuse_image(name, "the " + format + " is too large");
  stb_budget_bytes = static_cast<size_t>(heap_bytes) + kSlackBytes;
  int width = 0, height = 0, channels_in_file = 0;
  const std::unique_ptr<stbi_uc, decltype(&budget_free)> pixels(
      stbi_load_from_memory(plain.data(), static_cast<int>(plain.size()), &width, &height, &channels_in_file,
                            shape.channels),
      &budget_free);
  if (!pixels) {
    std::string reason = stbi_failure_reason() ? stbi_failure_reason() : "stb_image gives no reason";
    if (reason == "Out of memory") reason = "it asks for more memory than its size can need";
    refuse_damaged(name, "the " + format + " is damaged (" + reason + ")");
  }
  if (static_cast<uint32_t>(width) != shape.width || static_cast<uint32_t>(height) != shape.height) {
    refuse_damaged(name, "the " + format + " is damaged: it gives two sizes");
  }
  const size_t bytes = size_t{shape.width} * shape.height * static_cast<size_t>(shape.channels);
  return {pixels.get(), pixels.get() + bytes};
}

Image decode_jpeg_with_stb(std::span<const uint8_t> bytes, const std::string& name, uint32_t width, uint32_t height) {
  // Up to 4 components in whole MCUs of at most 32 x 32: a byte and, in progressive files, a 2-byte coefficient each;
  // then the RGB pixels.
  const uint64_t padded = (uint64_t{width} + 64) * (uint64_t{height} + 64);
  Image image;
  image.width = width;
  image.height = height;
  image.decoder = "stb_image";
  image.rgb = stb_pixels(bytes, name, {"JPEG", width, height, 3}, padded * (4 * 3 + 3));
  return image;
}

bool inflate_raw(std::span<const uint8_t> deflate, std::span<uint8_t> out) {
  if (deflate.size() > INT_MAX - 8 || out.size() > INT_MAX) return false;
  char nothing = 0;  // stb_image computes with the pointer even when no byte may be written
  char* to = out.empty() ? &nothing : reinterpret_cast<char*>(out.data());
  const auto inflate = [&](std::span<const uint8_t> from) {
    return stbi_zlib_decode_noheader_buffer(to, static_cast<int>(out.size()),
                                            reinterpret_cast<const char*>(from.data()),
                                            static_cast<int>(from.size())) == static_cast<int>(out.size());
  };
  if (inflate(deflate)) return true;
  // stb_image 2.27 wants to see a few bytes behind the last code and fails where the stream ends with the buffer.
  std::vector<uint8_t> padded(deflate.begin(), deflate.end());
  padded.resize(deflate.size() + 8);
  return inflate(padded);
}

}  // namespace posy
