// BMP: the many headers are read and written again as one; stb_image unpacks the pixels.
#include <algorithm>
#include <array>
#include <bit>

#include "loaders/image_decoders.h"

namespace posy {
namespace {

struct BmpHeader {
  uint32_t width = 0, height = 0;
  bool top_down = false;
  uint32_t bits = 0;  // of a pixel
  std::array<uint32_t, 3> masks{};
  std::span<const uint8_t> palette;
  uint32_t palette_entry_bytes = 4;
  uint64_t pixels_at = 0;

  uint64_t row_bytes() const { return (uint64_t{width} * bits + 31) / 32 * 4; }
};

void read_bmp_palette(BmpHeader& bmp, std::span<const uint8_t> bytes, uint64_t begin) {
  const uint64_t room = bmp.pixels_at > begin ? bmp.pixels_at - begin : 0;
  const uint64_t size = std::min<uint64_t>(room, (uint64_t{1} << bmp.bits) * bmp.palette_entry_bytes);
  ByteReader in(bytes, static_cast<size_t>(begin));
  bmp.palette = in.take(size);
}

BmpHeader read_bmp(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  BmpHeader bmp;
  ByteReader in(bytes, 10);
  bmp.pixels_at = in.little_endian(4);
  const uint32_t header_bytes = in.little_endian(4);
  const int side_bytes = header_bytes == 12 ? 2 : 4;  // 12: OS/2 and Windows 2
  bmp.width = in.little_endian(side_bytes);
  const uint32_t height = in.little_endian(side_bytes);
  bmp.top_down = side_bytes == 4 && height >> 31;
  bmp.height = bmp.top_down ? 0 - height : height;
  in.take(2);
  bmp.bits = in.little_endian(2);
  const uint32_t compression = header_bytes >= 40 ? in.little_endian(4) : 0;
  if (!in.ok()) refuse_damaged(name, "the BMP is cut off in its header");
  check_image_size(name, "BMP", bmp.width, bmp.height, limits);
  bmp.palette_entry_bytes = header_bytes == 12 ? 3 : 4;

  const bool sixteen_or_more = bmp.bits == 16 || bmp.bits == 32;
  const bool masked = (compression == 3 || compression == 6) && sixteen_or_more;
  const bool known_bits = bmp.bits == 1 || bmp.bits == 4 || bmp.bits == 8 || bmp.bits == 24 || sixteen_or_more;
  if (!known_bits || (compression != 0 && !masked)) {
    refuse_image(name, "the BMP is compressed or of a rare kind (" + std::to_string(bmp.bits) +
                           " bits a pixel, compression " + std::to_string(compression) +
                           "); convert it to JPEG or PNG");
  }
  if (bmp.bits == 16) bmp.masks = {0x7c00, 0x03e0, 0x001f};
  if (bmp.bits == 32) bmp.masks = {0xff0000, 0x00ff00, 0x0000ff};
  ByteReader masks(bytes, 54);  // behind 14 + 40 bytes, whether the header ends there or goes on
  if (masked) {
    for (uint32_t& mask : bmp.masks) mask = masks.little_endian(4);
    const auto usable = [](uint32_t mask) { return mask != 0 && std::popcount(mask) <= 8; };
    if (!std::all_of(bmp.masks.begin(), bmp.masks.end(), usable)) {
      refuse_image(name, "the BMP has colors of more than 8 bits, or of none; convert it to JPEG or PNG");
    }
  }
  if (bmp.bits <= 8) read_bmp_palette(bmp, bytes, 14 + uint64_t{header_bytes});

  // The padding of the last row in the file is often left out.
  const uint64_t last_row = (uint64_t{bmp.width} * bmp.bits + 7) / 8;
  const uint64_t pixel_bytes = bmp.row_bytes() * (bmp.height - 1) + last_row;
  if (bmp.pixels_at < 14 || bmp.pixels_at > bytes.size() || pixel_bytes > bytes.size() - bmp.pixels_at) {
    refuse_damaged(name, "the BMP is cut off: its pixels need " + std::to_string(bmp.pixels_at + pixel_bytes) +
                             " bytes, the file has " + std::to_string(bytes.size()));
  }
  return bmp;
}

// A 40-byte header, three masks for 16 and 32 bits, a full palette for fewer, then the rows.
std::vector<uint8_t> plain_bmp(const BmpHeader& bmp, std::span<const uint8_t> bytes) {
  const bool masked = bmp.bits == 16 || bmp.bits == 32;
  const uint32_t table_bytes = masked ? 12 : bmp.bits <= 8 ? 4u << bmp.bits : 0;
  const uint64_t pixel_bytes = bmp.row_bytes() * bmp.height;

  ByteWriter plain;
  plain.big_endian(0x424d, 2);
  plain.little_endian(0, 4);
  plain.little_endian(0, 4);
  plain.little_endian(54 + table_bytes, 4);
  plain.little_endian(40, 4);
  plain.little_endian(bmp.width, 4);
  plain.little_endian(bmp.top_down ? 0 - bmp.height : bmp.height, 4);
  plain.little_endian(1, 2);
  plain.little_endian(bmp.bits, 2);
  plain.little_endian(masked ? 3 : 0, 4);
  plain.bytes.resize(54);
  if (masked) {
    for (const uint32_t mask : bmp.masks) plain.little_endian(mask, 4);
  }
  for (size_t i = 0; i + bmp.palette_entry_bytes <= bmp.palette.size(); i += bmp.palette_entry_bytes) {
    plain.append(bmp.palette.subspan(i, 3));
    plain.little_endian(0, 1);
  }
  plain.bytes.resize(54 + table_bytes);  // colors that the file lacks are black
  const auto stored = bytes.subspan(static_cast<size_t>(bmp.pixels_at));
  plain.append(stored.first(static_cast<size_t>(std::min<uint64_t>(pixel_bytes, stored.size()))));
  plain.bytes.resize(static_cast<size_t>(54 + table_bytes + pixel_bytes));
  return plain.bytes;
}

}  // namespace

Image decode_bmp(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  const BmpHeader bmp = read_bmp(bytes, name, limits);
  Image image;
  image.width = bmp.width;
  image.height = bmp.height;
  image.decoder = "stb_image";
  image.stored.format = "BMP";
  image.rgb =
      stb_pixels(plain_bmp(bmp, bytes), name, {"BMP", bmp.width, bmp.height, 3}, uint64_t{bmp.width} * bmp.height * 3);
  return image;
}

}  // namespace posy
