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
#include "kernels/int8_elements.hpp"
#include "kernels/kernels.h"
#include "kernels/peak.hpp"
#include "kernels/pool.hpp"
#include "kernels/quantize.hpp"
#include "kernels/reduce.hpp"
#include "kernels/softmax.hpp"
#include "kernels/spatial.hpp"
#include "kernels/winograd_input.hpp"
#include "kernels/winograd_product.hpp"

namespace posy {

#ifndef POSY_SIMD
constexpr uint32_t kTilePanels = 0;  // the oracles expand nothing
#endif

// Tables of this file's kernels, for each row of ops.def the constant of that name that the headers above define, and
// of the integer kernels that go with them.
#ifdef POSY_ONE_TABLE  // the amalgamation's name for the only one that it has, and POSY_INT8_SET

namespace POSY_INT8_SET {
#include "kernels/int8_kernels.def"
}
extern const KernelTable kOnlyKernels;
const KernelTable kOnlyKernels = {
    POSY_ONE_TABLE,
#include "kernels/table_rows.def"
};

#else
#if defined(POSY_ISA_AVX512)

namespace int8_avx2 {
#include "kernels/int8_kernels.def"
}
namespace int8_avx512vnni {
#include "kernels/int8_kernels.def"
}
extern const KernelTable kAvx512Kernels, kAvx512VnniKernels;
const KernelTable kAvx512Kernels = {
    "avx512",
#define POSY_INT8_SET int8_avx2
#include "kernels/table_rows.def"
};
const KernelTable kAvx512VnniKernels = {
    "avx512vnni",
#define POSY_INT8_SET int8_avx512vnni
#include "kernels/table_rows.def"
};

#elif defined(POSY_ISA_AVX2)

namespace int8_avx2 {
#include "kernels/int8_kernels.def"
}
namespace int8_avxvnni {
#include "kernels/int8_kernels.def"
}
extern const KernelTable kAvx2Kernels, kAvxVnniKernels;
const KernelTable kAvx2Kernels = {
    "avx2",
#define POSY_INT8_SET int8_avx2
#include "kernels/table_rows.def"
};
const KernelTable kAvxVnniKernels = {
    "avxvnni",
#define POSY_INT8_SET int8_avxvnni
#include "kernels/table_rows.def"
};

#elif defined(POSY_ISA_NEON)

namespace int8_neon {
#include "kernels/int8_kernels.def"
}
extern const KernelTable kNeonKernels;
const KernelTable kNeonKernels = {
    "neon",
#define POSY_INT8_SET int8_neon
#include "kernels/table_rows.def"
};

#ifdef __aarch64__
namespace int8_dotprod {
#include "kernels/int8_kernels.def"
}
namespace int8_i8mm {
#include "kernels/int8_kernels.def"
}
extern const KernelTable kDotprodKernels, kI8mmKernels;
const KernelTable kDotprodKernels = {
    "dotprod",
#define POSY_INT8_SET int8_dotprod
#include "kernels/table_rows.def"
};
const KernelTable kI8mmKernels = {
    "i8mm",
#define POSY_INT8_SET int8_i8mm
#include "kernels/table_rows.def"
};
#endif

#elif defined(POSY_ISA_DSP)

namespace int8_dsp {
#include "kernels/int8_kernels.def"
}
extern const KernelTable kDspKernels;
const KernelTable kDspKernels = {
    "dsp",
#define POSY_INT8_SET int8_dsp
#include "kernels/table_rows.def"
};

#else

namespace int8_scalar {
#include "kernels/int8_kernels.def"
}
extern const KernelTable kScalarKernels;
const KernelTable kScalarKernels = {
    "scalar",
#define POSY_INT8_SET int8_scalar
#include "kernels/table_rows.def"
};

#endif
#endif  // POSY_ONE_TABLE

}  // namespace posy
