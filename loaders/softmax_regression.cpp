#include "loaders/softmax_regression.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>

#include "loaders/dot_product.h"

namespace posy {
namespace {

// Weights with a row for each class: what the inner loops read.
struct Rows {
  size_t channels, classes;
  std::vector<float> weights, biases;
};

LinearLayer layer_of(const Rows& rows) {
  LinearLayer layer = {rows.channels, rows.classes, std::vector<float>(rows.weights.size()), rows.biases};
  for (size_t c = 0; c < rows.classes; ++c) {
    for (size_t k = 0; k < rows.channels; ++k)
      layer.weights[k * rows.classes + c] = rows.weights[c * rows.channels + k];
  }
  return layer;
}

Rows rows_of(const LinearLayer& layer) {
  Rows rows = {layer.inputs, layer.outputs, std::vector<float>(layer.weights.size()), layer.biases};
  for (size_t c = 0; c < rows.classes; ++c) {
    for (size_t k = 0; k < rows.channels; ++k)
      rows.weights[c * rows.channels + k] = layer.weights[k * rows.classes + c];
  }
  return rows;
}

// Logits become probabilities. Returns the logarithm of the probability of `wanted`.
double softmax(std::vector<float>* logits, uint32_t wanted) {
  const float most = *std::max_element(logits->begin(), logits->end());
  const double log_of_wanted = (*logits)[wanted] - most;
  double sum = 0;
  for (float& z : *logits) {
    z = std::exp(z - most);
    sum += z;
  }
  for (float& z : *logits) z = (float)(z / sum);
  return log_of_wanted - std::log(sum);
}

void logits(const Rows& rows, const float* row, std::vector<float>* to) {
  for (size_t c = 0; c < rows.classes; ++c) {
    (*to)[c] = rows.biases[c] + dot_product(&rows.weights[c * rows.channels], row, rows.channels);
  }
}

// The mean cross entropy of some rows and its gradient.
struct Slope {
  double cross_entropy = 0;
  std::vector<float> weights, biases;
};

void add_row(const Rows& layer, const LabelledRows& rows, size_t i, float share, std::vector<float>* scores,
             Slope* slope) {
  const float* row = rows.row(i);
  logits(layer, row, scores);
  slope->cross_entropy -= share * softmax(scores, rows.classes[i]);
  for (size_t c = 0; c < layer.classes; ++c) {
    const float error = share * ((*scores)[c] - (c == rows.classes[i] ? 1.0f : 0.0f));
    slope->biases[c] += error;
    float* to = &slope->weights[c * layer.channels];
    for (size_t k = 0; k < layer.channels; ++k) to[k] += error * row[k];
  }
}

Slope empty_slope(const Rows& layer) {
  return {0, std::vector<float>(layer.weights.size()), std::vector<float>(layer.classes)};
}

// Parts of a fixed size, added in order: the same sums on any number of threads.
Slope slope_of(const Rows& layer, const LabelledRows& rows, const Spread& spread) {
  constexpr size_t kPart = 256;
  const size_t parts = (rows.count() + kPart - 1) / kPart;
  std::vector<Slope> of_part(parts);
  spread(parts, [&](size_t part) {
    of_part[part] = empty_slope(layer);
    std::vector<float> scores(layer.classes);
    for (size_t i = part * kPart; i < std::min(rows.count(), (part + 1) * kPart); ++i) {
      add_row(layer, rows, i, 1.0f / (float)rows.count(), &scores, &of_part[part]);
    }
  });
  Slope sum = empty_slope(layer);
  for (const Slope& part : of_part) {
    sum.cross_entropy += part.cross_entropy;
    for (size_t i = 0; i < sum.weights.size(); ++i) sum.weights[i] += part.weights[i];
    for (size_t i = 0; i < sum.biases.size(); ++i) sum.biases[i] += part.biases[i];
  }
  return sum;
}

Fit fit_of_rows(const Rows& layer, const LabelledRows& rows) {
  Fit fit;
  std::vector<float> scores(layer.classes);
  for (size_t i = 0; i < rows.count(); ++i) {
    logits(layer, rows.row(i), &scores);
    const size_t best = (size_t)(std::max_element(scores.begin(), scores.end()) - scores.begin());
    fit.accuracy += best == rows.classes[i];
    fit.cross_entropy -= softmax(&scores, rows.classes[i]);
  }
  const double count = (double)std::max<size_t>(rows.count(), 1);
  return {fit.accuracy / count, fit.cross_entropy / count};
}

// Bottlenecks moved to mean 0 and scaled to a mean deviation of 1, by one factor: decay then means the same for every
// base model.
struct Scaling {
  std::vector<float> mean;
  float factor = 1;

  explicit Scaling(const LabelledRows& rows) : mean(rows.channels) {
    std::vector<double> sum(rows.channels), squares(rows.channels);
    for (size_t i = 0; i < rows.count(); ++i) {
      for (size_t k = 0; k < rows.channels; ++k) {
        sum[k] += rows.row(i)[k];
        squares[k] += (double)rows.row(i)[k] * rows.row(i)[k];
      }
    }
    double deviations = 0;
    for (size_t k = 0; k < rows.channels; ++k) {
      const double m = sum[k] / (double)rows.count();
      mean[k] = (float)m;
      deviations += std::sqrt(std::max(0.0, squares[k] / (double)rows.count() - m * m));
    }
    if (deviations > 0) factor = (float)((double)rows.channels / deviations);
  }

  LabelledRows applied(const LabelledRows& rows) const {
    LabelledRows scaled = rows;
    for (size_t i = 0; i < scaled.values.size(); ++i) {
      scaled.values[i] = (scaled.values[i] - mean[i % rows.channels]) * factor;
    }
    return scaled;
  }

  // A layer for scaled rows becomes one for the rows as they are.
  LinearLayer removed(Rows layer) const {
    for (float& w : layer.weights) w *= factor;
    for (size_t c = 0; c < layer.classes; ++c) {
      layer.biases[c] -= dot_product(&layer.weights[c * layer.channels], mean.data(), layer.channels);
    }
    return layer_of(layer);
  }
};

// ---- L-BFGS ----

using Vector = std::vector<double>;

void add_scaled(double factor, const Vector& a, Vector* to) {
  for (size_t i = 0; i < a.size(); ++i) (*to)[i] += factor * a[i];
}

// Weights, then biases. Biases do not decay.
class Objective {
 public:
  Objective(const LabelledRows& rows, size_t classes, double decay, const Spread& spread)
      : rows_(rows), spread_(spread), decay_(decay), layer_{rows.channels, classes, {}, {}} {}

  Rows layer_at(const Vector& at) const {
    Rows layer = layer_;
    const auto biases = at.begin() + (ptrdiff_t)(layer.channels * layer.classes);
    layer.weights.assign(at.begin(), biases);
    layer.biases.assign(biases, at.end());
    return layer;
  }

  double value(const Vector& at, Vector* gradient) const {
    const Slope slope = slope_of(layer_at(at), rows_, spread_);
    gradient->assign(slope.weights.begin(), slope.weights.end());
    gradient->insert(gradient->end(), slope.biases.begin(), slope.biases.end());
    double squares = 0;
    for (size_t i = 0; i < slope.weights.size(); ++i) {
      squares += at[i] * at[i];
      (*gradient)[i] += decay_ * at[i];
    }
    return slope.cross_entropy + decay_ / 2 * squares;
  }

 private:
  const LabelledRows& rows_;
  const Spread& spread_;
  double decay_;
  Rows layer_;
};

class Lbfgs {
 public:
  // Down from `gradient`: minus its product with the inverse Hessian that the last steps suggest (two-loop recursion).
  Vector direction(const Vector& gradient) const {
    Vector d = gradient;
    std::vector<double> shares(pairs_.size());
    for (size_t i = pairs_.size(); i-- > 0;) {
      shares[i] = dot_product(pairs_[i].step, d) / pairs_[i].curvature;
      add_scaled(-shares[i], pairs_[i].change, &d);
    }
    if (!pairs_.empty()) {
      const Pair& last = pairs_.back();
      const double scale = last.curvature / dot_product(last.change, last.change);
      for (double& x : d) x *= scale;
    }
    for (size_t i = 0; i < pairs_.size(); ++i) {
      add_scaled(shares[i] - dot_product(pairs_[i].change, d) / pairs_[i].curvature, pairs_[i].step, &d);
    }
    for (double& x : d) x = -x;
    return d;
  }

  void remember(Vector step, Vector change) {
    const double curvature = dot_product(step, change);
    if (!(curvature > 0)) return;
    pairs_.push_back({std::move(step), std::move(change), curvature});
    if (pairs_.size() > kMemory) pairs_.pop_front();
  }

 private:
  static constexpr size_t kMemory = 10;
  struct Pair {
    Vector step, change;
    double curvature;
  };
  std::deque<Pair> pairs_;
};

// From `at` to the least value; `each` is called after each step. The objective is convex, so halving the step until it
// pays (Armijo's rule) is enough of a line search.
void minimize(const Objective& objective, Vector* at, const std::function<void()>& each) {
  constexpr int kMostSteps = 200, kMostHalvings = 30;
  constexpr double kLeastGain = 1e-5, kArmijo = 1e-4;
  Lbfgs lbfgs;
  Vector gradient, next_gradient;
  double value = objective.value(*at, &gradient);
  for (int step = 0; step < kMostSteps; ++step) {
    const Vector direction = lbfgs.direction(gradient);
    const double slope = dot_product(gradient, direction);
    if (!(slope < 0)) return;
    double length = step == 0 ? std::min(1.0, 1 / std::sqrt(-slope)) : 1.0, next_value = value;
    Vector next;
    int halvings = 0;
    for (;; ++halvings, length /= 2) {
      if (halvings > kMostHalvings) return;
      next = *at;
      add_scaled(length, direction, &next);
      next_value = objective.value(next, &next_gradient);
      if (next_value <= value + kArmijo * length * slope) break;
    }
    Vector moved = next, change = next_gradient;
    add_scaled(-1, *at, &moved);
    add_scaled(-1, gradient, &change);
    lbfgs.remember(std::move(moved), std::move(change));
    const double gain = value - next_value;
    *at = std::move(next);
    gradient = next_gradient;
    value = next_value;
    each();
    if (gain < kLeastGain * std::max(value, 1e-3)) return;
  }
}

// ---- Gradient descent ----

// retrain.py's first weights, tf.truncated_normal(stddev=0.001): beyond two deviations, drawn again.
Rows random_layer(size_t channels, size_t classes, std::mt19937* random) {
  Rows layer = {channels, classes, std::vector<float>(channels * classes), std::vector<float>(classes)};
  std::normal_distribution<float> normal(0, 1);
  for (float& w : layer.weights) {
    float x = normal(*random);
    while (std::fabs(x) > 2) x = normal(*random);
    w = 0.001f * x;
  }
  return layer;
}

}  // namespace

void LabelledRows::add(const std::vector<float>& row, uint32_t class_index) {
  channels = row.size();
  values.insert(values.end(), row.begin(), row.end());
  classes.push_back(class_index);
}

Fit fit_of(const LinearLayer& layer, const LabelledRows& rows) {
  return fit_of_rows(rows_of(layer), rows);
}

std::vector<float> logits_of(const LinearLayer& layer, const float* row) {
  std::vector<float> sums = layer.biases;
  for (size_t k = 0; k < layer.inputs; ++k) {
    for (size_t c = 0; c < layer.outputs; ++c) sums[c] += row[k] * layer.weights[k * layer.outputs + c];
  }
  return sums;
}

std::vector<float> softmax_of(std::vector<float> logits) {
  softmax(&logits, 0);
  return logits;
}

TrainedLayer train_softmax(const LabelledRows& training, const LabelledRows& validation, size_t classes,
                           const Spread& spread) {
  constexpr double kDecays[] = {1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001};
  constexpr double kMediumDecay = 0.1;
  const Scaling scaling(training);
  const LabelledRows rows = scaling.applied(training), held_out = scaling.applied(validation);
  Vector at(training.channels * classes + classes);
  TrainedLayer best;
  std::vector<LearningPoint> curve;  // over all that was tried so far
  double least = INFINITY;
  for (const double decay : kDecays) {
    const Objective objective(rows, classes, decay, spread);
    TrainedLayer trained;
    trained.weight_decay = decay;
    minimize(objective, &at, [&] {
      const Rows layer = objective.layer_at(at);
      curve.push_back({(uint32_t)curve.size() + 1, fit_of_rows(layer, rows), fit_of_rows(layer, held_out)});
    });
    trained.curve = curve;
    trained.layer = scaling.removed(objective.layer_at(at));
    if (validation.count() == 0) {
      best = std::move(trained);
      if (decay <= kMediumDecay) break;
      continue;
    }
    const double cross_entropy = fit_of_rows(objective.layer_at(at), held_out).cross_entropy;
    if (cross_entropy > least) break;
    least = cross_entropy;
    best = std::move(trained);
  }
  return best;
}

TrainedLayer descend_softmax(const LabelledRows& training, const LabelledRows& validation, size_t classes,
                             const DescentOptions& options) {
  constexpr uint32_t kPoints = 40;
  std::vector<std::vector<size_t>> rows_of_class(classes);
  for (size_t i = 0; i < training.count(); ++i) rows_of_class[training.classes[i]].push_back(i);
  std::erase_if(rows_of_class, [](const std::vector<size_t>& rows) { return rows.empty(); });
  std::mt19937 random(options.seed);
  Rows layer = random_layer(training.channels, classes, &random);
  TrainedLayer trained;
  std::vector<float> scores(classes);
  for (uint32_t step = 1; step <= options.steps; ++step) {
    Slope slope = empty_slope(layer);
    for (uint32_t i = 0; i < options.batch; ++i) {
      const std::vector<size_t>& rows = rows_of_class[random() % rows_of_class.size()];
      add_row(layer, training, rows[random() % rows.size()], 1.0f / (float)options.batch, &scores, &slope);
    }
    for (size_t i = 0; i < layer.weights.size(); ++i) layer.weights[i] -= options.learning_rate * slope.weights[i];
    for (size_t i = 0; i < classes; ++i) layer.biases[i] -= options.learning_rate * slope.biases[i];
    if (step % std::max(1u, options.steps / kPoints) == 0 || step == options.steps) {
      trained.curve.push_back({step, fit_of_rows(layer, training), fit_of_rows(layer, validation)});
    }
  }
  trained.layer = layer_of(layer);
  return trained;
}

}  // namespace posy
