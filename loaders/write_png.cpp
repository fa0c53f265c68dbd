// The only file that includes stb_image_write.h: its filters and its deflate. It writes no palettes, so that the chunks
// of such a file are written here (PNG specification, third edition, 5 and 11).
#include "loaders/write_png.h"

#include <cstdlib>
#include <memory>
#include <string_view>

#include "loaders/error.h"
#include "loaders/image_decoders.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace posy {
namespace {

constexpr size_t kMostPixels = size_t{1} << 28;  // stb_image_write counts bytes in ints

using Allocated = std::unique_ptr<unsigned char, decltype(&std::free)>;

void check_size(uint32_t width, uint32_t height) {
  if ((uint64_t)width * height > kMostPixels) throw InputError("a PNG of more than 2^28 pixels cannot be written");
}

std::vector<uint8_t> bytes_of(const Allocated& from, int count) {
  if (!from) throw std::bad_alloc();
  return {from.get(), from.get() + count};
}

void add_chunk(std::string_view type, const std::vector<uint8_t>& payload, ByteWriter* png) {
  png->big_endian((uint32_t)payload.size(), 4);
  const size_t begin = png->bytes.size();
  png->bytes.insert(png->bytes.end(), type.begin(), type.end());
  png->append(payload);
  png->big_endian(stbiw__crc32(png->bytes.data() + begin, (int)(png->bytes.size() - begin)), 4);
}

int bits_for(size_t colors) {
  return colors <= 2 ? 1 : colors <= 4 ? 2 : colors <= 16 ? 4 : 8;
}

// Each row behind its filter, 0: indices are no amounts that could be predicted.
std::vector<uint8_t> packed_rows(const PalettePicture& picture, uint32_t width, uint32_t height) {
  const int bits = bits_for(picture.colors.size());
  const size_t row_bytes = ((size_t)width * (size_t)bits + 7) / 8;
  std::vector<uint8_t> rows((row_bytes + 1) * height, 0);
  for (size_t y = 0; y < height; ++y) {
    uint8_t* row = rows.data() + y * (row_bytes + 1) + 1;
    for (size_t x = 0; x < width; ++x) {
      const size_t bit = x * (size_t)bits;
      row[bit / 8] |= (uint8_t)(picture.indices[y * width + x] << (8 - (size_t)bits - bit % 8));
    }
  }
  return rows;
}

}  // namespace

std::vector<uint8_t> png_of(const Image& image) {
  check_size(image.width, image.height);
  int count = 0;
  const Allocated png(
      stbi_write_png_to_mem(image.rgb.data(), (int)image.width * 3, (int)image.width, (int)image.height, 3, &count),
      &std::free);
  return bytes_of(png, count);
}

std::vector<uint8_t> png_of(const PalettePicture& picture, uint32_t width, uint32_t height) {
  check_size(width, height);
  ByteWriter png, header, palette;
  png.big_endian(0x89504e47, 4);
  png.big_endian(0x0d0a1a0a, 4);
  header.big_endian(width, 4);
  header.big_endian(height, 4);
  const uint32_t bits = (uint32_t)bits_for(picture.colors.size());
  for (const uint32_t field : {bits, 3u, 0u, 0u, 0u}) header.big_endian(field, 1);  // 3: indices of a palette
  for (const Color& color : picture.colors) palette.append(color);
  std::vector<uint8_t> rows = packed_rows(picture, width, height);
  int count = 0;
  const Allocated data(stbi_zlib_compress(rows.data(), (int)rows.size(), &count, stbi_write_png_compression_level),
                       &std::free);
  add_chunk("IHDR", header.bytes, &png);
  add_chunk("PLTE", palette.bytes, &png);
  add_chunk("IDAT", bytes_of(data, count), &png);
  add_chunk("IEND", {}, &png);
  return png.bytes;
}

std::vector<uint8_t> jpeg_of(const Image& image, int quality) {
  check_size(image.width, image.height);
  std::vector<uint8_t> jpeg;
  const auto append = [](void* to, void* bytes, int count) {
    ((std::vector<uint8_t>*)to)->insert(((std::vector<uint8_t>*)to)->end(), (uint8_t*)bytes, (uint8_t*)bytes + count);
  };
  if (!stbi_write_jpg_to_func(append, &jpeg, (int)image.width, (int)image.height, 3, image.rgb.data(), quality))
    throw InputError("a JPEG of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                     " pixels cannot be written");
  return jpeg;
}

}  // namespace posy
