// GIF (89a): the first picture is taken out of the container; stb_image decodes it.
#include <algorithm>

#include "loaders/image_decoders.h"

namespace posy {
namespace {

struct GifFrame {
  uint32_t width = 0, height = 0;
  bool interlaced = false;
  bool has_transparent_color = false;
  std::span<const uint8_t> palette;
  std::span<const uint8_t> data;  // code size, then blocks of a length byte and that many bytes, up to an empty one
};

// Bytes of the color table that a flags byte announces; 0 when it announces none.
uint64_t gif_palette_bytes(uint32_t flags) {
  return flags & 0x80 ? 3ull << ((flags & 7) + 1) : 0;
}

void skip_gif_blocks(ByteReader& in) {
  for (uint32_t length = 1; length != 0 && in.ok();) {
    length = in.big_endian(1);
    in.take(length);
  }
}

// The first picture, whatever extensions stand before it. `in` is behind the global color table.
GifFrame read_gif_frame(ByteReader& in, std::span<const uint8_t> bytes, const std::string& name) {
  GifFrame frame;
  while (in.ok()) {
    const size_t place = in.at();
    const uint32_t kind = in.big_endian(1);
    if (kind == 0x21) {                // extension: a label, then blocks
      if (in.big_endian(1) == 0xf9) {  // graphic control: its size, then flags
        ByteReader control(bytes, in.at() + 1);
        frame.has_transparent_color = control.big_endian(1) & 1;
      }
      skip_gif_blocks(in);
    } else if (kind == 0x2c) {
      in.take(4);  // where on the screen
      frame.width = in.little_endian(2);
      frame.height = in.little_endian(2);
      const uint32_t flags = in.little_endian(1);
      frame.interlaced = flags & 0x40;
      frame.palette = in.take(gif_palette_bytes(flags));
      const size_t begin = in.at();
      in.take(1);
      skip_gif_blocks(in);
      if (in.ok()) frame.data = bytes.subspan(begin, in.at() - begin);
      break;
    } else if (in.ok()) {
      refuse_damaged(name, kind == 0x3b ? "the GIF has no picture in it"
                                        : "the GIF is damaged: unknown block at byte " + std::to_string(place));
    }
  }
  if (!in.ok()) refuse_damaged(name, "the GIF is cut off before its first picture ends");
  return frame;
}

// A GIF of one picture that fills its screen and has no transparency: TensorFlow, too, shows the color behind a
// transparent index.
std::vector<uint8_t> plain_gif(const GifFrame& frame) {
  ByteWriter plain;
  plain.big_endian(0x474946, 3);
  plain.big_endian(0x383961, 3);
  plain.little_endian(frame.width, 2);
  plain.little_endian(frame.height, 2);
  uint32_t size_bits = 0;
  while (gif_palette_bytes(0x80 | size_bits) < frame.palette.size()) ++size_bits;
  plain.little_endian(0x80 | size_bits, 3);  // and no background color, no aspect ratio
  plain.append(frame.palette);
  plain.little_endian(0x2c, 1);
  plain.little_endian(0, 4);
  plain.little_endian(frame.width, 2);
  plain.little_endian(frame.height, 2);
  plain.little_endian(frame.interlaced ? 0x40 : 0, 1);
  plain.append(frame.data);
  plain.little_endian(0x3b, 1);
  return plain.bytes;
}

}  // namespace

// The picture's own rectangle, as TensorFlow does: a smaller one than the screen gets no border, a larger one is not
// cut.
Image decode_gif(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  ByteReader in(bytes, 10);  // behind the signature and the size of the screen
  const uint32_t flags = in.little_endian(1);
  in.take(2);
  const auto global_palette = in.take(gif_palette_bytes(flags));
  if (!in.ok()) refuse_damaged(name, "the GIF is cut off in its header");
  GifFrame frame = read_gif_frame(in, bytes, name);
  check_image_size(name, "GIF", frame.width, frame.height, limits);
  if (frame.palette.empty()) frame.palette = global_palette;
  if (frame.palette.empty()) refuse_damaged(name, "the GIF has no color table");
  if (frame.data[0] > 8) refuse_damaged(name, "the GIF is damaged: wrong code size");

  // Of stb_image's heap, 4 + 4 bytes a pixel are the picture and its background, 1 tells which pixels are written.
  const uint64_t pixels = uint64_t{frame.width} * frame.height;
  const auto rgba = stb_pixels(plain_gif(frame), name, {"GIF", frame.width, frame.height, 4}, pixels * 9);
  Image image;
  image.width = frame.width;
  image.height = frame.height;
  image.decoder = "stb_image";
  image.stored.format = "GIF";
  image.stored.has_alpha = frame.has_transparent_color;
  image.rgb.resize(pixels * 3);
  for (size_t i = 0; i < pixels; ++i) {
    if (rgba[4 * i + 3] == 0) refuse_damaged(name, "the GIF is damaged: a pixel is missing or has no color");
    std::copy_n(&rgba[4 * i], 3, &image.rgb[3 * i]);
  }
  return image;
}

}  // namespace posy
