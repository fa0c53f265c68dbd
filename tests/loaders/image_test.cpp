#include "loaders/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/error.h"
#include "loaders/image_decoders.h"
#include "tests/loaders/image_writer.h"

using namespace std::string_view_literals;
using namespace posy_test;
using posy::ByteWriter;
using posy::Image;
using posy::ImageLimits;

namespace {

Image decode(const Bytes& bytes, const ImageLimits& limits = {}) {
  return posy::decode_image(bytes, "photo.x", limits);
}

// The sentence of the refusal, or "decoded".
std::string refusal(std::span<const uint8_t> bytes, const ImageLimits& limits = {}) {
  try {
    posy::decode_image(bytes, "photo.x", limits);
  } catch (const posy::InputError& error) {
    return error.what();
  }
  return "decoded";
}

std::string refusal(std::string_view bytes) {
  return refusal(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

bool mentions(const std::string& sentence, const std::string& words) {
  INFO(sentence);
  const bool found = sentence.starts_with("photo.x: ") && sentence.find(words) != std::string::npos;
  CHECK_MESSAGE(found, "expected: " << words);
  return found;
}

const PngOptions kRgbPng = {.rows = {0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12}};
const Bytes kCounting = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

std::vector<std::pair<std::string, Bytes>> one_of_each() {
  const Bytes grays = {10, 10, 10, 20, 20, 20, 30, 30, 30};
  return {{"png", make_png(kRgbPng)},
          {"interlaced png", make_png({.color = 0, .interlace = 1, .rows = {0, 1, 0, 2, 0, 3, 4}})},
          {"palette png", make_png({.depth = 1, .color = 3, .palette = {1, 2, 3}, .rows = {0, 64, 0, 128}})},
          {"gif", make_gif(2, 2, grays, {0, 1, 2, 0})},
          {"interlaced gif", make_gif(4, 9, grays, Bytes(36, 2), 0x40)},
          {"bmp", make_bmp(1, 2, 24, {}, {3, 2, 1, 0, 6, 5, 4, 0})},
          {"palette bmp", make_bmp(3, 1, 4, {9, 8, 7, 0, 6, 5, 4, 0}, {0x01, 0x20, 0, 0})},
          {"jpeg", make_jpeg({.blocks = {{90, 128, 128}, {200, 128, 128}}, .exif = make_exif(false, 6)})},
          {"gray jpeg", make_jpeg({.components = 1, .blocks = {{77}}})},
          {"progressive jpeg", make_jpeg({.components = 1, .frame_marker = 0xc2, .empty_scans = 3})},
          {"cmyk jpeg", make_jpeg({.components = 4, .adobe = "Adobe\0d\0\0\0\0\0"sv})}};
}

}  // namespace

TEST_CASE("what the file holds is remembered: gray, alpha, bits and inks") {
  struct Expected {
    Bytes bytes;
    const char* format;
    uint32_t channels, bits;
    bool has_alpha, is_cmyk;
  };
  PngOptions keyed = kRgbPng;
  keyed.transparency = {0, 1, 0, 2, 0, 3};
  const Bytes grays = {10, 10, 10, 20, 20, 20, 30, 30, 30};
  const Bytes deep = {0, 1, 255, 2, 128, 3, 127};
  const Expected all[] = {
      {make_png(kRgbPng), "PNG", 3, 8, false, false},
      {make_png(keyed), "PNG", 3, 8, true, false},
      {make_png({.width = 1, .height = 1, .depth = 16, .rows = deep}), "PNG", 3, 16, false, false},
      {make_png({.height = 1, .depth = 1, .color = 0, .rows = {0, 0x40}}), "PNG", 1, 8, false, false},
      {make_png({.width = 1, .height = 1, .color = 4, .rows = {0, 7, 0}}), "PNG", 1, 8, true, false},
      {make_png({.width = 1, .height = 1, .color = 6, .rows = {0, 1, 2, 3, 0}}), "PNG", 3, 8, true, false},
      {make_png({.depth = 1, .color = 3, .palette = {1, 2, 3}, .rows = {0, 64, 0, 128}}), "PNG", 3, 8, false, false},
      {make_gif(2, 2, grays, {0, 1, 2, 0}), "GIF", 3, 8, true, false},
      {make_bmp(1, 2, 24, {}, {3, 2, 1, 0, 6, 5, 4, 0}), "BMP", 3, 8, false, false},
      {make_jpeg(), "JPEG", 3, 8, false, false},
      {make_jpeg({.components = 1, .blocks = {{77}}}), "JPEG", 1, 8, false, false},
      {make_jpeg({.components = 4, .adobe = "Adobe\0d\0\0\0\0\0"sv}), "JPEG", 4, 8, false, true},
  };
  for (const Expected& expected : all) {
    const posy::StoredPixels stored = decode(expected.bytes).stored;
    CAPTURE(expected.format);
    CAPTURE(expected.channels);
    CHECK(std::string(stored.format) == expected.format);
    CHECK(stored.channels == expected.channels);
    CHECK(stored.bits == expected.bits);
    CHECK(stored.has_alpha == expected.has_alpha);
    CHECK(stored.is_cmyk == expected.is_cmyk);
  }
}

TEST_CASE("png: rgb comes out as stored, rows from top to bottom") {
  const Image image = decode(make_png(kRgbPng));
  CHECK(image.width == 2);
  CHECK(image.height == 2);
  CHECK(image.rgb == kCounting);
  CHECK(image.decoder == "stb_image");
  CHECK(image.orientation == 1);
}

TEST_CASE("png: sixteen bits keep their high byte") {
  const Bytes row = {0, 1, 255, 2, 128, 3, 127};
  CHECK(decode(make_png({.width = 1, .height = 1, .depth = 16, .rows = row})).rgb == Bytes{1, 2, 3});
  CHECK(decode(make_png({.width = 1, .height = 1, .depth = 16, .color = 0, .rows = {0, 9, 255}})).rgb ==
        Bytes{9, 9, 9});
}

TEST_CASE("png: alpha is dropped, not blended") {
  CHECK(decode(make_png({.width = 1, .height = 1, .color = 6, .rows = {0, 1, 2, 3, 0}})).rgb == Bytes{1, 2, 3});
  CHECK(decode(make_png({.width = 1, .height = 1, .color = 4, .rows = {0, 7, 0}})).rgb == Bytes{7, 7, 7});
  PngOptions keyed = kRgbPng;
  keyed.transparency = {0, 1, 0, 2, 0, 3};
  CHECK(decode(make_png(keyed)).rgb == kCounting);
}

TEST_CASE("png: gray of one to eight bits spans 0 to 255") {
  CHECK(decode(make_png({.height = 1, .depth = 1, .color = 0, .rows = {0, 0x40}})).rgb ==
        Bytes{0, 0, 0, 255, 255, 255});
  CHECK(decode(make_png({.height = 1, .depth = 2, .color = 0, .rows = {0, 0x60}})).rgb ==
        Bytes{85, 85, 85, 170, 170, 170});
  CHECK(decode(make_png({.height = 1, .depth = 4, .color = 0, .rows = {0, 0x1f}})).rgb ==
        Bytes{17, 17, 17, 255, 255, 255});
}

TEST_CASE("png: a color that the palette lacks is black") {
  const PngOptions options = {.height = 1, .depth = 1, .color = 3, .palette = {1, 2, 3}, .rows = {0, 0x40}};
  CHECK(decode(make_png(options)).rgb == Bytes{1, 2, 3, 0, 0, 0});
}

TEST_CASE("png: interlaced pixels find their places") {
  // Of Adam7's passes, a 2 x 2 picture has the first (one pixel), the sixth (one) and the seventh (a row).
  const Image image = decode(make_png({.color = 0, .interlace = 1, .rows = {0, 1, 0, 2, 0, 3, 4}}));
  CHECK(image.rgb == Bytes{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4});
}

TEST_CASE("png: damage is named") {
  Bytes png = make_png(kRgbPng);
  Bytes changed = png;
  changed[8 + 25 + 12] ^= 1;
  mentions(refusal(changed), "wrong checksum at byte 33");
  png.resize(png.size() - 12);
  mentions(refusal(png), "cut off");
  PngOptions odd = kRgbPng;
  odd.depth = 4;
  mentions(refusal(make_png(odd)), "a kind of pixel that PNG does not have");
  odd = kRgbPng;
  odd.rows.resize(8);
  mentions(refusal(make_png(odd)), "the PNG is damaged (");
  odd = kRgbPng;
  odd.color = 3;
  mentions(refusal(make_png(odd)), "palette");
}

TEST_CASE("png: a file without pixels is refused") {
  Bytes png = make_png(kRgbPng);
  png.resize(33);  // signature and header
  ByteWriter empty{png};
  png_chunk(empty, "IDAT", {});
  png_chunk(empty, "IEND", {});
  mentions(refusal(empty.bytes), "no pixels");
}

TEST_CASE("png: a stream that inflates beyond its picture is refused") {
  PngOptions bomb = kRgbPng;
  bomb.rows.resize(1 << 20);
  mentions(refusal(make_png(bomb)), "more memory than its size can need");
}

TEST_CASE("png: Apple's own kind is refused by name") {
  ByteWriter png;
  png.big_endian(0x89504e47, 4);
  png.big_endian(0x0d0a1a0a, 4);
  png_chunk(png, "CgBI", {0, 0, 0, 0});
  mentions(refusal(png.bytes), "CgBI");
}

TEST_CASE("bmp: rows run from bottom to top, or from top to bottom when the height is negative") {
  const Bytes rows = {3, 2, 1, 0, 6, 5, 4, 0};
  CHECK(decode(make_bmp(1, 2, 24, {}, rows)).rgb == Bytes{4, 5, 6, 1, 2, 3});
  CHECK(decode(make_bmp(1, -2, 24, {}, rows)).rgb == Bytes{1, 2, 3, 4, 5, 6});
}

TEST_CASE("bmp: palettes, 16 and 32 bits become rgb") {
  const Bytes palette = {3, 2, 1, 0, 6, 5, 4, 0};
  CHECK(decode(make_bmp(3, 1, 1, palette, {0x40, 0, 0, 0})).rgb == Bytes{1, 2, 3, 4, 5, 6, 1, 2, 3});
  CHECK(decode(make_bmp(2, 1, 4, palette, {0x1f, 0, 0, 0})).rgb == Bytes{4, 5, 6, 0, 0, 0});
  CHECK(decode(make_bmp(2, 1, 8, palette, {1, 0, 0, 0})).rgb == Bytes{4, 5, 6, 1, 2, 3});
  CHECK(decode(make_bmp(1, 1, 32, {}, {3, 2, 1, 0})).rgb == Bytes{1, 2, 3});
  CHECK(decode(make_bmp(1, 1, 16, {}, {0x00, 0x7c, 0, 0})).rgb == Bytes{255, 0, 0});
}

TEST_CASE("bmp: the padding of the last row may be missing, pixels may not") {
  CHECK(decode(make_bmp(1, 1, 24, {}, {3, 2, 1})).rgb == Bytes{1, 2, 3});
  mentions(refusal(make_bmp(1, 1, 24, {}, {3, 2})), "need 57 bytes, the file has 56");
}

TEST_CASE("bmp: run lengths and wide masks are refused by name") {
  Bytes bmp = make_bmp(1, 1, 8, {3, 2, 1, 0}, {0, 0, 0, 0});
  bmp[30] = 1;
  mentions(refusal(bmp), "8 bits a pixel, compression 1");
  bmp = make_bmp(1, 1, 32, {}, Bytes(16, 0xff));
  bmp[30] = 3;
  mentions(refusal(bmp), "more than 8 bits");
}

TEST_CASE("gif: the first picture comes out whole, transparent colors as stored") {
  const Image image = decode(make_gif(2, 1, {1, 2, 3, 4, 5, 6}, {1, 0}));
  CHECK(image.width == 2);
  CHECK(image.height == 1);
  CHECK(image.rgb == Bytes{4, 5, 6, 1, 2, 3});
  CHECK(image.decoder == "stb_image");
}

TEST_CASE("gif: interlaced rows find their places") {
  // Rows are stored in the order 0 8, 4, 2 6, 1 3 5 7.
  Bytes palette, rows = {0, 8, 4, 2, 6, 1, 3, 5, 7}, expected;
  for (uint8_t i = 0; i < 9; ++i) {
    palette.insert(palette.end(), {i, i, i});
    expected.insert(expected.end(), {i, i, i});
  }
  CHECK(decode(make_gif(1, 9, palette, rows, 0x40)).rgb == expected);
}

TEST_CASE("gif: missing pixels are refused") {
  mentions(refusal(make_gif(2, 2, {}, {0, 0, 0})), "a pixel is missing");
  mentions(refusal("GIF89a\1\0\1\0\0\0\0;"sv), "no picture");
}

TEST_CASE("jpeg: flat blocks come out exactly") {
  const Image image = decode(make_jpeg({.blocks = {{90, 128, 128}, {200, 128, 128}}}));
  CHECK(image.width == 16);
  CHECK(image.height == 8);
  CHECK(image.decoder == posy::jpeg_decoder_name());
  CHECK(image.orientation == 1);
  for (size_t i = 0; i < image.rgb.size(); ++i) CHECK(image.rgb[i] == (i % 48 < 24 ? 90 : 200));
}

TEST_CASE("jpeg: gray is replicated") {
  CHECK(decode(make_jpeg({.components = 1, .blocks = {{77}}})).rgb == Bytes(192, 77));
}

TEST_CASE("jpeg: inks of an Adobe file are inverted") {
  const FlatJpeg inks = {.components = 4, .blocks = {{200, 100, 50, 128}}, .adobe = "Adobe\0d\0\0\0\0\0"sv};
  const Image image = decode(make_jpeg(inks));
  CHECK(std::abs(image.rgb[0] - 200 * 128 / 255) <= 1);  // stb_image rounds where TensorFlow cuts
  CHECK(std::abs(image.rgb[1] - 100 * 128 / 255) <= 1);
  CHECK(std::abs(image.rgb[2] - 50 * 128 / 255) <= 1);
}

TEST_CASE("jpeg: inks without an Adobe marker are as printed") {
  const Bytes jpeg = make_jpeg({.components = 4, .blocks = {{200, 100, 50, 128}}});
  if (posy::jpeg_decoder_name() == "stb_image"sv) {
    mentions(refusal(jpeg), "four colors");
  } else {
    const Bytes rgb = decode(jpeg).rgb;
    CHECK(Bytes(rgb.begin(), rgb.begin() + 3) == Bytes{55 * 127 / 255, 155 * 127 / 255, 205 * 127 / 255});
  }
}

TEST_CASE("jpeg: orientation is reported in both byte orders, and never applied") {
  for (const bool big : {false, true}) {
    for (uint32_t orientation = 1; orientation <= 8; ++orientation) {
      const Image image =
          decode(make_jpeg({.blocks = {{90, 128, 128}, {200, 128, 128}}, .exif = make_exif(big, orientation)}));
      CHECK(image.orientation == static_cast<int>(orientation));
      CHECK(image.width == 16);
    }
  }
}

TEST_CASE("jpeg: an orientation that makes no sense counts as 1") {
  for (const bool big : {false, true}) {
    CHECK(decode(make_jpeg({.exif = make_exif(big, 0)})).orientation == 1);
    CHECK(decode(make_jpeg({.exif = make_exif(big, 9)})).orientation == 1);
    CHECK(decode(make_jpeg({.exif = make_exif(big, 6, 4)})).orientation == 1);
    CHECK(decode(make_jpeg({.exif = make_exif(big, 6, 3, 0xffffffff)})).orientation == 1);
    const Bytes exif = make_exif(big, 6);
    for (size_t length = 1; length < exif.size(); ++length) {
      const int orientation =
          decode(make_jpeg({.exif = Bytes(exif.begin(), exif.begin() + static_cast<long>(length))})).orientation;
      CHECK((orientation == 1 || orientation == 6));
    }
  }
}

TEST_CASE("jpeg: a file that is cut off is refused, as TensorFlow does") {
  const Bytes jpeg = make_jpeg();
  for (size_t length = 3; length < jpeg.size(); ++length) {
    CHECK(refusal(std::span(jpeg).first(length)).starts_with("photo.x: the JPEG"));
  }
}

TEST_CASE("jpeg: a file of more than 500 scans is refused") {
  FlatJpeg bomb = {.components = 1, .frame_marker = 0xc2, .empty_scans = 498};
  CHECK(refusal(make_jpeg(bomb)) == "decoded");
  bomb.empty_scans = 501;
  mentions(refusal(make_jpeg(bomb)), "more than 500 scans");
}

TEST_CASE("jpeg: a Huffman table of more than 256 codes is refused") {
  Bytes jpeg = make_jpeg();
  ByteWriter damaged;
  damaged.big_endian(0xffd8, 2);
  Bytes table(17 + 16 * 250, 250);
  table[0] = 0;
  jpeg_segment(damaged, 0xc4, table);
  damaged.append(std::span(jpeg).subspan(2));
  CHECK(refusal(damaged.bytes).starts_with("photo.x: the JPEG"));
}

TEST_CASE("limits: too many pixels are refused before decoding, with the size") {
  for (const auto& [kind, bytes] : one_of_each()) {
    INFO(kind);
    mentions(refusal(bytes, {.max_pixels = 1}), "pixels, more than the limit of 1;");
  }
  PngOptions huge = kRgbPng;
  huge.width = huge.height = 0xffffffff;
  const ImageLimits none = {.max_pixels = ~0ull};
  mentions(refusal(make_png(huge), none), "4294967295 x 4294967295 pixels, more than the limit of 536870912");
}

TEST_CASE("limits: an image without pixels is refused") {
  PngOptions empty = kRgbPng;
  empty.width = 0;
  mentions(refusal(make_png(empty)), "0 x 2 pixels");
  mentions(refusal(make_bmp(0, 1, 24, {}, {})), "0 x 1 pixels");
  mentions(refusal(make_gif(0, 1, {}, {})), "0 x 1 pixels");
  CHECK(refusal(make_jpeg({.blocks = {}})).starts_with("photo.x: the JPEG"));
}

TEST_CASE("limits: a file of too many bytes is refused") {
  mentions(refusal(make_png(kRgbPng), {.max_file_bytes = 50}), "more than the limit of 50;");
}

TEST_CASE("refusal: the sentence says what the bytes are") {
  const std::vector<std::pair<std::string_view, std::string>> kinds = {
      {""sv, "empty (0 bytes)"},
      {"\r\n<!DOCTYPE HTML><title>"sv, "a web page (HTML)"},
      {"<html><body>"sv, "a web page (HTML)"},
      {"RIFF\x10\0\0\0WEBPVP8 "sv, "a WebP image"},
      {"RIFF\x10\0\0\0AVI LIST"sv, "a RIFF file"},
      {"\0\0\0\x18"
       "ftypheic\0\0\0\0"sv,
       "a HEIC photo"},
      {"\0\0\0\x18"
       "ftypmif1\0\0\0\0"sv,
       "a HEIF photo"},
      {"\0\0\0\x18"
       "ftypavif\0\0\0\0"sv,
       "an AVIF image"},
      {"\0\0\0\x18"
       "ftypisom\0\0\0\0"sv,
       "a video"},
      {"II*\0\x08\0\0\0"sv, "a TIFF image"},
      {"MM\0*\0\0\0\x08"sv, "a TIFF image"},
      {"%PDF-1.4"sv, "a PDF document"},
      {"PK\3\4\x14\0"sv, "a ZIP archive"},
      {"\x1f\x8b\x08\0"sv, "a gzip file"},
      {"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"sv, "an SVG drawing"},
      {"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- drawn -->\n<svg>"sv, "an SVG drawing"},
      {"<?xml version=\"1.0\"?><Error><Code>AccessDenied"sv, "an XML document"},
      {"\x0a\x1c\x0a\x05input\x12\x0bPlaceholder\x2a\x06"sv, "a TensorFlow graph"},
      {"node {\n  name: \"input\"\n"sv, "a TensorFlow graph (as text)"},
      {"\x1c\0\0\0TFL3\0\0"sv, "a TensorFlow Lite model"},
      {"\x89POSY\r\n\x1a"sv, "a Posy model"},
      {"version https://git-lfs.github.com/spec/v1\n"sv, "git lfs pull"},
      {"\0\5\x16\7\0\2\0\0Mac OS X"sv, "macOS metadata"},
      {"\0\0\1\0\1\0\x10\x10"sv, "a Windows icon"},
      {"\xff\x0a\xfa\x1f"sv, "a JPEG XL image"},
      {"8BPS\0\1"sv, "a Photoshop document"},
      {"{\"error\": 404}"sv, "JSON text"},
      {"BMW is a maker of cars, and this is no bitmap"sv, "this is text"},
      {"Not Found\n"sv, "this is text"},
      {"Seite nicht gef\xc3\xbcnden"sv, "this is text"},
      {"\0\0\0\0\0\0\0\0\0\0\0\0"sv, "only zero bytes"},
      {"\x01\x02\xfe"sv, "(it begins with 01 02 fe)"},
      {"\xff\xd8"sv, "(it begins with ff d8)"},
      {"\x89PNG"sv, "(it begins with 89 50 4e 47)"},
  };
  for (const auto& [bytes, words] : kinds) mentions(refusal(bytes), words);
}

TEST_CASE("refusal: a missing file is named") {
  try {
    posy::read_image("no/such/photo.jpg");
    FAIL("it was read");
  } catch (const posy::InputError& error) {
    CHECK(std::string(error.what()).find("no/such/photo.jpg") != std::string::npos);
  }
}

TEST_CASE("damage: every truncation of every format is decoded or refused") {
  for (const auto& [kind, bytes] : one_of_each()) {
    INFO(kind);
    CHECK(refusal(bytes) == "decoded");
    // A copy of its own, so that a checker of memory sees a read behind the end.
    for (size_t length = 0; length < bytes.size(); ++length) {
      CHECK(!refusal(Bytes(bytes.begin(), bytes.begin() + static_cast<long>(length))).empty());
    }
  }
}

TEST_CASE("damage: changed bytes are decoded or refused") {
  uint32_t random = 1;
  const auto next = [&random](size_t below) { return (random = random * 1664525 + 1013904223) / 65536 % below; };
  const ImageLimits small = {.max_pixels = 1 << 20};
  for (const auto& [kind, bytes] : one_of_each()) {
    INFO(kind);
    for (int i = 0; i < 1000; ++i) {
      Bytes changed = bytes;
      for (size_t changes = 1 + next(3); changes > 0; --changes)
        changed[next(changed.size())] = static_cast<uint8_t>(next(256));
      CHECK(!refusal(changed, small).empty());
    }
  }
}

TEST_CASE("inflate: exactly as many bytes come out as are asked for") {
  const auto inflates = [](const Bytes& deflate, size_t count, const Bytes& expected = {}) {
    Bytes out(count);
    const bool inflated = posy::inflate_raw(deflate, out);
    if (inflated && !expected.empty()) CHECK(out == expected);
    return inflated;
  };
  const Bytes stored = {1, 3, 0, 0xfc, 0xff, 7, 8, 9};
  CHECK(inflates(stored, 3, {7, 8, 9}));
  CHECK(!inflates(stored, 2));
  CHECK(!inflates(stored, 4));
  const Bytes fixed_codes = {0x4b, 0x04, 0x00};  // "a", with nothing behind the stream
  CHECK(inflates(fixed_codes, 1, {'a'}));
  CHECK(inflates({0x4b, 0x04, 0x00, 1, 2, 3, 4}, 1, {'a'}));
  CHECK(inflates({0x03, 0x00}, 0));
  CHECK(!inflates({}, 1));
  CHECK(!inflates({0x07}, 1));
}

TEST_CASE("collected files: each is decoded or refused with a sentence that names it") {
  const std::filesystem::path folder = std::filesystem::path(POSY_SOURCE_DIR) / "../shared/data/images/formats";
  if (!std::filesystem::is_directory(folder)) {
    MESSAGE("skipped: the collection of image files (shared/data/images/formats) is not beside the project");
    return;
  }
  int decoded = 0, refused = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().string();
    INFO(path);
    try {
      const Image image = posy::read_image(path);
      CHECK(image.rgb.size() == size_t{image.width} * image.height * 3);
      CHECK(!image.rgb.empty());
      ++decoded;
    } catch (const posy::InputError& error) {
      CHECK(std::string(error.what()).starts_with(path + ": "));
      CHECK(std::string(error.what()).size() > path.size() + 20);
      ++refused;
    }
  }
  MESSAGE(decoded << " decoded, " << refused << " refused");
  CHECK(decoded > 0);
}
