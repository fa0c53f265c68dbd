// Private to the loaders: the two image libraries behind plain functions, and what their callers share.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "loaders/image.h"

namespace posy {

// Throws InputError "name: what".
[[noreturn]] void refuse_image(const std::string& name, const std::string& what);
// The same, with the advice to fetch or to convert the file.
[[noreturn]] void refuse_damaged(const std::string& name, const std::string& what);
// Refuses an image without pixels, or with more than limits.max_pixels. `format` is "JPEG", "PNG", ...
void check_image_size(const std::string& name, const char* format, uint64_t width, uint64_t height,
                      const ImageLimits& limits);

// Each expects the bytes to begin with the signature of its format.
Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits);
Image decode_png(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits);
Image decode_gif(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits);
Image decode_bmp(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits);

// stb_image's JPEG decoder, for builds without libjpeg-turbo. The caller has checked what stb_image does not: sizes of
// the Huffman tables, width and height against the limits, and that the file is complete.
Image decode_jpeg_with_stb(std::span<const uint8_t> bytes, const std::string& name, uint32_t width, uint32_t height);

// stb_image on bytes that were checked: height x width x channels bytes. heap_bytes is the most that a well-formed
// image of this shape needs; a stream that grows beyond it is refused. Throws InputError.
struct ImageShape {
  const char* format;
  uint32_t width;
  uint32_t height;
  int channels;
};
std::vector<uint8_t> stb_pixels(std::span<const uint8_t> plain, const std::string& name, const ImageShape& shape,
                                uint64_t heap_bytes);

// Raw deflate (RFC 1951) into a buffer of known size, for gzip. True iff exactly out.size() bytes came out. What lies
// behind the end of the stream is not looked at. A damaged stream can also yield true: the caller checks its checksum.
// Lives in image_stb.cpp, because stb_image contains the inflater.
bool inflate_raw(std::span<const uint8_t> deflate, std::span<uint8_t> out);

// Reads integers and runs of bytes from front to back. Past the end it yields zeros, and ok() is false from then on.
class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes, size_t at = 0) : bytes_(bytes), at_(at) {}

  bool ok() const { return ok_; }
  size_t at() const { return at_; }

  std::span<const uint8_t> take(uint64_t count) {
    if (at_ > bytes_.size() || count > bytes_.size() - at_) ok_ = false;
    if (!ok_) return {};
    const auto taken = bytes_.subspan(at_, static_cast<size_t>(count));
    at_ += taken.size();
    return taken;
  }
  uint32_t big_endian(int bytes) {
    uint32_t value = 0;
    for (const uint8_t byte : take(static_cast<uint64_t>(bytes))) value = value << 8 | byte;
    return value;
  }
  uint32_t little_endian(int bytes) {
    uint32_t value = 0;
    int shift = 0;
    for (const uint8_t byte : take(static_cast<uint64_t>(bytes))) {
      value |= static_cast<uint32_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_;
  bool ok_ = true;
};

class ByteWriter {
 public:
  std::vector<uint8_t> bytes;

  void append(std::span<const uint8_t> more) { bytes.insert(bytes.end(), more.begin(), more.end()); }
  void big_endian(uint32_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(value >> shift));
  }
  void little_endian(uint32_t value, int count) {
    for (int i = 0; i < count; ++i, value >>= 8) bytes.push_back(static_cast<uint8_t>(value));
  }
};

}  // namespace posy
