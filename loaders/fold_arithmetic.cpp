// Constant folding of what looks at one element of each input at a time. The floats are those of the kernels: the same
// expressions, from kernels/functions.def.
#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>

#include "kernels/elementary.hpp"
#include "loaders/folding.h"
#include "loaders/function_names.h"

namespace posy {
namespace {

// ---- One element ----

template <class Function>
FoldOutputs map_floats(Array a, Function function) {
  for (float& x : a.floats) x = function(x);
  return one_output(std::move(a));
}

template <class Function>
FoldOutputs map_integers(const FoldNode& f, Array a, Function function) {
  for (int64_t& x : a.integers) x = function(Wrapping{x}).value;
  wrap_integers(f.type(), &a);
  return one_output(std::move(a));
}

using FloatFunction = float (*)(const float* p, float x);

FloatFunction float_function(UnaryFunction function) {
  switch (function) {
#define POSY_UNARY(number, name, parameters, expression) \
  case UnaryFunction::name:                              \
    return [](const float* p, float x) -> float { return (void)p, (expression); };
#define POSY_BINARY(number, name, expression)
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  }
  return nullptr;
}

Wrapping absolute(Wrapping x) {
  return x.value < 0 ? Wrapping{} - x : x;
}

FoldOutputs leaky_relu(const FoldNode& f) {
  const float alpha = f.attribute("alpha", 0.2f);
  const FloatFunction function = float_function(UnaryFunction::leaky_relu);
  if (!f.input(0).is_float) return {};
  return map_floats(f.input(0), [&](float x) { return function(&alpha, x); });
}

template <int64_t kHigh>  // 0: none
FoldOutputs relu(const FoldNode& f) {
  const Array& a = f.input(0);
  if (a.is_float) {
    const Clamp limits = {0, kHigh ? (float)kHigh : __builtin_inff()};
    return map_floats(a, [&](float x) { return clamp_f32(limits, x); });
  }
  return map_integers(f, a, [](Wrapping x) {
    const int64_t positive = std::max<int64_t>(x.value, 0);
    return Wrapping{kHigh ? std::min(positive, kHigh) : positive};
  });
}

FoldOutputs ceil(const FoldNode& f) {
  if (!f.input(0).is_float) return {};
  return map_floats(f.input(0), [](float x) { return -floor_f32(-x); });
}

FoldOutputs logical_not(const FoldNode& f) {
  if (f.input(0).is_float) return {};
  Array out = f.input(0);
  for (int64_t& x : out.integers) x = x == 0;
  return one_output(std::move(out));
}

// Fractions are cut off. What does not fit is undefined in TensorFlow: here NaN becomes 0 and the rest the nearest
// number of 32 or 64 bits, of which narrower types keep the low bits, as TensorFlow's do on a PC.
int64_t integer_of(float x, DataType type) {
  if (type == DataType::kBool) return x != 0;
  const IntegerLimits limits = integer_limits(type == DataType::kInt64 ? type : DataType::kInt32);
  if (x != x) return 0;
  if (x >= (float)limits.high) return wrap_to(type, limits.high);  // 2^31 or 2^63: one more than the limit
  return wrap_to(type, x <= (float)limits.low ? limits.low : (int64_t)x);
}

FoldOutputs cast(const FoldNode& f) {
  const Array& in = f.input(0);
  const DataType type = f.type("DstT");
  if (type == DataType::kInvalid || type == DataType::kString || data_type_bytes(type) == 0) return {};
  Array out = f.result(in.dims, is_float_type(type));
  for (size_t i = 0; i < in.size(); ++i) {
    if (out.is_float) {
      out.floats[i] = in.is_float ? in.floats[i] : (float)in.integers[i];
    } else {
      out.integers[i] = in.is_float ? integer_of(in.floats[i], type) : wrap_to(type, in.integers[i]);
    }
  }
  return one_output(std::move(out));
}

// ---- Two elements ----

// op(a, b) with NumPy's broadcasting; an op that gives bool makes an array of 0 and 1.
template <class FloatOp, class IntegerOp>
Array broadcast_two(const FoldNode& f, const Array& a, const Array& b, FloatOp on_floats, IntegerOp on_integers) {
  constexpr bool gives_bool = std::is_same_v<decltype(on_floats(1.0f, 1.0f)), bool>;
  f.require(a.is_float == b.is_float, "its inputs are not of one type");
  const Dims dims = f.broadcast(a.dims, b.dims);
  Array out = f.result(dims, a.is_float && !gives_bool);
  const Strided from_a = broadcast_from(a.dims, dims), from_b = broadcast_from(b.dims, dims);
  size_t i = 0;
  if (!a.is_float) {
    walk(dims, {from_a, from_b},
         [&](const auto& at) { out.integers[i++] = on_integers(a.integers[at[0]], b.integers[at[1]]); });
  } else if constexpr (gives_bool) {
    walk(dims, {from_a, from_b},
         [&](const auto& at) { out.integers[i++] = on_floats(a.floats[at[0]], b.floats[at[1]]); });
  } else {
    walk(dims, {from_a, from_b},
         [&](const auto& at) { out.floats[i++] = on_floats(a.floats[at[0]], b.floats[at[1]]); });
  }
  return out;
}

// As above for numbers of the node's type.
template <class FloatOp, class IntegerOp>
FoldOutputs arithmetic(const FoldNode& f, FloatOp on_floats, IntegerOp on_integers) {
  Array out = broadcast_two(f, f.input(0), f.input(1), on_floats, on_integers);
  wrap_integers(f.type(), &out);
  return one_output(std::move(out));
}

// The kernels' expressions serve for integers too.
struct PairFunction {
  float (*on_floats)(float, float);
  Wrapping (*on_integers)(Wrapping, Wrapping);
};

PairFunction pair_function(BinaryFunction function) {
  switch (function) {
#define POSY_UNARY(number, name, parameters, expression)
#define POSY_BINARY(number, name, expression)                     \
  case BinaryFunction::name:                                      \
    return {[](float a, float b) -> float { return expression; }, \
            [](Wrapping a, Wrapping b) -> Wrapping { return expression; }};
#include "kernels/functions.def"
#undef POSY_UNARY
#undef POSY_BINARY
  }
  return {};
}

Array pairs(const FoldNode& f, const Array& a, const Array& b, BinaryFunction function) {
  const PairFunction pair = pair_function(function);
  Array out =
      broadcast_two(f, a, b, pair.on_floats, [&](int64_t x, int64_t y) { return pair.on_integers({x}, {y}).value; });
  wrap_integers(f.type(), &out);
  return out;
}

// One value per channel; NCHW has the channels behind the batch.
FoldOutputs bias_add(const FoldNode& f) {
  const Array& in = f.input(0);
  Array bias = f.input(1);
  const GraphAttribute* format = f.node.attribute("data_format");
  const size_t rank = in.dims.size();
  f.require(bias.dims.size() == 1 && rank >= 2, "its bias is not a list, or its input has no channels");
  const size_t channel_axis = format && format->text == "NCHW" ? 1 : rank - 1;
  f.require(bias.dims[0] == in.dims[channel_axis], "its bias does not have one value per channel");
  bias.dims.resize(rank - channel_axis, 1);
  return one_output(pairs(f, in, bias, BinaryFunction::add));
}

FoldOutputs add_n(const FoldNode& f) {
  Array sum = f.input(0);
  for (size_t i = 1; i < f.inputs.size(); ++i) {
    f.require(f.input(i).dims == sum.dims, "its inputs differ in shape");
    sum = pairs(f, sum, f.input(i), BinaryFunction::add);
  }
  return one_output(std::move(sum));
}

// Toward minus infinity, where C++ cuts off; the remainder has the sign of the divisor.
int64_t floor_div(int64_t a, int64_t b) {
  const int64_t quotient = (Wrapping{a} / Wrapping{b}).value;
  const bool has_rest = b != 0 && b != -1 && a % b != 0;
  return has_rest && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
int64_t floor_mod(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
float floor_mod(float a, float b) {
  const float rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

FoldOutputs fold_floor_div(const FoldNode& f) {
  return arithmetic(
      f, [](float a, float b) { return floor_f32(a / b); }, floor_div);
}
FoldOutputs fold_floor_mod(const FoldNode& f) {
  return arithmetic(
      f, [](float a, float b) { return floor_mod(a, b); }, [](int64_t a, int64_t b) { return floor_mod(a, b); });
}

FoldOutputs power(const FoldNode& f) {
  const auto integer_power = [&](int64_t base, int64_t exponent) {
    f.require(exponent >= 0, "an integer has a negative exponent");
    Wrapping result = {1}, square = {base};
    for (; exponent > 0; exponent >>= 1, square = square * square) {
      if (exponent & 1) result = result * square;
    }
    return result.value;
  };
  return arithmetic(
      f, [](float a, float b) { return std::pow(a, b); }, integer_power);
}

template <class Compare>
FoldOutputs compare(const FoldNode& f) {
  return one_output(broadcast_two(f, f.input(0), f.input(1), Compare(), Compare()));
}

// ---- A choice ----

FoldOutputs select(const FoldNode& f) {
  const Array &condition = f.input(0), &yes = f.input(1), &no = f.input(2);
  f.require(!condition.is_float, "its condition is a float");
  f.require(yes.is_float == no.is_float, "its inputs are not of one type");
  Dims condition_dims = condition.dims;
  if (f.node.op == "Select") {
    // The older op does not broadcast, but a list chooses whole rows: of the first axis, not of the last one.
    f.require(yes.dims == no.dims, "its inputs differ in shape");
    if (condition_dims.size() == 1 && !yes.dims.empty()) condition_dims.resize(yes.dims.size(), 1);
  }
  const Dims dims = f.broadcast(condition_dims, f.broadcast(yes.dims, no.dims));
  Array out = f.result(dims, yes.is_float);
  size_t i = 0;
  walk(dims, {broadcast_from(condition_dims, dims), broadcast_from(yes.dims, dims), broadcast_from(no.dims, dims)},
       [&](const auto& at) {
         const bool choice = condition.integers[at[0]] != 0;
         if (out.is_float) {
           out.floats[i++] = choice ? yes.floats[at[1]] : no.floats[at[2]];
         } else {
           out.integers[i++] = choice ? yes.integers[at[1]] : no.integers[at[2]];
         }
       });
  return one_output(std::move(out));
}

}  // namespace

FoldOutputs fold_unary(const FoldNode& f) {
  const UnaryFunction function = *unary_function_of(f.node.op);
  const Array& a = f.input(0);
  if (a.is_float) {
    const FloatFunction on_floats = float_function(function);
    return map_floats(a, [&](float x) { return on_floats(nullptr, x); });
  }
  switch (function) {  // the few that TensorFlow has for integers
    case UnaryFunction::abs:
      return map_integers(f, a, absolute);
    case UnaryFunction::neg:
      return map_integers(f, a, [](Wrapping x) { return Wrapping{} - x; });
    case UnaryFunction::square:
      return map_integers(f, a, [](Wrapping x) { return x * x; });
    default:
      return {};
  }
}

FoldOutputs fold_binary(const FoldNode& f) {
  return one_output(pairs(f, f.input(0), f.input(1), *binary_function_of(f.node.op)));
}

void add_arithmetic_folds(FoldTable* table) {
  table->insert({
      {"AddN", add_n},
      {"BiasAdd", bias_add},
      {"Cast", cast},
      {"Ceil", ceil},
      {"Equal", compare<std::equal_to<>>},
      {"FloorDiv", fold_floor_div},
      {"FloorMod", fold_floor_mod},
      {"Greater", compare<std::greater<>>},
      {"GreaterEqual", compare<std::greater_equal<>>},
      {"LeakyRelu", leaky_relu},
      {"Less", compare<std::less<>>},
      {"LessEqual", compare<std::less_equal<>>},
      {"LogicalAnd", compare<std::logical_and<>>},
      {"LogicalNot", logical_not},
      {"LogicalOr", compare<std::logical_or<>>},
      {"NotEqual", compare<std::not_equal_to<>>},
      {"Pow", power},
      {"Relu", relu<0>},
      {"Relu6", relu<6>},
      {"Select", select},
      {"SelectV2", select},
  });
}

}  // namespace posy
