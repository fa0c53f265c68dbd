// Small pictures for pages that need nothing but themselves.
#pragma once
#include <cstdint>
#include <functional>
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

// Of each of `count` pictures, which several threads ask for at once; one that picture() throws an InputError for has
// no thumbnail.
std::vector<Thumbnail> thumbnails_of(size_t count, const std::function<Image(size_t)>& picture, uint32_t side,
                                     uint32_t threads);

// "data:image/png;base64,iVBORw0..."
std::string data_url(const std::string& type, const std::vector<uint8_t>& bytes);

}  // namespace posy
