// Every op of every table this processor can run, against the scalar table: the same bits, whatever the layout of the
// tensors and however the work is cut.
#include <doctest/doctest.h>

#include <sstream>

#include "tests/kernels/int8_trials.h"

using namespace posy;

namespace {

Layout random_layout(Random& random, uint32_t out_h) {
  Layout layout;
  if (random.one_in(2)) layout.in_gap = random.between(1, 20);
  if (random.one_in(2)) layout.out_gap = random.between(1, 20);
  if (random.one_in(2)) layout.band_rows = random.between(1, out_h);
  layout.rings = layout.band_rows != 0 && random.one_in(2);
  layout.spare_rows = random.between(0, 3);
  layout.parts = random.between(1, 5);
  layout.parts_reversed = random.one_in(2);
  layout.scratch_factor = random.between(1, 3);
  if (random.one_in(2)) layout.weights_gap = 4 * random.between(1, 15);
  return layout;
}

template <class Args>
std::string describe(const Trial<Args>& trial, const Layout& layout) {
  Args args = trial.args;
  const auto& in = *inputs_of(args)[0];
  const auto& out = args.out;
  const Window w = window_of(args);
  std::ostringstream text;
  text << "in " << in.h << "x" << in.w << "x" << in.c << " out " << out.h << "x" << out.w << "x" << out.c << " k "
       << w.k_h << "x" << w.k_w << " stride " << w.stride_h << "," << w.stride_w << " dilation " << w.dilation_h << ","
       << w.dilation_w << " pad " << w.pad_top << "," << w.pad_left << " gaps " << layout.in_gap << ","
       << layout.out_gap << " band " << layout.band_rows << " rings " << layout.rings << "+" << layout.spare_rows
       << " parts " << layout.parts;
  if constexpr (requires { args.tiles; }) {
    const WinogradTiles& t = args.tiles;
    text << " tiles " << t.m_h << "x" << t.m_w << " of " << t.k_h << "x" << t.k_w << " band " << t.band_rows << "x"
         << t.columns;
  }
  if constexpr (requires { args.weights.type; }) text << " weights " << (int)args.weights.type;
  if constexpr (requires { args.weights.pairs_are_small; }) text << " small pairs " << args.weights.pairs_are_small;
  if constexpr (kHasFloats<Args>) text << " floats " << (args.floats.ring_h != 0);
  if constexpr (requires { args.function; }) text << " function " << (int)args.function;
  if constexpr (requires { args.mode; })
    text << " mode " << (int)args.mode << " front " << args.top << "," << args.left;
  return text.str();
}

// ARMv7's NEON takes denormals for zeros. What is no vector in that table does not.
bool flushes_denormals(const KernelTable& table) {
#ifdef __arm__
  return std::string(table.isa) == "neon";
#else
  return (void)table, false;
#endif
}

std::vector<float> flushed(std::vector<float> values) {
  for (float& x : values) {
    if (std::fpclassify(x) == FP_SUBNORMAL) x = std::copysign(0.0f, x);
  }
  return values;
}

// The bits of scalar; or those of scalar with zeros for denormals.
template <class Args>
bool is_right(const KernelTable& table, Kernel<Args> KernelTable::*kernel, const Outcome& outcome,
              const Outcome& reference, Trial<Args> trial, Workspace* space) {
  if (same_bits(outcome.out, reference.out)) return true;
  if (!flushes_denormals(table)) return false;
  for (std::vector<float>& input : trial.inputs) input = flushed(input);
  return same_bits(flushed(outcome.out), flushed(run(*kernels_named("scalar"), kernel, trial, {}, space).out));
}

template <class Args>
void check_trial(Kernel<Args> KernelTable::*kernel, const Trial<Args>& trial, Random& random, Workspace* space) {
  const Outcome reference = run(*kernels_named("scalar"), kernel, trial, {}, space);
  CHECK(reference.stayed_inside);
  for (uint32_t t = 0; const KernelTable* table = usable_kernels(t); ++t) {
    for (const Layout& layout : {Layout{}, random_layout(random, trial.args.out.h)}) {
      INFO(table->isa << ": " << describe(trial, layout));
      const Outcome outcome = run(*table, kernel, trial, layout, space);
      CHECK(outcome.stayed_inside);
      REQUIRE(is_right(*table, kernel, outcome, reference, trial, space));
    }
  }
}

template <class Args>
void check_random_trials(Kernel<Args> KernelTable::*kernel, Trial<Args> (*make)(Random&, const TrialOptions&)) {
  Random random(2017);
  Workspace space;
  for (uint32_t i = 0; i < 600 / kSlowness; ++i) {
    TrialOptions options;
    options.odd_values = i % 8 == 7;
    check_trial(kernel, make(random, options), random, &space);
  }
  // Larger maps: tiles of full height, the inner loops of the depthwise kernels, parts that share rows.
  for (uint32_t i = 0; i < 20 / kSlowness; ++i) {
    TrialOptions options;
    options.max_macs = 1500000;
    check_trial(kernel, make(random, options), random, &space);
  }
}

// Whether an output is other than its memory was before.
template <class Args>
bool is_made(Args args, float value) {
  bool made = false;
  with_output(args, [&](auto& out) {
    if constexpr (std::is_convertible_v<decltype(&out), TensorOf<uint8_t>*>) {
      made = value != (float)GuardedMemory::kCanary;
    } else {
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      made = bits != 0x01010101u * GuardedMemory::kCanary;
    }
  });
  return made;
}

// Parts that make the same output twice give the right bits, but not when they run at the same time.
template <class Args>
void check_parts(Kernel<Args> KernelTable::*kernel, Trial<Args> (*make)(Random&, const TrialOptions&)) {
  Random random(1994);
  Workspace space;
  for (uint32_t i = 0; i < 40 / kSlowness; ++i) {
    const Trial<Args> trial = make(random, {});
    const Outcome reference = run(*kernels_named("scalar"), kernel, trial, {}, &space);
    Layout layout;
    layout.parts = random.between(2, 5);
    for (uint32_t t = 0; const KernelTable* table = usable_kernels(t); ++t) {
      INFO(table->isa << ": " << describe(trial, layout));
      std::vector<uint32_t> makers((size_t)trial.args.out.h * trial.args.out.w * trial.args.out.c);
      for (uint32_t part = 0; part < layout.parts; ++part) {
        layout.only_part = (int)part;
        const Outcome outcome = run(*table, kernel, trial, layout, &space);
        for (size_t at = 0; at < makers.size(); ++at) makers[at] += is_made(trial.args, outcome.out[at]);
      }
      // A code may be what the memory was filled with.
      for (size_t at = 0; at < makers.size(); ++at) makers[at] += !is_made(trial.args, reference.out[at]);
      CHECK(std::count(makers.begin(), makers.end(), 1u) == (std::ptrdiff_t)makers.size());
    }
  }
}

}  // namespace

// An op without a random_<op>() does not compile.
#define POSY_OP(number, name, Args)                                                           \
  TEST_CASE(#name ": every table agrees with scalar, and every output is made by one part") { \
    check_random_trials(&KernelTable::name, random_##name);                                   \
    check_parts(&KernelTable::name, random_##name);                                           \
  }
#include "kernels/ops.def"
#undef POSY_OP

TEST_CASE("conv_2d: inputs of more than one block of rows agree with scalar") {
  Random random(7);
  Workspace space;
  for (const uint32_t k : {1u, 3u}) {
    Trial<Conv2dArgs> trial;
    Conv2dArgs& args = trial.args;
    args.window = {k, k, 1, 1, 1, 1, k / 2, k / 2};
    args.in = dense_tensor(62, 33, 40);  // 320 KiB
    args.out = dense_tensor(62, 33, 19);
    args.clamp = {0, 6};
    random_weights(random, k * k * 40, &trial);
    random_inputs(random, {}, &trial);
    check_trial(&KernelTable::conv_2d, trial, random, &space);
  }
}

TEST_CASE("depthwise_conv_2d: 3x3 rows of every width and both strides agree with scalar") {
  Random random(8);
  Workspace space;
  for (uint32_t width = 1; width <= 33; ++width) {
    for (uint32_t stride = 1; stride <= 2; ++stride) {
      for (uint32_t pad = 0; pad <= 2; ++pad) {
        Trial<DepthwiseConv2dArgs> trial;
        DepthwiseConv2dArgs& args = trial.args;
        args.window = {3, 3, stride, stride, 1, 1, pad, pad};
        args.in = dense_tensor(5, width, 21);
        args.out = dense_tensor((4 + pad) / stride + 1, (width + pad - 1) / stride + 1, 21);
        args.clamp = {-1, 1};
        random_weights(random, 9, &trial);
        random_inputs(random, {}, &trial);
        check_trial(&KernelTable::depthwise_conv_2d, trial, random, &space);
      }
    }
  }
}

TEST_CASE("conv_2d: one pixel with every number of channels, as in a fully connected layer, agrees with scalar") {
  Random random(9);
  Workspace space;
  for (uint32_t out_c = 1; out_c <= 70; ++out_c) {
    Trial<Conv2dArgs> trial;
    trial.args.window = {1, 1, 1, 1, 1, 1, 0, 0};
    trial.args.in = dense_tensor(1, 1, 17);
    trial.args.out = dense_tensor(1, 1, out_c);
    trial.args.clamp = {-1e30f, 1e30f};
    random_weights(random, 17, &trial);
    random_inputs(random, {}, &trial);
    check_trial(&KernelTable::conv_2d, trial, random, &space);
  }
}

TEST_CASE("unary and binary: results that lie over an operand are the same, whatever is left of a whole vector") {
  const Clamp clamp = {-0.75f, 0.75f};
  for (uint32_t c = 1; c <= 40; ++c) {
    for (const uint32_t gap : {0u, 3u}) {
      std::vector<float> start(5 * (c + gap)), apart(start.size());
      for (size_t i = 0; i < start.size(); ++i) start[i] = (float)(i % 17) - 8.0f;
      const auto pixels = [&](std::vector<float>& data) { return Tensor{data.data(), 1, 5, c, c + gap, 1}; };
      for (uint32_t t = 0; const KernelTable* table = usable_kernels(t); ++t) {
        INFO(table->isa << " " << c << " channels, gap " << gap);
        std::vector<float> in = start, over = start;
        const Task task = {{0, 1}, 0, 1, nullptr, 0};
        table->unary({pixels(in), pixels(apart), clamp, UnaryFunction::leaky_relu, {0.1f}}, task);
        table->unary({pixels(over), pixels(over), clamp, UnaryFunction::leaky_relu, {0.1f}}, task);
        for (size_t i = 0; i < start.size(); ++i) REQUIRE(over[i] == (i % (c + gap) < c ? apart[i] : start[i]));
        over = start;
        table->binary({pixels(in), pixels(in), pixels(apart), clamp, BinaryFunction::mul}, task);
        table->binary({pixels(in), pixels(over), pixels(over), clamp, BinaryFunction::mul}, task);
        for (size_t i = 0; i < start.size(); ++i) REQUIRE(over[i] == (i % (c + gap) < c ? apart[i] : start[i]));
      }
    }
  }
}

TEST_CASE("kernels: tables are found by name, fastest first, and ops and functions have names") {
  CHECK(best_kernels() == usable_kernels(0));
  uint32_t count = 0;
  for (; const KernelTable* table = usable_kernels(count); ++count) {
    CHECK(kernels_named(table->isa) == table);
    CHECK(table->scratch_floats(9) == (size_t)table->scratch_panels * (9 + 3) * 16);
  }
  CHECK(count >= 1);
  CHECK(kernels_named("scalar") == usable_kernels(count - 1));
  CHECK(kernels_named("scalar")->scratch_floats(1u << 24) == 0);
  CHECK(kernels_named("no such set") == nullptr);
  CHECK(kernels_named("") == nullptr);
#define POSY_OP(number, name, Args)        \
  CHECK((uint32_t)OpKind::name == number); \
  CHECK(std::string(op_name(OpKind::name)) == #name);
#include "kernels/ops.def"
#undef POSY_OP
#define POSY_UNARY(number, name, parameters, expression) \
  CHECK((uint32_t)UnaryFunction::name == number);        \
  CHECK(std::string(unary_name(number)) == #name);       \
  CHECK(unary_parameters(number) == parameters);         \
  CHECK(parameters <= std::size(UnaryArgs{}.p));
#define POSY_BINARY(number, name, expression)      \
  CHECK((uint32_t)BinaryFunction::name == number); \
  CHECK(std::string(binary_name(number)) == #name);
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  for (const uint8_t number : {0, 200, 255}) {
    CHECK(unary_name(number) == nullptr);
    CHECK(binary_name(number) == nullptr);
    CHECK(unary_parameters(number) == 0);
  }
  CHECK(op_name((OpKind)0) == nullptr);
  CHECK(op_name((OpKind)0xffff) == nullptr);
}
