#include "loaders/choose_int8.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "loaders/network_runner.h"

namespace posy {
namespace {

// What a network in codes makes of the photos.
struct Outcome {
  double divergence = 0;
  double changed_labels = 0;
};

Outcome compare(const Network& network, const Calibration& calibration) {
  NetworkRunner runner(network, WeightChoice::kF32);
  Outcome outcome;
  for (size_t i = 0; i < calibration.inputs.size(); ++i) {
    const std::vector<float> scores = runner.run(calibration.inputs[i]);
    outcome.divergence += divergence(calibration.scores[i], scores);
    outcome.changed_labels += best_class(scores) != best_class(calibration.scores[i]) ? 1 : 0;
  }
  outcome.divergence /= (double)calibration.inputs.size();
  outcome.changed_labels /= (double)calibration.inputs.size();
  return outcome;
}

// Noise over signal of every convolution's outputs, each given what the layers before it made of the photos.
std::vector<double> layer_errors(const Network& network, const Network& in_codes, const Calibration& calibration) {
  constexpr size_t kPhotos = 8;
  std::vector<double> noise(network.values.size(), 0), signal(network.values.size(), 0);
  NetworkRunner floats(network, WeightChoice::kF32), codes(in_codes, WeightChoice::kF32);
  for (size_t i = 0; i < std::min(kPhotos, calibration.inputs.size()); ++i) {
    std::vector<std::vector<float>> right(network.values.size());
    floats.run(calibration.inputs[i], [&](const MadeRows& rows) {
      if ((size_t)rows.value >= right.size()) return;
      rows.for_each([&](uint32_t, float x) { right[(size_t)rows.value].push_back(x); });
    });
    codes.run(calibration.inputs[i], [&](const MadeRows& rows) {
      if ((size_t)rows.value >= right.size() || right[(size_t)rows.value].empty()) return;
      size_t at = 0;
      rows.for_each([&](uint32_t, float x) {
        const double of = right[(size_t)rows.value][at++];
        noise[(size_t)rows.value] += (x - of) * (x - of);
        signal[(size_t)rows.value] += of * of;
      });
    });
  }
  std::vector<double> errors;
  for (const NetworkNode& node : network.nodes) {
    const size_t value = (size_t)node.output;
    errors.push_back(signal[value] > 0 ? noise[value] / signal[value] : 0);
  }
  return errors;
}

// The integer convolution whose outputs are worse than its inputs by most.
size_t worst_layer(const Network& network, const Network& in_codes, const Calibration& calibration,
                   const std::set<size_t>& floats) {
  const std::vector<double> errors = layer_errors(network, in_codes, calibration);
  std::map<ValueId, double> of_value;
  size_t worst = network.nodes.size();
  double most = -1;
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    const NetworkNode& node = network.nodes[i];
    const double added = errors[i] - of_value[node.inputs[0]];
    of_value[node.output] = errors[i];
    const bool is_candidate = node.kind == NodeKind::kConv2d || node.kind == NodeKind::kDepthwiseConv2d;
    if (!is_candidate || floats.count(i) || added <= most) continue;
    most = added;
    worst = i;
  }
  return worst;
}

// What a softmax makes of logits.
std::vector<double> probabilities(const std::vector<float>& logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  double sum = 0;
  for (const float x : logits) sum += p.emplace_back(std::exp(x - most));
  for (double& x : p) x /= sum;
  return p;
}

double kullback_leibler(const std::vector<double>& p, const std::vector<double>& q) {
  constexpr double kLeast = 1e-9;
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] > 0) sum += p[i] * std::log(std::max(p[i], kLeast) / std::max(q[i], kLeast));
  }
  return sum;
}

}  // namespace

double divergence(const std::vector<float>& p, const std::vector<float>& q) {
  const auto [low, high] = std::minmax_element(p.begin(), p.end());
  if (*low < 0 || *high > 1) return kullback_leibler(probabilities(p), probabilities(q));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  if (std::fabs(sum - 1) < 1e-3) return kullback_leibler({p.begin(), p.end()}, {q.begin(), q.end()});
  double distance = 0;
  for (size_t i = 0; i < p.size(); ++i) distance += ((double)p[i] - q[i]) * ((double)p[i] - q[i]);
  return distance;
}

Int8Choice choose_int8(Network network, const std::vector<std::string>& photos, double max_drop) {
  Calibration calibration = calibrate(network, photos);
  const std::vector<std::vector<float>> scores = calibration.scores;
  if (const int scaled = equalize_channels(&network, calibration)) {
    network.rewrites["channels in front of a depthwise layer scaled to one range"] += scaled;
    measure_values(network, &calibration);
    calibration.scores = scores;  // those of the network as it came
  }
  measure_layers(network, &calibration);
  const std::vector<SteppedWeights> weights = weights_in_steps(network, calibration);
  calibration.layers.clear();  // as large as the weights, or larger
  Int8Choice choice;
  choice.notes = calibration.notes;
  choice.divergence = std::numeric_limits<double>::infinity();
  std::set<size_t> floats;
  for (const RangeRule rule : kRangeRules) {
    Network candidate = quantized(network, calibration, weights, rule, floats);
    const Outcome outcome = compare(candidate, calibration);
    if (!(outcome.divergence < choice.divergence)) continue;
    choice.network = std::move(candidate);
    choice.rule = rule;
    choice.divergence = outcome.divergence;
    choice.changed_labels = outcome.changed_labels;
  }
  while (choice.changed_labels > max_drop) {
    const size_t worst = worst_layer(network, choice.network, calibration, floats);
    if (worst == network.nodes.size()) break;
    floats.insert(worst);
    choice.network = quantized(network, calibration, weights, choice.rule, floats);
    const Outcome outcome = compare(choice.network, calibration);
    choice.divergence = outcome.divergence;
    choice.changed_labels = outcome.changed_labels;
    choice.floats.push_back(network.nodes[worst].name);
  }
  return choice;
}

}  // namespace posy
