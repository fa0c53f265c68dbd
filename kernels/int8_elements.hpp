// Integer ops without weights: pools, sums and products of two tensors, functions of one code, and the way from floats
// to codes and back. Plain loops, of which compilers make vectors.
#pragma once
#include "kernels/element_loops.hpp"
#include "kernels/int8_ending.hpp"

namespace posy {
namespace {

// Channels at a time, so that their sums stay in registers or the nearest cache.
constexpr uint32_t kPoolChannels = 64;

struct Int8PoolWindow {
  Range rows, columns;  // of the input

  Int8PoolWindow(const Int8PoolArgs& args, uint32_t y, uint32_t x) {
    const Window& w = args.window;
    const int64_t in_y = window_origin(y, w.stride_h, w.pad_top), in_x = window_origin(x, w.stride_w, w.pad_left);
    const Range i = valid_taps(in_y, w.k_h, 1, args.in.h), j = valid_taps(in_x, w.k_w, 1, args.in.w);
    rows = {(uint32_t)(in_y + i.begin), (uint32_t)(in_y + i.end)};
    columns = {(uint32_t)(in_x + j.begin), (uint32_t)(in_x + j.end)};
  }
  uint32_t count() const { return (rows.end - rows.begin) * (columns.end - columns.begin); }
};

// Calls pool(window, channels, out) for pieces of this part's outputs.
template <class Pool>
inline void for_each_pool(const Int8PoolArgs& args, const Task& task, Pool pool) {
  const Region part = region(task, args.out, divide_up(args.out.c, kPanelLanes));
  const Range all = {part.groups.begin * kPanelLanes, min_u32(args.out.c, part.groups.end * kPanelLanes)};
  for (uint32_t y = part.rows.begin; y < part.rows.end; ++y) {
    for (uint32_t x = part.columns.begin; x < part.columns.end; ++x) {
      const Int8PoolWindow window(args, y, x);
      uint8_t* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
      for (uint32_t c = all.begin; c < all.end; c += kPoolChannels) {
        pool(window, Range{c, min_u32(all.end, c + kPoolChannels)}, out + c);
      }
    }
  }
}

// Folds the pixels of a window into `value`, channel by channel.
template <class T, class Fold>
inline void fold_window(const Int8PoolArgs& args, const Int8PoolWindow& window, Range channels, T* value, Fold fold) {
  const uint32_t count = channels.end - channels.begin;
  for (uint32_t y = window.rows.begin; y < window.rows.end; ++y) {
    const uint8_t* pixel = args.in.row(y) + (size_t)window.columns.begin * args.in.pixel_stride + channels.begin;
    for (uint32_t x = window.columns.begin; x < window.columns.end; ++x, pixel += args.in.pixel_stride) {
      if (count == kPoolChannels) {  // whole vectors
        POSY_INDEPENDENT for (uint32_t c = 0; c < kPoolChannels; ++c) value[c] = fold(value[c], pixel[c]);
      } else {
        POSY_INDEPENDENT for (uint32_t c = 0; c < count; ++c) value[c] = fold(value[c], pixel[c]);
      }
    }
  }
}

// Sum: 16 bits hold those of up to 257 pixels.
template <class Sum>
inline void average_codes(const Int8PoolArgs& args, const Int8PoolWindow& window, Range channels, uint8_t* out) {
  Sum sums[kPoolChannels] = {};
  fold_window(args, window, channels, sums, [](Sum sum, uint8_t code) { return (Sum)(sum + code); });
  const int32_t zeros = (int32_t)(window.count() * args.in.zero_point);
  const float multiplier = args.multiplier / (float)window.count();
  uint8_t codes[kPoolChannels];
  POSY_INDEPENDENT for (uint32_t c = 0; c < kPoolChannels; ++c) {
    codes[c] = int8_code(args.ending, (float)((int32_t)sums[c] - zeros) * multiplier);
  }
  memcpy(out, codes, channels.end - channels.begin);
}

inline void int8_average_pool_loops(const Int8PoolArgs& args, const Task& task) {
  for_each_pool(args, task, [&](const Int8PoolWindow& window, Range channels, uint8_t* out) {
    if (window.count() <= 257) {
      average_codes<uint16_t>(args, window, channels, out);
    } else {
      average_codes<uint32_t>(args, window, channels, out);
    }
  });
}

inline void int8_max_pool_loops(const Int8PoolArgs& args, const Task& task) {
  const uint8_t low = low_code(args.ending), high = (uint8_t)((int32_t)args.ending.clamp.high + args.ending.zero);
  for_each_pool(args, task, [&](const Int8PoolWindow& window, Range channels, uint8_t* out) {
    uint8_t most[kPoolChannels] = {};
    fold_window(args, window, channels, most, [](uint8_t a, uint8_t b) { return a > b ? a : b; });
    POSY_INDEPENDENT for (uint32_t c = 0; c < kPoolChannels; ++c) {
      most[c] = most[c] < low ? low : most[c] > high ? high : most[c];
    }
    memcpy(out, most, channels.end - channels.begin);
  });
}

template <class T>
inline T* element_of(const TensorOf<T>& t, uint32_t y, uint32_t x) {
  return t.row(t.h == 1 ? 0 : y) + (size_t)(t.w == 1 ? 0 : x) * t.pixel_stride;
}

// `count` codes of two operands that have as many.
template <class Function>
inline void binary_run(const Int8BinaryArgs& args, const uint8_t* a, const uint8_t* b, uint8_t* out, size_t count,
                       Function function) {
  const Int8Ending ending = args.ending;
  const int32_t a_zero = args.a.zero_point, b_zero = args.b.zero_point;
  POSY_INDEPENDENT for (size_t i = 0; i < count; ++i) {
    out[i] = int8_code(ending, function((int32_t)a[i] - a_zero, (int32_t)b[i] - b_zero));
  }
}

template <class Function>
inline void binary_codes(const Int8BinaryArgs& args, const Task& task, Function function) {
  const ByteTensor &a = args.a, &b = args.b, &out = args.out;
  const bool same = a.w == b.w && a.c == b.c;
  const bool gapless = a.pixel_stride == a.c && b.pixel_stride == b.c && out.pixel_stride == out.c;
  const Range rows = share(task.rows, 1, task.part, task.parts);
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    if (same && gapless) {
      binary_run(args, element_of(a, y, 0), element_of(b, y, 0), out.row(y), out.row_stride(), function);
      continue;
    }
    for (uint32_t x = 0; x < out.w; ++x) {
      const uint8_t *left = element_of(a, y, x), *right = element_of(b, y, x);
      uint8_t* to = out.row(y) + (size_t)x * out.pixel_stride;
      if (a.c == b.c) {
        binary_run(args, left, right, to, out.c, function);
        continue;
      }
      // One of the two has one code for all channels.
      const uint32_t a_step = a.c == 1 ? 0 : 1, b_step = b.c == 1 ? 0 : 1;
      for (uint32_t c = 0; c < out.c; ++c) {
        const int32_t l = (int32_t)left[c * a_step] - a.zero_point, r = (int32_t)right[c * b_step] - b.zero_point;
        to[c] = int8_code(args.ending, function(l, r));
      }
    }
  }
}

inline void int8_binary_loops(const Int8BinaryArgs& args, const Task& task) {
  const float left = args.multiplier[0], right = args.multiplier[1];
  if (args.function == Int8BinaryFunction::add) {
    binary_codes(args, task, [=](int32_t a, int32_t b) { return (float)a * left + (float)b * right; });
  } else {
    binary_codes(args, task, [=](int32_t a, int32_t b) { return (float)(a * b) * left; });
  }
}

inline void int8_map_loops(const Int8MapArgs& args, const Task& task) {
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const uint8_t* in = element_of(args.in, y, x);
    uint8_t* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
    for (uint32_t c = 0; c < args.out.c; ++c) out[c] = args.table[in[c]];
  });
}

inline void int8_encode_loops(const Int8EncodeArgs& args, const Task& task) {
  const Int8Ending ending = args.ending;
  const float multiplier = args.multiplier;
  const uint32_t channels = args.out.c;
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const float* in = element_of(args.in, y, x);
    uint8_t* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
    POSY_INDEPENDENT for (uint32_t c = 0; c < channels; ++c) {
      const float value = in[c] * multiplier;
      out[c] = int8_code(ending, value == value ? value : 0.0f);  // a NaN is coded as 0
    }
  });
}

inline void int8_decode_loops(const Int8DecodeArgs& args, const Task& task) {
  const int32_t zero = args.in.zero_point;
  for_each_pixel(args.out, task, [&](uint32_t y, uint32_t x) {
    const uint8_t* in = element_of(args.in, y, x);
    float* out = args.out.row(y) + (size_t)x * args.out.pixel_stride;
    POSY_INDEPENDENT for (uint32_t c = 0; c < args.out.c; ++c) out[c] = (float)(in[c] - zero) * args.multiplier;
  });
}

constexpr Kernel<Int8PoolArgs> int8_average_pool = int8_average_pool_loops;
constexpr Kernel<Int8PoolArgs> int8_max_pool = int8_max_pool_loops;
constexpr Kernel<Int8BinaryArgs> int8_binary = int8_binary_loops;
constexpr Kernel<Int8MapArgs> int8_map = int8_map_loops;
constexpr Kernel<Int8EncodeArgs> int8_encode = int8_encode_loops;
constexpr Kernel<Int8DecodeArgs> int8_decode = int8_decode_loops;

}  // namespace
}  // namespace posy
