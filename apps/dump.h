#pragma once
#include "engine/model.h"

namespace posy {

// Prints the fields of a checked model, with offsets and bytes, to standard output.
void print_dump(const Model& model);

}  // namespace posy
