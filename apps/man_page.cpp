// The manual page, from the list of commands.
#include "apps/help.h"
#include "engine/posy.h"

namespace posy {
namespace {

// Text of a line: backslashes and hyphens mean something in roff, and so does a full stop at its start.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  if (!out.empty() && (out[0] == '.' || out[0] == '\'')) out = "\\&" + out;
  return out;
}

std::string roff_lines(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out += roff(text.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return out;
}

std::string flags(const std::vector<FlagSpec>& specs) {
  std::string out;
  for (const FlagSpec& spec : specs) {
    const std::string name = std::string(spec.name) == "output" ? "-o" : "--" + std::string(spec.name);
    out += ".TP\n\\fB" + roff(name) + "\\fR" + (spec.value ? " \\fI" + roff(spec.value) + "\\fR" : "") + "\n" +
           roff(spec.help) + "\n";
  }
  return out;
}

}  // namespace

std::string man_page() {
  std::string out = ".TH POSY 1 \"\" \"posy " + std::string(posy_version()) + "\" \"User Commands\"\n" +
                    ".SH NAME\nposy \\- retrained image classifiers, small and fast\n.SH SYNOPSIS\n";
  for (const Command* command : all_commands()) out += ".br\n" + roff(command->usage) + "\n";
  out += ".SH COMMANDS\n";
  for (const Command* command : all_commands()) {
    out += ".SS \"" + std::string(command->name) + "\"\n" + roff(command->summary) + "\n";
    if (*command->about) out += ".PP\n.nf\n" + roff_lines(command->about) + ".fi\n";
    std::vector<FlagSpec> own;
    for (const FlagSpec& spec : command->flags) {
      if (!is_convert_flag(spec)) own.push_back(spec);
    }
    out += flags(own);
  }
  out += ".SH FLAGS ABOUT A GRAPH\nOf convert, and of every command whose model is a graph:\n" +
         flags(with_convert_flags({}));
  return out +
         ".SH ENVIRONMENT\n.TP\nPOSY_ISA\nforces an instruction set, one of those that posy \\-\\-version prints\n"
         ".TP\nPOSY_THREADS\nthe default of \\-\\-threads\n"
         ".SH EXIT STATUS\n0: done. 1: bad input, or a failed check. 2: wrong usage.\n";
}

}  // namespace posy
