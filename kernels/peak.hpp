// The fastest multiply-adds that an instruction set can do: what the benchmark measures every kernel against.
#pragma once
#include "kernels/math.hpp"

#ifdef POSY_SIMD
#include "kernels/simd.hpp"
#endif

namespace posy {
namespace {

#ifdef POSY_SIMD
using PeakValue = V;
// As many chains as the product tile has accumulators: all the registers that a kernel can have, and more than the 8 to
// 10 (4 or 5 cycles on 2 units) that keep the units of any known processor busy.
constexpr uint32_t kPeakChains = kTileRows * kTilePanels * kTileVectors;
constexpr uint32_t kPeakLanes = kLanes;

inline PeakValue peak_splat(float x) {
  return splat(x);
}
inline PeakValue peak_step(PeakValue a, PeakValue b, PeakValue c) {
  return fma(a, b, c);
}
inline float peak_first(PeakValue x) {
  float lanes[kLanes];
  store(lanes, x);
  return lanes[0];
}
#define POSY_UNROLL_CHAINS POSY_UNROLL
#else
using PeakValue = float;
constexpr uint32_t kPeakChains = 8, kPeakLanes = 1;

inline float peak_splat(float x) {
  return x;
}
inline float peak_step(float a, float b, float c) {
  return fma_f32(a, b, c);
}
inline float peak_first(float x) {
  return x;
}
#define POSY_UNROLL_CHAINS
#endif

// Independent chains of multiply-adds in registers; nothing is loaded. Each accumulates into itself, which every
// instruction set can do without a copy: half of it is taken away and then given back, so that chains end where they
// started. `value` is where the first starts and what comes of all of them, so that no compiler can leave the work out.
// Returns the operations, two for each multiply-add.
inline uint64_t peak_fma_chains(uint32_t iterations, float* value) {
  const PeakValue minus_half = peak_splat(-0.5f), one = peak_splat(1.0f);
  PeakValue chain[kPeakChains];
  chain[0] = peak_splat(*value);
  POSY_UNROLL_CHAINS for (uint32_t i = 1; i < kPeakChains; ++i) chain[i] = chain[i - 1] + one;
  for (uint32_t n = 0; n < iterations; ++n) {
    POSY_UNROLL_CHAINS for (uint32_t i = 0; i < kPeakChains; ++i) chain[i] = peak_step(chain[i], minus_half, chain[i]);
    POSY_UNROLL_CHAINS for (uint32_t i = 0; i < kPeakChains; ++i) chain[i] = peak_step(chain[i], one, chain[i]);
  }
  PeakValue sum = chain[0];
  POSY_UNROLL_CHAINS for (uint32_t i = 1; i < kPeakChains; ++i) sum = sum + chain[i];
  *value = peak_first(sum) / (float)kPeakChains - (float)(kPeakChains - 1) / 2;
  return (uint64_t)4 * kPeakChains * kPeakLanes * iterations;
}

constexpr uint64_t (*peak_fma)(uint32_t, float*) = peak_fma_chains;

}  // namespace
}  // namespace posy
