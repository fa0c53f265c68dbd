#include "apps/split_flags.h"

namespace posy {

SplitRule split_rule(const Args& args) {
  SplitRule rule;
  rule.testing_percentage = args.number("testing-percentage", 0, 100).value_or(rule.testing_percentage);
  rule.validation_percentage = args.number("validation-percentage", 0, 100).value_or(rule.validation_percentage);
  if (rule.testing_percentage + rule.validation_percentage > 100)
    throw UsageError("--testing-percentage and --validation-percentage are more than 100 together");
  rule.image_dir_as = args.text("image-dir-as").value_or("");
  return rule;
}

}  // namespace posy
