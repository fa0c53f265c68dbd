// The integer kernels of processors that add up products of bytes in general registers: Cortex-M with the DSP
// extension (POSY_INT8_DSP) or with MVE (POSY_INT8_MVE). There are too few registers for tiles of outputs; a block of
// neighbouring pixels is brought into the form that the multiplier takes, once, and meets one lane of weights after
// the other. Nobody else includes int8_blocks_dsp.hpp and int8_blocks_mve.hpp, which define
//
// - kBlockPixels, at most so many pixels; kPieceBytes, so many bytes of each at a time, a multiple of 16; Block, which
//   has room for these.
// - kInputsAreSigned: bytes of input are taken less 128, as in int8_simd.hpp.
// - put_pixels(in, step, pixels, bytes, at, block): bytes `at` ... of each pixel; `bytes` and `at` are multiples of 4.
// - add_lanes<kPixels>(w, groups, lanes, block, starts, sums): the products of the block with `lanes` lanes of a panel,
//   whose groups begin at w, added to `starts`, or, if that is null, to the sums. end_sums(sums, multipliers, pixels,
//   end): makes outputs of them.
// - TapWeights, tap_weights(w), weight_of(tap, channel): of kTapChannels channels, one tap. depthwise_run(run, ending):
//   the outputs of a DepthwiseRun.
#pragma once
#include "kernels/int8_conv_end.hpp"

namespace posy {
namespace {

constexpr uint32_t kTapChannels = 4;

// Outputs whose windows cover the same taps, in_step and out_step bytes apart, of so many neighbouring channels. A tap
// lies `offsets` bytes behind `in`.
template <class Weights>
struct DepthwiseRunOf {
  const uint8_t* in;
  uint8_t* out;
  size_t in_step, out_step;
  uint32_t pixels, channels, taps;
  const uint32_t* offsets;
  const Weights* weights;
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
