#include "loaders/int8_layer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "loaders/error.h"
#include "loaders/int8_panels.h"
#include "loaders/round_for_outputs.h"

namespace posy {
namespace {

constexpr int kMostWeight = 127, kMostOfPair = 128;
// Steps that are tried: parts of the one with which the greatest weight is 127 and all pairs are small.
constexpr double kLeastPart = 0.5, kPartStep = 0.02;
// A start value keeps this far from the ends of 32 bits, for the sum of products to have room.
constexpr double kMostStart = 1 << 30;
// Of weights that are nothing.
constexpr double kLeastStep = 1e-12;

// One output channel: its weights with all factors, in the file's order, and how much an error of each counts.
struct Channel {
  std::vector<double> weights, importance, mean;
  double bias;
};

double rounded_weight(double x) {
  return std::clamp(std::nearbyint(x), (double)-kMostWeight, (double)kMostWeight);
}

// The two nearest whole numbers to a and b whose magnitudes add up to kMostOfPair at most.
void fit_pair(double x, double y, double* a, double* b) {
  *a = rounded_weight(x);
  *b = rounded_weight(y);
  const double over = std::fabs(*a) + std::fabs(*b) - kMostOfPair;
  if (over <= 0) return;
  // The nearest point of |a| + |b| = kMostOfPair.
  const double excess = (std::fabs(x) + std::fabs(y) - kMostOfPair) / 2;
  const double size = std::clamp(std::nearbyint(std::fabs(x) - excess), 1.0, (double)kMostWeight);
  *a = std::copysign(size, x);
  *b = std::copysign(kMostOfPair - size, y);
}

// The weights in steps; returns the error of the outputs, squared.
double fit(const Channel& channel, double step, std::vector<double>* codes) {
  const size_t rows = channel.weights.size();
  codes->resize(rows);
  double error = 0;
  for (size_t r = 0; r < rows; r += 2) {
    fit_pair(channel.weights[r] / step, channel.weights[r + 1] / step, &(*codes)[r], &(*codes)[r + 1]);
    for (size_t i = r; i < r + 2; ++i) {
      const double e = channel.weights[i] - (*codes)[i] * step;
      error += e * e * channel.importance[i];
    }
  }
  return error;
}

double best_step(const Channel& channel, double least_step) {
  double most = 0;
  for (size_t r = 0; r < channel.weights.size(); r += 2) {
    const double a = std::fabs(channel.weights[r]), b = std::fabs(channel.weights[r + 1]);
    most = std::max({most, a / kMostWeight, b / kMostWeight, (a + b) / kMostOfPair});
  }
  if (most <= least_step) return least_step;
  std::vector<double> codes;
  double best = most, least_error = fit(channel, most, &codes);
  for (double part = kLeastPart; part < 1; part += kPartStep) {
    const double step = std::max(least_step, part * most), error = fit(channel, step, &codes);
    if (error >= least_error) continue;
    least_error = error;
    best = step;
  }
  return best;
}

// ---- Weights that are whole multiples of a step ----

constexpr int kMostLevel = 255;          // of weights that a graph quantized to 8 bits
constexpr double kNearWhole = 0.02;      // of a step, while the step is known by one weight alone
constexpr double kExact = 1e-3;          // of a step; floats of 255 levels are off by 1.5e-5
constexpr double kFinestBias = 1 << 20;  // steps of a bias, where no weight asks for a step

// Their multiples of `step`; empty if one is further than `tolerance` off.
std::vector<double> multiples(const std::vector<double>& weights, double step, double tolerance) {
  std::vector<double> codes;
  for (const double w : weights) {
    codes.push_back(std::nearbyint(w / step));
    if (!(std::fabs(w / step - codes.back()) <= tolerance)) return {};
  }
  return codes;
}

// The step of least squares for these multiples.
double fitted_step(const std::vector<double>& weights, const std::vector<double>& codes) {
  double products = 0, squares = 0;
  for (size_t i = 0; i < codes.size(); ++i) {
    products += weights[i] * codes[i];
    squares += codes[i] * codes[i];
  }
  return products / squares;
}

// The largest step of which all weights are multiples, at most `most` of them; 0 if there is none, or if all are 0.
// The least weight is a multiple of it, too.
double whole_step(const std::vector<double>& weights, int most) {
  double least = 0, largest = 0;
  for (const double w : weights) {
    largest = std::max(largest, std::fabs(w));
    if (w != 0 && (least == 0 || std::fabs(w) < least)) least = std::fabs(w);
  }
  for (int divisor = 1; least > 0 && largest * divisor <= least * (most + kNearWhole); ++divisor) {
    const std::vector<double> codes = multiples(weights, least / divisor, kNearWhole);
    if (codes.empty()) continue;
    const double step = fitted_step(weights, codes);
    if (!multiples(weights, step, kExact).empty()) return step;
  }
  return 0;
}

class LayerMaker {
 public:
  LayerMaker(const NetworkNode& node, uint32_t in_c, const InputStatistics& statistics)
      : node_(node), in_c_(in_c), statistics_(statistics), channels_(node.weights.line.size()) {
    is_depthwise_ = node.kind == NodeKind::kDepthwiseConv2d;
    order_ = int8_row_order(node.window, is_depthwise_ ? 0 : in_c);
  }

  SteppedWeights in_steps() const {
    SteppedWeights stepped;
    for (size_t c = 0; c < channels_; ++c) stepped.steps.push_back(best_step(channel(c), kLeastStep));
    stepped.codes = codes_that_cancel(stepped.steps);
    if (!stepped.codes.empty()) return stepped;
    stepped.codes.resize(node_.weights.values->floats.size());
    std::vector<double> codes;
    for (size_t c = 0; c < channels_; ++c) {
      fit(channel(c), stepped.steps[c], &codes);
      for (size_t r = 0; r < order_.size(); ++r) {
        if (order_[r] >= 0) stepped.codes[(size_t)order_[r] * channels_ + c] = (int8_t)codes[r];
      }
    }
    return stepped;
  }

  std::shared_ptr<const Int8Layer> make(const Value& in, const Value& out, const SteppedWeights& stepped) const {
    auto layer = std::make_shared<Int8Layer>();
    layer->weights.resize(node_.weights.values->floats.size());
    for (size_t c = 0; c < channels_; ++c) {
      const Channel channel = this->channel(c);
      const double least = least_step(channel, in);
      const auto codes_of = [&](const Channel& of, double step) {
        std::vector<double> codes;
        if (least > stepped.steps[c]) {  // next to such a bias, the weights' last bits are nothing
          fit(of, step, &codes);
          return codes;
        }
        for (const int row : order_) codes.push_back(row < 0 ? 0 : stepped.codes[(size_t)row * channels_ + c]);
        return codes;
      };
      put_channel(c, channel, std::max(least, stepped.steps[c]), in, out, codes_of, layer.get());
    }
    return layer;
  }

  std::shared_ptr<const Int8Layer> make_known(const Value& in, const Value& out) const {
    auto layer = std::make_shared<Int8Layer>();
    layer->weights.resize(node_.weights.values->floats.size());
    const auto nearest = [](const Channel& of, double step) {
      std::vector<double> codes;
      for (const double w : of.weights) codes.push_back(std::nearbyint(w / step));
      return codes;
    };
    for (size_t c = 0; c < channels_; ++c) {
      const Channel channel = this->channel(c);
      const double step = exact_step(channel, in);
      if (step == 0) return nullptr;
      // Next to a bias of so many steps, the weights' last bits are nothing.
      put_channel(c, channel, std::max(step, least_step(channel, in)), in, out, nearest, layer.get());
    }
    return layer;
  }

 private:
  Channel channel(size_t c) const {
    const ChannelLine& line = node_.weights.line;
    Channel channel;
    channel.bias = line.bias[c] - (double)line.center[c] * line.scale[c];
    for (const int row : order_) {
      // Depthwise, a row is a tap of channel c; else rows go through the input channels, tap by tap.
      const size_t in_c = is_depthwise_ ? c : row < 0 ? 0 : (size_t)row % in_c_;
      const bool known = row >= 0 && in_c < statistics_.mean.size();
      channel.weights.push_back(row < 0 ? 0 : (double)node_.weights.value((size_t)row, c) * line.scale[c]);
      channel.importance.push_back(row < 0 ? 0 : known ? statistics_.mean_square[in_c] + 1e-12 : 1);
      channel.mean.push_back(known ? statistics_.mean[in_c] : 0);
      if (!std::isfinite(channel.weights.back())) {
        throw InputError("node '" + node_.name + "' has weights that are not finite, which no 8-bit code stands for");
      }
    }
    return channel;
  }

  static double least_step(const Channel& channel, const Value& in) {
    return std::max(kLeastStep, std::fabs(channel.bias) / (in.scale * kMostStart));
  }

  // A step of which the weights are multiples, without loss; 0 if there is none. As fine as leaves pairs of weights
  // small where they are few: the bias is a multiple of it, too.
  static double exact_step(const Channel& channel, const Value& in) {
    const auto is_zero = [](double w) { return w == 0; };
    if (std::all_of(channel.weights.begin(), channel.weights.end(), is_zero)) {
      return std::max(least_step(channel, in), std::fabs(channel.bias) / (in.scale * kFinestBias));
    }
    const double step = whole_step(channel.weights, kMostLevel);
    if (step == 0) return 0;
    double most = 0;
    for (const double w : channel.weights) most = std::max(most, std::nearbyint(std::fabs(w) / step));
    return step / std::max(1.0, std::floor(kMostOfPair / 2 / most));
  }

  // All weights as multiples of their channels' steps, rounded so that the errors cancel in the outputs; empty if it is
  // not known how inputs go together.
  std::vector<int8_t> codes_that_cancel(const std::vector<double>& steps) const {
    if (!statistics_.together || statistics_.together->rows == 0) return {};
    const OutputRounding rounding(node_.weights, *statistics_.together);
    if (!rounding.knows_inputs()) return {};
    std::vector<int> partner(node_.weights.values->floats.size() / channels_, -1);
    for (size_t i = 0; i < order_.size(); i += 2) {
      if (order_[i] >= 0) partner[(size_t)order_[i]] = order_[i + 1];
      if (order_[i + 1] >= 0) partner[(size_t)order_[i + 1]] = order_[i];
    }
    std::vector<int8_t> codes(node_.weights.values->floats.size(), 0);
    rounding.round_each([&](size_t row, size_t c, double value) {
      const float scale = node_.weights.line.scale[c];
      if (scale == 0) return (float)value;  // counts for nothing
      // What the other one of its pair, if it had its turn, leaves to it.
      const double taken = partner[row] < 0 ? 0 : std::abs(codes[(size_t)partner[row] * channels_ + c]);
      const double room = std::min<double>(kMostWeight, kMostOfPair - taken);
      const double code = std::clamp(std::nearbyint(value * scale / steps[c]), -room, room);
      codes[row * channels_ + c] = (int8_t)code;
      return (float)(code * steps[c] / scale);
    });
    return codes;
  }

  // `round` makes multiples of a step of a channel's weights.
  template <class Round>
  void put_channel(size_t c, const Channel& channel, double wanted_step, const Value& in, const Value& out, Round round,
                   Int8Layer* layer) const {
    const double in_scale = in.scale, out_scale = out.is_u8 ? out.scale : 1;
    // The multiplier is what the file holds: a float.
    const float multiplier = (float)(wanted_step * in_scale / out_scale);
    const double step = multiplier * out_scale / in_scale;
    const std::vector<double> codes = round(channel, step);
    double bias = channel.bias, sum = 0;
    for (size_t r = 0; r < order_.size(); ++r) {
      bias += (channel.weights[r] - codes[r] * step) * channel.mean[r];
      sum += codes[r];
    }
    put_weights(c, codes, layer);
    const double start = std::nearbyint(bias / (step * in_scale)) - in.zero_point * sum;
    layer->start.push_back((int32_t)std::clamp(start, -2.0 * kMostStart, 2.0 * kMostStart - 1));
    layer->multiplier.push_back(multiplier);
  }

  void put_weights(size_t c, const std::vector<double>& codes, Int8Layer* layer) const {
    const auto fits = [](double code) { return std::fabs(code) <= kMostWeight; };
    const bool is_wide = !std::all_of(codes.begin(), codes.end(), fits);
    Int8Layer::Wide wide = {(uint32_t)c, std::vector<int16_t>(layer->weights.size() / channels_, 0)};
    for (size_t r = 0; r < order_.size(); ++r) {
      if (order_[r] < 0) continue;
      wide.weights[(size_t)order_[r]] = (int16_t)codes[r];
      if (!is_wide) layer->weights[(size_t)order_[r] * channels_ + c] = (int8_t)codes[r];
    }
    if (is_wide) layer->wide.push_back(std::move(wide));
  }

  const NetworkNode& node_;
  uint32_t in_c_;
  const InputStatistics statistics_;
  size_t channels_;
  bool is_depthwise_;
  std::vector<int> order_;
};

}  // namespace

SteppedWeights in_steps(const NetworkNode& node, uint32_t in_c, const InputStatistics& statistics) {
  return LayerMaker(node, in_c, statistics).in_steps();
}

std::shared_ptr<const Int8Layer> make_int8_layer(const NetworkNode& node, const Value& in, const Value& out,
                                                 const InputStatistics& statistics, const SteppedWeights& stepped) {
  return LayerMaker(node, in.shape.c, statistics).make(in, out, stepped);
}

std::shared_ptr<const Int8Layer> make_known_layer(const NetworkNode& node, const Value& in, const Value& out) {
  return LayerMaker(node, in.shape.c, {}).make_known(in, out);
}

}  // namespace posy
