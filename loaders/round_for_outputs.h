// Rounding of a layer's weights that keeps its outputs: errors are made to cancel in the sums that photos give.
#pragma once
#include <functional>
#include <vector>

#include "loaders/layer_statistics.h"
#include "loaders/network.h"
#include "loaders/round_weights.h"

namespace posy {

// Weights are rounded one after the other, of the strongest input first, each to the code nearest to its value plus
// what makes up for the errors before it: with covariance C = (U + 1) D (U + 1)^T, U strictly upper triangular, and
// errors e, for weight k the sum of U[j][k] * e[j] over j < k. That minimises the outputs' variance, sum of D[k] *
// (e[k] + sum of U[j][k] * e[j])^2, term by term: Frantar et al., GPTQ (2022), in the form of Chee et al., QuIP (2023),
// algorithm LDLQ. The mean of the error goes into the bias.
class OutputRounding {
 public:
  // Both must outlive this. Weights must be finite.
  OutputRounding(const ConvWeights& weights, const LayerStatistics& statistics);

  // Steps and offsets are round_weights()'s, and so are the codes of channels that these lose less with.
  RoundedWeights round(uint32_t bits) const;

  // The same with codes of the caller's: `round` gets a weight's row and channel and what it should be, and returns
  // what it becomes. Weights come in the order of the rows above.
  using Round = std::function<float(size_t row, size_t channel, double value)>;
  void round_each(const Round& round) const;

  // Whether errors can be made to cancel: there are covariances.
  bool knows_inputs() const { return !groups_.empty(); }

  // The variance of the outputs' error over that of the outputs, all channels together, in their own scales.
  double relative_error(const RoundedWeights& rounded) const;

 private:
  // Channels that share a covariance: all, or of a depthwise layer one.
  struct Group {
    std::vector<size_t> order;  // of the rows
    std::vector<float> upper;   // [rows, rows]: row k holds U[0][k], U[1][k] ... U[k - 1][k], and then D[k]
  };
  Group factored(size_t group) const;
  size_t channels_of_group() const { return statistics_.groups == 1 ? weights_.line.size() : 1; }

  const ConvWeights& weights_;
  const LayerStatistics& statistics_;
  size_t rows_;
  std::vector<Group> groups_;  // empty without covariances
};

}  // namespace posy
