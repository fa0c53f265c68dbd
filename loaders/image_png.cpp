// PNG (W3C, third edition): the container is checked and written again without its options; stb_image does the rest.
#include <algorithm>
#include <array>
#include <string_view>

#include "loaders/image_decoders.h"

namespace posy {
namespace {

// CRC-32 as in PNG's annex D, four bits at a time.
uint32_t png_crc(std::span<const uint8_t> bytes) {
  static constexpr std::array<uint32_t, 16> kTable = {
      0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
      0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc = kTable[(crc ^ byte) & 15] ^ crc >> 4;
    crc = kTable[(crc ^ byte >> 4) & 15] ^ crc >> 4;
  }
  return ~crc;
}

struct PngParts {
  std::span<const uint8_t> header;  // IHDR, 13 bytes
  std::span<const uint8_t> palette;
  std::vector<std::span<const uint8_t>> data;  // the IDAT chunks: one zlib stream in pieces
  size_t data_bytes = 0;
  uint32_t width = 0, height = 0;
  int depth = 0;     // bits of a sample
  int channels = 0;  // samples of a pixel
  bool has_palette_color = false;
  bool has_alpha = false;  // or a transparent colour
};

void read_png_header(PngParts& png, const std::string& name, const ImageLimits& limits) {
  if (png.header.size() != 13) refuse_damaged(name, "the PNG's header has a wrong length");
  ByteReader in(png.header);
  png.width = in.big_endian(4);
  png.height = in.big_endian(4);
  check_image_size(name, "PNG", png.width, png.height, limits);
  png.depth = static_cast<int>(in.big_endian(1));
  const uint32_t color = in.big_endian(1);
  constexpr std::array<int, 7> kChannels = {1, 0, 3, 1, 2, 0, 4};  // by color type
  // By color type, the sum of the depths allowed: each is a power of two.
  constexpr std::array<int, 7> kDepths = {1 | 2 | 4 | 8 | 16, 0, 8 | 16, 1 | 2 | 4 | 8, 8 | 16, 0, 8 | 16};
  const bool known_depth = png.depth > 0 && (png.depth & (png.depth - 1)) == 0;
  const bool methods_known = in.big_endian(1) == 0 && in.big_endian(1) == 0 && in.big_endian(1) <= 1;
  if (color > 6 || !known_depth || (kDepths[color] & png.depth) == 0 || !methods_known) {
    refuse_damaged(name, "the PNG's header asks for a kind of pixel that PNG does not have");
  }
  png.channels = kChannels[color];
  png.has_palette_color = color == 3;
  png.has_alpha = color & 4;
}

// Takes what decides about the pixels. As in libpng, a wrong checksum or an unknown chunk that is not optional refuses.
PngParts read_png(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  PngParts png;
  ByteReader in(bytes, 8);
  for (bool first = true;; first = false) {
    const size_t place = in.at();
    const uint32_t length = in.big_endian(4);
    const auto typed = in.take(uint64_t{length} + 4);  // what the checksum covers
    const uint32_t crc = in.big_endian(4);
    if (!in.ok()) refuse_damaged(name, "the PNG is cut off: it has no end chunk");
    const std::string type(typed.begin(), typed.begin() + 4);
    const auto payload = typed.subspan(4);
    if (type == "CgBI") refuse_image(name, "this PNG is of Apple's own kind (CgBI); convert it to a standard PNG");
    if (first != (type == "IHDR")) refuse_damaged(name, "the PNG's header is misplaced");
    if (type == "tRNS") png.has_alpha = true;
    if (typed[0] & 0x20) continue;  // optional: text, color profiles, transparency, animation
    if (png_crc(typed) != crc) {
      refuse_damaged(name, "the PNG is damaged: wrong checksum at byte " + std::to_string(place));
    }
    if (type == "IEND") break;
    if (type == "IHDR") {
      png.header = payload;
      read_png_header(png, name, limits);
    } else if (type == "PLTE") {
      png.palette = payload;
    } else if (type == "IDAT") {
      png.data.push_back(payload);
      png.data_bytes += payload.size();
    } else {
      refuse_damaged(name, "the PNG has an unknown chunk at byte " + std::to_string(place));
    }
  }
  if (png.data_bytes == 0) refuse_damaged(name, "the PNG has no pixels");
  if (png.has_palette_color && (png.palette.empty() || png.palette.size() > 768 || png.palette.size() % 3 != 0)) {
    refuse_damaged(name, "the PNG's palette is missing or has a wrong length");
  }
  return png;
}

// Chunk types as big-endian numbers.
constexpr uint32_t kHeaderChunk = 0x49484452;   // IHDR
constexpr uint32_t kPaletteChunk = 0x504c5445;  // PLTE
constexpr uint32_t kDataChunk = 0x49444154;     // IDAT
constexpr uint32_t kEndChunk = 0x49454e44;      // IEND

void write_chunk(ByteWriter& to, uint32_t type, std::span<const std::span<const uint8_t>> pieces, size_t bytes) {
  to.big_endian(static_cast<uint32_t>(bytes), 4);
  to.big_endian(type, 4);
  for (const auto piece : pieces) to.append(piece);
  to.big_endian(0, 4);  // stb_image skips the checksum
}

std::vector<uint8_t> plain_png(const PngParts& png) {
  std::array<uint8_t, 768> palette{};  // entries that the file lacks are black, as in libpng
  std::copy(png.palette.begin(), png.palette.end(), palette.begin());
  const std::array<std::span<const uint8_t>, 2> whole = {png.header, palette};
  ByteWriter plain;
  plain.bytes.reserve(png.data_bytes + 1024);
  plain.big_endian(0x89504e47, 4);
  plain.big_endian(0x0d0a1a0a, 4);
  write_chunk(plain, kHeaderChunk, std::span(whole).first(1), png.header.size());
  if (png.has_palette_color) write_chunk(plain, kPaletteChunk, std::span(whole).last(1), palette.size());
  write_chunk(plain, kDataChunk, png.data, png.data_bytes);
  write_chunk(plain, kEndChunk, {}, 0);
  return plain.bytes;
}

}  // namespace

Image decode_png(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  const PngParts png = read_png(bytes, name, limits);
  if (png.data_bytes > INT32_MAX) refuse_image(name, "the PNG is too large");
  const uint64_t pixels = uint64_t{png.width} * png.height;
  const uint64_t row_bytes = (uint64_t{png.width} * static_cast<uint64_t>(png.depth) + 7) / 8;
  const uint64_t inflated = (row_bytes * static_cast<uint64_t>(png.channels) + 1) * png.height;
  const uint64_t sample_bytes = png.depth == 16 ? 2 : 1;
  const uint64_t stored = pixels * static_cast<uint64_t>(png.channels) * sample_bytes;
  // The compressed bytes, the inflated ones (interlacing adds a few, so stb_image doubles its buffer, old and new side
  // by side), the pixels and their interlaced copy, the pixels as RGB.
  Image image;
  image.width = png.width;
  image.height = png.height;
  image.decoder = "stb_image";
  image.stored = {"PNG", png.channels <= 2 && !png.has_palette_color ? 1u : 3u, png.depth == 16 ? 16u : 8u,
                  png.has_alpha, false};
  image.rgb = stb_pixels(plain_png(png), name, {"PNG", png.width, png.height, 3},
                         png.data_bytes + 3 * inflated + 2 * stored + 3 * pixels * sample_bytes);
  return image;
}

}  // namespace posy
