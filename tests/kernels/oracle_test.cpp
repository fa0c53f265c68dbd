// The scalar table against loops written here in double precision, and the small arithmetic that kernels share.
#include <doctest/doctest.h>

#include "kernels/math.hpp"
#include "tests/kernels/random_trials.h"

using namespace posy;

namespace {

constexpr double kUnit = 1.0 / (1 << 24);  // half an ulp of 1.0f: the rounding of one float operation
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A value and how far from it a float sum of `terms` terms, of sizes that add up to `magnitude`, may lie.
struct Sum {
  double value = 0, magnitude = 0;
  uint32_t terms = 0;

  void add(double term) {
    value += term;
    magnitude += std::fabs(term);
    ++terms;
  }
  // A result that lies up to `units` of its own rounding from the exact value.
  static Sum near(double exact, uint32_t units) { return {exact, std::fabs(exact), units}; }
  double tolerance() const { return (terms + 3) * kUnit * magnitude * 1.01 + 1e-37; }
};

// Calls visit(row, input pixel's first channel) for the taps of output (y, x) that lie inside the input.
template <class Visit>
void visit_window(const Window& w, const Tensor& in, uint32_t y, uint32_t x, Visit visit) {
  for (uint32_t i = 0; i < w.k_h; ++i) {
    for (uint32_t j = 0; j < w.k_w; ++j) {
      const int in_y = (int)(y * w.stride_h + i * w.dilation_h) - (int)w.pad_top;
      const int in_x = (int)(x * w.stride_w + j * w.dilation_w) - (int)w.pad_left;
      if (in_y < 0 || in_y >= (int)in.h || in_x < 0 || in_x >= (int)in.w) continue;
      visit(i * w.k_w + j, ((size_t)in_y * in.w + (size_t)in_x) * in.c);
    }
  }
}

// Runs random trials on the scalar table and compares every output with reference(trial, y, x, channel) after clamping.
template <class Args, class Reference>
void check_against(Kernel<Args> KernelTable::*kernel, Trial<Args> (*make)(Random&, const TrialOptions&),
                   Reference reference) {
  Random random(11);
  Workspace space;
  for (int i = 0; i < 200; ++i) {
    const Trial<Args> trial = make(random, {});
    const Outcome outcome = run(*kernels_named("scalar"), kernel, trial, {}, &space);
    const Tensor& out = trial.args.out;
    size_t at = 0, wrong = 0;
    for (uint32_t y = 0; y < out.h; ++y) {
      for (uint32_t x = 0; x < out.w; ++x) {
        for (uint32_t c = 0; c < out.c; ++c, ++at) {
          const Sum sum = reference(trial, y, x, c);
          double expected = sum.value;
          if constexpr (requires { trial.args.clamp; }) {
            expected = std::clamp(expected, (double)trial.args.clamp.low, (double)trial.args.clamp.high);
          }
          const float got = outcome.out[at];
          const bool same = got == (float)expected || (std::isnan(got) && std::isnan(expected));
          wrong += !same && !(std::fabs(got - expected) <= sum.tolerance());
        }
      }
    }
    REQUIRE(wrong == 0);
  }
}

// What a convolution's channel makes of its sum.
template <class Channel>
Sum finished(const Channel& channel, Sum sum) {
  sum.add(-channel.center);
  sum.value = sum.value * channel.scale + channel.bias;
  sum.magnitude = sum.magnitude * std::fabs(channel.scale) + std::fabs(channel.bias);
  return sum;
}

// Element (y, x, c) of an input; along axes where it has size 1, its only one.
template <class Args>
double input_at(const Trial<Args>& trial, size_t input, uint32_t y, uint32_t x, uint32_t c) {
  Args args = trial.args;
  const Tensor& t = *inputs_of(args)[input];
  const auto place = [](uint32_t at, uint32_t size) { return size == 1 ? 0 : at; };
  return trial.inputs[input][((size_t)place(y, t.h) * t.w + place(x, t.w)) * t.c + place(c, t.c)];
}

// The functions of one element as a mathematician has them.
double unary_in_double(UnaryFunction function, const float* p, double x) {
  switch (function) {
    case UnaryFunction::sigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryFunction::tanh:
      return std::tanh(x);
    case UnaryFunction::elu:
      return x < 0 ? std::expm1(x) : x;
    case UnaryFunction::selu:  // Klambauer et al., Self-Normalizing Neural Networks, 2017
      return 1.0507009873554804934 * (x < 0 ? 1.6732632423543772848 * std::expm1(x) : x);
    case UnaryFunction::leaky_relu:
      return x < 0 ? p[0] * x : x;
    case UnaryFunction::softplus:
      return std::log1p(std::exp(x));
    case UnaryFunction::softsign:
      return x / (1 + std::fabs(x));
    case UnaryFunction::abs:
      return std::fabs(x);
    case UnaryFunction::square:
      return x * x;
    case UnaryFunction::sqrt:
      return std::sqrt(x);
    case UnaryFunction::rsqrt:
      return 1 / std::sqrt(x);
    case UnaryFunction::exp:
      return std::exp(x);
    case UnaryFunction::log:
      return std::log(x);
    case UnaryFunction::erf:
      return std::erf(x);
    case UnaryFunction::swish:
      return x / (1 + std::exp(-x));
    case UnaryFunction::hard_swish:
      return x * std::min(6.0, std::max(0.0, x + 3)) / 6;
    case UnaryFunction::fake_quant: {  // p: low, high, step, 1 / step
      const double steps = std::floor((std::min((double)p[1], std::max((double)p[0], x)) - p[0]) / p[2] + 0.5);
      return p[0] + steps * p[2];
    }
    case UnaryFunction::floor:
      return std::floor(x);
    case UnaryFunction::expm1:
      return std::expm1(x);
    case UnaryFunction::log1p:
      return std::log1p(x);
    case UnaryFunction::reciprocal:
      return 1 / x;
    case UnaryFunction::neg:
      return -x;
  }
  return NAN;
}

double binary_in_double(BinaryFunction function, double a, double b) {
  switch (function) {
    case BinaryFunction::add:
      return a + b;
    case BinaryFunction::sub:
      return a - b;
    case BinaryFunction::mul:
      return a * b;
    case BinaryFunction::div:
      return a / b;
    case BinaryFunction::maximum:
      return std::max(a, b);
    case BinaryFunction::minimum:
      return std::min(a, b);
    case BinaryFunction::squared_difference:
      return (a - b) * (a - b);
  }
  return NAN;
}

// 0 ... size - 1 with one mirror image on either side, written out.
int mirrored(PadMode mode, int at, int size) {
  std::vector<int> line;
  const int twice = mode == PadMode::symmetric ? 1 : 0;  // the edge is repeated
  for (int i = size - 1; i > 0 - twice; --i) line.push_back(i);
  for (int i = 0; i < size; ++i) line.push_back(i);
  for (int i = size - 2 + twice; i >= 0; --i) line.push_back(i);
  return line.at((size_t)(at + size - 1 + twice));
}

// TensorFlow's scalers and interpolation weights (image_resizer_state.h, resize_bilinear_op.cc,
// resize_nearest_neighbor_op.cc), in its own words.
float resize_scale(const ResizeArgs& args, uint32_t in, uint32_t out) {
  return args.align_corners && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
}
uint32_t nearest_source(const ResizeArgs& args, uint32_t at, uint32_t in, uint32_t out) {
  const float scale = resize_scale(args, in, out);
  const float source = args.half_pixel_centers ? ((float)at + 0.5f) * scale : (float)at * scale;
  const int64_t whole = (int64_t)(args.align_corners ? std::round(source) : std::floor(source));
  return (uint32_t)std::max<int64_t>(0, std::min<int64_t>(whole, (int64_t)in - 1));
}
struct Interpolation {
  uint32_t lower, upper;
  double lerp;
};
Interpolation bilinear_source(const ResizeArgs& args, uint32_t at, uint32_t in, uint32_t out) {
  const float scale = resize_scale(args, in, out);
  const float source = args.half_pixel_centers ? ((float)at + 0.5f) * scale - 0.5f : (float)at * scale;
  const float whole = std::floor(source);
  const int64_t lower = std::max<int64_t>((int64_t)whole, 0);
  const int64_t upper = std::min<int64_t>((int64_t)std::ceil(source), (int64_t)in - 1);
  return {(uint32_t)std::min(lower, upper), (uint32_t)upper, (double)(source - whole)};
}

std::vector<float> softmax_of(const std::vector<float>& in, bool is_log = false) {
  Workspace space;
  Trial<SoftmaxArgs> trial;
  trial.args.is_log = is_log;
  trial.args.in = trial.args.out = dense_tensor(1, 1, (uint32_t)in.size());
  trial.inputs = {in};
  return run(*kernels_named("scalar"), &KernelTable::softmax, trial, {}, &space).out;
}

}  // namespace

TEST_CASE("conv_2d: scalar agrees with a loop in double") {
  check_against(&KernelTable::conv_2d, random_conv_2d, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const Conv2dArgs& args = trial.args;
    Sum sum;
    visit_window(args.window, args.in, y, x, [&](uint32_t tap, size_t pixel) {
      for (uint32_t k = 0; k < args.in.c; ++k) {
        sum.add(trial.inputs[0][pixel + k] * trial.weight_values[((size_t)tap * args.in.c + k) * args.out.c + c]);
      }
    });
    return finished(trial.channels[c], sum);
  });
}

TEST_CASE("depthwise_conv_2d: scalar agrees with a loop in double") {
  check_against(&KernelTable::depthwise_conv_2d, random_depthwise_conv_2d,
                [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
                  const DepthwiseConv2dArgs& args = trial.args;
                  Sum sum;
                  visit_window(args.window, args.in, y, x, [&](uint32_t tap, size_t pixel) {
                    sum.add(trial.inputs[0][pixel + c] * trial.weight_values[(size_t)tap * args.out.c + c]);
                  });
                  return finished(trial.channels[c], sum);
                });
}

TEST_CASE("average_pool: scalar agrees with a loop in double, and counts only pixels inside") {
  check_against(&KernelTable::average_pool, random_average_pool,
                [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
                  Sum sum;
                  visit_window(trial.args.window, trial.args.in, y, x,
                               [&](uint32_t, size_t pixel) { sum.add(trial.inputs[0][pixel + c]); });
                  sum.value /= sum.terms;
                  sum.magnitude /= sum.terms;
                  return sum;
                });
}

TEST_CASE("max_pool: scalar agrees with a plain loop") {
  check_against(&KernelTable::max_pool, random_max_pool, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    Sum most;
    most.value = -kInfinity;
    visit_window(trial.args.window, trial.args.in, y, x, [&](uint32_t, size_t pixel) {
      most.value = std::max(most.value, (double)trial.inputs[0][pixel + c]);
    });
    return most;
  });
}

TEST_CASE("unary: scalar agrees with the functions in double") {
  check_against(&KernelTable::unary, random_unary, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const UnaryArgs& args = trial.args;
    const double in = input_at(trial, 0, y, x, c), exact = unary_in_double(args.function, args.p, in);
    if (args.function == UnaryFunction::fake_quant) {
      // Half way between two steps either one is near enough.
      const double at = (std::min((double)args.p[1], std::max((double)args.p[0], in)) - args.p[0]) / args.p[2] + 0.5;
      return Sum{exact, std::fabs(at - std::round(at)) < 1e-3 ? args.p[2] / kUnit : 4.0, 3};
    }
    return Sum::near(exact, 12);
  });
}

TEST_CASE("binary: scalar agrees with the functions in double, whichever operand has size 1 along an axis") {
  check_against(&KernelTable::binary, random_binary, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const double a = input_at(trial, 0, y, x, c), b = input_at(trial, 1, y, x, c);
    return Sum::near(binary_in_double(trial.args.function, a, b), 1);
  });
}

TEST_CASE("binary: every pattern of sizes 1 agrees with double") {
  Random random(5);
  Workspace space;
  for (uint32_t pattern = 0; pattern < 27; ++pattern) {
    Trial<BinaryArgs> trial;
    uint32_t a[3] = {3, 4, 5}, b[3] = {3, 4, 5}, rest = pattern;
    for (int axis = 0; axis < 3; ++axis, rest /= 3) {
      if (rest % 3 != 0) (rest % 3 == 1 ? a : b)[axis] = 1;
    }
    trial.args = {dense_tensor(a[0], a[1], a[2]),
                  dense_tensor(b[0], b[1], b[2]),
                  dense_tensor(3, 4, 5),
                  {-kInfinity, kInfinity},
                  BinaryFunction::sub};
    random_inputs(random, {}, &trial);
    const Outcome outcome = run(*kernels_named("scalar"), &KernelTable::binary, trial, {}, &space);
    for (uint32_t i = 0; i < 60; ++i) {
      const uint32_t y = i / 20, x = i / 5 % 4, c = i % 5;
      CHECK(outcome.out[i] == (float)(input_at(trial, 0, y, x, c) - input_at(trial, 1, y, x, c)));
    }
  }
}

TEST_CASE("pad: scalar agrees with lines written out, for borders, mirrors, crops and steps") {
  check_against(&KernelTable::pad, random_pad, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const PadArgs& args = trial.args;
    int at_y = (int)(y * args.stride_h) - args.top, at_x = (int)(x * args.stride_w) - args.left;
    const int h = (int)args.in.h, w = (int)args.in.w;
    if (args.mode == PadMode::constant) {
      if (at_y < 0 || at_y >= h || at_x < 0 || at_x >= w) return Sum{args.value};
    } else {
      at_y = mirrored(args.mode, at_y, h);
      at_x = mirrored(args.mode, at_x, w);
    }
    return Sum{input_at(trial, 0, (uint32_t)at_y, (uint32_t)at_x, c)};
  });
}

TEST_CASE(
    "resize: scalar agrees with TensorFlow's rules, for both methods, with corners aligned and half-pixel centres") {
  check_against(&KernelTable::resize, random_resize, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const ResizeArgs& args = trial.args;
    const auto pixel = [&](uint32_t in_y, uint32_t in_x) { return input_at(trial, 0, in_y, in_x, c); };
    if (args.nearest) {
      return Sum{pixel(nearest_source(args, y, args.in.h, args.out.h), nearest_source(args, x, args.in.w, args.out.w))};
    }
    const Interpolation v = bilinear_source(args, y, args.in.h, args.out.h);
    const Interpolation h = bilinear_source(args, x, args.in.w, args.out.w);
    Sum sum;
    for (const auto& [row, row_share] : {std::pair(v.lower, 1 - v.lerp), std::pair(v.upper, v.lerp)}) {
      sum.add(row_share * (1 - h.lerp) * pixel(row, h.lower));
      sum.add(row_share * h.lerp * pixel(row, h.upper));
    }
    sum.magnitude = 8;  // of the differences of pixels, which lie in [-2, 2]
    return sum;
  });
}

TEST_CASE("resize: nearest neighbour copies pixels, whatever its neighbours are") {
  Workspace space;
  Trial<ResizeArgs> trial;
  trial.args = {dense_tensor(2, 2, 1), dense_tensor(4, 4, 1), true, false, false};
  trial.inputs = {{1, kInfinity, -kInfinity, 2}};
  const Outcome outcome = run(*kernels_named("scalar"), &KernelTable::resize, trial, {}, &space);
  const float i = kInfinity;
  CHECK(outcome.out == std::vector<float>{1, 1, i, i, 1, 1, i, i, -i, -i, 2, 2, -i, -i, 2, 2});
}

TEST_CASE("transpose: scalar agrees with an index worked out for every output") {
  check_against(&KernelTable::transpose, random_transpose, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const TransposeArgs& args = trial.args;
    uint32_t flat = (y * args.out.w + x) * args.out.c + c, index[4] = {};
    for (int i = 3; i >= 0; --i) {
      const uint32_t size = args.dims[args.order[i]];
      index[args.order[i]] = flat % size;
      flat /= size;
    }
    uint32_t from = 0;
    for (int axis = 0; axis < 4; ++axis) from = from * args.dims[axis] + index[axis];
    return Sum{trial.inputs[0][from]};
  });
}

TEST_CASE("reduce: scalar agrees with a loop in double, along every choice of axes") {
  check_against(&KernelTable::reduce, random_reduce, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const ReduceArgs& args = trial.args;
    const auto range = [](uint32_t at, uint32_t in, uint32_t out) {
      return out == 1 ? Range{0, in} : Range{at, at + 1};
    };
    const Range rows = range(y, args.in.h, args.out.h), columns = range(x, args.in.w, args.out.w);
    const Range channels = range(c, args.in.c, args.out.c);
    Sum sum;
    double most = -kInfinity, least = kInfinity;
    for (uint32_t i = rows.begin; i < rows.end; ++i) {
      for (uint32_t j = columns.begin; j < columns.end; ++j) {
        for (uint32_t k = channels.begin; k < channels.end; ++k) {
          const double in = input_at(trial, 0, i, j, k);
          sum.add(in);
          most = std::max(most, in);
          least = std::min(least, in);
        }
      }
    }
    if (args.function == ReduceFunction::maximum) return Sum{most};
    if (args.function == ReduceFunction::minimum) return Sum{least};
    if (args.function == ReduceFunction::mean) {
      sum.value /= sum.terms;
      sum.magnitude /= sum.terms;
    }
    return sum;
  });
}

TEST_CASE("batch_product: scalar agrees with matrix products in double, plain and transposed") {
  check_against(
      &KernelTable::batch_product, random_batch_product, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
        Sum sum;
        for (uint32_t k = 0; k < trial.args.a.c; ++k) {
          const std::vector<float>&a = trial.inputs[0], &b = trial.inputs[1];
          const uint32_t all = trial.args.a.c, n = trial.args.out.w, m = trial.args.out.c;
          const float right = trial.args.b_is_transposed ? b[(y * m + c) * all + k] : b[(y * all + k) * m + c];
          sum.add((double)a[(y * n + x) * all + k] * right);
        }
        return sum;
      });
}

// Codes 0 ... 255 of the range of another tensor and 0; one of them stands for 0.
TEST_CASE("quantize: scalar agrees with codes worked out in double, for every rounding") {
  Random random(17);
  Workspace space;
  for (int i = 0; i < 200; ++i) {
    const Trial<QuantizeArgs> trial = random_quantize(random, {});
    const QuantizeArgs& args = trial.args;
    const std::vector<float>& measured = trial.inputs[1];
    double low = std::min(0.0f, *std::min_element(measured.begin(), measured.end()));
    double high = std::max(0.0f, *std::max_element(measured.begin(), measured.end()));
    if (args.function == QuantizeFunction::quantize_v2) high = std::max(high, low + 0.01 * std::max({1.0, -low, high}));
    const std::vector<float> out = run(*kernels_named("scalar"), &KernelTable::quantize, trial, {}, &space).out;
    if (args.function == QuantizeFunction::bias_add) {
      // The 32-bit code of the low end of 2^17 times the range, in float, and how far it is from -2^31.
      const float limit = std::max({(float)-low, (float)high, args.bias_limit}) * 131072;
      const double code = std::round(-limit * (float)(4294967295.0 / (2.0 * limit)));
      const double shift = limit > 0 ? -2 * (code + 2147483648.0) * limit / 2147483648.0 : 0;
      for (size_t at = 0; at < out.size(); ++at) {
        const double x = trial.inputs[0][at] + shift;
        const double expected = std::min((double)args.clamp.high, std::max((double)args.clamp.low, x));
        if (!(std::fabs(out[at] - expected) <= 1e-6)) FAIL(out[at] << " is not " << expected);
      }
      continue;
    }
    if (high == low) {
      CHECK(std::count(out.begin(), out.end(), 0.0f) == (std::ptrdiff_t)out.size());
      continue;
    }
    const double step = (high - low) / 255, first = std::round(low / step);
    const auto limited = [](double code) { return std::min(255.0, std::max(0.0, code)); };
    // The codes nearest to the limits; an infinite limit is none.
    const double lowest = limited(std::round(args.clamp.low / step) - first);
    const double highest = limited(std::round(args.clamp.high / step) - first);
    size_t wrong = 0;
    for (size_t at = 0; at < out.size(); ++at) {
      const double x = trial.inputs[0][at];
      const double exact = args.function == QuantizeFunction::requantize ? (x - low) / step + 0.5
                           : args.function == QuantizeFunction::average  ? x / step - first
                                                                         : x / step;
      const bool rounds_down =
          args.function == QuantizeFunction::requantize || args.function == QuantizeFunction::average;
      const double code = rounds_down ? std::floor(exact) : std::round(exact) - first;
      const double expected = (std::min(highest, std::max(lowest, code)) + first) * step;
      // Where the exact value lies between two codes, or the first code or a limit does, either one is near enough.
      const auto is_tie = [](double v) { return std::fabs(v - std::floor(v) - 0.5) < 2e-3; };
      const bool either = is_tie(rounds_down ? exact + 0.5 : exact) || is_tie(low / step) ||
                          is_tie(args.clamp.low / step) || is_tie(args.clamp.high / step);
      wrong += !(std::fabs(out[at] - expected) <= (either ? 1.001 : 1e-4) * step);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("local_response_norm: scalar agrees with the formula in double") {
  check_against(&KernelTable::local_response_norm, random_local_response_norm,
                [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
                  const LocalResponseNormArgs& args = trial.args;
                  double squares = 0;
                  for (int k = (int)c - (int)args.radius; k <= (int)(c + args.radius); ++k) {
                    if (k < 0 || k >= (int)args.in.c) continue;
                    squares += std::pow(input_at(trial, 0, y, x, (uint32_t)k), 2);
                  }
                  const double base = args.bias + args.alpha * squares;
                  return Sum::near(input_at(trial, 0, y, x, c) / std::pow(base, args.beta), 40);
                });
}

TEST_CASE("copy: scalar agrees with a plain loop") {
  check_against(&KernelTable::copy, random_copy, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    Sum sum;
    sum.value = trial.inputs[0][((size_t)y * trial.args.out.w + x) * trial.args.out.c + c];
    return sum;
  });
}

TEST_CASE("softmax: agrees with double and sums to 1") {
  Random random(12);
  for (uint32_t n = 1; n <= 1001; n = n * 3 / 2 + 1) {
    std::vector<float> in(n);
    for (float& x : in) x = random.real(-20, 20);
    const std::vector<float> out = softmax_of(in);
    double all = 0, sum = 0;
    for (const float x : in) all += std::exp((double)x);
    for (uint32_t i = 0; i < n; ++i) {
      // The difference in - max is rounded once: a relative error of |x| units in its exponential.
      CHECK(out[i] == doctest::Approx(std::exp((double)in[i]) / all).epsilon((n + 60) * kUnit));
      sum += out[i];
    }
    CHECK(std::fabs(sum - 1) <= (n + 4) * kUnit);
  }
}

TEST_CASE("softmax: its logarithm agrees with double, where the probability itself is 0 too") {
  Random random(13);
  for (uint32_t n = 1; n <= 1001; n = n * 3 / 2 + 1) {
    std::vector<float> in(n);
    for (float& x : in) x = random.real(-200, 200);
    const std::vector<float> out = softmax_of(in, true);
    const double most = *std::max_element(in.begin(), in.end());
    double all = 0;
    for (const float x : in) all += std::exp(x - most);
    for (uint32_t i = 0; i < n; ++i) {
      const double exact = in[i] - most - std::log(all);
      CHECK(std::fabs(out[i] - exact) <= (n + 10 + 4 * std::fabs(exact)) * kUnit);
    }
  }
  CHECK(softmax_of({3e38f, 0, -kInfinity}, true) == std::vector<float>{0, -3e38f, -kInfinity});
  CHECK(softmax_of({123}, true) == std::vector<float>{0});
}

TEST_CASE("softmax: huge, equal and far values") {
  CHECK(softmax_of({3e38f, 0, -3e38f}) == std::vector<float>{1, 0, 0});
  CHECK(softmax_of({-kInfinity, 5, -kInfinity}) == std::vector<float>{0, 1, 0});
  CHECK(softmax_of({7, 7, 7, 7}) == std::vector<float>(4, 0.25f));
  CHECK(softmax_of({123}) == std::vector<float>{1});
}

TEST_CASE("softmax: a NaN or an infinite maximum makes every score NaN, wherever it stands") {
  for (const float odd : {NAN, kInfinity}) {
    for (size_t at = 0; at < 3; ++at) {
      std::vector<float> in = {1, 2, 3};
      in[at] = odd;
      const std::vector<float> out = softmax_of(in);
      CHECK(std::isnan(out[at]));
      if (std::isnan(odd)) CHECK((std::isnan(out[0]) && std::isnan(out[1]) && std::isnan(out[2])));
    }
  }
}

TEST_CASE("clamp_f32: NaN comes through, as in TensorFlow") {
  CHECK(std::isnan(clamp_f32({0, 6}, NAN)));
  CHECK(clamp_f32({0, 6}, kInfinity) == 6);
  CHECK(clamp_f32({0, 6}, -kInfinity) == 0);
  CHECK(clamp_f32({-kInfinity, kInfinity}, kInfinity) == kInfinity);
}

TEST_CASE("valid_taps: exactly the taps that lie inside") {
  for (int64_t origin = -40; origin <= 40; ++origin) {
    for (uint32_t taps = 1; taps <= 7; ++taps) {
      for (uint32_t dilation = 1; dilation <= 5; ++dilation) {
        for (uint32_t size = 1; size <= 12; ++size) {
          const Range range = valid_taps(origin, taps, dilation, size);
          bool right = range.begin <= range.end && range.end <= taps;
          for (uint32_t i = 0; i < taps; ++i) {
            const int64_t at = origin + (int64_t)i * dilation;
            right &= (at >= 0 && at < size) == (i >= range.begin && i < range.end);
          }
          if (!right) FAIL(origin << " " << taps << " " << dilation << " " << size);
        }
      }
    }
  }
  const Range far = valid_taps(-4095, 4096, 4096, 1u << 20);
  CHECK(far.begin == 1);
  CHECK(far.end == 257);
}

TEST_CASE(
    "share: parts are disjoint, in order, cover everything, start at whole units and differ by one unit at most") {
  for (uint32_t begin : {0u, 5u}) {
    for (uint32_t size = 0; size <= 70; ++size) {
      for (uint32_t unit : {1u, 2u, 16u}) {
        for (uint32_t parts = 1; parts <= 9; ++parts) {
          uint32_t at = begin, least = ~0u, most = 0;
          for (uint32_t part = 0; part < parts; ++part) {
            const Range range = share({begin, begin + size}, unit, part, parts);
            REQUIRE(range.begin == at);
            REQUIRE(range.end >= range.begin);
            REQUIRE(((range.begin - begin) % unit == 0 || range.begin == begin + size));
            const uint32_t units = (range.end - range.begin + unit - 1) / unit;
            least = std::min(least, units), most = std::max(most, units);
            at = range.end;
          }
          REQUIRE(at == begin + size);
          REQUIRE(most - least <= 1);
        }
      }
    }
  }
}
