// Image files become pixels.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/posy.h"

namespace posy {

// What the file holds, of which an Image keeps red, green and blue in 8 bits: for those who say what was lost.
struct StoredPixels {
  const char* format = "";  // "JPEG", "PNG", "GIF", "BMP"
  uint32_t channels = 3;    // of colour: 1 is gray, 4 CMYK; a palette has 3
  uint32_t bits = 8;        // of a sample; of a palette's colour
  bool has_alpha = false;   // or a colour that is transparent
  bool is_cmyk = false;
};

struct Image {
  uint32_t width = 0;
  uint32_t height = 0;
  std::vector<uint8_t> rgb;  // height x width x 3, rows from top to bottom, as stored in the file (EXIF not applied)
  int orientation = 1;       // EXIF 1..8; 1 when the file does not say
  std::string decoder;       // "libjpeg-turbo" or "stb_image"
  StoredPixels stored;
};

// What posy_set_image() takes: the pixels where they lie in `image`, as stored (EXIF not applied, like TensorFlow).
posy_image pixels_of(const Image& image);

// What a photo may ask for before it is refused. Both are checked against the header, before the pixels are decoded.
// Decoding needs at most about 50 bytes of memory a pixel (PNG of 16 bits with alpha); 2^29 pixels are the most
// whatever the limit.
struct ImageLimits {
  uint64_t max_pixels = 100'000'000;
  uint64_t max_file_bytes = 256ull << 20;
};

// Decodes JPEG, PNG, BMP or GIF, told apart by content, never by suffix, to the pixels of TensorFlow's
// decode_image(channels=3). JPEG goes through libjpeg-turbo with the fast integer IDCT (JDCT_IFAST) and fancy
// upsampling, which are TensorFlow's settings, when the build has it, and through stb_image otherwise. Gray becomes
// RGB; alpha is dropped, not blended; 16-bit samples keep their high byte; CMYK is converted. Of a GIF, the first
// picture is taken, without the screen around it. A BMP's palette and masks are applied, which TensorFlow does not do.
// A file that is cut off or fails its checksums is refused. Throws InputError: names the image, says what is wrong and
// what it seems to be.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits = {});
Image read_image(const std::string& path, const ImageLimits& limits = {});

// The JPEG decoder of this build: "libjpeg-turbo" or "stb_image".
const char* jpeg_decoder_name();

}  // namespace posy
