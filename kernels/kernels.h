// The door of this room: one table of kernels per instruction set.
#pragma once
#include "kernels/int8_args.hpp"

namespace posy {

enum class OpKind : uint16_t {
#define POSY_OP(number, name, Args) name = number,
#include "kernels/ops.def"
#undef POSY_OP
};

// Whether this build has the op: all of them, or those of CMake's POSY_OPS. The kernels of the others are null.
#ifdef POSY_BUILT_OPS
struct BuiltOps {
#define POSY_OP(number, name, Args) static constexpr OpKind name = OpKind::name;
#include "kernels/ops.def"
#undef POSY_OP
  POSY_INLINE static constexpr bool has(OpKind kind) {
    constexpr OpKind kBuilt[] = {POSY_BUILT_OPS};
    for (const OpKind built : kBuilt) {
      if (kind == built) return true;
    }
    return false;
  }
};
#endif
POSY_INLINE constexpr bool is_built(OpKind kind) {
#ifdef POSY_BUILT_OPS
  return BuiltOps::has(kind);
#else
  return (void)kind, true;
#endif
}

// Null for a number that is not in ops.def.
const char* op_name(OpKind kind);

// The functions of functions.def by their number in the file; null for others.
const char* unary_name(uint8_t function);
const char* binary_name(uint8_t function);
// How many of UnaryArgs::p a function reads.
uint32_t unary_parameters(uint8_t function);

// Floats of so many panels of at most `rows` rows of weights, each behind its header.
inline size_t panel_floats(uint32_t panels, uint32_t rows) {
  return (size_t)panels * ((size_t)rows + kHeaderVectors) * kPanelLanes;
}

struct KernelTable {
  const char* isa;          // "scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "neon", "dotprod", "i8mm"
  uint32_t scratch_panels;  // panels of f32 weights that a part of a Task may expand at once
  uint64_t (*peak_fma)(uint32_t iterations, float* value);     // peak.hpp: as fast as multiply-adds go
  uint64_t (*peak_int8)(uint32_t iterations, int32_t* value);  // and those of bytes
#define POSY_OP(number, name, Args) Kernel<Args> name;
#include "kernels/ops.def"
#undef POSY_OP
  // Floats of Task::scratch for panels of at most `rows` rows of weights.
  size_t scratch_floats(uint32_t rows) const {
    return panel_floats(scratch_panels, rows);
  }
};

// The fastest table that this processor can run; null if it can run none, in a build without scalar kernels.
const KernelTable* best_kernels();

// The table of that name, or null if it is not built in or the processor lacks it.
const KernelTable* kernels_named(const char* isa);

// The tables that this processor can run, fastest first; null past the last.
const KernelTable* usable_kernels(uint32_t index);

}  // namespace posy
