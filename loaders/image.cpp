// Image files become pixels: tells the format by content, or what else the bytes are.
#include "loaders/image.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <string_view>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/image_decoders.h"

namespace posy {
namespace {

using namespace std::string_view_literals;

// The container formats and libraries count in 32 bits; TensorFlow refuses larger images, too.
constexpr uint64_t kMostPixels = 1ull << 29;

constexpr const char* kConvert = "convert it to JPEG or PNG";
constexpr const char* kFetchPicture = "fetch the picture itself as JPEG or PNG";
constexpr const char* kUnpack = "unpack it first";
constexpr const char* kModel = "give it as the model, not as the image";

struct Signature {
  size_t at;
  std::string_view bytes;
  const char* what;
  const char* advice;
};

// Longer signatures stand before shorter ones that begin alike.
constexpr auto kSignatures = std::to_array<Signature>({
    {8, "WEBP"sv, "a WebP image", kConvert},
    {4, "ftyphe"sv, "a HEIC photo", kConvert},
    {4, "ftypmif1"sv, "a HEIF photo", kConvert},
    {4, "ftypmsf1"sv, "a HEIF photo", kConvert},
    {4, "ftypavi"sv, "an AVIF image", kConvert},
    {4, "ftypcrx"sv, "a raw photo of a camera (CR3)", kConvert},
    {4, "ftyp"sv, "a video (MP4 or QuickTime)", "take one frame of it as JPEG or PNG"},
    {4, "TFL3"sv, "a TensorFlow Lite model", kModel},
    {0, "\x89POSY"sv, "a Posy model", kModel},
    {0, "\x8aMNG"sv, "an MNG animation", kConvert},
    {0, "\x8bJNG"sv, "a JNG image", kConvert},
    {0, "II*\0"sv, "a TIFF image or a camera's raw photo", kConvert},
    {0, "MM\0*"sv, "a TIFF image or a camera's raw photo", kConvert},
    {0, "II+\0"sv, "a TIFF image", kConvert},
    {0, "MM\0+"sv, "a TIFF image", kConvert},
    {0, "\0\0\0\x0cJXL \r\n"sv, "a JPEG XL image", kConvert},
    {0, "\xff\x0a"sv, "a JPEG XL image", kConvert},
    {0, "\0\0\0\x0cjP  "sv, "a JPEG 2000 image", kConvert},
    {0, "\xff\x4f\xff\x51"sv, "a JPEG 2000 image", kConvert},
    {0, "8BPS"sv, "a Photoshop document", kConvert},
    {0, "\0\0\1\0"sv, "a Windows icon", kConvert},
    {0, "\0\0\2\0"sv, "a Windows cursor", kConvert},
    {0, "\0\5\x16\7"sv, "macOS metadata (the name begins with \"._\")", "give the file without \"._\""},
    {0, "RIFF"sv, "a RIFF file (AVI or WAV)", kFetchPicture},
    {0, "%PDF"sv, "a PDF document", "save its page as JPEG or PNG"},
    {0, "%!PS"sv, "a PostScript document", kConvert},
    {0, "PK\3\4"sv, "a ZIP archive", kUnpack},
    {0, "PK\5\6"sv, "an empty ZIP archive", kFetchPicture},
    {0, "\x1f\x8b"sv, "a gzip file", kUnpack},
    {0, "BZh"sv, "a bzip2 file", kUnpack},
    {0,
     "\xfd"
     "7zXZ"sv,
     "an xz file", kUnpack},
    {0, "7z\xbc\xaf"sv, "a 7z archive", kUnpack},
    {0, "Rar!"sv, "a RAR archive", kUnpack},
});

// Looked for, ignoring case, where a text begins.
constexpr auto kTextBeginnings = std::to_array<Signature>({
    {0, "<!doctype html"sv, "a web page (HTML)", kFetchPicture},
    {0, "<html"sv, "a web page (HTML)", kFetchPicture},
    {0, "<head"sv, "a web page (HTML)", kFetchPicture},
    {0, "<svg"sv, "an SVG drawing", kConvert},
    {0, "<?xml"sv, "an XML document", kFetchPicture},
    {0, "version https://git-lfs"sv, "a pointer of Git LFS", "run git lfs pull to fetch the picture"},
    {0, "node {"sv, "a TensorFlow graph (as text)", kModel},
    {0, "node{"sv, "a TensorFlow graph (as text)", kModel},
    {0, "data:image"sv, "a data URL", "decode its base64 part to a file"},
    {0, "{"sv, "JSON text", kFetchPicture},
});

bool has_at(std::string_view text, size_t at, std::string_view what) {
  return text.size() >= at && text.substr(at).starts_with(what);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// A GraphDef begins with a node (field 1, a length), and a node with its name (field 1, a length, printable
// characters).
bool looks_like_graph(std::string_view text) {
  if (!text.starts_with('\n')) return false;
  size_t at = 1;
  while (at < text.size() && at < 6 && (text[at] & 0x80)) ++at;
  if (!has_at(text, at + 1, "\n")) return false;
  const size_t name_at = at + 3;
  if (name_at > text.size()) return false;
  const size_t name_bytes = static_cast<unsigned char>(text[name_at - 1]);
  const auto name = text.substr(name_at, name_bytes);
  return name_bytes > 0 && name.size() == name_bytes &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isprint(c); });
}

// UTF-8 without control characters, as far as `text` goes.
bool looks_like_text(std::string_view text) {
  int continuation_bytes = 0;
  for (const char signed_c : text) {
    const auto c = static_cast<unsigned char>(signed_c);
    if (continuation_bytes > 0) {
      if ((c & 0xc0) != 0x80) return false;
      --continuation_bytes;
    } else if (c >= 0x80) {
      if (c < 0xc2 || c > 0xf4) return false;
      continuation_bytes = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    } else if (c < 9 || (c > 13 && c < 32) || c == 127) {
      return false;
    }
  }
  return true;
}

std::string first_bytes(std::string_view text) {
  std::string hex;
  for (const char c : text.substr(0, 8)) {
    char two[4];
    std::snprintf(two, sizeof two, " %02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    hex += two;
  }
  return hex;
}

// "this is a ..., not ...; do ...", for bytes that are none of the four formats.
std::string describe(std::string_view text) {
  const auto sentence = [](const char* what, const char* advice) {
    return std::string("this is ") + what + ", not a JPEG, PNG, BMP or GIF image; " + advice;
  };
  for (const auto& s : kSignatures) {
    if (has_at(text, s.at, s.bytes)) return sentence(s.what, s.advice);
  }
  std::string_view beginning = text.substr(0, 1024);  // enough for the tag behind an XML declaration
  if (looks_like_graph(beginning)) return sentence("a TensorFlow graph", kModel);
  if (beginning.find_first_not_of('\0') == beginning.npos) {
    return sentence("only zero bytes at its beginning", "fetch the file again: a copy or download went wrong");
  }
  if (beginning.starts_with("\xef\xbb\xbf")) beginning.remove_prefix(3);  // byte order mark
  beginning.remove_prefix(std::min(beginning.find_first_not_of(" \t\r\n"), beginning.size()));
  const std::string lower = lower_case(beginning);
  if (lower.starts_with("<?xml") && lower.find("<svg") != lower.npos) return sentence("an SVG drawing", kConvert);
  for (const auto& s : kTextBeginnings) {
    if (has_at(lower, s.at, s.bytes)) return sentence(s.what, s.advice);
  }
  if (looks_like_text(beginning)) return sentence("text", kFetchPicture);
  return "this is not a JPEG, PNG, BMP or GIF image, and no format that is known here (it begins with" +
         first_bytes(text) + "); convert it to JPEG or PNG";
}

// "BM" alone begins many a text; the size of the second header must be one that exists.
bool looks_like_bmp(std::span<const uint8_t> bytes) {
  ByteReader in(bytes, 14);
  const uint32_t header_bytes = in.little_endian(4);
  constexpr std::array<uint32_t, 8> kSizes = {12, 16, 40, 52, 56, 64, 108, 124};
  return bytes[0] == 'B' && in.ok() && bytes[1] == 'M' &&
         std::find(kSizes.begin(), kSizes.end(), header_bytes) != kSizes.end();
}

}  // namespace

void refuse_image(const std::string& name, const std::string& what) {
  throw InputError(name + ": " + what);
}

void refuse_damaged(const std::string& name, const std::string& what) {
  refuse_image(name, what + "; fetch the file again or convert it to JPEG or PNG");
}

void check_image_size(const std::string& name, const char* format, uint64_t width, uint64_t height,
                      const ImageLimits& limits) {
  const std::string size = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (width == 0 || height == 0) refuse_damaged(name, std::string("the ") + format + " has " + size);
  const uint64_t most = std::min(limits.max_pixels, kMostPixels);
  if (width > most / height) {
    refuse_image(name, std::string("the ") + format + " has " + size + ", more than the limit of " +
                           std::to_string(most) + "; make it smaller, or raise the limit (--max-megapixels)");
  }
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  if (bytes.empty()) refuse_image(name, "the file is empty (0 bytes); fetch it again");
  if (bytes.size() > limits.max_file_bytes) {
    refuse_image(name, "the file has " + std::to_string(bytes.size()) + " bytes, more than the limit of " +
                           std::to_string(limits.max_file_bytes) + "; make the image smaller");
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xff\xd8\xff")) return decode_jpeg(bytes, name, limits);
  if (text.starts_with("\x89PNG\r\n\x1a\n")) return decode_png(bytes, name, limits);
  if (text.starts_with("GIF87a") || text.starts_with("GIF89a")) return decode_gif(bytes, name, limits);
  if (looks_like_bmp(bytes)) return decode_bmp(bytes, name, limits);
  refuse_image(name, describe(text));
}

posy_image pixels_of(const Image& image) {
  posy_image pixels = {};
  pixels.format = POSY_RGB;
  pixels.width = image.width;
  pixels.height = image.height;
  pixels.plane[0] = image.rgb.data();
  pixels.stride[0] = (size_t)image.width * 3;
  return pixels;
}

Image read_image(const std::string& path, const ImageLimits& limits) {
  return decode_image(read_file(path, limits.max_file_bytes), path, limits);
}

}  // namespace posy
