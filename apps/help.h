// What posy says about itself, all of it made from the list of commands.
#pragma once
#include <string>

#include "apps/commands.h"

namespace posy {

// Every command, in the order in which people meet them.
const std::vector<const Command*>& all_commands();
// Null if there is none of this name.
const Command* find_command(const std::string& name);

// `posy --help`: the commands, and the way through them.
std::string overview();
// `posy help COMMAND`: what it does, examples, flags.
std::string help_text(const Command& command);
// `posy help tutorial`: TensorFlow for Poets, step by step.
std::string tutorial_text();

// The manual page in roff: `posy help --man | man -l -`.
std::string man_page();
// A script for "bash", "zsh" or "fish"; throws UsageError for other shells.
std::string completion_script(const std::string& shell);

}  // namespace posy
