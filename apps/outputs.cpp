#include "apps/outputs.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "loaders/error.h"
#include "loaders/one_line.h"

namespace posy {

void check_outputs(const Args& args, const std::vector<const char*>& flags) {
  std::vector<std::string> taken = args.words();
  if (args.has("json")) taken.push_back("-");
  for (const char* flag : flags) {
    const std::optional<std::string> path = args.text(flag);
    if (!path) continue;
    for (const std::string& other : taken) {
      std::error_code ignored;
      if (*path == other || std::filesystem::equivalent(*path, other, ignored))
        throw UsageError((std::string(flag) == "output" ? "-o" : "--" + std::string(flag)) + " " + *path +
                         " is taken already; name another file");
    }
    taken.push_back(*path);
    const std::string folder = std::filesystem::path(*path).parent_path().string();
    if (*path != "-" && ::access(folder.empty() ? "." : folder.c_str(), F_OK) != 0)
      throw InputError(*path + ": cannot be written: there is no folder " + folder);
  }
}

void print_note(const std::string& text) {
  std::fprintf(stderr, "posy: note: %s\n", one_line(text).c_str());
}

}  // namespace posy
