#include "apps/class_match.h"

#include <algorithm>
#include <array>
#include <map>

#include "apps/args.h"
#include "loaders/error.h"
#include "loaders/graph.h"
#include "loaders/labels.h"

namespace posy {
namespace {

constexpr size_t kMostListed = 12;

// "daisy, dandelion, roses and 17 more"
std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  const size_t shown = names.size() <= kMostListed ? names.size() : kMostListed - 1;
  const bool have_commas = std::any_of(names.begin(), names.begin() + (ptrdiff_t)shown,
                                       [](const std::string& name) { return name.find(',') != std::string::npos; });
  for (size_t i = 0; i < shown; ++i) list += (i == 0 ? "" : have_commas ? "; " : ", ") + printable_name(names[i]);
  if (shown < names.size()) list += " and " + std::to_string(names.size() - shown) + " more";
  return list;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 9 && text.find_first_not_of("0123456789") == std::string::npos;
}

std::string stripped(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// What a label is known by, the surest first: all of it, without the number, the first of several names, each of them.
// An earlier meaning of a word counts more than a later one ("harp": 595 has no other name, to 594 it is one of four).
constexpr size_t kSurenesses = 4;
std::array<std::vector<std::string>, kSurenesses> names_of(const std::string& label) {
  const LabelNames found = names_in_label(label);
  const std::string without_number = label.substr(found.number.empty() ? 0 : found.number.size() + 1);
  std::vector<std::string> all = found.names;
  if (!found.number.empty()) all.push_back(found.number);
  const std::string first = found.names.empty() ? "" : found.names[0];
  return {{{label}, {without_number}, {first}, all}};
}

// Classes by a name; those of an ambiguous one are several.
using Names = std::map<std::string, std::vector<uint32_t>>;

void add_name(const std::string& name, uint32_t class_index, Names* names) {
  std::vector<uint32_t>& classes = (*names)[stripped(normalized_label(name))];
  if (classes.empty() || classes.back() != class_index) classes.push_back(class_index);
}

class Matcher {
 public:
  Matcher(const std::string& model_name, const std::vector<std::string>& labels, const std::string& folder_name,
          const LabelledFolder& folder)
      : model_name_(model_name), labels_(labels), folder_name_(folder_name), folder_(folder) {
    for (uint32_t i = 0; i < labels.size(); ++i) {
      const auto names = names_of(labels[i]);
      for (size_t sure = 0; sure < kSurenesses; ++sure) {
        for (const std::string& name : names[sure]) add_name(name, i, &by_name_[sure]);
      }
    }
  }

  uint32_t class_of(const std::string& label) const {
    const std::string name = stripped(label);
    for (const Names& names : by_name_) {
      const auto found = names.find(name);
      if (found == names.end()) continue;
      if (found->second.size() == 1) return found->second[0];
      throw InputError(model_name_ + ": " + std::to_string(found->second.size()) + " classes are called '" + label +
                       "' (" + labels_[found->second[0]] + "; " + labels_[found->second[1]] + "); name the folder in " +
                       folder_name_ + " after a whole line of the labels");
    }
    throw no_such_class(label);
  }

 private:
  InputError no_such_class(const std::string& label) const {
    std::vector<std::string> known;
    for (const Names& names : by_name_) {
      for (const auto& entry : names) known.push_back(entry.first);
    }
    const std::string closest = closest_name(known, stripped(label));
    return InputError(folder_name_ + ": " + model_name_ + " has no class '" + label + "'" +
                      (closest.empty() ? "." : "; did you mean '" + closest + "'?") +
                      " Rename the sub-folder or take it out. Sub-folders: " + list_of(folder_.labels) +
                      ". Classes of the model: " + list_of(labels_) + ".");
  }

  const std::string& model_name_;
  const std::vector<std::string>& labels_;
  const std::string& folder_name_;
  const LabelledFolder& folder_;
  std::array<Names, kSurenesses> by_name_;
};

ClassMatch match_without_labels(const std::string& model_name, uint32_t classes, const std::string& folder_name,
                                const LabelledFolder& folder) {
  ClassMatch match;
  const bool are_numbers = std::all_of(folder.labels.begin(), folder.labels.end(), is_number);
  if (!are_numbers && folder.labels.size() != classes) {
    throw InputError(model_name + ": the model has no labels, and " + std::to_string(classes) + " classes, but " +
                     folder_name + " has " + std::to_string(folder.labels.size()) +
                     " sub-folders with photos; give --labels FILE, or name the sub-folders by the classes' numbers");
  }
  for (uint32_t i = 0; i < folder.labels.size(); ++i) {
    const uint32_t number = are_numbers ? (uint32_t)std::stoul(folder.labels[i]) : i;
    if (number >= classes) {
      throw InputError(folder_name + ": there is no class " + folder.labels[i] + "; " + model_name +
                       " has no labels, and classes from 0 to " + std::to_string(classes - 1));
    }
    match.class_of.push_back(number);
  }
  match.notes.push_back(model_name + " has no labels; its classes are taken " +
                        (are_numbers ? "by the sub-folders' numbers" : "in the order of the sub-folders' names"));
  return match;
}

void note_missing(const std::string& folder_name, const std::vector<std::string>& labels, ClassMatch* match) {
  std::vector<std::string> missing;
  for (uint32_t i = 0; i < labels.size(); ++i) {
    if (std::find(match->class_of.begin(), match->class_of.end(), i) == match->class_of.end())
      missing.push_back(labels[i]);
  }
  if (missing.empty()) return;
  match->notes.push_back(folder_name + " has no photos of " + std::to_string(missing.size()) + " of the model's " +
                         std::to_string(labels.size()) + " classes: " + list_of(missing));
}

}  // namespace

ClassMatch match_classes(const std::string& model_name, const std::vector<std::string>& labels, uint32_t classes,
                         const std::string& folder_name, const LabelledFolder& folder) {
  if (labels.empty()) return match_without_labels(model_name, classes, folder_name, folder);
  ClassMatch match;
  const Matcher matcher(model_name, labels, folder_name, folder);
  for (const std::string& label : folder.labels) {
    const uint32_t class_index = matcher.class_of(label);
    const auto other = std::find(match.class_of.begin(), match.class_of.end(), class_index);
    if (other != match.class_of.end()) {
      throw InputError(folder_name + ": the sub-folders '" + folder.labels[(size_t)(other - match.class_of.begin())] +
                       "' and '" + label + "' are both the model's class '" + labels[class_index] +
                       "'; put their photos together");
    }
    match.class_of.push_back(class_index);
  }
  note_missing(folder_name, labels, &match);
  return match;
}

}  // namespace posy
