// The functions of kernels/elementary.hpp against double precision, over their whole range; and the same bits in every
// table, through the unary kernel.
#include <doctest/doctest.h>

#include <iostream>

#include "kernels/elementary.hpp"
#include "tests/kernels/random_trials.h"

using namespace posy;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr uint32_t kSteps = 1000000;

// The distance between floats at `value`; among denormals, of the smallest normal ones.
double ulp_of(double value) {
  int exponent;
  std::frexp(value, &exponent);
  return std::ldexp(1.0, std::max(exponent, -125) - 24);
}

struct Range64 {
  double low, high;
};

// At most `most` ulps over the range: in equal steps, and in steps of equal ratio from both of its ends towards 0.
template <class Function, class Exact>
void check_errors(const char* name, Range64 range, double most, Function function, Exact exact) {
  double worst = 0, worst_at = 0;
  const auto look = [&](float x) {
    const double value = exact((double)x);
    const double error = std::fabs((double)function(x) - value) / ulp_of(value);
    if (!(error <= worst)) worst = error, worst_at = x;
  };
  for (uint32_t i = 0; i <= kSteps; ++i) look((float)(range.low + (range.high - range.low) * i / kSteps));
  for (const double end : {range.low, range.high}) {
    for (uint32_t i = 0; i < kSteps / 10; ++i) {
      const double x = end * std::exp(-80.0 * i / (kSteps / 10));
      if (x >= range.low && x <= range.high) look((float)x);
    }
  }
  std::cout << name << " on [" << range.low << ", " << range.high << "]: at most " << worst << " ulp, at " << worst_at
            << "\n";
  CHECK(worst <= most);
}

bool is_negative_zero(float x) {
  return float_to_bits(x) == 0x80000000u;
}

}  // namespace

TEST_CASE("exp: at most 1 ulp on [-87, 88], 0 and infinity beyond") {
  check_errors("exp", {-87, 88}, 1.0, exp_f32, [](double x) { return std::exp(x); });
  CHECK(exp_f32(0.0f) == 1);
  CHECK(exp_f32(-0.0f) == 1);
  CHECK(exp_f32(1e-41f) == 1);
  CHECK(exp_f32(-87.01f) == 0);
  CHECK(exp_f32(-kInfinity) == 0);
  CHECK(exp_f32(88.01f) == kInfinity);
  CHECK(exp_f32(kInfinity) == kInfinity);
  CHECK(std::isnan(exp_f32(kNan)));
}

TEST_CASE("log: at most 2 ulp of every normal number; denormals count as 0") {
  const auto exact = [](double x) { return std::log(x); };
  check_errors("log", {0.5, 2}, 2.0, log_f32, exact);
  check_errors("log", {0.99, 1.01}, 2.0, log_f32, exact);
  check_errors("log", {1.1754944e-38, 1}, 2.0, log_f32, exact);
  check_errors("log", {1, 3.4e38}, 2.0, log_f32, exact);
  CHECK(log_f32(1.0f) == 0);
  for (const float x : {0.0f, -0.0f, 1e-41f}) CHECK(log_f32(x) == -kInfinity);
  CHECK(log_f32(kInfinity) == kInfinity);
  for (const float x : {-1e-30f, -1.0f, -kInfinity, kNan}) CHECK(std::isnan(log_f32(x)));
}

TEST_CASE("sigmoid: at most 2.5 ulp on [-87, 88]") {
  check_errors("sigmoid", {-87, 88}, 2.5, sigmoid_f32, [](double x) { return 1 / (1 + std::exp(-x)); });
  CHECK(sigmoid_f32(0.0f) == 0.5f);
  CHECK(sigmoid_f32(kInfinity) == 1);
  CHECK(sigmoid_f32(-kInfinity) == 0);
  CHECK(std::isnan(sigmoid_f32(kNan)));
}

TEST_CASE("tanh: at most 5.5 ulp") {
  check_errors("tanh", {-20, 20}, 5.5, tanh_f32, [](double x) { return std::tanh(x); });
  check_errors("tanh", {-0.3, 0.3}, 5.5, tanh_f32, [](double x) { return std::tanh(x); });
  for (const float x : {20.0f, 1e30f, kInfinity}) {
    CHECK(tanh_f32(x) == 1);
    CHECK(tanh_f32(-x) == -1);
  }
  CHECK(tanh_f32(0.0f) == 0);
  CHECK(std::isnan(tanh_f32(kNan)));
}

TEST_CASE("expm1: at most 3.5 ulp below 88") {
  const auto exact = [](double x) { return std::expm1(x); };
  check_errors("expm1", {-1, 1}, 3.5, exp_minus_1_f32, exact);
  check_errors("expm1", {-87, 88}, 3.5, exp_minus_1_f32, exact);
  CHECK(exp_minus_1_f32(0.0f) == 0);
  CHECK(exp_minus_1_f32(-kInfinity) == -1);
  CHECK(exp_minus_1_f32(kInfinity) == kInfinity);
  CHECK(std::isnan(exp_minus_1_f32(kNan)));
}

TEST_CASE("log1p: at most 2.5 ulp") {
  const auto exact = [](double x) { return std::log1p(x); };
  check_errors("log1p", {-0.999, 1}, 2.5, log1p_f32, exact);
  check_errors("log1p", {1, 3e38}, 2.5, log1p_f32, exact);
  CHECK(log1p_f32(0.0f) == 0);
  CHECK(log1p_f32(-1.0f) == -kInfinity);
  CHECK(log1p_f32(kInfinity) == kInfinity);
  for (const float x : {-1.001f, -kInfinity, kNan}) CHECK(std::isnan(log1p_f32(x)));
}

TEST_CASE("softplus: at most 3.5 ulp") {
  const auto exact = [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); };
  check_errors("softplus", {-20, 20}, 3.5, softplus_f32, exact);
  check_errors("softplus", {-87, 1e6}, 3.5, softplus_f32, exact);
  CHECK(softplus_f32(-kInfinity) == 0);
  CHECK(softplus_f32(-1e30f) == 0);
  CHECK(softplus_f32(kInfinity) == kInfinity);
  CHECK(std::isnan(softplus_f32(kNan)));
}

TEST_CASE("erf: at most 3 ulp") {
  check_errors("erf", {-5, 5}, 3.0, erf_f32, [](double x) { return std::erf(x); });
  check_errors("erf", {0.8, 1}, 3.0, erf_f32, [](double x) { return std::erf(x); });
  for (const float x : {4.0f, 1e30f, kInfinity}) {
    CHECK(erf_f32(x) == 1);
    CHECK(erf_f32(-x) == -1);
  }
  CHECK(erf_f32(0.0f) == 0);
  CHECK(std::isnan(erf_f32(kNan)));
}

TEST_CASE("pow: a few ulp for the exponents of a local response normalisation") {
  for (const float y : {-0.5f, -0.75f, -1.0f}) {
    check_errors(("pow " + std::to_string(y)).c_str(), {0.5, 1000}, 12, [&](float x) { return pow_f32(x, y); },
                 [&](double x) { return std::pow(x, (double)y); });
  }
}

TEST_CASE("floor: exact, with the sign of its argument") {
  for (uint32_t i = 0; i <= kSteps; ++i) {
    const float x = (float)(-70000.0 + 140000.0 * i / kSteps);
    if (floor_f32(x) != std::floor(x)) FAIL(x);
  }
  Random random(3);
  for (uint32_t i = 0; i < kSteps; ++i) {
    const float x = bits_to_float(random.between(0, ~0u));
    if (std::isnan(x) ? !std::isnan(floor_f32(x)) : floor_f32(x) != std::floor(x)) FAIL(x);
  }
  for (const float x : {8388607.5f, 8388608.0f, 16777216.0f, 3e38f, kInfinity}) {
    CHECK(floor_f32(x) == std::floor(x));
    CHECK(floor_f32(-x) == std::floor(-x));
  }
  CHECK(is_negative_zero(floor_f32(-0.0f)));
  CHECK(float_to_bits(floor_f32(0.0f)) == 0);
  CHECK(floor_f32(-1e-41f) == -1);
  CHECK(floor_f32(1e-41f) == 0);
}

// TensorFlow's fake_quant_ops_functor.h: FakeQuantWithMinMaxArgs with the range already nudged.
TEST_CASE("fake_quant: the bits of TensorFlow's formula, clamped at both ends") {
  for (const float steps : {255.0f, 254.0f, 15.0f, 3.0f}) {
    for (const Clamp range : {Clamp{0, 6}, Clamp{-1, 1}, Clamp{-6.3f, 0.2f}}) {
      const float scale = (range.high - range.low) / steps, p[] = {range.low, range.high, scale, 1 / scale};
      for (int i = -4000; i <= 8000; ++i) {
        const float x = (float)i / 1000, clamped = std::min(range.high, std::max(range.low, x));
        const float shifted = clamped - range.low;
        const float expected = std::floor(shifted * p[3] + 0.5f) * scale + range.low;
        if (fake_quant_f32(p, x) != expected) FAIL(x << " gave " << fake_quant_f32(p, x) << ", not " << expected);
        CHECK(std::fabs(fake_quant_f32(p, x) - clamped) <= scale * 0.501f);
      }
      CHECK(fake_quant_f32(p, -kInfinity) == range.low);
      CHECK(fake_quant_f32(p, kInfinity) == fake_quant_f32(p, range.high));
      CHECK(std::isnan(fake_quant_f32(p, kNan)));
    }
  }
}

TEST_CASE("unary: every function has the same bits in every table, over a sample of all floats and around 0") {
  Random random(20);
  Workspace space;
  Trial<UnaryArgs> trial;
  trial.args.in = trial.args.out = dense_tensor(50, 20, 201);
  trial.args.clamp = {-kInfinity, kInfinity};
  std::vector<float>& in = trial.inputs.emplace_back(50 * 20 * 201);
  for (size_t i = 0; i < in.size(); ++i) {
    in[i] = i % 2 ? random.real(-12, 12) : bits_to_float(random.between(0, ~0u));
  }
  const float special[] = {0.0f,    -0.0f,           kInfinity, -kInfinity, kNan,  1e-41f,
                           -1e-41f, 1.17549435e-38f, 88,        -87,        0.25f, 0.9f};
  std::copy(std::begin(special), std::end(special), in.begin());
#define POSY_UNARY(number, name, parameters, expression) UnaryFunction::name,
#define POSY_BINARY(number, name, expression)
  for (const UnaryFunction function : {
#include "kernels/functions.def"
       }) {
#undef POSY_UNARY
#undef POSY_BINARY
    INFO(std::string(unary_name((uint8_t)function)));
    trial.args.function = function;
    for (uint32_t i = 0; i < 4; ++i) trial.args.p[i] = i < unary_parameters((uint8_t)function) ? 0.25f : 0.0f;
    if (function == UnaryFunction::fake_quant) std::copy_n(std::begin({-1.0f, 5.0f, 0.125f, 8.0f}), 4, trial.args.p);
    const Outcome reference = run(*kernels_named("scalar"), &KernelTable::unary, trial, {}, &space);
    for (uint32_t t = 0; const KernelTable* table = usable_kernels(t); ++t) {
      INFO(table->isa);
      CHECK(same_bits(run(*table, &KernelTable::unary, trial, {}, &space).out, reference.out));
    }
  }
}
