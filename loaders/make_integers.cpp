#include "loaders/make_integers.h"

#include <cstdio>

#include "loaders/choose_int8.h"
#include "loaders/graph.h"
#include "loaders/known_codes.h"
#include "loaders/network_runner.h"

namespace posy {
namespace {

constexpr size_t kMostPhotos = 200;

std::string percent(double part) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", part * 100);
  return text;
}

std::string counted(int count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void calibrated(Network* network, const BitsOptions& options) {
  const std::vector<std::string> photos = photos_of_folder(options.photos, kMostPhotos);
  Int8Choice choice = choose_int8(*network, photos, options.max_drop.value_or(100) / 100);
  *network = std::move(choice.network);
  std::vector<std::string>& notes = network->notes;
  notes.insert(notes.end(), choice.notes.begin(), choice.notes.end());
  const size_t used = photos.size() - choice.notes.size();
  char divergence[32];
  std::snprintf(divergence, sizeof divergence, "%.2g", choice.divergence);
  notes.push_back("8-bit codes, ranges by the rule '" + std::string(range_rule_name(choice.rule)) + "': on " +
                  std::to_string(used) + " photos the scores diverge by " + divergence + ", and " +
                  percent(choice.changed_labels) + " of the best labels change");
  for (const std::string& name : choice.floats) notes.push_back("stays float: " + printable_name(name));
}

// False if no layer has the codes that it takes for integers.
bool in_own_codes(Network* network, const ConvertOptions& options) {
  Network simplified = *network;
  simplify(&simplified, options.keep_bottleneck);
  KnownCodes known = in_known_codes(simplified);
  if (known.layers == 0) return false;
  *network = std::move(known.network);
  std::string note =
      "the graph is quantized: " + counted(known.layers, "layer") + " run as the 8-bit integers that they are";
  if (known.float_layers > 0) note += ", " + std::to_string(known.float_layers) + " as floats";
  network->notes.push_back(note + " (--no-int8: all as floats)");
  if (options.int8) network->notes.push_back("the ranges are the graph's own; the photos are not needed");
  return true;
}

}  // namespace

bool make_integers(Network* network, const ConvertOptions& options) {
  if (network->has_known_codes()) {
    if (in_own_codes(network, options)) return true;
    forget_known_codes(network);
  }
  simplify(network, options.keep_bottleneck);
  if (!options.int8) return false;
  calibrated(network, options.bits);
  return true;
}

}  // namespace posy
