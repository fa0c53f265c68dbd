#include "loaders/fit_novelty.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "loaders/dot_product.h"

namespace posy {
namespace {

constexpr size_t kOfClass = 8, kOfAll = 64;  // directions of a class's subspace, and of one of all classes
constexpr size_t kMostOfClasses = 96;        // directions of all of them: they are stored
constexpr size_t kRowsPerDirection = 3;      // fewer rows do not tell a direction from chance
constexpr size_t kMostRows = 1200;           // more change little, and take their square of time
constexpr int kPowerSteps = 20;

using Vectors = std::vector<std::vector<double>>;
using Rows = std::vector<std::vector<float>>;

// Gram-Schmidt, twice, because once is not exact for vectors that are nearly alike.
void make_orthonormal(Vectors* vectors) {
  for (size_t i = 0; i < vectors->size(); ++i) {
    std::vector<double>& v = (*vectors)[i];
    for (int round = 0; round < 2; ++round) {
      for (size_t j = 0; j < i; ++j) {
        const double share = dot_product(v, (*vectors)[j]);
        for (size_t k = 0; k < v.size(); ++k) v[k] -= share * (*vectors)[j][k];
      }
    }
    const double length = std::sqrt(dot_product(v, v));
    for (double& x : v) x = length > 1e-12 ? x / length : 0;
  }
}

// Those of a class, at most kMostRows, all of length 1.
Rows rows_of_class(const LabelledRows& rows, std::optional<uint32_t> class_index) {
  std::vector<size_t> wanted;
  for (size_t i = 0; i < rows.count(); ++i) {
    if (!class_index || rows.classes[i] == *class_index) wanted.push_back(i);
  }
  Rows some(std::min(wanted.size(), kMostRows));
  for (size_t i = 0; i < some.size(); ++i) {
    const float* row = rows.row(wanted[i * wanted.size() / some.size()]);
    double squares = 0;
    for (size_t k = 0; k < rows.channels; ++k) squares += (double)row[k] * row[k];
    const auto factor = (float)(squares > 0 ? 1 / std::sqrt(squares) : 0);
    for (size_t k = 0; k < rows.channels; ++k) some[i].push_back(row[k] * factor);
  }
  return some;
}

// Products of all pairs of rows: directions are sums of rows, and are found by the shares of these.
Vectors products_of_rows(const Rows& rows) {
  Vectors products(rows.size(), std::vector<double>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j <= i; ++j) {
      products[i][j] = products[j][i] = dot_product(rows[i].data(), rows[j].data(), rows[i].size());
    }
  }
  return products;
}

// The first `count` right singular vectors (subspace iteration).
Vectors principal_directions(const Rows& rows, size_t count) {
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
      for (size_t i = 0; i < v.size(); ++i) next[i] = dot_product(products[i], v);
      v = std::move(next);
    }
    make_orthonormal(&among);
  }
  Vectors directions(count, std::vector<double>(rows[0].size()));
  for (size_t c = 0; c < count; ++c) {
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t k = 0; k < rows[i].size(); ++k) directions[c][k] += among[c][i] * rows[i][k];
    }
  }
  make_orthonormal(&directions);
  return directions;
}

LinearLayer projection_on(const Vectors& directions) {
  const size_t inputs = directions[0].size(), outputs = directions.size();
  LinearLayer layer = {inputs, outputs, std::vector<float>(inputs * outputs), std::vector<float>(outputs)};
  for (size_t c = 0; c < outputs; ++c) {
    for (size_t k = 0; k < inputs; ++k) layer.weights[k * outputs + c] = (float)directions[c][k];
  }
  return layer;
}

// Directions of every class, as many of each; of all of them together, where classes are too many or too small.
std::optional<NoveltyRule> subspaces_of(const LabelledRows& rows) {
  if (rows.count() == 0) return std::nullopt;
  const uint32_t classes = *std::max_element(rows.classes.begin(), rows.classes.end()) + 1;
  std::vector<size_t> counts(classes);
  for (const uint32_t c : rows.classes) ++counts[c];
  const size_t smallest = *std::min_element(counts.begin(), counts.end());
  Vectors directions;
  size_t group = std::min({kOfClass, smallest / kRowsPerDirection, rows.channels / 4});
  if (group >= 2 && group * classes <= kMostOfClasses) {
    for (uint32_t c = 0; c < classes; ++c) {
      const Vectors of_class = principal_directions(rows_of_class(rows, c), group);
      directions.insert(directions.end(), of_class.begin(), of_class.end());
    }
  } else {
    group = std::min({kOfAll, rows.count() / kRowsPerDirection, rows.channels / 4});
    if (group == 0) return std::nullopt;
    directions = principal_directions(rows_of_class(rows, std::nullopt), group);
  }
  return NoveltyRule{projection_on(directions), (uint32_t)group, 1};
}

}  // namespace

double novelty_of(const NoveltyRule& rule, const float* row) {
  const std::vector<float> z = logits_of(rule.projection, row);
  double whole = 0, inside = 0;
  for (size_t k = 0; k < rule.projection.inputs; ++k) whole += (double)row[k] * row[k];
  for (size_t begin = 0; begin < z.size(); begin += rule.group) {
    double sum = 0;
    for (size_t c = begin; c < begin + rule.group; ++c) sum += (double)z[c] * z[c];
    inside = std::max(inside, sum);
  }
  return (whole > 0 ? std::max(0.0, 1 - inside / whole) : 1) / rule.limit;
}

std::optional<NoveltyRule> fit_novelty(const LabelledRows& training, const LabelledRows& validation, double kept) {
  std::optional<NoveltyRule> rule = subspaces_of(training);
  if (!rule) return std::nullopt;
  // Rows by which subspaces were found lie nearer to them than others.
  const LabelledRows& by = validation.count() > 0 ? validation : training;
  std::vector<double> shares;
  for (size_t i = 0; i < by.count(); ++i) shares.push_back(novelty_of(*rule, by.row(i)));
  std::sort(shares.begin(), shares.end());
  rule->limit = (float)shares[std::min(shares.size() - 1, (size_t)(kept * (double)shares.size()))];
  if (!(rule->limit > 0)) return std::nullopt;
  return rule;
}

}  // namespace posy
