// What posy eval found, and the forms in which it is written down.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apps/novelty_figures.h"
#include "loaders/evaluation.h"
#include "loaders/labelled_folder.h"

namespace posy {

struct EvaluatedPhoto {
  std::string path;
  uint32_t truth = 0;  // class of the model
  Split split = Split::kTraining;
  std::string error;  // not empty: unreadable, and no verdict
  Verdict verdict;
  float novelty = 0;
};

struct EvalReport {
  std::string model, folder;        // as given
  std::optional<Split> split;       // nothing: all
  std::vector<std::string> labels;  // of the model, or numbers
  std::vector<EvaluatedPhoto> photos;
  Evaluation evaluation;  // of those that could be read
  size_t unreadable = 0;
  std::optional<NoveltyFigures> novelty;  // of a rule that was fitted, or with photos of other things
  uint32_t threads = 1;
  std::string isa;
  double seconds = 0;                // from the first photo to the last figure
  double decode_ms = 0, run_ms = 0;  // sums over photos

  // The part of all threads' time that is decoding and inference.
  double busy() const { return seconds > 0 ? (decode_ms + run_ms) / 1000 / (seconds * threads) : 0; }
  const char* split_text() const { return split ? split_name(*split) : "all"; }
};

std::vector<Verdict> verdicts_of(const std::vector<EvaluatedPhoto>& photos);

// For people: a summary, the classes and the most frequent confusions; the whole matrix if it is wanted.
std::string text_of(const EvalReport& report, bool has_matrix);

// One JSON object.
void print_json_of(const EvalReport& report);

// RFC 4180: a header and a line for each photo.
std::string csv_of(const EvalReport& report);

// One page that needs nothing but itself. Decodes photos again for their thumbnails, at most `thumbnails` of those that
// were taken for another class and a few others.
std::string html_of(const EvalReport& report, uint32_t thumbnails);

}  // namespace posy
