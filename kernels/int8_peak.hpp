// The fastest products of bytes that an instruction set can do: what the benchmark measures the integer kernels
// against.
#pragma once
#include "kernels/math.hpp"

#ifdef POSY_INT8_SIMD
#include "kernels/int8_simd.hpp"
#endif

namespace posy {
namespace {

// Of chains that start, and end, at value, value + 1 ...: value.
inline int32_t mean_of_starts(int32_t total, uint32_t chains) {
  const int32_t n = (int32_t)chains;
  return (total - n * (n - 1) / 2) / n;
}

#ifdef POSY_INT8_SIMD
// For all that the compiler knows, this is another vector each time: what an instruction set without dot products adds
// up would be computed once.
#if defined(__x86_64__) || defined(__i386__)
#define POSY_UNKNOWN(vector) __asm__("" : "+v"(vector))
#else
#define POSY_UNKNOWN(vector) __asm__("" : "+w"(vector))
#endif

// As many chains as the product tile has sums; without dot products fewer, whose steps need registers of their own and
// wait only for the last sum.
constexpr uint32_t kInt8Chains = kPairsMatter ? 4 : kTileRows * kTilePanels * kTileVectors;
constexpr uint32_t kInt8ProductsAtATime = kLanes * kGroupRows;

// Weights of 1 and of -1 in turn, so that sums end where they started.
inline uint64_t peak_int8_chains(uint32_t iterations, int32_t* value) {
  const uint8_t codes[16] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
  const Operand x = load_operand(codes);
  uint8_t bytes[2][kLanes * kGroupRows];
  for (uint32_t i = 0; i < kLanes * kGroupRows; ++i) {
    bytes[0][i] = 1;
    bytes[1][i] = 0xff;
  }
  W plus = load_w(bytes[0]), minus = load_w(bytes[1]);
  I sum[kInt8Chains];
  POSY_UNROLL for (uint32_t i = 0; i < kInt8Chains; ++i) sum[i] = splat_i32(*value + (int32_t)i);
  for (uint32_t n = 0; n < iterations; ++n) {
    POSY_UNROLL for (uint32_t i = 0; i < kInt8Chains; ++i) {
      POSY_UNKNOWN(plus);
      sum[i] = dot<true>(sum[i], x, 0, plus);
    }
    POSY_UNROLL for (uint32_t i = 0; i < kInt8Chains; ++i) {
      POSY_UNKNOWN(minus);
      sum[i] = dot<true>(sum[i], x, 0, minus);
    }
  }
  int32_t lanes[kLanes];
  I total = splat_i32(0);
  POSY_UNROLL for (uint32_t i = 0; i < kInt8Chains; ++i) total = add(total, sum[i]);
  store_i32(lanes, total);
  *value = mean_of_starts(lanes[0], kInt8Chains);
  return (uint64_t)iterations * 2 * kInt8Chains * kInt8ProductsAtATime * 2;
}
#else
inline uint64_t peak_int8_chains(uint32_t iterations, int32_t* value) {
  constexpr uint32_t kChains = 8;
  int32_t sum[kChains], code = 3, plus = 1, minus = -1;
  for (uint32_t i = 0; i < kChains; ++i) sum[i] = *value + (int32_t)i;
  for (uint32_t n = 0; n < iterations; ++n) {
    for (uint32_t i = 0; i < kChains; ++i) {
      __asm__("" : "+r"(plus));  // another number each time, as far as the compiler knows
      sum[i] += code * plus;
    }
    for (uint32_t i = 0; i < kChains; ++i) {
      __asm__("" : "+r"(minus));
      sum[i] += code * minus;
    }
  }
  int32_t total = 0;
  for (uint32_t i = 0; i < kChains; ++i) total += sum[i];
  *value = mean_of_starts(total, kChains);
  return (uint64_t)iterations * 2 * kChains * 2;
}
#endif

}  // namespace
}  // namespace posy
