// The integer kernels of processors that add up products of bytes in general registers: Cortex-M with the DSP
// extension (POSY_INT8_DSP) or with MVE (POSY_INT8_MVE). There are too few registers for tiles of outputs; a block of
// neighbouring pixels is brought into the form that the multiplier takes, once, and meets one lane of weights after
// the other. Nobody else includes int8_blocks_dsp.hpp and int8_blocks_mve.hpp, which define
//
// - kBlockPixels, at most so many pixels; kPieceBytes, so many bytes of each at a time, a multiple of 16; Block, which
//   has room for these.
// - kInputsAreSigned: bytes of input are taken less 128, as in int8_simd.hpp.
// - put_pixels(in, step, pixels, bytes, at, block): bytes `at` ... of each pixel; `bytes` and `at` are multiples of 4.
// - start_sums(starts, pixels, sums); add_lanes<kPixels>(w, groups, lanes, block, sums): the products of the block with
//   `lanes` lanes of a panel, whose groups begin at w; end_sums(sums, multipliers, pixels, end).
// - TapWeights, tap_weights(w), weight_of(tap, channel): of kTapChannels channels, one tap. depthwise_run<kFull>(taps,
// count, run, ending): the
//   outputs of a DepthwiseRun; kFull says that it has kTapChannels channels.
#pragma once
#include "kernels/int8_conv_end.hpp"

namespace posy {
namespace {

constexpr uint32_t kTapChannels = 4;

struct DepthwiseTap;

// Outputs whose windows cover the same taps, in_step and out_step bytes apart, of so many neighbouring channels. A tap
// lies `offset` bytes behind `in`.
struct DepthwiseRun {
  const uint8_t* in;
  uint8_t* out;
  size_t in_step, out_step;
  uint32_t pixels, channels;
  alignas(16) int32_t starts[kTapChannels];
  alignas(16) float multipliers[kTapChannels];
};

}  // namespace
}  // namespace posy

#if defined(POSY_INT8_MVE)
#include "kernels/int8_blocks_mve.hpp"
#else
#include "kernels/int8_blocks_dsp.hpp"
#endif
