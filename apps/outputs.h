// Files that a command writes beside what it prints.
#pragma once
#include <string>
#include <vector>

#include "apps/args.h"

namespace posy {

// Said before the work: nobody wants to hear of it a minute later. Throws where the file of one of `flags` is also an
// input or another output, or its folder is missing.
void check_outputs(const Args& args, const std::vector<const char*>& flags);

// "-" is standard output.
void write_text(const std::string& path, const std::string& text);

}  // namespace posy
