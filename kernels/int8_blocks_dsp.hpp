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

// Bytes 0 and 2, and 1 and 3, of four: each in 16 bits.
struct Halves {
  uint32_t even, odd;
};
inline Halves unsigned_halves(uint32_t bytes) {
  Halves h;
  h.even = __uxtb16(bytes);
  __asm__("uxtb16 %0, %1, ror #8" : "=r"(h.odd) : "r"(bytes));
  return h;
}
inline Halves signed_halves(uint32_t bytes) {
  Halves h;
  h.even = (uint32_t)__sxtb16(bytes);
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(h.odd) : "r"(bytes));
  return h;
}
inline uint32_t load_word(const uint8_t* p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

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
      *to = unsigned_halves(load_word(p));
    }
  }
}

// Sums of a lane lie together.
inline void start_sums(const int32_t* starts, uint32_t pixels, int32_t* sums) {
  for (uint32_t lane = 0; lane < kPanelLanes; ++lane) {
    for (uint32_t m = 0; m < pixels; ++m) *sums++ = starts[lane];
  }
}

template <uint32_t kPixels>
void add_lanes(const uint8_t* w, uint32_t groups, uint32_t lanes, const Block& block, int32_t* sums) {
  for (uint32_t lane = 0; lane < lanes; ++lane, w += kGroupRows, sums += kPixels) {
    int32_t sum[kPixels];
    POSY_UNROLL for (uint32_t m = 0; m < kPixels; ++m) sum[m] = sums[m];
    const Halves* x = block.halves;
    const Halves* const end = x + (size_t)groups * kPixels;
    for (const uint8_t* group = w; x != end; group += kGroupBytes, x += kPixels) {
      const Halves weights = signed_halves(load_word(group));
      POSY_UNROLL for (uint32_t m = 0; m < kPixels; ++m) {
        sum[m] = __smlad((int16x2_t)x[m].even, (int16x2_t)weights.even, sum[m]);
        sum[m] = __smlad((int16x2_t)x[m].odd, (int16x2_t)weights.odd, sum[m]);
      }
    }
    POSY_UNROLL for (uint32_t m = 0; m < kPixels; ++m) sums[m] = sum[m];
  }
}

// int8_code(): sums times multipliers are numbers, whose conversion saturates and, with the rounding that a processor
// starts with, goes to the nearest even one. The limits are whole numbers, so that it may come first.
struct CodeEnding {
  int32_t low, high, zero;
  bool takes_all;  // codes from 0 to 255

  explicit CodeEnding(const Int8Ending& ending)
      : low((int32_t)ending.clamp.low),
        high((int32_t)ending.clamp.high),
        zero(ending.zero),
        takes_all(low + zero == 0 && high + zero == 255) {}

  POSY_INLINE uint8_t code(int32_t sum, float multiplier) const {
    const float value = (float)sum * multiplier;
    float bits;
    int32_t x;
    __asm__("vcvtr.s32.f32 %0, %1" : "=t"(bits) : "t"(value));
    memcpy(&x, &bits, sizeof x);
    if (takes_all) return (uint8_t)__usat(__ssat(x, 16) + zero, 8);
    x = x < low ? low : x;
    return (uint8_t)((x > high ? high : x) + zero);
  }
};

POSY_SHARED void end_sums(const int32_t* sums, const float* multipliers, uint32_t pixels, const Int8End& end) {
  const CodeEnding ending(end.ending);
  const uint32_t lanes = min_u32(end.lanes, kPanelLanes);
  for (uint32_t lane = 0; lane < lanes; ++lane) {
    const float multiplier = multipliers[lane];
    size_t at = lane;
    for (uint32_t m = 0; m < pixels; ++m, at += end.out_stride) {
      const int32_t sum = *sums++;
      if (end.codes) {
        end.codes[at] = ending.code(sum, multiplier);
      } else {
        end.floats[at] = clamp_f32(end.ending.clamp, (float)sum * multiplier);
      }
    }
  }
}

// Weights of four channels: of 0 and 2, and of 1 and 3.
using TapWeights = Halves;
inline TapWeights tap_weights(const int8_t* w) {
  return {(uint16_t)w[0] | (uint32_t)w[2] << 16, (uint16_t)w[1] | (uint32_t)w[3] << 16};
}
inline int32_t weight_of(const TapWeights& tap, uint32_t channel) {
  return (int16_t)((channel % 2 ? tap.odd : tap.even) >> channel / 2 * 16);
}
struct DepthwiseTap {
  uint32_t offset;
  TapWeights weights;
};

template <bool kFull>
inline uint32_t load_channels(const uint8_t* p, uint32_t channels) {
  if constexpr (kFull) return load_word(p);
  uint32_t bytes = 0;
  for (uint32_t c = 0; c < channels; ++c) bytes |= (uint32_t)p[c] << 8 * c;
  return bytes;
}

template <bool kFull>
void depthwise_run(const DepthwiseTap* taps, uint32_t tap_count, const DepthwiseRun& run,
                   const Int8Ending& run_ending) {
  const CodeEnding ending(run_ending);
  const uint8_t* in = run.in;
  uint8_t* out = run.out;
  for (uint32_t m = 0; m < run.pixels; ++m, in += run.in_step, out += run.out_step) {
    int32_t sum[4];
    POSY_UNROLL for (uint32_t c = 0; c < 4; ++c) sum[c] = run.starts[c];
    for (const DepthwiseTap *tap = taps, *end = taps + tap_count; tap != end; ++tap) {
      const Halves x = unsigned_halves(load_channels<kFull>(in + tap->offset, run.channels));
      sum[0] = __smlabb((int32_t)x.even, (int32_t)tap->weights.even, sum[0]);
      sum[1] = __smlabb((int32_t)x.odd, (int32_t)tap->weights.odd, sum[1]);
      sum[2] = __smlatt((int32_t)x.even, (int32_t)tap->weights.even, sum[2]);
      sum[3] = __smlatt((int32_t)x.odd, (int32_t)tap->weights.odd, sum[3]);
    }
    POSY_UNROLL for (uint32_t c = 0; c < 4; ++c) {
      if (kFull || c < run.channels) out[c] = ending.code(sum[c], run.multipliers[c]);
    }
  }
}

}  // namespace
}  // namespace posy
