// The scalar table against loops written here in double precision, and the small arithmetic that kernels share.
#include <doctest/doctest.h>

#include <iostream>

#include "kernels/softmax.hpp"
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
  for (int i = 0; i < 100; ++i) {
    const Trial<Args> trial = make(random, {});
    const Outcome outcome = run(*kernels_named("scalar"), kernel, trial, {}, &space);
    const Tensor& out = trial.args.out;
    size_t at = 0, wrong = 0;
    for (uint32_t y = 0; y < out.h; ++y) {
      for (uint32_t x = 0; x < out.w; ++x) {
        for (uint32_t c = 0; c < out.c; ++c, ++at) {
          const Sum sum = reference(trial, y, x, c);
          const double expected = std::clamp(sum.value, (double)trial.args.clamp.low, (double)trial.args.clamp.high);
          wrong += !(std::fabs(outcome.out[at] - expected) <= sum.tolerance());
        }
      }
    }
    REQUIRE(wrong == 0);
  }
}

double ulp_of(double value) {
  int exponent;
  std::frexp(value, &exponent);
  return std::ldexp(1.0, exponent - 24);
}

std::vector<float> softmax_of(const std::vector<float>& in) {
  Workspace space;
  Trial<SoftmaxArgs> trial;
  trial.args.in = trial.args.out = dense_tensor(1, 1, (uint32_t)in.size());
  trial.inputs = {in};
  return run(*kernels_named("scalar"), &KernelTable::softmax, trial, {}, &space).out;
}

}  // namespace

TEST_CASE("conv_2d: scalar agrees with a loop in double") {
  check_against(&KernelTable::conv_2d, random_conv_2d, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const Conv2dArgs& args = trial.args;
    Sum sum;
    sum.add(trial.bias[c]);
    visit_window(args.window, args.in, y, x, [&](uint32_t tap, size_t pixel) {
      for (uint32_t k = 0; k < args.in.c; ++k) {
        sum.add(trial.inputs[0][pixel + k] * trial.weight_values[((size_t)tap * args.in.c + k) * args.out.c + c]);
      }
    });
    return sum;
  });
}

TEST_CASE("depthwise_conv_2d: scalar agrees with a loop in double") {
  check_against(&KernelTable::depthwise_conv_2d, random_depthwise_conv_2d,
                [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
                  const DepthwiseConv2dArgs& args = trial.args;
                  Sum sum;
                  sum.add(trial.bias[c]);
                  visit_window(args.window, args.in, y, x, [&](uint32_t tap, size_t pixel) {
                    sum.add(trial.inputs[0][pixel + c] * trial.weight_values[(size_t)tap * args.out.c + c]);
                  });
                  return sum;
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

TEST_CASE("add: scalar agrees with a plain loop") {
  check_against(&KernelTable::add, random_add, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    const size_t at = ((size_t)y * trial.args.out.w + x) * trial.args.out.c + c;
    Sum sum;
    sum.add(trial.inputs[0][at]);
    sum.add(trial.inputs[1][at]);
    return sum;
  });
}

TEST_CASE("copy: scalar agrees with a plain loop") {
  check_against(&KernelTable::copy, random_copy, [](const auto& trial, uint32_t y, uint32_t x, uint32_t c) {
    Sum sum;
    sum.value = trial.inputs[0][((size_t)y * trial.args.out.w + x) * trial.args.out.c + c];
    return sum;
  });
}

TEST_CASE("exp_f32: at most 1 ulp from the correctly rounded exponential on [-87, 88]") {
  double most = 0, at = 0, most_from_rounded = 0;
  for (uint32_t i = 0; i <= 3500000; ++i) {
    const float x = (float)(-87.0 + i * (175.0 / 3500000));
    const double exact = std::exp((double)x);
    const double error = std::fabs(exp_f32(x) - exact) / ulp_of(exact);
    if (error > most) most = error, at = x;
    most_from_rounded = std::max(most_from_rounded, std::fabs((double)exp_f32(x) - (float)exact) / ulp_of(exact));
  }
  std::cout << "exp_f32: at most " << most << " ulp, at " << at << "\n";
  CHECK(most_from_rounded <= 1);
  CHECK(exp_f32(0.0f) == 1.0f);
  CHECK(exp_f32(-87.01f) == 0.0f);
  CHECK(exp_f32(-kInfinity) == 0.0f);
  CHECK(exp_f32(88.01f) == kInfinity);
  CHECK(exp_f32(kInfinity) == kInfinity);
  CHECK(std::isnan(exp_f32(NAN)));
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
