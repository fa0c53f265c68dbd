// What `posy label` says about a photo: for people, as JSON, or as lines of a table.
#pragma once
#include <string>
#include <vector>

#include "apps/session.h"
#include "loaders/tensor_watch.h"

namespace posy {

enum class LabelForm { kText, kJson, kCsv };

struct LabelReport {
  LabelForm form = LabelForm::kText;
  uint32_t top = 5;        // 0: all, in class order
  std::string layer;       // JSON: the node whose output is printed as well; empty: none
  bool may_reject = true;  // say that a photo is unknown, if the model has a rule for it
  bool many = false;       // text: say which photo it is
};

struct LabelTiming {
  double decode_ms, run_ms;
};

// What comes before the first photo.
void print_label_header(const LabelReport& report);

// Scores of the session's last run, at once: whoever waits at the other end of a pipe sees them before the next photo
// is read. `layer`, which is report.layer, may be null; only JSON has it.
void print_label(const LabelReport& report, Session& session, const std::string& path, const Image& image,
                 LabelTiming timing, const TensorWatch* layer);

// A photo that could not be read: also on standard error.
void print_label_error(const LabelReport& report, const std::string& path, const std::string& error);

}  // namespace posy
