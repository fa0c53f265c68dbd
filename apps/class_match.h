// Which class of a model a folder of photos stands for.
#pragma once
#include <string>
#include <vector>

#include "loaders/labelled_folder.h"

namespace posy {

struct ClassMatch {
  std::vector<uint32_t> class_of;  // by the folder's class index
  std::vector<std::string> notes;  // sentences
};

// By labels, both as normalized_label() has them; "7:tench, Tinca tinca" and "n01440764 tench, Tinca tinca" are also
// found as each of their names and as their number. `labels` of a model without any are empty: its `classes` classes
// are then the folders' names if these are numbers, else their order if there are as many. Throws InputError: a folder
// whose photos the model has no class for; two folders, or none, for a class where that cannot be.
ClassMatch match_classes(const std::string& model_name, const std::vector<std::string>& labels, uint32_t classes,
                         const std::string& folder_name, const LabelledFolder& folder);

}  // namespace posy
