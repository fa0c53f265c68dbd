// Sums of products, each in an order of its own: the same bits on any number of threads.
#pragma once
#include <cstddef>
#include <numeric>
#include <vector>

namespace posy {

// Of n floats. Eight sums side by side, which compilers keep in vectors.
inline float dot_product(const float* a, const float* b, size_t n) {
  float sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (size_t j = 0; j < 8; ++j) sums[j] += a[i + j] * b[i + j];
  }
  for (; i < n; ++i) sums[0] += a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// `b` is as long as `a`, or longer.
inline double dot_product(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace posy
