#include "loaders/round_for_outputs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace posy {
namespace {

// Channels that are rounded side by side, so that their errors stay in the second-level cache.
constexpr size_t kBlockChannels = 32;

// Part of the mean variance that is added to every input's: photos are a sample, and inputs that never vary there may
// elsewhere.
constexpr double kDamping = 0.01;

// Some channels of a layer side by side: errors of the rows in their order, and what they add to the outputs' variance.
struct Block {
  size_t first, count;
  std::vector<float> errors;  // [rows, kBlockChannels]
  double variance[kBlockChannels];

  Block(size_t rows, size_t first_channel, size_t channels)
      : first(first_channel), count(channels), errors(rows * kBlockChannels, 0.0f), variance() {}

  // What the errors before row k make up for, plus `sums`.
  void add_errors(const float* upper, size_t k, float* sums) const {
    for (size_t j = 0; j < k; ++j) {
      const float u = upper[j];
      const float* of_row = errors.data() + j * kBlockChannels;
      for (size_t c = 0; c < kBlockChannels; ++c) sums[c] += u * of_row[c];
    }
  }
};

// Calls error(row, channel, correction) for all rows in their order; it returns the error made there.
template <class Order, class Error>
void for_each_row(const Order& group, size_t rows, Block* block, Error error) {
  for (size_t k = 0; k < rows; ++k) {
    const float* upper = group.upper.data() + k * rows;
    float sums[kBlockChannels] = {};
    block->add_errors(upper, k, sums);
    for (size_t c = 0; c < block->count; ++c) {
      const float made = error(group.order[k], block->first + c, sums[c]);
      block->errors[k * kBlockChannels + c] = made;
      block->variance[c] += (double)upper[k] * ((double)made + sums[c]) * ((double)made + sums[c]);
    }
  }
}

uint8_t nearest_code(double value, double step, double offset, uint32_t bits) {
  return (uint8_t)(std::clamp(value / step - offset, 0.0, (double)((1u << bits) - 1)) + 0.5);
}

}  // namespace

OutputRounding::OutputRounding(const ConvWeights& weights, const LayerStatistics& statistics)
    : weights_(weights), statistics_(statistics), rows_(weights.values->floats.size() / weights.line.size()) {
  if (statistics.covariance.empty()) return;
  for (size_t g = 0; g < statistics.groups; ++g) groups_.push_back(factored(g));
}

OutputRounding::Group OutputRounding::factored(size_t group) const {
  const float* covariance = statistics_.covariance_of(group);
  Group made;
  made.order.resize(rows_);
  std::iota(made.order.begin(), made.order.end(), size_t{0});
  const auto variance = [&](size_t row) { return covariance[row * rows_ + row]; };
  std::stable_sort(made.order.begin(), made.order.end(), [&](size_t a, size_t b) { return variance(a) > variance(b); });
  double sum = 0;
  for (size_t r = 0; r < rows_; ++r) sum += variance(r);
  const double damping = std::max(kDamping * sum / (double)rows_, 1e-20);
  // Few samples of many inputs: most of what seems to go together there does so by chance.
  const double kept = (double)statistics_.samples / (double)(statistics_.samples + rows_);
  std::vector<double> a(rows_ * rows_);
  for (size_t i = 0; i < rows_; ++i) {
    for (size_t j = 0; j < i; ++j) a[i * rows_ + j] = kept * covariance[made.order[i] * rows_ + made.order[j]];
    a[i * rows_ + i] = variance(made.order[i]) + damping;
  }
  for (size_t k = rows_; k-- > 0;) {
    double* of_k = a.data() + k * rows_;
    const double d = of_k[k] = std::max(of_k[k], damping * 0.01);
    for (size_t i = 0; i < k; ++i) {
      const double u = of_k[i] / d;
      double* of_i = a.data() + i * rows_;
      for (size_t j = 0; j <= i; ++j) of_i[j] -= u * of_k[j];
    }
    for (size_t j = 0; j < k; ++j) of_k[j] /= d;
  }
  made.upper.assign(a.begin(), a.end());
  return made;
}

RoundedWeights OutputRounding::round(uint32_t bits) const {
  RoundedWeights rounded = round_weights(weights_, bits);
  const size_t channels = weights_.line.size();
  const auto code = [&](size_t r, size_t c) -> uint8_t& { return rounded.codes[r * channels + c]; };
  for (size_t g = 0; g < groups_.size(); ++g) {
    const size_t end = statistics_.groups == 1 ? channels : g + 1;
    for (size_t first = statistics_.groups == 1 ? 0 : g; first < end; first += kBlockChannels) {
      const size_t count = std::min(kBlockChannels, end - first);
      Block plain(rows_, first, count), better(rows_, first, count);
      for_each_row(groups_[g], rows_, &plain,
                   [&](size_t r, size_t c, float) { return weights_.value(r, c) - rounded.value(r, c); });
      std::vector<uint8_t> codes(rows_ * count);
      for_each_row(groups_[g], rows_, &better, [&](size_t r, size_t c, float correction) {
        const float value = weights_.value(r, c), step = rounded.step[c], offset = rounded.offset[c];
        const uint8_t q = nearest_code((double)value + correction, step, offset, bits);
        codes[r * count + c - first] = q;
        return value - step * ((float)q + offset);
      });
      for (size_t c = 0; c < count; ++c) {
        for (size_t r = 0; r < rows_ && better.variance[c] < plain.variance[c]; ++r) {
          code(r, first + c) = codes[r * count + c];
        }
      }
    }
  }
  for (size_t c = 0; c < channels; ++c) {
    const float* mean = statistics_.mean_of(statistics_.groups == 1 ? 0 : c);
    double shift = 0;
    for (size_t r = 0; r < rows_; ++r) shift += (double)mean[r] * ((double)rounded.value(r, c) - weights_.value(r, c));
    rounded.shift.push_back((float)shift);
  }
  return rounded;
}

void OutputRounding::round_each(const Round& round) const {
  for (size_t g = 0; g < groups_.size(); ++g) {
    const size_t end = statistics_.groups == 1 ? weights_.line.size() : g + 1;
    for (size_t first = statistics_.groups == 1 ? 0 : g; first < end; first += kBlockChannels) {
      Block block(rows_, first, std::min(kBlockChannels, end - first));
      for_each_row(groups_[g], rows_, &block, [&](size_t r, size_t c, float correction) {
        return weights_.value(r, c) - round(r, c, (double)weights_.value(r, c) + correction);
      });
    }
  }
}

double OutputRounding::relative_error(const RoundedWeights& rounded) const {
  const size_t channels = weights_.line.size();
  double lost = 0, all = 1e-30;
  const auto sum_up = [&](const Block& block, double* sum) {
    for (size_t c = 0; c < block.count; ++c) {
      const double scale = weights_.line.scale[block.first + c];
      *sum += scale * scale * block.variance[c];
    }
  };
  for (size_t g = 0; g < groups_.size(); ++g) {
    const size_t end = statistics_.groups == 1 ? channels : g + 1;
    for (size_t first = statistics_.groups == 1 ? 0 : g; first < end; first += kBlockChannels) {
      Block errors(rows_, first, std::min(kBlockChannels, end - first)), weights = errors;
      for_each_row(groups_[g], rows_, &errors,
                   [&](size_t r, size_t c, float) { return weights_.value(r, c) - rounded.value(r, c); });
      for_each_row(groups_[g], rows_, &weights, [&](size_t r, size_t c, float) { return weights_.value(r, c); });
      sum_up(errors, &lost);
      sum_up(weights, &all);
    }
  }
  return lost / all;
}

}  // namespace posy
