// TensorFlow's names of the element-wise functions that Posy's kernels have, for lowering and for constant folding.
#pragma once
#include <optional>
#include <string>

#include "kernels/args.hpp"

namespace posy {

std::optional<UnaryFunction> unary_function_of(const std::string& op);
std::optional<BinaryFunction> binary_function_of(const std::string& op);

}  // namespace posy
