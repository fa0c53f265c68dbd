#include "loaders/round_weights.h"

#include <algorithm>
#include <cmath>

#include "loaders/network.h"

namespace posy {
namespace {

// value = step * (code + offset)
struct CodeLine {
  float step, offset;
};

struct Bounds {
  double low, high;
};

CodeLine line_between(Bounds bounds, double last_code) {
  const float step = (float)((bounds.high - bounds.low) / last_code);
  return {step, (float)(bounds.low / step)};
}

// Of a channel: its weights, and sums over the codes that a line gives them.
class ChannelRounding {
 public:
  ChannelRounding(std::vector<double> values, uint32_t bits)
      : values_(std::move(values)), last_code_((1u << bits) - 1), codes_(values_.size()) {
    const auto [low, high] = std::minmax_element(values_.begin(), values_.end());
    bounds_ = {*low, *high};
  }

  // Also in codes().
  CodeLine best(bool search) {
    // Weights this small add nothing to a sum, and steps between them would be no normal numbers.
    if (std::max(-bounds_.low, bounds_.high) < (double)1e-30f) bounds_ = {0, 0};
    // Equal weights: one code, and a step that makes it their value. All zero: any step does.
    if (!(bounds_.high > bounds_.low)) {
      std::fill(codes_.begin(), codes_.end(), uint8_t{0});
      return bounds_.low == 0 ? CodeLine{1, 0} : CodeLine{(float)bounds_.low, 1};
    }
    best_ = line_between(bounds_, last_code_);
    best_error_ = error_of(best_);
    if (search) search_cuts();
    error_of(best_);
    return best_;
  }
  const std::vector<uint8_t>& codes() const { return codes_; }

 private:
  // Gives every weight its code; returns the sum of squared errors.
  double error_of(CodeLine line) {
    const double step = line.step, offset = line.offset, per_step = 1 / step, most = last_code_;
    double sum = 0;
    for (size_t r = 0; r < values_.size(); ++r) {
      const double code = (int)(std::clamp(values_[r] * per_step - offset, 0.0, most) + 0.5);
      const double error = values_[r] - step * (code + offset);
      codes_[r] = (uint8_t)code;
      sum += error * error;
    }
    return sum;
  }

  // Least squares of the weights over their codes; false where there is no such line.
  bool fit(CodeLine* line) const {
    const double n = (double)values_.size();
    double q = 0, v = 0, qq = 0, qv = 0;
    for (size_t r = 0; r < values_.size(); ++r) {
      const double code = codes_[r];
      q += code;
      v += values_[r];
      qq += code * code;
      qv += code * values_[r];
    }
    const double step = (n * qv - q * v) / (n * qq - q * q);
    *line = {(float)step, (float)((v - step * q) / n / step)};
    return std::isfinite(line->offset) && line->step > 1e-37f;
  }

  void search_cuts() {
    constexpr double kCuts[] = {1, 0.85, 0.7, 0.55, 0.4};
    constexpr int kFits = 4;
    double mean = 0;
    for (const double v : values_) mean += v / (double)values_.size();
    for (const double low : kCuts) {
      for (const double high : kCuts) {
        CodeLine line =
            line_between({mean + (bounds_.low - mean) * low, mean + (bounds_.high - mean) * high}, last_code_);
        for (int fits = 0; fits <= kFits; ++fits) {
          if (!(line.step > 1e-37f)) break;
          const double error = error_of(line);
          if (error < best_error_) best_error_ = error, best_ = line;
          if (!fit(&line)) break;
        }
      }
    }
  }

  std::vector<double> values_;
  double last_code_;
  std::vector<uint8_t> codes_;
  Bounds bounds_ = {};
  CodeLine best_ = {};
  double best_error_ = 0;
};

}  // namespace

RoundedWeights round_weights(const ConvWeights& weights, uint32_t bits) {
  const size_t channels = weights.line.size(), rows = weights.values->floats.size() / channels;
  RoundedWeights rounded;
  rounded.bits = bits;
  rounded.codes.resize(rows * channels);
  std::vector<double> values(rows);
  for (size_t c = 0; c < channels; ++c) {
    for (size_t r = 0; r < rows; ++r) values[r] = weights.value(r, c);
    ChannelRounding channel(values, bits);
    const CodeLine line = channel.best(bits < 8);
    rounded.step.push_back(line.step);
    rounded.offset.push_back(line.offset);
    for (size_t r = 0; r < rows; ++r) rounded.codes[r * channels + c] = channel.codes()[r];
  }
  return rounded;
}

}  // namespace posy
