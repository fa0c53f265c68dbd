#include "apps/args.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace posy {
namespace {

// The tutorial's label_image.py and retrain.py call some flags by other names.
std::string canonical(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  if (name == "input-mean") return "mean";
  if (name == "input-std") return "std";
  if (name == "input-layer") return "input-node";
  if (name == "output-layer") return "output-node";
  if (name == "how-many-training-steps") return "steps";
  if (name == "output-graph") return "graph-out";
  return name;
}

// Insertions, deletions, replacements and swaps of neighbours from a to b.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j - 1] + (a[i - 1] != b[j - 1]), d[i - 1][j] + 1, d[i][j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

const FlagSpec& find_spec(const std::vector<FlagSpec>& specs, const std::string& name) {
  std::vector<std::string> names;
  for (const FlagSpec& spec : specs) {
    if (spec.name == name) return spec;
    names.push_back(spec.name);
  }
  const std::string closest = closest_name(names, name);
  throw UsageError("unknown flag --" + name + (closest.empty() ? "" : "; did you mean --" + closest + "?"));
}

}  // namespace

std::string closest_name(const std::vector<std::string>& names, const std::string& name) {
  // One slip in three letters; more is another word.
  std::string closest;
  size_t distance = std::max<size_t>(name.size() / 3, 1) + 1;
  if (name.size() > 64) return "";
  for (const std::string& candidate : names) {
    const bool is_start = name.size() >= 3 && candidate.rfind(name, 0) == 0;
    const size_t d = is_start ? 0 : edit_distance(candidate, name);
    if (d < distance) closest = candidate;
    distance = std::min(d, distance);
  }
  return closest;
}

Args::Args(const std::vector<std::string>& words, const std::vector<FlagSpec>& specs) : given_(words) {
  bool only_words = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.empty()) throw UsageError("an argument is empty where a file is wanted");
    if (only_words || word.size() < 2 || word[0] != '-') {
      words_.push_back(word);
      continue;
    }
    if (word == "--") {
      only_words = true;
      continue;
    }
    const size_t equals = word.find('=');
    const size_t dashes = word[1] == '-' ? 2 : 1;
    std::string name = word.substr(dashes, equals == std::string::npos ? equals : equals - dashes);
    if (dashes == 1 && name == "o") name = "output";
    const FlagSpec& spec = find_spec(specs, canonical(name));
    if (!spec.value) {
      if (equals != std::string::npos) throw UsageError("--" + std::string(spec.name) + " takes no value");
      add(spec, "");
    } else if (equals != std::string::npos) {
      add(spec, word.substr(equals + 1));
    } else if (i + 1 < words.size()) {
      add(spec, words[++i]);
    } else {
      throw UsageError("--" + std::string(spec.name) + " needs a value: --" + spec.name + " " + spec.value);
    }
  }
}

void Args::add(const FlagSpec& spec, const std::string& value) {
  if (spec.value && value.empty())
    throw UsageError("--" + std::string(spec.name) + " needs a value, and got an empty one");
  flags_.emplace_back(spec.name, value);
}

bool Args::has(const char* flag) const {
  return text(flag).has_value();
}

std::optional<std::string> Args::text(const char* flag) const {
  for (auto it = flags_.rbegin(); it != flags_.rend(); ++it) {
    if (it->first == flag) return it->second;  // the last one counts
  }
  return std::nullopt;
}

std::vector<std::string> Args::texts(const char* flag) const {
  std::vector<std::string> values;
  for (const auto& [name, value] : flags_) {
    if (name == flag) values.push_back(value);
  }
  return values;
}

std::optional<uint32_t> Args::number(const char* flag, uint32_t least, uint32_t most) const {
  const std::optional<std::string> value = text(flag);
  if (!value) return std::nullopt;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || end != value->data() + value->size() || number < least || number > most) {
    throw UsageError("--" + std::string(flag) + " wants a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most) + ", not '" + *value + "'");
  }
  return number;
}

std::optional<float> Args::real(const char* flag) const {
  const std::optional<std::string> value = text(flag);
  if (!value) return std::nullopt;
  char* end = nullptr;
  const float number = std::strtof(value->c_str(), &end);
  if (end == value->c_str() || *end != 0 || !std::isfinite(number)) {
    throw UsageError("--" + std::string(flag) + " wants a number, not '" + *value + "'");
  }
  return number;
}

std::string describe_flags(const std::vector<FlagSpec>& specs) {
  std::string text;
  for (const FlagSpec& spec : specs) {
    std::string flag = std::string(spec.name) == "output" ? "-o" : "--" + std::string(spec.name);
    if (spec.value) flag += " " + std::string(spec.value);
    if (flag.size() < 22) flag.resize(22, ' ');
    text += "  " + flag + " " + spec.help + "\n";
  }
  return text;
}

}  // namespace posy
