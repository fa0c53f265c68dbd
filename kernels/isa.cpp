// Compiled once per instruction set, each time with that set's flags and POSY_ISA_<NAME>; once with neither, which
// yields the scalar table: the oracle of the tests, and the kernels of firmware.
//
// Everything the headers define is private to this file, so no inline function compiled for one instruction set can
// stand in for another's.
#if defined(POSY_ISA_AVX2) || defined(POSY_ISA_AVX512) || defined(POSY_ISA_NEON)
#define POSY_SIMD
#endif

#include "kernels/conv_2d.hpp"
#include "kernels/depthwise_conv_2d.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/kernels.h"
#include "kernels/peak.hpp"
#include "kernels/pool.hpp"
#include "kernels/quantize.hpp"
#include "kernels/reduce.hpp"
#include "kernels/softmax.hpp"
#include "kernels/spatial.hpp"
#include "kernels/winograd_input.hpp"
#include "kernels/winograd_product.hpp"

#if defined(POSY_ISA_AVX512)
#define POSY_TABLE kAvx512Kernels
#define POSY_ISA_NAME "avx512"
#elif defined(POSY_ISA_AVX2)
#define POSY_TABLE kAvx2Kernels
#define POSY_ISA_NAME "avx2"
#elif defined(POSY_ISA_NEON)
#define POSY_TABLE kNeonKernels
#define POSY_ISA_NAME "neon"
#else
#define POSY_TABLE kScalarKernels
#define POSY_ISA_NAME "scalar"
#endif

namespace posy {

#ifndef POSY_SIMD
constexpr uint32_t kTilePanels = 0;  // the oracles expand nothing
#endif

// The headers above define, for each row of ops.def, a constant of that name: the fastest version this file can have.
extern const KernelTable POSY_TABLE;
const KernelTable POSY_TABLE = {
    POSY_ISA_NAME,
    kTilePanels,
    peak_fma,
#define POSY_OP(number, name, Args) is_built(OpKind::name) ? name : nullptr,
#include "kernels/ops.def"
#undef POSY_OP
};

}  // namespace posy
