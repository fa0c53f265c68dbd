// The integer kernels, compiled once per instruction set with POSY_INT8_<NAME>; once with none, which yields the
// oracles. Apart from isa.cpp, because what processors have for bytes does not go with what they have for floats.
#if defined(POSY_INT8_AVX2)
#define POSY_INT8_SET int8_avx2
#elif defined(POSY_INT8_AVXVNNI)
#define POSY_INT8_SET int8_avxvnni
#elif defined(POSY_INT8_AVX512VNNI)
#define POSY_INT8_SET int8_avx512vnni
#elif defined(POSY_INT8_NEON)
#define POSY_INT8_SET int8_neon
#elif defined(POSY_INT8_DOTPROD)
#define POSY_INT8_SET int8_dotprod
#elif defined(POSY_INT8_I8MM)
#define POSY_INT8_SET int8_i8mm
#elif defined(POSY_INT8_DSP)
#define POSY_INT8_SET int8_dsp
#define POSY_INT8_BLOCKS
#elif defined(POSY_INT8_MVE)
#define POSY_INT8_SET int8_mve
#define POSY_INT8_BLOCKS
#else
#define POSY_INT8_SET int8_scalar
#define POSY_INT8_ORACLES
#endif
#if !defined(POSY_INT8_ORACLES) && !defined(POSY_INT8_BLOCKS)
#define POSY_INT8_SIMD
#endif

#include "kernels/int8_conv_2d.hpp"
#include "kernels/int8_depthwise_conv_2d.hpp"
#include "kernels/int8_peak.hpp"
#include "kernels/kernels.h"
#ifdef POSY_INT8_BLOCKS
#include "kernels/int8_block_conv_2d.hpp"
#include "kernels/int8_block_depthwise_conv_2d.hpp"
#endif

namespace posy {
namespace POSY_INT8_SET {

#include "kernels/int8_kernels.def"

#ifdef POSY_INT8_SIMD
#define POSY_FASTEST(kernel) kernel##_simd
#elif defined(POSY_INT8_BLOCKS)
#define POSY_FASTEST(kernel) kernel##_blocks
#else
#define POSY_FASTEST(kernel) kernel##_oracle
#endif

void int8_conv_2d(const Int8Conv2dArgs& args, const Task& task) {
  if constexpr (is_built(OpKind::int8_conv_2d)) POSY_FASTEST(int8_conv_2d)(args, task);
}
void int8_depthwise_conv_2d(const Int8DepthwiseConv2dArgs& args, const Task& task) {
  if constexpr (is_built(OpKind::int8_depthwise_conv_2d)) POSY_FASTEST(int8_depthwise_conv_2d)(args, task);
}
uint64_t peak_int8(uint32_t iterations, int32_t* value) {
  return peak_int8_chains(iterations, value);
}

}  // namespace POSY_INT8_SET
}  // namespace posy
