// The ops of 8-bit codes: the scalar table against integers of 64 bits and doubles, to the bit, and what only these ops
// have. That every table has the bits of scalar is in parity_test.cpp, for them as for the others.
#include <doctest/doctest.h>

#include "kernels/int8_ending.hpp"
#include "tests/kernels/int8_trials.h"

using namespace posy;

namespace {

template <OpKind kKind>
struct Op {};

double limited(const Clamp& clamp, double x) {
  return std::min((double)clamp.high, std::max((double)clamp.low, x));
}

// What a sum of 32 bits becomes: rounded to a float, and once more as a product. A double has both exactly.
double scaled(int64_t sum, float multiplier) {
  const float rounded = (float)(int32_t)(uint32_t)(uint64_t)sum;
  return (float)((double)rounded * multiplier);
}
double code(const Int8Ending& ending, double value) {
  return std::nearbyint(limited(ending.clamp, value)) + ending.zero;
}

// Calls visit(tap, row and column of the input) for all taps of a window; those outside have no place.
template <class Visit>
void visit_taps(const Window& w, uint32_t y, uint32_t x, Visit visit) {
  for (uint32_t i = 0; i < w.k_h; ++i) {
    for (uint32_t j = 0; j < w.k_w; ++j) {
      visit(i * w.k_w + j, (int)(y * w.stride_h + i * w.dilation_h) - (int)w.pad_top,
            (int)(x * w.stride_w + j * w.dilation_w) - (int)w.pad_left);
    }
  }
}

// A code of input `i`; along axes where it has size 1, its only one. Outside it is the zero point.
template <class Args>
int64_t code_at(const Trial<Args>& trial, size_t i, int y, int x, uint32_t c) {
  Args args = trial.args;
  const ByteTensor& t = *inputs_of(args)[i];
  if (y < 0 || y >= (int)t.h || x < 0 || x >= (int)t.w) return t.zero_point;
  return (int64_t)trial.inputs[i][((size_t)y * t.w + (size_t)x) * t.c + (t.c == 1 ? 0 : c)];
}
template <class Args>
int64_t operand_at(const Trial<Args>& trial, size_t i, uint32_t y, uint32_t x, uint32_t c) {
  Args args = trial.args;
  const ByteTensor& t = *inputs_of(args)[i];
  return code_at(trial, i, t.h == 1 ? 0 : (int)y, t.w == 1 ? 0 : (int)x, c) - t.zero_point;
}

double reference(Op<OpKind::int8_conv_2d>, const Trial<Int8Conv2dArgs>& trial, uint32_t y, uint32_t x, uint32_t c) {
  const Int8Conv2dArgs& args = trial.args;
  int64_t sum = (int64_t)trial.channels[c].bias;
  visit_taps(args.window, y, x, [&](uint32_t tap, int in_y, int in_x) {
    for (uint32_t k = 0; k < args.in.c; ++k) {
      const double weight = trial.weight_values[((size_t)tap * args.in.c + k) * args.out.c + c];
      sum += code_at(trial, 0, in_y, in_x, k) * (int64_t)weight;
    }
  });
  const double value = scaled(sum, (float)trial.channels[c].scale);
  return args.floats.ring_h != 0 ? limited(args.ending.clamp, value) : code(args.ending, value);
}

double reference(Op<OpKind::int8_depthwise_conv_2d>, const Trial<Int8DepthwiseConv2dArgs>& trial, uint32_t y,
                 uint32_t x, uint32_t c) {
  const Int8DepthwiseConv2dArgs& args = trial.args;
  int64_t sum = (int64_t)trial.channels[c].bias;
  visit_taps(args.window, y, x, [&](uint32_t tap, int in_y, int in_x) {
    sum += code_at(trial, 0, in_y, in_x, c) * (int64_t)trial.weight_values[(size_t)tap * args.out.c + c];
  });
  return code(args.ending, scaled(sum, (float)trial.channels[c].scale));
}

double reference(Op<OpKind::int8_average_pool>, const Trial<Int8PoolArgs>& trial, uint32_t y, uint32_t x, uint32_t c) {
  const Int8PoolArgs& args = trial.args;
  int64_t sum = 0, count = 0;
  visit_taps(args.window, y, x, [&](uint32_t, int in_y, int in_x) {
    if (in_y < 0 || in_y >= (int)args.in.h || in_x < 0 || in_x >= (int)args.in.w) return;
    sum += code_at(trial, 0, in_y, in_x, c) - args.in.zero_point;
    ++count;
  });
  return code(args.ending, scaled(sum, (float)((double)args.multiplier / (double)count)));
}

double reference(Op<OpKind::int8_max_pool>, const Trial<Int8PoolArgs>& trial, uint32_t y, uint32_t x, uint32_t c) {
  const Int8PoolArgs& args = trial.args;
  double most = 0;
  visit_taps(args.window, y, x, [&](uint32_t, int in_y, int in_x) {
    if (in_y < 0 || in_y >= (int)args.in.h || in_x < 0 || in_x >= (int)args.in.w) return;
    most = std::max(most, (double)code_at(trial, 0, in_y, in_x, c));
  });
  return limited(args.ending.clamp, most - args.ending.zero) + args.ending.zero;
}

double reference(Op<OpKind::int8_binary>, const Trial<Int8BinaryArgs>& trial, uint32_t y, uint32_t x, uint32_t c) {
  const Int8BinaryArgs& args = trial.args;
  const int64_t a = operand_at(trial, 0, y, x, c), b = operand_at(trial, 1, y, x, c);
  if (args.function == Int8BinaryFunction::mul) return code(args.ending, scaled(a * b, args.multiplier[0]));
  return code(args.ending, (float)(scaled(a, args.multiplier[0]) + scaled(b, args.multiplier[1])));
}

double reference(Op<OpKind::int8_map>, const Trial<Int8MapArgs>& trial, uint32_t y, uint32_t x, uint32_t c) {
  return trial.weights[(size_t)code_at(trial, 0, (int)y, (int)x, c)];
}

double reference(Op<OpKind::int8_encode>, const Trial<Int8EncodeArgs>& trial, uint32_t y, uint32_t x, uint32_t c) {
  const Int8EncodeArgs& args = trial.args;
  const float in = trial.inputs[0][((size_t)y * args.in.w + x) * args.in.c + c];
  const double value = (float)((double)in * args.multiplier);
  return code(args.ending, std::isnan(value) ? 0 : value);
}

double reference(Op<OpKind::int8_decode>, const Trial<Int8DecodeArgs>& trial, uint32_t y, uint32_t x, uint32_t c) {
  const int64_t in = code_at(trial, 0, (int)y, (int)x, c) - trial.args.in.zero_point;
  return (float)((double)in * trial.args.multiplier);
}

// An op that has codes for an input or its output.
template <class Args>
constexpr bool is_of_codes() {
  if constexpr (requires(Args args) { args.in.zero_point; }) return true;
  if constexpr (requires(Args args) { args.out.zero_point; }) return true;
  return false;
}

template <class Args>
bool agrees(const Trial<Args>& trial, const Outcome& outcome,
            double (*expected)(const Trial<Args>&, uint32_t, uint32_t, uint32_t)) {
  size_t at = 0;
  for (uint32_t y = 0; y < trial.args.out.h; ++y) {
    for (uint32_t x = 0; x < trial.args.out.w; ++x) {
      for (uint32_t c = 0; c < trial.args.out.c; ++c, ++at) {
        if ((double)outcome.out[at] == expected(trial, y, x, c)) continue;
        MESSAGE(outcome.out[at] << " is not " << expected(trial, y, x, c) << " at " << y << ", " << x << ", " << c);
        return false;
      }
    }
  }
  return true;
}

template <OpKind kKind, class Args>
double expected_of(const Trial<Args>& trial, uint32_t y, uint32_t x, uint32_t c) {
  return reference(Op<kKind>(), trial, y, x, c);
}

template <OpKind kKind, class Args>
void check_scalar(Kernel<Args> KernelTable::*kernel, Trial<Args> (*make)(Random&, const TrialOptions&)) {
  if constexpr (is_of_codes<Args>()) {
    INFO(op_name(kKind));
    Random random(11);
    Workspace space;
    for (uint32_t i = 0; i < 200 / kSlowness; ++i) {
      TrialOptions options;
      options.odd_values = i % 4 == 3;
      const Trial<Args> trial = make(random, options);
      REQUIRE(agrees(trial, run(*kernels_named("scalar"), kernel, trial, {}, &space), expected_of<kKind, Args>));
    }
  }
}

// All tables, dense.
template <OpKind kKind, class Args>
void check_tables(Kernel<Args> KernelTable::*kernel, const Trial<Args>& trial, Workspace* space) {
  for (uint32_t t = 0; const KernelTable* table = usable_kernels(t); ++t) {
    INFO(table->isa);
    const Outcome outcome = run(*table, kernel, trial, {}, space);
    CHECK(outcome.stayed_inside);
    REQUIRE(agrees(trial, outcome, expected_of<kKind, Args>));
  }
}

// A convolution whose weights are those of `pair` in turn, and whose codes are `codes` in turn.
Trial<Int8Conv2dArgs> pairs_trial(uint32_t in_c, const int8_t (&pair)[2], const uint8_t (&codes)[2], bool small) {
  Trial<Int8Conv2dArgs> trial;
  Int8Conv2dArgs& args = trial.args;
  args.window = {1, 1, 1, 1, 1, 1, 0, 0};
  args.in = dense_codes(3, 5, in_c, 0);
  args.out = dense_codes(3, 5, 20, 7);
  args.ending = {{-7, 248}, 7};
  const uint32_t rows = (in_c + 3) / 4 * 4, panel_size = 192 + rows * 16;
  args.weights = {nullptr, rows, small};
  trial.weights.assign(2 * panel_size, 0);
  trial.weight_values.resize((size_t)in_c * 20);
  for (uint32_t c = 0; c < 20; ++c) {
    uint8_t* panel = trial.weights.data() + c / 16 * panel_size;
    const float multiplier = 200 / (32640.0f * (float)in_c);
    int32_t sum = 0;
    for (uint32_t k = 0; k < in_c; ++k) {
      sum += int8_weight(panel, c % 16, k) = (int8_t)(c % 2 ? -pair[k % 2] : pair[k % 2]);
      trial.weight_values[k * 20 + c] = int8_weight(panel, c % 16, k);
    }
    std::memcpy(panel + 64 + 4 * (c % 16), &multiplier, 4);
    std::memcpy(panel + 128 + 4 * (c % 16), &sum, 4);
    trial.channels.push_back({0, multiplier, 0});
  }
  trial.inputs.resize(1);
  for (uint32_t i = 0; i < 15 * in_c; ++i) trial.inputs[0].push_back(codes[i % in_c % 2]);
  return trial;
}

}  // namespace

// An op of codes without a reference() does not compile.
TEST_CASE("ops of codes: scalar agrees with integers of 64 bits and doubles, to the bit") {
#define POSY_OP(number, name, Args) check_scalar<OpKind::name>(&KernelTable::name, random_##name);
#include "kernels/ops.def"
#undef POSY_OP
}

TEST_CASE("int8_conv_2d: pairs of any size and codes of 255 saturate nowhere") {
  Workspace space;
  const int8_t pairs[][2] = {{127, 127}, {-127, -127}, {127, -127}, {64, 64}, {127, 1}, {1, 127}, {-64, -64}};
  const uint8_t codes[][2] = {{255, 255}, {255, 0}, {0, 255}, {0, 0}, {1, 254}};
  for (const auto& pair : pairs) {
    for (const auto& code : codes) {
      for (const uint32_t in_c : {1u, 4u, 7u, 16u, 64u, 130u}) {
        const bool is_small = std::abs(pair[0]) + std::abs(pair[1]) <= 128;
        for (const bool small : {false, is_small}) {
          check_tables<OpKind::int8_conv_2d>(&KernelTable::int8_conv_2d, pairs_trial(in_c, pair, code, small), &space);
        }
      }
    }
  }
}

TEST_CASE("int8_conv_2d: inputs of more than one block of rows agree with integers of 64 bits") {
  Random random(7);
  Workspace space;
  for (const uint32_t k : {1u, 3u}) {
    Trial<Int8Conv2dArgs> trial;
    Int8Conv2dArgs& args = trial.args;
    args.window = {k, k, 1, 1, 1, 1, k / 2, k / 2};
    args.in = dense_codes(62, 33, 144, 9);  // 288 KiB
    args.out = dense_codes(62, 33, k == 1 ? 19 : 3, 128);
    args.ending = {{-128, 127}, 128};
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < k * k * 144; ++row) rows.push_back(row);
    random_int8_weights(random, rows, k * k * 144, &trial);
    random_code_inputs(random, &trial);
    check_tables<OpKind::int8_conv_2d>(&KernelTable::int8_conv_2d, trial, &space);
  }
}

TEST_CASE("int8_conv_2d: one pixel with every number of channels, as in a fully connected layer") {
  Random random(9);
  Workspace space;
  for (uint32_t out_c = 1; out_c <= 70; ++out_c) {
    Trial<Int8Conv2dArgs> trial;
    Int8Conv2dArgs& args = trial.args;
    args.window = {1, 1, 1, 1, 1, 1, 0, 0};
    args.in = dense_codes(1, 1, out_c, 3);
    args.out = dense_codes(1, 1, out_c, 0);
    args.floats = dense_tensor(1, 1, out_c);
    args.ending = {{-1e30f, 1e30f}, 0};
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < out_c; ++row) rows.push_back(row);
    random_int8_weights(random, rows, (out_c + 3) / 4 * 4, &trial);
    random_code_inputs(random, &trial);
    check_tables<OpKind::int8_conv_2d>(&KernelTable::int8_conv_2d, trial, &space);
  }
}

TEST_CASE("int8_depthwise_conv_2d: 3x3 rows of every width, both strides and all paddings") {
  Random random(8);
  Workspace space;
  for (uint32_t width = 1; width <= 20; ++width) {
    for (uint32_t stride = 1; stride <= 2; ++stride) {
      for (uint32_t pad = 0; pad <= 2; ++pad) {
        Trial<Int8DepthwiseConv2dArgs> trial;
        Int8DepthwiseConv2dArgs& args = trial.args;
        const uint32_t c = width % 3 == 0 ? 64 : 37;
        args.window = {3, 3, stride, stride, 1, 1, pad, pad};
        args.in = dense_codes(5, width, c, 100);
        args.out = dense_codes((4 + pad) / stride + 1, (width + pad - 1) / stride + 1, c, 5);
        args.ending = {{-5, 250}, 5};
        random_int8_weights(random, {0, 4, 8, 2, 6, 10, 1, 5, 9}, 12, &trial);
        random_code_inputs(random, &trial);
        check_tables<OpKind::int8_depthwise_conv_2d>(&KernelTable::int8_depthwise_conv_2d, trial, &space);
      }
    }
  }
}

TEST_CASE("codes: rounding is to the nearest, and of two that are as near to the even one") {
  const Int8Ending all = {{-128, 127}, 128};
  for (int quarter = -4 * 140; quarter <= 4 * 140; ++quarter) {
    const double x = quarter / 4.0;
    CHECK(int8_code(all, (float)x) == (int)std::nearbyint(std::min(127.0, std::max(-128.0, x))) + 128);
  }
  CHECK(int8_code(all, 0.5f) == 128);
  CHECK(int8_code(all, 1.5f) == 130);
  CHECK(int8_code(all, -0.5f) == 128);
  CHECK(int8_code(all, std::nextafter(0.5f, 1.0f)) == 129);
  CHECK(int8_code(all, std::numeric_limits<float>::infinity()) == 255);
}
