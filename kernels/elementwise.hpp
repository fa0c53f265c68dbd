// Ops that look at one element, or one pair of elements, at a time.
#pragma once
#include "kernels/args.hpp"
#include "kernels/element_loops.hpp"
#include "kernels/elementary.hpp"

namespace posy {
namespace {

// Without the clamp: compilers entangle it with what the function chooses by.
template <class Function>
inline void unary_loop(const Elements& all, Function function) {
  const size_t count = all.units * kUnit;
  const float* in = all.a;
  float* out = all.out;
  for (uint32_t left = all.pixels; left > 0; --left, in += all.a_step, out += all.out_step) {
    POSY_INDEPENDENT
    for (size_t i = 0; i != count; ++i) out[i] = function(in[i]);
  }
}

inline Loop loop_of(UnaryFunction function) {
  switch (function) {
#define POSY_UNARY(number, name, parameters, expression)                \
  case UnaryFunction::name:                                             \
    return [](const Elements& all) {                                    \
      const float* from = (const float*)all.constants;                  \
      const float p[4] = {from[0], from[1], from[2], from[3]};          \
      unary_loop(all, [&p](float x) { return (void)p, (expression); }); \
    };
#define POSY_BINARY(number, name, expression)
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  }
  return nullptr;
}

inline void clamp_loop(const Elements& all) {
  const Clamp clamp = all.clamp;
  unary_loop(all, [clamp](float x) { return clamp_f32(clamp, x); });
}

inline bool limits_nothing(Clamp clamp) {
  return clamp.low == -__builtin_inff() && clamp.high == __builtin_inff();
}

inline void unary_op(const UnaryArgs& args, const Task& task) {
  loop_elements(loop_of(args.function), args.in, args.out, args.clamp, args.p, task);
  if (!limits_nothing(args.clamp)) loop_elements(clamp_loop, args.out, args.out, args.clamp, nullptr, task);
}

inline void copy_op(const CopyArgs& args, const Task& task) {
  loop_elements(clamp_loop, args.in, args.out, args.clamp, nullptr, task);
}

template <bool kOneA, bool kOneB, class Function>
inline void binary_loop(const Elements& all, Function function) {
  const size_t count = all.units * kUnit;
  const Clamp clamp = all.clamp;
  const float *a = all.a, *b = all.b;
  float* out = all.out;
  for (uint32_t left = all.pixels; left > 0; --left, a += all.a_step, b += all.b_step, out += all.out_step) {
    const float one_a = *a, one_b = *b;
    POSY_INDEPENDENT
    for (size_t i = 0; i != count; ++i) {
      out[i] = clamp_f32(clamp, function(kOneA ? one_a : a[i], kOneB ? one_b : b[i]));
    }
  }
}

template <bool kOneA, bool kOneB>
inline Loop loop_of(BinaryFunction function) {
  switch (function) {
#define POSY_UNARY(number, name, parameters, expression)
#define POSY_BINARY(number, name, expression) \
  case BinaryFunction::name:                  \
    return [](const Elements& all) { binary_loop<kOneA, kOneB>(all, [](float a, float b) { return (expression); }); };
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  }
  return nullptr;
}

inline void binary_op(const BinaryArgs& args, const Task& task) {
  const RowForm form = row_form(args.a, args.b, args.out);
  Loops loops;
  loops.wide = loop_of<false, false>(args.function);
  // Not both have one float a pixel: then the output would, and all would be wide.
  loops.loop = form.one_a   ? loop_of<true, false>(args.function)
               : form.one_b ? loop_of<false, true>(args.function)
                            : loops.wide;
  loop_elements(loops, form, args.a, args.b, args.out, args.clamp, nullptr, task);
}

constexpr Kernel<UnaryArgs> unary = unary_op;
constexpr Kernel<BinaryArgs> binary = binary_op;
constexpr Kernel<CopyArgs> copy = copy_op;

}  // namespace
}  // namespace posy
