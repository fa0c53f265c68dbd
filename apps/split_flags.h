// Into which parts photos are divided, as the command line says it: of posy eval and posy retrain.
#pragma once
#include "apps/args.h"
#include "loaders/labelled_folder.h"

namespace posy {

// --testing-percentage, --validation-percentage and --image-dir-as. Throws UsageError where the parts are more than
// all photos.
SplitRule split_rule(const Args& args);

}  // namespace posy
