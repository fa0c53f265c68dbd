#include "loaders/fit_novelty.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace posy {
namespace {

constexpr size_t kMostComponents = 32;
constexpr size_t kRowsPerComponent = 8;  // fewer rows do not tell a component from chance
constexpr size_t kMostRows = 1200;       // more change little, and take their square of time
constexpr int kPowerSteps = 20;

using Vectors = std::vector<std::vector<double>>;  // one inner vector each

double product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Gram-Schmidt, twice, because once is not exact for vectors that are nearly alike.
void make_orthonormal(Vectors* vectors) {
  for (size_t i = 0; i < vectors->size(); ++i) {
    std::vector<double>& v = (*vectors)[i];
    for (int round = 0; round < 2; ++round) {
      for (size_t j = 0; j < i; ++j) {
        const double share = product(v, (*vectors)[j]);
        for (size_t k = 0; k < v.size(); ++k) v[k] -= share * (*vectors)[j][k];
      }
    }
    const double length = std::sqrt(product(v, v));
    for (double& x : v) x = length > 1e-12 ? x / length : 0;
  }
}

// Every n-th row.
std::vector<std::vector<float>> some_rows(const LabelledRows& rows) {
  const size_t count = std::min(rows.count(), kMostRows);
  std::vector<std::vector<float>> some(count);
  for (size_t i = 0; i < count; ++i) {
    const float* row = rows.row(i * rows.count() / count);
    some[i].assign(row, row + rows.channels);
  }
  return some;
}

std::vector<float> take_mean(std::vector<std::vector<float>>* rows) {
  const size_t channels = (*rows)[0].size();
  std::vector<double> sum(channels);
  for (const auto& row : *rows) {
    for (size_t k = 0; k < channels; ++k) sum[k] += row[k];
  }
  std::vector<float> mean(channels);
  for (size_t k = 0; k < channels; ++k) mean[k] = (float)(sum[k] / (double)rows->size());
  for (auto& row : *rows) {
    for (size_t k = 0; k < channels; ++k) row[k] -= mean[k];
  }
  return mean;
}

// Products of all pairs of rows: with it, components are found among the rows, which are fewer than it takes in
// channels.
Vectors products_of_rows(const std::vector<std::vector<float>>& rows) {
  Vectors products(rows.size(), std::vector<double>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j <= i; ++j) {
      float sums[8] = {};
      size_t k = 0;
      for (; k + 8 <= rows[i].size(); k += 8) {
        for (size_t l = 0; l < 8; ++l) sums[l] += rows[i][k + l] * rows[j][k + l];
      }
      for (; k < rows[i].size(); ++k) sums[0] += rows[i][k] * rows[j][k];
      double sum = 0;
      for (const float s : sums) sum += s;
      products[i][j] = products[j][i] = sum;
    }
  }
  return products;
}

// The first `count` principal components of centered rows, of length 1 (subspace iteration).
Vectors principal_components(const std::vector<std::vector<float>>& rows, size_t count) {
  const Vectors products = products_of_rows(rows);
  Vectors among(count, std::vector<double>(rows.size()));
  std::mt19937 random(1);
  for (auto& v : among) {
    for (double& x : v) x = (double)random() / 4294967296.0 - 0.5;
  }
  make_orthonormal(&among);
  for (int step = 0; step < kPowerSteps; ++step) {
    for (auto& v : among) {
      std::vector<double> next(v.size());
      for (size_t i = 0; i < v.size(); ++i) next[i] = product(products[i], v);
      v = std::move(next);
    }
    make_orthonormal(&among);
  }
  Vectors components(count, std::vector<double>(rows[0].size()));
  for (size_t c = 0; c < count; ++c) {
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t k = 0; k < rows[i].size(); ++k) components[c][k] += among[c][i] * rows[i][k];
    }
  }
  make_orthonormal(&components);
  return components;
}

// Coordinates in the subspace, then what is left of |f - mean|^2 without |f|^2.
LinearLayer projection_of(const std::vector<float>& mean, const Vectors& components) {
  const size_t inputs = mean.size(), outputs = components.size() + 1;
  LinearLayer layer = {inputs, outputs, std::vector<float>(inputs * outputs), std::vector<float>(outputs)};
  for (size_t c = 0; c < components.size(); ++c) {
    double at_mean = 0;
    for (size_t k = 0; k < inputs; ++k) {
      layer.weights[k * outputs + c] = (float)components[c][k];
      at_mean += components[c][k] * mean[k];
    }
    layer.biases[c] = (float)-at_mean;
  }
  double squares = 0;
  for (size_t k = 0; k < inputs; ++k) {
    layer.weights[k * outputs + outputs - 1] = -2 * mean[k];
    squares += (double)mean[k] * mean[k];
  }
  layer.biases[outputs - 1] = (float)squares;
  return layer;
}

}  // namespace

double novelty_of(const NoveltyRule& rule, const float* row) {
  const std::vector<float> z = logits_of(rule.projection, row);
  double distance = z.back();
  for (size_t k = 0; k < rule.projection.inputs; ++k) distance += (double)row[k] * row[k];
  for (size_t c = 0; c + 1 < z.size(); ++c) distance -= (double)z[c] * z[c];
  return distance / rule.limit;
}

std::optional<NoveltyRule> fit_novelty(const LabelledRows& training, const LabelledRows& validation, double kept) {
  std::vector<std::vector<float>> rows = some_rows(training);
  const size_t count = std::min({kMostComponents, rows.size() / kRowsPerComponent, training.channels / 4});
  if (count == 0) return std::nullopt;
  const std::vector<float> mean = take_mean(&rows);
  NoveltyRule rule = {projection_of(mean, principal_components(rows, count)), 1};
  // Rows by which the subspace was found lie nearer to it than others.
  const LabelledRows& by = validation.count() > 0 ? validation : training;
  std::vector<double> distances;
  for (size_t i = 0; i < by.count(); ++i) distances.push_back(novelty_of(rule, by.row(i)));
  std::sort(distances.begin(), distances.end());
  rule.limit = (float)distances[std::min(distances.size() - 1, (size_t)(kept * (double)distances.size()))];
  if (!(rule.limit > 0)) return std::nullopt;
  return rule;
}

double auroc(const std::vector<double>& low, const std::vector<double>& high) {
  double wins = 0;
  std::vector<double> sorted = low;
  std::sort(sorted.begin(), sorted.end());
  for (const double x : high) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), x);
    wins += (double)(first - sorted.begin()) + (double)(last - first) / 2;
  }
  return low.empty() || high.empty() ? 0 : wins / ((double)low.size() * (double)high.size());
}

double coverage_at(std::vector<std::pair<float, bool>> answers, double precision) {
  std::sort(answers.begin(), answers.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  size_t right = 0, most = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    right += answers[i].second;
    // Answers that are equally sure are given together.
    const bool is_last_of_score = i + 1 == answers.size() || answers[i + 1].first != answers[i].first;
    if (is_last_of_score && (double)right >= precision * (double)(i + 1)) most = i + 1;
  }
  return answers.empty() ? 0 : (double)most / (double)answers.size();
}

}  // namespace posy
