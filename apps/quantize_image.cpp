// posy quantize-image: what rounding to a few values does, on a picture that one can see.
#include <cstdio>
#include <filesystem>
#include <optional>

#include "apps/commands.h"
#include "apps/json.h"
#include "loaders/file.h"
#include "loaders/write_png.h"

namespace posy {
namespace {

constexpr uint32_t kDefaultColors = 32;  // the tutorial's picture

std::string lower_case_suffix(const std::string& path) {
  std::string suffix = std::filesystem::path(path).extension().string();
  for (char& c : suffix) c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
  return suffix;
}

void check_output(const std::string& input, const std::string& output) {
  std::error_code ignored;
  if (output == input || std::filesystem::equivalent(input, output, ignored))
    throw UsageError("the output " + output + " would replace the picture; name another");
  if (lower_case_suffix(output) != ".png")
    throw UsageError("quantize-image writes PNG: the output has to end in .png, and " + output + " does not");
}

struct Rounded {
  Image image;
  std::vector<uint8_t> png;  // what is written
  bool has_palette = false;
};

Rounded rounded_as_asked(const Image& image, const Args& args) {
  const std::optional<uint32_t> levels = args.number("levels", 2, 256);
  const uint32_t colors = args.number("colors", 2, kMaxColors).value_or(kDefaultColors);
  const Image of_levels = levels ? with_levels(image, *levels) : Image();
  const PalettePicture picture = levels ? as_palette(of_levels) : with_palette(image, colors);
  if (picture.colors.empty()) return {of_levels, png_of(of_levels)};
  return {as_rgb(picture, image.width, image.height), png_of(picture, image.width, image.height), true};
}

// The same picture before and after, in the same form, shows what compression gains: what the tutorial is about.
struct Sizes {
  size_t colors_before, colors, rgb_before, rgb, png;
};

void print_sizes(const Image& image, const Sizes& sizes, bool has_palette) {
  const auto line = [](const std::string& what, size_t bytes) {
    std::printf("  %-46s %9zu bytes\n", what.c_str(), bytes);
  };
  std::printf("%u x %u pixels, %zu colours, now %zu\n", image.width, image.height, sizes.colors_before, sizes.colors);
  line("before, as PNG with 24 bits a pixel", sizes.rgb_before);
  line("now, in the same form: it compresses better", sizes.rgb);
  if (has_palette) line("now, as PNG with a palette: what was written", sizes.png);
}

Json json_of(const Args& args, const Image& image, const Sizes& sizes) {
  return {{"image", args.words()[0]},
          {"output", args.words()[1]},
          {"w", image.width},
          {"h", image.height},
          {"colors_before", sizes.colors_before},
          {"colors", sizes.colors},
          {"rgb_png_bytes_before", sizes.rgb_before},
          {"rgb_png_bytes", sizes.rgb},
          {"png_bytes", sizes.png}};
}

void check_usage(const Args& args) {
  if (args.words().size() != 2) throw UsageError("quantize-image takes a picture and the name of the PNG to write");
  if (args.has("levels") && args.has("colors")) throw UsageError("--colors and --levels: one of the two");
  args.number("levels", 2, 256);
  args.number("colors", 2, kMaxColors);
  check_output(args.words()[0], args.words()[1]);
}

int run(const Args& args) {
  check_usage(args);
  const Image image = upright(read_image(args.words()[0]));
  const Rounded rounded = rounded_as_asked(image, args);
  write_file(args.words()[1], rounded.png);
  const Sizes sizes = {count_colors(image), count_colors(rounded.image), png_of(image).size(),
                       png_of(rounded.image).size(), rounded.png.size()};
  if (args.has("json")) {
    print_json(json_of(args, image, sizes));
  } else {
    print_sizes(image, sizes, rounded.has_palette);
  }
  return 0;
}

}  // namespace

const Command& quantize_image_command() {
  static const Command command = {
      "quantize-image",
      "posy quantize-image IN OUT.png [--colors N] [flags]",
      "a picture in few colours: what rounding to few values does, to see",
      {
          {"colors", "N",
           "palette of N colours chosen for the picture, 2 to 256 (32, as in the tutorial); no dithering"},
          {"levels", "N", "instead, round red, green and blue to N levels each, as --weights-rounded does to weights"},
          {"json", nullptr, "as JSON"},
      },
      run,
      R"(  posy quantize-image daisy.jpg few.png --colors 32
)",
  };
  return command;
}

}  // namespace posy
