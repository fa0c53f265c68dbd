// Why labels may be wrong: what a model says about a photo under each way to prepare it, and what else is odd.
#pragma once
#include <string>
#include <vector>

#include "apps/session.h"

namespace posy {

struct DiagnosisRow {
  enum class Kind { kProgram, kOrientation, kMistake };

  PreprocessVariant variant;
  Kind kind;
  std::string differs;  // from what the model was trained with; empty: in nothing
  std::vector<posy_score> best;
  bool changes_answer = false;
};

struct DiagnosisWarning {
  const char* what;  // one word, for programs
  std::string text;
};

struct Diagnosis {
  std::vector<DiagnosisRow> rows;  // the first is the model's own way
  std::vector<DiagnosisWarning> warnings;
  std::string verdict;
};

// Runs the model once for each way. `name` is the photo's, for messages.
Diagnosis diagnose(Session* session, const Image& image, const std::string& name);

// "(x - 127.5) / 127.5"
std::string scaling_text(float mean, float std);

}  // namespace posy
