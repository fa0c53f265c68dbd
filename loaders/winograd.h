// Which convolutions are computed with Winograd's transforms, and with which tiles.
#pragma once
#include "loaders/network.h"

namespace posy {

// Rewrites convolutions of stride 1 for which fewer products outweigh the transforms into kWinogradInput and
// kWinogradProduct, counting them in network.rewrites. Decided by shapes alone: a file has the same scores on every
// processor. Scores stay the same to float rounding.
void choose_winograd(Network* network);

}  // namespace posy
