// What a command writes beside its results: files, and notes.
#pragma once
#include <string>
#include <vector>

#include "apps/args.h"

namespace posy {

// Said before the work: nobody wants to hear of it a minute later. Throws where the file of one of `flags` is also an
// input or another output, or its folder is missing.
void check_outputs(const Args& args, const std::vector<const char*>& flags);

// What a user should know and that is no error: "posy: note: ..." in one line of standard error.
void print_note(const std::string& text);

}  // namespace posy
