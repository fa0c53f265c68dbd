// What retraining came to, for people and programs.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apps/novelty_figures.h"
#include "loaders/softmax_regression.h"

namespace posy {

struct RetrainReport {
  std::string model, base, folder, bottleneck_dir;
  std::vector<std::string> labels;
  size_t training = 0, validation = 0, testing = 0;  // photos
  size_t computed = 0, unreadable = 0;
  uint32_t channels = 0;
  Fit of_training, of_validation, of_testing;
  std::vector<std::pair<size_t, size_t>> of_class;  // testing photos, and how many of these are right
  bool descended = false;
  double weight_decay = 0;
  std::vector<LearningPoint> curve;
  double coverage = 0;  // share of the testing photos that may be answered, the surest first, with 95 % right
  std::optional<NoveltyFigures> novelty;
  double bottleneck_seconds = 0, training_seconds = 0, seconds = 0;
  size_t model_bytes = 0;
};

void print_report(const RetrainReport& report);
void print_report_json(const RetrainReport& report);
std::string retrain_page(const RetrainReport& report);
// Curves for TensorBoard's Scalars, in an events file in this folder. Returns its name.
std::string write_curve_events(const RetrainReport& report, const std::string& folder);

}  // namespace posy
