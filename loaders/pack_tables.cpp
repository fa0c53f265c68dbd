#include "loaders/pack_tables.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace posy {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

uint64_t total_of(const Histogram& counts) {
  uint64_t total = 0;
  for (const uint64_t n : counts) total += n;
  return total;
}

void add(Histogram* sum, const Histogram& counts) {
  for (uint32_t s = 0; s < kSymbols; ++s) (*sum)[s] += counts[s];
}

double entropy_bits(const Histogram& counts) {
  const double total = (double)total_of(counts);
  double bits = 0;
  for (const uint64_t n : counts) {
    if (n > 0) bits += (double)n * std::log2(total / (double)n);
  }
  return bits;
}

double table_bits(const Levels& levels) {
  double bits = 0;
  uint32_t before = 0;
  for (const uint8_t level : levels) {
    bits += bits_of_step(before, level);
    before = level;
  }
  return bits;
}

// With the frequencies that a reader makes of the levels; kNever if it cannot, or a symbol has none.
double coded_bits(const Histogram& counts, const Levels& levels) {
  CodeEntry table[kSymbols];
  if (!set_frequencies(levels.data(), table)) return kNever;
  double bits = table_bits(levels);
  for (uint32_t s = 0; s < kSymbols; ++s) {
    if (counts[s] == 0) continue;
    if (table[s].frequency == 0) return kNever;
    bits += (double)counts[s] * std::log2((double)kSlots / table[s].frequency);
  }
  return bits;
}

// Levels near the share of the slots that a symbol's count has: others are hardly ever the best.
struct LevelRange {
  uint32_t first, last;
};
LevelRange levels_near(uint64_t count, double slots) {
  constexpr uint32_t kNear = 12;
  uint32_t level = 0;
  while (level + 1 < kLevels && frequency_of_level(level + 1) <= slots) ++level;
  const uint32_t least = count > 0 ? 1 : 0;
  return {std::max(least, level - std::min(level, kNear)), std::min(level + kNear, kLevels - 1)};
}

// The cheapest path through the levels of all symbols. A slot costs `slot_bits`, which stands for the sum that they
// have to have: with total / (ln(2) * kSlots) the cheapest frequencies are the counts' share of kSlots.
Levels cheapest_path(const Histogram& counts, double slot_bits) {
  std::array<std::array<uint8_t, kLevels>, kSymbols> from;
  std::array<double, kLevels> cost = {}, next;
  const double total = std::max(1.0, (double)total_of(counts));
  LevelRange before = {0, 0};
  for (uint32_t s = 0; s < kSymbols; ++s) {
    const double n = (double)counts[s];
    const LevelRange range = levels_near(counts[s], n / total * kSlots);
    for (uint32_t level = range.first; level <= range.last; ++level) {
      next[level] = kNever;
      for (uint32_t b = before.first; b <= before.last; ++b) {
        const double bits = cost[b] + bits_of_step(b, level);
        if (bits >= next[level]) continue;
        next[level] = bits;
        from[s][level] = (uint8_t)b;
      }
      next[level] += frequency_of_level(level) * slot_bits;
      if (n > 0) next[level] -= n * std::log2(frequency_of_level(level));
    }
    cost = next;
    before = range;
  }
  const auto first = cost.begin() + before.first, last = cost.begin() + before.last + 1;
  auto level = (uint8_t)(std::min_element(first, last) - cost.begin());
  Levels levels;
  for (uint32_t s = kSymbols; s-- > 0;) {
    levels[s] = level;
    level = from[s][level];
  }
  return levels;
}

// ---- Which table for which column ----

struct Clusters {
  std::vector<uint8_t> of;  // unit -> cluster
  std::vector<Histogram> counts;
};

// A start for cluster(): units in the order of their variance, cut into equal parts.
std::vector<uint8_t> by_variance(const std::vector<Histogram>& units, uint32_t clusters) {
  std::vector<double> variance;
  for (const Histogram& h : units) {
    double n = 1e-9, sum = 0, squares = 0;
    for (uint32_t s = 0; s < kSymbols; ++s) {
      n += (double)h[s];
      sum += (double)h[s] * s;
      squares += (double)h[s] * s * s;
    }
    variance.push_back(squares / n - sum / n * (sum / n));
  }
  std::vector<uint32_t> order(units.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return variance[a] < variance[b]; });
  std::vector<uint8_t> cluster(units.size());
  for (size_t i = 0; i < order.size(); ++i) cluster[order[i]] = (uint8_t)(i * clusters / order.size());
  return cluster;
}

void sum_up(const std::vector<Histogram>& units, uint32_t count, Clusters* clusters) {
  clusters->counts.assign(count, Histogram{});
  for (size_t i = 0; i < units.size(); ++i) add(&clusters->counts[clusters->of[i]], units[i]);
}

// Lloyd's algorithm, with the bits that a unit takes in a cluster's code as the distance.
Clusters cluster(const std::vector<Histogram>& units, uint32_t count) {
  Clusters clusters;
  clusters.of = by_variance(units, count);
  sum_up(units, count, &clusters);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::array<double, kSymbols>> code(count);
    for (uint32_t k = 0; k < count; ++k) {
      const double total = (double)total_of(clusters.counts[k]) + 1;
      for (uint32_t s = 0; s < kSymbols; ++s) {
        code[k][s] = std::log2(total / ((double)clusters.counts[k][s] + 1.0 / kSymbols));
      }
    }
    bool changed = false;
    for (size_t i = 0; i < units.size(); ++i) {
      std::array<double, kMaxTables> bits = {};
      for (uint32_t s = 0; s < kSymbols; ++s) {
        if (units[i][s] == 0) continue;
        for (uint32_t k = 0; k < count; ++k) bits[k] += (double)units[i][s] * code[k][s];
      }
      const auto best = (uint8_t)(std::min_element(bits.begin(), bits.begin() + count) - bits.begin());
      changed = changed || best != clusters.of[i];
      clusters.of[i] = best;
    }
    if (!changed) break;
    sum_up(units, count, &clusters);
  }
  return clusters;
}

// The numbers of a ramp's floats, or how far each is above the one before.
void get_ramp(const PackSegment& segment, const PackRun& run, std::span<const uint8_t> bytes, uint8_t* symbols) {
  uint32_t before = 0;
  for (size_t i = 0; 4 * i < bytes.size(); ++i) {
    float x;
    std::memcpy(&x, bytes.data() + 4 * i, sizeof x);
    const double place = ((double)x - run.low) / run.step - (segment.flags & kMiddle ? 0.5 : 0);
    const auto number = (uint32_t)std::lround(place);
    symbols[i] = (uint8_t)(number - before);
    if (segment.flags & kSumOfRows) before = number;
  }
}

struct Choice {
  double bits = kNever;
  std::vector<Levels> tables;
  std::vector<uint8_t> map;
};

// `map_columns` columns have two bits each.
Choice choose(const std::vector<Histogram>& units, uint32_t count) {
  const Clusters clusters = cluster(units, count);
  Choice choice;
  choice.bits = count > 1 ? 2.0 * (double)units.size() : 0;
  choice.map = clusters.of;
  for (const Histogram& h : clusters.counts) {
    double bits = 0;
    choice.tables.push_back(choose_levels(h, &bits));
    choice.bits += bits;
  }
  return choice;
}

}  // namespace

size_t PackSegment::maps() const {
  if (!(flags & kMapPerPiece)) return 1;
  size_t count = 0;
  for (const PackRun& run : runs) count += run.pieces;
  return count;
}

std::vector<uint8_t> symbols_of(const PackSegment& segment, std::span<const uint8_t> posy) {
  std::vector<uint8_t> symbols;
  for (const PackRun& run : segment.runs) {
    for (uint32_t piece = 0; piece < run.pieces; ++piece) {
      const uint8_t* from = posy.data() + run.begin + (size_t)piece * run.stride;
      const size_t count = (size_t)run.rows * segment.columns, first = symbols.size();
      symbols.resize(first + count);
      if (segment.flags & kRamp) {
        get_ramp(segment, run, {from, 4 * count}, symbols.data() + first);
      } else if (segment.flags & kNarrow) {
        for (size_t row = 0; row < run.rows; ++row) {
          get_narrow_row(from + row * segment.row_bytes(), narrow_bits(segment.flags),
                         symbols.data() + first + row * segment.columns);
        }
      } else {
        const bool is_sum = segment.flags & kSumOfRows;
        for (size_t i = 0; i < count; ++i) {
          symbols[first + i] = (uint8_t)(from[i] - (is_sum && i >= segment.columns ? from[i - segment.columns] : 0));
        }
      }
    }
  }
  return symbols;
}

uint32_t bits_of_step(uint32_t before, uint32_t level) {
  const int step = (int)level - (int)before;
  const uint32_t ones = (uint32_t)(step < 0 ? -2 * step - 1 : 2 * step);
  return ones < kMostOnes ? ones + 1 : kMostOnes + kLevelBits;
}

double estimated_bits(const Histogram& counts) {
  uint32_t used = 0;
  for (const uint64_t n : counts) used += n > 0;
  const double without = 8.0 * (double)total_of(counts) + kSymbols + kMostOnes + kLevelBits;
  return std::min(without, entropy_bits(counts) + kSymbols + 1.5 * used);
}

Levels choose_levels(const Histogram& counts, double* bits) {
  const double share = std::max(1.0, (double)total_of(counts)) / (std::log(2.0) * kSlots);
  Levels best = {};
  *bits = kNever;
  for (const double factor : {0.97, 0.985, 1.0, 1.015, 1.03}) {
    const Levels levels = cheapest_path(counts, share * factor);
    const double all = coded_bits(counts, levels);
    if (all < *bits) {
      *bits = all;
      best = levels;
    }
  }
  return best;
}

void choose_tables(PackSegment* segment, std::span<const uint8_t> posy) {
  // In a row of few columns each is a channel's, of another channel in another piece. In a row of many it is a byte of
  // a float, and the same in all pieces.
  constexpr uint32_t kFewColumns = 32;
  const std::vector<uint8_t> symbols = symbols_of(*segment, posy);
  std::vector<Histogram> by_column(segment->columns), by_piece;
  size_t at = 0;
  for (const PackRun& run : segment->runs) {
    for (uint32_t piece = 0; piece < run.pieces; ++piece) {
      std::vector<Histogram> counts(segment->columns);
      for (size_t i = 0; i < (size_t)run.rows * segment->columns; ++i) ++counts[i % segment->columns][symbols[at++]];
      for (uint32_t c = 0; c < segment->columns; ++c) add(&by_column[c], counts[c]);
      if (segment->columns <= kFewColumns) by_piece.insert(by_piece.end(), counts.begin(), counts.end());
    }
  }
  Choice best = choose(by_column, 1);
  for (uint32_t count = 2; count <= kMaxTables; ++count) {
    for (const bool per_piece : {false, true}) {
      if (per_piece && by_piece.size() <= by_column.size()) continue;
      Choice choice = choose(per_piece ? by_piece : by_column, count);
      if (choice.bits >= best.bits) continue;
      best = std::move(choice);
      segment->flags = per_piece ? segment->flags | kMapPerPiece : segment->flags & ~kMapPerPiece;
    }
  }
  segment->tables = std::move(best.tables);
  segment->map = std::move(best.map);
}

}  // namespace posy
