// Command-line arguments: --long value, --long=value, the tutorial's spellings with underscores, positional words.
#pragma once
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace posy {

// Wrong usage: exit code 2. The message says what is wrong and what would be right.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct FlagSpec {
  const char* name;   // without dashes
  const char* value;  // what it takes, for the help ("N", "FILE"); null: nothing
  const char* help;
};

class Args {
 public:
  // `words` are what follows the subcommand. Flags that are not in `specs` are refused, with the closest one named.
  Args(const std::vector<std::string>& words, const std::vector<FlagSpec>& specs);

  bool has(const char* flag) const;
  std::optional<std::string> text(const char* flag) const;
  std::vector<std::string> texts(const char* flag) const;  // of a flag that may be repeated, in order
  // Whole number in [least, most]; UsageError otherwise.
  std::optional<uint32_t> number(const char* flag, uint32_t least, uint32_t most) const;
  std::optional<float> real(const char* flag) const;
  const std::vector<std::string>& words() const { return words_; }
  // All of it as it was given, for a report that says how it was made.
  const std::vector<std::string>& given() const { return given_; }

 private:
  void add(const FlagSpec& spec, const std::string& value);

  std::vector<std::pair<std::string, std::string>> flags_;
  std::vector<std::string> words_, given_;
};

// The one of `names` that a misspelled name most likely means; empty if none is close.
std::string closest_name(const std::vector<std::string>& names, const std::string& name);

// "  --top K            how many classes to print (5)"
std::string describe_flags(const std::vector<FlagSpec>& specs);

}  // namespace posy
