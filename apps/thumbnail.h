// Small pictures for pages that need nothing but themselves.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loaders/image.h"

namespace posy {

struct Thumbnail {
  uint32_t width = 0, height = 0;
  std::string url;  // "data:image/jpeg;base64,..."; empty if the photo cannot be read
};

// At most `side` pixels high and wide, each the mean of those that it stands for; never larger than the photo. Shown as
// it lies in the file, which is how models see it (EXIF orientation ignored).
Image reduced(const Image& image, uint32_t side);

// Of each photo; decodes on several threads.
std::vector<Thumbnail> thumbnails_of(const std::vector<std::string>& paths, uint32_t side, uint32_t threads);

// "data:image/png;base64,iVBORw0..."
std::string data_url(const std::string& type, const std::vector<uint8_t>& bytes);

}  // namespace posy
