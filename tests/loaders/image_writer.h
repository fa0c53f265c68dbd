// The smallest PNG, BMP, GIF and JPEG encoders that reach every branch of the decoders.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "loaders/image_decoders.h"

namespace posy_test {

using namespace std::string_view_literals;
using posy::ByteWriter;
using Bytes = std::vector<uint8_t>;

inline uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

inline void append_text(ByteWriter& to, std::string_view text) {
  to.bytes.insert(to.bytes.end(), text.begin(), text.end());
}

inline void png_chunk(ByteWriter& png, std::string_view type, const Bytes& payload) {
  png.big_endian(static_cast<uint32_t>(payload.size()), 4);
  const size_t begin = png.bytes.size();
  append_text(png, type);
  png.append(payload);
  png.big_endian(crc32(std::span(png.bytes).subspan(begin)), 4);
}

// A zlib stream of stored blocks. The decoders do not look at the Adler checksum: the chunk has its own.
inline Bytes zlib_stored(const Bytes& raw) {
  ByteWriter out;
  out.big_endian(0x7801, 2);
  size_t at = 0;
  do {
    const size_t count = std::min<size_t>(raw.size() - at, 65535);
    out.little_endian(at + count == raw.size(), 1);
    out.little_endian(static_cast<uint32_t>(count), 2);
    out.little_endian(~static_cast<uint32_t>(count), 2);
    out.append(std::span(raw).subspan(at, count));
    at += count;
  } while (at < raw.size());
  out.big_endian(0, 4);
  return out.bytes;
}

struct PngOptions {
  uint32_t width = 2, height = 2;
  uint32_t depth = 8, color = 2, interlace = 0;
  Bytes palette = {};
  Bytes transparency = {};
  Bytes rows = {};  // each with its filter byte
};

inline Bytes make_png(const PngOptions& options) {
  ByteWriter png, header;
  png.big_endian(0x89504e47, 4);
  png.big_endian(0x0d0a1a0a, 4);
  header.big_endian(options.width, 4);
  header.big_endian(options.height, 4);
  for (const uint32_t value : {options.depth, options.color, 0u, 0u, options.interlace}) header.big_endian(value, 1);
  png_chunk(png, "IHDR", header.bytes);
  if (!options.palette.empty()) png_chunk(png, "PLTE", options.palette);
  if (!options.transparency.empty()) png_chunk(png, "tRNS", options.transparency);
  const Bytes data = zlib_stored(options.rows);
  const auto middle = data.begin() + static_cast<std::ptrdiff_t>(data.size() / 2);
  png_chunk(png, "IDAT", Bytes(data.begin(), middle));
  png_chunk(png, "IDAT", Bytes(middle, data.end()));
  png_chunk(png, "IEND", {});
  return png.bytes;
}

inline Bytes make_bmp(uint32_t width, int32_t height, uint32_t bits, const Bytes& palette, const Bytes& rows) {
  ByteWriter bmp;
  append_text(bmp, "BM");
  const uint32_t pixels_at = 54 + static_cast<uint32_t>(palette.size());
  for (const uint32_t value : {0u, 0u, pixels_at, 40u, width, static_cast<uint32_t>(height)}) {
    bmp.little_endian(value, 4);
  }
  bmp.little_endian(1, 2);
  bmp.little_endian(bits, 2);
  bmp.bytes.resize(54);
  bmp.append(palette);
  bmp.append(rows);
  return bmp.bytes;
}

// LZW of 9-bit codes that never grow: a clear code stands before every 200 colors. Colors are indices below 256.
inline Bytes make_gif(uint32_t width, uint32_t height, const Bytes& palette, const Bytes& indices, uint32_t flags = 0) {
  ByteWriter gif;
  append_text(gif, "GIF89a");
  gif.little_endian(width + 3, 2);  // a screen larger than the picture
  gif.little_endian(height + 3, 2);
  gif.little_endian(0x87, 1);  // 256 colors
  gif.little_endian(1, 2);     // background color 1
  Bytes colors = palette;
  colors.resize(768);
  gif.append(colors);
  append_text(gif, "\x21\xf9\x04\x01\0\0\x01\0"sv);  // color 1 is transparent
  append_text(gif, "\x2c\x02\0\x01\0"sv);            // the picture is at 2, 1
  gif.little_endian(width, 2);
  gif.little_endian(height, 2);
  gif.little_endian(flags, 1);
  ByteWriter codes;
  uint32_t bits = 0, bit_count = 0;
  const auto put = [&](uint32_t code) {
    bits |= code << bit_count;
    for (bit_count += 9; bit_count >= 8; bit_count -= 8, bits >>= 8) codes.little_endian(bits & 255, 1);
  };
  for (size_t i = 0; i < indices.size(); ++i) {
    if (i % 200 == 0) put(256);
    put(indices[i]);
  }
  put(257);
  codes.little_endian(bits, 1);
  gif.little_endian(8, 1);
  for (size_t at = 0; at < codes.bytes.size(); at += 255) {
    const size_t count = std::min<size_t>(255, codes.bytes.size() - at);
    gif.little_endian(static_cast<uint32_t>(count), 1);
    gif.append(std::span(codes.bytes).subspan(at, count));
  }
  append_text(gif, "\0;"sv);
  return gif.bytes;
}

inline void jpeg_segment(ByteWriter& jpeg, uint32_t marker, std::span<const uint8_t> payload) {
  jpeg.big_endian(0xff00 | marker, 2);
  jpeg.big_endian(static_cast<uint32_t>(payload.size()) + 2, 2);
  jpeg.append(payload);
}

inline void jpeg_segment(ByteWriter& jpeg, uint32_t marker, std::string_view payload) {
  jpeg_segment(jpeg, marker, std::span(reinterpret_cast<const uint8_t*>(payload.data()), payload.size()));
}

// A baseline JPEG of 8 x 8 blocks of one color. With a quantizer of 8 a flat block's DC coefficient is its value less
// 128; DC categories 0..11 have codes of 4 bits, the only AC code is "0" for end of block.
struct FlatJpeg {
  uint32_t components = 3;
  std::vector<std::array<int, 4>> blocks = {{128, 128, 128, 128}};  // one row of blocks, stored values
  std::string_view adobe = {};                                      // payload of APP14
  Bytes exif = {};                                                  // payload of APP1
  uint32_t frame_marker = 0xc0;
  int empty_scans = 0;  // of AC coefficients, for a progressive file
};

inline Bytes flat_scan(const FlatJpeg& options) {
  uint32_t bits = 0;
  int bit_count = 0;
  ByteWriter coded;
  const auto put = [&](uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      bits = bits << 1 | (value >> i & 1);
      if (++bit_count % 8 != 0) continue;
      coded.big_endian(bits & 255, 1);
      if ((bits & 255) == 255) coded.big_endian(0, 1);
    }
  };
  std::array<int, 4> previous{};
  for (const auto& block : options.blocks) {
    for (uint32_t c = 0; c < options.components; ++c) {
      const int difference = block[c] - 128 - previous[c];
      previous[c] = block[c] - 128;
      int category = 0;
      while (std::abs(difference) >> category) ++category;
      put(static_cast<uint32_t>(category), 4);
      put(static_cast<uint32_t>(difference < 0 ? difference - 1 : difference), category);
      if (options.frame_marker == 0xc0) put(0, 1);
    }
  }
  while (bit_count % 8 != 0) put(1, 1);
  return coded.bytes;
}

inline Bytes make_jpeg(const FlatJpeg& options = {}) {
  ByteWriter jpeg, frame, scan;
  jpeg.big_endian(0xffd8, 2);
  if (!options.exif.empty()) jpeg_segment(jpeg, 0xe1, options.exif);
  if (!options.adobe.empty()) jpeg_segment(jpeg, 0xee, options.adobe);
  Bytes quantizers(65, 8);
  quantizers[0] = 0;
  jpeg_segment(jpeg, 0xdb, quantizers);
  frame.big_endian(8, 1);
  frame.big_endian(8, 2);
  frame.big_endian(static_cast<uint32_t>(options.blocks.size()) * 8, 2);
  frame.big_endian(options.components, 1);
  scan.big_endian(options.components, 1);
  for (uint32_t c = 1; c <= options.components; ++c) {
    frame.big_endian(c << 16 | 0x1100, 3);
    scan.big_endian(c << 8, 2);
  }
  scan.big_endian(options.frame_marker == 0xc0 ? 0x003f00 : 0, 3);
  jpeg_segment(jpeg, options.frame_marker, frame.bytes);
  jpeg_segment(jpeg, 0xc4, "\0\0\0\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b"sv);
  jpeg_segment(jpeg, 0xc4, "\x10\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv);
  jpeg_segment(jpeg, 0xda, scan.bytes);
  jpeg.append(flat_scan(options));
  for (int i = 0; i < options.empty_scans; ++i) {
    jpeg_segment(jpeg, 0xda, "\1\1\0\1\x3f\0"sv);
    jpeg.big_endian(0x7f, 1);
  }
  jpeg.big_endian(0xffd9, 2);
  return jpeg.bytes;
}

inline Bytes make_exif(bool big, uint32_t orientation, uint32_t type = 3, uint32_t directory_at = 8) {
  ByteWriter exif;
  const auto put = [&](uint32_t value, int bytes) {
    big ? exif.big_endian(value, bytes) : exif.little_endian(value, bytes);
  };
  append_text(exif, "Exif\0\0"sv);
  append_text(exif, big ? "MM" : "II");
  put(42, 2);
  put(directory_at, 4);
  put(2, 2);  // entries: a width, which is to be skipped, and the orientation
  for (const uint32_t tag : {0x0100u, 0x0112u}) {
    put(tag, 2);
    put(type, 2);
    put(1, 4);
    put(orientation, 2);
    put(0, 2);
  }
  put(0, 4);
  return exif.bytes;
}

}  // namespace posy_test
