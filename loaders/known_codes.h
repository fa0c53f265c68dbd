// From a network whose graph says which 8-bit codes its values are rounded to (Value::known) to one of these codes.
#pragma once
#include "loaders/network.h"

namespace posy {

struct KnownCodes {
  Network network;
  int layers = 0, float_layers = 0;  // convolutions of codes; those that stay float
};

// Every value with known codes is these codes, made by integer ops where there are any, else by a float op and then
// rounded. Ops that only move values hand codes on. What the graph does not round stays float, and so do the scores of
// a softmax, or another float op, at the end.
KnownCodes in_known_codes(const Network& network);

// Floats throughout, as if the graph rounded nothing but what its own ops round.
void forget_known_codes(Network* network);

}  // namespace posy
