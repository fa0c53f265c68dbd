// posy_set_image(): from camera or photo pixels to the model's input.
#include "engine/engine.h"
#include "kernels/int8_ending.hpp"

namespace posy {
namespace {

struct Rgb {
  uint8_t r, g, b;
};

uint8_t to_byte(int32_t x) {
  return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

// BT.601 in 16.16 fixed point. Video range: Y' = 1.164383 (Y - 16), U and V scaled by 255/224 of the full-range
// factors 1.402, 0.344136, 0.714136, 1.772. Integers, so the same bytes everywhere.
Rgb yuv_to_rgb(int32_t y, int32_t u, int32_t v, bool full_range) {
  u -= 128;
  v -= 128;
  const int32_t half = 1 << 15;
  const int32_t luma = (full_range ? y * 65536 : (y - 16) * 76309) + half;
  const int32_t r = full_range ? 91881 * v : 104597 * v;
  const int32_t g = full_range ? -22554 * u - 46802 * v : -25675 * u - 53279 * v;
  const int32_t b = full_range ? 116130 * u : 132201 * u;
  return {to_byte((luma + r) >> 16), to_byte((luma + g) >> 16), to_byte((luma + b) >> 16)};
}

// round(x * 255 / 31) of the 5 bits of red and blue, round(x * 255 / 63) of the 6 of green.
Rgb rgb_of_565(uint32_t low, uint32_t high) {
  const uint32_t r = high >> 3, g = (high & 7) << 3 | low >> 5, b = low & 31;
  return {(uint8_t)((r * 527 + 23) >> 6), (uint8_t)((g * 259 + 33) >> 6), (uint8_t)((b * 527 + 23) >> 6)};
}

Rgb pixel_at(const posy_image& image, uint32_t x, uint32_t y) {
  const uint8_t* row = image.plane[0] + y * image.stride[0];
  const uint8_t* chroma = image.plane[1];
  const size_t cx = x / 2, cy = y / 2;
  switch (image.format) {
    case POSY_RGB:
      row += (size_t)x * 3;
      return {row[0], row[1], row[2]};
    case POSY_RGBA:
      row += (size_t)x * 4;
      return {row[0], row[1], row[2]};
    case POSY_GRAY:
      return {row[x], row[x], row[x]};
    case POSY_NV12:
      chroma += cy * image.stride[1] + cx * 2;
      return yuv_to_rgb(row[x], chroma[0], chroma[1], image.full_range != 0);
    case POSY_NV21:
      chroma += cy * image.stride[1] + cx * 2;
      return yuv_to_rgb(row[x], chroma[1], chroma[0], image.full_range != 0);
    case POSY_RGB565:
      row += (size_t)x * 2;
      return rgb_of_565(row[0], row[1]);
    case POSY_RGB565_BE:
      row += (size_t)x * 2;
      return rgb_of_565(row[1], row[0]);
    default:
      return yuv_to_rgb(row[x], chroma[cy * image.stride[1] + cx], image.plane[2][cy * image.stride[2] + cx],
                        image.full_range != 0);
  }
}

// The upright picture: EXIF orientation o says that its first row and column lie, in storage, at the
// 1 top left, 2 top right, 3 bottom right, 4 bottom left, 5 left top, 6 right top, 7 right bottom, 8 left bottom.
struct Upright {
  const posy_image& image;
  uint32_t orientation;

  bool is_turned() const { return orientation >= 5; }
  uint32_t width() const { return is_turned() ? image.height : image.width; }
  uint32_t height() const { return is_turned() ? image.width : image.height; }

  // One copy of it: it is long, and the usual picture goes another way.
  __attribute__((noinline)) Rgb at(uint32_t x, uint32_t y) const {
    const uint32_t right = image.width - 1, bottom = image.height - 1;
    switch (orientation) {
      case 2:
        return pixel_at(image, right - x, y);
      case 3:
        return pixel_at(image, right - x, bottom - y);
      case 4:
        return pixel_at(image, x, bottom - y);
      case 5:
        return pixel_at(image, y, x);
      case 6:
        return pixel_at(image, y, bottom - x);
      case 7:
        return pixel_at(image, right - y, bottom - x);
      case 8:
        return pixel_at(image, right - y, x);
      default:
        return pixel_at(image, x, y);
    }
  }
};

// One axis of TensorFlow's legacy bilinear resize (ResizeBilinear with align_corners and half_pixel_centers false).
struct ResizeAxis {
  uint32_t in_size;
  float scale;

  ResizeAxis(uint32_t in, uint32_t out) : in_size(in), scale((float)in / (float)out) {}
};

struct ResizeTap {
  uint32_t lower, upper;
  float lerp;

  ResizeTap(uint32_t out, const ResizeAxis& axis) {
    const float in = (float)out * axis.scale;
    lower = (uint32_t)in;
    if (lower > axis.in_size - 1) lower = axis.in_size - 1;
    upper = lower + 1 < axis.in_size ? lower + 1 : axis.in_size - 1;
    lerp = in - (float)lower;
  }
};

// A few pixels of a row of the input, channel by channel: loops over them become vectors on every target.
constexpr uint32_t kStripPixels = 16, kStripValues = 3 * kStripPixels;

struct Strip {
  float corner[4][kStripValues];  // top left, top right, low left, low right
  float lerp[kStripValues];       // of the columns
};

struct Preprocess {
  const ModelRecord& record;
  uint32_t channels;  // of the model: 1 or 3
  // Of every value of a strip; the inverse once, not for each of a pixel's four samples.
  float mean[kStripValues], std[kStripValues], inverse_std[kStripValues];

  Preprocess(const ModelRecord& r, uint32_t c) : record(r), channels(c) {
    for (uint32_t i = 0; i < kStripValues; ++i) {
      mean[i] = r.mean[i % c];
      std[i] = r.std[i % c];
      inverse_std[i] = 1.0f / r.std[i % c];
    }
  }

  void put_sample(Rgb p, float* to) const {
    if (channels == 1) {
      to[0] = (float)((299u * p.r + 587u * p.g + 114u * p.b + 500u) / 1000u);
      return;
    }
    to[0] = (float)p.r;
    to[1] = (float)p.g;
    to[2] = (float)p.b;
  }

  void gather(const Upright& upright, const ResizeAxis& columns, Range xs, const ResizeTap& y, Strip* strip) const {
    // The usual picture, upright and RGB, without a choice for each sample.
    const bool is_plain = upright.image.format == POSY_RGB && upright.orientation <= 1;
    const uint8_t* top = upright.image.plane[0] + y.lower * upright.image.stride[0];
    const uint8_t* low = upright.image.plane[0] + y.upper * upright.image.stride[0];
    for (uint32_t x = xs.begin; x < xs.end; ++x) {
      const ResizeTap tap(x, columns);
      const uint32_t at = (x - xs.begin) * channels;
      for (uint32_t c = 0; c < channels; ++c) strip->lerp[at + c] = tap.lerp;
      if (is_plain) {
        const uint8_t* const at_corner[4] = {top + (size_t)tap.lower * 3, top + (size_t)tap.upper * 3,
                                             low + (size_t)tap.lower * 3, low + (size_t)tap.upper * 3};
        for (int i = 0; i < 4; ++i)
          put_sample({at_corner[i][0], at_corner[i][1], at_corner[i][2]}, strip->corner[i] + at);
      } else {
        for (int i = 0; i < 4; ++i) {
          const Rgb p = upright.at(i % 2 ? tap.upper : tap.lower, i < 2 ? y.lower : y.upper);
          put_sample(p, strip->corner[i] + at);
        }
      }
    }
  }

  // The input's values of columns [xs.begin, xs.end), at most kStripPixels; `out` has room for kStripValues.
  void make(const Upright& upright, const ResizeAxis& columns, Range xs, const ResizeTap& y, float* out) const {
    Strip s = {};  // loops go through all of it, also where the row ends before
    gather(upright, columns, xs, y, &s);
    // TF-Hub's order comes with its own arithmetic: convert_image_dtype multiplies.
    for (uint32_t k = 0; record.normalize_first && k < 4; ++k) {
      for (uint32_t i = 0; i < kStripValues; ++i) s.corner[k][i] = (s.corner[k][i] - mean[i]) * inverse_std[i];
    }
    for (uint32_t i = 0; i < kStripValues; ++i) {
      const float top = s.corner[0][i] + (s.corner[1][i] - s.corner[0][i]) * s.lerp[i];
      const float low = s.corner[2][i] + (s.corner[3][i] - s.corner[2][i]) * s.lerp[i];
      out[i] = top + (low - top) * y.lerp;
    }
    if (record.normalize_first) return;
    for (uint32_t i = 0; i < kStripValues; ++i) out[i] = (out[i] - mean[i]) / std[i];
  }
};

// The model's input: floats as they are, or codes, round(value / scale) + zero_point. It is no ring.
struct Input {
  Tensor floats;     // data is null if the input is
  ByteTensor codes;  // these
  float inverse_scale;

  explicit Input(const Engine& engine)
      : floats(bind_tensor(engine.model.input(), engine.arena)),
        codes(bind_byte_tensor(engine.model.input(), engine.arena)),
        inverse_scale(1.0f / engine.model.input().scale) {
    if (is_u8(engine.model.input())) floats.data = nullptr;
  }

  // `at`: the first pixel's first element.
  void put(size_t at, const float* values, uint32_t pixels) const {
    for (uint32_t p = 0; p < pixels; ++p, at += floats.pixel_stride) {
      for (uint32_t c = 0; c < floats.c; ++c, ++values) {
        if (floats.data) {
          floats.data[at + c] = *values;
        } else {
          codes.data[at + c] = code(*values);
        }
      }
    }
  }

  uint8_t code(float value) const {
    const Clamp all = {-(float)codes.zero_point, 255.0f - (float)codes.zero_point};
    return int8_code({all, codes.zero_point}, value == value ? value * inverse_scale : 0.0f);
  }
};

// The columns of the input that one thread makes: those that it will read when the first layer runs in bands.
struct ImageTask {
  const Input& input;
  const Preprocess& preprocess;
  const Upright& upright;
  uint32_t parts;

  static void run(void* self, uint32_t part) {
    const ImageTask& t = *(const ImageTask*)self;
    const uint32_t h = t.input.floats.h, w = t.input.floats.w;
    const ResizeAxis rows(t.upright.height(), h), columns(t.upright.width(), w);
    const Range mine = share({0, w}, 1, part, t.parts);
    for (uint32_t y = 0; y < h; ++y) {
      const ResizeTap row(y, rows);
      for (uint32_t x = mine.begin; x < mine.end; x += kStripPixels) {
        const Range xs = {x, x + kStripPixels < mine.end ? x + kStripPixels : mine.end};
        float values[kStripValues];
        t.preprocess.make(t.upright, columns, xs, row, values);
        t.input.put(((size_t)y * w + x) * t.input.floats.pixel_stride, values, xs.end - xs.begin);
      }
    }
  }
};

// Bytes that a row of plane `index` takes; 0 if the format has no such plane.
size_t plane_row_bytes(const posy_image& image, uint32_t index) {
  const size_t width = image.width, half = (width + 1) / 2;
  switch (image.format) {
    case POSY_RGB:
      return index == 0 ? width * 3 : 0;
    case POSY_RGBA:
      return index == 0 ? width * 4 : 0;
    case POSY_GRAY:
      return index == 0 ? width : 0;
    case POSY_RGB565:
    case POSY_RGB565_BE:
      return index == 0 ? width * 2 : 0;
    case POSY_NV12:
    case POSY_NV21:
      return index == 0 ? width : index == 1 ? half * 2 : 0;
    default:
      return index == 0 ? width : half;
  }
}

posy_status check_image(const Model& model, const posy_image& image) {
  if (image.format < POSY_RGB || image.format > POSY_RGB565_BE || image.orientation > 8) return POSY_BAD_IMAGE_FORMAT;
  if (model.input().c != 3 && model.input().c != 1) return POSY_BAD_IMAGE_FORMAT;
  if (image.width < 1 || image.width > 0xffff || image.height < 1 || image.height > 0xffff) return POSY_BAD_IMAGE;
  for (uint32_t i = 0; i < 3; ++i) {
    const size_t row_bytes = plane_row_bytes(image, i);
    if (row_bytes > 0 && (!image.plane[i] || image.stride[i] < row_bytes)) return POSY_BAD_IMAGE;
  }
  return POSY_OK;
}

}  // namespace
}  // namespace posy

using namespace posy;

extern "C" posy_status posy_set_image(posy_engine* opaque, const posy_image* image) {
  if (!is_open(opaque)) return POSY_NOT_OPEN;
  if (!image) return POSY_NULL_ARGUMENT;
  Engine* engine = engine_of(opaque);
  if (posy_status status = check_image(engine->model, *image)) return status;
  const Input input(*engine);
  const Upright upright = {*image, image->orientation};
  const Preprocess preprocess(*engine->model.record, input.floats.c);
  ImageTask task = {input, preprocess, upright, engine->options.threads};
  spread(*engine, ImageTask::run, &task, task.parts);
  engine->has_input = true;
  engine->has_scores = false;
  return POSY_OK;
}

extern "C" float* posy_input(posy_engine* opaque) {
  if (!is_open(opaque) || is_u8(engine_of(opaque)->model.input())) return nullptr;
  Engine* engine = engine_of(opaque);
  engine->has_input = true;
  engine->has_scores = false;
  return bind_tensor(engine->model.input(), engine->arena).data;
}

extern "C" uint8_t* posy_input_codes(posy_engine* opaque, posy_codes* codes) {
  if (!is_open(opaque) || !codes || !is_u8(engine_of(opaque)->model.input())) return nullptr;
  Engine* engine = engine_of(opaque);
  const TensorRecord& record = engine->model.input();
  *codes = {record.pixel_stride, record.scale, record.zero_point};
  engine->has_input = true;
  engine->has_scores = false;
  return bind_byte_tensor(record, engine->arena).data;
}

extern "C" posy_shape posy_input_shape(const posy_engine* opaque) {
  if (!is_open(opaque)) return {0, 0, 0};
  const TensorRecord& in = engine_of(opaque)->model.input();
  return {in.h, in.w, in.c};
}
