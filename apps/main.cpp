// posy: one small program around the engine. See `posy --help`.
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "apps/help.h"
#include "apps/version.h"
#include "loaders/error.h"
#include "loaders/one_line.h"

namespace posy {
namespace {

const Command& known_command(const std::string& name) {
  if (const Command* command = find_command(name)) return *command;
  std::vector<std::string> names;
  std::string list;
  for (const Command* command : all_commands()) {
    list += std::string(names.empty() ? "" : ", ") + command->name;
    names.push_back(command->name);
  }
  const std::string closest = closest_name(names, name);
  throw UsageError("there is no command '" + name + "'; " + (closest.empty() ? "" : "did you mean " + closest + "? ") +
                   "there are " + list);
}

std::string help(const std::string& topic) {
  if (topic.empty()) return overview();
  if (topic == "tutorial") return tutorial_text();
  return topic == "--man" ? man_page() : help_text(known_command(topic));
}

bool asks_for_help(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("no command given");
  if (words[0] == "--version") {
    print_version("posy");
    return 0;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::fputs(help(words.size() > 1 ? words[1] : "").c_str(), stdout);
    return 0;
  }
  if (words[0] == "completion") {
    if (words.size() != 2) throw UsageError("posy completion takes a shell: bash, zsh or fish");
    std::fputs(completion_script(words[1]).c_str(), stdout);
    return 0;
  }
  const Command& command = known_command(words[0]);
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (asks_for_help(rest)) {
    std::fputs(help_text(command).c_str(), stdout);
    return 0;
  }
  return command.run(Args(rest, command.flags));
}

}  // namespace
}  // namespace posy

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const posy::Command* command = words.empty() ? nullptr : posy::find_command(words[0]);
  try {
    const int code = posy::run(words);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
      std::fprintf(stderr, "posy: standard output could not be written\n");
      return 1;
    }
    return code;
  } catch (const posy::UsageError& error) {
    std::fprintf(stderr, "posy: %s\nusage: %s\n", posy::one_line(error.what()).c_str(),
                 command ? command->usage : "posy COMMAND ...; posy --help lists the commands");
    return 2;
  } catch (const posy::InputError& error) {
    std::fprintf(stderr, "posy: %s\n", posy::one_line(error.what()).c_str());
    return 1;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "posy: out of memory\n");
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "posy: internal error: %s\n", error.what());
    return 1;
  }
}
