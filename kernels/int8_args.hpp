// The arguments of the integer ops. Activations are codes of 8 bits, see ByteTensor.
#pragma once
#include "kernels/args.hpp"
#include "kernels/int8_weights.hpp"

namespace posy {

// How sums become what is stored. Codes: zero + round(clamp(x)), rounded to the nearest even, low and high being the
// least and greatest code less zero. Floats: clamp(x).
struct Int8Ending {
  Clamp clamp;
  uint8_t zero;
};

// out[y, x, o] = ending(f32(start[o] + sum over i, j, c of in[y * stride_h - pad_top + i, ..., c] * w[i, j, c, o]) *
// multiplier[o]). Outside of the input the code is in.zero_point, which start makes up for.
struct Int8Conv2dArgs {
  ByteTensor in;        // [in_h, in_w, in_c], pixels at least whole_groups(in_c) bytes apart
  ByteTensor out;       // [out_h, out_w, out_c]; data is null if the outputs are floats:
  Tensor floats;        // of the same shape
  Int8Weights weights;  // rows k_h * k_w * whole_groups(in_c)
  Window window;
  Int8Ending ending;
};

// The same with a window for each channel.
struct Int8DepthwiseConv2dArgs {
  ByteTensor in;        // [in_h, in_w, c]
  ByteTensor out;       // [out_h, out_w, c]
  Int8Weights weights;  // rows k_w * whole_groups(k_h)
  Window window;
  Int8Ending ending;
};

// Average: ending(f32(sum of in - count * in.zero_point) * (multiplier / count)), of the pixels inside the input.
// Maximum: of codes, which stay what they are.
struct Int8PoolArgs {
  ByteTensor in, out;  // [in_h, in_w, c], [out_h, out_w, c]
  Window window;
  Int8Ending ending;
  float multiplier;  // average only
};

enum class Int8BinaryFunction : uint8_t { add = 1, mul = 3 };  // as in functions.def

// add: ending(f32(a - za) * multiplier[0] + f32(b - zb) * multiplier[1]), each rounded on its own. mul:
// ending(f32((a - za) * (b - zb)) * multiplier[0]).
struct Int8BinaryArgs {
  ByteTensor a, b;  // [h or 1, w or 1, c or 1]
  ByteTensor out;   // [h, w, c]
  Int8BinaryFunction function;
  float multiplier[2];
  Int8Ending ending;
};

// out = table[in]: any function of one code.
struct Int8MapArgs {
  ByteTensor in, out;    // [h, w, c]
  const uint8_t* table;  // 256
};

// out = ending(in * multiplier).
struct Int8EncodeArgs {
  Tensor in;
  ByteTensor out;
  float multiplier;
  Int8Ending ending;
};

// out = f32(in - zero_point) * multiplier.
struct Int8DecodeArgs {
  ByteTensor in;
  Tensor out;
  float multiplier;
};

}  // namespace posy
