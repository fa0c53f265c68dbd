// int8_blocks.hpp for the DSP extension of ARMv7E-M and ARMv8-M: two products of 16 bits and their sum in one
// instruction (smlad). Floats are those of a scalar unit.
#pragma once
#include <arm_acle.h>
#include <string.h>

#include "kernels/int8_conv_end.hpp"

namespace posy {
namespace {

// Six sums, two words of a pixel, two of weights, and three addresses: the registers that there are.
constexpr uint32_t kBlockPixels = 6, kPieceBytes = 256;
constexpr bool kInputsAreSigned = false;

// Bytes 0 and 2, and 1 and 3, of four: each in 16 bits. (Both at once would be a struct, and compilers keep these in
// memory.)
struct Halves {
  uint32_t even, odd;
};
inline uint32_t unsigned_even(uint32_t bytes) {
  return __uxtb16(bytes);
}
inline uint32_t unsigned_odd(uint32_t bytes) {
  uint32_t odd;
  __asm__("uxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(bytes));
  return odd;
}
inline uint32_t signed_even(uint32_t bytes) {
  return (uint32_t)__sxtb16(bytes);
}
inline uint32_t signed_odd(uint32_t bytes) {
  uint32_t odd;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(bytes));
  return odd;
}

// sum + the two products, modulo 2^32. (The compiler's own __smlad() takes care of a flag for overflows, and is in the
// way of its allocation of registers.)
inline int32_t add_pairs(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
inline int32_t add_low(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
inline int32_t add_high(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
inline uint32_t load_word(const uint8_t* p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

// The two words at p, which is then behind them, as one instruction, which compilers seldom find.
#define POSY_NEXT_HALVES(p, even, odd) \
  __asm__ volatile("ldrd %0, %1, [%2], #8" : "=&r"(even), "=&r"(odd), "+r"(p) : : "memory")

// Groups of all pixels, one after the other.
struct Block {
  Halves halves[kPieceBytes / kGroupRows * kBlockPixels];
};

POSY_SHARED void put_pixels(const uint8_t* in, size_t step, uint32_t pixels, uint32_t bytes, uint32_t at,
                            Block* block) {
  Halves* first = block->halves + at / kGroupRows * pixels;
  for (uint32_t m = 0; m < pixels; ++m, in += step) {
    Halves* to = first + m;
    for (const uint8_t *p = in, *end = in + bytes; p != end; p += kGroupRows, to += pixels) {
      const uint32_t bytes_of_group = load_word(p);
      to->even = unsigned_even(bytes_of_group);
      to->odd = unsigned_odd(bytes_of_group);
    }
  }
}

// Sums of a lane lie together.
template <uint32_t kPixels>
void add_lanes(const uint8_t* w, uint32_t groups, uint32_t lanes, const Block& block, const int32_t* starts,
               int32_t* sums) {
  for (uint32_t lane = 0; lane < lanes; ++lane, w += kGroupRows, sums += kPixels) {
    int32_t sum[kPixels];
    POSY_UNROLL for (uint32_t m = 0; m < kPixels; ++m) sum[m] = starts ? starts[lane] : sums[m];
    const Halves* x = block.halves;
    const Halves* const end = x + (size_t)groups * kPixels;
    for (const uint8_t* group = w; x != end; group += kGroupBytes) {
      const uint32_t four = load_word(group), even = signed_even(four), odd = signed_odd(four);
      POSY_UNROLL for (uint32_t m = 0; m < kPixels; ++m) {
        uint32_t x_even, x_odd;
        POSY_NEXT_HALVES(x, x_even, x_odd);
        sum[m] = add_pairs(x_odd, odd, add_pairs(x_even, even, sum[m]));
      }
    }
    POSY_UNROLL for (uint32_t m = 0; m < kPixels; ++m) sums[m] = sum[m];
  }
}

// int8_code() of a sum times its multiplier: a number, whose conversion saturates and, with the rounding that a
// processor starts with, goes to the nearest even one. The limits are whole numbers, so that it may come first.
struct CodeEnding {
  int32_t low, high, zero;

  explicit CodeEnding(const Int8Ending& ending)
      : low((int32_t)ending.clamp.low), high((int32_t)ending.clamp.high), zero(ending.zero) {}

  // All codes from 0 to 255 are inside: those that saturate end there by themselves.
  bool takes_all() const { return low + zero == 0 && high + zero == 255; }

  template <bool kAll>
  POSY_INLINE uint8_t code(int32_t sum, float multiplier) const {
    const float value = (float)sum * multiplier;
    float bits;
    int32_t x;
    __asm__("vcvtr.s32.f32 %0, %1" : "=t"(bits) : "t"(value));
    memcpy(&x, &bits, sizeof x);
    if constexpr (kAll) return (uint8_t)__usat(__ssat(x, 16) + zero, 8);
    x = x < low ? low : x;
    return (uint8_t)((x > high ? high : x) + zero);
  }
};

template <bool kAll>
POSY_SHARED void put_codes(const int32_t* sums, const float* multipliers, uint32_t pixels, const Int8End& end) {
  const CodeEnding ending(end.ending);
  const size_t stride = end.out_stride;
  const uint32_t lanes = min_u32(end.lanes, kPanelLanes);
  for (uint32_t lane = 0; lane < lanes; ++lane) {
    const float multiplier = multipliers[lane];
    uint8_t* out = end.codes + lane;
    const int32_t* const stop = sums + pixels;
    for (; sums != stop; ++sums, out += stride) *out = ending.code<kAll>(*sums, multiplier);
  }
}

POSY_SHARED void put_floats(const int32_t* sums, const float* multipliers, uint32_t pixels, const Int8End& end) {
  for (uint32_t lane = 0; lane < min_u32(end.lanes, kPanelLanes); ++lane) {
    float* out = end.floats + lane;
    for (uint32_t m = 0; m < pixels; ++m, ++sums, out += end.out_stride) {
      *out = clamp_f32(end.ending.clamp, (float)*sums * multipliers[lane]);
    }
  }
}

inline void end_sums(const int32_t* sums, const float* multipliers, uint32_t pixels, const Int8End& end) {
  if (!end.codes) return put_floats(sums, multipliers, pixels, end);
  const auto put = CodeEnding(end.ending).takes_all() ? put_codes<true> : put_codes<false>;
  put(sums, multipliers, pixels, end);
}

// Weights of four channels: of 0 and 2, and of 1 and 3.
using TapWeights = Halves;
using DepthwiseRun = DepthwiseRunOf<TapWeights>;
inline TapWeights tap_weights(const int8_t* w) {
  return {(uint16_t)w[0] | (uint32_t)w[2] << 16, (uint16_t)w[1] | (uint32_t)w[3] << 16};
}
inline int32_t weight_of(const TapWeights& tap, uint32_t channel) {
  return (int16_t)((channel % 2 ? tap.odd : tap.even) >> channel / 2 * 16);
}

template <bool kFull>
inline uint32_t load_channels(const uint8_t* p, uint32_t channels) {
  if constexpr (kFull) return load_word(p);
  uint32_t bytes = 0;
  for (uint32_t c = 0; c < channels; ++c) bytes |= (uint32_t)p[c] << 8 * c;
  return bytes;
}

// kFull: four channels, and all codes inside the limits.
template <bool kFull>
void depthwise_pixels(const DepthwiseRun& run, const Int8Ending& run_ending) {
  const CodeEnding ending(run_ending);
  const uint8_t* in = run.in;
  uint8_t* out = run.out;
  for (uint32_t m = 0; m < run.pixels; ++m, in += run.in_step, out += run.out_step) {
    int32_t sum[4];
    POSY_UNROLL for (uint32_t c = 0; c < 4; ++c) sum[c] = run.starts[c];
    const TapWeights* weights = run.weights;
    for (const uint32_t *offset = run.offsets, *end = offset + run.taps; offset != end; ++offset) {
      uint32_t even_weights, odd_weights;
      POSY_NEXT_HALVES(weights, even_weights, odd_weights);
      const uint32_t bytes = load_channels<kFull>(in + *offset, run.channels);
      const uint32_t even = unsigned_even(bytes), odd = unsigned_odd(bytes);
      sum[0] = add_low(even, even_weights, sum[0]);
      sum[1] = add_low(odd, odd_weights, sum[1]);
      sum[2] = add_high(even, even_weights, sum[2]);
      sum[3] = add_high(odd, odd_weights, sum[3]);
    }
    POSY_UNROLL for (uint32_t c = 0; c < 4; ++c) {
      if (kFull || c < run.channels) out[c] = ending.code<kFull>(sum[c], run.multipliers[c]);
    }
  }
}

inline void depthwise_run(const DepthwiseRun& run, const Int8Ending& ending) {
  const bool is_full = run.channels == kTapChannels && CodeEnding(ending).takes_all();
  const auto make = is_full ? depthwise_pixels<true> : depthwise_pixels<false>;
  make(run, ending);
}

}  // namespace
}  // namespace posy
