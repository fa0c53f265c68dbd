#include <string.h>

#ifndef POSY_ONE_TABLE
#include "kernels/cpu.h"
#endif
#include "kernels/kernels.h"

namespace posy {

#ifdef POSY_ONE_TABLE
extern const KernelTable kOnlyKernels;
#else
#ifdef POSY_WITH_SCALAR
extern const KernelTable kScalarKernels;
#endif
#ifdef POSY_WITH_AVX2
extern const KernelTable kAvx2Kernels, kAvxVnniKernels;
#endif
#ifdef POSY_WITH_AVX512
extern const KernelTable kAvx512Kernels, kAvx512VnniKernels;
#endif
#ifdef POSY_WITH_DSP
extern const KernelTable kDspKernels;
#endif
#ifdef POSY_WITH_MVE
extern const KernelTable kMveKernels;
#endif
#ifdef POSY_WITH_NEON
extern const KernelTable kNeonKernels;
#ifdef __aarch64__
extern const KernelTable kDotprodKernels, kI8mmKernels;
#endif
#endif
#endif  // POSY_ONE_TABLE

namespace {

struct Candidate {
  const KernelTable* table;
  bool (*usable)();
};

// Fastest first.
const Candidate kCandidates[] = {
#ifdef POSY_ONE_TABLE
    {&kOnlyKernels, [] { return true; }},  // the compiler was told so
#else
#ifdef POSY_WITH_AVX512
    {&kAvx512VnniKernels, cpu_has_avx512vnni},
    {&kAvx512Kernels, cpu_has_avx512},
#endif
#ifdef POSY_WITH_AVX2
    {&kAvxVnniKernels, cpu_has_avxvnni},
    {&kAvx2Kernels, cpu_has_avx2},
#endif
#ifdef POSY_WITH_NEON
#ifdef __aarch64__
    {&kI8mmKernels, cpu_has_i8mm},
    {&kDotprodKernels, cpu_has_dotprod},
#endif
    {&kNeonKernels, cpu_has_neon},
#endif
#ifdef POSY_WITH_MVE
    {&kMveKernels, [] { return true; }},  // without a system there is nobody to ask: the build knows its board
#endif
#ifdef POSY_WITH_DSP
    {&kDspKernels, [] { return true; }},
#endif
#ifdef POSY_WITH_SCALAR
    {&kScalarKernels, [] { return true; }},
#endif
#endif  // POSY_ONE_TABLE
};

}  // namespace

const KernelTable* usable_kernels(uint32_t index) {
  for (const Candidate& candidate : kCandidates) {
    if (candidate.usable() && index-- == 0) return candidate.table;
  }
  return nullptr;
}

const KernelTable* best_kernels() {
  return usable_kernels(0);
}

const KernelTable* kernels_named(const char* isa) {
  for (uint32_t i = 0;; ++i) {
    const KernelTable* table = usable_kernels(i);
    if (!table || strcmp(table->isa, isa) == 0) return table;
  }
}

const char* op_name(OpKind kind) {
  switch (kind) {
#define POSY_OP(number, name, Args) \
  case OpKind::name:                \
    return #name;
#include "kernels/ops.def"
#undef POSY_OP
  }
  return nullptr;
}

const char* unary_name(uint8_t function) {
  switch (function) {
#define POSY_UNARY(number, name, parameters, expression) \
  case number:                                           \
    return #name;
#define POSY_BINARY(number, name, expression)
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
    default:
      return nullptr;
  }
}

const char* binary_name(uint8_t function) {
  switch (function) {
#define POSY_UNARY(number, name, parameters, expression)
#define POSY_BINARY(number, name, expression) \
  case number:                                \
    return #name;
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
    default:
      return nullptr;
  }
}

uint32_t unary_parameters(uint8_t function) {
  switch (function) {
#define POSY_UNARY(number, name, parameters, expression) \
  case number:                                           \
    return parameters;
#define POSY_BINARY(number, name, expression)
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
    default:
      return 0;
  }
}

}  // namespace posy
