#include "loaders/function_names.h"

#include <unordered_map>

namespace posy {
namespace {

template <class Function>
using Names = std::unordered_map<std::string, Function>;

template <class Function>
std::optional<Function> find(const Names<Function>& names, const std::string& op) {
  const auto found = names.find(op);
  return found == names.end() ? std::nullopt : std::optional<Function>(found->second);
}

}  // namespace

std::optional<UnaryFunction> unary_function_of(const std::string& op) {
  static const Names<UnaryFunction> names = {
      {"Abs", UnaryFunction::abs},
      {"Elu", UnaryFunction::elu},
      {"Erf", UnaryFunction::erf},
      {"Exp", UnaryFunction::exp},
      {"Expm1", UnaryFunction::expm1},
      {"Floor", UnaryFunction::floor},
      {"Inv", UnaryFunction::reciprocal},
      {"Log", UnaryFunction::log},
      {"Log1p", UnaryFunction::log1p},
      {"Neg", UnaryFunction::neg},
      {"Reciprocal", UnaryFunction::reciprocal},
      {"Rsqrt", UnaryFunction::rsqrt},
      {"Selu", UnaryFunction::selu},
      {"Sigmoid", UnaryFunction::sigmoid},
      {"Softplus", UnaryFunction::softplus},
      {"Softsign", UnaryFunction::softsign},
      {"Sqrt", UnaryFunction::sqrt},
      {"Square", UnaryFunction::square},
      {"Tanh", UnaryFunction::tanh},
  };
  return find(names, op);
}

std::optional<BinaryFunction> binary_function_of(const std::string& op) {
  static const Names<BinaryFunction> names = {
      {"Add", BinaryFunction::add},         {"AddV2", BinaryFunction::add},
      {"Div", BinaryFunction::div},         {"Maximum", BinaryFunction::maximum},
      {"Minimum", BinaryFunction::minimum}, {"Mul", BinaryFunction::mul},
      {"RealDiv", BinaryFunction::div},     {"SquaredDifference", BinaryFunction::squared_difference},
      {"Sub", BinaryFunction::sub},
  };
  return find(names, op);
}

}  // namespace posy
