// Completion scripts for shells, from the list of commands.
#include <algorithm>

#include "apps/help.h"

namespace posy {
namespace {

std::string dashed(const FlagSpec& spec) {
  return std::string(spec.name) == "output" ? "-o" : "--" + std::string(spec.name);
}

// "all|training|testing" is a choice; anything else names a kind of value.
std::vector<std::string> choices(const FlagSpec& spec) {
  const std::string value = spec.value ? spec.value : "";
  std::vector<std::string> found;
  if (value.find('|') == value.npos) return found;
  for (size_t at = 0; at <= value.size();) {
    const size_t end = std::min(value.find('|', at), value.size());
    found.push_back(value.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string command_names() {
  std::vector<std::string> names;
  for (const Command* command : all_commands()) names.push_back(command->name);
  names.push_back("help");
  names.push_back("completion");
  return joined(names);
}

// In single quotes of a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::string bash() {
  std::string script =
      "# bash completion of posy: source this file, or put it into /etc/bash_completion.d\n"
      "_posy() {\n"
      "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" flags=''\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '" +
      command_names() +
      "' -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${COMP_WORDS[1]} $before\" in\n"
      "    'help help') COMPREPLY=($(compgen -W '" +
      command_names() +
      " tutorial' -- \"$word\")); return ;;\n"
      "    'completion completion') COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")); return ;;\n";
  for (const Command* command : all_commands()) {
    for (const FlagSpec& spec : command->flags) {
      if (const auto words = choices(spec); !words.empty()) {
        script += "    '" + std::string(command->name) + " " + dashed(spec) + "') COMPREPLY=($(compgen -W '" +
                  joined(words) + "' -- \"$word\")); return ;;\n";
      }
    }
  }
  script += "  esac\n  case \"${COMP_WORDS[1]}\" in\n";
  for (const Command* command : all_commands()) {
    std::vector<std::string> flags;
    for (const FlagSpec& spec : command->flags) flags.push_back(dashed(spec));
    script += "    " + std::string(command->name) + ") flags='" + joined(flags) + "' ;;\n";
  }
  return script +
         "  esac\n"
         "  case \"$word\" in\n"
         "    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
         "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
         "  esac\n"
         "}\n"
         "complete -o filenames -F _posy posy\n";
}

// Brackets, colons and backslashes mean something in a specification of zsh's.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_spec(const FlagSpec& spec) {
  std::string text = dashed(spec) + "[" + zsh_text(spec.help) + "]";
  if (!spec.value) return text;
  if (const auto words = choices(spec); !words.empty()) return text + ":value:(" + joined(words) + ")";
  return text + ":" + zsh_text(spec.value) + ":_files";
}

std::string zsh() {
  std::string script =
      "#compdef posy\n# zsh completion of posy: put this file as _posy into a folder of $fpath\n"
      "_posy() {\n  local -a commands\n  commands=(\n";
  for (const Command* command : all_commands()) {
    script += "    " + quoted(std::string(command->name) + ":" + zsh_text(command->summary)) + "\n";
  }
  script +=
      "    'help:about a command, or tutorial'\n    'completion:a script for bash, zsh or fish'\n  )\n"
      "  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
      "  local name=\"$words[2]\"\n  shift words\n  (( CURRENT-- ))\n  case \"$name\" in\n"
      "    help) _describe command commands ;;\n    completion) _values shell bash zsh fish ;;\n";
  for (const Command* command : all_commands()) {
    script += "    " + std::string(command->name) + ") _arguments";
    for (const FlagSpec& spec : command->flags) script += " \\\n      " + quoted(zsh_spec(spec));
    script += " \\\n      '*:file:_files' ;;\n";
  }
  return script + "  esac\n}\n_posy \"$@\"\n";
}

std::string fish() {
  std::string script =
      "# fish completion of posy: put this file into ~/.config/fish/completions\n"
      "complete -c posy -n __fish_use_subcommand -f -a help -d 'about a command, or tutorial'\n"
      "complete -c posy -n __fish_use_subcommand -f -a completion -d 'a script for bash, zsh or fish'\n"
      "complete -c posy -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n"
      "complete -c posy -n '__fish_seen_subcommand_from help' -f -a '" +
      command_names() + " tutorial'\n";
  for (const Command* command : all_commands()) {
    const std::string name = command->name;
    script += "complete -c posy -n __fish_use_subcommand -f -a " + name + " -d " + quoted(command->summary) + "\n";
    for (const FlagSpec& spec : command->flags) {
      script += "complete -c posy -n '__fish_seen_subcommand_from " + name + "' " +
                (std::string(spec.name) == "output" ? "-s o" : "-l " + std::string(spec.name));
      if (const auto words = choices(spec); !words.empty()) {
        script += " -x -a '" + joined(words) + "'";
      } else if (spec.value) {
        script += " -r";
      }
      script += " -d " + quoted(spec.help) + "\n";
    }
  }
  return script;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  if (shell == "fish") return fish();
  throw UsageError("posy completion takes bash, zsh or fish, not '" + shell + "'");
}

}  // namespace posy
