// posy doctor of a folder: how many of its photos each way to prepare them would label otherwise.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "apps/diagnosis.h"

namespace posy {

struct FolderDiagnosis {
  struct Way {
    PreprocessVariant variant;
    DiagnosisRow::Kind kind;
    size_t photos = 0, changed = 0;  // `photos`: those that it applies to
    std::string first;               // that is changed
  };
  struct Oddity {
    std::string what, text;  // of the first photo
    size_t photos = 0;
    std::string first;
  };

  size_t photos = 0;
  std::vector<std::string> unreadable;  // one sentence each
  std::vector<Way> ways;
  std::vector<Oddity> oddities;
  std::string verdict;
};

// Photos that cannot be read are left out. Throws InputError if there is no other.
FolderDiagnosis diagnose_folder(Session* session, const std::string& folder, const ImageLimits& limits);

}  // namespace posy
