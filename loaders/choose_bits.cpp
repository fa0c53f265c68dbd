#include "loaders/choose_bits.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "kernels/weights.hpp"
#include "loaders/error.h"
#include "loaders/round_for_outputs.h"
#include "loaders/step_runner.h"
#include "loaders/winograd.h"
#include "loaders/write_posy.h"

namespace posy {
namespace {

constexpr size_t kMostPhotos = 256, kDamagePhotos = 24;
constexpr uint32_t kLeastBits = 4;

using Rounded = std::shared_ptr<const RoundedWeights>;

// One encoding of a layer.
struct Option {
  Rounded rounded;  // null: without loss
  uint32_t bits = 8;
  uint64_t bytes = 0;
  double error = 0;   // of the layer's outputs, or weights
  double damage = 0;  // of the whole network
};

struct Layer {
  NetworkNode* node;
  std::vector<Option> options;  // ever fewer bytes
  size_t chosen = 0;

  const Option& now() const { return options[chosen]; }
  void choose(size_t option) {
    chosen = option;
    node->weights.rounded = options[option].rounded;
  }
};

// Squared error of the weights over their squares, both in the scales of the channels.
double relative_weight_error(const ConvWeights& weights, const RoundedWeights& rounded) {
  const size_t channels = weights.line.size(), rows = weights.values->floats.size() / channels;
  double lost = 0, all = 1e-30;
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < channels; ++c) {
      const double scale = weights.line.scale[c], error = rounded.value(r, c) - weights.value(r, c);
      lost += scale * scale * error * error;
      all += scale * scale * weights.value(r, c) * weights.value(r, c);
    }
  }
  return lost / all;
}

class Chooser {
 public:
  Chooser(Network* network, const BitsOptions& options, BitsReport* report)
      : network_(*network), options_(options), report_(*report) {
    for (NetworkNode* node : layers_of(network)) layers_.push_back({node, {}});
  }

  void choose() {
    const bool mixed = options_.target_bytes > 0 || options_.max_drop;
    if (!options_.photos.empty()) look_at_photos();
    for (size_t i = 0; i < layers_.size(); ++i) add_options(i, mixed);
    for (Layer& layer : layers_) layer.choose(0);
    if (mixed && !inputs_.empty()) measure_damage();
    if (mixed) {
      find_path();
      options_.max_drop ? search_path() : reach_target();
    }
    for (const Layer& layer : layers_) {
      report_.layers.push_back({layer.node->name, layer.now().bits, layer.now().damage});
    }
    if (!inputs_.empty()) {
      report_.photos = judges().size();
      report_.changed = changed_photos();
    }
  }

 private:
  // ---- What may be chosen ----

  void look_at_photos() {
    StepRunner runner(network_, WeightChoice::kF32);
    inputs_ = runner.inputs_of(photos_of_folder(options_.photos, kMostPhotos), &report_.notes);
    std::vector<std::vector<float>> rounded_by;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (!options_.max_drop || i % 3 != 2) rounded_by.push_back(inputs_[i]);
    }
    statistics_ = layer_statistics(&runner, rounded_by);
    for (const std::vector<float>& input : inputs_) logits_.push_back(runner.run(input));
  }

  void add_options(size_t index, bool mixed) {
    Layer& layer = layers_[index];
    const ConvWeights& weights = layer.node->weights;
    const Encoding fixed = encoding_of(weights, mixed ? WeightChoice::kU8 : options_.weights);
    if (fixed.bits == 0) {  // float, or a table: nothing is rounded
      layer.options.push_back({nullptr, fixed.type == WeightType::f32 ? 32u : 8u, fixed.bytes});
      if (!mixed || fixed.type == WeightType::f32) return;
    } else if (options_.max_drop) {
      const auto kept = std::make_shared<RoundedWeights>();
      kept->bits = 32;
      layer.options.push_back({kept, 32, encoding_of(weights, WeightChoice::kF32).bytes});
    }
    std::optional<OutputRounding> by_outputs;
    if (!inputs_.empty()) by_outputs.emplace(weights, statistics_[index]);
    for (uint32_t bits = fixed.bits == 0 ? 7 : fixed.bits; bits >= kLeastBits; --bits) {
      const Encoding encoding = encoding_of(weights, choice_of_bits(bits));
      if (encoding.bits != bits) continue;  // more bits cost nothing
      const auto rounded =
          std::make_shared<RoundedWeights>(by_outputs ? by_outputs->round(bits) : round_weights(weights, bits));
      const bool has_outputs = by_outputs && !statistics_[index].covariance.empty();
      const double error =
          has_outputs ? by_outputs->relative_error(*rounded) : relative_weight_error(weights, *rounded);
      layer.options.push_back({rounded, bits, encoding.bytes, error, error});
      if (!mixed) return;
    }
  }

  // Of each layer by itself, with few bits; the damage of others is in proportion to what the layer loses.
  void measure_damage() {
    const size_t count = std::min(kDamagePhotos, inputs_.size());
    double all = 1e-30;
    for (size_t i = 0; i < count; ++i) {
      double mean = 0;
      for (const float x : logits_[i]) mean += x / (double)logits_[i].size();
      for (const float x : logits_[i]) all += (x - mean) * (x - mean);
    }
    for (Layer& layer : layers_) layer.node->weights.rounded = nullptr;  // is float below
    for (Layer& layer : layers_) {
      const Option& fewest = layer.options.back();
      if (!(fewest.error > 0)) continue;
      layer.node->weights.rounded = fewest.rounded;
      StepRunner runner(network_, WeightChoice::kF32);
      double lost = 0;
      for (size_t i = 0; i < count; ++i) {
        const size_t photo = i * inputs_.size() / count;
        const std::vector<float> logits = runner.run(inputs_[photo]);
        for (size_t c = 0; c < logits.size(); ++c) {
          const double change = (double)logits[c] - logits_[photo][c];
          lost += change * change;
        }
      }
      layer.node->weights.rounded = nullptr;
      const double damage = lost / all;
      for (Option& option : layer.options) option.damage = damage * option.error / fewest.error;
    }
  }

  // ---- The choice ----

  uint64_t layer_bytes() const {
    uint64_t bytes = 0;
    for (const Layer& layer : layers_) bytes += layer.now().bytes;
    return bytes;
  }

  struct Move {
    size_t layer, option;
  };

  // From the options chosen, the move to fewer bytes with the least damage for each byte saved; false if there is none.
  bool cheapest_move(Move* move) const {
    double least = 0;
    bool found = false;
    for (size_t l = 0; l < layers_.size(); ++l) {
      const Layer& layer = layers_[l];
      for (size_t o = layer.chosen + 1; o < layer.options.size(); ++o) {
        const double saved = (double)(layer.now().bytes - layer.options[o].bytes);
        const double cost = (layer.options[o].damage - layer.now().damage) / saved;
        if (found && cost >= least) continue;
        found = true;
        least = cost;
        *move = {l, o};
      }
    }
    return found;
  }

  void find_path() {
    for (Layer& layer : layers_) layer.choose(0);
    for (Move move; cheapest_move(&move);) {
      path_.push_back(move);
      layers_[move.layer].choose(move.option);
    }
  }

  void follow_path(size_t moves) {
    for (Layer& layer : layers_) layer.choose(0);
    for (size_t i = 0; i < moves; ++i) layers_[path_[i].layer].choose(path_[i].option);
  }

  // Of the whole file as it would be written now.
  uint64_t file_bytes() const {
    Network copy = network_;
    if (options_.winograd) choose_winograd(&copy);
    const Plan plan = make_plan(&copy);
    return write_posy(copy, plan, WeightChoice::kU8).size();
  }

  void reach_target() {
    follow_path(0);
    const uint64_t rest = file_bytes() - layer_bytes();
    size_t moves = 0;
    for (; rest + layer_bytes() > options_.target_bytes && moves < path_.size(); ++moves) follow_path(moves + 1);
    if (rest + layer_bytes() > options_.target_bytes) {
      throw InputError("with 4 bits a weight the file has " + std::to_string(rest + layer_bytes()) +
                       " bytes; --target-size " + std::to_string(options_.target_bytes) + " is out of reach");
    }
    give_back(options_.target_bytes - rest);
  }

  // The last step may have saved more than it had to.
  void give_back(uint64_t most_bytes) {
    for (;;) {
      double best = 0;
      Move move = {};
      for (size_t l = 0; l < layers_.size(); ++l) {
        const Layer& layer = layers_[l];
        for (size_t o = 0; o < layer.chosen; ++o) {
          const uint64_t more = layer.options[o].bytes - layer.now().bytes;
          const double gain = (layer.now().damage - layer.options[o].damage) / (double)more;
          if (layer_bytes() + more <= most_bytes && gain > best) best = gain, move = {l, o};
        }
      }
      if (best == 0) return;
      layers_[move.layer].choose(move.option);
    }
  }

  // Photos whose classes are looked at. Those that weights were rounded by change less than others would: every third
  // one is kept apart where it matters.
  std::vector<size_t> judges() const {
    std::vector<size_t> photos;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (!options_.max_drop || i % 3 == 2 || inputs_.size() < 3) photos.push_back(i);
    }
    return photos;
  }

  size_t changed_photos() const {
    StepRunner runner(network_, options_.target_bytes || options_.max_drop ? WeightChoice::kU8 : options_.weights);
    size_t changed = 0;
    for (const size_t i : judges()) changed += best_class(runner.run(inputs_[i])) != best_class(logits_[i]);
    return changed;
  }

  // The most moves that keep enough photos' classes; more moves are taken to change more.
  void search_path() {
    const double most = *options_.max_drop / 100 * (double)judges().size();
    const auto is_good = [&](size_t moves) {
      follow_path(moves);
      return (double)changed_photos() <= most;
    };
    size_t good = 0, bad = path_.size() + 1;
    while (good + 1 < bad) {
      const size_t middle = (good + bad) / 2;
      (is_good(middle) ? good : bad) = middle;
    }
    follow_path(good);
  }

  Network& network_;
  const BitsOptions& options_;
  BitsReport& report_;
  std::vector<Layer> layers_;
  std::vector<std::vector<float>> inputs_, logits_;  // per photo
  std::vector<LayerStatistics> statistics_;          // per layer; empty without photos
  std::vector<Move> path_;
};

}  // namespace

void choose_bits(Network* network, const BitsOptions& options, BitsReport* report) {
  if (options.max_drop && options.photos.empty()) {
    throw InputError("a greatest drop is measured on photos: name a folder with --calibrate");
  }
  Chooser(network, options, report).choose();
}

}  // namespace posy
