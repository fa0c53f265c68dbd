// An op of a .posy file in a few words.
#pragma once
#include <string>

#include "engine/model.h"

namespace posy {

std::string tensor_text(const TensorRecord& t);                       // "28x28x64", "28x28x64 u8"
std::string window_text(const OpRecord& op);                          // "3x3 /2"; empty of ops without one
std::string clamp_text(const OpRecord& op, const TensorRecord& out);  // "relu6", "relu", "clamp", ""
std::string op_text(const OpRecord& op);  // "conv_2d"; "unary sigmoid": of the ops that have several functions, which

}  // namespace posy
