// The subcommands of posy: one file each.
#pragma once
#include <string>
#include <vector>

#include "apps/args.h"
#include "loaders/convert.h"

namespace posy {

struct Command {
  const char* name;
  const char* usage;    // "posy label MODEL IMAGE... [flags]"
  const char* summary;  // one line
  std::vector<FlagSpec> flags;
  int (*run)(const Args& args);  // returns the exit code
  const char* about = "";        // paragraphs and examples, for help: lines that end with a line break
};

const Command& bench_command();
const Command& compare_command();
const Command& convert_command();
const Command& eval_command();
const Command& doctor_command();
const Command& explain_command();
const Command& info_command();
const Command& label_command();
const Command& pack_command();
const Command& unpack_command();
const Command& quantize_image_command();
const Command& retrain_command();
const Command& show_command();

// Flags of every command that reads a model: what convert may be told about a graph.
std::vector<FlagSpec> with_convert_flags(std::vector<FlagSpec> flags);
// Whether it is one of these.
bool is_convert_flag(const FlagSpec& flag);
// `model` is the one that the flags are for; empty: the command's first word.
ConvertOptions convert_options(const Args& args, const std::string& model = "");

}  // namespace posy
