// Pictures in another size, as the programs around a model make them.
#pragma once
#include <cstdint>
#include <vector>

#include "loaders/image.h"

namespace posy {

enum class Resampling : uint8_t {
  // TensorFlow's ResizeBilinear as the retrain scripts call it: output x reads at x * scale, without half-pixel
  // centres. What posy_set_image() does, to the bit.
  kLegacyBilinear,
  kBilinear,  // between the four nearest pixel centres: a GPU's texture filter
  kNearest,   // the pixel in which the output pixel's centre lies: Android's Canvas without a filter, Pillow's NEAREST
  // Pillow's LANCZOS: windowed sinc over 3 lobes, made wider by the scale when it shrinks, in fixed point, rounded to
  // bytes after the columns and after the rows. To the byte where it shrinks both; Pillow 13 was seen to take the rows
  // first where it enlarges.
  kLanczos,
};

// A part of a picture, in pixels; may begin and end inside one.
struct Box {
  double left, top, width, height;
};

// The box of `image` in out_h x out_w pixels: out_h x out_w x 3 values from 0 to 255.
std::vector<float> resample(const Image& image, const Box& box, uint32_t out_h, uint32_t out_w, Resampling method);

}  // namespace posy
