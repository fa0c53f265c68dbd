// Integer arithmetic for a network, where it is asked for or where the graph is quantized.
#pragma once
#include "loaders/convert.h"
#include "loaders/network.h"

namespace posy {

// simplify()s the network. It becomes one of 8-bit codes if its graph says which (unless options.known_codes is
// false), or if options.int8 asks for it; what was done is in network->notes. False if it stays floats.
bool make_integers(Network* network, const ConvertOptions& options);

}  // namespace posy
