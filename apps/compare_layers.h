// Two models layer by layer, on one picture.
#pragma once
#include "apps/compare_report.h"
#include "apps/photo_team.h"

namespace posy {

// Layers that have a name in both, in A's order, to the report.
void compare_layers(PhotoTeam* a, PhotoTeam* b, const Image& image, CompareReport* report);

}  // namespace posy
